import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import StokerCore

extension Hub {
    /// Sends a request and hands out the body as it comes. Throws like ``send(_:)``.
    package func open(_ request: HubRequest) async throws(HubFailure) -> HubStream {
        if settings.offline {
            throw HubFailure(
                .refusedByUs, doing: request.doing, said: "HF_HUB_OFFLINE is set",
                hint: "unset HF_HUB_OFFLINE to use the Hub")
        }
        do {
            let url = request.path.hasPrefix("/") ? settings.endpoint + request.path : request.path
            var wire = HTTPClientRequest(url: url)
            wire.method = request.method
            wire.headers = request.headers
            if let token = settings.token {
                wire.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(token.reveal())")
            }
            if case .json(let body) = request.body {
                wire.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
                wire.body = .bytes(body)
            }
            let answer = try await client.execute(wire, timeout: .nanoseconds(request.timeout.nanoseconds))
            return HubStream(
                status: Int(answer.status.code), headers: answer.headers, url: url,
                pieces: HubPieces(body: answer.body, doing: request.doing))
        } catch {
            throw HubFailure(.unreachable, doing: request.doing, said: "\(error)", retry: .soon)
        }
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
