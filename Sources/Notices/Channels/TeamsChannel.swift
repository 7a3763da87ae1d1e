package import StokerCore

/// A workflow webhook of Microsoft Teams ("Post to a channel when a webhook request is received"): an adaptive card.
///
/// Wire facts: `POST` of `{type: message, attachments: [{contentType: application/vnd.microsoft.card.adaptive, content}]}`; 202 is accepted; a message has
/// at most 28 KB; more than four requests a second are answered with 429. A `TextRun` knows no Markdown. Source: Microsoft Learn, "Create
/// incoming webhooks with Workflows" and Adaptive Cards "RichTextBlock", read 2026-11. Webhooks of Office 365 connectors (`webhook.office.com`) were retired in
/// 2026.
package struct TeamsChannel: Channel {
    package var address: Secret?
    package var templates: [FleetNamed<String>] = []

    package static let name = "teams"
    package static let example = "teams: \"https://a.logic.azure.com/workflows/1?sig=a\""

    package init() {}

    package static let table = FleetTable<TeamsChannel>(
        [
            FleetKey(
                "teams", .secret("a workflow's webhook address"), \.address,
                "Address of a Teams workflow that is started by a webhook request. Empty switches the channel off.",
                range: "`https://…`", example: "\"https://a.logic.azure.com/workflows/1?sig=a\"",
                invalidExamples: ["teams", "\"http://example.com/hook\"", "[a]"], isSecret: true),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            // Workflows have hosts of several clouds.
            said.check(settings.address, at: "teams", "https://…, the address that the workflow shows when it is saved")
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { address != nil }
    package var shown: String { ServiceAddress.shown(address) }

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let address else { return .refused(because: "the channel is switched off") }
        return await ChannelRequest("Teams", address, json: document(notice), secrets: [address]).deliver(with: means)
    }

    func document(_ notice: Notice) -> JSONValue {
        let text = NoticeText(notice, templates, form: NoticeText.Form(mostTitle: 500, mostText: 12_000))
        let tone = NoticeTone(notice.kind)
        func block(_ run: [JSONValue.Member]) -> JSONValue {
            ["type": "RichTextBlock", "inlines": [.object([.init("type", "TextRun")] + run)]]
        }
        let colour: JSONValue =
            switch tone {
            case .good: "good"
            case .fair: "warning"
            case .bad: "attention"
            }
        var body = [
            block([
                .init("text", .string(text.title)), .init("weight", "bolder"), .init("size", "medium"),
                .init("color", colour),
            ])
        ]
        body += text.text.split(separator: "\n").map { block([.init("text", .string(String($0)))]) }
        var actions: [JSONValue] = []
        for (title, link) in [("Open", text.link), ("Acknowledge", text.acknowledge)] {
            if let link { actions.append(["type": "Action.OpenUrl", "title": .string(title), "url": .string(link)]) }
        }
        var card: [JSONValue.Member] = [
            .init("$schema", "http://adaptivecards.io/schemas/adaptive-card.json"), .init("type", "AdaptiveCard"),
            .init("version", "1.4"), .init("body", .array(body)),
        ]
        if !actions.isEmpty { card.append(.init("actions", .array(actions))) }
        return [
            "type": "message",
            "attachments": [
                [
                    "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil,
                    "content": .object(card),
                ]
            ],
        ]
    }
}
