import Foundation
import Glibc
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// Ctrl-C and its kin in the midst of commands that take several steps.
    @Suite(.timeLimit(.minutes(2))) struct InterruptionTests {
        private static let space = "maren/orbit-api"

        /// Starts a command whose request of this kind gets no answer until ``release(_:)``, and waits until it is there.
        private func held(
            _ hub: HubScratch, _ method: String, _ path: String, skip: Int = 0, _ arguments: [String]
        ) async throws -> StokerProcess {
            try await hub.admin(
                "faults", #"{"kind": "held", "method": "\#(method)", "path": "\#(path)", "skip": \#(skip)}"#)
            let child = try hub.scratch.start(
                Binary.path, arguments, environment: hub.environment(), name: "interrupted")
            try await Wait.until("the held request") {
                try await HTTP.call(hub.endpoint + "/-/admin/faults").json.array.contains { $0.met.int == 1 }
            }
            return child
        }

        private func release(_ hub: HubScratch) async throws {
            _ = try await HTTP.call(hub.endpoint + "/-/admin/faults", method: .DELETE)
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aChangeIsBroughtToAnEnd(signal: Int32) async throws {
            try await HubScratch.with("sigchange") { hub in
                let before = try await hub.state(Self.space).restarts.int ?? 0
                let child = try await held(
                    hub, "POST", "/api/spaces/*/*/secrets", skip: 1,
                    ["space", "secrets", "add", Self.space, "-s", "A=1", "-s", "B=2", "-s", "C=3"])
                #expect(try await hub.state(Self.space).runtime.stage.string == "PAUSED")
                child.send(signal)
                try await Wait.until("the word about it") { child.errors.contains("A second Ctrl-C leaves at once") }
                try await release(hub)
                #expect(try await child.waitForExit() == .code(130))
                #expect(
                    child.errors.contains("A, B are done; C is not; maren/orbit-api was restarted"), "\(child.tail)")
                #expect(child.errors.contains("the same command does the rest"))
                let after = try await hub.state(Self.space)
                #expect(after.secrets.keys == ["A", "B"])
                #expect(after.restarts.int == before + 1)
                #expect(after.runtime.stage.string != "PAUSED")

                // Only the rest, and what was written is known.
                let rest = try await hub.json(
                    "space", "secrets", "add", Self.space, "-s", "A=1", "-s", "B=2", "-s", "C=3")
                #expect(rest.set.array.compactMap(\.string) == ["C"])
            }
        }

        @Test func aSpaceThatWasJustPausedIsRestarted() async throws {
            try await HubScratch.with("sigpause") { hub in
                let child = try await held(
                    hub, "POST", "/api/spaces/*/*/pause",
                    ["space", "variables", "add", Self.space, "-e", "A=1", "-e", "B=2"])
                child.send(SIGINT)
                try await Wait.until("the word about it") { child.errors.contains("is restarted before it ends") }
                try await release(hub)
                #expect(try await child.waitForExit() == .code(130))
                let after = try await hub.state(Self.space)
                #expect(after.variables.keys.isEmpty)
                #expect(after.runtime.stage.string != "PAUSED")
            }
        }

        @Test(arguments: [false, true]) func aSecondSignalLeavesAndSaysWhatIsLeft(json: Bool) async throws {
            try await HubScratch.with("sigtwice") { hub in
                let child = try await held(
                    hub, "POST", "/api/spaces/*/*/secrets", skip: 1,
                    ["space", "secrets", "add", Self.space, "-s", "A=1", "-s", "B=hidden"] + (json ? ["--json"] : []))
                child.send(SIGINT)
                if json {
                    // Nothing is said of the first one here: that it came is seen when nothing more of its kind is taken for new.
                    try await Wait.until("the end") {
                        child.send(SIGINT)
                        return child.exit != nil
                    }
                } else {
                    try await Wait.until("the word about it") {
                        child.errors.contains("A second Ctrl-C leaves at once")
                    }
                    child.send(SIGINT)
                }
                #expect(try await child.waitForExit() == .code(130))
                #expect(child.errors.contains("stoker space restart maren/orbit-api"), "\(child.tail)")
                #expect(child.errors.contains("1 of 2 changes are written"))
                #expect(!child.errors.contains("hidden"))
                if json {
                    let told = try JSONDecoder().decode(JSON.self, from: Data(child.errors.utf8))
                    #expect(told.error.code.string == "interrupted")
                }
                #expect(try await hub.state(Self.space).runtime.stage.string == "PAUSED")
                try await release(hub)
                #expect(try await hub.stoker("space", "restart", Self.space).exit == .code(0))
            }
        }

        @Test func whatIsOnlyReadEndsQuietly() async throws {
            try await HubScratch.with("sigread") { hub in
                let child = try await held(hub, "GET", "/api/spaces/*/*/runtime", ["space", "runtime", Self.space])
                child.send(SIGINT)
                #expect(try await child.waitForExit() == .code(130))
                #expect(child.errors.isEmpty && child.output.isEmpty, "\(child.tail)")

                let follower = try hub.scratch.start(
                    Binary.path, ["space", "logs", Self.space, "--follow"], environment: hub.environment(),
                    name: "follow")
                try await hub.admin("spaces/\(Self.space)/log", #"{"text": "a line\n"}"#)
                try await follower.waitForLine("a line") { $0.contains("a line") }
                follower.send(SIGINT)
                #expect(try await follower.waitForExit() == .code(130))
                #expect(follower.errors.isEmpty, "\(follower.tail)")
            }
        }

        @Test func aCallThatMayHaveHappenedIsSaidToHaveBeenMade() async throws {
            try await HubScratch.with("sigcall") { hub in
                let child = try await held(
                    hub, "POST", "/api/spaces/*/*/restart", ["space", "restart", Self.space, "--json"])
                child.send(SIGINT)
                #expect(try await child.waitForExit() == .code(130))
                let told = try JSONDecoder().decode(JSON.self, from: Data(child.errors.utf8))
                #expect(told.error.code.string == "interrupted")
                #expect(told.error.message.string?.contains("may have been done all the same") == true)
            }
        }

        @Test func aWaitSaysWhatItSawLast() async throws {
            try await HubScratch.with("sigwait") { hub in
                try await hub.admin("spaces/\(Self.space)/fate", #"{"always": "hang"}"#)
                _ = try await hub.json("space", "restart", Self.space)
                let child = try hub.scratch.start(
                    Binary.path, ["space", "wait", Self.space, "--every", "200ms"], environment: hub.environment(),
                    name: "interrupted")
                try await Wait.until("a look") { !child.errors.isEmpty }
                child.send(SIGINT)
                #expect(try await child.waitForExit() == .code(130))
                #expect(child.output.contains("interrupted; seen last: "), "\(child.tail)")
                #expect(child.output.contains("go on with `stoker space wait maren/orbit-api`"))
            }
        }

        @Test func anUploadIsLeftBeforeItsCommitAndFinishedInIt() async throws {
            try await HubScratch.with("sigupload") { hub in
                try FileManager.default.createDirectory(
                    atPath: hub.scratch.path + "/app", withIntermediateDirectories: true)
                try hub.scratch.write("new\n", to: "app/new.txt")
                let head = try await hub.state(Self.space).head.string
                let upload = ["space", "upload", Self.space, "app"]
                let early = try await held(hub, "POST", "/api/spaces/*/*/preupload/*", upload)
                early.send(SIGINT)
                #expect(try await early.waitForExit() == .code(130))
                #expect(early.errors.contains("maren/orbit-api is as it was"), "\(early.tail)")
                #expect(early.errors.contains("goes on where it stopped"))
                #expect(try await hub.state(Self.space).head.string == head)
                try await release(hub)

                let late = try await held(hub, "POST", "/api/spaces/*/*/commit/*", upload + ["--wait"])
                late.send(SIGINT)
                try await Wait.until("the word about it") {
                    late.errors.contains("the commit to maren/orbit-api is made")
                }
                try await release(hub)
                #expect(try await late.waitForExit() == .code(130))
                #expect(late.output.contains("1 written"), "\(late.tail)")
                #expect(try await hub.state(Self.space).head.string != head)
            }
        }

        @Test func aQuestionIsLeftWithoutAChange() async throws {
            try await HubScratch.with("sigask") { hub in
                let person = try hub.scratch.write(InteractiveTests.person, to: "person.py")
                let script = try hub.scratch.write("[y/N]|^C\n", to: "script")
                let child = try await hub.scratch.run(
                    "/usr/bin/python3", [person, Binary.path, "space", "delete", "maren/worker", script],
                    environment: hub.environment())
                #expect(child.exit == .code(130), "\(child.tail)")
                #expect(child.output.contains("Nothing was changed."))
                #expect(try await hub.state("maren/worker").runtime.stage.string == "RUNNING")
            }
        }
    }
}
