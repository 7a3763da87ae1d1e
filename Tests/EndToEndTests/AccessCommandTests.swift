import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Tokens, settings and the activity log of the built program.
    @Suite(.timeLimit(.minutes(3))) struct AccessCommandTests {
        private static let fleet = """
            version: 1
            heartbeats: { nightly: { every: 24h } }
            serve: { self_ping: off }

            """
        private static let own = "the server's own token of this test"

        @Test func aTokenLivesOverARestartAndEverythingIsWrittenDown() async throws {
            try await Scratch.with("access") { scratch in
                let environment = ["STOKER_TOKEN": Self.own]
                let first = try await scratch.serve(Self.fleet, environment: environment)
                let admin = ["STOKER_SERVER": first.address, "STOKER_TOKEN": Self.own]
                let made = try await scratch.stoker(
                    "token", "add", "ci", "--scope", "operate", "--expires", "90d", environment: admin)
                #expect(made.exit == .code(0), "\(made.tail)")
                let secret = try #require(made.outputLines.first)
                #expect(made.outputLines.count == 1 && secret.hasPrefix("stk_") && secret.count == 44)
                let list = try await scratch.stoker("token", "list", "--json", environment: admin)
                let token = try ClientCommandTests.json(list).items[0]
                #expect(token.name.string == "ci" && token.scope.string == "operate" && !list.output.contains(secret))
                let ci = ["STOKER_SERVER": first.address, "STOKER_TOKEN": secret]
                #expect(try await scratch.stoker("pause", "nightly", environment: ci).exit == .code(0))
                // It gives nobody access.
                let refused = try await scratch.stoker("token", "add", "mine", "--scope", "admin", environment: ci)
                #expect(refused.exit == .code(3) && refused.errors.contains("needs the scope admin"), "\(refused.tail)")
                let settings = try await scratch.stoker("settings", environment: ci)
                for part in ["serve.port", "--port", "$STOKER_TOKEN", "serve.yaml:3"] {
                    #expect(settings.output.contains(part), "\(part): \(settings.tail)")
                }
                #expect(!settings.output.contains(Self.own))
                await first.process.stop()

                let second = try await scratch.serve(Self.fleet, environment: environment, name: "again")
                let later = ["STOKER_SERVER": second.address, "STOKER_TOKEN": Self.own]
                let still = ["STOKER_SERVER": second.address, "STOKER_TOKEN": secret]
                #expect(try await scratch.stoker("resume", "nightly", environment: still).exit == .code(0))
                let unsure = try await scratch.stoker("token", "revoke", "ci", environment: later)
                #expect(unsure.exit == .code(2), "\(unsure.tail)")
                #expect(try await scratch.stoker("token", "revoke", "ci", "--yes", environment: later).exit == .code(0))
                let gone = try await scratch.stoker("pause", "nightly", environment: still)
                #expect(gone.exit == .code(3), "\(gone.tail)")
                let csv = try await scratch.stoker("activity", "--csv", "--by", "ci", environment: later)
                #expect(csv.output.hasPrefix("id,at,actor,by,address,operation,"), "\(csv.tail)")
                #expect(csv.output.contains(",token,ci,127.0.0.1,pause,nightly,"), "\(csv.output)")
                await second.process.stop()

                // The ledger alone tells the same, and holds nothing that opens anything.
                let log = try ClientCommandTests.json(
                    try await scratch.stoker("activity", "--data", scratch.path + "/data", "--json"))
                let all = log.items.array.map {
                    "\($0.by.string ?? "") \($0.operation.string ?? "") \($0.result.string ?? "")"
                }
                for entry in [
                    "STOKER_TOKEN add-token done", "ci pause done", "ci add-token refused", "ci resume done",
                    "STOKER_TOKEN revoke-token asked", "STOKER_TOKEN revoke-token done",
                ] {
                    #expect(all.contains(entry), "\(entry) is not in \(all)")
                }
                for name in ["stoker.sqlite", "stoker.sqlite-wal"] {
                    let file = URL(fileURLWithPath: scratch.path + "/data/" + name)
                    let bytes = (try? Data(contentsOf: file)) ?? Data()  // none is left of a clean end
                    #expect(bytes.range(of: Data(secret.dropFirst(4).utf8)) == nil, "\(name)")
                }
            }
        }
    }
}
