import StokerCore

/// Who hears of what, by the rules of a fleet file: what the rules say together, and what they leave out. See ``NoticeBoard/audience(of:)``.
package struct NoticeAudience: Sendable, Equatable {
    /// A channel that hears of a kind, and on which conditions.
    package struct Hearer: Sendable, Equatable {
        package var channel: String
        /// Only of trouble that has lasted so long and that nobody has acknowledged.
        package var lasting: Duration?
        package var `repeat`: Duration?
        /// How long events are gathered; zero is not at all.
        package var together: Duration
        /// Hours without messages, as the fleet file writes them.
        package var quiet: String?
        /// Empty, with empty targets: of everything.
        package var groups: [String]
        package var targets: [String]
        /// Its address is empty: it hears nothing.
        package var isOff: Bool

        /// `team at once, only of group production; not at 22:00-07:00 Europe/Berlin`
        package var sentence: String {
            var text = "\(channel) "
            if isOff { return text + "is switched off" }
            if let lasting {
                text += "after \(Formatting.interval(lasting)) unless acknowledged"
            } else {
                text += together == .zero ? "at once" : "within \(Formatting.interval(together))"
            }
            if let again = self.repeat { text += ", again every \(Formatting.interval(again))" }
            if !groups.isEmpty || !targets.isEmpty {
                text += ", only of " + Self.list(groups.map { "group \($0)" } + targets)
            }
            if let quiet { text += "; not at \(quiet)" }
            return text
        }

        private static func list(_ names: [String]) -> String {
            names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
        }
    }

    /// Kinds that the same channels hear of.
    package struct Line: Sendable, Equatable {
        package var kinds: [Notice.Kind]
        package var hearers: [Hearer]
    }

    /// In the order of the kinds; without those of ``unheard``.
    package var lines: [Line] = []
    /// Kinds that no channel hears of.
    package var unheard: [Notice.Kind] = []
    /// Checks whose trouble no channel hears of, though some channel hears of others'; in the fleet's order.
    package var unheardChecks: [String] = []

    /// - Parameter checks: those of the running fleet, those found on the Hub included.
    init(_ routes: [Route], _ channels: Channels, checks: [Check]) {
        func isOff(_ route: Route) -> Bool { channels[route.channel]?.isOn != true }
        for kind in Notice.Kind.ofRules {
            let named = routes.filter { $0.kind(among: kind.toldAs) != nil }
            guard named.contains(where: { !isOff($0) }) else {
                unheard.append(kind)
                continue
            }
            var hearers: [Hearer] = []
            for route in named {
                let isAlarm = kind.isAlarm
                let hearer = Hearer(
                    channel: route.channel, lasting: isAlarm ? route.rule.lasting : nil,
                    repeat: isAlarm ? route.rule.repeat : nil, together: route.rule.together,
                    quiet: route.rule.quiet?.text,
                    groups: kind.isAboutChecks ? route.rule.groups.map(\.name) : [],
                    targets: kind.isAboutChecks ? route.rule.targets.map(\.name) : [], isOff: isOff(route))
                if !hearers.contains(hearer) { hearers.append(hearer) }
            }
            if let place = lines.firstIndex(where: { $0.hearers == hearers }) {
                lines[place].kinds.append(kind)
            } else {
                lines.append(Line(kinds: [kind], hearers: hearers))
            }
        }
        let heard = routes.filter { !isOff($0) }
        guard !heard.isEmpty else { return }
        unheardChecks = checks.filter { check in
            let alarm: Notice.Kind = check.policy.kind.type.isPassive ? .silent : .down
            return !heard.contains { $0.rule.on.contains(alarm) && $0.covers(check.name, group: check.groupLabel) }
        }.map(\.name)
    }
}

extension Notice.Kind {
    /// What it is told as, the most telling first: a rule that does not name the first hears of it as the next.
    fileprivate var toldAs: [Notice.Kind] {
        switch self {
        case .moderated: NoticeTrigger.kinds(.down, .spaceModerated)
        case .wakingTooLong: NoticeTrigger.kinds(.down, .spaceStuck)
        default: [self]
        }
    }

    /// Groups and targets of a rule hold for it; what is about Stoker itself is told by every rule that names it.
    fileprivate var isAboutChecks: Bool {
        switch self {
        case .offline, .fleetRejected, .ledger, .tookOver, .test: false
        default: true
        }
    }
}
