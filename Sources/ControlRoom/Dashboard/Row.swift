import StokerCore

/// One check as the dashboard shows it: for the template, and for the event stream that patches what the template made.
struct Row {
    let status: CheckStatus
    let samples: [Sample]
    let now: Instant

    private var state: CheckState { status.state }
    private var check: Check { status.check }
    private var isHeartbeat: Bool { check.policy.kind == .heartbeat }

    var latency: String {
        state.latencyMicroseconds > 0 && state.verdict != .down
            ? Words.latency(microseconds: state.latencyMicroseconds) : "–"
    }

    /// The second line under the name: what is wrong, or nothing.
    var reason: String {
        guard let reason = status.failuresSoFar ?? Words.reason(state) else { return "" }
        return state.failures > 1 && state.isTrouble && !state.isModerated
            ? "\(reason) · \(state.failures)× in a row" : reason
    }

    var shownAddress: String {
        if isHeartbeat { return "calls us every \(Words.interval(check.policy.every))" }
        if let space = check.space, check.name == check.target { return space }
        var address = check.shownAddress ?? ""
        for prefix in ["https://", "http://"] where address.hasPrefix(prefix) { address.removeFirst(prefix.count) }
        return address
    }

    /// What stands under the next ping: the interval, and that it is shortened while it is.
    var rhythm: String {
        let every = Words.interval(check.policy.every)
        return status.isRecheckPlanned ? "recheck; else \(every)" : "every \(every)"
    }

    func model(mayWrite: Bool, from: String) -> [String: Any] {
        let paused = state.verdict == .paused
        return [
            "name": check.name, "href": Words.path(check.name), "verdict": state.look,
            "word": Words.look(state), "address": shownAddress,
            "fullAddress": check.shownAddress ?? "",
            "rhythm": rhythm, "latency": latency, "reason": reason,
            "hasReason": !reason.isEmpty, "failures": Int(state.failures),
            "last": Self.time(state.lastPing, now: now, never: isHeartbeat ? "none yet" : "not yet"),
            "due": Self.time(
                status.nextDue ?? .never, now: now, never: paused ? "paused" : "–", due: isHeartbeat ? .overdue : .due),
            "strip": Strip.svg(samples), "pinging": status.pinging, "paused": paused, "mayWrite": mayWrite,
            "canPing": mayWrite && !isHeartbeat, "canPause": mayWrite && !paused, "canResume": mayWrite && paused,
            "from": from, "heartbeat": isHeartbeat,
        ]
    }

    /// What a plan reads when it is past.
    enum Due: String {
        /// It is done as soon as there is room.
        case due
        /// Somebody else was to do it: for how long it has not been done.
        case overdue

        /// For the script.
        fileprivate var mark: String { " data-due=\"\(rawValue)\"" }
    }

    /// A moment as text that stays right: the script counts it on from `data-t`.
    /// - Parameter due: the moment is a plan, and this is what it reads once it is past.
    static func time(_ moment: Instant, now: Instant, never: String, due: Due? = nil) -> String {
        guard !moment.isNever else { return "<time\(due?.mark ?? "")>\(never)</time>" }
        let text =
            switch due {
            case .due where moment <= now: "due"
            case .overdue where now - moment >= .seconds(2): "overdue \(Words.relative(moment, to: now).dropLast(4))"
            case .overdue where moment <= now: "due"
            default: Words.relative(moment, to: now)
            }
        return "<time datetime=\"\(moment)\" data-t=\"\(moment.milliseconds)\"\(due?.mark ?? "")"
            + " title=\"\(Words.absolute(moment))\">\(text)</time>"
    }

    /// The row's part of an event: short keys, read by `patchRow` in stoker.js.
    func write(_ text: inout JSONText) {
        text.object { text in
            text.key("n")
            text.value(check.name)
            text.key("v")
            text.value(state.look)
            text.key("w")
            text.value(Words.look(state))
            text.key("l")
            text.value(latency)
            text.key("t")
            text.value(state.lastPing.milliseconds)
            text.key("d")
            text.value(status.nextDue?.milliseconds ?? 0)
            text.key("e")
            text.value(rhythm)
            text.key("r")
            text.value(reason)
            text.key("p")
            text.value(status.pinging)
            text.key("a")
            text.value(Strip.label(samples))
            text.key("s")
            text.array(Strip.paths(samples)) { $0.value($1) }
        }
    }
}
