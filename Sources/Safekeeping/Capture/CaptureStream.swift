import Foundation
import Synchronization

/// Entries from a capture's thread to the store: a few wait at a time, the thread blocks while that many do.
package struct CaptureStream: AsyncSequence, Sendable {
    package typealias Element = CapturedEntry
    private let channel: Channel

    /// - Parameter walk: gives entries one after the other, on a thread of its own; what it gives to throws when nobody listens any more.
    init(_ walk: @escaping @Sendable (_ give: (CapturedEntry) throws -> Void) throws -> Void) {
        let channel = Channel()
        self.channel = channel
        begin = {
            let thread = Thread {
                do {
                    try walk { try channel.send($0) }
                    channel.finish(nil)
                } catch {
                    channel.finish(error)
                }
            }
            thread.name = "stoker-capture"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }
    private let begin: @Sendable () -> Void

    package func makeAsyncIterator() -> Iterator {
        begin()
        return Iterator(channel: channel)
    }

    /// Ends the walk when it is let go before its end.
    package final class Iterator: AsyncIteratorProtocol {
        private let channel: Channel
        fileprivate init(channel: Channel) { self.channel = channel }
        deinit { channel.cancel() }

        package func next() async throws -> CapturedEntry? {
            let channel = channel
            return try await withTaskCancellationHandler {
                try await channel.next()
            } onCancel: {
                channel.cancel()
            }
        }
    }

    fileprivate final class Channel: Sendable {
        private struct State {
            var waiting: [CapturedEntry] = []
            var reader: CheckedContinuation<CapturedEntry?, any Error>?
            var isOver = false
            var error: (any Error)?
            var isCancelled = false
        }
        private let state = Mutex(State())
        /// Begins at 0: libdispatch ends the process when one goes away with less than it began with, which a reader that leaves early makes.
        private let free = DispatchSemaphore(value: 0)

        init() { for _ in 0..<64 { free.signal() } }

        func send(_ entry: CapturedEntry) throws {
            free.wait()
            let reader: CheckedContinuation<CapturedEntry?, any Error>? = try state.withLock { state in
                guard !state.isCancelled else { throw CancellationError() }
                defer { state.reader = nil }
                if state.reader == nil { state.waiting.append(entry) }
                return state.reader
            }
            if let reader {
                free.signal()
                reader.resume(returning: entry)
            }
        }

        func finish(_ error: (any Error)?) {
            let reader = state.withLock { state in
                state.isOver = true
                state.error = error
                defer { state.reader = nil }
                return state.reader
            }
            if let error { reader?.resume(throwing: error) } else { reader?.resume(returning: nil) }
        }

        func cancel() {
            let reader = state.withLock { state in
                state.isCancelled = true
                state.waiting = []
                defer { state.reader = nil }
                return state.reader
            }
            free.signal()
            reader?.resume(throwing: CancellationError())
        }

        func next() async throws -> CapturedEntry? {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<CapturedEntry?, any Error>? = state.withLock { state in
                    if state.isCancelled { return .failure(CancellationError()) }
                    if !state.waiting.isEmpty { return .success(state.waiting.removeFirst()) }
                    if state.isOver { return state.error.map { .failure($0) } ?? .success(nil) }
                    state.reader = continuation
                    return nil
                }
                guard let result else { return }
                if case .success(.some) = result { free.signal() }
                continuation.resume(with: result)
            }
        }
    }
}
