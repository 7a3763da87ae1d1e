import HTTPTypes
import Hummingbird
import MCP
import NIOCore
import StokerCore

/// One message a request: reads it, and writes what comes of it, as JSON or, once there is something to tell on the way, as a stream.
struct MCPHandler: Sendable {
    let server: MCPServer
    let access: Access

    /// Largest message; bytes.
    static let bodyLimit = 4 * 1024 * 1024
    /// After so long without a word the answer becomes a stream, so that nothing between us and the client gives up.
    private static let silence = TimeAmount.seconds(15)
    private static let session = HeaderName("Mcp-Session-Id")!
    private static let buffering = HeaderName("X-Accel-Buffering")!

    func answer(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        // Somebody who is known; what he may is each operation's to say.
        try access.authorize(.scope(.read), request)
        guard request.method == .post else {
            throw Failure(
                .methodNotAllowed, doing: "answer \(request.method) /mcp", because: "this address takes POST")
        }
        let type = request.headers[.contentType]?.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard type == "application/json" else {
            return Answers.json(
                MCPError.invalid("the body's type is not application/json").json(id: .null),
                status: .unsupportedMediaType)
        }
        let bytes = try await Self.body(of: request)
        var fields: [String: [String]] = [:]
        for field in request.headers {
            let name = field.name.canonicalName
            if name.hasPrefix(MCPHeaders.prefix) { fields[name, default: []].append(field.value) }
        }
        let headers = MCPHeaders(fields)
        let session = server.session(named: headers.session)
        switch MCPMessage(bytes, headers) {
        case .refused(let error, let id, let status):
            return Answers.json(error.json(id: id), status: .init(code: status))
        case .notification(let method, let params):
            server.take(notification: method, params, session)
            return Response(status: .accepted)
        case .response(let id, let result):
            server.take(response: id, result)
            return Response(status: .accepted)
        case .request(let message):
            let client = MCPClient(visit.principal)
            return await Self.respond(server.start(message, from: client, session), message.era, visit)
        }
    }

    private static func body(of request: Request) async throws(Failure) -> [UInt8] {
        func tooLarge() -> Failure {
            Failure(
                .tooLarge, doing: "read the message", because: "it is larger than \(bodyLimit / 1024 / 1024) MiB")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyLimit { throw tooLarge() }
        var bytes: [UInt8] = []
        do {
            for try await part in request.body {
                bytes.append(contentsOf: part.readableBytesView)
                if bytes.count > bodyLimit { break }
            }
        } catch {
            throw Failure(.usage, doing: "read the message", because: "the body ended early", cause: error)
        }
        guard bytes.count <= bodyLimit else { throw tooLarge() }
        return bytes
    }

    /// Waits for the first word: the answer, or something on the way to it.
    private static func respond(_ call: MCPCallStream, _ era: MCPEra, _ visit: AppRequestContext) async -> Response {
        let loop = visit.channel.eventLoop
        // Most calls are over before this, and each timer is a change of thread.
        let watch = loop.scheduleTask(in: .milliseconds(20)) {
            // In the modern era a client calls off by going; in the legacy one a lost connection says nothing.
            if era == .modern { ConnectionGuard.whenInputCloses(of: visit.channel, do: { call.cancel() }) }
            loop.scheduleRepeatedTask(initialDelay: silence, delay: silence) { task in
                if call.isOver { task.cancel() } else { call.pulse() }
            }
        }
        var words = call.elements.makeAsyncIterator()
        let first = await words.next()
        guard let first else {
            watch.cancel()
            switch call.outcome {
            case .answer(let answer):
                var response = Answers.json(answer.json, status: .init(code: answer.status))
                if let session = answer.session { response.headers[Self.session] = session }
                return response
            case .cancelled: return Response(status: .noContent)
            }
        }
        let headers: HTTPFields = [
            .contentType: "text/event-stream", .cacheControl: "no-cache", buffering: "no",
        ]
        let rest = Words(iterator: words)
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                do {
                    var word: MCPCallStream.Element? = first
                    while let present = word {
                        switch present {
                        case .message(let message): try await writer.write(frame(message))
                        case .pulse: try await writer.write(ByteBuffer(string: ": ping\r\n\r\n"))
                        }
                        word = await rest.next()
                    }
                    if case .answer(let answer) = call.outcome { try await writer.write(frame(answer.json)) }
                    try await writer.finish(nil)
                } catch {
                    if era == .modern { call.cancel() }
                    throw error
                }
            })
    }

    private static func frame(_ message: JSONValue) -> ByteBuffer {
        ByteBuffer(string: "event: message\r\ndata: \(message.text)\r\n\r\n")
    }

    /// What is left to be said; asked by one writer only.
    private final class Words: @unchecked Sendable {
        // Only the body's writer calls `next`, and never twice at once.
        private var iterator: AsyncStream<MCPCallStream.Element>.Iterator
        init(iterator: AsyncStream<MCPCallStream.Element>.Iterator) { self.iterator = iterator }
        func next() async -> MCPCallStream.Element? { await iterator.next(isolation: nil) }
    }
}
