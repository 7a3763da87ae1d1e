import KeepAlive
import Ledger
import NIOCore
import NIOPosix
import Runtime
import ServiceLifecycle
import StokerCore

/// The product's own composition without its web server: timetable, resolver, probes, judge and ledger on disk.
struct Composition {
    let monitor: FleetMonitor
    let ledger: SQLiteLedger
    private let group: MultiThreadedEventLoopGroup
    private let services: ServiceGroup

    init(
        fleet: Fleet, data: String, recentLimit: Int = 512, firstLooksPerSecond: Int = 2_000
    ) async throws {
        let logger = quietLogger()
        let limit = FileLimit.raised()
        group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        ledger = try await SQLiteLedger(path: try folder(data) + "/stoker.sqlite", logger: logger)
        let writer = LedgerWriter(
            ledger: ledger, retention: fleet.ledger, clock: ContinuousClock(), now: Clocks.real.wall, logger: logger)
        monitor = FleetMonitor(
            fleet: fleet, fleetPath: nil, source: nil, ledger: ledger, writer: writer,
            loops: Array(group.makeIterator()),
            resolver: NameResolver(eventLoop: group.next()), tls: ProbeTLS(),
            settings: FleetMonitor.Settings(
                openLimit: limit.inFlight, recentLimit: recentLimit, firstLooksPerSecond: firstLooksPerSecond, seed: 1,
                userAgent: "stoker-bench"),
            clocks: .real, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: writer), .init(service: monitor)], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        services = ServiceGroup(configuration: configuration)
    }

    /// Runs everything; `body` watches from outside, and when it returns all is flushed and closed before `after`.
    func run<T: Sendable>(_ body: @escaping @Sendable (FleetMonitor) async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { [services] in try await services.run() }
            await monitor.begin(selfAddress: nil)
            let value = try await body(monitor)
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return value
        }
    }

    func close() async throws {
        await ledger.close()
        try await group.shutdownGracefully()
    }
}
