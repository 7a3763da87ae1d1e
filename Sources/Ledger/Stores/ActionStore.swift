package import StokerCore

/// What was done to Spaces: healing, what people had done, commands that change one, later deploys and restores. An action is written down before it is done, so
/// that whoever comes after a crash counts it and can finish or tell it. Several processes may write beside each other.
///
/// As with jobs, the one at work holds a lease and a fence: see ``JobStore``. `now` is the wall clock of the machine that has the ledger.
package protocol ActionStore: Sendable {
    /// Writes it down as begun. - Throws: also when the disk is silent for `limit`; it may be written later then.
    func begin(_ action: NewAction, within limit: Duration) async throws(Failure) -> Action
    /// The same, unless an open action of this Space and kind is held by somebody whose lease is not over: then that one, which has the
    /// other's fence, is returned. One whose lease is over ends as unknown. Those at another endpoint do not count and stay.
    func beginAlone(_ action: NewAction, within limit: Duration) async throws(Failure) -> ExclusiveAction
    /// `false` when it is not held with this fence any more.
    func extend(_ action: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool
    /// - Parameter result: what was seen, for a person; without secrets.
    /// - Returns: `false` when somebody else has taken it over or ended it.
    @discardableResult
    func end(
        _ action: Int64, fence: Int64, as state: Action.State, result: String?, now: Instant
    ) async throws(Failure) -> Bool
    /// Takes an open one over: its fence rises. nil when it is over, or held by another whose lease is not.
    /// - Parameter gone: an owner who is known to be gone; his lease does not count.
    func takeOver(
        _ action: Int64, by owner: String, until: Instant, gone: String?, now: Instant
    ) async throws(Failure) -> Action?
    /// Newest first.
    func actions(_ query: ActionQuery) async throws(Failure) -> [Action]
    /// A Space has another name now: what was done to it goes on under that. - Returns: how many actions that were.
    @discardableResult
    func rename(space: String, to new: String) async throws(Failure) -> Int
    /// Deletes what ended before the instant, and the oldest beyond ``Action/most``. What is open stays.
    func prune(endedBefore: Instant) async throws(Failure) -> Int
}

/// One that is about to be done.
package struct NewAction: Sendable, Equatable {
    package var kind: Action.Kind
    /// `owner/name`; cut to 300 characters.
    package var space: String
    /// Who does it: `healing`, or a command; cut to 200 characters.
    package var actor: String
    /// Why, for a person; cut to 1,000 characters. No secrets.
    package var reason: String
    package var began: Instant
    /// Process that does it, and until when it is believed to be at it; nil where nobody takes it over.
    package var owner: String?
    /// Until when ``owner`` is believed to be at it; nil for one that nobody takes over.
    package var leaseUntil: Instant?
    /// What else is to be known to finish it; at most 16 entries, no secrets.
    package var details: [String: String]

    package init(
        _ kind: Action.Kind, on space: String, by actor: String, because reason: String, began: Instant,
        owner: String? = nil, leaseUntil: Instant? = nil, details: [String: String] = [:]
    ) {
        self.kind = kind
        self.space = String(space.prefix(300))
        self.actor = String(actor.prefix(200))
        self.reason = String(reason.prefix(1_000))
        self.began = began
        self.owner = owner
        self.leaseUntil = leaseUntil
        self.details = details.count <= 16 ? details : [:]
    }
}

extension NewAction {
    /// Whether both cannot be at work at a time, when Space and kind are the same.
    func excludes(_ open: Action) -> Bool { details["endpoint"] == open.details["endpoint"] }
}

/// What came of asking to begin an action that excludes others of its kind on the same Space.
package enum ExclusiveAction: Sendable, Equatable {
    /// It is open: under way, or left by a process that is gone.
    case begun(Action)
    /// Somebody else is at it.
    case held(Action)
}

/// Something that was done to a Space, noted before it is begun: what healing may still do is counted from these.
package struct Action: Sendable, Equatable {
    /// Open: another version may know more.
    package struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// `heal.…` or `space.…`; stored.
        package var rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package var description: String { rawValue }

        /// Healing; see ``HealingStep``.
        package static func healing(_ step: HealingStep) -> Kind { Kind(rawValue: "heal.\(step.rawValue)") }
        /// An action that was not done because only suggestions are wanted.
        package static let suggestion = Kind(rawValue: "heal.suggested")
        /// Secrets or variables are changed while the Space is paused.
        package static let environment = Kind(rawValue: "space.environment")

        /// What a person has done to a Space, by a command or the API.
        package static func asked(_ deed: SpaceDeed) -> Kind { Kind(rawValue: "space.\(deed.rawValue)") }

        /// What a person had done; nil for healing and for kinds of a newer version.
        package var askedDeed: SpaceDeed? {
            rawValue.hasPrefix("space.") ? SpaceDeed(rawValue: String(rawValue.dropFirst(6))) : nil
        }
        /// What healing did; nil for everything else.
        package var healingStep: HealingStep? {
            rawValue.hasPrefix("heal.") ? HealingStep(rawValue: String(rawValue.dropFirst(5))) : nil
        }
    }
    /// How far it came. Raw values are stored.
    package enum State: String, Sendable, CaseIterable {
        case begun
        case succeeded
        case failed
        /// Whoever did it was gone before its end was known.
        case unknown
    }

    package var id: Int64
    package var kind: Kind
    /// `owner/name`, as it was written when it began.
    package var space: String
    /// By whom: `healing`, or a command.
    package var actor: String
    package var reason: String
    package var state: State
    package var began: Instant
    /// nil while it is open.
    package var ended: Instant?
    package var owner: String?
    /// Until when ``owner`` is believed to be at it.
    package var leaseUntil: Instant?
    /// Rises when it is taken over; who ends it must name it.
    package var fence: Int64
    /// What was seen at its end, for a person; nil while it is open.
    package var result: String?
    package var details: [String: String]

    /// Most actions that are kept.
    package static let most = 50_000
}

/// Which actions are wanted, the newest first.
package struct ActionQuery: Sendable {
    /// Whatever its case.
    package var space: String?
    /// Empty is all.
    package var kinds: Set<Action.Kind>
    /// Default false.
    package var openOnly: Bool
    /// Inclusive.
    package var since: Instant?
    /// An action's number (exclusive).
    package var before: Int64?
    /// Default 100.
    package var limit: Int
    package init(
        space: String? = nil, kinds: Set<Action.Kind> = [], openOnly: Bool = false, since: Instant? = nil,
        before: Int64? = nil, limit: Int = 100
    ) {
        self.space = space
        self.kinds = kinds
        self.openOnly = openOnly
        self.since = since
        self.before = before
        self.limit = limit
    }
}
