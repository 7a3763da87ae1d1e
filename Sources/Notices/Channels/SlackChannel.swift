package import StokerCore

/// A Slack incoming webhook: blocks.
///
/// Wire facts: `POST` of JSON to `https://hooks.slack.com/services/…`; answers `ok`, or 400, 403, 404, 410 with a word such as `no_service`, 429 with
/// `Retry-After`; a header block has at most 150 characters, a section 3,000; text of the type `plain_text` knows no markup; `text` is what
/// notifications show; one message a second, short bursts may pass. Source: docs.slack.dev, "Sending messages using incoming webhooks", "Blocks" and "Rate
/// limits", read 2026-11.
package struct SlackChannel: Channel {
    package var address: Secret?
    package var mention: String?
    package var templates: [FleetNamed<String>] = []

    package static let name = "slack"
    package static let example = "slack: \"https://hooks.slack.com/services/T/B/a\""
    private static let wanted = "https://hooks.slack.com/services/…, from the app's Incoming Webhooks"

    package init() {}

    package static let table = FleetTable<SlackChannel>(
        [
            FleetKey(
                "slack", .secret("a webhook address"), \.address,
                "Address of a Slack incoming webhook. Empty switches the channel off.",
                range: "`https://hooks.slack.com/services/…`", example: "\"https://hooks.slack.com/services/T/B/a\"",
                invalidExamples: ["hooks.slack.com", "\"https://example.com/services/T/B/a\"", "[a]"], isSecret: true),
            FleetKey(
                "mention",
                .text(
                    "a mention such as <!here>",
                    pattern: "^<(!here|!channel|!everyone|@[A-Z0-9]+|!subteam\\^[A-Z0-9]+)>$"
                ) {
                    isMention($0)
                        ? nil
                        : "is no mention; write <@U123> for a person, <!subteam^S123> for a group, <!here> or <!channel>"
                }, \.mention, "Who is mentioned when something is wrong.", defaultValue: "nobody",
                range: "`<@U123>`, `<!subteam^S123>`, `<!here>`, `<!channel>`", example: "\"<!here>\"",
                invalidExamples: ["maren", "\"<!x>\""]),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            said.check(settings.address, at: "slack", wanted) { ServiceAddress.isUnder("slack.com", $0) }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { address != nil }
    package var shown: String { ServiceAddress.shown(address) }

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let address else { return .refused(because: "the channel is switched off") }
        return await ChannelRequest("Slack", address, json: document(notice), secrets: [address]).deliver(with: means)
    }

    func document(_ notice: Notice) -> JSONValue {
        // Our own words have no markup; in those of a person, values cannot bring any.
        let isOwn = templates.contains { $0.name == notice.kind.rawValue || $0.name == TemplateSettings.allKinds }
        let text = NoticeText(
            notice, templates,
            form: NoticeText.Form(
                escaping: isOwn ? .slack : .plain, mostTitle: 146, mostText: 2_900, measure: NoticeText.Form.utf16))
        let tone = NoticeTone(notice.kind)
        func markup(_ text: String) -> JSONValue { ["type": "mrkdwn", "text": .string(text), "verbatim": true] }
        func plain(_ text: String) -> JSONValue { ["type": "plain_text", "text": .string(text), "emoji": true] }
        var blocks: [JSONValue] = [["type": "header", "text": plain("\(tone.sign) \(text.title)")]]
        if !text.text.isEmpty {
            blocks.append(["type": "section", "text": isOwn ? markup(text.text) : plain(text.text)])
        }
        if tone != .good, let mention { blocks.append(["type": "section", "text": markup(mention)]) }
        var links: [String] = []
        if let link = text.link { links.append("<\(TextEscaping.slack.address(link))|Open>") }
        if let link = text.acknowledge { links.append("<\(TextEscaping.slack.address(link))|Acknowledge>") }
        if !links.isEmpty {
            blocks.append(["type": "context", "elements": [markup(links.joined(separator: "  "))]])
        }
        return [
            "text": .string(TextEscaping.slack.escape(text.title)), "blocks": .array(blocks), "unfurl_links": false,
            "unfurl_media": false,
        ]
    }

    private static func isMention(_ text: String) -> Bool {
        if ["<!here>", "<!channel>", "<!everyone>"].contains(text) { return true }
        guard text.hasSuffix(">") else { return false }
        for start in ["<@", "<!subteam^"] where text.hasPrefix(start) {
            let id = text.dropFirst(start.count).dropLast()
            return !id.isEmpty && id.count <= 20 && id.allSatisfy { $0.isASCII && ($0.isUppercase || $0.isNumber) }
        }
        return false
    }
}
