package import StokerCore

/// How a state is, by what is known of it: pure, and the same for pages, API, alarms and the audit.
package struct StateHealth: Sendable, Equatable {
    /// The worst first.
    package enum Standing: String, Sendable, CaseIterable {
        /// The vault shows less than was seen there before, or nothing.
        case replaced
        /// A snapshot waits for somebody's word.
        case held
        /// The guard says that its snapshots do not get into the vault.
        case failing
        /// The vault cannot be read.
        case unreachable
        /// No restore was proven within the policy.
        case unproven
        /// The vault has nothing yet.
        case empty
        /// Nobody has looked yet.
        case unread
        case safe
    }

    /// What is told of it as an alarm.
    package enum Alarm: String, Sendable, CaseIterable {
        case snapshotFailed = "snapshot-failed"
        case restoreUnproven = "restore-unproven"
    }

    package struct Problem: Sendable, Equatable {
        package var standing: Standing
        /// A sentence without a full stop.
        package var because: String
        /// What to do about it.
        package var hint: String
        package var alarm: Alarm?
        /// Of a held one: which. Another one is news.
        package var id: String?
        /// Names the trouble: what is told once has the same.
        package var key: String { standing.rawValue + (id.map { " \($0)" } ?? "") }
    }

    package var standing: Standing
    /// The worst first.
    package var problems: [Problem]
    /// When the next drill is due; nil without a policy.
    package var drillDue: Instant?

    /// A vault that does not answer is no alarm before.
    static let patience = Duration.seconds(15 * 60)

    /// - Parameters:
    ///   - drill: how often a restore is to be proven; nil for never.
    ///   - vault: of the state's first vault.
    package init(_ memory: StateMemory, vault: String, drill: Duration?, now: Instant) {
        var problems: [Problem] = []
        let seen = memory.places.first { $0.vault == vault }
        let known = seen?.sequence ?? 0
        let facts = memory.facts.flatMap { $0.vault == vault ? $0 : nil }
        // What a guard told after the last look is no contradiction to it.
        if let facts, known > facts.sequence ?? 0, facts.at > seen?.at ?? .never {
            problems.append(
                Problem(
                    standing: .replaced,
                    because: facts.sequence.map {
                        "the vault shows sequence \($0), and \(known) was seen there before: an old state was put back"
                    } ?? "the vault is empty, and sequence \(known) was seen there before",
                    hint: "No guard starts on it. Bring the vault back, or say that it is right as it is.",
                    alarm: .snapshotFailed))
        }
        if let held = facts?.held.first {
            problems.append(
                Problem(
                    standing: .held, because: "a snapshot is held: \(held.note ?? "it lost too much")",
                    hint: "Accept it if that was meant; the newest stays in place until then.", alarm: .snapshotFailed,
                    id: held.id))
        }
        if let word = memory.word, let trouble = word.trouble {
            problems.append(
                Problem(
                    standing: .failing,
                    because: "the guard says: \(trouble)"
                        + (word.safeUntil.map { "; safe until \(Formatting.time($0))" } ?? ""),
                    hint: "Look at the vault and at the guard's log; the app goes on.", alarm: .snapshotFailed))
        }
        if let trouble = memory.trouble {
            problems.append(
                Problem(
                    standing: .unreachable,
                    because: "the vault cannot be read since \(Formatting.time(trouble.since)): \(trouble.because)",
                    hint: "Snapshots may be made all the same; this master cannot see them.",
                    alarm: now - trouble.since >= Self.patience && trouble.looks > 1 ? .snapshotFailed : nil))
        }
        if let keyTrouble = facts?.keyTrouble {
            problems.append(
                Problem(
                    standing: .unproven, because: keyTrouble,
                    hint: "Give its key in `vaults:` of the fleet file to see and prove what is inside.",
                    alarm: drill == nil ? nil : .restoreUnproven))
        } else if let drill, facts?.newestTime != nil {
            let last = memory.drills.first
            let since = memory.proven?.at ?? memory.firstLook ?? now
            // A drill needs its turn: it is late when a quarter of the time, an hour at least, is over.
            let isLate = now - since > drill + max(.seconds(3_600), drill / 4)
            if let last, let failure = last.failure {
                problems.append(
                    Problem(
                        standing: .unproven,
                        because: "the restore drill of \(Formatting.time(last.at)) failed: \(failure)",
                        hint: "`stoker snapshots verify` names what is damaged; an older snapshot may be whole.",
                        alarm: .restoreUnproven))
            } else if isLate {
                problems.append(
                    Problem(
                        standing: .unproven,
                        because: memory.proven.map {
                            "no restore was proven since \(Formatting.time($0.at)); the policy is every \(Formatting.interval(drill))"
                        } ?? "no restore was ever proven; the policy is every \(Formatting.interval(drill))",
                        hint: "Prove one now, and see what it says.", alarm: .restoreUnproven))
            }
        }
        self.problems = problems
        if let first = problems.first {
            standing = first.standing
        } else if let facts {
            standing = facts.newestTime == nil ? .empty : .safe
        } else {
            standing = .unread
        }
        if let drill {
            let failed = memory.drills.first.flatMap { $0.isProven ? nil : $0.at }
            // One that failed is tried again sooner than the policy says.
            let again = failed.map { $0 + min(drill, .seconds(3_600)) }
            drillDue = again ?? memory.proven.map { $0.at + drill } ?? now
        }
    }

    /// The worst problem of each alarm.
    package var alarms: [Alarm: Problem] {
        Dictionary(
            problems.compactMap { problem in problem.alarm.map { ($0, problem) } },
            uniquingKeysWith: { first, _ in first })
    }
}
