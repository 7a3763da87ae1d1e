/// One check as people and programs are shown it. Made once from what is believed and the time; the dashboard, `/status`, the API,
/// `/metrics`, badges and the command line only write it down.
package struct CheckView: Sendable, Equatable {
    package let status: CheckStatus
    /// The moment that the words are for: "5 minutes ago" is counted from it.
    package let now: Instant

    package init(_ status: CheckStatus, now: Instant) {
        self.status = status
        self.now = now
    }

    package var check: Check { status.check }
    package var state: CheckState { status.state }
    package var name: String { check.name }
    /// A job that calls us; nothing is pinged.
    package var isHeartbeat: Bool { check.policy.kind.type.isPassive }

    // MARK: What is believed

    /// What a screen shows of it: name, word and tone.
    package var look: Look { state.appearance }
    package var isTrouble: Bool { state.isTrouble }
    package var isPaused: Bool { state.verdict == .paused }

    /// Whether a visitor is served, for `stoker_check_up`; nil where nothing is claimed: not looked at yet, paused.
    package var isUp: Bool? { state.verdict.isAvailable }

    /// What is believed, without a capital letter or a full stop: `the connection was refused: nothing listens there`.
    package var sentence: Sentence {
        if let failuresSoFar = status.failuresSoFar { return Sentence(failuresSoFar) }
        switch state.verdict {
        case .paused: return paused
        case .unknown:
            if check.lacksAddress {
                return
                    "its address is not known: the Hub has not told it, and neither `hub.address` nor `url` names one"
            }
            if state.cause != .none { return Sentence(causeSentence) }
            return Sentence(check.policy.kind.type.unseen(wasSeen: lastPing != nil))
        case .up:
            let well: Sentence =
                if let overdue {
                    "late: its call is overdue by \(Formatting.duration(overdue))"
                } else if state.cause != .none {
                    Sentence(causeSentence)
                } else {
                    Sentence(check.policy.kind.type.well)
                }
            return state.flapping ? well + ", but comes and goes" : well
        default:
            var text = state.cause == .none ? state.verdict.name : causeSentence
            if isTrouble, let overdue { text += "; overdue by \(Formatting.duration(overdue))" }
            if state.flapping { text += "; comes and goes" }
            return Sentence(text)
        }
    }

    /// The sentence where something is wrong or special; nil while all is as expected.
    package var reason: Sentence? {
        let isPlain = state.verdict == .up && state.cause == .none && !state.flapping && overdue == nil
        guard let maintenance else { return isPlain ? nil : sentence }
        return isPlain ? maintenance : sentence + "; " + maintenance
    }

    /// `3× in a row`: how many pings failed one after the other, where that tells more than the sentence.
    package var streak: String? {
        state.failures > 1 && state.verdict.isTrouble && status.failuresSoFar == nil
            ? "\(state.failures)× in a row" : nil
    }

    private var causeSentence: String { state.cause.sentence(code: state.code) }

    private var paused: Sentence {
        let until = pausedUntil
        switch state.pause {
        case .byFleetFile: return "paused in the fleet file"
        case .byHours:
            guard let until else { return "outside its hours" }
            return "outside its hours until \(until, zone: check.policy.hours?.zone ?? "UTC")"
        case .byModeration: return Sentence(Cause.spaceModerated.sentence)
        case .byOwner: return Sentence(Cause.spacePausedByOwner.sentence)
        case .asleep: return "asleep, and left so until it is visited"
        case .byPerson, .none:
            guard let until else { return "paused by hand until resumed" }
            return "paused by hand until \(until)"
        }
    }

    /// `in maintenance until …`, beside the verdict; nil while it is in none.
    package var maintenance: Sentence? { status.maintenance?.sentence }

    // MARK: When

    /// Since when the verdict is what it is.
    package var since: Instant? { known(state.since) }
    /// For a heartbeat the job's last call.
    package var lastPing: Instant? { known(state.lastPing) }
    package var lastGood: Instant? { known(state.lastGood) }
    /// When the pause ends by itself; nil while it is not paused, and when somebody must resume it.
    package var pausedUntil: Instant? { isPaused ? known(state.pausedUntil) : nil }

    /// What comes next.
    package enum Next: Sendable, Equatable {
        case nothing
        case paused
        /// A ping is under way.
        case pinging
        case at(Instant)
        /// It is done as soon as there is room.
        case due(Instant)
        /// The job was to call: for how long it has not.
        case overdue(Instant, by: Duration)
    }

    /// When something is done with it next, and what.
    package var next: Next {
        if isPaused { return .paused }
        if status.pinging { return .pinging }
        guard let due = status.nextDue, !due.isNever else { return .nothing }
        if due > now { return .at(due) }
        return isHeartbeat ? .overdue(due, by: now - due) : .due(due)
    }

    /// How long a job's call has been awaited; nil when it is not late.
    package var overdue: Duration? {
        guard isHeartbeat, !isPaused, let due = status.nextDue, !due.isNever, now - due >= .seconds(1) else {
            return nil
        }
        return now - due
    }

    /// `45 min`.
    package var every: String { check.policy.schedule?.text ?? Formatting.interval(check.policy.every) }
    /// How often, and that it is more often just now.
    package var rhythm: String {
        if let schedule = check.policy.schedule { return "by the schedule \(schedule.text)" }
        return status.isRecheckPlanned ? "recheck; else \(every)" : "every \(every)"
    }

    // MARK: What was seen

    /// Of the last ping: its first byte after the start of its connection. nil when there was none.
    package var latencyMicroseconds: UInt32? { state.latencyMicroseconds > 0 ? state.latencyMicroseconds : nil }
    /// `142 ms`, or a dash.
    package var latency: String { latencyMicroseconds.map { Formatting.latency(microseconds: $0) } ?? "–" }
    /// HTTP status of the last ping; nil when it got none.
    package var statusCode: UInt16? { state.code > 0 ? state.code : nil }
    /// End of the certificate, to the hour.
    package var certificateEnd: Instant? {
        state.certificateEndHours == 0 ? nil : Instant(milliseconds: Int64(state.certificateEndHours) * 3_600_000)
    }
    /// Days until then, to a tenth; negative after it.
    package var certificateDays: Double? {
        certificateEnd.map { (Double(($0 - now).wholeMilliseconds) / 8_640_000).rounded() / 10 }
    }

    // MARK: What it is

    /// `Space · ready check`.
    package var kind: String {
        let kind = check.policy.kind.type.label(of: check)
        return check.policy.role == .ready ? "\(kind) · ready check" : kind
    }

    /// What is pinged, without its secrets; nil for a heartbeat.
    package var address: String? { check.shownAddress }
    /// The same in few words, for a column.
    package var shortAddress: String {
        if isHeartbeat { return check.policy.schedule == nil ? "calls us every \(every)" : "calls us \(rhythm)" }
        if let space = check.space, check.name == check.target { return space }
        let address = address ?? ""
        for scheme in ["https://", "http://"] where address.hasPrefix(scheme) {
            return String(address.dropFirst(scheme.count))
        }
        return address
    }
    /// Whether a browser gets what is pinged by following the address: a page's, with nothing hidden in it.
    package var isLink: Bool {
        check.policy.kind.type.opensInBrowser && !check.address.isEmpty && !check.isAddressHidden
    }

    // MARK: The Hub's word

    /// The Hub's stage of the Space; `nothing` when it says none. nil when the Hub is not asked.
    package var stage: String? { status.hubStatus.map { $0.stage?.description ?? "nothing" } }
    /// What the Hub's word and the visitor's mean together, when they disagree.
    package var disagreement: String? { status.hubStatus?.disagreement }
    /// What healing did last, or suggests, without the check's own name before it.
    package var healing: String? {
        status.hubStatus?.healing.map { text in
            let own = "\(name): "
            return text.hasPrefix(own) ? String(text.dropFirst(own.count)) : text
        }
    }
    /// `503 in 142 ms`; nil before the first ping.
    package var visitorGot: String? {
        guard lastPing != nil else { return nil }
        let answer = statusCode.map { "\($0)" } ?? "no answer"
        return latencyMicroseconds == nil ? answer : "\(answer) in \(latency)"
    }

    private func known(_ moment: Instant) -> Instant? { moment.isNever ? nil : moment }
}

extension Cause {
    /// ``sentence``, with the status code where that is what was not expected.
    /// - Parameter code: HTTP status; 0 when there was none.
    package func sentence(code: UInt16) -> String {
        self == .status && code > 0 ? "answered \(code), which is not expected" : sentence
    }
}

extension Incident {
    /// What it was, for a person.
    package var sentence: String { cause == .none ? verdict.name : cause.sentence(code: code) }
    /// How long it lasted, or lasts by now.
    package func length(now: Instant) -> Duration { (ended ?? now) - began }
}
