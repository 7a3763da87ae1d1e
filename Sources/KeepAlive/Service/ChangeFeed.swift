import StokerCore
import Synchronization

/// Hands changes to whoever listens, joined to four batches a second. A listener that does not keep up gets "everything"
/// in place of what it missed: memory stays bounded whoever reads.
final class ChangeFeed: Sendable {
    private struct State {
        var listeners: [UInt64: AsyncStream<Changes>.Continuation] = [:]
        var missed: Set<UInt64> = []
        var nextID: UInt64 = 0
        var waiting = Changes()
        var finished = false
    }
    private let state = Mutex(State())
    /// Above this many names in one batch, reading everything anew is cheaper than naming them.
    private static let maxNames = 2_000

    var isListenedTo: Bool { state.withLock { !$0.listeners.isEmpty } }

    func listen() -> AsyncStream<Changes> {
        let (stream, continuation) = AsyncStream.makeStream(of: Changes.self, bufferingPolicy: .bufferingOldest(8))
        let id: UInt64? = state.withLock { state in
            guard !state.finished else { return nil }
            state.nextID += 1
            state.listeners[state.nextID] = continuation
            return state.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.listeners[id] = nil
                state.missed.remove(id)
            }
        }
        return stream
    }

    func add(names: [String], events: [Event], everything: Bool = false) {
        state.withLock { state in
            guard !state.listeners.isEmpty else { return }
            state.waiting.names += names
            state.waiting.events += events
            state.waiting.everything = state.waiting.everything || everything
            if state.waiting.names.count > Self.maxNames { state.waiting.everything = true }
            if state.waiting.everything { state.waiting.names = [] }
            if state.waiting.events.count > 200 { state.waiting.events.removeFirst(state.waiting.events.count - 200) }
        }
    }

    /// Sends what is waiting; called every 250 ms.
    func send() {
        let (changes, listeners, missed) = state.withLock { state in
            defer { state.waiting = Changes() }
            return (state.waiting, state.listeners, state.missed)
        }
        let isNews = !changes.names.isEmpty || !changes.events.isEmpty || changes.everything
        // Who missed something is told as soon as there is room, whether or not more has happened.
        for (id, continuation) in listeners where isNews || missed.contains(id) {
            let batch = missed.contains(id) ? Changes(everything: true, events: changes.events) : changes
            let dropped: Bool
            if case .dropped = continuation.yield(batch) { dropped = true } else { dropped = false }
            state.withLock { state in
                guard state.listeners[id] != nil else { return }
                if dropped { state.missed.insert(id) } else { state.missed.remove(id) }
            }
        }
    }

    func finish() {
        let listeners = state.withLock { state in
            state.finished = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
