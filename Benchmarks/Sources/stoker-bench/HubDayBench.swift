import ArgumentParser
import HubDay

/// A fleet's day at the Hub on a clock moved by hand: counts, not times.
struct HubDayBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub-day", abstract: "Lives simulated hours of a free account's Spaces.")

    @Option var spaces = 1_000
    @Option var minutes = 1_440
    @Option var seed: UInt64 = 1
    @Option(help: "Rows of a page at most.") var page = 500
    @Option(help: "Requests in five minutes of the account's owner.") var others = 0

    func run() async throws {
        var settings = HubDay.Settings()
        settings.spaces = spaces
        settings.minutes = minutes
        settings.seed = seed
        settings.listPage = page
        settings.others = others
        let meter = Meter()
        let day = try await HubDay.run(settings)
        try say([
            "pages": day.pages, "readings": day.readings, "changes": day.changes, "overtaken": day.overtaken,
            "stages": day.stages.sorted(), "slowest_s": day.slowest, "p50_s": day.lateness(share: 0.5),
            "p99_s": day.lateness(share: 0.99), "late": day.late, "wrong": day.wrong, "calls": day.calls,
            "most_calls": day.mostCalls, "refusals": day.refusals, "other_calls": day.otherCalls,
            "other_refusals": day.otherRefusals, "wall_seconds": meter.wallSeconds,
            "cpu_seconds": meter.cpuSeconds,
        ])
    }
}
