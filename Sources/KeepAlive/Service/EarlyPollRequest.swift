import Synchronization

/// Set by shards that see what a new reading of the Hub would explain; taken by who reads it.
final class EarlyPollRequest: Sendable {
    private let isSet = Atomic(false)

    func set() { isSet.store(true, ordering: .relaxed) }

    /// Whether it was set since the last call.
    func take() -> Bool { isSet.exchange(false, ordering: .relaxed) }
}
