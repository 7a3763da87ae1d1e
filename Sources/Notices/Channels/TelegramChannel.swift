package import StokerCore

/// A Telegram bot that writes to a chat.
///
/// Wire facts: `POST https://api.telegram.org/bot<token>/sendMessage` with `chat_id`, `text` (at most 4,096 characters after entities are read) and
/// `parse_mode` `HTML` (`&`, `<` and `>` are escaped); the answer has `ok`, `description` and, with 429, `parameters.retry_after` in seconds; 401: no such
/// bot, 403: the bot was put out of the chat; 400 with `parameters.migrate_to_chat_id`: the group became a supergroup of that number. One message a second
/// and chat, 20 a minute in a group. Source: Telegram Bot API, "sendMessage", "Formatting options", "ResponseParameters", and "Bots FAQ", read 2026-11.
package struct TelegramChannel: Channel {
    package var token: Secret?
    package var chat: String?
    package var api: String?
    package var templates: [FleetNamed<String>] = []

    package static let name = "telegram"
    package static let example = "telegram: \"123:abc\", chat: \"-100123\""

    package init() {}

    package static let table = FleetTable<TelegramChannel>(
        [
            FleetKey(
                "telegram", .secret("a bot's token"), \.token,
                "Token of the bot, from @BotFather. Empty switches the channel off.",
                range: "`123:abc…`", example: "\"123:abc\"", invalidExamples: ["abc", "\"https://t.me/bot\"", "[a]"],
                isSecret: true),
            FleetKey(
                "chat",
                .text("a chat's number or @name", pattern: "^(-?[0-9]+|@[A-Za-z0-9_]+)$") {
                    isChat($0)
                        ? nil : "is no chat; write its number such as -1001234567890, or @name of a public channel"
                }, \.chat, "Chat that the bot writes to; must be said.", range: "`-1001234567890`, `@name`",
                example: "\"-100123\"", invalidExamples: ["\"a b\"", "maren"]),
            FleetKey(
                "api", .webAddress, \.api, "Address of a Bot API server of your own.",
                defaultValue: "`https://api.telegram.org`", example: "https://bots.example.com",
                invalidExamples: ["bots", "[a]"]),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            if let token = settings.token, !isToken(token.reveal()) {
                said.report(
                    .value, "is no bot's token; expected digits, a colon and letters, as @BotFather writes it",
                    at: "telegram")
            }
            if said.has("telegram"), !said.has("chat") {
                said.report(.missing, "does not say which `chat` the bot writes to")
            }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { token != nil && chat != nil }
    package var shown: String { isOn ? ServiceAddress.shown(Secret(api ?? "https://api.telegram.org")) : "" }

    static let form = NoticeText.Form(
        titleEscaping: .telegram, escaping: .telegram, mostTitle: 300, mostText: 3_500, measure: NoticeText.Form.utf16)

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let token, let chat else { return .refused(because: "the channel is switched off") }
        var base = api ?? "https://api.telegram.org"
        while base.hasSuffix("/") { base.removeLast() }
        let request = ChannelRequest(
            "Telegram", Secret("\(base)/bot\(token.reveal())/sendMessage"), json: document(notice, chat),
            secrets: [token])
        switch await request.send(with: means) {
        case .failed(let because): return .later(after: nil, because: request.clean(because))
        case .answered(let answer):
            let json = answer.json
            let wait = (json?["parameters"]?["retry_after"]?.double).map {
                Duration.seconds(Int64(min(max($0, 0), 1e6)))
            }
            let number = json?["result"]?["message_id"]?.integer
            let said = json?["description"]?.string
            let moved = json?["parameters"]?["migrate_to_chat_id"]?.integer
            return request.verdict(
                on: answer, now: means.now(), note: number.map { "message \($0)" }, wait: wait,
                said: moved.map { "\(said ?? "the group has a new number"); write chat: \"\($0)\"" } ?? said)
        }
    }

    func document(_ notice: Notice, _ chat: String) -> JSONValue {
        let text = NoticeText(notice, templates, form: Self.form)
        var lines = ["\(NoticeTone(notice.kind).sign) <b>\(text.title)</b>"]
        if !text.text.isEmpty { lines.append(text.text) }
        var links: [String] = []
        if let link = text.link { links.append("<a href=\"\(TextEscaping.html.address(link))\">Open</a>") }
        if let link = text.acknowledge {
            links.append("<a href=\"\(TextEscaping.html.address(link))\">Acknowledge</a>")
        }
        if !links.isEmpty { lines.append(links.joined(separator: "  ")) }
        return [
            "chat_id": .string(chat), "text": .string(lines.joined(separator: "\n")), "parse_mode": "HTML",
            "link_preview_options": ["is_disabled": true],
        ]
    }

    private static func isChat(_ text: String) -> Bool {
        if text.hasPrefix("@") {
            return text.count > 1
                && text.dropFirst().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        }
        return Int64(text) != nil
    }

    private static func isToken(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[0].allSatisfy { $0.isASCII && $0.isNumber }
            && !parts[1].isEmpty
            && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
    }
}
