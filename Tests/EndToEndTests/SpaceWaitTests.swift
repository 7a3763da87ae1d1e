import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What `wait`, `health` and `logs` say when it is not so, and that they end.
    @Suite(.timeLimit(.minutes(2))) struct SpaceWaitTests {
        private static let space = "maren/orbit-api"

        @Test(arguments: ["RUNNING", "SLEEPING"]) func aCommitThatIsNotThereIsNeverReady(stage: String) async throws {
            try await HubScratch.with("nocommit") { hub in
                try await hub.admin("spaces/\(Self.space)/stage", #"{"stage": "\#(stage)"}"#)
                for commit in ["0123456789012345678901234567890123456789", "0123456"] {
                    let child = try await hub.stoker(
                        "space", "wait", Self.space, "--commit", commit, "--every", "200ms", "--json")
                    #expect(child.exit == .code(2), "\(child.tail)")
                    #expect(try ClientCommandTests.error(child).code.string == "not_found")
                }
            }
        }

        @Test func aSleepingSpaceIsReadyWhenItsCommitRuns() async throws {
            try await HubScratch.with("asleep") { hub in
                try await hub.admin("spaces/\(Self.space)/stage", #"{"stage": "SLEEPING"}"#)
                let head = try await hub.state(Self.space).head.string ?? ""
                let ready = try await hub.json(
                    "space", "wait", Self.space, "--commit", String(head.prefix(9)), "--every", "200ms")
                #expect(ready.ready == .bool(true))
                #expect(ready.stage.string == "RUNNING")
                #expect(ready.running_commit.string == head, "by the awake Space, not by the visit that woke it")
            }
        }

        /// A silent Hub would be asked for minutes; the suite's limit is shorter.
        @Test(arguments: [["wait"], ["wait", "--commit", "0123456"], ["health"], ["wake"]])
        func theTimeIsKeptAlsoWithASilentHub(words: [String]) async throws {
            try await HubScratch.with("silent") { hub in
                try await hub.admin("faults", #"{"kind": "held", "path": "/api/**", "times": null}"#)
                let child = try await hub.scratch.run(
                    Binary.path, ["space"] + words + [Self.space, "--timeout", "1s", "--json"],
                    environment: hub.environment())
                if words[0] == "wait" {
                    #expect(child.exit == .code(1), "\(child.tail)")
                    #expect(
                        try ClientCommandTests.json(child).sentence.string == "not within 1s: the Hub gave no answer")
                } else {
                    #expect(child.exit == .code(3), "\(child.tail)")
                    #expect(try ClientCommandTests.error(child).code.string == "hub.unreachable")
                }
            }
        }

        @Test func anAppThatRunsAndIsSilentIsNotSaidToWake() async throws {
            try await HubScratch.with("dead") { hub in
                try await hub.admin("spaces/\(Self.space)/app", #"{"app": "dead"}"#)
                let child = try await hub.stoker("space", "health", Self.space, "--timeout", "2s", "--json")
                #expect(child.exit == .code(1), "\(child.tail)")
                let told = try ClientCommandTests.json(child)
                #expect(told.app.outcome.string == "down")
                #expect(told.app.cause.string == "space.running_dead")
                #expect(told.next.string?.contains("it runs, and the app does not answer") == true)
                let waited = try await hub.stoker(
                    "space", "wait", Self.space, "--timeout", "2s", "--every", "1s", "--json")
                #expect(try ClientCommandTests.json(waited).sentence.string?.contains("asleep") == false)
            }
        }

        /// `… | head -1` with nothing more to come: the reader has gone, and no line would tell.
        @Test(arguments: ["", " --json"]) func followingEndsWithItsReader(format: String) async throws {
            try await HubScratch.with("pipe") { hub in
                let child = try await hub.scratch.run(
                    "/bin/bash",
                    ["-c", "\"\(Binary.path)\" space logs \(Self.space) -f\(format) | head -1; exit ${PIPESTATUS[0]}"],
                    environment: hub.environment())
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(child.outputLines.count == 1)
                #expect(child.errors.isEmpty, "\(child.tail)")
            }
        }

        @Test func followingABuildThatIsOverEnds() async throws {
            try await HubScratch.with("built") { hub in
                let child = try await hub.stoker("space", "logs", Self.space, "--build", "--follow")
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(child.output.contains("Build Queued"))
            }
        }

        @Test(arguments: [#""kind": "html", "status": 200"#, #""kind": "empty""#], [false, true])
        func whatIsNoLogIsNotTakenForAnEmptyOne(fault: String, follow: Bool) async throws {
            try await HubScratch.with("nolog") { hub in
                try await hub.admin("faults", #"{\#(fault), "path": "/api/spaces/*/*/logs/run"}"#)
                let child = try await hub.scratch.run(
                    Binary.path, ["space", "logs", Self.space, "--json"] + (follow ? ["--follow"] : []),
                    environment: hub.environment())
                #expect(child.exit == .code(3), "\(child.tail)")
                #expect(try ClientCommandTests.error(child).code.string == "hub.unreadable")
            }
        }

        /// An answer that nobody could read was none: for every command that has one.
        @Test func aFullStandardOutputIsTold() async throws {
            try await HubScratch.with("full") { hub in
                let fleet = try hub.scratch.write(
                    "version: 1\nspaces:\n  maren/orbit-api: { keep: { every: 45m } }\n", to: "fleet.yaml")
                for words in [
                    "--help", "--version", "completion bash", "space list", "space list --json", "space list -q",
                    "space runtime \(Self.space)", "space logs \(Self.space)", "space logs \(Self.space) --follow",
                    "check-config \(fleet)", "budget \(fleet)", "init maren/orbit-api -o -",
                    "export crontab --fleet \(fleet) --master https://a.example", "whoami",
                ] {
                    let child = try await hub.scratch.run(
                        "/bin/sh", ["-c", "\"\(Binary.path)\" \(words) > /dev/full"], environment: hub.environment())
                    #expect(child.exit == .code(3), "\(words): \(child.tail)")
                    #expect(
                        child.errorLines.count { $0.contains("write to standard output: no space left on device") } == 1
                            || words.contains("--json") && child.errors.contains(#""code":"output""#),
                        "\(words): \(child.tail)")
                }
                let closed = try await hub.scratch.run(
                    "/bin/sh", ["-c", "\"\(Binary.path)\" space list >&-"], environment: hub.environment())
                #expect(closed.exit == .code(3), "\(closed.tail)")
            }
        }
    }
}
