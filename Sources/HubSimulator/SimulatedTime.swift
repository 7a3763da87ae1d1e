import NIOCore
import Synchronization

/// The simulator's clock: as fast as reality, faster, or moved by hand.
package final class SimulatedTime: Sendable {
    /// How simulated time passes.
    package enum Flow: Sendable, Equatable {
        /// So many simulated seconds in one real second; more than 0.
        case scaled(Double)
        /// Only by ``SimulatedTime/advance(by:)``.
        case manual

        package static let real = Flow.scaled(1)
    }

    private struct Entry {
        var due: Duration
        var loop: any EventLoop
        var work: @Sendable () -> Void
    }
    private struct Hand {
        var now = Duration.zero
        var nextID = 0
        var entries: [Int: Entry] = [:]
        /// Nothing is due before; nil when that is not known.
        var earliest: Duration?
    }

    private let speed: Double?
    private let began = ContinuousClock.now
    private let hand = Mutex(Hand())

    package init(_ flow: Flow = .real) {
        switch flow {
        case .scaled(let factor):
            precondition(factor > 0, "simulated time cannot stand still or run backwards")
            speed = factor
        case .manual: speed = nil
        }
    }

    /// Simulated time since this clock was made.
    package var now: Duration {
        if let speed { return (ContinuousClock.now - began) * speed }
        return hand.withLock { $0.now }
    }

    /// Moves a manual clock and runs, one by one and each at its own instant, everything that becomes due on the way.
    /// Does nothing on a clock that moves by itself. No clock goes further than a hundred years.
    package func advance(by step: Duration) async throws {
        guard speed == nil else { return }
        let goal = hand.withLock { min($0.now + min(step, Bounds.longestTime), Bounds.longestTime) }
        while let entry = takeNext(until: goal) {
            try await entry.loop.submit(entry.work).get()
        }
        hand.withLock { $0.now = max($0.now, goal) }
    }

    private func takeNext(until goal: Duration) -> Entry? {
        hand.withLock { hand in
            if let earliest = hand.earliest, earliest > goal { return nil }
            let first = hand.entries.min { ($0.value.due, $0.key) < ($1.value.due, $1.key) }
            hand.earliest = first?.value.due ?? .seconds(Int64.max / 2)
            guard let (id, entry) = first, entry.due <= goal else { return nil }
            hand.entries[id] = nil
            hand.earliest = nil
            hand.now = max(hand.now, entry.due)
            return entry
        }
    }

    /// Comes back so much later.
    /// - Throws: `CancellationError`.
    func sleep(for wait: Duration, on loop: any EventLoop) async throws {
        let done = loop.makePromise(of: Void.self)
        let appointment = schedule(at: now + wait, on: loop) { done.succeed() }
        try await withTaskCancellationHandler {
            try await done.futureResult.get()
        } onCancel: {
            appointment.cancel()
            done.fail(CancellationError())
        }
    }

    /// How many wait for a manual clock.
    package var scheduled: Int { hand.withLock { $0.entries.count } }

    /// Something to be done later that may be called off.
    struct Appointment: Sendable {
        fileprivate var call: @Sendable () -> Void
        func cancel() { call() }
    }

    /// Runs `work` on `loop` at the simulated instant `due`, or as soon as it has passed.
    func schedule(at due: Duration, on loop: any EventLoop, _ work: @escaping @Sendable () -> Void) -> Appointment {
        if let speed {
            // Longer than a hundred years is never.
            let seconds = min(max(.zero, due - now), Bounds.longestTime) / .seconds(1) / speed
            let wait = TimeAmount.nanoseconds(Int64(min(seconds, Double(Bounds.longestSeconds)) * 1_000_000_000))
            let task = loop.scheduleTask(in: wait, work)
            return Appointment { task.cancel() }
        }
        let id = hand.withLock { hand in
            hand.nextID += 1
            hand.entries[hand.nextID] = Entry(due: due, loop: loop, work: work)
            if let earliest = hand.earliest { hand.earliest = min(earliest, due) }
            return hand.nextID
        }
        return Appointment { [weak self] in self?.hand.withLock { $0.entries[id] = nil } }
    }
}
