import Hummingbird
import Notices
import Operations
import StokerCore

/// The page of channels and messages: /notices. It renders the answers of the operations `notify-channels` and `notify-list`.
extension Routes {
    /// The card "Who hears of what".
    private static func model(_ audience: JSONValue) -> [String: Any] {
        func words(_ name: String) -> [String] { (audience[name]?.array ?? []).compactMap(\.string) }
        let kinds = words("unheard_kinds")
        let checks = words("unheard_checks").prefix(12)
        let more = (audience["unheard_checks_count"]?.integer ?? 0) - checks.count
        return [
            "lines": (audience["items"]?.array ?? []).map { line in
                let kinds = (line["kinds"]?.array ?? []).compactMap(\.string)
                return [
                    "kinds": kinds.joined(separator: ", "), "sign": kinds.first.flatMap { signs[$0] } ?? "note",
                    "hearers": (line["hearers"]?.array ?? []).compactMap { $0["sentence"]?.string },
                ] as [String: Any]
            },
            "hasUnheard": !kinds.isEmpty, "unheard": kinds.joined(separator: ", "),
            "hasUnheardChecks": !checks.isEmpty,
            "unheardChecks": checks.joined(separator: ", ")
                + (more > 0 ? " and \(Formatting.count(more)) more" : ""),
        ]
    }

    /// Kinds of event that have a sign of their own.
    private static let signs = [
        "down": "down", "recovered": "up", "slow": "slow", "waking-too-long": "waking", "flapping": "flapping",
        "moderated": "moderated", "silent": "silent", "healed": "run", "gave-up": "run", "offline": "unknown",
    ]

    private static let states: [(name: String, label: String, states: String)] = [
        ("", "All", ""), ("given_up", "Given up", "given_up"), ("waiting", "On their way", "waiting,sending,failing"),
        ("delivered", "Delivered", "delivered"),
    ]

    func addNotices(to router: Router<AppRequestContext>) {
        // Who is told what, and where, is for those who may act.
        on(router, "/notices", .get, .write) { request, visit in try await notices(request, visit, said: nil) }
        on(router, "/notices/test", .post, .write) { request, visit in
            let form = try await noticeForm(request, visit)
            return try await act(on: .testChannel, form["name"] ?? "", request, visit)
        }
        on(router, "/notices/retry", .post, .write) { request, visit in
            let form = try await noticeForm(request, visit)
            return try await act(on: .retryMessage, form["name"] ?? "", request, visit)
        }
    }

    /// Channels that fail, for the banner of the fleet page.
    var failingChannels: [[String: Any]] {
        guard let board = context.flatMap({ try? $0.notices }) else { return [] }
        return board.failing.map { channel in
            [
                "kind": "trouble", "title": "Messages do not arrive:",
                "text": Markup.sentence(
                    Sentence("\(channel.name) does not take them (\(Redaction.text(channel.because)))")),
                "lines": [String](), "hasLines": false, "code": "stoker notify channels", "hasCode": true,
            ]
        }
    }

    private func noticeForm(_ request: Request, _ visit: AppRequestContext) async throws -> [String: String] {
        try await RequestReading.form(of: request, upTo: visit.maxUploadSize)
    }

    private func act(
        on operation: Operations.Operation, _ name: String, _ request: Request, _ visit: AppRequestContext
    ) async throws -> Response {
        let answer = try await operation.call([("name", .string(name))], in: try noticeContext())
        let channel = answer["channel"]?.string ?? name
        let why = answer["error"]?.string.map { ": \($0)" } ?? ""
        let said =
            switch answer["state"]?.string {
            case "delivered": "\(channel) took the message."
            case "given_up", "dropped": "\(channel) did not take the message\(why)."
            default: "The message to \(channel) is on its way\(why)."
            }
        return try await notices(request, visit, said: said)
    }

    private func noticeContext() throws(Failure) -> OperationContext {
        guard let context else {
            throw Failure(.notFound, doing: "show the messages", because: "this Stoker tells nobody anything")
        }
        return context
    }

    private func notices(_ request: Request, _ visit: AppRequestContext, said: String?) async throws -> Response {
        let context = try noticeContext()
        let query = PageFormatting.form(request.uri.query ?? "")
        let chosen = Self.states.first { $0.name == query["state"] ?? "" } ?? Self.states[0]
        let overview = await monitor.overview()
        let channels = try await Operations.Operation.listChannels.call([], in: context)["items"]?.array ?? []
        let page = try await Operations.Operation.listMessages.call(
            [
                ("state", chosen.states.isEmpty ? .null : .string(chosen.states)), ("limit", 100),
                ("cursor", query["cursor"].map { .string($0) } ?? .null),
            ], in: context)
        var audience: JSONValue?
        if !channels.isEmpty { audience = try await Operations.Operation.noticeAudience.call([], in: context) }
        let failing = channels.filter { $0["failure"]?.string != nil && $0["on"]?.bool == true }
        let title =
            switch failing.count {
            case 0: channels.isEmpty ? "Nobody is told" : "Messages arrive"
            case 1: "\(failing[0]["name"]?.string ?? "A channel") does not take messages"
            default: "\(failing.count) channels do not take messages"
            }
        func say(_ channels: [JSONValue], _ failing: [JSONValue]) -> String {
            let givenUp = channels.reduce(0) { $0 + ($1["given_up"]?.integer ?? 0) }
            let waiting = channels.reduce(0) { $0 + ($1["waiting"]?.integer ?? 0) }
            guard !channels.isEmpty else { return "" }
            let first = failing.first.flatMap { $0["failing_since"]?.string.flatMap(Instant.init(rfc3339:)) }
            return (first.map { "It has failed since \(Formatting.time($0)). " } ?? "")
                + (givenUp == 0
                    ? "No message was given up in seven days"
                    : "\(Int(givenUp).counted("message", as: Formatting.count(givenUp))) given up in seven days")
                + (waiting == 0 ? "." : ", \(Formatting.count(waiting)) on the way.")
        }
        func time(_ value: JSONValue?, never: String) -> String {
            Markup.time(value?.string.flatMap(Instant.init(rfc3339:)), now: overview.now, never: never)
        }
        let model: [String: Any] = [
            "title": title, "say": say(channels, failing),
            "sign": failing.isEmpty ? (channels.isEmpty ? "unknown" : "up") : "down",
            "audience": audience.map(Self.model) ?? [:], "hasAudience": audience != nil, "hasSaid": said != nil,
            "said": said ?? "", "noChannels": channels.isEmpty,
            "channels": channels.map { channel -> [String: Any] in
                let isOn = channel["on"]?.bool == true
                let failure = channel["failure"]?.string
                let goesTo = channel["goes_to"]?.string ?? ""
                return [
                    "name": channel["name"]?.string ?? "", "kind": channel["kind"]?.string ?? "",
                    "goesTo": goesTo, "hasGoesTo": !goesTo.isEmpty,
                    "delivered": time(channel["last_delivered"], never: "never"),
                    "waiting": "\(channel["waiting"]?.integer ?? 0)", "givenUp": "\(channel["given_up"]?.integer ?? 0)",
                    "sign": !isOn ? "paused" : failure == nil ? "up" : "down", "isLoud": isOn && failure != nil,
                    "state": !isOn ? "Off: its address is empty" : failure.map { Redaction.text($0) } ?? "Works",
                    "mayTest": isOn,
                ]
            },
            "chips": Self.states.map {
                [
                    "label": $0.label, "href": $0.name.isEmpty ? "/notices" : "/notices?state=\($0.name)",
                    "isHere": $0.name == chosen.name,
                ] as [String: Any]
            },
            "messages": (page["items"]?.array ?? []).map { item -> [String: Any] in
                let message = ToldMessage(item)
                return [
                    "id": "\(message.id)", "at": Markup.time(message.at, now: overview.now),
                    "channel": message.channel, "kind": message.kind, "about": message.about,
                    "sentence": Formatting.capitalized(message.cause), "state": message.outcome,
                    "why": message.state == "delivered" ? "" : message.error ?? "", "sign": message.sign,
                    "isLoud": message.state == "given_up", "mayRetry": message.state == "given_up",
                ]
            },
            "noMessages": page["items"]?.array?.isEmpty ?? true,
            "hasNext": page["next_cursor"]?.string != nil,
            "next": "/notices?state=\(chosen.name)&cursor=\(page["next_cursor"]?.string ?? "")",
        ]
        let frame = frame(
            visit, title: (failing.isEmpty ? "" : "(!) ") + title + " · Stoker", kind: "plain", overview: overview,
            place: "incidents", tab: "notices")
        return Reply.html(pages.page("notices", model, frame: frame), to: request)
    }
}
