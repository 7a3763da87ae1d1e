/// How the fleet and Stoker itself are: the headline of the dashboard, `/status`, the API and `stoker status`, and what each of them says of the
/// ledger, the fleet file, the Hub and the other master.
package struct FleetHealth: Sendable, Equatable {
    package enum Mood: String, Sendable, CaseIterable { case good, unsteady, waking, trouble, offline, standby, empty }

    package let mood: Mood
    /// The state of the whole, without a full stop.
    package let sentence: String
    /// How many checks need somebody.
    package let troubles: Int
    /// What is wrong or special about Stoker itself, the most important first.
    package let notices: [Notice]

    /// Something about Stoker itself rather than about a check.
    package struct Notice: Sendable, Equatable {
        package enum Kind: String, Sendable, CaseIterable { case demo, trouble, note }
        /// Stable name: `offline`, `ledger_stalled`, `ledger_damaged`, `hub_unreachable`, `fleet_file_rejected`, `standby`, `standing_in`, `shed`, `demo`.
        package var name: String
        package var kind: Kind
        package var title: String
        package var text: Sentence
        /// One problem a line.
        package var lines: [String]
        /// What a person can type, with `text` leading to it.
        package var command: String?
        /// Differs between two of one name.
        package var number: Int64 = 0
    }

    package init(_ overview: Overview) {
        notices = Self.notices(overview)
        troubles = overview.troubles
        let count = { (verdict: Verdict) in overview.counts[verdict] ?? 0 }
        let total = overview.total
        let (waking, slow) = (count(.waking), count(.slow))
        let moderated = overview.moderated
        let (unknown, paused) = (count(.unknown), count(.paused) - moderated)
        let of = total == 1 ? "" : " of \(Formatting.count(total))"
        let subject = { (number: Int) in total == 1 ? "It" : "\(Formatting.count(number))\(of)" }
        let verb = { (number: Int) in number == 1 ? "is" : "are" }
        var mood: Mood
        var sentence: String
        if total == 0 {
            (mood, sentence) = (.empty, "Nothing to monitor yet")
        } else if case .offline = overview.connectivity {
            (mood, sentence) = (.offline, "This machine is offline")
        } else if case .standby = overview.role {
            (mood, sentence) = (.standby, "Standing by")
        } else if troubles > 0 {
            mood = .trouble
            let kinds =
                Verdict.byUrgency.filter(\.isTrouble).map { ($0.traits.look, count($0)) } + [(.moderated, moderated)]
            let parts = kinds.filter { $0.1 > 0 }
            if let only = parts.first, parts.count == 1 {
                sentence = "\(subject(troubles)) \(verb(troubles)) \(only.0.phrase)"
            } else {
                let list = parts.map { "\(Formatting.count($0.1)) \($0.0.phrase)" }.joined(separator: ", ")
                sentence = "\(subject(troubles)) need a look: \(list)"
            }
        } else if waking > 0 {
            (mood, sentence) = (.waking, "\(subject(waking)) \(verb(waking)) \(Look.waking.phrase)")
        } else if unknown > 0 {
            mood = .waking
            sentence = unknown == total ? "Taking a first look" : "\(Formatting.count(unknown)) \(Look.unknown.phrase)"
        } else if paused == total {
            (mood, sentence) = (.good, total == 1 ? "It is paused" : "All \(Formatting.count(total)) are paused")
        } else {
            mood = overview.flapping > 0 ? .unsteady : .good
            let answering = total - paused
            sentence =
                total == 1
                ? "It answers"
                : paused > 0 ? "\(Formatting.count(answering)) answer" : "All \(Formatting.count(total)) answer"
            if paused > 0 { sentence += ", \(Formatting.count(paused)) \(paused == 1 ? "is" : "are") paused" }
            if slow > 0 { sentence += slow == answering ? ", but slowly" : ", \(Formatting.count(slow)) slowly" }
            if overview.flapping > 0 {
                sentence += total == 1 ? ", but comes and goes" : ", \(Self.comeAndGo(overview.flapping))"
            }
        }
        // A green sign over a ledger that is lost would be no truth.
        if mood != .offline, mood != .standby {
            if !overview.ledgerDamage.isEmpty {
                sentence += "; the ledger was damaged"
                mood = .trouble
            } else if case .stalled(_, _, _, let limit, _) = overview.ledger, limit > 0 {
                sentence += "; results do not reach the disk"
                mood = .trouble
            } else if overview.ledgerVault?.trouble != nil {
                sentence += "; the ledger is not kept in its vault"
                mood = .trouble
            }
        }
        self.mood = mood
        self.sentence = sentence
    }

    /// Somebody should look: at a check, or at this machine, its network or its ledger.
    package var isTrouble: Bool { mood == .trouble || mood == .offline || troubles > 0 }

    /// `(2) Stoker`, for a window.
    package var title: String { troubles > 0 ? "(\(troubles)) Stoker" : "Stoker" }

    /// Which state's sign stands before the sentence.
    package var look: Look {
        switch mood {
        case .good: .up
        case .unsteady: .flapping
        case .waking: .waking
        case .trouble: .down
        case .offline, .empty: .unknown
        case .standby: .paused
        }
    }

    /// `1 comes and goes`, `2 come and go`.
    package static func comeAndGo(_ count: Int) -> String {
        count == 1 ? "1 comes and goes" : "\(Formatting.count(count)) come and go"
    }

    /// Whether results reach the disk, in one word.
    package static func ledgerState(_ health: LedgerHealth, _ damage: [LedgerDamage] = []) -> String {
        if case .stalled = health { return "stalled" }
        return damage.isEmpty ? "healthy" : "damaged"
    }

    private static func notices(_ overview: Overview) -> [Notice] {
        var notices: [Notice] = []
        func add(
            _ name: String, _ kind: Notice.Kind, _ title: String, _ text: Sentence, lines: [String] = [],
            command: String? = nil, number: Int64 = 0
        ) {
            notices.append(
                Notice(
                    name: name, kind: kind, title: title, text: text, lines: lines, command: command, number: number))
        }
        if overview.demo {
            let what = overview.hub == nil ? "A simulated fleet" : "A simulated Hub and its Spaces"
            add(
                "demo", .demo, "This is a demonstration.",
                "\(what) on this machine; nothing leaves it. To monitor your own:",
                command: "stoker init && stoker serve")
        }
        if case .offline(let since) = overview.connectivity {
            add(
                "offline", .trouble, "No connection of our own.",
                "Since \(since) everything fails at once, so the fault is here. Verdicts stand still until it is back.")
        }
        if case .stalled(let since, let because, let waiting, let limit, let dropped) = overview.ledger {
            // With no limit there is no file to wait for.
            let held: Sentence = limit == 0 ? "" : "\(waiting) of at most \(limit) wait in memory. "
            let lost: Sentence = dropped == 0 ? "" : "\(dropped) were given up. "
            add(
                "ledger_stalled", .trouble, "Results cannot be written to disk.",
                "Since \(since): \(because). \(held)\(lost)Pinging goes on.")
        }
        if let vault = overview.ledgerVault, let trouble = vault.trouble {
            let since: Sentence = vault.troubleSince.map { "Since \($0): " } ?? ""
            let safe: Sentence = vault.safeUntil.map { "is of \($0)" } ?? "was never made"
            add(
                "ledger_unkept", .trouble, "The ledger is not kept in its vault.",
                "\(since)\(trouble). The last snapshot in \(vault.name) \(safe); pinging goes on.")
        }
        for damage in overview.ledgerDamage {
            add(
                "ledger_damaged", .trouble, "The ledger was damaged.",
                "\(damage.at): \(Sentence(reading: damage.text)). Nothing is healed until somebody acknowledges it:",
                command: "stoker acknowledge \(damage.incident)", number: damage.incident)
        }
        if let trouble = overview.hub?.trouble {
            add(
                "hub_unreachable", .trouble, "The Hub cannot be asked.",
                "Stoker \(trouble). Until then only what visitors see counts.")
        }
        if !overview.fleetFile.rejected.isEmpty {
            add(
                "fleet_file_rejected", .trouble, "The changed fleet file was not taken.",
                "Stoker goes on with the version of \(overview.fleetFile.loadedAt).",
                lines: Array(overview.fleetFile.rejected.prefix(12)))
        }
        switch overview.role {
        case .active: break
        case .standby(let master, let seen):
            let last: Sentence = seen.map { ", last seen at \($0)" } ?? ", not seen yet"
            add("standby", .note, "Standing by.", "\(Redaction.address(master)) is at work\(last).")
        case .standingIn(let master, let since):
            add(
                "standing_in", .note, "Standing in.",
                "\(Redaction.address(master)) has been silent since \(since); this one does its work.")
        }
        let shed = overview.work.shed
        if shed > 0 {
            add(
                "shed", .note, "More is due than this machine can ping.",
                "\(shed.counted("ping", as: Formatting.count(shed))) \(shed == 1 ? "was" : "were") left out since the start. Longer intervals or a larger open-file limit help."
            )
        }
        return notices
    }
}

extension Overview.Role {
    /// Stable name for APIs.
    package var name: String {
        switch self {
        case .active: "active"
        case .standby: "standby"
        case .standingIn: "standing_in"
        }
    }
}

extension HubRateUsage {
    /// What is left of the Hub's windows, in one phrase; of the API's, which a fleet lives on.
    package func phrase(now: Instant) -> String {
        guard let answeredAt else { return "the Hub has not answered yet" }
        let silent = now - answeredAt
        if silent >= .seconds(180) { return "the Hub has been silent for \(Formatting.duration(silent))" }
        guard let window = windows(at: now).first(where: { $0.bucket == "api" }) else { return "the Hub answers" }
        let quota = window.quota.map { " of \(Formatting.count($0))" } ?? ""
        return "\(Formatting.count(window.remaining))\(quota) Hub calls left"
    }
}
