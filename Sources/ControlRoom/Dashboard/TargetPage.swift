import Ledger
import Operations
import StokerCore

/// `/targets/{name}`: all about one check.
struct TargetPage {
    var status: CheckStatus
    var siblings: [CheckStatus]
    var samples: [Sample]
    var transcripts: Transcripts
    var history: History?
    var range: Chart.Range
    var mayWrite: Bool
    var now: Instant
    /// Address of this server as the visitor reaches it, for the heartbeat's example.
    var base: String
    /// The heartbeat's own key, for a visitor who may write; nil without a token.
    var key: String?
    /// Beats need a key or the token.
    var needsKey: Bool
    /// Address of the Hub; nil while it is not asked.
    var hubEndpoint: String?
    /// What can be done to its Space; nil for what is no Space.
    var offer: SpaceOffer?
    /// The page of what its Space keeps; nil where it keeps nothing, or for who may not see it.
    var keptAt: String?
    /// The Space's log, where it was asked for.
    var log: SpaceLogPart?
    /// Which part of the timeline is wanted; empty for all.
    var kinds = ""
    /// Messages that tell of it, newest first; nil for a visitor who may not know who is told.
    var messages: [ToldMessage]?

    /// What the ledger knows; missing when it could not be read.
    struct History {
        var series: [SpanTotals]
        var days: [SpanTotals]
        var uptimes: [Uptime]
        var incidents: [Incident]
        var events: [Event]
        /// Newest first.
        var observations: [Observation]
        /// For how much of these spans there is an answer.
        var watched: ObservedPeriods
        /// Of the incidents, by their numbers.
        var acknowledged: [Int64: Acknowledgement] = [:]

        /// Whether all that is known lies within the span that ends now.
        func isShorter(than range: Chart.Range, now: Instant) -> Bool {
            guard let first = series.first(where: { !$0.isEmpty }) else { return !days.contains { !$0.isEmpty } }
            return first.from >= now - range.span && days.dropLast().allSatisfy(\.isEmpty)
        }

        static func read(
            _ ledger: any Ledger, check: Int32, space: String?, every: Duration, range: Chart.Range, now: Instant
        ) async throws(Failure) -> History {
            let midnight = now.milliseconds - now.milliseconds % 86_400_000 + 86_400_000
            let tomorrow = Instant(milliseconds: midnight)
            let series = try await ledger.series(of: check, from: now - range.span, to: now, buckets: range.buckets)
            let days = try await ledger.series(
                of: check, from: tomorrow - .seconds(90 * 86_400), to: tomorrow, buckets: 90)
            let events = try await ledger.events(of: check, before: nil, limit: 30)
            let stages = try await TargetTimeline.stages(
                of: space, from: ledger, since: events.count < 30 ? .never : events.last?.at ?? .never, to: now)
            return History(
                series: series, days: days, uptimes: try await Uptime.read(of: check, from: ledger, now: now),
                incidents: try await ledger.incidents(of: check, openOnly: false, before: nil, limit: 20),
                events: events + stages.prefix(30),
                observations: try await ledger.observations(of: check, before: nil, limit: 200),
                watched: try await ObservedPeriods.read(of: check, every: every, from: ledger, now: now),
                acknowledged: try await IncidentRecords(ledger.records).acknowledgements())
        }
    }

    private var view: CheckView { CheckView(status, now: now) }
    private var check: Check { status.check }
    private var policy: CheckPolicy { check.policy }
    private var isHeartbeat: Bool { view.isHeartbeat }

    func model() -> [String: Any] {
        let view = view
        var model = CheckRow(view).model(
            mayWrite: mayWrite, from: PageFormatting.path(check.name), hub: hubEndpoint)
        model["strip"] = LatencyBars.svg(samples)
        model["row"] = check.name
        model["verdictSentence"] = Markup.sentence(view.sentence.asWhole)
        model["maintenance"] = view.maintenance.map { Markup.sentence($0.asWhole) } ?? ""
        model["hasMaintenance"] = view.maintenance != nil
        model["since"] = Markup.time(view.since, now: now)
        model["hasSince"] = view.since != nil
        model["kind"] = view.kind
        model["linkable"] = view.isLink
        model["address"] = view.address ?? ""
        model["hasAddress"] = view.address != nil
        model["space"] = check.space ?? ""
        model["hasSpace"] = check.space != nil
        model["keptAt"] = keptAt ?? ""
        model["isKept"] = keptAt != nil
        model["facts"] = facts
        addWords(&model)
        addActions(&model)
        model["siblings"] = siblings.map {
            let sibling = CheckView($0, now: now)
            return [
                "name": $0.check.name == $0.check.target
                    ? "alive" : String($0.check.name.dropFirst($0.check.target.count + 1)),
                "href": PageFormatting.path($0.check.name), "verdict": sibling.look.name, "word": sibling.look.title,
                "current": $0.check.name == check.name,
            ] as [String: Any]
        }
        model["hasSiblings"] = siblings.count > 1
        // In quotes: a shell takes a bare question mark for a pattern.
        let beat = "\(base)/api/heartbeats/\(PercentCoding.encoded(check.name, keepingSlash: true))"
        let query = needsKey ? "?key=\(key ?? "KEY")" : ""
        model["beatURL"] = "\"\(beat)\(query)\""
        model["beatStart"] = "\"\(beat)/start\(query)\""
        model["beatEnd"] = "\"\(beat)/$?\(query)\""
        model["keyShown"] = isHeartbeat && needsKey && key != nil
        model["keyHidden"] = isHeartbeat && needsKey && key == nil
        let advice = Advice.text(status.state, policy: policy, hubStatus: status.hubStatus)
        model["advice"] = advice ?? ""
        model["hasAdvice"] = advice != nil
        model["history"] = history != nil
        if let history {
            let chart = Chart(range: range, tallies: history.series)
            model["chart"] = chart.model()
            let bars = TimeBars(
                range: range, tallies: history.series, isHeartbeat: isHeartbeat, incidents: history.incidents)
            model["bars"] = bars.html(height: 46, more: " tall")
            var timeline = TargetTimeline(
                events: history.events, observations: history.observations, name: check.name,
                isHeartbeat: isHeartbeat)
            timeline.add(messages: messages ?? [])
            for incident in history.incidents {
                guard let seen = history.acknowledged[incident.id] else { continue }
                timeline.add(acknowledged: seen.at, by: seen.by, text: seen.text)
            }
            model["timeline"] = timeline.model(only: kinds, now: now)
            model["hasTimeline"] = !timeline.entries.isEmpty
            model["hasWhats"] = timeline.choices.count > 1
            model["whats"] = ([""] + timeline.choices).map { choice in
                [
                    "label": choice.isEmpty ? "all" : choice, "current": choice == kinds,
                    "href": PageFormatting.path(check.name) + (choice.isEmpty ? "" : "?what=\(choice)") + "#happened",
                ] as [String: Any]
            }
            if isHeartbeat { model["calls"] = calls(history) }
            model["hasCalls"] = isHeartbeat && !history.observations.isEmpty
            model["blank"] = chart.isEmpty
            model["uptimeNote"] = uptimeNote(history)
            model["ranges"] = Chart.Range.allCases.map {
                [
                    "label": $0.label, "href": "\(PageFormatting.path(check.name))?range=\($0.rawValue)#latency",
                    "current": $0 == range,
                ] as [String: Any]
            }
            model["uptimes"] = history.uptimes.map { uptime in
                [
                    "label": uptime.label, "share": uptime.share, "tone": "\(uptime.tone)",
                    "partly": uptime.remark != nil, "known": uptime.remark ?? "",
                ] as [String: Any]
            }
            model["days"] = DayBars.svg(history.days)
            model["incidents"] = history.incidents.map(incident)
            if let open = history.incidents.first(where: { $0.ended == nil }) {
                let seen = history.acknowledged[open.id]
                model["openIncident"] = "\(open.id)"
                model["openSeen"] =
                    seen.map { "acknowledged" + ($0.by.map { " by \($0)" } ?? "") } ?? "not acknowledged"
            }
            model["told"] = ToldMessage.models(Array((messages ?? []).prefix(30)), now: now)
            model["hasTold"] = messages?.isEmpty == false
            model["hasIncidents"] = !history.incidents.isEmpty
        }
        model["last"] =
            transcripts.last.map { TranscriptModel($0, isBeat: isHeartbeat, now: now).model(open: true) } ?? [:]
        model["hasLast"] = transcripts.last != nil
        let failed = transcripts.lastFailed == transcripts.last ? nil : transcripts.lastFailed
        model["failed"] = failed.map { TranscriptModel($0, isBeat: isHeartbeat, now: now).model(open: false) } ?? [:]
        model["hasFailed"] = failed != nil
        model["hasTranscripts"] = transcripts.last != nil || failed != nil
        return model
    }

    /// The Hub's word beside the visitor's, in a few words each.
    private func addWords(_ model: inout [String: Any]) {
        model["hasWords"] = status.hubStatus != nil
        guard let hubStatus = status.hubStatus else { return }
        let stage = hubStatus.stage
        // A long name breaks at its underscores.
        model["stage"] = Markup.escape(view.stage ?? "").replacing("_", with: "_<wbr>")
        model["stageLook"] = Look(stage).name
        model["stageRead"] = read(hubStatus)
        model["got"] = view.visitorGot ?? "nothing yet"
        model["gotLook"] = view.state.verdict == .paused ? "paused" : view.state.verdict.name
        model["gotAt"] = Markup.time(view.lastPing, now: now, never: "not pinged yet")
        let message = hubStatus.errorMessage.map { Redaction.text(String($0.prefix(300))) }
        model["stageMessage"] = message ?? ""
        model["hasStageMessage"] = message != nil
        let runs = hubStatus.oldBuild.map { "\($0.running.prefix(7)) runs, \($0.head.prefix(7)) is newest." }
        model["oldBuild"] = runs ?? ""
        model["hasOldBuild"] = runs != nil
        model["together"] = view.disagreement ?? ""
        model["hasTogether"] = view.disagreement != nil
        model["healing"] =
            view.healing.map { Markup.sentence(Sentence(reading: Formatting.capitalized($0))) } ?? ""
        model["hasHealing"] = view.healing != nil
    }

    /// Buttons of the Space, each with what it will do.
    private func addActions(_ model: inout [String: Any]) {
        model["refusal"] = offer?.refusal ?? ""
        model["hasRefusal"] = offer?.refusal != nil
        let mayAct = offer != nil && offer?.refusal == nil
        model["mayAct"] = mayAct
        model["hasLog"] = log != nil
        model["logPart"] = log?.model ?? [:]
        model["logPath"] = "/fragments/log/\(PercentCoding.encoded(check.name, keepingSlash: true))"
        guard let offer, mayAct else { return }
        let space = check.space ?? check.name
        func action(
            _ action: SpaceOffer.Action, _ label: String, _ question: String, _ lines: [String], _ verb: String,
            grave: Bool = false
        ) -> [String: Any] {
            [
                "action": action.rawValue, "label": label, "bare": String(label.dropLast()), "question": question,
                "lines": lines, "verb": verb,
                "grave": grave, "useless": offer.useless[action] ?? "", "isUseless": offer.useless[action] != nil,
            ]
        }
        model["actions"] = [
            action(
                .restart, "Restart…", "Restart \(space)?",
                [
                    "Visitors get no answer until the app is up again.",
                    "What it has in memory and on its own disk is lost; settings and secrets stay.",
                ], "Restart \(space)"),
            action(
                .wake, "Wake…", "Wake \(space)?",
                ["One visit is made, and the Hub starts the Space.", "It costs what its hardware costs."],
                "Wake \(space)"),
            action(
                .factoryRestart, "Factory restart…", "Build \(space) anew from nothing?",
                [
                    "The image is built without its cache: it takes longer than a restart, without an answer in between.",
                    "What the container has written and nobody keeps is gone.",
                ], "Build \(space) anew", grave: true),
            action(
                .pauseSpace, "Pause Space…", "Pause \(space) on the Hub?",
                [
                    "Visitors get the Hub's pause page until somebody restarts the Space; no visit wakes it.",
                    "Stoker stops pinging it when the Hub says that it is paused.",
                ], "Pause the Space", grave: true),
        ]
    }

    /// A job's calls, newest first. What it said is kept of the last call and the last failed one.
    private func calls(_ history: History) -> [[String: Any]] {
        history.observations.prefix(30).map { call in
            let said = [transcripts.last, transcripts.lastFailed].compactMap(\.self).first { $0.at == call.at }
            let body = said?.exchanges.first?.body ?? ""
            let look = call.outcome.isGood ? "up" : call.outcome == .down ? "down" : "unknown"
            return [
                "look": look, "word": look == "up" ? "Good" : look == "down" ? "Failed" : "Note",
                "came": Markup.time(call.at, now: now), "at": Formatting.time(call.at),
                "ran": call.latencyMicroseconds > 0
                    ? Formatting.interval(.microseconds(Int64(call.latencyMicroseconds))) : "–",
                "why": call.cause == .none ? "" : call.cause.sentence(code: call.code), "hasWhy": call.cause != .none,
                "said": String(body.prefix(300)), "hasSaid": !body.isEmpty,
            ] as [String: Any]
        }
    }

    /// When the Hub was read, and whether that still counts.
    private func read(_ hubStatus: SpaceHubStatus) -> String {
        "read \(Markup.time(hubStatus.readAt, now: now))\(hubStatus.isFresh ? "" : ", too long ago to count")"
    }

    private var facts: [[String: Any]] {
        var facts: [[String: Any]] = []
        func add(_ label: String, _ value: String, html: String? = nil, field: String = "") {
            facts.append([
                "label": label, "value": value, "html": html ?? "", "isHTML": html != nil, "field": field,
                "hasField": !field.isEmpty, "long": value.count > 24,
            ])
        }
        let view = view
        let state = view.state
        if isHeartbeat {
            add(policy.schedule == nil ? "Expected every" : "Schedule", view.every)
            add("Grace", Formatting.interval(policy.grace))
            add("Last beat", "", html: Markup.time(view.lastPing, now: now, never: "none yet"), field: "last")
            add("Next due", "", html: Markup.next(view), field: "due")
        } else {
            add("Every", view.every + (policy.warmth.map { " (\($0.rawValue))" } ?? ""))
            add("Last ping", "", html: Markup.time(view.lastPing, now: now, never: "not yet"), field: "last")
            add(
                "Next ping", "",
                html: Markup.next(view) + (status.isRecheckPlanned ? " (recheck; else every \(view.every))" : ""),
                field: "due")
            add("Latency", view.latency, field: "latency")
            if let code = view.statusCode { add("Status code", String(code)) }
            add("Attempts of the last ping", String(state.attempts))
        }
        if state.failures > 0 || state.verdict.isTrouble { add("Failures in a row", String(state.failures)) }
        if let good = view.lastGood, state.verdict != .up { add("Last good", "", html: Markup.time(good, now: now)) }
        if let end = view.certificateEnd { add("Certificate ends", "", html: Markup.time(end, now: now)) }
        if let until = view.pausedUntil { add("Paused until", "", html: Markup.time(until, now: now)) }
        if let hours = policy.hours { add("Hours", hours.text) }
        if let group = policy.group { add("Group", group) }
        if !expectation.isEmpty { add("Expected", expectation) }
        return facts
    }

    private func uptimeNote(_ history: History) -> String {
        var text =
            "Time \(isHeartbeat ? "on time" : "up") against time \(isHeartbeat ? "silent or failed" : "down"). "
            + "\(Look.waking.title), \(Look.paused.name), maintenance, and when nobody looked count neither way."
        if history.uptimes.contains(where: \.tally.isEstimated) {
            text += " Some of it is derived from pings, because an older version kept no more."
        }
        guard let first = history.watched.stretches.first else { return text }
        if history.uptimes.last?.tally.isWhole == false {
            text += " What is known begins \(Formatting.time(first.lowerBound))."
            if history.watched.stretches.count > 1 { text += " In between nobody looked for a while." }
        }
        return text
    }

    private var expectation: String {
        let expect = policy.expect
        var parts: [String] = []
        if policy.kind.type.expectations.contains("status"), expect.status != Expectation().status {
            parts.append(
                "status "
                    + expect.status.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
                    .joined(separator: ", "))
        }
        if let text = expect.text { parts.append("“\(shown(text))” in the answer") }
        if let regex = expect.regex { parts.append("/\(shown(regex))/ in the answer") }
        for rule in expect.json.prefix(6) { parts.append("\(rule.path) is \(shown(Self.text(rule.value)))") }
        if let within = expect.within { parts.append("within \(Formatting.interval(within))") }
        if let days = expect.certificateDays { parts.append("certificate good for \(days) d") }
        for (key, texts) in expect.own.sorted(by: { $0.key < $1.key }) {
            parts.append("\(key) \(texts.prefix(6).map { "“\(shown($0))”" }.joined(separator: ", "))")
        }
        return parts.joined(separator: "; ")
    }

    private func shown(_ text: String) -> String {
        String(Redaction.hide(policy.request.hidden, in: text).prefix(80))
    }

    private static func text(_ value: JSONScalar) -> String {
        switch value {
        case .string(let text): "“\(text.prefix(80))”"
        case .number(let number): String(number.text.prefix(80))
        case .bool(let flag): "\(flag)"
        case .null: "null"
        }
    }

    private func incident(_ incident: Incident) -> [String: Any] {
        // A code that the sentence tells is not told twice.
        let code = incident.code > 0 && incident.cause != .status ? String(incident.code) : ""
        let look = IncidentPage.look(incident.verdict.name, cause: incident.cause.code)
        return [
            "id": "\(incident.id)", "began": Markup.time(incident.began, now: now), "open": incident.ended == nil,
            "length": Formatting.duration(incident.length(now: now)), "verdict": look.name,
            "word": look.title, "cause": incident.sentence,
            "code": code, "hasCode": !code.isEmpty,
            "flips": incident.flips > 1 ? "\(incident.flips) changes" : "", "hasFlips": incident.flips > 1,
        ]
    }
}

/// One attempt, told in full.
struct TranscriptModel {
    private let transcript: Transcript
    /// A job's call, in which the job spoke and not we.
    private let isBeat: Bool
    private let now: Instant

    init(_ transcript: Transcript, isBeat: Bool = false, now: Instant) {
        self.transcript = transcript
        self.isBeat = isBeat
        self.now = now
    }

    func model(open: Bool) -> [String: Any] {
        [
            "time": Markup.time(transcript.at, now: now), "attempt": transcript.attempt,
            "several": transcript.attempt > 1, "outcome": outcome, "good": transcript.outcome.isGood,
            "cause": transcript.cause == .none ? "" : transcript.cause.sentence, "hasCause": transcript.cause != .none,
            "well": isBeat ? transcript.detail : "answered as expected",
            "detail": transcript.detail, "hasDetail": !transcript.detail.isEmpty && !(isBeat && outcome == "up"),
            "open": open,
            "tls": transcript.tls, "hasTLS": !transcript.tls.isEmpty,
            "exchanges": transcript.exchanges.map(exchange),
        ]
    }

    private var outcome: String { transcript.outcome.name }

    private func exchange(_ exchange: Transcript.Exchange) -> [String: Any] {
        [
            "beat": isBeat, "sent": exchange.sent.joined(separator: "\n"), "hasSent": !exchange.sent.isEmpty,
            "peer": exchange.peer ?? "",
            "hasPeer": exchange.peer != nil,
            "received": exchange.received.joined(separator: "\n"), "hasReceived": !exchange.received.isEmpty,
            "body": String(exchange.body.prefix(2_048)), "hasBody": !exchange.body.isEmpty,
            "bytes": Formatting.count(exchange.bodyBytes),
            "more": exchange.bodyBytes > exchange.body.utf8.count, "waterfall": waterfall(exchange.phases),
            "phases": phases(exchange.phases),
            "hasPhases": !exchange.phases.isEmpty,
        ]
    }

    private static let known = ["resolve", "connect", "tls", "request", "first byte", "body"]

    private func phases(_ phases: [Transcript.Phase]) -> [[String: Any]] {
        phases.map {
            [
                "name": $0.name, "time": Formatting.latency(microseconds: $0.microseconds),
                "kind": Self.known.firstIndex(of: $0.name).map { "w\($0)" } ?? "w5",
            ] as [String: Any]
        }
    }

    /// Phases one after the other, each as wide as it took long.
    private func waterfall(_ phases: [Transcript.Phase]) -> String {
        let total = Double(max(1, phases.reduce(0) { $0 + max(0, $1.microseconds) }))
        var x = 0.0
        let bars = phases.map { phase -> String in
            let width = max(0.3, Double(max(0, phase.microseconds)) / total * 100)
            defer { x += width }
            let kind = Self.known.firstIndex(of: phase.name) ?? 5
            return
                "<rect class=\"w\(kind)\" x=\"\(Chart.number(x))%\" width=\"\(Chart.number(width))%\" height=\"14\"/>"
        }.joined()
        return "<svg class=\"waterfall\" width=\"100%\" height=\"14\" aria-hidden=\"true\">\(bars)</svg>"
    }
}
