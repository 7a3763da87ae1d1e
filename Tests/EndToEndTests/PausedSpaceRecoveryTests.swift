import Foundation
import Glibc
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// A command that is killed between pausing a Space and restarting it: whoever comes next knows.
    @Suite(.timeLimit(.minutes(2))) struct PausedSpaceRecoveryTests {
        private static let space = "maren/orbit-api"
        private static let change = ["space", "secrets", "add", space, "-s", "A=1", "-s", "B=2", "-s", "C=3"]

        /// Kills a change when it has written one of three secrets.
        private func kill(_ hub: HubScratch) async throws {
            let child = try await held(hub)
            child.send(SIGKILL)
            _ = try await child.waitForExit()
            _ = try await HTTP.call(hub.endpoint + "/-/admin/faults", method: .DELETE)
            #expect(try await stage(hub) == "PAUSED")
        }

        private func held(_ hub: HubScratch) async throws -> StokerProcess {
            try await hub.admin(
                "faults", #"{"kind": "held", "method": "POST", "path": "/api/spaces/*/*/secrets", "skip": 1}"#)
            let child = try hub.scratch.start(
                Binary.path, Self.change, environment: hub.environment(), name: "killed")
            try await Wait.until("the held write") {
                try await HTTP.call(hub.endpoint + "/-/admin/faults").json.array.contains { $0.met.int == 1 }
            }
            return child
        }

        private func stage(_ hub: HubScratch) async throws -> String? {
            try await hub.state(Self.space).runtime.stage.string
        }

        @Test func theSameCommandFinishesIt() async throws {
            try await HubScratch.with("leftsame") { hub in
                try await kill(hub)
                let look = try await hub.stoker("space", "runtime", Self.space)
                #expect(look.exit == .code(0))
                #expect(look.errors.contains("is still paused: `stoker space secrets` paused it"), "\(look.tail)")
                #expect(look.errors.contains("stoker space restart \(Self.space)"))
                let again = try await hub.scratch.run(
                    Binary.path, Self.change + ["--json"], environment: hub.environment())
                #expect(again.exit == .code(0), "\(again.tail)")
                #expect(try ClientCommandTests.json(again).way.string == "finishes-restart")
                #expect(try await hub.state(Self.space).secrets.keys == ["A", "B", "C"])
                #expect(try await stage(hub) != "PAUSED")
                let quiet = try await hub.stoker("space", "runtime", Self.space)
                #expect(!quiet.errors.contains("still paused"), "\(quiet.tail)")
            }
        }

        /// Also a change that has nothing to write, and never a Space that its owner paused.
        @Test func whatIsDoneAlreadyIsRestartedAndAnOwnersPauseIsNot() async throws {
            try await HubScratch.with("leftdone") { hub in
                try await kill(hub)
                let nothing = try await hub.json("space", "variables", "delete", Self.space, "NOPE", "--yes")
                #expect(nothing.way.string == "finishes-restart")
                #expect(try await stage(hub) != "PAUSED")

                try await kill(hub)
                _ = try await hub.json("space", "pause", Self.space)
                let kept = try await hub.json("space", "variables", "add", Self.space, "-e", "X=1")
                #expect(kept.way.string == "stays-paused")
                #expect(try await stage(hub) == "PAUSED")
            }
        }

        @Test func aServerFinishesIt() async throws {
            try await HubScratch.with("leftserve") { hub in
                try await kill(hub)
                let server = try await hub.scratch.serve(
                    """
                    hub: { token: hf_maren, endpoint: "\(hub.endpoint)" }
                    spaces:
                      maren/orbit-api: { keep: { every: 1h } }
                    serve: { self_ping: off }

                    """, environment: hub.environment())
                try await Wait.until("it runs again", within: .seconds(60)) { try await stage(hub) != "PAUSED" }
                try await Wait.until("it is told") {
                    try await server.json("/api/v1/events?limit=100").items.array.contains {
                        $0.kind.string == "space.left_paused"
                            && $0.text.string?.contains("it is started again now") == true
                    }
                }
            }
        }

        /// What a CI does that cancels a job; the write is never answered.
        @Test func aSignalOfAnotherKindIsNoWishToLeaveItPaused() async throws {
            try await HubScratch.with("leftci") { hub in
                let child = try await held(hub)
                child.send(SIGINT)
                try await Wait.until("the word about it") { child.errors.contains("before it ends") }
                child.send(SIGTERM)
                #expect(try await child.waitForExit() == .code(130))
                #expect(child.errors.contains("it may have been done all the same"), "\(child.tail)")
                #expect(child.errors.contains("1 of 3 changes are written, and maren/orbit-api was restarted"))
                #expect(try await stage(hub) != "PAUSED")
                let look = try await hub.stoker("space", "runtime", Self.space)
                #expect(!look.errors.contains("still paused"), "\(look.tail)")
            }
        }
    }
}
