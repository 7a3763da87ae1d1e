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
        let resolver = NameResolver(eventLoop: group.next())
        let names = Names(count: self.names)
        let meter = Meter()
        await withTaskGroup(of: Void.self) { tasks in
            for _ in 0..<concurrency {
                let loop = group.next()
                tasks.addTask {
                    while let number = names.next() {
                        let resolution = await withCheckedContinuation { done in
                            resolver.resolve("t\(number).bench.test", on: loop) { done.resume(returning: $0) }
                        }
                        guard case .found(let addresses, stale: false) = resolution,
                            addresses.contains(where: { $0.ipAddress == loopback(number) })
                        else { continue }
                        names.found()
                    }
                }
            }
        }
        try say([
            "lookups": self.names, "good": names.good, "wall_seconds": meter.wallSeconds,
            "cpu_seconds": meter.cpuSeconds,
        ])
        await resolver.shutdown()
        try await group.shutdownGracefully()
    }
}

/// Which name is next, and how many were right.
private final class Names: Sendable {
    private let count: Int
    private let state = Mutex((next: 0, good: 0))

    init(count: Int) { self.count = count }

    func next() -> Int? {
        state.withLock { state in
            guard state.next < count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }
    func found() { state.withLock { $0.good += 1 } }
    var good: Int { state.withLock { $0.good } }
}
