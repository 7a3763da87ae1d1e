/// What maintenance is for. See docs/maintenance.md.
package struct MaintenanceScope: Sendable, Hashable, Codable {
    /// Names of targets or of single checks.
    package var targets: [String]
    /// Labels that the dashboard groups by: ``Check/groupLabel``.
    package var groups: [String]

    /// With neither it is everything.
    package init(targets: [String] = [], groups: [String] = []) {
        self.targets = targets
        self.groups = groups
    }

    /// Names neither targets nor groups.
    package var isEverything: Bool { targets.isEmpty && groups.isEmpty }

    /// - Parameter group: what the dashboard groups the check by.
    package func covers(check: String, group: @autoclosure () -> String?) -> Bool {
        if isEverything { return true }
        let target = check.firstIndex(of: "/").map { String(check[..<$0]) } ?? check
        if targets.contains(check) || targets.contains(target) { return true }
        guard !groups.isEmpty, let group = group() else { return false }
        return groups.contains(group)
    }

    package func covers(_ check: Check) -> Bool { covers(check: check.name, group: check.groupLabel) }

    /// `everything`, `group websites`, `embedder, gateway`.
    package var sentence: String {
        if isEverything { return "everything" }
        return (groups.map { "group \($0)" } + targets).joined(separator: ", ")
    }
}

/// A line of `maintenance:` in the fleet file.
package struct MaintenanceRule: Sendable, Equatable {
    package var name = ""
    /// When it begins again and again; nil for once.
    package var schedule: CronSchedule?
    /// How long it lasts; real time, also where the clock changes in it.
    package var length: Duration?
    /// Once: as it was written, and the moments that ``zone`` makes of it.
    package var from: String?
    package var until: String?
    /// IANA name of the zone that ``from`` and ``until`` are written in.
    package var zone = "UTC"
    /// The span of one that is held once; nil for a schedule.
    package var once: Range<Instant>?
    package var groups: [FleetReference] = []
    package var targets: [FleetReference] = []

    package init() {}

    package var scope: MaintenanceScope { MaintenanceScope(targets: targets.map(\.name), groups: groups.map(\.name)) }

    /// `by the schedule 0 2 * * Sun Europe/Berlin` or `once`.
    package var rhythm: String { schedule.map { "by the schedule \($0.text)" } ?? "once" }

    /// The windows that have a part of the span, in order; at most a hundred.
    package func windows(in span: Range<Instant>) -> [Range<Instant>] {
        guard let schedule, let length else { return once.map { $0.overlaps(span) ? [$0] : [] } ?? [] }
        var found: [Range<Instant>] = []
        var begin = schedule.last(atOrBefore: span.lowerBound) ?? schedule.next(after: span.lowerBound)
        while let from = begin, from < span.upperBound, found.count < 100 {
            if from + length > span.lowerBound { found.append(from..<(from + length)) }
            begin = schedule.next(after: from)
        }
        return found
    }
}

/// One time of maintenance.
package struct MaintenanceWindow: Sendable, Equatable {
    /// Stable: the rule's name and the beginning, or the number of what was begun by hand.
    package var id: String
    package var name: String
    package var from: Instant
    /// Exclusive.
    package var until: Instant
    package var scope: MaintenanceScope
    /// Begun by a person, not by the fleet file.
    package var isByHand: Bool
    /// What people read.
    package var text: String?

    package init(
        id: String, name: String, from: Instant, until: Instant, scope: MaintenanceScope, isByHand: Bool,
        text: String? = nil
    ) {
        self.id = id
        self.name = name
        self.from = from
        self.until = until
        self.scope = scope
        self.isByHand = isByHand
        self.text = text
    }

    /// `in maintenance until 07:30 (updates)`, without a capital letter or a full stop.
    package var sentence: Sentence { "in maintenance until \(until)" + Sentence(name.isEmpty ? "" : " (\(name))") }
}
