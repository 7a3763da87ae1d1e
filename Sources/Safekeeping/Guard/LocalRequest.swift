import NIOCore
import NIOHTTP1
import NIOPosix
import Runtime
package import StokerCore

/// A small GET to an address of this machine, without anything that stays in memory behind it.
package enum LocalRequest {
    /// - Returns: the status of the answer.
    package static func get(_ address: String, within limit: Duration) async -> Result<Int, Failure> {
        let doing = "ask \(address)"
        guard let origin = try? WebOrigin(address), origin.scheme == .http, let parts = AddressParts(address) else {
            return .failure(
                Failure(
                    .usage, doing: doing, because: "only http:// addresses of the app are asked",
                    hint: "write http://127.0.0.1:8000/health"))
        }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(limit.milliseconds))
                .connect(host: origin.host, port: origin.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                            wrappingChannelSynchronously: channel)
                    }
                }
            let status = try await withTimeout(limit) {
                try await channel.executeThenClose { inbound, outbound in
                    let head = HTTPRequestHead(
                        version: .http1_1, method: .GET, uri: parts.target,
                        headers: [
                            "host": origin.authority, "connection": "close", "user-agent": "stoker-guard",
                        ])
                    try await outbound.write(.head(head))
                    try await outbound.write(.end(nil))
                    for try await part in inbound {
                        if case .head(let head) = part { return Int(head.status.code) }
                    }
                    return 0
                }
            }
            return .success(status ?? 0)
        } catch {
            return .failure(Failure(.unreachable, doing: doing, because: "\(error)", retry: .soon))
        }
    }

    /// A POST to a socket of this machine.
    /// - Returns: the status and the answer, which is JSON of 1 MiB at most.
    package static func post(
        _ path: String, socket: String, within limit: Duration
    ) async throws -> (status: Int, body: JSONValue) {
        let doing = "ask the guard at \(socket)"
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .connect(unixDomainSocketPath: socket) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                            wrappingChannelSynchronously: channel)
                    }
                }
            let answer = try await withTimeout(limit) {
                try await channel.executeThenClose { inbound, outbound in
                    let head = HTTPRequestHead(
                        version: .http1_1, method: .POST, uri: path,
                        headers: ["host": "guard", "content-length": "0", "connection": "close"])
                    try await outbound.write(.head(head))
                    try await outbound.write(.end(nil))
                    var status = 0
                    var body = ByteBuffer()
                    for try await part in inbound {
                        switch part {
                        case .head(let head): status = Int(head.status.code)
                        case .body(var bytes): if body.readableBytes < 1 << 20 { body.writeBuffer(&bytes) }
                        case .end: return (status, body)
                        }
                    }
                    return (status, body)
                }
            }
            guard let answer else {
                throw Failure(
                    .unreachable, doing: doing, because: "it did not answer within \(limit.text)", retry: .soon)
            }
            return (answer.0, (try? JSONValue(reading: String(buffer: answer.1))) ?? .null)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(
                .unreachable, doing: doing, because: "\(error)", hint: "is the guard running?", retry: .soon,
                cause: error)
        }
    }
}
