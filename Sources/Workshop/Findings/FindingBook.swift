package import StokerCore

/// All findings of one worker and what became of them: a value.
package struct FindingBook: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package var finding: Finding
        /// Commits that were looked at in a row and do not have it.
        package var misses: Int
        /// It stands in a published row.
        package var isPublished: Bool
        /// Until when a person does not want to hear of it; nil: nobody said so.
        package var dismissedUntil: Instant?
        /// A change of its state that no row tells yet.
        package var isNews: Bool

        package init(
            finding: Finding, misses: Int = 0, isPublished: Bool = false, dismissedUntil: Instant? = nil,
            isNews: Bool = true
        ) {
            self.finding = finding
            self.misses = misses
            self.isPublished = isPublished
            self.dismissedUntil = dismissedUntil
            self.isNews = isNews
        }
    }
    package var entries: [String: Entry]

    package init(_ entries: [String: Entry] = [:]) { self.entries = entries }

    /// Commits that have to be without it until it counts as gone.
    static let missesUntilGone = 2

    /// Takes what one perspective sees at a commit.
    /// - Parameters:
    ///   - looked: rules that could look; of the others nothing follows.
    ///   - isNewHead: a commit that this perspective has not looked at before.
    mutating func take(
        _ seen: [Finding], of perspective: String, looked: Set<String>, isNewHead: Bool, now: Instant
    ) {
        var ids: Set<String> = []
        for var finding in seen where ids.insert(finding.id).inserted {
            guard var entry = entries[finding.id] else {
                finding.state = .new
                entries[finding.id] = Entry(finding: finding)
                continue
            }
            finding.firstSeen = entry.finding.firstSeen
            finding.state = entry.finding.state
            entry.misses = 0
            if let until = entry.dismissedUntil {
                if until > now {
                    finding.state = .dismissed
                } else {
                    entry.dismissedUntil = nil
                    finding.state = .open
                    entry.isNews = true
                }
            } else if entry.finding.state == .gone {
                finding.state = .returned
                entry.isNews = true
            }
            entry.finding = finding
            entries[finding.id] = entry
        }
        guard isNewHead else { return }
        for (id, entry) in entries
        where entry.finding.perspective == perspective && looked.contains(entry.finding.rule) && !ids.contains(id) {
            var entry = entry
            entry.misses += 1
            if entry.misses >= Self.missesUntilGone, entry.finding.state != .gone {
                // What nobody was told of just goes.
                guard entry.isPublished else {
                    entries[id] = nil
                    continue
                }
                if entry.finding.state != .dismissed { entry.isNews = true }
                entry.finding.state = .gone
            }
            entries[id] = entry
        }
    }

    /// What the next row of a perspective tells: the most important first, so many of a rule and in all; what is gone or returned first.
    func news(of perspective: String, most: Int = 5, ofRule mostOfRule: Int = 3) -> [Finding] {
        var perRule: [String: Int] = [:]
        var chosen: [Finding] = []
        let waiting = entries.values.filter {
            $0.isNews && $0.misses == 0 || ($0.isNews && $0.finding.state == .gone)
        }.map(\.finding).filter { $0.perspective == perspective && $0.state != .dismissed }
        for finding in waiting.sorted(by: Self.isEarlier) where chosen.count < most {
            if perRule[finding.rule, default: 0] >= mostOfRule { continue }
            perRule[finding.rule, default: 0] += 1
            chosen.append(finding)
        }
        return chosen
    }

    static func isEarlier(_ a: Finding, _ b: Finding) -> Bool {
        if (a.state == .gone) != (b.state == .gone) { return a.state != .gone }
        if a.priority != b.priority { return a.priority > b.priority }
        return a.id < b.id
    }

    /// These stand in a row now: what was new or returned is open.
    mutating func tell(_ ids: [String]) {
        for id in ids {
            guard var entry = entries[id] else { continue }
            entry.isNews = false
            entry.isPublished = true
            if entry.finding.state == .new || entry.finding.state == .returned { entry.finding.state = .open }
            entries[id] = entry
        }
    }

    /// - Returns: false when there is none of that id.
    package mutating func dismiss(_ id: String, until: Instant) -> Bool {
        guard var entry = entries[id] else { return false }
        entry.dismissedUntil = until
        entry.finding.state = .dismissed
        entry.isNews = false
        entries[id] = entry
        return true
    }

    package var open: [Finding] {
        entries.values.map(\.finding).filter { [.new, .open, .returned].contains($0.state) }.sorted(by: Self.isEarlier)
    }
}
