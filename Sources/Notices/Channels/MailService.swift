import Foundation
import NIOHTTP1
import StokerCore

/// A mail service with an HTTP API.
///
/// Wire facts:
/// - Resend, "Send Email": `POST /emails`, `Idempotency-Key` (24 h; the same key with another body is 409 `invalid_idempotent_request`, a call that still
///   runs 409 `concurrent_idempotent_requests`).
/// - SendGrid, "Mail Send" and "Rate Limits": `POST /v3/mail/send`, 202, the number in `x-message-id`; 429 has no `Retry-After` but `X-RateLimit-Reset`, in seconds
///   since 1970. Read 2026-11.
/// - Mailgun, "API Overview": `POST /v3/DOMAIN/messages` as a form, Basic authentication as `api`; `https://api.eu.mailgun.net` in the EU; refusals are JSON with `message`;
///   429 and 5xx are to be repeated. Read 2026-11.
/// - Postmark, "Sending a single email": `POST /email`, `X-Postmark-Server-Token`; a `Message-ID` is kept with `X-PM-KeepID`; refusals are 422 with an `ErrorCode`.
///   Where only some recipients are suppressed it answers 200 and `Message OK, but will not deliver to these inactive addresses: a@x, b@x.` Source: the test
///   suites of postmark.js and django-anymail, read 2026-11.
package enum MailService: String, Sendable, CaseIterable {
    case resend, sendgrid, mailgun, postmark

    package var title: String {
        switch self {
        case .resend: "Resend"
        case .sendgrid: "SendGrid"
        case .mailgun: "Mailgun"
        case .postmark: "Postmark"
        }
    }

    private var address: String {
        switch self {
        case .resend: "https://api.resend.com"
        case .sendgrid: "https://api.sendgrid.com"
        case .mailgun: "https://api.mailgun.net"
        case .postmark: "https://api.postmarkapp.com"
        }
    }

    func deliver(
        _ message: MailMessage, _ key: Secret, domain: String, at base: String?, with means: DeliveryMeans
    ) async -> Delivery {
        let request = request(message, key, domain: domain, at: base)
        switch await request.send(with: means) {
        case .failed(let because): return .later(after: nil, because: request.clean(because))
        case .answered(let answer):
            let json = answer.json
            if self == .resend, answer.status == 409 {
                switch json?["name"]?.string {
                // It was taken before, when it was not late yet or had fewer words.
                case "invalid_idempotent_request": return .delivered(note: "Resend had it already")
                case "concurrent_idempotent_requests":
                    return .later(after: .seconds(5), because: "Resend is still at the same message")
                default: break
                }
            }
            let number = answer.headers.first(name: "x-message-id") ?? (json?["id"] ?? json?["MessageID"])?.string
            let errors = json?["errors"]?.array?.compactMap { $0["message"]?.string }.joined(separator: ", ")
            let said = errors ?? (json?["message"] ?? json?["Message"])?.string
            let wait = self == .sendgrid ? Self.untilReset(answer, now: means.now()) : nil
            let verdict = request.verdict(on: answer, now: means.now(), note: number, wait: wait, said: said)
            guard case .delivered = verdict, self == .postmark, let said else { return verdict }
            let missing = Self.inactive(said).filter { address in
                message.to.contains { $0.address.lowercased() == address.lowercased() }
            }
            guard !missing.isEmpty else { return verdict }
            return .partly(
                because: request.clean(
                    "delivered to \(max(0, message.to.count - missing.count)) of \(message.to.count); Postmark does not deliver to "
                        + "\(missing.prefix(5).joined(separator: ", ")): earlier mail came back, or was reported as spam"
                ))
        }
    }

    /// Of SendGrid, when nothing may be sent before. A header that says less than `Retry-After` does not count.
    private static func untilReset(_ answer: ChannelRequest.Answer, now: Instant) -> Duration? {
        guard answer.status == 429, answer.headers.first(name: "retry-after") == nil,
            let text = answer.headers.first(name: "x-ratelimit-reset"), let seconds = Int64(text), seconds > 0,
            seconds < 1 << 40
        else { return nil }
        return max(.seconds(1), Instant(milliseconds: seconds * 1_000) - now)
    }

    /// Addresses of Postmark's sentence about recipients that are suppressed.
    private static func inactive(_ said: String) -> [String] {
        guard let start = said.firstRange(of: "inactive addresses: ") else { return [] }
        return said[start.upperBound...].prefix(4_000).split { $0 == "," || $0.isWhitespace }
            .map { $0.hasSuffix(".") ? String($0.dropLast()) : String($0) }.filter { $0.contains("@") }
    }

    func request(_ message: MailMessage, _ key: Secret, domain: String, at base: String?) -> ChannelRequest {
        var base = base ?? address
        while base.hasSuffix("/") { base.removeLast() }
        let bearer = ("authorization", "Bearer \(key.reveal())")
        let id = message.messageID
        func full(_ address: MailAddress) -> String {
            address.name.isEmpty ? address.address : "\(address.name) <\(address.address)>"
        }
        let to = message.to.map(full)
        switch self {
        case .resend:
            return ChannelRequest(
                title, Secret("\(base)/emails"),
                json: [
                    "from": .string(full(message.from)), "to": .array(to.map { .string($0) }),
                    "subject": .string(message.subject),
                    "text": .string(message.text),
                ], headers: [bearer, ("idempotency-key", message.key)], secrets: [key])
        case .sendgrid:
            func party(_ address: MailAddress) -> JSONValue {
                .object(
                    [.init("email", .string(address.address))]
                        + (address.name.isEmpty ? [] : [.init("name", .string(address.name))]))
            }
            return ChannelRequest(
                title, Secret("\(base)/v3/mail/send"),
                json: [
                    "personalizations": [["to": .array(message.to.map(party))]], "from": party(message.from),
                    "subject": .string(message.subject),
                    "content": [["type": "text/plain", "value": .string(message.text)]],
                    "headers": ["Message-ID": .string(id)],
                ], headers: [bearer], secrets: [key])
        case .mailgun:
            var fields = [("from", full(message.from))] + to.map { ("to", $0) }
            fields += [("subject", message.subject), ("text", message.text), ("h:Message-Id", id)]
            let form = fields.map { "\(PercentCoding.encoded($0.0))=\(PercentCoding.encoded($0.1))" }.joined(
                separator: "&")
            let pair = Data("api:\(key.reveal())".utf8).base64EncodedString()
            return ChannelRequest(
                title, Secret("\(base)/v3/\(domain)/messages"), body: Array(form.utf8),
                type: "application/x-www-form-urlencoded",
                headers: [("authorization", "Basic \(pair)")], secrets: [key])
        case .postmark:
            return ChannelRequest(
                title, Secret("\(base)/email"),
                json: [
                    "From": .string(full(message.from)), "To": .string(to.joined(separator: ",")),
                    "Subject": .string(message.subject),
                    "TextBody": .string(message.text), "MessageStream": "outbound",
                    "Headers": [
                        ["Name": "Message-ID", "Value": .string(id)], ["Name": "X-PM-KeepID", "Value": "true"],
                    ],
                ], headers: [("x-postmark-server-token", key.reveal()), ("accept", "application/json")], secrets: [key])
        }
    }
}
