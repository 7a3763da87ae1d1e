package import StokerCore

/// What a person is told: one event of one target, several that belong together, or something about Stoker itself.
///
/// Stored as JSON in the payload of a job: labels are in ledgers that exist, so they are never renamed, and a value that is added later
/// is optional. It holds no secrets and no address.
package struct Notice: Sendable, Equatable, Codable {
    /// Names the message wherever it arrives: the same for each attempt and after each crash.
    package var key: String
    package var kind: Kind
    /// When it happened.
    package var at: Instant
    /// What it is about; empty: Stoker itself. More than one: they were put together.
    package var subjects: [Subject]
    /// Of them all, also those that are not listed in `subjects` because they were too many.
    package var count: Int
    /// The cause in one plain sentence, or what happened. Parts of it may come from other machines.
    package var sentence: String
    /// What Stoker did about it, in order, a sentence each.
    package var done: [String]
    /// What a person can do.
    package var hint: String?
    /// The page that shows it; nil without `serve.public_url`.
    package var link: String?
    /// Acknowledges the incident without a token.
    package var acknowledgeLink: String?
    /// 0 for the first time, then how often it was told before.
    package var repeated: Int
    /// It could not be sent while it was news.
    package var isLate: Bool
    /// Name of the master that sends it, where there are two.
    package var sender: String?

    /// A check that the message is about.
    package struct Subject: Sendable, Equatable, Codable {
        package var check: String
        package var group: String?
        package var verdict: Verdict
        /// Cause in one sentence; nil where that of the notice holds.
        package var sentence: String?
        /// Since when it has this verdict.
        package var since: Instant?
        /// How long the trouble lasted, when it is over; milliseconds.
        package var lastedMilliseconds: Int64?
        package var incident: Int64?
        /// Of what is well again: what it was.
        package var was: Verdict?

        package init(
            check: String, group: String? = nil, verdict: Verdict, sentence: String? = nil, since: Instant? = nil,
            lastedMilliseconds: Int64? = nil, incident: Int64? = nil, was: Verdict? = nil
        ) {
            self.was = was
            self.check = check
            self.group = group
            self.verdict = verdict
            self.sentence = sentence
            self.since = since
            self.lastedMilliseconds = lastedMilliseconds
            self.incident = incident
        }
    }

    /// As rules of the fleet file name them in `on`.
    package enum Kind: String, Sendable, CaseIterable, Codable {
        case down
        case recovered
        case slow
        case wakingTooLong = "waking-too-long"
        case flapping
        case disagreement
        case moderated
        case healed
        case gaveUp = "gave-up"
        case certificate
        case silent
        case offline
        case fleetRejected = "fleet-rejected"
        case ledger
        case tookOver = "took-over"
        /// A Space is otherwise than `deploy:` of the fleet file says.
        case drift
        /// Snapshots of a state do not get into its vault, one is held, or the vault shows less than before.
        case snapshotFailed = "snapshot-failed"
        /// No restore of a state was proven within its policy.
        case restoreUnproven = "restore-unproven"
        /// `stoker notify test`
        case test
        /// Somebody has seen an incident: for channels that keep one open themselves. No rule names it.
        case acknowledged

        /// Whether it tells of the end of trouble.
        package var isGood: Bool {
            self == .recovered || self == .healed || self == .tookOver || self == .test || self == .acknowledged
        }
    }

    package init(
        key: String, kind: Kind, at: Instant, subjects: [Subject] = [], count: Int? = nil, sentence: String,
        done: [String] = [], hint: String? = nil, link: String? = nil, acknowledgeLink: String? = nil,
        repeated: Int = 0, isLate: Bool = false, sender: String? = nil
    ) {
        self.key = key
        self.kind = kind
        self.at = at
        self.subjects = subjects
        self.count = count ?? subjects.count
        self.sentence = sentence
        self.done = done
        self.hint = hint
        self.link = link
        self.acknowledgeLink = acknowledgeLink
        self.repeated = repeated
        self.isLate = isLate
        self.sender = sender
    }
}
