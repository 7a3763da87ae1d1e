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
        guard address.hasPrefix("http://"), let parts = split(address) else {
            return .failure(
                Failure(
                    .usage, doing: doing, because: "only http:// addresses of the app are asked",
                    hint: "write http://127.0.0.1:8000/health"))
        }
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.milliseconds(limit.milliseconds))
                .connect(host: parts.host, port: parts.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                            wrappingChannelSynchronously: channel)
                    }
                }
            let status = try await withTimeout(limit) {
                try await channel.executeThenClose { inbound, outbound in
                    let head = HTTPRequestHead(
                        version: .http1_1, method: .GET, uri: parts.path,
                        headers: [
                            "host": "\(parts.host):\(parts.port)", "connection": "close", "user-agent": "stoker-guard",
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

    private static func split(_ address: String) -> (host: String, port: Int, path: String)? {
        let rest = address.dropFirst("http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash].split(separator: ":", maxSplits: 1)
        guard let host = authority.first else { return nil }
        let port = authority.count > 1 ? Int(authority[1]) : 80
        return port.map { (String(host), $0, slash == rest.endIndex ? "/" : String(rest[slash...])) }
    }
}
