import StokerCore

/// Moments as HTML.
extension Markup {
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
    /// - Parameters:
    ///   - never: what stands there when there is no moment.
    ///   - due: the moment is a plan, and this is what it reads once it is past.
    static func time(_ moment: Instant?, now: Instant, never: String = "", due: Due? = nil) -> String {
        guard let moment, !moment.isNever else { return "<time\(due?.mark ?? "")>\(never)</time>" }
        let text =
            switch due {
            case .due where moment <= now: "due"
            case .overdue where moment <= now: Formatting.overdue(now - moment)
            default: Formatting.relative(moment, to: now)
            }
        return "<time datetime=\"\(moment)\" data-t=\"\(moment.milliseconds)\"\(due?.mark ?? "")"
            + " title=\"\(Formatting.time(moment))\">\(text)</time>"
    }

    /// What comes next of a check, for its row and its page.
    static func next(_ view: CheckView) -> String {
        let due: Due = view.isHeartbeat ? .overdue : .due
        switch view.next {
        case .paused: return time(nil, now: view.now, never: "paused", due: due)
        case .nothing: return time(nil, now: view.now, never: "–", due: due)
        // The row shows by itself that a ping is under way.
        case .pinging: return time(view.status.nextDue, now: view.now, never: "–", due: due)
        case .at(let moment), .due(let moment), .overdue(let moment, _): return time(moment, now: view.now, due: due)
        }
    }

    /// A sentence in which moments are `<time>`.
    static func sentence(_ sentence: Sentence) -> String {
        sentence.parts.map { part in
            switch part {
            case .text(let text): escape(text)
            case .time(let moment, let zone):
                "<time datetime=\"\(moment)\">\(escape(Formatting.time(moment, zone: zone)))</time>"
            }
        }.joined()
    }
}
