/// What happened, as values. The sentence for people is made from them, never read back.
///
/// Stored as JSON, `{"verdict": {"check": "bot", …}}`: case names and labels are in ledgers that exist, so they are never renamed. A value
/// that is added later is optional.
package enum EventPayload: Sendable, Equatable, Codable {
    // MARK: A check

    /// `code`: HTTP status of the answer; 0 or nil when there was none.
    case verdict(check: String, from: Verdict, to: Verdict, cause: Cause, code: UInt16? = nil)
    case incidentBegan(check: String, cause: Cause, code: UInt16? = nil)
    /// `lastedMilliseconds` is nil where the end is not the incident's own.
    case incidentEnded(check: String?, how: IncidentEnd, lastedMilliseconds: Int64?)
    case flappingBegan(check: String)
    case flappingEnded(check: String)
    /// By a person; `until` is nil until it is resumed.
    case paused(check: String, until: Instant?)
    /// The platform flagged the Space.
    case moderated(check: String)
    case resumed(check: String)
    /// `carried`: whether its history came along.
    case renamed(from: String, to: String, carried: Bool)

    // MARK: This program

    case started(checks: Int)
    case stopped
    case offline
    case online
    case fleetReloaded(checks: Int, added: Int, gone: Int)
    case fleetRejected(problem: String)
    case fleetNeedsRestart(keys: [String])
    case tookOver(from: String)
    case steppedBack(to: String)
    case ledgerStalled(because: String, limit: Int)
    case ledgerRecovered
    /// Something in the ledger was mended; a sentence.
    case ledgerMended(what: String)
    /// Somebody has to look; sentences.
    case ledgerDamaged(what: String)
    case ledgerAcknowledged(incident: Int64)
    /// A start brought the ledger back from its vault; sentences.
    case ledgerRestored(what: String)
    /// Snapshots of the ledger do not get into its vault.
    case ledgerUnkept(vault: String, because: String)
    case ledgerKept(vault: String)
    /// Another master took the ledger's vault over: this one stands still.
    case ledgerTaken(vault: String, by: String)

    // MARK: The Hub

    case spaceStage(space: String, stage: String?, from: String?, why: StageReason?, message: String?)
    case spaceFound(space: String, check: String)
    /// `check` left the fleet with it; nil when the fleet file still has it.
    case spaceGone(space: String?, check: String?)
    /// `isWritten`: the fleet file names it, rather than discovery.
    case spaceMoved(space: String, to: String, isWritten: Bool)
    /// A command paused it and was killed before it restarted it.
    case spaceLeftPaused(space: String, command: String, at: String, now: String)
    /// `by`: a command, or a request to this server.
    case spaceAsked(deed: SpaceDeed, space: String, by: String)
    case hubUnreachable(because: String)
    case hubBack
    /// While Spaces fail, the platform's own status page tells of trouble: ``PlatformReport``, in its words.
    case platformReported(title: String, since: Instant?, page: String)
    case hubNothingFound(namespaces: [String], because: String, hint: String)
    case hubSpread(requests: Int, budget: Int, minutes: Int)

    // MARK: Healing

    /// Before it is done.
    case healing(step: HealingStep, check: String, space: String, because: String)
    /// The Hub took it. `number` of `most` in the budget's span.
    case healed(step: HealingStep, check: String, because: String, number: Int, most: Int, withinMilliseconds: Int64)
    case healingFailed(
        step: HealingStep, check: String, because: String, hint: String?, number: Int, most: Int,
        withinMilliseconds: Int64)
    case healingSuggested(step: HealingStep, check: String, because: String)
    /// `once`: true where a restart helps the cause only once and was made; else the budget is used up.
    case healingExhausted(check: String, because: String, once: Bool? = nil)
    case healingHeld(step: HealingStep, check: String, because: String, incident: Int64)
    /// `platform`: what the platform's own status page tells of it, as ``PlatformReport/phrase``.
    case healingSuspended(spaces: Int, cause: Cause, platform: String? = nil)
    case healingResumed(cause: Cause)

    // MARK: Deployment

    /// The Space is otherwise than `deploy:` of the fleet file says. `what`: settings, variables, names of secrets, paths; the first ones.
    case drifted(space: String, check: String?, what: [String], more: Int? = nil)
    case driftEnded(space: String, check: String?)

    // MARK: Safekeeping

    /// Snapshots of a state do not get into its vault, one is held, or the vault shows less than it did. `check`: of its Space.
    case snapshotFailed(state: String, check: String?, because: String)
    case snapshotsBack(state: String, check: String?)
    /// No restore was proven within the policy, or the last drill failed.
    case restoreUnproven(state: String, check: String?, because: String)
    case restoreProven(state: String, check: String?, milliseconds: Int64?)

    // MARK: Others

    /// Only the sentence is known: an older version wrote it, or a newer one that knows more kinds.
    case text(kind: String, sentence: String)

    /// Why an incident is over.
    package enum IncidentEnd: String, Sendable, Codable {
        /// The check is up again.
        case recovered
        case paused
        /// The check left the fleet.
        case left
        /// Its name belongs to another Space now.
        case replaced
    }
    /// Why the Hub says that a Space is paused.
    package enum StageReason: String, Sendable, Codable {
        case moderation
        case spendLimit = "spend_limit"
        case owner
    }
}

/// What healing does to a Space.
package enum HealingStep: String, Sendable, CaseIterable, Codable {
    case wake
    case restart
    case factoryRestart = "factory_restart"

    /// As sentences have it.
    package var word: String {
        switch self {
        case .wake: "wake"
        case .restart: "restart"
        case .factoryRestart: "factory restart"
        }
    }
}

/// What a person has done to a Space.
package enum SpaceDeed: String, Sendable, CaseIterable, Codable {
    case restart
    case factoryRestart = "factory_restart"
    case pause
    case wake
    /// Files or settings were changed as the fleet file says.
    case deploy
    /// It got the files of an earlier commit.
    case rollback

    /// The participle: "restarted".
    package var past: String {
        switch self {
        case .restart: "restarted"
        case .factoryRestart: "restarted with a build from scratch"
        case .pause: "paused"
        case .wake: "woken"
        case .deploy: "deployed"
        case .rollback: "rolled back"
        }
    }
}

extension EventPayload {
    /// Stable and bounded; docs/operations.md lists them.
    package var kind: String {
        switch self {
        case .verdict: "verdict"
        case .incidentBegan: "incident.began"
        case .incidentEnded: "incident.ended"
        case .flappingBegan: "flapping.began"
        case .flappingEnded: "flapping.ended"
        case .paused, .moderated: "paused"
        case .resumed: "resumed"
        case .renamed: "check.renamed"
        case .started: "started"
        case .stopped: "stopped"
        case .offline: "self.offline"
        case .online: "self.online"
        case .fleetReloaded: "fleet.reloaded"
        case .fleetRejected: "fleet.rejected"
        case .fleetNeedsRestart: "fleet.needs_restart"
        case .tookOver: "master.took_over"
        case .steppedBack: "master.stepped_back"
        case .ledgerStalled: "ledger.stalled"
        case .ledgerRecovered: "ledger.recovered"
        case .ledgerMended: "ledger.damage"
        case .ledgerDamaged: "ledger.damaged"
        case .ledgerAcknowledged: "ledger.acknowledged"
        case .ledgerRestored: "ledger.restored"
        case .ledgerUnkept: "ledger.unkept"
        case .ledgerKept: "ledger.kept"
        case .ledgerTaken: "ledger.taken"
        case .spaceStage: "space.stage"
        case .spaceFound: "space.found"
        case .spaceGone: "space.gone"
        case .spaceMoved: "space.moved"
        case .spaceLeftPaused: "space.left_paused"
        case .spaceAsked: "space.asked"
        case .hubUnreachable: "hub.unreachable"
        case .hubBack: "hub.back"
        case .platformReported: "hub.platform"
        case .hubNothingFound: "hub.nothing_found"
        case .hubSpread: "hub.spread"
        case .healing(let step, _, _, _): "heal.\(step.rawValue)"
        case .healed: "heal.result"
        case .healingFailed: "heal.failed"
        case .healingSuggested: "heal.suggested"
        case .healingExhausted: "heal.exhausted"
        case .healingHeld: "heal.held"
        case .healingSuspended: "heal.suspended"
        case .healingResumed: "heal.resumed"
        case .drifted: "drift.found"
        case .driftEnded: "drift.ended"
        case .snapshotFailed: "snapshot.failed"
        case .snapshotsBack: "snapshot.back"
        case .restoreUnproven: "restore.unproven"
        case .restoreProven: "restore.proven"
        case .text(let kind, _): kind
        }
    }

    /// One plain sentence, or a few.
    package var sentence: String {
        switch self {
        case .verdict(let check, let from, let to, let cause, let code):
            "\(check) is \(to.name), was \(from.name)" + (cause == .none ? "" : ": \(cause.sentence(code: code ?? 0))")
        case .incidentBegan(let check, let cause, let code): "\(check): \(cause.sentence(code: code ?? 0))"
        case .incidentEnded(let check, let how, let lasted): Self.end(check, how, lasted.map { .milliseconds($0) })
        case .flappingBegan(let check): "\(check) changes too often to be told each time"
        case .flappingEnded(let check): "\(check) has been steady for ten pings"
        case .paused(let check, let until): "\(check) was paused" + (until.map { " until \($0)" } ?? "")
        case .moderated(let check): "\(check) is not pinged any more: \(Cause.spaceModerated.sentence)"
        case .resumed(let check): "\(check) was resumed"
        case .renamed(let from, let to, true): "\(from) is called \(to) now; its history came along"
        case .renamed(let from, let to, false):
            "\(to) has a history of its own since before it was said to have been \(from): what is known of \(from) stays under that name"

        case .started(let checks): "Stoker started with \(checks.counted("check"))"
        case .stopped: "Stoker stopped"
        case .offline: "Everything failed at once: this machine has no network. Verdicts stand still until it is back"
        case .online: "The network is back"
        case .fleetReloaded(let checks, let added, let gone):
            "New fleet file: \(checks.counted("check")), \(added) new, \(gone) gone"
        case .fleetRejected(let problem): "A new fleet file was not taken: \(problem)"
        case .fleetNeedsRestart(let keys):
            "Changed in the fleet file, but taken at the next start only: \(keys.joined(separator: ", "))"
        case .tookOver(let first): "\(first) is silent: this master monitors the fleet"
        case .steppedBack(let first): "\(first) is at work: this master stands by"
        case .ledgerStalled(let because, let limit):
            "Results cannot be written (\(because)); up to \(limit) wait in memory"
        case .ledgerRecovered: "Results are written again"
        case .ledgerMended(let what), .ledgerDamaged(let what), .ledgerRestored(let what): what
        case .ledgerUnkept(let vault, let because): "Snapshots of the ledger do not get into \(vault): \(because)"
        case .ledgerKept(let vault): "The ledger has a new snapshot in \(vault) again"
        case .ledgerTaken(let vault, let by):
            "\(by) has taken over the ledger in \(vault): this master makes no pings, heals nothing and publishes nothing"
        case .ledgerAcknowledged(let incident):
            "The damage of the ledger was acknowledged (incident \(incident)); healing goes on"

        case .spaceStage(let space, let stage, let from, let why, let message):
            Self.stage(space, stage, from, why, message)
        case .spaceFound(let space, let check): "\(space) is on the Hub and joined the fleet as \(check)"
        case .spaceGone(_, let check?): "\(check) is not on the Hub any more and left the fleet"
        case .spaceGone(let space, nil):
            "The Hub does not list \(space ?? "a Space") any more: renamed, deleted, or hidden from this token"
        case .spaceMoved(let space, let to, true):
            "\(space) is \(to) on the Hub now; write that name in the fleet file, with `was: \(space)`, and its history comes along"
        case .spaceMoved(let space, let to, false):
            "\(space) is \(to) on the Hub now; what is known of it goes on under that name"
        case .spaceLeftPaused(let space, let command, let at, let now):
            "\(Self.leftPaused(space: space, command: command, at: at)); \(now)"
        case .drifted(let space, _, let what, let more):
            "\(space) is otherwise than the fleet file says: \(what.joined(separator: ", "))"
                + ((more ?? 0) > 0 ? " and \(more ?? 0) more" : "")
        case .driftEnded(let space, _): "\(space) is as the fleet file says again"
        case .snapshotFailed(let state, _, let because): "The state of \(state) is not safe: \(because)"
        case .snapshotsBack(let state, _): "The state of \(state) is safe again"
        case .restoreUnproven(let state, _, let because): "No restore of \(state) is proven: \(because)"
        case .restoreProven(let state, _, let milliseconds):
            "A restore of \(state) is proven again"
                + (milliseconds.map { "; it took \(Formatting.interval(.milliseconds($0)))" } ?? "")
        case .spaceAsked(let deed, let space, let by): "\(space) was \(deed.past) by \(by)"
        case .hubUnreachable(let because):
            "The Hub could not be read (\(because)); until it can, only what visitors see counts"
        case .hubBack: "The Hub can be read again"
        case .platformReported(let title, let since, let page):
            "While Spaces fail, \(PlatformReport(title: title, since: since, page: page).phrase)"
        case .hubNothingFound(let namespaces, let because, let hint):
            "No Space of \(namespaces.joined(separator: ", ")) was discovered: \(because); \(hint)"
        case .hubSpread(let requests, let budget, let minutes):
            "One reading of the Hub takes \(requests) requests, and \(budget) in five minutes are allowed: each Space is read every "
                + "\(minutes) min, and in between only what visitors see counts. Spaces of the same owner are read together"

        case .healing(let step, let check, let space, let because):
            "\(check): \(step.word) of \(space) because of: \(because)"
        case .healed(let step, let check, let because, let number, let most, let within):
            "\(check): the Hub took the restart (\(Self.which(step, number, most, within))); it was \(because)"
        case .healingFailed(let step, let check, let because, let hint, let number, let most, let within):
            "\(check): the Hub refused the restart (\(Self.which(step, number, most, within))): \(because)"
                + (hint.map { "; \($0)" } ?? "")
        case .healingSuggested(let step, let check, let because):
            "\(check): a \(step.word) may help (\(because)). “heal: act” would do it"
        case .healingExhausted(let check, let because, true):
            "\(check) still fails (\(because)); a restart helps that only once, and it was made: somebody should look"
        case .healingExhausted(let check, let because, _):
            "\(check) still fails (\(because)) and its budget of restarts is used up: somebody should look"
        case .healingHeld(let step, let check, let because, let incident):
            "\(check): no \(step.word) (\(because)), for the ledger was damaged and earlier restarts may be forgotten; "
                + "`stoker acknowledge \(incident)` lets healing go on"
        case .healingSuspended(let spaces, let cause, let platform?):
            "\(spaces) Spaces began to fail alike (\(cause.sentence)), and \(platform). Nothing is restarted while it lasts"
        case .healingSuspended(let spaces, let cause, nil):
            "\(spaces) Spaces began to fail alike (\(cause.sentence)): that is the platform. Nothing is restarted while it lasts; "
                + "see https://status.huggingface.co"
        case .healingResumed(let cause): "The Spaces do not fail alike any more (\(cause.sentence))"

        case .text(_, let sentence): sentence
        }
    }

    /// What is so as long as the Hub says that the Space is paused.
    package static func leftPaused(space: String, command: String, at: String) -> String {
        "\(space) is still paused: `\(command)` paused it at \(at) for a change and was ended before it restarted it"
    }

    private static func end(_ check: String?, _ how: IncidentEnd, _ lasted: Duration?) -> String {
        let check = check ?? "A check"
        // Nobody needs the fraction of a second of an incident that lasted longer.
        let length = lasted.map { ($0 > .seconds(1) ? .seconds($0.components.seconds) : $0).text }
        return switch how {
        case .recovered: "\(check) is well again" + (length.map { " after \($0)" } ?? "")
        case .paused: "\(check) was paused; its incident was closed" + (length.map { " after \($0)" } ?? "")
        case .left: "\(check) left the fleet; its incident was closed"
        case .replaced: "\(check) is another Space now; the incident of the one before was closed"
        }
    }

    private static func stage(
        _ space: String, _ stage: String?, _ from: String?, _ why: StageReason?, _ message: String?
    ) -> String {
        var text = "The Hub says that \(space) is \(stage ?? "no stage")"
        if let from, from != stage { text += ", was \(from)" }
        switch why {
        case .moderation: text += ": flagged by the platform"
        case .spendLimit: text += ": a spending limit was reached"
        case .owner: text += ": paused by its owner"
        case nil: if let message { text += ": \(message)" }
        }
        return text
    }

    private static func which(_ step: HealingStep, _ number: Int, _ most: Int, _ within: Int64) -> String {
        "\(step.word) \(number) of \(most) in \(Duration.milliseconds(within).text)"
    }
}
