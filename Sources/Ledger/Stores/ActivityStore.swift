package import StokerCore

/// Who had what done: each change that a person, a token or an agent asked for, with its result. Written by the one place where operations
/// run. Several processes may write beside each other.
package protocol ActivityStore: Sendable {
    /// Writes it down as begun, before it is done. - Returns: its number.
    /// - Throws: also when the disk is silent for `limit`; it may be written later then.
    func begin(_ activity: NewActivity, within limit: Duration) async throws(Failure) -> Int64
    /// - Parameter because: why it was not done, for a person; nil when it was. Without secrets.
    func end(_ activity: Int64, as result: Activity.Result, because: String?) async throws(Failure)
    /// Newest first.
    func activities(_ query: ActivityQuery) async throws(Failure) -> [Activity]
    /// Deletes what is older than the instant, and the oldest beyond ``Activity/most``.
    func prune(before: Instant) async throws(Failure) -> Int
}

/// A change that is about to be made. Texts that are too long are cut.
package struct NewActivity: Sendable, Equatable {
    package var at: Instant
    package var actor: Principal.Kind
    /// Name of the person, the token, or the one with whose right an agent works.
    package var name: String
    package var address: String?
    /// Name of the operation.
    package var operation: String
    /// What it is done to: a Space, a check, an incident's number; nil where the operation has no such thing.
    package var target: String?
    /// The other inputs, as JSON without secrets.
    package var inputs: String?

    package init(
        at: Instant, actor: Principal.Kind, name: String, address: String?, operation: String, target: String?,
        inputs: String? = nil
    ) {
        self.at = at
        self.actor = actor
        self.name = String(name.prefix(200))
        self.address = address.map { String($0.prefix(100)) }
        self.operation = String(operation.prefix(100))
        self.target = target.map { String($0.prefix(300)) }
        self.inputs = inputs.map { String($0.prefix(2_000)) }
    }
}

/// A change that somebody asked for.
package struct Activity: Sendable, Equatable {
    package enum Result: String, Sendable, CaseIterable {
        /// At work, or whoever did it was gone before its end was known.
        case begun
        case done
        case failed
        /// The caller may not have it done.
        case refused
        /// It was answered with a question; nothing was changed.
        case asked
    }

    package var id: Int64
    package var what: NewActivity
    package var result: Result
    package var because: String?

    /// Most that are kept; a busy fleet makes some hundred a day.
    package static let most = 200_000

    package init(id: Int64, what: NewActivity, result: Result, because: String?) {
        self.id = id
        self.what = what
        self.result = result
        self.because = because.map { String($0.prefix(500)) }
    }
}

/// Which are wanted, the newest first.
package struct ActivityQuery: Sendable {
    /// Empty: all.
    package var actors: Set<Principal.Kind>
    package var name: String?
    /// Empty: all.
    package var results: Set<Activity.Result>
    package var operation: String?
    package var target: String?
    /// Inclusive.
    package var from: Instant?
    /// Exclusive.
    package var to: Instant?
    /// An activity's number (exclusive).
    package var before: Int64?
    package var limit: Int

    package init(
        actors: Set<Principal.Kind> = [], name: String? = nil, results: Set<Activity.Result> = [],
        operation: String? = nil, target: String? = nil, from: Instant? = nil, to: Instant? = nil,
        before: Int64? = nil, limit: Int = 100
    ) {
        self.actors = actors
        self.name = name
        self.results = results
        self.operation = operation
        self.target = target
        self.from = from
        self.to = to
        self.before = before
        self.limit = limit
    }

    func takes(_ activity: Activity) -> Bool {
        let what = activity.what
        return (actors.isEmpty || actors.contains(what.actor)) && (name.map { $0 == what.name } ?? true)
            && (results.isEmpty || results.contains(activity.result))
            && (operation.map { $0 == what.operation } ?? true) && (target.map { $0 == what.target } ?? true)
            && (from.map { what.at >= $0 } ?? true) && (to.map { what.at < $0 } ?? true)
            && (before.map { activity.id < $0 } ?? true)
    }
}

extension Activity {
    /// What Stoker does by itself and somebody outside can see; raw values are stored, as operations of the log.
    package enum Own: String, Sendable, CaseIterable {
        case wake = "heal.wake"
        case restart = "heal.restart"
        case factoryRestart = "heal.factory_restart"
        /// A snapshot is restored to prove that it can be.
        case drill = "drill"
        /// Rows of a worker go into its dataset.
        case publication = "publish"

        package init(_ step: HealingStep) {
            switch step {
            case .wake: self = .wake
            case .restart: self = .restart
            case .factoryRestart: self = .factoryRestart
            }
        }

        /// As the log shows it.
        package var doing: String {
            switch self {
            case .wake: "heal: wake the Space"
            case .restart: "heal: restart the Space"
            case .factoryRestart: "heal: build the Space anew"
            case .drill: "prove a restore"
            case .publication: "publish a worker's rows"
            }
        }
    }
}

extension ActivityStore {
    /// Writes down what Stoker is about to do by itself. - Parameter cause: why, for a person; without secrets.
    /// - Returns: nil when it could not be written: it is done all the same, as what people ask for is.
    package func beginOwn(_ own: Activity.Own, on target: String, because cause: String, at: Instant) async -> Int64? {
        try? await begin(
            NewActivity(
                at: at, actor: .stoker, name: Principal.stoker.name, address: nil, operation: own.rawValue,
                target: target,
                inputs: JSONValue.object([.init("cause", .string(String(cause.prefix(500))))]).text),
            within: .seconds(2))
    }

    /// - Parameter because: its cause, and what went wrong where something did. What stays open says that its end is not known.
    package func endOwn(_ entry: Int64?, as result: Activity.Result, because: String) async {
        guard let entry else { return }
        try? await end(entry, as: result, because: because)
    }
}
