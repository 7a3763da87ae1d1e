package import StokerCore

/// An incoming webhook of a Google Chat space: a card.
///
/// Wire facts: `POST https://chat.googleapis.com/v1/spaces/SPACE/messages?key=…&token=…`; a message with its cards has at most 32,000 bytes; one request a
/// second and space, more are answered with 429 and are to be repeated with growing waits; a `requestId` that was seen before makes no second message; a
/// `textParagraph` reads a part of HTML. Source: Google Chat docs, "Build a Google Chat app as a webhook", "spaces.messages.create", "Usage limits"
/// and "Text formatting in cards", read 2026-11.
package struct GoogleChatChannel: Channel {
    package var address: Secret?
    package var templates: [FleetNamed<String>] = []

    package static let name = "google_chat"
    package static let example = "google_chat: \"https://chat.googleapis.com/v1/spaces/A/messages?key=a&token=b\""
    private static let wanted = "https://chat.googleapis.com/v1/spaces/…, from the space's Apps & integrations"

    package init() {}

    package static let table = FleetTable<GoogleChatChannel>(
        [
            FleetKey(
                "google_chat", .secret("a webhook address"), \.address,
                "Address of a Google Chat webhook. Empty switches the channel off.",
                range: "`https://chat.googleapis.com/v1/spaces/…`",
                example: "\"https://chat.googleapis.com/v1/spaces/A/messages?key=a&token=b\"",
                invalidExamples: ["chat", "\"https://example.com/v1/spaces/A/messages\"", "[a]"], isSecret: true),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            said.check(settings.address, at: "google_chat", wanted) { $0 == "chat.googleapis.com" }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { address != nil }
    package var shown: String { ServiceAddress.shown(address) }

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let address else { return .refused(because: "the channel is switched off") }
        let request = ChannelRequest(
            "Google Chat", Self.address(address, for: notice), json: document(notice), secrets: [address])
        switch await request.send(with: means) {
        case .failed(let because): return .later(after: nil, because: request.clean(because))
        case .answered(let answer):
            return request.verdict(on: answer, now: means.now(), said: answer.json?["error"]?["message"]?.string)
        }
    }

    /// With the message's key: who sends it again after a crash makes no second message.
    static func address(_ address: Secret, for notice: Notice) -> Secret {
        let text = address.reveal()
        let fragment = text.firstIndex(of: "#") ?? text.endIndex
        let base = text[..<fragment]
        let key = PercentCoding.encoded(String(notice.key.prefix(200)))
        return Secret("\(base)\(base.contains("?") ? "&" : "?")requestId=\(key)")
    }

    func document(_ notice: Notice) -> JSONValue {
        let text = NoticeText(
            notice, templates, form: NoticeText.Form(escaping: .html, mostTitle: 500, mostText: 20_000))
        var widgets: [JSONValue] = []
        if !text.text.isEmpty {
            widgets.append(["textParagraph": ["text": .string(text.text.replacing("\n", with: "<br>"))]])
        }
        var buttons: [JSONValue] = []
        for (title, link) in [("Open", text.link), ("Acknowledge", text.acknowledge)] {
            if let link {
                buttons.append(["text": .string(title), "onClick": ["openLink": ["url": .string(link)]]])
            }
        }
        if !buttons.isEmpty { widgets.append(["buttonList": ["buttons": .array(buttons)]]) }
        return [
            "cardsV2": [
                [
                    "cardId": .string(String(notice.key.prefix(64))),
                    "card": [
                        "header": ["title": .string("\(NoticeTone(notice.kind).sign) \(text.title)")],
                        "sections": [["widgets": .array(widgets)]],
                    ],
                ]
            ]
        ]
    }
}
