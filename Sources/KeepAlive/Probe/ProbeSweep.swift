import NIOCore
package import StokerCore
import Synchronization

/// Probes a list of checks once, now, a bounded number at a time, over all given lanes. No retries, no state.
package enum ProbeSweep {
    /// Returns when every check was attempted once. Cancelling gives up what is in flight on these lanes and starts no
    /// more; `each` is then called for what was in flight and not for the rest.
    /// - Parameters:
    ///   - lanes: take the checks from one list as they become free; at least one.
    ///   - concurrency: attempts in flight over all lanes; at least one for each lane.
    ///   - each: called once for each check with its place in `checks`, on the loop of the lane that made the attempt.
    package static func run(
        _ checks: [Check], on lanes: [ProbeLane], concurrency: Int,
        each: @escaping @Sendable (_ index: Int, _ attempt: Attempt) -> Void
    ) async {
        guard !checks.isEmpty, !lanes.isEmpty else { return }
        let list = SweepList(checks)
        let share = max(1, concurrency / lanes.count)
        await withDiscardingTaskGroup { group in
            for lane in lanes {
                group.addTask {
                    await withTaskCancellationHandler {
                        await withCheckedContinuation { continuation in
                            lane.eventLoop.execute {
                                let sweeper = SweepWorker(list: list, lane: lane, each: each) { continuation.resume() }
                                sweeper.start(share)
                            }
                        }
                    } onCancel: {
                        list.cancel()
                        lane.eventLoop.execute { lane.abandonAll() }
                    }
                }
            }
        }
    }
}

/// The checks that nobody has taken yet.
private final class SweepList: Sendable {
    private let checks: [Check]
    private let next = Atomic(0)
    private let cancelled = Atomic(false)

    init(_ checks: [Check]) { self.checks = checks }

    func take() -> (Int, Check)? {
        guard !cancelled.load(ordering: .relaxed) else { return nil }
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return index < checks.count ? (index, checks[index]) : nil
    }

    func cancel() { cancelled.store(true, ordering: .relaxed) }
}

/// One lane's part of a sweep. Confined to the lane's loop.
private final class SweepWorker {
    private let list: SweepList
    private let lane: ProbeLane
    private let each: @Sendable (Int, Attempt) -> Void
    private let done: () -> Void
    private var inFlight = 0

    init(
        list: SweepList, lane: ProbeLane, each: @escaping @Sendable (Int, Attempt) -> Void, done: @escaping () -> Void
    ) {
        self.list = list
        self.lane = lane
        self.each = each
        self.done = done
    }

    func start(_ share: Int) {
        // One extra count until all are started: `done` must not be called twice.
        inFlight = 1
        for _ in 0..<share where !takeNext() { break }
        ended()
    }

    private func takeNext() -> Bool {
        guard let (index, check) = list.take() else { return false }
        inFlight += 1
        lane.start(check) { [self] attempt in
            each(index, attempt)
            _ = takeNext()
            ended()
        }
        return true
    }

    private func ended() {
        inFlight -= 1
        if inFlight == 0 { done() }
    }
}
