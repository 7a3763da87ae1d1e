import Foundation
package import StokerCore

/// A topic of ntfy.sh or of an ntfy server of one's own.
///
/// Wire facts: `POST` of JSON (`topic`, `title`, `message`, `priority` 1…5, `tags`, `click`, `actions`) to the server's root, so that no header holds foreign
/// text; a message has at most 4,096 bytes, else it becomes an attachment; a token is sent as `Authorization: Bearer`; 429: too many requests, or
/// the day's quota. The topic's name is a password where there is no sign-up. Source: docs.ntfy.sh/publish, read 2026-11.
package struct NtfyChannel: Channel {
    package var address: Secret?
    package var token: Secret?
    package var user: String?
    package var password: Secret?
    package var templates: [FleetNamed<String>] = []

    package static let name = "ntfy"
    package static let example = "ntfy: \"https://ntfy.sh/a\""
    private static let wanted = "a server and a topic, such as https://ntfy.sh/my-topic"

    package init() {}

    package static let table = FleetTable<NtfyChannel>(
        [
            FleetKey(
                "ntfy", .secret("a topic's address"), \.address,
                "Address of a topic; anybody who knows its name reads it. Empty switches the channel off.",
                range: "`https://ntfy.sh/TOPIC`", example: "\"https://ntfy.sh/a\"",
                invalidExamples: ["my-topic", "\"https://ntfy.sh\"", "\"https://ntfy.sh/a/b?c\"", "[a]"], isSecret: true
            ),
            FleetKey(
                "token", .secret("an access token"), \.token, "Access token of a protected topic.",
                example: "\"${NTFY_TOKEN:-}\"", invalidExamples: ["[a]", "{ a: b }"], isSecret: true),
            FleetKey(
                "user", .text("a user's name"), \.user, "User, where the server has no access tokens.",
                example: "stoker",
                invalidExamples: ["[a]"]),
            FleetKey(
                "password", .secret("a password"), \.password, "Password of `user`.", example: "\"${NTFY_PASSWORD:-}\"",
                invalidExamples: ["[a]"], isSecret: true),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            said.check(settings.address, at: "ntfy", wanted)
            if let address = settings.address, (try? Address(address.reveal())) != nil, settings.place == nil {
                said.report(.value, "names no topic; expected \(wanted)", at: "ntfy")
            }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { address != nil }
    package var shown: String { ServiceAddress.shown(address) }

    /// Address of the server, and the topic behind it.
    private var place: (server: String, topic: String)? {
        guard let address = try? Address(address?.reveal() ?? "") else { return nil }
        let topic = address.path.split(separator: "/").last.map(String.init) ?? ""
        let base = address.description.dropLast(address.path.count)
        let under = address.path.dropLast(topic.count)
        guard !topic.isEmpty, topic.count <= 64, address.path.hasSuffix("/\(topic)"),
            topic.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") })
        else { return nil }
        return ("\(base)\(under)", topic)
    }

    static let form = NoticeText.Form(mostTitle: 250, mostText: 3_800)

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let address, let place else { return .refused(because: "the channel is switched off") }
        var headers: [(String, String)] = []
        if let token {
            headers.append(("authorization", "Bearer \(token.reveal())"))
        } else if let user {
            let pair = Data("\(user):\(password?.reveal() ?? "")".utf8).base64EncodedString()
            headers.append(("authorization", "Basic \(pair)"))
        }
        let request = ChannelRequest(
            "ntfy", Secret(place.server), json: document(notice, topic: place.topic), headers: headers,
            secrets: [address, token, password, Secret(place.topic)].compactMap(\.self))
        switch await request.send(with: means) {
        case .failed(let because): return .later(after: nil, because: request.clean(because))
        case .answered(let answer):
            return request.verdict(
                on: answer, now: means.now(), note: answer.json?["id"]?.string.map { "message \($0)" },
                said: answer.json?["error"]?.string)
        }
    }

    func document(_ notice: Notice, topic: String) -> JSONValue {
        let text = NoticeText(notice, templates, form: Self.form)
        let (priority, tag): (Int64, JSONValue) =
            switch NoticeTone(notice.kind) {
            case .good: (3, "white_check_mark")
            case .fair: (3, "warning")
            case .bad: (notice.kind == .down || notice.kind == .silent ? 5 : 4, "rotating_light")
            }
        var members: [JSONValue.Member] = [
            .init("topic", .string(topic)), .init("title", .string(text.title)),
            .init("message", .string(text.text.isEmpty ? text.title : text.text)),
            .init("priority", .integer(priority)),
            .init("tags", [tag]),
        ]
        if let link = text.link { members.append(.init("click", .string(link))) }
        if let link = text.acknowledge {
            members.append(.init("actions", [["action": "view", "label": "Acknowledge", "url": .string(link)]]))
        }
        return .object(members)
    }
}
