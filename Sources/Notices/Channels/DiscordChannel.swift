package import StokerCore

/// A Discord webhook: a rich embed.
///
/// Wire facts: `POST /api/webhooks/{id}/{token}?wait=true`; an embed's title has at most 256 characters, its description 4,096, its footer 2,048, all
/// together 6,000; `allowed_mentions: {parse: []}` mentions nobody; 429 carries `retry_after` in seconds with decimals, in its body and as
/// a header; 404 says that the webhook is gone. Source: Discord developer docs, "Webhook Resource" and "Rate Limits".
package struct DiscordChannel: Channel {
    package var address: Secret?
    package var username: String?
    package var mention: String?
    package var templates: [FleetNamed<String>] = []

    package static let name = "discord"
    package static let example = "discord: \"https://discord.com/api/webhooks/1/a\""
    private static let wanted =
        "https://discord.com/api/webhooks/…, from the channel's settings, Integrations, Webhooks"

    package init() {}

    package static let table = FleetTable<DiscordChannel>(
        [
            FleetKey(
                "discord", .secret("a webhook address"), \.address,
                "Address of a Discord webhook. Empty switches the channel off.",
                range: "`https://discord.com/api/webhooks/…`",
                example: "\"https://discord.com/api/webhooks/1/a\"",
                invalidExamples: ["discord.com", "\"https://example.com/api/webhooks/1/a\"", "[a]"], isSecret: true),
            FleetKey(
                "username",
                .text("a name", pattern: "^.{1,80}$") { $0.count <= 80 ? nil : "has more than 80 characters" },
                \.username, "Name that the messages come from.", defaultValue: "the webhook's own", example: "Stoker",
                invalidExamples: ["[a]", "{ a: b }"]),
            FleetKey(
                "mention",
                .text("a mention such as <@&123>", pattern: "^(<@&?[0-9]+>|@here|@everyone)$") { text in
                    mentions(in: text) == nil
                        ? "is no mention; write <@123> for a person, <@&123> for a role, @here or @everyone" : nil
                }, \.mention, "Who is mentioned when something is wrong.", defaultValue: "nobody",
                range: "`<@123>`, `<@&123>`, `@here`, `@everyone`", example: "\"<@&123>\"",
                invalidExamples: ["maren", "\"<@x>\""]),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            said.check(settings.address, at: "discord", wanted) {
                ServiceAddress.isUnder("discord.com", $0) || ServiceAddress.isUnder("discordapp.com", $0)
            }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { address != nil }
    package var shown: String { ServiceAddress.shown(address) }

    static let form = NoticeText.Form(
        titleEscaping: .discord, escaping: .discord, mostTitle: 256, mostText: 4_000, measure: NoticeText.Form.utf16)

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let address else { return .refused(because: "the channel is switched off") }
        let url = address.reveal()
        let request = ChannelRequest(
            "Discord", Secret(url + (url.contains("?") ? "&" : "?") + "wait=true"), json: document(notice),
            secrets: [address])
        switch await request.send(with: means) {
        case .failed(let because): return .later(after: nil, because: request.clean(because))
        case .answered(let answer):
            let json = answer.json
            let wait = (json?["retry_after"]?.double).map { Duration.milliseconds(Int64(min(max($0, 0), 1e6) * 1_000)) }
            return request.verdict(
                on: answer, now: means.now(), note: json?["id"]?.string.map { "message \($0)" }, wait: wait,
                said: json?["message"]?.string)
        }
    }

    func document(_ notice: Notice) -> JSONValue {
        let text = NoticeText(notice, templates, form: Self.form)
        let tone = NoticeTone(notice.kind)
        var lines = text.text
        if let acknowledge = text.acknowledge, acknowledge.utf16.count < 1_000 {
            lines += "\n[Acknowledge](\(acknowledge))"
        }
        var embed: [JSONValue.Member] = [
            .init("title", .string(text.title)), .init("description", .string(lines)),
            .init("color", .integer(Int64(tone.colour))), .init("timestamp", .string(notice.at.description)),
            .init("footer", ["text": .string("Stoker · \(notice.key.prefix(200))")]),
        ]
        if let link = text.link { embed.append(.init("url", .string(link))) }
        let wanted = tone == .good ? nil : mention
        var members: [JSONValue.Member] = [
            .init("embeds", [.object(embed)]),
            .init("allowed_mentions", wanted.flatMap(Self.mentions) ?? ["parse": []]),
        ]
        if let username { members.append(.init("username", .string(username))) }
        if let wanted { members.append(.init("content", .string(wanted))) }
        return .object(members)
    }

    /// What Discord has to be told so that this and nothing else mentions; nil for what is no mention.
    private static func mentions(in text: String) -> JSONValue? {
        if text == "@here" || text == "@everyone" { return ["parse": ["everyone"]] }
        guard text.hasPrefix("<@"), text.hasSuffix(">") else { return nil }
        let isRole = text.hasPrefix("<@&")
        let id = text.dropFirst(isRole ? 3 : 2).dropLast()
        guard !id.isEmpty, id.count <= 20, id.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return .object([.init(isRole ? "roles" : "users", [.string(String(id))])])
    }
}
