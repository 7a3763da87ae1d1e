import Deployment
import HubClient
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
        let text = budget.text(wakeEvery: .seconds(300))
        #expect(text.contains("1,152") && text.contains("288") && text.contains("75 % fewer"))
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
        #expect(four.text(wakeEvery: .seconds(300)).contains("makes 20 of these at most"))
    }

    @Test func whatIsLeftIsShown() throws {
        var report = HubPace().report
        report.windows = [.init(bucket: "api", quota: 1_000, remaining: 742, endsIn: .seconds(131), sent: 1)]
        let allowance = HubAllowance(whose: "hf_…1234 from HF_TOKEN", report: report)
        #expect(allowance.plan == "free")
        let text = allowance.text()
        #expect(
            text.contains("742") && text.contains("1,000") && text.contains("in 2m11s") && text.contains("hf_…1234"))
        let json = try Budget.compute(Fleet()).json(wakeEvery: .seconds(300), allowance: allowance)
        #expect(json.contains("\"left\" : 742") && json.contains("\"ends_in_seconds\" : 131"))
        report.windows = []
        #expect(HubAllowance(whose: "no token", report: report).text().contains("did not say"))
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
        #expect(budget.text(wakeEvery: .seconds(300)).contains("costs more"))
    }

    @Test func nothingIsSpentOnAnEmptyFleet() {
        let budget = Budget.compute(Fleet())
        #expect(budget.saving == nil)
        #expect(budget.text(wakeEvery: .seconds(300)).contains("nothing is spent"))
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
        let text = budget.text(wakeEvery: .seconds(300))
        #expect(text.contains("each adds 288 requests a day"))
        #expect(!text.contains("nothing is spent"))
    }

    @Test(arguments: [
        (1_152.0, "1,152"), (0, "0"), (0.11, "0.1"), (0.01, "under 0.1"), (12.4, "12"), (-1_234_567, "-1,234,567"),
    ])
    func numbers(value: Double, text: String) { #expect(Budget.number(value) == text) }
}
