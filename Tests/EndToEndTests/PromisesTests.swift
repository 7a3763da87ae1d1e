import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// What docs/promises.md claims and no other test of the program looks at.
    @Suite(.timeLimit(.minutes(1))) struct PromisesTests {
        private static let fleet = """
            version: 1
            serve: { port: 1 }
            heartbeats: { nightly: { every: 24h, grace: 30m } }
            """

        /// The surroundings of a Space: every address is bound, writing needs a token, the ping to ourselves goes by the public way.
        @Test func aSpaceIsNoticed() async throws {
            try await Scratch.with("space") { scratch in
                let file = try scratch.write(Self.fleet, to: "fleet.yaml")
                // PORT wins over the fleet file; 0 is any free one. The host is made up and leads back to this machine.
                let child = try scratch.start(
                    Binary.path, ["serve", "--fleet", file, "--data", scratch.path + "/data"],
                    environment: ["SPACE_ID": "acme/master", "SPACE_HOST": "127.0.0.1:9", "PORT": "0"], name: "space")
                let server = try await Server.ready(child, fleetFile: file)
                #expect(server.port > 1)
                #expect(try await HTTP.call("http://127.0.0.2:\(server.port)/health").body == #"{"status":"alive"}"#)
                let own = try await server.check("self-ping")
                #expect(own.address.string == "https://127.0.0.1:9/health")
                #expect(own.every_seconds.double == 120)
                let policy = try await server.get("/", ["accept": "text/html"]).headers["content-security-policy"].first
                #expect(policy?.contains("frame-ancestors https://huggingface.co") == true)
                #expect(try await server.post("/api/v1/checks/self-ping/pause").status == 401)
            }
        }

        @Test func elsewhereOnlyThisMachineIsServedAndPinged() async throws {
            try await Scratch.with("plain") { scratch in
                let server = try await scratch.serve(Self.fleet)
                await #expect(throws: (any Error).self) {
                    try await HTTP.call("http://127.0.0.2:\(server.port)/health", limit: .seconds(5))
                }
                #expect(try await server.check("self-ping").address.string == server.address + "/health")
                try await server.wait(for: "self-ping", toBe: "up")
            }
        }

        @Test func aHeartbeatSaysWhenTheNextCallIsDue() async throws {
            try await Scratch.with("beat") { scratch in
                let server = try await scratch.serve(Self.fleet)
                #expect(try await server.check("nightly").next_due.isNull)
                let answer = try await server.get("/api/heartbeats/nightly").json
                #expect(answer.verdict.string == "up")
                #expect(answer.next_due.string != nil)
                let status = try await scratch.stoker("status", "nightly", "--server", server.address)
                #expect(status.exit == .code(0))
                #expect(status.output.contains(/next +[0-9]{4}-/), "\(status.output)")
            }
        }

        /// KA9, in the words of the requirement: four Spaces every five minutes.
        @Test func fourSpacesThroughAMasterCostAQuarter() async throws {
            try await Scratch.with("budget") { scratch in
                let file = try scratch.write(
                    "version: 1\nhub: { namespace: acme }\nkeep: { every: 5m }\nspaces: { a: {}, b: {}, c: {}, d: {} }\n",
                    to: "four.yaml")
                let child = try await scratch.stoker("budget", file)
                #expect(child.exit == .code(0))
                #expect(child.output.contains("1,152") && child.output.contains("288"))
                #expect(child.output.contains("75 % fewer"))
                let both = try await scratch.stoker("budget", file, "--fleet", file)
                #expect(both.exit == .code(2))
            }
        }
    }
}
