import Foundation
import StokerCore
import Synchronization

/// Work on files that may block for ever (a FIFO, a hung network mount), done on a thread of its own with a deadline.
///
/// A thread that does not come back cannot be stopped; it keeps the lane, and further work is refused at once until it does, so that
/// never more than one is lost.
package final class FileLane: Sendable {
    private let isBusy = Mutex(false)

    package init() {}

    /// - Parameters:
    ///   - doing: what the work is, for messages: "read fleet.yaml".
    /// - Throws: `file.unreadable` when the work is not done within the time, or earlier work still is not.
    package func run<Value: Sendable>(
        _ doing: String, within limit: Duration, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let isFree = isBusy.withLock { busy in
            defer { busy = true }
            return !busy
        }
        guard isFree else { throw Self.stuck(doing, "an earlier look at it has not come back") }
        let (results, done) = AsyncStream.makeStream(of: Result<Value, any Error>.self)
        let thread = Thread { [self] in
            let result = Result { try work() }
            isBusy.withLock { $0 = false }
            done.yield(result)
            done.finish()
        }
        thread.stackSize = 8 << 20
        thread.start()
        // A cancelled task has no result either.
        let result = try? await withTimeout(limit) { await results.first { _ in true } } ?? nil
        guard let result else { throw Self.stuck(doing, "it did not answer within \(limit.text)") }
        return try result.get()
    }

    private static func stuck(_ doing: String, _ because: String) -> Failure {
        Failure(
            .fileUnreadable, doing: doing, because: because,
            hint: "look at the disk or the network mount it is on", retry: .soon)
    }
}
