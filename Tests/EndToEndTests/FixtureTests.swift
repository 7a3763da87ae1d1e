import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The fixture itself, on small programs.
    @Suite(.timeLimit(.minutes(3))) struct FixtureTests {
        @Test func outputErrorsAndExitCodeAreSeen() async throws {
            try await Scratch.with("fixture") { scratch in
                let child = try await scratch.run("sh", ["-c", "echo out; echo err >&2; exit 7"])
                #expect(child.exit == .code(7))
                #expect(child.outputLines == ["out"])
                #expect(child.errorLines == ["err"])
            }
        }

        @Test func theChildLivesInTheScratchDirectoryWithAPlainEnvironment() async throws {
            try await Scratch.with("fixture") { scratch in
                let child = try await scratch.run("sh", ["-c", "pwd; env"], environment: ["GREETING": "hello there"])
                #expect(
                    child.outputLines.first.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
                        == URL(fileURLWithPath: scratch.path).resolvingSymlinksInPath().path)
                #expect(child.output.contains("GREETING=hello there"))
                #expect(child.output.contains("HOME=\(scratch.path)"))
            }
        }

        @Test func aLineIsWaitedForAndOnlyWhenItIsComplete() async throws {
            try await Scratch.with("fixture") { scratch in
                let go = scratch.path + "/go"
                let child = try scratch.start(
                    "sh", ["-c", "printf rea; while [ ! -e go ]; do sleep 0.05; done; echo 'dy now'; exec sleep 30"])
                try await Wait.until("the half line") { child.output == "rea" }
                await #expect(throws: Wait.Failure.self) {
                    try await child.waitForLine("a line", within: .milliseconds(200)) { $0.hasPrefix("rea") }
                }
                #expect(FileManager.default.createFile(atPath: go, contents: nil))
                #expect(try await child.waitForLine("the line") { $0.hasPrefix("rea") } == "ready now")
            }
        }

        @Test func whoEndsWithoutTheLineIsToldAtOnceWithHisLog() async throws {
            try await Scratch.with("fixture") { scratch in
                let child = try scratch.start("sh", ["-c", "echo 'the reason' >&2; exit 3"])
                let failure = await #expect(throws: Wait.Failure.self) {
                    try await child.waitForLine("a line", within: .seconds(60)) { _ in true }
                }
                #expect(failure?.description.contains("the reason") == true)
                #expect(failure?.description.contains("exit code 3") == true)
            }
        }

        @Test func signalsArriveAndAreTold() async throws {
            try await Scratch.with("fixture") { scratch in
                let polite = try scratch.start(
                    "sh", ["-c", "trap 'exit 5' TERM; echo set; while :; do sleep 0.05; done"])
                try await polite.waitForLine("the trap") { $0 == "set" }
                polite.send(SIGTERM)
                #expect(try await polite.waitForExit() == .code(5))
                let killed = try scratch.start("sleep", ["60"])
                killed.send(SIGKILL)
                #expect(try await killed.waitForExit() == .signal(SIGKILL))
            }
        }

        @Test func theStubbornAreKilled() async throws {
            try await Scratch.with("fixture") { scratch in
                let child = try scratch.start("sh", ["-c", "trap '' TERM; echo set; while :; do sleep 0.05; done"])
                try await child.waitForLine("the trap") { $0 == "set" }
                await child.stop(within: .milliseconds(200))
                #expect(child.exit == .signal(SIGKILL))
            }
        }

        @Test func theEndStopsLastComeFirstGoneAndRemovesTheDirectory() async throws {
            let (path, first, second) = try await Scratch.with("fixture") { scratch in
                let script = "trap 'date +%s%N > $0; exit 0' TERM; echo set; while :; do sleep 0.02; done"
                let first = try scratch.start("sh", ["-c", script, NSTemporaryDirectory() + "first-\(getpid())"])
                let second = try scratch.start("sh", ["-c", script, NSTemporaryDirectory() + "second-\(getpid())"])
                for child in [first, second] { try await child.waitForLine("the trap") { $0 == "set" } }
                return (scratch.path, first, second)
            }
            #expect(first.exit == .code(0))
            #expect(second.exit == .code(0))
            func end(_ name: String) throws -> Int {
                let file = NSTemporaryDirectory() + "\(name)-\(getpid())"
                defer { try? FileManager.default.removeItem(atPath: file) }
                return try #require(
                    Int(String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
            }
            #expect(try end("second") < end("first"))
            #expect(!FileManager.default.fileExists(atPath: path))
        }

        @Test func whoIsRedKeepsTheDirectory() async throws {
            struct Red: Error { var path: String }
            do {
                try await Scratch.with("fixture") { scratch in throw Red(path: scratch.path) }
                Issue.record("the error was swallowed")
            } catch let red as Red {
                #expect(FileManager.default.fileExists(atPath: red.path))
                try FileManager.default.removeItem(atPath: red.path)
            }
        }

        @Test func nginxAnswersOnTheWholeOfLoopback() async throws {
            try await Scratch.with("fixture") { scratch in
                let server = try await scratch.nginx("location /a { return 204; }", host: "0.0.0.0")
                #expect(try await HTTP.call("http://127.44.55.66:\(server.port)/a").status == 204)
                #expect(try await server.answered("/a") == 1)
            }
        }

        @Test func aHeldPortIsNotFree() throws {
            let holder = try Port.Holder()
            defer { holder.close() }
            #expect(holder.port > 0)
            #expect(try Port.free() != holder.port)
        }
    }
}
