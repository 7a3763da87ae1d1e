import ArgumentParser
import KeepAlive
import NIOCore
import NIOPosix
import StokerCore
import Synchronization

/// Names that were never asked before, a fixed number at a time, so that the cache helps nobody.
struct ResolveBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resolve", abstract: "Looks up new names.")

    @Option var names = 20_000
    @Option var concurrency = 256
    @Option(help: "Not used: every case of the row is started alike.") var port = 0
    @Option(help: "Not used either.") var data = ""

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let resolver = Resolver(eventLoop: group.next())
        let next = Mutex(0)
        let good = Mutex(0)
        let meter = Meter()
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<concurrency {
                let loop = group.next()
                tasks.addTask { [names] in
                    while true {
                        let number = next.withLock { value in
                            defer { value += 1 }
                            return value
                        }
                        guard number < names else { return }
                        let resolution = await withCheckedContinuation { done in
                            resolver.resolve("t\(number).bench.test", on: loop) { done.resume(returning: $0) }
                        }
                        guard case .found(let addresses, stale: false) = resolution,
                            addresses.contains(where: { $0.ipAddress == loopback(number) })
                        else { continue }
                        good.withLock { $0 += 1 }
                    }
                }
            }
        }
        try say([
            "lookups": names, "good": good.withLock { $0 }, "wall_seconds": meter.wallSeconds,
            "cpu_seconds": meter.cpuSeconds,
        ])
        await resolver.shutdown()
        try await group.shutdownGracefully()
    }
}
