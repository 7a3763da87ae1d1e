/// The living part of a check, 88 bytes; everything else about it is in ``Check``.
package struct CheckState: Sendable, Equatable {
    /// What is believed; follows from pings by the rules of docs/verdicts.md.
    package var verdict: Verdict = .unknown
    /// Why the verdict is bad, or the last ping was; ``Cause/none`` while all is well.
    package var cause: Cause = .none
    /// Changes too often to be told one by one.
    package var flapping = false
    /// Why the check is paused, while it is.
    package var pause: Pause = .none
    /// HTTP status of the last ping; 0 when there was none.
    package var code: UInt16 = 0
    /// Attempts of the last ping, retries included.
    package var attempts: UInt8 = 0
    /// An incident is open; it began at ``troubleSince``.
    package var incidentOpen = false
    /// Failed and good pings in a row, saturating.
    package var failures: UInt16 = 0
    package var successes: UInt16 = 0
    /// Last 32 judged pings, newest in bit 0: 1 is a failed one. Cleared when the check recovers.
    package var recentFailures: UInt32 = 0
    /// Last 32 judged pings, newest in bit 0: 1 where the verdict changed between good and bad.
    package var recentFlips: UInt32 = 0
    /// How many of the bits above are real, 0…32.
    package var recentCount: UInt8 = 0
    /// Why the open incident began.
    package var incidentCause: Cause = .none
    /// HTTP status with which the open incident began; 0 when there was none.
    package var incidentCode: UInt16 = 0
    /// Of the last ping: first byte after connection start.
    package var latencyMicroseconds: UInt32 = 0
    /// Changes between good and bad inside the open incident, its beginning included; saturating.
    package var incidentFlips: UInt16 = 0
    /// How far the platform's 429 answers stretch the interval: it is doubled this many times, 0…2.
    package var slowdown: UInt8 = 0
    /// Whether the last settled verdict (neither unknown, waking nor paused) was bad.
    package var wasBad = false
    /// The last ping said nothing because of us (no network, no socket), or the check was out of the fleet since: until the next
    /// ping that is judged, uptime counts neither way.
    package var isBlind = false
    /// When the last judged ping's last attempt began; for a heartbeat, its last beat.
    package var lastPing = Instant.never
    package var lastGood = Instant.never
    /// Since when the verdict is what it is: for down since the first failed attempt of the streak, after it since the first good ping.
    package var since = Instant.never
    /// When the first ping of this start (waking) was made. For a heartbeat: when the run under way started.
    package var wakingSince = Instant.never
    /// The first failed attempt of the present streak; while an incident is open, its beginning.
    package var troubleSince = Instant.never
    /// The first failed attempt of the present streak, also inside an open incident; never while there is none.
    package var failingSince = Instant.never
    /// The first good ping of those that make, or made, the check well again; kept while it is not settled.
    package var goodSince = Instant.never
    /// End of the pause; never means until resumed.
    package var pausedUntil = Instant.never
    /// End of the certificate, whole hours since 1970; 0 when not known.
    package var certificateEndHours: UInt32 = 0

    /// Who or what paused it. Raw values are stored: never renumber.
    package enum Pause: UInt8, Sendable, Codable {
        case none = 0
        case byPerson = 1
        case byFleetFile = 2
        case byHours = 3
        /// The platform flagged the Space: pinging on would be rude.
        case byModeration = 4
        /// The Hub says that its owner paused the Space. Ends when the Hub says otherwise.
        case byOwner = 5
        /// The Space sleeps and is left to it (`awake: on-demand`). Ends when it wakes.
        case asleep = 6
    }

    package init() {}

    /// The platform flagged the Space, so it is left alone until a person resumes it.
    package var isModerated: Bool { verdict == .paused && pause == .byModeration }
    /// Somebody should look.
    package var isTrouble: Bool { verdict.isTrouble || isModerated }
}

/// A span of trouble.
package struct Incident: Sendable, Equatable {
    /// Number in place of a check's for trouble of the ledger itself; checks begin at 1.
    package static let ofLedger: Int32 = 0

    /// Number given by the ledger; 0 before it is stored.
    package var id: Int64
    /// The ledger's number of the check; ``ofLedger`` for the ledger itself.
    package var check: Int32
    package var began: Instant
    /// nil while it lasts.
    package var ended: Instant?
    /// With which it began.
    package var verdict: Verdict
    /// With which it began.
    package var cause: Cause
    /// HTTP status with which it began; 0 when there was none.
    package var code: UInt16
    /// Verdict changes inside it, for flapping ones; otherwise 1.
    package var flips: Int
    package init(
        id: Int64 = 0, check: Int32, began: Instant, ended: Instant? = nil, verdict: Verdict, cause: Cause,
        code: UInt16 = 0,
        flips: Int = 1
    ) {
        self.id = id
        self.check = check
        self.began = began
        self.ended = ended
        self.verdict = verdict
        self.cause = cause
        self.code = code
        self.flips = flips
    }
}

/// Everything about one attempt that helps to understand it. Secrets are redacted before it is made.
package struct Transcript: Sendable, Equatable, Codable {
    /// A part of an exchange that took time.
    package struct Phase: Sendable, Equatable, Codable {
        /// `resolve`, `connect`, `tls`, `request`, `first byte`, `body`.
        package var name: String
        package var microseconds: Int64
        package init(name: String, microseconds: Int64) {
            self.name = name
            self.microseconds = microseconds
        }
    }
    /// One request and its answer; several when redirects were followed.
    package struct Exchange: Sendable, Equatable, Codable {
        /// Request line and headers, one a line.
        package var sent: [String]
        /// Address that was connected to.
        package var peer: String?
        package var phases: [Phase]
        /// Status line and headers, one a line.
        package var received: [String]
        /// First KiB of the body as text; bytes that are not UTF-8 become U+FFFD.
        package var body: String
        /// Bytes of body that were read.
        package var bodyBytes: Int
        package init(sent: [String], peer: String?, phases: [Phase], received: [String], body: String, bodyBytes: Int) {
            self.sent = sent
            self.peer = peer
            self.phases = phases
            self.received = received
            self.body = body
            self.bodyBytes = bodyBytes
        }
    }
    package var at: Instant
    /// Which attempt of its ping, from 1.
    package var attempt: Int
    package var outcome: Outcome
    package var cause: Cause
    /// What exactly was seen: "expected $.database to be \"connected\", found \"lost\"".
    package var detail: String
    /// In the order in which they were made; one, and one more for each redirect.
    package var exchanges: [Exchange]
    /// Subject, issuer, end and protocol of the TLS session, one a line.
    package var tls: [String]

    package init(
        at: Instant, attempt: Int, outcome: Outcome, cause: Cause, detail: String, exchanges: [Exchange],
        tls: [String] = []
    ) {
        self.at = at
        self.attempt = attempt
        self.outcome = outcome
        self.cause = cause
        self.detail = detail
        self.exchanges = exchanges
        self.tls = tls
    }
}
