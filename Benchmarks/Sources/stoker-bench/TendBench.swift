import ArgumentParser
import KeepAlive
import Ledger
import StokerCore

/// A fleet of which each target tells, by the path it is asked for, who it is (see c/targets.c).
struct BenchFleet: ParsableArguments {
    @Option var targets: Int
    @Option(help: "Seconds between two pings.") var every: Int
    @Option var port: Int
    @Option var data: String
    @Flag(help: "Names under localhost instead of one address each.") var names = false

    var checks: [Check] {
        // Without jitter the targets can tell from outside how late they were asked.
        let policy = CheckPolicy(every: .seconds(every), jitter: 0)
        return (0..<targets).map { number in
            let host = names ? "t\(number).localhost" : loopback(number)
            // Made from bytes: a string put together piece by piece keeps room to grow.
            let address = String(
                decoding: Array("http://\(host):\(port)/\(names ? String(number) : "")".utf8), as: UTF8.self)
            return Check(name: "t\(number)", address: address, policy: policy)
        }
    }
}

/// Writes a ledger as a master leaves it that has monitored this fleet for long: every check known, with its next due time.
struct RememberBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remember", abstract: "Prepares saved states.")

    @OptionGroup var fleet: BenchFleet
    @Option(help: "Wall clock, milliseconds since 1970, of the first due time.") var begin: Int64
    @Option(help: "Scatters due times: check n has place n × stride modulo the count.") var stride = 7_919

    func run() async throws {
        let ledger = try await SQLiteLedger(path: try folder(fleet.data) + "/stoker.sqlite", logger: quietLogger())
        let ids = try await ledger.register(fleet.checks.map(\.name))
        let interval = Int64(fleet.every) * 1_000
        for first in Swift.stride(from: 0, to: ids.count, by: 10_000) {
            let states = (first..<min(ids.count, first + 10_000)).map { number in
                let place = Int64(number * stride % ids.count)
                let due = Instant(milliseconds: begin + place * interval / Int64(ids.count))
                var state = CheckState()
                state.verdict = .up
                state.code = 200
                state.attempts = 1
                state.successes = 100
                state.recentCount = 32
                state.latencyMicroseconds = 150_000
                state.lastPing = due - .milliseconds(interval)
                state.lastGood = state.lastPing
                state.since = due - .milliseconds(interval * 100)
                return (check: ids[number], state: SavedState(state: state, nextDue: due))
            }
            try await ledger.record(Batch(states: states))
        }
        await ledger.close()
        try say(["remembered": ids.count])
    }
}

/// Monitors a fleet for a while and tells each second how it goes; lateness is read from the targets' own log.
struct TendBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tend", abstract: "Monitors a fleet for some seconds.")

    @OptionGroup var fleet: BenchFleet
    @Option var seconds: Int

    func run() async throws {
        let composition = try await Composition(fleet: Fleet(checks: fleet.checks), data: fleet.data)
        try await composition.run { [seconds] monitor in
            try say(["tending": await monitor.overview().total])
            let meter = Meter()
            while meter.wallSeconds < Double(seconds) {
                try await Task.sleep(for: .seconds(1))
                let work = await monitor.overview().work
                try say([
                    "second": Int(meter.wallSeconds), "pings": Int(work.pings), "in_flight": work.inFlight,
                    "shed": Int(work.shed),
                    "lateness_p50_us": Int(work.latenessP50), "lateness_p99_us": Int(work.latenessP99),
                ])
            }
        }
        try await composition.close()
    }
}
