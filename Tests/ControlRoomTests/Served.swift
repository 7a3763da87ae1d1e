import ControlRoom
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import Operations
import ServiceLifecycle
import StokerCore
import Testing

/// The real server on a free loopback port, ended gracefully after the test.
struct Served {
    let port: Int
    let group: ServiceGroup

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func room(
        _ whole: SampleFleet.Whole, access: Access? = nil, settings: ControlRoomServer.Settings = .init(port: 0),
        context: OperationContext? = nil, extraRoutes: (Router<AppRequestContext>) -> Void = { _ in },
        onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> ControlRoomServer {
        try ControlRoomServer(
            monitor: whole.monitor, ledger: whole.ledger,
            access: access ?? Access(token: nil, now: { SampleFleet.now }),
            settings: settings, context: context, extraRoutes: extraRoutes, onBound: onBound, logger: silent)
    }

    static func run<Value: Sendable>(
        _ whole: SampleFleet.Whole, access: Access? = nil, settings: ControlRoomServer.Settings = .init(port: 0),
        context: OperationContext? = nil, extraRoutes: (Router<AppRequestContext>) -> Void = { _ in },
        _ test: @escaping @Sendable (Served) async throws -> Value
    ) async throws -> Value {
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let room = try room(
            whole, access: access, settings: settings, context: context, extraRoutes: extraRoutes
        ) { bound.yield($0) }
        let services = ServiceGroup(configuration: .init(services: [room], logger: silent))
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                do { try await services.run() } catch {
                    bound.finish()
                    throw error
                }
                bound.finish()
                return nil
            }
            group.addTask {
                guard let port = await ports.first(where: { _ in true }) else { throw CancellationError() }
                do {
                    let value = try await test(Served(port: port, group: services))
                    await services.triggerGracefulShutdown()
                    return value
                } catch {
                    await services.triggerGracefulShutdown()
                    throw error
                }
            }
            var found: Value?
            for try await value in group { if let value { found = value } }
            return try #require(found)
        }
    }

    /// One request over a connection of its own.
    func get(_ path: String, method: String = "GET", headers: [(String, String)] = [], body: String = "") async throws
        -> Answer
    {
        var text = "\(method) \(path) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0.lowercased() == "host" }) { text += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if !body.isEmpty {
            text += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: \(body.utf8.count)\r\n"
        }
        text += "Connection: close\r\n\r\n\(body)"
        var whole = ByteBuffer()
        for try await part in try await stream(raw: text) { whole.writeImmutableBuffer(part) }
        return try Answer(Array(whole.readableBytesView))
    }

    /// What the server sends, as it comes, until it closes.
    func stream(raw request: String) async throws -> AsyncThrowingStream<ByteBuffer, any Error> {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await channel.executeThenClose { inbound, outbound in
                        try await outbound.write(ByteBuffer(string: request))
                        for try await part in inbound { continuation.yield(part) }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    struct Answer {
        var status: Int
        var headers: [String: String] = [:]
        /// Each `Set-Cookie`.
        var cookies: [String] = []
        var bytes: [UInt8]
        var text: String { String(decoding: bytes, as: UTF8.self) }

        init(_ raw: [UInt8]) throws {
            let mark = try #require(raw.indices.dropLast(3).first { Array(raw[$0..<($0 + 4)]) == [13, 10, 13, 10] })
            let lines = String(decoding: raw[..<mark], as: UTF8.self).split(separator: "\r\n")
            status = try #require(Int(lines[0].split(separator: " ")[1]))
            for line in lines.dropFirst() {
                let name = line.prefix { $0 != ":" }
                headers[name.lowercased()] = String(line.dropFirst(name.count + 2))
                if name.lowercased() == "set-cookie" { cookies.append(String(line.dropFirst(name.count + 2))) }
            }
            bytes = Array(raw[(mark + 4)...])
        }
    }
}
