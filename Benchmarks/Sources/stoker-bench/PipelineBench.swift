import ArgumentParser
import Foundation
import KeepAlive
import Ledger
import Runtime
import StokerCore

/// Everything a ping costs in the product, as fast as it goes: more falls due than can be made.
struct PipelineBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline", abstract: "The whole pipeline at full speed.")

    @Option var scheme = "http"
    @Option var port: Int
    @Option var addresses = 20_000
    @Option var seconds = 8.0
    @Option(help: "Pings on their way at most.") var concurrency = 256
    @Option var data: String

    func run() async throws {
        let policy = CheckPolicy(every: .seconds(1), request: Request(verifyTLS: false))
        let checks = (0..<addresses).map {
            Check(name: "t\($0)", address: "\(scheme)://\(loopback($0)):\(port)/", policy: policy)
        }
        let composition = try await Composition(
            fleet: Fleet(checks: checks), data: data, recentLimit: concurrency, firstLooksPerSecond: 1_000_000)
        let begun = Clocks.real.wall()
        let (probes, wall, cpu) = try await composition.run { monitor in
            // Caches, allocator and disk get to their steady state first.
            try await Task.sleep(for: .seconds(2))
            let before = await monitor.overview().work.pings
            let meter = Meter()
            try await Task.sleep(for: .seconds(seconds))
            let after = await monitor.overview().work.pings
            return (Int(after - before), meter.wallSeconds, meter.cpuSeconds)
        }
        // Only what reached the disk counts, and only if it was good.
        let ids = try await composition.ledger.register(checks.map(\.name))
        let tallies = try await composition.ledger.tally(
            of: ids, from: begun - .seconds(60), to: Clocks.real.wall() + .seconds(60))
        let up = tallies.reduce(0) { $0 + $1.up }
        let all = tallies.reduce(0) { $0 + $1.up + $1.slow + $1.down + $1.waking + $1.unknown }
        try say([
            "probes": probes, "good": all == 0 ? 0 : Int(Double(probes) * Double(up) / Double(all)),
            "wall_seconds": wall,
            "cpu_seconds": cpu, "recorded": all,
        ])
        guard all >= probes else { throw ValidationError("only \(all) of at least \(probes) pings were recorded") }
        try await composition.close()
    }
}

/// Names that never resolve beside names that do.
struct DeadNamesBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-names", abstract: "Judges a fleet in which some names have no answering server.")

    @Option var port: Int
    @Option var targets = 4_000
    @Option(help: "Each so many-th name is dead.") var deadEvery = 100
    @Option var data: String

    func run() async throws {
        let policy = CheckPolicy(every: .seconds(60), timeout: .seconds(20), retry: [])
        let checks = (0..<targets).map { number in
            let isDead = number % deadEvery == deadEvery - 1
            return Check(
                name: "\(isDead ? "dead" : "t")\(number)",
                address: "http://\(isDead ? "dead" : "t")\(number).bench.test:\(port)/", policy: policy)
        }
        let composition = try await Composition(
            fleet: Fleet(checks: checks), data: data, firstLooksPerSecond: 1_000_000)
        let figures: [String: any Sendable] = try await composition.run { monitor in
            let meter = Meter()
            while meter.wallSeconds < 60 {
                try await Task.sleep(for: .milliseconds(100))
                if await monitor.overview().counts[.unknown, default: 0] == 0 { break }
            }
            let statuses = await monitor.statuses(StatusQuery()).items
            let healthy = statuses.filter { $0.check.name.hasPrefix("t") }
            let dead = statuses.filter { $0.check.name.hasPrefix("dead") }
            return [
                "healthy": healthy.count,
                "healthy_up": healthy.count { $0.state.verdict == .up && $0.state.failures == 0 },
                "dead": dead.count, "dead_down": dead.count { $0.state.verdict == .down },
                "wall_seconds": meter.wallSeconds,
            ]
        }
        try say(figures)
        try await composition.close()
    }
}
