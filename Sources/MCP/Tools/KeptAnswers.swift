import StokerCore
import Synchronization

/// Answers about the whole fleet, for a fifth of a second: like `/status` they are made at most five times a second, however many agents ask.
/// They are the same for everybody who may read. What is changed through this door is seen by the next question.
final class KeptAnswers: Sendable {
    private struct Kept {
        var arguments: JSONValue
        var told: OperationCatalogue.Told
        var end: ContinuousClock.Instant
    }
    private let state = Mutex((kept: [Kept](), changes: 0))
    private static let fresh = Duration.milliseconds(200)
    /// Different questions at a time.
    private static let most = 8
    private let now: @Sendable () -> ContinuousClock.Instant

    init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

    /// - Returns: the answer to the same question; and for one that is made now, how many changes there were before it.
    func answer(to arguments: JSONValue) -> (told: OperationCatalogue.Told?, changes: Int) {
        let now = now()
        return state.withLock { state in
            (state.kept.first { $0.end > now && $0.arguments == arguments }?.told, state.changes)
        }
    }

    /// - Parameter changes: as they were when it was asked for; an answer that a change has overtaken is not kept.
    func keep(_ told: OperationCatalogue.Told, to arguments: JSONValue, after changes: Int) {
        let now = now()
        state.withLock { state in
            guard state.changes == changes else { return }
            state.kept.removeAll { $0.end <= now || $0.arguments == arguments }
            if state.kept.count == Self.most { state.kept.removeFirst() }
            state.kept.append(Kept(arguments: arguments, told: told, end: now + Self.fresh))
        }
    }

    /// Something was, or may have been, changed.
    func forget() { state.withLock { $0 = ([], $0.changes + 1) } }
}
