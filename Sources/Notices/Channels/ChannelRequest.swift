import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Runtime
import StokerCore
import Synchronization

/// One POST to a service, and what its answer means unless the service has a meaning of its own.
struct ChannelRequest: Sendable {
    /// Told to people: `Discord`.
    var service: String
    /// A secret in most services.
    var url: Secret
    var headers: [(String, String)] = []
    var body: [UInt8]
    /// Beside the address: what no message may show.
    var secrets: [Secret] = []

    /// Of an answer; more is not read.
    static let mostAnswer = 16_384
    /// A service may ask for so long a wait.
    static let longestWait = Duration.seconds(6 * 3_600)

    init(
        _ service: String, _ url: Secret, json: JSONValue, headers: [(String, String)] = [], secrets: [Secret] = []
    ) {
        self.init(
            service, url, body: json.bytes, type: "application/json", headers: headers, secrets: secrets)
    }

    init(
        _ service: String, _ url: Secret, body: [UInt8], type: String, headers: [(String, String)] = [],
        secrets: [Secret] = []
    ) {
        self.service = service
        self.url = url
        self.body = body
        self.headers = [("content-type", type), ("user-agent", "Stoker/\(Version.current)")] + headers
        self.secrets = secrets
    }

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        /// At most ``ChannelRequest/mostAnswer`` bytes.
        var body: [UInt8]

        var json: JSONValue? { try? JSONValue(reading: body, .lenient) }
    }

    enum Outcome: Sendable {
        case answered(Answer)
        case failed(because: String)
    }

    /// As the client takes it: fails for an address that it does not.
    var ready: Result<HTTPClient.Request, any Error> {
        Result {
            try HTTPClient.Request(
                url: url.reveal(), method: .POST, headers: HTTPHeaders(headers),
                body: .byteBuffer(ByteBuffer(bytes: body)))
        }
    }

    /// Sends it and reads the beginning of the answer.
    func send(with means: DeliveryMeans) async -> Outcome { await send(ready, with: means) }

    private func send(_ ready: Result<HTTPClient.Request, any Error>, with means: DeliveryMeans) async -> Outcome {
        let answer = AnswerHead()
        do {
            let task = means.http.execute(
                request: try ready.get(), delegate: answer,
                deadline: .now() + .milliseconds(means.limit.wholeMilliseconds))
            return .answered(
                try await withTaskCancellationHandler {
                    try await task.get()
                } onCancel: {
                    task.cancel()
                })
        } catch {
            // Once the status has arrived, an end that is cut off changes nothing.
            if let answer = answer.soFar { return .answered(answer) }
            if (error as? HTTPClientError) == .deadlineExceeded {
                return .failed(because: "\(service) did not answer within \(Formatting.interval(means.limit))")
            }
            return .failed(because: "\(service) could not be reached: \(Self.words(for: error))")
        }
    }

    /// Keeps the beginning of an answer, on the connection's event loop: a stream of its parts would go from thread to thread.
    private final class AnswerHead: HTTPClientResponseDelegate {
        private struct Enough: Error {}

        private let answer = Mutex<Answer?>(nil)
        var soFar: Answer? { answer.withLock { $0 } }

        func didReceiveHead(task: HTTPClient.Task<Answer>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
            let new = Answer(status: Int(head.status.code), headers: head.headers, body: [])
            answer.withLock { $0 = new }
            return task.eventLoop.makeSucceededVoidFuture()
        }

        func didReceiveBodyPart(task: HTTPClient.Task<Answer>, _ part: ByteBuffer) -> EventLoopFuture<Void> {
            let isEnough = answer.withLock { answer in
                let room = mostAnswer - (answer?.body.count ?? 0)
                answer?.body += part.readableBytesView.prefix(room)
                return part.readableBytes >= room
            }
            return isEnough
                ? task.eventLoop.makeFailedFuture(Enough()) : task.eventLoop.makeSucceededVoidFuture()
        }

        func didFinishRequest(task: HTTPClient.Task<Answer>) throws -> Answer {
            guard let answer = soFar else { throw HTTPClientError.remoteConnectionClosed }
            return answer
        }
    }

    /// Sends it; the status decides.
    /// - Parameter ready: made ahead; now unless given.
    func deliver(
        _ ready: Result<HTTPClient.Request, any Error>? = nil, with means: DeliveryMeans,
        note: (Answer) -> String? = { _ in nil }
    ) async -> Delivery {
        switch await send(ready ?? self.ready, with: means) {
        case .failed(let because): return .later(after: nil, because: clean(because))
        case .answered(let answer): return verdict(on: answer, now: means.now(), note: note(answer))
        }
    }

    /// 2xx is delivered; 408, 425, 429 and 5xx may work later; everything else does not.
    /// - Parameters:
    ///   - wait: what the service says in its body of how long to wait.
    ///   - said: what it says of the reason, when that is not the body itself.
    func verdict(
        on answer: Answer, now: Instant, note: String? = nil, wait: Duration? = nil, said: String? = nil
    ) -> Delivery {
        if (200..<300).contains(answer.status) {
            return .delivered(note: note.map { Redaction.quote(clean($0), limit: 120) })
        }
        let because = clean(self.because(answer, said))
        switch answer.status {
        case 408, 425, 429, 500..<600:
            return .later(
                after: (wait ?? Self.retryAfter(answer.headers, now: now)).map {
                    min(max($0, .zero), Self.longestWait)
                },
                because: because)
        default: return .refused(because: because)
        }
    }

    private func because(_ answer: Answer, _ said: String?) -> String {
        if (300..<400).contains(answer.status) {
            let place = answer.headers.first(name: "location").flatMap { try? WebOrigin($0) }?.host
            return
                "\(service) answered \(answer.status), a redirect\(place.map { " to \($0)" } ?? ""); a message is not sent after it: write the new address"
        }
        let words = said ?? String(decoding: answer.body.prefix(2_000), as: UTF8.self)
        // A page for browsers says nothing in its beginning.
        let isPage = words.drop(while: \.isWhitespace).hasPrefix("<")
        let quoted = isPage ? "" : Redaction.quote(words, limit: 200)
        return "\(service) answered \(answer.status)\(quoted.isEmpty ? "" : ": \(quoted)")"
    }

    /// Without the address and its secrets.
    func clean(_ text: String) -> String {
        Redaction.text(Redaction.hide(secrets + Self.secretParts(of: url), in: text))
    }

    /// What follows the host. A service's name in the path is none.
    private static func secretParts(of url: Secret) -> [Secret] {
        guard let parts = AddressParts(url.reveal()) else { return [url] }
        let known: Set<String> = ["api", "webhooks", "services", "messages", "enqueue", "emails", "sendMessage"]
        let steps = parts.path.split(separator: "/").map(String.init).filter { !known.contains($0) }
        let values = (parts.query ?? "").split(separator: "&").compactMap { pair in
            pair.firstIndex(of: "=").map { String(pair[pair.index(after: $0)...]) }
        }
        // Answers quote them as they were sent, or decoded.
        let written = (steps + values).flatMap { [$0, PercentCoding.lenientlyDecoded($0, plusIsSpace: false)] }
        return Set(written).filter { $0.utf8.count >= 6 }.map { Secret($0) } + [parts.password].compactMap(\.self)
    }

    /// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
    static func retryAfter(_ headers: HTTPHeaders, now: Instant) -> Duration? {
        headers.first(name: "retry-after").flatMap { RetryAfter.duration($0, now: now) }
    }

    private static func words(for error: any Error) -> String {
        if let error = error as? HTTPClientError {
            switch error {
            case .connectTimeout: return "the connection took longer than 10 s"
            case .readTimeout, .deadlineExceeded: return "no answer came in time"
            case .remoteConnectionClosed: return "the connection was closed before an answer came"
            default: return Redaction.quote(error.shortDescription, limit: 160)
            }
        }
        if error is CancellationError { return "Stoker was stopping" }
        return Redaction.quote("\(error)", limit: 160)
    }
}
