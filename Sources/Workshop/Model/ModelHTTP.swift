import AsyncHTTPClient
import HubClient
import NIOCore
import NIOHTTP1
import Runtime
import StokerCore

/// Calls a model's server over the network. Redirects are not followed: the token goes to the address that was written, and nowhere else.
package struct ModelHTTP: Sendable {
    let proxies: HubProxies

    /// - Parameter environment: where proxies are named.
    package init(environment: [String: String]) { proxies = HubProxies(environment) }

    package var transport: ModelTransport { { try await send($0) } }

    private func send(_ call: ModelRequest) async throws -> ModelReply {
        var request = HTTPClientRequest(url: call.url)
        request.method = call.body == nil ? .GET : .POST
        request.headers.add(name: "user-agent", value: "Stoker/\(Version.current)")
        request.headers.add(name: "accept", value: "application/json")
        if let token = call.token, !token.isEmpty {
            request.headers.add(name: "authorization", value: "Bearer \(token.reveal())")
        }
        if let body = call.body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let ready = request
        do {
            // The client's own deadline ends with the head of an answer.
            let reply = try await withTimeout(call.limit) { [proxies] in
                // A question a minute at most: a client for each is no cost, and none has to be closed later.
                try await HTTPClient.withHTTPClient(configuration: proxies.configuration(for: call.url)) { client in
                    let answer = try await client.execute(
                        ready, deadline: .now() + .milliseconds(call.limit.wholeMilliseconds))
                    var body: [UInt8] = []
                    var isTooLong = false
                    for try await part in answer.body {
                        let room = ModelRequest.mostAnswer - body.count
                        body += part.readableBytesView.prefix(room)
                        if part.readableBytes > room {
                            isTooLong = true
                            break
                        }
                    }
                    return ModelReply(
                        status: Int(answer.status.code), contentType: answer.headers.first(name: "content-type") ?? "",
                        retryAfter: answer.headers.first(name: "retry-after"), body: body, isTooLong: isTooLong)
                }
            }
            guard let reply else {
                throw ModelSilence(
                    because: "the model's server did not answer within \(call.limit.text)", mayHaveArrived: true)
            }
            return reply
        } catch {
            if Task.isCancelled { throw CancellationError() }
            if error is ModelSilence { throw error }
            let told = HubProxies.told(error, of: call.url, within: call.limit)
            throw ModelSilence(because: "the model's server: \(told.said)", mayHaveArrived: !told.isUnsent)
        }
    }
}
