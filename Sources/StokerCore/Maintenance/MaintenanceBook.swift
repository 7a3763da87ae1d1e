import Synchronization

/// Knows what is in maintenance: by the fleet file, and by what was begun by hand. Asked by shards, healing and notices on any thread;
/// an answer costs a lock and, while no maintenance goes on, nothing else.
package final class MaintenanceBook: Sendable {
    private struct State {
        var rules: [MaintenanceRule] = []
        /// By the names of checks; only while a rule or a window names groups.
        var groups: [String: String] = [:]
        var checks: [Check] = []
        /// Begun by hand, by id.
        var begun: [String: MaintenanceWindow] = [:]
        /// Windows of the file that a person ended, by id.
        var ended: [String: Instant] = [:]
        /// What goes on, and how long that answer holds.
        var active: [MaintenanceWindow] = []
        var valid: Range<Instant> = .never..<(.never)
        /// How many checks it covers; nil until somebody asks.
        var covered: Int?
        /// Grows whenever something began, ended or was changed.
        var changes: UInt64 = 0

        var namesGroups: Bool {
            rules.contains { !$0.groups.isEmpty } || begun.values.contains { !$0.scope.groups.isEmpty }
        }
        mutating func changed() {
            valid = .never..<(.never)
            changes &+= 1
            groups =
                namesGroups
                ? Dictionary(checks.map { ($0.name, $0.groupLabel) }, uniquingKeysWith: { first, _ in first }) : [:]
        }
    }
    private let state = Mutex(State())

    package init() {}

    /// The fleet that is monitored from now on.
    package func use(_ fleet: Fleet) {
        state.withLock {
            $0.rules = fleet[MaintenanceSection.section]
            $0.checks = fleet.checks
            $0.changed()
        }
    }

    /// What was begun by hand, and the ends that people gave to windows of the file.
    package func set(begun: [MaintenanceWindow], ended: [String: Instant]) {
        state.withLock {
            $0.begun = Dictionary(begun.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
            $0.ended = ended
            $0.changed()
        }
    }

    /// What goes on at a moment.
    package func active(at now: Instant) -> [MaintenanceWindow] {
        state.withLock { Self.active(&$0, at: now) }
    }

    private static func active(_ state: inout State, at now: Instant) -> [MaintenanceWindow] {
        if state.valid.contains(now) { return state.active }
        // A day ahead: no answer is kept for longer.
        let horizon = now..<(now + .seconds(86_400))
        let near = windows(state, in: horizon)
        let active = near.filter { $0.from <= now }
        if active != state.active { state.changes &+= 1 }
        state.active = active
        state.covered = nil
        let next = near.map { $0.from <= now ? $0.until : $0.from }.min() ?? horizon.upperBound
        state.valid = now..<min(next, horizon.upperBound)
        return active
    }

    /// How many checks are in maintenance, and a number that grows whenever that may have changed.
    package func summary(at now: Instant) -> (checks: Int, changes: UInt64) {
        state.withLock { state in
            let active = Self.active(&state, at: now)
            if active.isEmpty { return (0, state.changes) }
            let covered =
                state.covered ?? state.checks.count { check in active.contains { $0.scope.covers(check) } }
            state.covered = covered
            return (covered, state.changes)
        }
    }

    /// The windows that have a part of the span, by their beginning.
    package func windows(in span: Range<Instant>) -> [MaintenanceWindow] {
        state.withLock { Self.windows($0, in: span) }
    }

    /// The rules of the file, and when each begins next.
    package func rules(now: Instant) -> [(rule: MaintenanceRule, next: Instant?)] {
        state.withLock { $0.rules }.map { rule in
            (
                rule,
                rule.schedule.map { $0.next(after: now) }
                    ?? rule.once.flatMap { $0.lowerBound > now ? $0.lowerBound : nil }
            )
        }
    }

    private static func windows(_ state: State, in span: Range<Instant>) -> [MaintenanceWindow] {
        var found: [MaintenanceWindow] = []
        for rule in state.rules {
            for window in rule.windows(in: span) {
                let id = "\(rule.name)@\(window.lowerBound)"
                let until = state.ended[id].map { min($0, window.upperBound) } ?? window.upperBound
                // One that was called off before it began ends at its beginning.
                guard until > span.lowerBound, until > window.lowerBound else { continue }
                found.append(
                    MaintenanceWindow(
                        id: id, name: rule.name, from: window.lowerBound, until: until, scope: rule.scope,
                        isByHand: false))
            }
        }
        found += state.begun.values.filter { $0.until > span.lowerBound && $0.from < span.upperBound }
        return found.sorted { ($0.from, $0.id) < ($1.from, $1.id) }
    }

    /// The maintenance that a check is in; of several the one that ends last.
    package func window(of check: Check, at now: Instant) -> MaintenanceWindow? {
        active(at: now).filter { $0.scope.covers(check) }.max { $0.until < $1.until }
    }

    /// Whether any window that covers the check is open.
    package func isInMaintenance(_ check: String, at now: Instant) -> Bool {
        let active = active(at: now)
        guard !active.isEmpty else { return false }
        return active.contains { window in
            window.scope.covers(check: check, group: self.state.withLock { $0.groups[check] })
        }
    }
}
