import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What only looks well: a Space that the platform flagged, one that comes and goes, an uptime over minutes.
    @Suite(.timeLimit(.minutes(2))) struct TroubleTests {
        @Test func moderatedIsTroubleForEveryReader() async throws {
            try await Scratch.with("moderated") { scratch in
                let child = try scratch.start(
                    Binary.path, ["demo", "--port", "0", "--host", "127.0.0.1"], name: "demo")
                let server = try await Server.ready(child)
                let overview = try await Wait.for("a moderated Space") {
                    let seen = try await server.overview()
                    return (seen.moderated.int ?? 0) > 0 ? seen : nil
                }
                #expect(overview.trouble == .bool(true))
                #expect(overview.sentence.string?.contains("flagged by the platform") == true)

                let flagged = try await server.json("/api/v1/checks?verdict=paused").items.array
                let check = try #require(flagged.first { $0.look.string == "moderated" })
                let name = try #require(check.name.string)
                #expect(check.trouble == .bool(true))

                let one = try await scratch.stoker("status", name, "--server", server.address)
                #expect(one.exit == .code(1))
                #expect(one.output.contains("moderated"))
                // A fleet in which nothing else is wrong is in trouble all the same.
                let only = try await scratch.stoker("status", "--verdict", "paused", "--server", server.address)
                #expect(only.exit == .code(1))

                let status = try await server.json("/status")
                #expect(status.status.string == "trouble")
                #expect((status.moderated.int ?? 0) > 0)
                #expect(status.targets.array.contains { $0.name.string == name && $0.trouble == .bool(true) })
                #expect(try await server.get("/metrics").body.contains("\nstoker_checks_moderated 1\n"))

                // A ping or two are all there is to know yet; the ledger writes them in batches.
                let young = try await Wait.for("an uptime") {
                    let seen = try await server.check("discord-bot").uptime["90d"]
                    return seen.uptime.double == nil ? nil : seen
                }
                #expect(young.whole == .bool(false))
                #expect((young.known_seconds.double ?? .infinity) < 180)
                let told = try await scratch.stoker("status", "discord-bot", "--server", server.address)
                #expect(told.output.contains(/up 90d +100 % of (?:under 1 s|[0-9]+ (?:s|min)) known/), "\(told.output)")
            }
        }
    }
}
