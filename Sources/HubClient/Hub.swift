import AsyncHTTPClient
import FoundationEssentials
package import Logging
import NIOCore
import NIOHTTP1
import NIOFoundationCompat
package import StokerCore

/// The Hub, spoken to over HTTPS. One value for a process and account; its areas are extensions, one file each.
///
/// Every call goes through ``send(_:)`` or ``open(_:)``: there the token is added (for Hub hosts only), the windows of the rate limit are
/// kept, redirects followed by hand and failures named.
package final class Hub: Sendable {
    package struct Settings: Sendable {
        /// Base address without a trailing slash. Default `https://huggingface.co`, or `HF_ENDPOINT`.
        package var endpoint: String
        package var token: Secret?
        /// `HF_HUB_OFFLINE`: every call fails before it leaves.
        package var offline: Bool
        /// First part of the `User-Agent`.
        package var agent: String
        package init(
            endpoint: String = "https://huggingface.co", token: Secret? = nil, offline: Bool = false,
            agent: String = "stoker"
        ) {
            self.endpoint = endpoint
            self.token = token
            self.offline = offline
            self.agent = agent
        }
    }

    package let settings: Settings
    package let pace: HubPace
    let client: HTTPClient
    let logger: Logger

    package init(_ settings: Settings, pace: HubPace = HubPace(), logger: Logger) {
        self.settings = settings
        self.pace = pace
        self.logger = logger
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Closes the connections. The value cannot be used afterwards.
    package func shutdown() async throws {
        try await client.shutdown()
    }

    /// Sends a request and reads the answer, at most 64 MiB of it. Throws for every status from 400 on that is not in ``HubRequest/accepted``.
    package func send(_ request: HubRequest) async throws(HubFailure) -> HubAnswer {
        let stream = try await open(request)
        var body = ByteBuffer()
        do {
            for try await piece in stream.pieces {
                body.writeImmutableBuffer(piece)
                if body.readableBytes > 64 << 20 {
                    throw HubFailure(
                        .unreadable, doing: request.doing, said: "the answer is longer than 64 MiB",
                        status: stream.status)
                }
            }
        } catch let failure as HubFailure {
            throw failure
        } catch {
            throw HubFailure(.unreachable, doing: request.doing, said: "\(error)", retry: .soon)
        }
        return HubAnswer(status: stream.status, headers: stream.headers, body: body, url: stream.url)
    }

    /// Sends a request and decodes the JSON of the answer.
    package func value<Value: Decodable>(_ request: HubRequest, as type: Value.Type = Value.self)
        async throws(HubFailure)
        -> Value
    {
        try await send(request).decoded(as: type, doing: request.doing)
    }
}

extension HubAnswer {
    /// The body as JSON; a page in place of JSON is the Hub's trouble, not ours.
    package func decoded<Value: Decodable>(as type: Value.Type = Value.self, doing: String) throws(HubFailure) -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: Data(buffer: body))
        } catch {
            throw HubFailure(
                .unreadable, doing: doing, said: "the answer is not the JSON we know: \(error)", status: status)
        }
    }
}

extension HubRequest.Body {
    /// The value as JSON.
    package static func json(encoding value: some Encodable & Sendable) -> Self {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Only floats that are not finite cannot be encoded, and no request of ours has floats.
        guard let data = try? encoder.encode(value) else { return .none }
        return .json(ByteBuffer(bytes: data))
    }
}
