import ControlRoom
import StokerCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct NoticesPageTests {
    private static let bearer = [("Authorization", "Bearer s3cret-token")]

    /// Who hears of what, with a line for what nobody hears of; for those who may act.
    @Test func itSaysWhoHearsOfWhat() async throws {
        let access = Access(token: Secret("s3cret-token"), now: { SampleFleet.now })
        let fleet = FleetDouble()
        try await Served.run(SampleFleet.dozen(), access: access, context: fleet.context) { served in
            #expect(try await served.get("/notices").status == 401)
            let page = try await served.get("/notices", headers: Self.bearer).text
            try Markup.check(page)
            let card = try #require(page.split(separator: "id=\"who\"").dropFirst().first)
            #expect(card.contains("down, recovered") && card.contains("<bdi>team at once</bdi>"))
            #expect(
                card.contains("slow, flapping, disagreement, healed, certificate")
                    && card.contains("Nobody hears of these"))
            #expect(!card.contains("trouble of"))
        }
    }
}
