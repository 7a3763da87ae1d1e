package import Logging
import Runtime
package import StokerCore

/// The snapshots of one state in one vault: claims the pen, publishes, restores, checks, forgets.
///
/// An actor for the conversation with the vault; work on files and ciphers is done on threads that may block.
package actor SnapshotStore {
    package nonisolated let vault: any Vault
    let key: VaultKey
    let now: @Sendable () -> Instant
    let logger: Logger

    /// - Parameters:
    ///   - now: the wall clock: only shown, and read by keep rules.
    package init(
        vault: any Vault, key: VaultKey, now: @escaping @Sendable () -> Instant = { Clocks.real.wall() },
        logger: Logger = Logger(label: "stoker.safekeeping")
    ) {
        self.vault = vault
        self.key = key
        self.now = now
        self.logger = logger
    }

    // Every call below fails with a `Failure` (codes `vault.…`, `not_found`, `conflict`, `file.…`) unless said otherwise.

    /// What the head says, without the key: for who only looks. nil for an empty vault.
    package func summary() async throws -> HeadSummary? { throw Self.unbuilt }

    /// Takes the pen: from here on every other holder is fenced. Retries what is worth it. Makes the vault's first head when it is empty.
    /// Proves the vault's conditions first (``Vault/probe()``).
    package func claim(as holder: String) async throws -> Claim { throw Self.unbuilt }

    /// Says that nothing more will be published under a claim, so that the next one need not wait. A claim that was fenced is let be.
    package func release(_ claim: Claim) async throws { throw Self.unbuilt }

    /// Asks the holder politely to publish and stop. Nothing stands on it.
    package func requestPen(as holder: String) async throws { throw Self.unbuilt }
    /// Who asks for the pen since this claim; nil for nobody.
    package func penRequest(since claim: Claim) async throws -> String? { throw Self.unbuilt }
    /// Who has the pen now; nil for an empty vault. For the one who waits.
    package func holder() async throws -> Holder? { throw Self.unbuilt }

    /// Publishes a tree. Entries come in tree order; what is as in the parent (size, mtime, ctime, inode) is not read.
    /// - Parameters:
    ///   - rows: rows of all databases, when counted: a fall to 0 is a collapse.
    ///   - mayCollapse: the owner wants it whatever is missing.
    /// - Throws: ``Fenced`` when another has the pen: the caller stops its app and calls ``keepStray(_:of:)``.
    package func publish(
        _ entries: some AsyncSequence<CapturedEntry, any Error> & Sendable, under claim: Claim, tags: [String] = [],
        rows: Int64? = nil, mayCollapse: Bool = false, progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> Publication { throw Self.unbuilt }

    /// Keeps what a fenced holder had not published, as one object beside the snapshots.
    /// - Returns: its id; nil when nothing differs from its last publication.
    package func keepStray(
        _ entries: some AsyncSequence<CapturedEntry, any Error> & Sendable, of claim: Claim
    ) async throws -> String? { throw Self.unbuilt }

    /// Kept snapshots, newest first.
    package func snapshots() async throws -> [Snapshot] { throw Self.unbuilt }
    package func heldSnapshots() async throws -> [HeldSnapshot] { throw Self.unbuilt }
    package func strays() async throws -> [Stray] { throw Self.unbuilt }
    /// The snapshot of that id, the beginning of one, or `newest`; held ones and strays too.
    package func find(_ id: String) async throws -> Snapshot { throw Self.unbuilt }

    /// Makes a held snapshot the newest. Under no claim: whoever has the pen sees it as its parent's successor.
    package func accept(_ id: String) async throws -> Snapshot { throw Self.unbuilt }
    /// Notes that a restore of a snapshot was proven.
    package func markVerified(_ id: String, at time: Instant) async throws { throw Self.unbuilt }

    /// Restores into a folder that does not exist or is empty: into a sibling first, every hash checked, then renamed.
    /// - Parameter only: paths; with each comes what is below it. All without.
    package func restore(
        _ snapshot: Snapshot, to folder: String, only: [[UInt8]] = [], options: RestoreOptions = RestoreOptions(),
        progress: @escaping @Sendable (StoreProgress) -> Void = { _ in }
    ) async throws -> RestoreReport { throw Self.unbuilt }

    private static var unbuilt: Failure {
        Failure(.internal, doing: "use the vault", because: "this call is not there yet")
    }
}

/// What a head tells without the key.
package struct HeadSummary: Sendable, Equatable {
    package var format: Int
    package var epoch: UInt64
    /// Counts every write of the head.
    package var sequence: UInt64
    /// Of the newest snapshot, by its writer's clock; nil when there is none.
    package var newest: Instant?
    /// A key is needed.
    package var isSealed: Bool
}

/// A publication that waits for somebody's word.
package struct HeldSnapshot: Sendable, Equatable {
    package var snapshot: Snapshot
    package var because: String
}

/// What a fenced holder left.
package struct Stray: Sendable, Equatable {
    package var snapshot: Snapshot
    /// Object in the vault.
    package var name: String
    package var holder: String
}

package struct RestoreOptions: Sendable {
    /// Set owners by their numbers; needs root. Default: when running as root.
    package var setsOwners: Bool?
    /// Leave out what is damaged and say so, in place of ending.
    package var skipsDamaged = false
    package init() {}
}

package struct RestoreReport: Sendable, Equatable {
    package var snapshot: Snapshot
    package var files: Int64
    package var bytes: Int64
    /// Bytes read from the vault.
    package var fetched: Int64
    package var duration: Duration
    /// What could not be restored, and what could not be set.
    package var warnings: [String]
    /// Database files, for those who check them.
    package var databases: [[UInt8]]
}
