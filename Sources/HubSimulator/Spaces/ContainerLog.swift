import FoundationEssentials
import Synchronization

/// The lines of one build or one container, for as long as it lives; whoever follows gets all of them from the start.
///
/// Source: huggingface_hub `fetch_space_logs`, hub-docs `spaces-gpus.md`.
final class ContainerLog: Sendable {
    enum Event: Sendable {
        /// One line as it is sent: JSON with `data` and `timestamp`.
        case line(String)
        /// The connection breaks in the middle of the next line.
        case cut
    }
    private struct State {
        var lines: [String] = []
        var closed = false
        var followers: [Int: AsyncStream<Event>.Continuation] = [:]
        var next = 0
    }
    private let state = Mutex(State())
    /// Older lines are forgotten.
    private static let most = 5_000

    var isUntouched: Bool { state.withLock { $0.lines.isEmpty && !$0.closed } }
    var count: Int { state.withLock { $0.lines.count } }

    /// - Parameter text: Ends with a newline if the program wrote one.
    func append(_ text: String) {
        let now = Date()
        let stamp: JSON = ["data": .string(text), "timestamp": .date(now)]
        // A string and a date can always be encoded.
        guard let line = try? stamp.encoded() else { return }
        let text = String(decoding: line, as: UTF8.self)
        let followers = state.withLock { state in
            guard !state.closed else { return [AsyncStream<Event>.Continuation]() }
            if state.lines.count == Self.most { state.lines.removeFirst(Self.most / 10) }
            state.lines.append(text)
            return Array(state.followers.values)
        }
        for follower in followers { follower.yield(.line(text)) }
    }

    /// The container is gone: every stream ends cleanly after the last line.
    func close() {
        let followers = state.withLock { state in
            state.closed = true
            defer { state.followers = [:] }
            return Array(state.followers.values)
        }
        for follower in followers { follower.finish() }
    }

    /// Breaks every open stream in the middle of a line.
    func cut() {
        for follower in state.withLock({ Array($0.followers.values) }) { follower.yield(.cut) }
    }

    /// Everything so far (or its last lines), then what comes, until the container ends.
    func follow(last: Int? = nil) -> AsyncStream<Event> {
        let (stream, send) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(Self.most * 2))
        state.withLock { state in
            for line in last.map({ state.lines.suffix($0) }) ?? state.lines[...] { send.yield(.line(line)) }
            guard !state.closed else { return send.finish() }
            state.next += 1
            let id = state.next
            state.followers[id] = send
            send.onTermination = { [weak self] _ in self?.forget(id) }
        }
        return stream
    }

    private func forget(_ id: Int) {
        state.withLock { $0.followers[id] = nil }
    }
}
