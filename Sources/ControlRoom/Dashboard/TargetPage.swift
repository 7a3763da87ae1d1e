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

    /// What the ledger knows; missing when it could not be read.
    struct History {
        var series: [Tally]
        var days: [Tally]
        /// Last 24 h, 7, 30 and 90 days.
        var uptimes: [Tally]
        var incidents: [Incident]
        var events: [Event]
        /// For how much of these spans there is an answer.
        var watched: Watched

        /// Whether all that is known lies within the span that ends now.
        func isShorter(than range: Chart.Range, now: Instant) -> Bool {
            guard let first = series.first(where: { !$0.isEmpty }) else { return !days.contains { !$0.isEmpty } }
            return first.from >= now - range.span && days.dropLast().allSatisfy(\.isEmpty)
        }

        static func read(_ ledger: any Ledger, check: Int32, every: Duration, range: Chart.Range, now: Instant)
            async throws(Failure)
            -> History
        {
            let midnight = now.milliseconds - now.milliseconds % 86_400_000 + 86_400_000
            let tomorrow = Instant(milliseconds: midnight)
            let series = try await ledger.series(of: check, from: now - range.span, to: now, buckets: range.buckets)
            let days = try await ledger.series(
                of: check, from: tomorrow - .seconds(90 * 86_400), to: tomorrow, buckets: 90)
            var uptimes: [Tally] = []
            for span in Watched.spans {
                uptimes += try await ledger.tally(of: [check], from: now - span.duration, to: now)
            }
            return History(
                series: series, days: days, uptimes: uptimes,
                incidents: try await ledger.incidents(of: check, openOnly: false, before: nil, limit: 20),
                events: try await ledger.events(of: check, before: nil, limit: 30),
                watched: try await Watched.read(of: check, every: every, from: ledger, now: now))
        }
    }

    private var check: Check { status.check }
    private var state: CheckState { status.state }
    private var policy: CheckPolicy { check.policy }
    private var isHeartbeat: Bool { policy.kind == .heartbeat }

    func model() -> [String: Any] {
        var model = Row(status: status, samples: samples, now: now).model(
            mayWrite: mayWrite, from: Words.path(check.name))
        model["row"] = check.name
        model["verdictSentence"] = verdictSentence
        model["since"] = Row.time(state.since, now: now, never: "")
        model["hasSince"] = !state.since.isNever
        model["kind"] = kindLine
        model["linkable"] =
            (check.address.hasPrefix("https://") || check.address.hasPrefix("http://")) && !check.isAddressHidden
        model["address"] = isHeartbeat ? "" : check.shownAddress ?? ""
        model["hasAddress"] = !isHeartbeat
        model["space"] = check.space ?? ""
        model["hasSpace"] = check.space != nil
        model["facts"] = facts
        let sources = sources
        model["sources"] = sources
        model["hasSources"] = !sources.isEmpty
        model["siblings"] = siblings.map {
            [
                "name": $0.check.name == $0.check.target
                    ? "alive" : String($0.check.name.dropFirst($0.check.target.count + 1)),
                "href": Words.path($0.check.name), "verdict": $0.state.look, "word": Words.look($0.state),
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
        let advice = Advice.text(state, policy: policy, sight: status.sight)
        model["advice"] = advice ?? ""
        model["hasAdvice"] = advice != nil
        model["history"] = history != nil
        if let history {
            let chart = Chart(range: range, tallies: history.series)
            model["chart"] = chart.model()
            model["blank"] = chart.isEmpty
            model["uptimeNote"] = uptimeNote(history)
            model["ranges"] = Chart.Range.allCases.map {
                [
                    "label": $0.label, "href": "\(Words.path(check.name))?range=\($0.rawValue)#latency",
                    "current": $0 == range,
                ] as [String: Any]
            }
            model["uptimes"] = zip(Watched.spans, history.uptimes).map { span, tally in
                let share = tally.uptime
                return [
                    "label": "\(span.name.dropLast()) \(span.name.suffix(1))", "share": Words.share(share),
                    "tone": Self.tone(share),
                    "partly": share != nil && !tally.isWhole, "known": "of \(Words.span(tally.known)) known",
                ] as [String: Any]
            }
            model["days"] = DayBars.svg(history.days)
            model["incidents"] = history.incidents.map(incident)
            model["hasIncidents"] = !history.incidents.isEmpty
            model["events"] = history.events.map {
                ["time": Row.time($0.at, now: now, never: ""), "text": $0.text, "kind": $0.kind] as [String: Any]
            }
            model["hasEvents"] = !history.events.isEmpty
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

    private var verdictSentence: String {
        if let soFar = status.failuresSoFar { return "\(Self.capital(soFar[...]))." }
        switch state.verdict {
        case .unknown:
            guard isHeartbeat else { return "Not looked at yet." }
            return state.lastPing.isNever
                ? "No call has come yet; the clock starts with the first." : "Waits for the next call."
        case .up where isHeartbeat && !state.flapping:
            guard let overdue else { return "Calls as expected." }
            return "Late: its call is overdue by \(overdue)."
        case .up: return state.flapping ? "Answers as expected, but comes and goes." : "Answers as expected."
        default:
            guard let reason = Words.reason(state), let first = reason.first else { return "" }
            let late = state.verdict == .silent ? overdue.map { "; overdue by \($0)" } ?? "" : ""
            return "\(first.uppercased())\(reason.dropFirst())\(late)."
        }
    }

    /// How long a job's call has been awaited; nil when it is not late.
    private var overdue: String? {
        guard let due = status.nextDue, now - due >= .seconds(1) else { return nil }
        return Words.span(now - due)
    }

    private var kindLine: String {
        let kind: String =
            switch policy.kind {
            case .http: check.space == nil ? "Address" : "Space"
            case .tcp: "TCP port"
            case .heartbeat: "Heartbeat"
            }
        return policy.role == .ready ? "\(kind) · ready check" : kind
    }

    /// The Hub's word beside the visitor's, where more is to be said than a stage.
    private var sources: [[String: Any]] {
        guard let sight = status.sight,
            sight.disagreement != nil || sight.errorMessage != nil || sight.oldBuild != nil || sight.healing != nil
        else { return [] }
        var parts: [[String: Any]] = []
        func add(_ label: String, _ html: String, long: Bool = false) {
            parts.append(["label": label, "html": html, "long": long])
        }
        let age = sight.isFresh ? "" : ", too long ago to count"
        let message = sight.errorMessage.map { ": “\($0.prefix(300))”" } ?? ""
        add(
            "The Hub says",
            "\(Markup.escape((sight.stage?.description ?? "nothing") + message)) <span class=\"for\">read \(Row.time(sight.readAt, now: now, never: ""))\(age)</span>"
        )
        if !state.lastPing.isNever {
            let answer = state.code > 0 ? "\(state.code)" : "no answer"
            let wait = state.latencyMicroseconds > 0 ? " in \(Row(status: status, samples: [], now: now).latency)" : ""
            add(
                "A visitor got",
                "\(Markup.escape(answer + wait)) <span class=\"for\">\(Row.time(state.lastPing, now: now, never: ""))</span>"
            )
        }
        if let old = sight.oldBuild {
            add("Commits", Markup.escape("\(old.running.prefix(7)) runs, \(old.head.prefix(7)) is newest"))
        }
        if let both = sight.disagreement { add("Both together", Markup.escape(both), long: true) }
        if let healing = sight.healing {
            let own = check.name + ": "
            add(
                "Healing",
                Markup.escape(healing.hasPrefix(own) ? Self.capital(healing.dropFirst(own.count)) : healing), long: true
            )
        }
        return parts
    }

    private static func capital(_ text: Substring) -> String {
        text.prefix(1).uppercased() + text.dropFirst()
    }

    private var facts: [[String: Any]] {
        var facts: [[String: Any]] = []
        func add(_ label: String, _ value: String, html: String? = nil, field: String = "") {
            facts.append([
                "label": label, "value": value, "html": html ?? "", "isHTML": html != nil, "field": field,
                "hasField": !field.isEmpty, "long": value.count > 24,
            ])
        }
        if isHeartbeat {
            add("Expected every", Words.interval(policy.every))
            add("Grace", Words.interval(policy.grace))
            add("Last beat", "", html: Row.time(state.lastPing, now: now, never: "none yet"), field: "last")
            add(
                "Next due", "", html: Row.time(status.nextDue ?? .never, now: now, never: "–", due: .overdue),
                field: "due")
        } else {
            add("Every", Words.interval(policy.every) + (policy.warmth.map { " (\($0.rawValue))" } ?? ""))
            add("Last ping", "", html: Row.time(state.lastPing, now: now, never: "not yet"), field: "last")
            add(
                "Next ping", "",
                html: Row.time(
                    status.nextDue ?? .never, now: now, never: state.verdict == .paused ? "paused" : "–", due: .due)
                    + (status.isRecheckPlanned ? " (recheck; else every \(Words.interval(policy.every)))" : ""),
                field: "due")
            add("Latency", Row(status: status, samples: [], now: now).latency, field: "latency")
            if state.code > 0 { add("Status code", String(state.code)) }
            add("Attempts of the last ping", String(state.attempts))
        }
        if state.failures > 0 || state.verdict.isTrouble { add("Failures in a row", String(state.failures)) }
        if !state.lastGood.isNever, state.verdict != .up {
            add("Last good", "", html: Row.time(state.lastGood, now: now, never: "never"))
        }
        if state.certificateEndHours > 0 {
            let end = Instant(milliseconds: Int64(state.certificateEndHours) * 3_600_000)
            add("Certificate ends", "", html: Row.time(end, now: now, never: ""))
        }
        if !state.pausedUntil.isNever, state.verdict == .paused {
            add("Paused until", "", html: Row.time(state.pausedUntil, now: now, never: ""))
        }
        if let sight = status.sight, sources.isEmpty {
            let stage = sight.stage?.description ?? "nothing"
            let age = sight.isFresh ? "" : " (too long ago to count)"
            add(
                "The Hub says", "",
                html: "\(Markup.escape(stage + age)), read \(Row.time(sight.readAt, now: now, never: ""))")
        }
        if let hours = policy.hours { add("Hours", hours.text) }
        if let group = policy.group { add("Group", group) }
        if !expectation.isEmpty { add("Expected", expectation) }
        return facts
    }

    private func uptimeNote(_ history: History) -> String {
        var text =
            "Time \(isHeartbeat ? "on time" : "up") against time \(isHeartbeat ? "silent or failed" : "down"). "
            + "Waking, paused, and when nobody looked count neither way."
        if history.uptimes.contains(where: \.isEstimated) {
            text += " Some of it is derived from pings, because an older version kept no more."
        }
        guard let first = history.watched.stretches.first else { return text }
        if history.uptimes.last?.isWhole == false {
            text += " What is known begins \(Words.absolute(first.lowerBound))."
            if history.watched.stretches.count > 1 { text += " In between nobody looked for a while." }
        }
        return text
    }

    private var expectation: String {
        guard policy.kind == .http else { return "" }
        let expect = policy.expect
        var parts: [String] = []
        if expect.status != [200...399] {
            parts.append(
                "status "
                    + expect.status.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
                    .joined(separator: ", "))
        }
        if let text = expect.text { parts.append("“\(shown(text))” in the answer") }
        if let regex = expect.regex { parts.append("/\(shown(regex))/ in the answer") }
        for rule in expect.json.prefix(6) { parts.append("\(rule.path) is \(shown(Self.text(rule.value)))") }
        if let within = expect.within { parts.append("within \(Words.interval(within))") }
        if let days = expect.certificateDays { parts.append("certificate good for \(days) d") }
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
        [
            "began": Row.time(incident.began, now: now, never: ""), "open": incident.ended == nil,
            "length": Words.span((incident.ended ?? now) - incident.began), "verdict": incident.verdict.name,
            "word": Words.verdict(incident.verdict), "cause": incident.cause.sentence,
            "code": incident.code > 0 ? String(incident.code) : "", "hasCode": incident.code > 0,
            "flips": incident.flips > 1 ? "\(incident.flips) changes" : "", "hasFlips": incident.flips > 1,
        ]
    }

    private static func tone(_ share: Double?) -> String {
        guard let share else { return "none" }
        return share >= 0.999 ? "good" : share >= 0.98 ? "fair" : "bad"
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
            "time": Row.time(transcript.at, now: now, never: ""), "attempt": transcript.attempt,
            "several": transcript.attempt > 1, "outcome": outcome, "good": transcript.outcome.isGood,
            "cause": transcript.cause == .none ? "" : transcript.cause.sentence, "hasCause": transcript.cause != .none,
            "well": isBeat ? transcript.detail : "answered as expected",
            "detail": transcript.detail, "hasDetail": !transcript.detail.isEmpty && !(isBeat && outcome == "up"),
            "open": open,
            "tls": transcript.tls, "hasTLS": !transcript.tls.isEmpty,
            "exchanges": transcript.exchanges.map(exchange),
        ]
    }

    private var outcome: String {
        switch transcript.outcome {
        case .up: "up"
        case .slow: "slow"
        case .waking: "waking"
        case .down: "down"
        case .unknown: "unknown"
        }
    }

    private func exchange(_ exchange: Transcript.Exchange) -> [String: Any] {
        [
            "beat": isBeat, "sent": exchange.sent.joined(separator: "\n"), "peer": exchange.peer ?? "",
            "hasPeer": exchange.peer != nil,
            "received": exchange.received.joined(separator: "\n"), "hasReceived": !exchange.received.isEmpty,
            "body": String(exchange.body.prefix(2_048)), "hasBody": !exchange.body.isEmpty,
            "bytes": Words.count(exchange.bodyBytes),
            "more": exchange.bodyBytes > exchange.body.utf8.count, "waterfall": waterfall(exchange.phases),
            "phases": phases(exchange.phases),
            "hasPhases": !exchange.phases.isEmpty,
        ]
    }

    private static let known = ["resolve", "connect", "tls", "request", "first byte", "body"]

    private func phases(_ phases: [Transcript.Phase]) -> [[String: Any]] {
        phases.map {
            [
                "name": $0.name, "time": Words.latency(microseconds: $0.microseconds),
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
