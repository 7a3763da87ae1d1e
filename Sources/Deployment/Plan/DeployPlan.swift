package import HubClient
package import StokerCore

/// What `stoker apply` would do, and what it was found on. Read from the Hub and the fleet file at one moment; holds no value of a secret.
package struct DeployPlan: Sendable, Equatable {
    /// Shape of the written form; another one is refused.
    package static let version = 1

    package var made: Instant
    /// Address of the Hub it was made for.
    package var endpoint: String
    /// In the order of the fleet file.
    package var spaces: [SpacePlan]
    /// Datasets and buckets that Spaces need and that are missing; made before any Space.
    package var needs: [NeededRepo]
    /// Spaces that Stoker has applied and that the file does not name any more. Only `destroy` deletes them.
    package var unnamed: [RepoID]

    package init(
        made: Instant, endpoint: String, spaces: [SpacePlan] = [], needs: [NeededRepo] = [], unnamed: [RepoID] = []
    ) {
        self.made = made
        self.endpoint = endpoint
        self.spaces = spaces
        self.needs = needs
        self.unnamed = unnamed
    }

    package var isEmpty: Bool { needs.isEmpty && spaces.allSatisfy(\.changes.isEmpty) }
    /// What cannot be done, of all Spaces. A plan with one is not applied.
    package var obstacles: [PlanObstacle] { spaces.flatMap(\.obstacles) }
}

/// A dataset or bucket a Space cannot do without.
package struct NeededRepo: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable { case dataset, bucket }
    package var kind: Kind
    /// `owner/name`
    package var id: String
    package init(_ kind: Kind, _ id: String) {
        self.kind = kind
        self.id = id
    }
}

/// The changes of one Space.
package struct SpacePlan: Sendable, Equatable {
    package var space: RepoID
    /// Its name in the fleet file.
    package var target: String
    /// Spaces of the plan that come before it.
    package var after: [RepoID]
    /// In the order in which they are made. Empty: it is as the file says.
    package var changes: [PlannedChange]
    /// What it was found on: when it differs at `apply`, the plan is refused.
    package var fingerprint: SpaceFingerprint
    /// Known before anything starts: a right that is missing, a plan that has to be paid, a quota that is full.
    package var obstacles: [PlanObstacle]
    /// Dollars a month while it runs all the time, before and after; nil when the price is not known.
    package var costBefore: Double?
    package var costAfter: Double?
    /// Whether the changes restart it (at most once).
    package var restarts: Bool
    /// For people: files that were left out, and why.
    package var notes: [String] = []

    package init(
        space: RepoID, target: String, after: [RepoID] = [], changes: [PlannedChange] = [],
        fingerprint: SpaceFingerprint,
        obstacles: [PlanObstacle] = [], costBefore: Double? = nil, costAfter: Double? = nil, restarts: Bool = false
    ) {
        self.space = space
        self.target = target
        self.after = after
        self.changes = changes
        self.fingerprint = fingerprint
        self.obstacles = obstacles
        self.costBefore = costBefore
        self.costAfter = costAfter
        self.restarts = restarts
    }
}

/// One difference between the fleet file and the Hub, and what is done about it.
package enum PlannedChange: Sendable, Equatable {
    /// The Space is not there. Its settings come with its creation, and so do the variables, secrets and volumes that stand behind it in the list.
    /// Sleep time in seconds, -1 for never; nil leaves it to the Hub.
    case create(sdk: String, visibility: RepoVisibility?, hardware: String?, sleepSeconds: Int?)
    /// It is made as a copy of another one; variables that the copy brings along are what its changes begin with.
    case duplicate(of: RepoID, visibility: RepoVisibility?, hardware: String?, sleepSeconds: Int?)
    case visibility(from: RepoVisibility?, to: RepoVisibility)
    case hardware(from: String?, to: String)
    /// Seconds; nil is never.
    case sleepTime(from: Int?, to: Int?)
    /// `to` nil deletes it. Variables are public: their values are shown.
    case variable(key: String, from: String?, to: String?)
    /// Names only.
    case secret(key: String, SecretChange)
    case volumes(from: [SpaceVolume], to: [SpaceVolume])
    /// In one commit.
    case files(FileChanges)

    /// What happens to a secret. Values are never in a plan.
    package enum SecretChange: String, Sendable, CaseIterable {
        /// It is not there.
        case add
        /// Its value is another than what was sent last.
        case replace
        /// Whether it has the wished value is not known: nothing that we sent is there, or somebody has set it since.
        case replaceUnknown = "replace-unknown"
        case remove
    }
}

/// Files that are written and deleted in one commit.
package struct FileChanges: Sendable, Equatable {
    package struct File: Sendable, Equatable {
        package enum Kind: String, Sendable, CaseIterable { case add, change, delete }
        package var kind: Kind
        package var path: String
        /// Bytes, before and after.
        package var sizeBefore: Int64?
        package var sizeAfter: Int64?
        /// Name of the content that goes up (`sha1:…` as git names it, `sha256:…` for LFS): `apply` sends nothing else.
        package var content: String?
        /// Unified diff of a text file, without secrets, at most 64 KiB; nil for others.
        package var diff: String?
        package init(
            _ kind: Kind, _ path: String, sizeBefore: Int64? = nil, sizeAfter: Int64? = nil, content: String? = nil,
            diff: String? = nil
        ) {
            self.kind = kind
            self.path = path
            self.sizeBefore = sizeBefore
            self.sizeAfter = sizeAfter
            self.content = content
            self.diff = diff
        }
    }
    package var files: [File]
    package init(files: [File]) { self.files = files }
}

/// Something that stands in the way of a change.
package struct PlanObstacle: Sendable, Equatable {
    package var space: RepoID
    /// One sentence without a period: what cannot be done and why.
    package var text: String
    /// What to do about it; nil when nobody knows.
    package var hint: String?
    package init(space: RepoID, text: String, hint: String? = nil) {
        self.space = space
        self.text = text
        self.hint = hint
    }
}

/// A Space as it was when a plan was made: everything that the plan is about. Two are compared part by part, so that `apply` can say which
/// part somebody has changed.
package struct SpaceFingerprint: Sendable, Equatable {
    /// Parts by name: `exists`, `commit`, `visibility`, `hardware`, `sleep-time`, `variables`, `secrets`, `volumes`. A hash or a short plain value, never a
    /// secret. A part that could not be read is missing, and then differs from nothing.
    package var parts: [String: String]
    package init(parts: [String: String] = [:]) { self.parts = parts }

    /// Names of the parts that differ, sorted.
    package func differences(from other: SpaceFingerprint) -> [String] {
        Set(parts.keys).union(other.parts.keys).filter { name in
            guard let one = parts[name], let two = other.parts[name] else { return false }
            return one != two
        }.sorted()
    }
}
