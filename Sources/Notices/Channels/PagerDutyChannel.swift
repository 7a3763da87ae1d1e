package import StokerCore

/// PagerDuty's Events API v2: an alert for each target, opened by trouble and resolved by its end.
///
/// Wire facts: `POST https://events.pagerduty.com/v2/enqueue` with `routing_key`, `event_action` (`trigger`, `acknowledge`, `resolve`), `dedup_key` (at most 255
/// characters), `payload` with `summary` (1,024), `source`, `severity` (`critical`, `error`, `warning`, `info`); 202 is accepted, 400 invalid, 429 too
/// many; an event has at most 512 KB. What is no trouble goes to `/v2/change/enqueue`, which wakes nobody. Source: PagerDuty developer docs,
/// "Events API v2 Overview", "Trigger Events", "Change Events", read 2026-11.
package struct PagerDutyChannel: Channel {
    package var key: Secret?
    package var api: String?
    package var source: String?
    package var templates: [FleetNamed<String>] = []

    package static let name = "pagerduty"
    package static let takesAcknowledgements = true
    package static let example = "pagerduty: \"0123456789abcdef0123456789abcdef\""

    package init() {}

    package static let table = FleetTable<PagerDutyChannel>(
        [
            FleetKey(
                "pagerduty", .secret("an integration key"), \.key,
                "Integration key of a service (Events API v2). Empty switches the channel off.",
                range: "32 letters and digits",
                example: "\"0123456789abcdef0123456789abcdef\"",
                invalidExamples: ["short", "\"https://events.pagerduty.com\"", "[a]"],
                isSecret: true),
            FleetKey(
                "api", .webAddress, \.api,
                "Address of the events API; `https://events.eu.pagerduty.com` for accounts in the EU.",
                defaultValue: "`https://events.pagerduty.com`", example: "https://events.eu.pagerduty.com",
                invalidExamples: ["eu", "[a]"]),
            FleetKey(
                "source", .text("a name"), \.source,
                "Tells alerts of several Stokers with one key apart; part of the deduplication key.",
                defaultValue: "`stoker`",
                example: "berlin", invalidExamples: ["[a]"]),
            TemplateSettings.key(\.templates),
        ],
        finish: { settings, said in
            if let key = settings.key?.reveal(),
                key.count != 32 || !key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
            {
                said.report(
                    .value, "is no integration key; expected 32 letters and digits, from the service's Integrations",
                    at: "pagerduty")
            }
            TemplateSettings.check(settings.templates, said)
        })

    package var isOn: Bool { key != nil }
    package var shown: String { isOn ? api.map { ServiceAddress.shown(Secret($0)) } ?? "events.pagerduty.com" : "" }

    static let form = NoticeText.Form(mostTitle: 1_000, mostText: 20_000, measure: NoticeText.Form.utf16)

    package func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery {
        guard let key else { return .refused(because: "the channel is switched off") }
        var base = api ?? "https://events.pagerduty.com"
        while base.hasSuffix("/") { base.removeLast() }
        let events = events(of: notice, key)
        // One after the other: an alert that came twice is one alert, so a failure in the middle begins again.
        for (path, event) in events {
            let request = ChannelRequest("PagerDuty", Secret(base + path), json: event, secrets: [key])
            switch await request.send(with: means) {
            case .failed(let because): return .later(after: nil, because: request.clean(because))
            case .answered(let answer):
                let verdict = request.verdict(
                    on: answer, now: means.now(),
                    said: answer.json.flatMap { json in
                        let errors = (json["errors"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
                        return json["message"]?.string.map { errors.isEmpty ? $0 : "\($0): \(errors)" }
                    })
                guard case .delivered = verdict else { return verdict }
            }
        }
        return .delivered(note: events.count == 1 ? "1 event" : "\(events.count) events")
    }

    /// Paths and bodies, in order.
    func events(of notice: Notice, _ key: Secret) -> [(path: String, body: JSONValue)] {
        switch notice.kind {
        case .healed, .tookOver: return [("/v2/change/enqueue", change(notice, key))]
        case .test:
            // It is shown that alerts arrive, and nobody has to close it.
            let alert = "\(sourceName):test"
            return [("/v2/enqueue", event(notice, key, nil, alert)), ("/v2/enqueue", update("resolve", key, alert))]
        case .recovered:
            return alerts(of: notice).map { ("/v2/enqueue", update("resolve", key, $0.alert)) }
        case .acknowledged:
            // Where somebody has resolved it there meanwhile, it changes nothing.
            return alerts(of: notice).map { ("/v2/enqueue", update("acknowledge", key, $0.alert)) }
        default:
            return alerts(of: notice).map { ("/v2/enqueue", event(notice, key, $0.subject, $0.alert)) }
        }
    }

    private var sourceName: String { source ?? "stoker" }

    /// A target's alert is the same whatever kind of trouble it has: its recovery ends them all.
    private func alerts(of notice: Notice) -> [(subject: Notice.Subject?, alert: String)] {
        guard !notice.subjects.isEmpty else {
            // The platform's incident begins and ends without a target; other news of Stoker's own have a name each.
            let name = notice.kind == .recovered || notice.kind == .down ? "platform" : notice.kind.rawValue
            return [(nil, "\(sourceName):\(name)")]
        }
        return notice.subjects.map { ($0, String("\(sourceName)/\($0.check)".prefix(255))) }
    }

    private func update(_ action: JSONValue, _ key: Secret, _ alert: String) -> JSONValue {
        ["routing_key": .string(key.reveal()), "event_action": action, "dedup_key": .string(alert)]
    }

    private func event(_ notice: Notice, _ key: Secret, _ subject: Notice.Subject?, _ alert: String) -> JSONValue {
        // Each alert is about its own target; how many there are in all stands in its details.
        var single = notice
        if let subject {
            single.subjects = [subject]
            single.count = 1
        }
        let text = NoticeText(single, templates, form: Self.form)
        let severity: JSONValue =
            switch NoticeTone(notice.kind) {
            case .good: "info"
            case .fair: "warning"
            case .bad: notice.kind == .down || notice.kind == .silent ? "critical" : "error"
            }
        var details: [JSONValue.Member] = [.init("text", .string(text.text)), .init("key", .string(notice.key))]
        if notice.count > 1 { details.append(.init("targets_in_trouble", .integer(Int64(notice.count)))) }
        var payload: [JSONValue.Member] = [
            .init("summary", .string(text.title)), .init("source", .string(subject?.check ?? sourceName)),
            .init("severity", severity), .init("timestamp", .string((subject?.since ?? notice.at).description)),
            .init("class", .string(notice.kind.rawValue)), .init("custom_details", .object(details)),
        ]
        if let group = subject?.group { payload.append(.init("group", .string(group))) }
        var members: [JSONValue.Member] = [
            .init("routing_key", .string(key.reveal())), .init("event_action", "trigger"),
            .init("dedup_key", .string(alert)),
            .init("client", "Stoker"), .init("payload", .object(payload)),
        ]
        members += links(text)
        return .object(members)
    }

    private func change(_ notice: Notice, _ key: Secret) -> JSONValue {
        let text = NoticeText(notice, templates, form: Self.form)
        return .object(
            [
                .init("routing_key", .string(key.reveal())),
                .init(
                    "payload",
                    [
                        "summary": .string(text.title), "source": .string(sourceName),
                        "timestamp": .string(notice.at.description), "custom_details": ["text": .string(text.text)],
                    ]),
            ] + links(text))
    }

    private func links(_ text: NoticeText) -> [JSONValue.Member] {
        var links: [JSONValue] = []
        for (title, link) in [("Stoker", text.link), ("Acknowledge in Stoker", text.acknowledge)] {
            if let link { links.append(["href": .string(link), "text": .string(title)]) }
        }
        return links.isEmpty ? [] : [.init("links", .array(links))]
    }
}
