package import HubClient
package import StokerCore

/// What an apply must not forget when it is killed; on the disk before what it says is done.
package protocol ApplyMemory: Sendable {
    /// How far an apply of the Space came; nil when nothing is known.
    func progress(of space: RepoID) async throws(Failure) -> ApplyProgress?
    func keep(_ progress: ApplyProgress, of space: RepoID) async throws(Failure)
    /// What was written into secrets.
    func prints() async throws(Failure) -> SecretFingerprints
    func keep(from before: SecretFingerprints, to after: SecretFingerprints) async throws(Failure)
    /// Head of `main` that ran and answered last; nil when nothing is known.
    func lastGood(_ space: RepoID) async throws(Failure) -> String?
    func keep(good commit: String, of space: RepoID) async throws(Failure)
    /// Whether the Space is paused because a change of ours was killed before it restarted it.
    func isLeftPaused(_ space: RepoID) async -> Bool
    /// Does work during which the Space is paused for us: whoever comes after a kill restarts it.
    /// - Parameter work: whether it ended with the Space restarted, or never paused.
    func whileOwingRestart(_ space: RepoID, _ work: () async -> Bool) async
}

/// How far one plan of one Space was carried out.
package struct ApplyProgress: Sendable, Equatable, Codable {
    /// Digest of the plan: progress of another one is of no use.
    package var plan: String
    package var began: Instant
    /// Head of `main` that the plan was made on; nil for a new Space.
    package var head: String?
    /// The Space is paused for the writes and restarted behind them.
    package var pauses: Bool
    /// It ran before.
    package var wasServing: Bool
    /// `updatedAt` of the secrets that the plan writes or removes, as they were; empty for one that was not there.
    package var stamps: [String: String]
    /// Steps that are done, and the one that was begun last: whether that was done has to be looked at.
    package var done: [String] = []
    package var doing: String?
    package var since: Instant
    /// The commit that was made.
    package var commit: String?
    /// All steps are done.
    package var isOver = false

    package init(
        plan: String, began: Instant, head: String?, pauses: Bool, wasServing: Bool, stamps: [String: String]
    ) {
        self.plan = plan
        self.began = began
        self.head = head
        self.pauses = pauses
        self.wasServing = wasServing
        self.stamps = stamps
        since = began
    }
}

/// What goes up: made anew when a plan is applied, and checked against it.
package struct ApplyInputs: Sendable {
    /// Values by name.
    package var secrets: [String: Secret]
    /// Contents by path.
    package var files: [String: HubSource]
    package init(secrets: [String: Secret] = [:], files: [String: HubSource] = [:]) {
        self.secrets = secrets
        self.files = files
    }
}

/// One thing that is done to a Space.
package enum ApplyStep: Hashable, Sendable {
    /// With all settings; as a copy too.
    case create
    case visibility, pause
    case remove(SpaceValueKind, String)
    case write(SpaceValueKind, String)
    /// Remembers what was written into secrets.
    case note
    case volumes, hardware, sleep, files, restart

    /// As it is remembered.
    package var id: String {
        switch self {
        case .create: "create"
        case .visibility: "visibility"
        case .pause: "pause"
        case .remove(let kind, let key): "remove \(kind.rawValue) \(key)"
        case .write(let kind, let key): "write \(kind.rawValue) \(key)"
        case .note: "note"
        case .volumes: "volumes"
        case .hardware: "hardware"
        case .sleep: "sleep time"
        case .files: "files"
        case .restart: "restart"
        }
    }

    /// For a person: what is being done.
    package func sentence(_ space: RepoID) -> String {
        switch self {
        case .create: "creating \(space)"
        case .visibility: "changing who sees \(space)"
        case .pause: "pausing \(space), so that it restarts once"
        case .remove(let kind, let key): "removing the \(kind.rawValue) \(key) of \(space)"
        case .write(let kind, let key): "writing the \(kind.rawValue) \(key) of \(space)"
        case .note: "noting which secrets \(space) has"
        case .volumes: "changing the volumes of \(space)"
        case .hardware: "asking for other hardware for \(space)"
        case .sleep: "setting the sleep time of \(space)"
        case .files: "committing files to \(space)"
        case .restart: "restarting \(space)"
        }
    }
}
