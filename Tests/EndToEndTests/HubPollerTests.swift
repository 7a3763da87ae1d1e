import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// A fleet that is discovered on a simulated Hub, watched and healed: the program, its Hub client and the Hub, each a process of its own.
    @Suite(.timeLimit(.minutes(3))) struct HubPollerTests {
        @Test func aDiscoveredFleetIsWatchedAndHealed() async throws {
            try await Scratch.with("hub-watch") { scratch in
                let hub = try scratch.start(
                    Binary.path, ["hub-simulator", "--port", "0", "--scene", "small"], name: "hub")
                let endpoint = try await Self.word(after: "stoker: simulating ", of: hub)
                let server = try await scratch.serve(
                    """
                    hub: { namespace: maren, token: hf_maren, endpoint: "\(endpoint)", discover: true }
                    heal: { mode: act, after: 2 }
                    keep: { every: 1h, timeout: 3s, retry: off, recheck: 1s }
                    serve: { self_ping: off }

                    """)
                // `worker` is private: without its token it would answer 404.
                for name in ["orbit-api", "worker"] { try await server.wait(for: name, toBe: "up") }
                #expect(try await server.check("worker").hub.stage.string == "RUNNING")

                let admin = endpoint + "/-/admin/spaces/maren"
                let crash = #"{"stage": "RUNTIME_ERROR", "errorMessage": "Exit code: 1. Reason: boom hf_abcdefghijkl"}"#
                _ = try await HTTP.call("\(admin)/orbit-api/stage", method: .POST, body: crash)
                _ = try await HTTP.call("\(admin)/worker/action", method: .POST, body: #"{"action": "pause"}"#)
                // Nothing is due for an hour: the Hub's word brings both forward.
                try await Wait.until("the paused Space is known", within: .seconds(90)) {
                    try await server.check("worker").paused.by.string == "owner"
                }
                try await Wait.until("the crashed Space is restarted", within: .seconds(90)) {
                    try await Self.kinds(server).contains("heal.result")
                }
                try await server.wait(for: "orbit-api", toBe: "up", within: .seconds(90))
                try await Wait.until("the incident is over") {
                    try await Self.kinds(server).contains("incident.ended")
                }
                #expect(try await Self.kinds(server).count { $0 == "heal.restart" } == 1)
                let told = try await server.json("/api/v1/events?limit=100").items.array.compactMap(\.text.string)
                #expect(told.contains { $0.contains("boom hf_***") })
                #expect(!told.contains { $0.contains("hf_abc") })
                for line in [server.process.errors, server.process.output] { #expect(!line.contains("hf_maren")) }
                await hub.stop()
            }
        }

        /// A Hub that tells no address: what is called alike under hf.space is a stranger's and is not pinged.
        @Test func whatCannotBeFoundIsToldAndNoStrangerIsPinged() async throws {
            try await HubScratch.with("otherhub") { hub in
                try await hub.admin(
                    "faults", #"{"kind": "status", "status": 501, "path": "/api/spaces/*/*/host", "times": null}"#)
                let server = try await hub.scratch.serve(
                    """
                    hub: { namespace: maren, token: hf_maren, endpoint: "\(hub.endpoint)", discover: { names: ["zzz-*"] } }
                    keep: { every: 1s, timeout: 2s, retry: off }
                    spaces: { orbit-api: }
                    serve: { self_ping: off }

                    """)
                try await server.wait(forEvents: "hub.nothing_found")
                let told = try await server.json("/api/v1/events?limit=100").items.array
                    .first { $0.kind.string == "hub.nothing_found" }
                #expect(told?.text.string?.contains("is wanted by its name, sdk and tags") == true, "\(told as Any)")
                let check = try await Wait.for("pings that were none") {
                    let check = try await server.check("orbit-api")
                    return (check.uptime["24h"].unknown.int ?? 0) > 1 ? check : nil
                }
                #expect(check.verdict.string == "unknown")
                #expect(check.address == .null)
                #expect(check.sentence.string?.contains("its address is not known") == true, "\(check.sentence)")
            }
        }

        private static func kinds(_ server: Server) async throws -> [String] {
            try await server.json("/api/v1/events?limit=100").items.array.compactMap(\.kind.string)
        }

        private static func word(after prefix: String, of process: StokerProcess) async throws -> String {
            var found = ""
            try await Wait.until("the simulated Hub is there", within: .seconds(30)) {
                found =
                    process.outputLines.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) } ?? ""
                return !found.isEmpty
            }
            return found
        }
    }
}
