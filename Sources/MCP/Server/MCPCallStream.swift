package import StokerCore
import Synchronization

/// What a call says while it goes on, and what it comes to.
package final class MCPCallStream: Sendable {
    package enum Element: Sendable {
        case message(JSONValue)
        /// Nothing was said for a while.
        case pulse
    }
    package enum Outcome: Sendable {
        case answer(MCPAnswer)
        /// Called off: nothing is answered.
        case cancelled
    }

    /// Ends when ``outcome`` is there.
    package let elements: AsyncStream<Element>
    private let continuation: AsyncStream<Element>.Continuation
    private let state = Mutex<Outcome?>(nil)
    private let work = Mutex<Task<Void, Never>?>(nil)
    /// Messages that may wait for a slow reader; further ones are dropped.
    private static let buffered = 1_000

    init() {
        (elements, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.buffered))
    }

    package var isOver: Bool { state.withLock { $0 != nil } }

    package var outcome: Outcome { state.withLock { $0 } ?? .cancelled }

    package func pulse() { continuation.yield(.pulse) }

    func emit(_ message: JSONValue) { continuation.yield(.message(message)) }

    func begin(_ task: Task<Void, Never>) {
        work.withLock { $0 = task }
        if state.withLock({ $0 != nil }) { task.cancel() }
    }

    func end(_ outcome: Outcome) {
        state.withLock { state in if state == nil { state = outcome } }
        continuation.finish()
    }

    /// Ends the work; it is answered with what there is.
    func stop() { work.withLock { $0 }?.cancel() }

    /// Calls it off. What changes something is brought to its end all the same; its answer is dropped.
    package func cancel() {
        end(.cancelled)
        work.withLock { $0 }?.cancel()
    }
}

/// The answer to one request.
package struct MCPAnswer: Sendable {
    package var json: JSONValue
    /// HTTP status.
    package var status: Int
    /// For the header `Mcp-Session-Id`.
    package var session: String?
}
