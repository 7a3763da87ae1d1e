import Foundation
import StokerCore
import Synchronization

/// One client over this process's standard input and output, a message a line. Ends with the input.
package struct StdioTransport: Sendable {
    private let server: MCPServer
    private let client: MCPClient
    private let lines: AsyncStream<[UInt8]>
    private let write: @Sendable ([UInt8]) -> Void
    /// Longest line; bytes. A longer one is refused and skipped.
    package static let lineLimit = 4 * 1024 * 1024

    /// - Parameters:
    ///   - lines: without their ends; see ``lines(of:)``.
    ///   - write: gets one whole message with the end of its line. May be called from several threads; must not mix two messages.
    package init(
        server: MCPServer, client: MCPClient, lines: AsyncStream<[UInt8]>, write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.server = server
        self.client = client
        self.lines = lines
        self.write = write
    }

    /// This process is the client's session: what it said of itself in `initialize`, and the calls that have no end.
    private final class State: Sendable {
        let capabilities = Mutex<JSONValue>([:])
        let endless = Mutex<[MCPCallStream]>([])
    }

    package func run() async {
        let state = State()
        await withDiscardingTaskGroup { group in
            for await line in lines {
                guard !line.allSatisfy({ $0 <= 0x20 }) else { continue }
                guard line.count <= Self.lineLimit else {
                    let limit = Self.lineLimit / 1024 / 1024
                    send(MCPError.invalid("the message is larger than \(limit) MiB").json(id: .null))
                    continue
                }
                take(line, state, &group)
            }
            // What has an end is brought to it: a script that pipes its requests in wants the answers.
            for call in state.endless.withLock({ $0 }) { call.cancel() }
        }
        await server.settle()
    }

    private func take(_ line: [UInt8], _ state: State, _ group: inout DiscardingTaskGroup) {
        let session = MCPServer.Session(
            scope: "stdio", capabilities: state.capabilities.withLock { $0 })
        switch MCPMessage(line, nil) {
        case .refused(let error, let id, _): send(error.json(id: id))
        case .response(let id, let result): server.take(response: id, result)
        case .notification(let method, let params): server.take(notification: method, params, session)
        case .request(let request):
            if request.era == .legacy, request.method == "initialize" {
                state.capabilities.withLock { $0 = request.params["capabilities"] ?? [:] }
            }
            let call = server.start(request, from: client, session)
            if request.isEndless { state.endless.withLock { $0.append(call) } }
            group.addTask {
                for await element in call.elements {
                    if case .message(let message) = element { send(message) }
                }
                if case .answer(let answer) = call.outcome { send(answer.json) }
            }
        }
    }

    private func send(_ message: JSONValue) { write(message.bytes + [0x0A]) }

    /// The lines of a file descriptor, read by a thread of their own: the cooperative pool must not wait for a client.
    package static func lines(of descriptor: Int32) -> AsyncStream<[UInt8]> {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        Thread.detachNewThread {
            var rest: [UInt8] = []
            var isTooLong = false
            var chunk = [UInt8](repeating: 0, count: 64 * 1024)
            while true {
                let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                var part = chunk[..<count]
                while let end = part.firstIndex(of: 0x0A) {
                    rest += part[..<end]
                    continuation.yield(rest)
                    rest = []
                    isTooLong = false
                    part = part[(end + 1)...]
                }
                if isTooLong { continue }
                rest += part
                isTooLong = rest.count > lineLimit
            }
            if !rest.isEmpty { continuation.yield(rest) }
            continuation.finish()
        }
        return stream
    }

    /// Writes whole messages to a file descriptor, one after the other. A client that has gone is noticed by the end of the input.
    package static func writer(to descriptor: Int32) -> @Sendable ([UInt8]) -> Void {
        let lock = Mutex(())
        return { bytes in
            lock.withLock { _ in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
                    if count < 0, errno == EINTR { continue }
                    guard count > 0 else { return }
                    rest = rest.dropFirst(count)
                }
            }
        }
    }
}
