import ArgumentParser
import KeepAlive
import NIOCore
import NIOPosix
import Runtime
import StokerCore

/// The prober without timetable, judge and ledger: as many attempts as asked for, a fixed number at a time.
struct EngineBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Attempts straight on the probe lanes.")

    @Option var scheme = "http"
    @Option var port: Int
    @Option(help: "Distinct loopback addresses.") var addresses = 20_000
    @Option var probes = 20_000
    @Option var concurrency = 256
    @Option(help: "Event loops.") var loops = 2

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let resolver = NameResolver(eventLoop: group.next())
        let tls = ProbeTLS()
        let policy = CheckPolicy(retry: [], request: Request(verifyTLS: false))
        let checks = (0..<addresses).map {
            Check(name: "t\($0)", address: "\(scheme)://\(loopback($0)):\(port)/", policy: policy)
        }
        let meter = Meter()
        let good = await withTaskGroup(of: Int.self) { tasks in
            for (number, loop) in group.makeIterator().enumerated() {
                let share = probes / loops
                let mine = (share * number)..<(number == loops - 1 ? probes : share * (number + 1))
                tasks.addTask { [concurrency, loops] in
                    await withCheckedContinuation { done in
                        loop.execute {
                            let lane = ProbeLane(
                                eventLoop: loop, resolver: resolver, tls: tls, userAgent: "stoker-bench",
                                now: Clocks.real.wall)
                            OneTimeCheck(lane: lane, checks: checks, numbers: mine) { done.resume(returning: $0) }
                                .begin(width: concurrency / loops)
                        }
                    }
                }
            }
            return await tasks.reduce(0, +)
        }
        try say(["probes": probes, "good": good, "wall_seconds": meter.wallSeconds, "cpu_seconds": meter.cpuSeconds])
        try await group.shutdownGracefully()
    }
}

/// Keeps `width` attempts in flight on one lane until all are made. Lives on the lane's loop.
private final class OneTimeCheck {
    private let lane: ProbeLane
    private let checks: [Check]
    private var numbers: Range<Int>
    private var open = 0
    private var good = 0
    private let then: (Int) -> Void

    init(lane: ProbeLane, checks: [Check], numbers: Range<Int>, then: @escaping (Int) -> Void) {
        self.lane = lane
        self.checks = checks
        self.numbers = numbers
        self.then = then
    }

    func begin(width: Int) {
        for _ in 0..<min(width, numbers.count) { next() }
    }

    private func next() {
        guard let number = numbers.popFirst() else {
            if open == 0 { then(good) }
            return
        }
        open += 1
        lane.start(checks[number % checks.count]) { attempt in
            self.open -= 1
            if case .answer(let answer) = attempt.result, answer.status == 200 { self.good += 1 }
            self.next()
        }
    }
}
