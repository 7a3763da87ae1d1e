import Deployment
import StokerCore
import Testing

@Suite struct BudgetTests {
    /// The numbers of requirement KA9.
    @Test func fourSpacesEveryFiveMinutes() throws {
        let budget = Budget.compute(
            try fleet("keep: { every: 5m }\nspaces: { a/one: , a/two: , a/three: , a/four: }"), wakeEvery: .seconds(300)
        )
        #expect(budget.direct == Budget.Rate(perDay: 1_152, perFiveMinutes: 4))
        #expect(budget.throughMaster == Budget.Rate(perDay: 288, perFiveMinutes: 1))
        #expect(budget.saving == 0.75)
        #expect(budget.hubAPI == Budget.Rate())
    }

    @Test func hoursPausesAndHeartbeatsCount() throws {
        let budget = Budget.compute(
            try fleet(
                """
                spaces:
                  a/day: { keep: { every: 10m, hours: "Mon-Sun 00:00-12:00" } }
                  a/off: { keep: { every: 1m, paused: true } }
                heartbeats: { job: { every: 1m } }
                """))
        #expect(budget.checks == 1)
        #expect(budget.direct == Budget.Rate(perDay: 72, perFiveMinutes: 0.5))
        #expect(budget.master == budget.direct)
        #expect(budget.masterAtWorst == Budget.Rate(perDay: 1_440 * 4 / 2, perFiveMinutes: 20))
    }

    @Test func watchingStagesIsOneListingANamespaceAndBounded() throws {
        let four = Budget.compute(try fleet("spaces: { a/one: , a/two: , a/three: , b/four: }"))
        #expect(four.hubWatch.perFiveMinutes == 20)
        let owners = (0..<40).map { "o\($0)/x\($0): " }.joined(separator: ", ")
        #expect(Budget.compute(try fleet("spaces: { \(owners) }")).hubWatch.perFiveMinutes == 50)
        #expect(Budget.compute(try fleet("targets: { x: { url: https://example.com } }")).hubWatch == Budget.Rate())
    }

    @Test func aQuotaTellsThePlan() {
        #expect(Budget.plan(ofQuota: 1_000)?.name == "free")
        #expect(Budget.plan(ofQuota: 1_001) == nil)
    }

    @Test func targetsOnTheHubUseItsQuota() throws {
        let budget = Budget.compute(
            try fleet(
                """
                targets:
                  api: { url: https://huggingface.co/api/spaces/a/b, every: 1m }
                  page: { url: https://huggingface.co/spaces/a/b, every: 5m }
                  other: { url: https://example.com/huggingface.co/api/x, every: 1m }
                """))
        #expect(budget.hubAPI.perFiveMinutes == 5)
        #expect(budget.hubPages.perFiveMinutes == 1)
    }

    @Test func aFleetThatIsPingedSeldomIsToldSo() throws {
        let budget = Budget.compute(try fleet("spaces: { a/one: }"))
        #expect(budget.direct.perDay == 32)
        #expect(try #require(budget.saving) < 0)
    }

    @Test func nothingIsSpentOnAnEmptyFleet() {
        let budget = Budget.compute(Fleet())
        #expect(budget.saving == nil)
    }

    @Test func whatIsDiscoveredIsNotCalledFree() throws {
        let budget = Budget.compute(
            try fleet(
                """
                hub: { namespace: a, discover: true }
                keep: { every: 5m }
                """))
        #expect(budget.checks == 0)
        #expect(budget.eachDiscovered?.perDay == 288)
        #expect(budget.hubWatch.perFiveMinutes == 10)
    }
}
