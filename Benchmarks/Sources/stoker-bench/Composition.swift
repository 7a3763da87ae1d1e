import KeepAlive
import Ledger
import NIOCore
import NIOPosix
import Runtime
import ServiceLifecycle
import StokerCore

/// The product's own composition without its web server: timetable, resolver, probes, judge and ledger on disk.
struct Composition {
    let boiler: Boiler
    let ledger: SQLiteLedger
    private let group: MultiThreadedEventLoopGroup
    private let services: ServiceGroup

    init(
        fleet: Fleet, data: String, youngLimit: Int = 512, firstLooksPerSecond: Int = 2_000
    ) async throws {
        let logger = quietLogger()
        let limit = FileLimit.raised()
        group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        ledger = try await SQLiteLedger(path: try folder(data) + "/stoker.sqlite", logger: logger)
        let writer = LedgerWriter(
            ledger: ledger, retention: fleet.ledger, clock: ContinuousClock(), now: Clocks.real.wall, logger: logger)
        boiler = Boiler(
            fleet: fleet, fleetPath: nil, source: nil, ledger: ledger, writer: writer,
            loops: Array(group.makeIterator()),
            resolver: NameResolver(eventLoop: group.next()), tls: ProbeTLS(),
            settings: Boiler.Settings(
                openLimit: limit.inFlight, youngLimit: youngLimit, firstLooksPerSecond: firstLooksPerSecond, seed: 1,
                userAgent: "stoker-bench"),
            clocks: .real, logger: logger)
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: writer), .init(service: boiler)], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(10)
        services = ServiceGroup(configuration: configuration)
    }

    /// Runs everything; `body` watches from outside, and when it returns all is flushed and closed before `after`.
    func run<T: Sendable>(_ body: @escaping @Sendable (Boiler) async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { [services] in try await services.run() }
            await boiler.begin(selfAddress: nil)
            let value = try await body(boiler)
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
