import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// What can happen to bytes on their way: those of the request when it brings some, those of the answer otherwise.
enum TransferFault: Sendable {
    /// One bit is another.
    case changed
    /// The connection closes after so many bytes.
    case broken(after: Int)
    /// So many bytes a second of simulated time.
    case drip(Int)

    private struct Broken: Error {}

    /// How far one body is.
    private final class Progress: Sendable {
        private let passed = Mutex(0)
        /// - Returns: bytes that were there before.
        func add(_ bytes: Int) -> Int {
            passed.withLock { passed in
                defer { passed += bytes }
                return passed
            }
        }
    }

    func meet(
        _ request: Request, _ context: HubContext, time: SimulatedTime,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        let progress = Progress()
        let channel = context.channel
        let pass: @Sendable (ByteBuffer) async throws -> ByteBuffer = { buffer in
            let before = progress.add(buffer.readableBytes)
            switch self {
            case .changed:
                guard before == 0, let first: UInt8 = buffer.getInteger(at: buffer.readerIndex) else { return buffer }
                var changed = buffer
                changed.setInteger(first ^ 1, at: buffer.readerIndex)
                return changed
            case .broken(let limit):
                if before + buffer.readableBytes <= limit, limit > 0 { return buffer }
                if before < limit { return buffer.getSlice(at: buffer.readerIndex, length: limit - before) ?? buffer }
                // Closed already when the client was quicker.
                try? await channel.close()
                throw Broken()
            case .drip(let speed):
                try await time.sleep(
                    for: .seconds(Double(buffer.readableBytes) / Double(speed)), on: channel.eventLoop)
                return buffer
            }
        }
        if [.put, .post, .patch].contains(request.method) {
            var request = request
            request.body = RequestBody(asyncSequence: request.body.map(pass))
            let response = try await next(request, context)
            // Shorter than the limit: it breaks at the end.
            if case .broken = self { try? await channel.close() }
            return response
        }
        var response = try await next(request, context)
        let body = response.body
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            // In pieces, so that there is a middle to break off in.
            try await body.write(Pieces(inner: writer, pass: pass))
        }
        return response
    }

    /// Hands a body on in pieces of 16 KiB.
    private struct Pieces: ResponseBodyWriter {
        var inner: any ResponseBodyWriter
        let pass: @Sendable (ByteBuffer) async throws -> ByteBuffer

        @concurrent mutating func write(_ buffer: ByteBuffer) async throws {
            var rest = buffer
            while let piece = rest.readSlice(length: min(rest.readableBytes, 16 << 10)), piece.readableBytes > 0 {
                try await inner.write(try await pass(piece))
            }
        }

        @concurrent consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
            // Shorter than the limit: it breaks at the end.
            _ = try await pass(ByteBuffer())
            try await inner.finish(trailingHeaders)
        }
    }
}
