package import StokerCore

/// What happened, as typed values; see ``EventPayload``. Written by ``Outbox/record(_:)``.
package protocol EventStore: Sendable {
    /// Newest first; `before` is an event's id (exclusive). Of one that an older version wrote only the sentence is known.
    func events(of check: Int32?, before: Int64?, limit: Int) async throws(Failure) -> [Event]
}
