import Diagnosis
import Runtime
package import StokerCore

/// Decides whether a failing Space is restarted: state × verdict × now → action. Pure; see docs/healing.md.
package enum Healer {
    package typealias Step = HealingStep

    /// What is known of the check that fails.
    package struct FailingCheck: Sendable {
        package var rule: HealRule
        package var awake: Awake
        package var verdict: Verdict
        package var cause: Cause
        /// Failed pings in a row.
        package var failures: Int
        /// What both sources mean together; nil when the Hub's word does not count.
        package var cell: SpaceVerdict.GridCell?
        package var facts: SpaceFacts?

        package init(
            rule: HealRule, awake: Awake = .always, verdict: Verdict, cause: Cause, failures: Int,
            cell: SpaceVerdict.GridCell?, facts: SpaceFacts?
        ) {
            self.rule = rule
            self.awake = awake
            self.verdict = verdict
            self.cause = cause
            self.failures = failures
            self.cell = cell
            self.facts = facts
        }
    }

    /// What was done to a Space, by healing and by people: all its checks share the budget.
    package struct Past: Sendable, Equatable {
        /// One step that was taken.
        package struct Action: Sendable, Equatable {
            package var at: Instant
            package var step: Step
            /// A person had it done: it costs no budget, but is waited for like any other.
            package var isAsked: Bool
            package init(at: Instant, step: Step, isAsked: Bool = false) {
                self.at = at
                self.step = step
                self.isAsked = isAsked
            }
        }
        /// Oldest first.
        package var actions: [Action]
        /// What was done before is not known, and may have been the whole budget; nil when all is.
        package var blankBefore: Instant?
        package init(_ actions: [Action] = [], blankBefore: Instant? = nil) {
            self.actions = actions
            self.blankBefore = blankBefore
        }
    }

    /// What is to be done about a failing Space now.
    package enum Decision: Sendable, Equatable {
        case nothing(Reason)
        case suggest(Step)
        case act(Step)
        /// No restart is left: a person should look.
        case exhausted(Exhaustion)
    }

    /// Why no restart is left.
    package enum Exhaustion: String, Sendable {
        case budget
        /// A restart helps the cause only once, and was made in the budget's span.
        case once
    }

    /// Why nothing is done. Raw values are shown to people.
    package enum Reason: String, Sendable, CaseIterable {
        case off
        case well
        /// The Hub was not read, or too long ago.
        case hubSilent = "hub silent"
        case pausedByOwner = "paused by owner"
        case moderated
        case spendLimit = "spend limit"
        case devMode = "dev mode"
        case moving
        case platform
        /// Nothing at all answered at the address: that is the way there, not the Space.
        case noAnswer = "no answer"
        /// What is wrong is not mended by a restart.
        case pointless
        case notYet = "not yet"
        /// An action was taken a short while ago.
        case waiting
        case mayUse = "may sleep"
    }

    /// One row of the table in docs/healing.md: what the owner or the platform decided goes first, then what a restart could mend,
    /// then the budget.
    package static func decide(_ patient: FailingCheck, _ past: Past, now: Instant) -> Decision {
        let rule = patient.rule
        if rule.mode == .off || patient.awake == .never { return .nothing(.off) }
        guard let facts = patient.facts, let cell = patient.cell else { return .nothing(.hubSilent) }
        switch facts.pauseReason {
        case .moderation: return .nothing(.moderated)
        case .spendLimit: return .nothing(.spendLimit)
        case .owner: return .nothing(.pausedByOwner)
        case nil: break
        }
        let isOld = patient.cause == .spaceOldBuild && patient.verdict == .slow
        guard patient.verdict == .down || isOld else { return .nothing(.well) }
        if facts.isStatic { return .nothing(.pointless) }
        if facts.devMode { return .nothing(.devMode) }
        if facts.stage?.isMoving == true { return .nothing(.moving) }
        if patient.cause == .platformIncident { return .nothing(.platform) }
        if cell.healing == .no { return .nothing(.pointless) }
        if patient.cause.isUnanswered { return .nothing(.noAnswer) }
        if !isOld, patient.failures < rule.after { return .nothing(.notYet) }
        if cell.healing == .wake { return wake(patient, past, now: now) }

        let helps = DiagnosisRules.find(message: facts.errorMessage)?.restart ?? .ladder
        if helps == .never { return .nothing(.pointless) }
        let latest = past.actions.last { $0.step != .wake && now - $0.at < rule.within }
        let recent = past.actions.filter { $0.step != .wake && !$0.isAsked && now - $0.at < rule.within }
        let plain = recent.count { $0.step == .restart }
        // Without memory: as if a restart had been made right before the start and the build from scratch in the budget's span.
        let isBlank = past.blankBefore.map { now - $0 < rule.within } ?? false
        let restarts = isBlank ? min(1, rule.restarts) : rule.restarts
        let factoryRestarts = isBlank ? 0 : rule.factoryRestarts
        if let start = past.blankBefore, now - start < rule.wait { return .nothing(.waiting) }
        let step: Step
        if helps == .once, !recent.isEmpty { return .exhausted(.once) }
        if plain < restarts, helps != .fromScratch {
            step = .restart
        } else if recent.count - plain < factoryRestarts {
            step = .factoryRestart
        } else {
            return .exhausted(.budget)
        }
        if let last = recent.last, now - last.at < Backoff(first: rule.wait).wait(after: recent.count) {
            return .nothing(.waiting)
        }
        if let latest, now - latest.at < rule.wait { return .nothing(.waiting) }
        return rule.mode == .act ? .act(step) : .suggest(step)
    }

    private static func wake(_ patient: FailingCheck, _ past: Past, now: Instant) -> Decision {
        if patient.awake == .onDemand { return .nothing(.mayUse) }
        if let last = past.actions.last(where: { $0.step == .wake }), now - last.at < patient.rule.wait {
            return .nothing(.waiting)
        }
        return patient.rule.mode == .act ? .act(.wake) : .suggest(.wake)
    }
}

extension Cause {
    /// Not even the platform answered.
    package var isUnanswered: Bool {
        switch self {
        case .dnsNoSuchName, .dnsFailed, .dnsTimeout, .connectRefused, .connectTimeout, .connectUnreachable,
            .tlsHandshake,
            .tlsCertificate, .tlsExpired, .tlsWrongName, .tlsUntrusted, .tlsTimeout:
            true
        default: false
        }
    }
}
