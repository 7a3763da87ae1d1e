import Crypto
import Foundation
package import StokerCore

/// A program of one's own: JSON by POST, signed as Standard Webhooks describes it.
///
/// `webhook-id` is the message's key, the same for every attempt; `webhook-timestamp` the time of the attempt in seconds, up to one before it leaves; `webhook-signature` is `v1,` and the
/// HMAC-SHA256 of `id.timestamp.body` in base64, with the secret as it is written, or the bytes behind `whsec_` read as base64. Source:
/// github.com/standard-webhooks/standard-webhooks, spec 1.0.0, read 2026-11. `Idempotency-Key` is the same as the id.
package struct WebhookChannel: Channel {
    package var address: Secret?
    package var secret: Secret?
    package var token: Secret?
    package var templates: [FleetNamed<String>] = []

    package static let name = "webhook"
    package static let example = "webhook: \"https://ops.example.com/hook\""

    package init() {}

    package static let table = FleetTable<WebhookChannel>(
        [
            FleetKey(
                "webhook", .secret("an address"), \.address,
                "Address that JSON is sent to by POST. Empty switches the channel off.",
                range: "`https://…` or `http://…`",
                example: "\"https://ops.example.com/hook\"",
                invalidExamples: ["ops.example.com", "\"ftp://a/b\"", "[a]"],
                isSecret: true),
            FleetKey(
                "secret", .secret("a secret"), \.secret,
                "Signs each message with HMAC-SHA256; `whsec_` and base64, or any text.", defaultValue: "not signed",
                example: "\"${HOOK_SECRET:-}\"", invalidExamples: ["[a]", "whsec_*"], isSecret: true),
            FleetKey(
                "token", .secret("a token"), \.token, "Sent as `Authorization: Bearer`.",
                example: "\"${HOOK_TOKEN:-}\"",
                invalidExamples: ["[a]", "\"a b\""], isSecret: true),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            if let address = settings.address {
                let read = try? Address(address.reveal())
                if read == nil || !["http", "https"].contains(read?.scheme.rawValue ?? "") {
                    said.report(.value, "is no address; expected https://… or http://…", at: "webhook")
                }
            }
            if let secret = settings.secret, signingKey(secret) == nil {
                said.report(.value, "begins with whsec_, and what follows is not base64", at: "secret")
            }
            if let token = settings.token?.reveal(), !token.allSatisfy({ $0.isASCII && $0 > " " && $0 != "\u{7F}" }) {
                said.report(.value, "has a character that no header can hold", at: "token")
            }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { address != nil }
    package var shown: String { ServiceAddress.shown(address) }

    static let form = NoticeText.Form(mostTitle: 500, mostText: 20_000)

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        await prepare(notice, with: means)()
    }

    package func prepare(_ notice: Notice, with means: DeliveryMeans) -> Attempt {
        let body = NoticeDocument.json(notice, NoticeText(notice, templates, form: Self.form)).bytes
        guard let address else { return { .refused(because: "the channel is switched off") } }
        let seconds = means.now().milliseconds / 1_000
        var headers = [
            ("webhook-id", notice.key), ("webhook-timestamp", String(seconds)), ("idempotency-key", notice.key),
        ]
        if let secret {
            guard let signature = Self.signature(notice.key, seconds, body, secret) else {
                return { .refused(because: "the webhook's secret cannot be used") }
            }
            headers.append(("webhook-signature", signature))
        }
        if let token { headers.append(("authorization", "Bearer \(token.reveal())")) }
        let request = ChannelRequest(
            "The webhook", address, body: body, type: "application/json", headers: headers,
            secrets: [secret, token].compactMap(\.self))
        let ready = request.ready
        return { await request.deliver(ready, with: means) }
    }

    static func signature(_ id: String, _ seconds: Int64, _ body: [UInt8], _ secret: Secret) -> String? {
        guard let key = signingKey(secret) else { return nil }
        var signed = Array("\(id).\(seconds).".utf8)
        signed += body
        let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: key))
        return "v1,\(Data(code).base64EncodedString())"
    }

    private static func signingKey(_ secret: Secret) -> Data? {
        let text = secret.reveal()
        guard text.hasPrefix("whsec_") else { return Data(text.utf8) }
        guard let key = Data(base64Encoded: String(text.dropFirst(6))), !key.isEmpty else { return nil }
        return key
    }
}
