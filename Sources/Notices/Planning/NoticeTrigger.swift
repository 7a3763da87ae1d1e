import Diagnosis
import Ledger
import StokerCore

/// Something that may be worth a message: what an event means for the rules.
struct NoticeTrigger: Sendable {
    /// What rules may call it, the most telling first.
    var kinds: [Notice.Kind]
    var at: Instant
    /// nil: Stoker itself, or the platform.
    var check: String?
    var incident: IncidentKey?
    var verdict: Verdict = .unknown
    /// Of what is well again.
    var was: Verdict?
    /// The cause, or what happened.
    var sentence: String
    var since: Instant?
    var lasted: Duration?
    var done: [String] = []
    var hint: String?
    /// Of what has no name of its own, such as the Spaces of the platform's incident.
    var count = 0

    /// Kinds of an incident.
    static func kinds(_ verdict: Verdict, _ cause: Cause) -> [Notice.Kind] {
        switch cause {
        case .spaceModerated: [.moderated, .down]
        case .spaceStuck: [.wakingTooLong, .down]
        case .spaceRunningDead: [.down, .disagreement]
        case .tlsExpired, .tlsWrongName, .tlsUntrusted, .tlsCertificate: [.down, .certificate]
        default: verdict == .silent ? [.silent] : [.down]
        }
    }

    /// Of a verdict that is no trouble yet.
    static func kinds(settled verdict: Verdict, _ cause: Cause) -> [Notice.Kind] {
        switch (verdict, cause) {
        case (.slow, .tlsExpiresSoon), (.up, .tlsExpiresSoon): [.certificate]
        case (.up, .hubLags), (.slow, .hubLags): [.disagreement]
        case (.slow, _): [.slow]
        default: []
        }
    }

    /// What is worth a message beside incidents and verdicts.
    init?(_ event: Event) {
        let (kinds, check): ([Notice.Kind], String?) =
            switch event.payload {
            case .flappingBegan(let check): ([.flapping], check)
            case .healed(_, let check, _, _, _, _): ([.healed], check)
            case .healingExhausted(let check, _, _), .healingHeld(_, let check, _, _): ([.gaveUp], check)
            case .fleetRejected: ([.fleetRejected], nil)
            case .ledgerStalled, .ledgerRecovered, .ledgerDamaged, .ledgerUnkept, .ledgerKept, .ledgerTaken:
                ([.ledger], nil)
            case .tookOver: ([.tookOver], nil)
            case .drifted(_, let check, _, _): ([.drift], check)
            case .snapshotFailed(_, let check, _): ([.snapshotFailed], check)
            case .restoreUnproven(_, let check, _): ([.restoreUnproven], check)
            default: ([], nil)
            }
        guard !kinds.isEmpty else { return nil }
        self.init(kinds: kinds, at: event.at, check: check, sentence: event.text)
        if case .fleetRejected = event.payload {
            hint = "`stoker check-config` shows every problem; the old fleet stays in force"
        }
        if case .drifted = event.payload {
            hint = "`stoker drift` shows each difference, `stoker plan` what would be done"
        }
        switch event.payload {
        case .snapshotFailed, .restoreUnproven:
            hint = "`stoker snapshots states` and the page Safekeeping say what to do"
        default: break
        }
        if case .ledgerStalled = event.payload { hint = "Look at the disk of the ledger." }
    }

    init(
        kinds: [Notice.Kind], at: Instant, check: String? = nil, incident: IncidentKey? = nil,
        verdict: Verdict = .unknown, was: Verdict? = nil, sentence: String, since: Instant? = nil,
        lasted: Duration? = nil,
        done: [String] = [], hint: String? = nil, count: Int = 0
    ) {
        self.kinds = kinds
        self.at = at
        self.check = check
        self.incident = incident
        self.verdict = verdict
        self.was = was
        self.sentence = sentence
        self.since = since
        self.lasted = lasted
        self.done = done
        self.hint = hint
        self.count = count
    }

    /// What a person can do, where there is no page beside it.
    static func hint(_ cause: Cause) -> String? {
        DiagnosisRules.advice(cause)?.replacing("The transcript below shows", with: "Its page shows")
            .replacing("The transcript below says", with: "Its page says")
    }
}
