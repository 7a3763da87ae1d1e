package import NIOCore

/// A place outside the container that keeps the state of one app: packs, which are written once, and one head, the only thing that changes.
///
/// A vault stores bytes and compares versions. It knows no keys and no snapshots; everything it gets is sealed already. Each kind is one file in
/// `Vaults`, all of them under one contract suite. Its calls return when the place has confirmed, and never block the caller's thread.
package protocol Vault: Sendable {
    /// What people read: `folder:/var/lib/app`, `bucket:owner/name`. Never a password or token.
    var name: String { get }
    var limits: VaultLimits { get }
    /// Proves that the place honours the conditions on which publication stands. Writes only objects of its own below `v1/probe/`.
    /// - Throws: ``VaultFailure/Kind/unsafe`` when it does not.
    func probe() async throws(VaultFailure)
    /// The head and its version, which belong to each other; nil when there is none yet. May be older than the newest: a swap decides.
    func readHead() async throws(VaultFailure) -> StoredHead?
    /// Puts a head in place of the one of that version (nil: where none is), and with it makes visible what was ``put(_:_:_:)`` for it.
    /// - Throws: ``VaultFailure/Kind/unknownOutcome`` when the request may have acted, now or later.
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap
    /// Stores an object whole. Repeating it with the same bytes is harmless.
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure)
    /// Stores an object piece by piece, so that it is never whole in memory; it is visible when it is finished.
    /// - Returns: nil where the place takes objects whole only: ``put(_:as:_:)`` does it.
    func stream(_ name: String) async throws(VaultFailure) -> (any ObjectStream)?
    /// A part of an object, or all of it; nil when there is no such object. A range beyond the end is cut.
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer?
    /// Objects whose names begin so, the head not among them, in the order of their names.
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject]
    /// Deletes objects; those that are not there are no failure.
    func delete(_ names: [String]) async throws(VaultFailure)
    /// Frees connections. Nothing is called afterwards.
    func shutdown() async
}

extension Vault {
    package func shutdown() async {}
    package func probe() async throws(VaultFailure) {}
    package func stream(_ name: String) async throws(VaultFailure) -> (any ObjectStream)? { nil }
    /// All of an object.
    package func read(_ name: String) async throws(VaultFailure) -> ByteBuffer? { try await read(name, nil) }
}

/// An object on its way into a vault. Its calls block, and come one after the other. One that is let go unfinished leaves nothing.
package protocol ObjectStream: Sendable {
    func write(_ bytes: UnsafeRawBufferPointer) throws(VaultFailure)
    /// Returns when all of it is at its place.
    func finish() throws(VaultFailure)
}

/// When an object is to be seen by others.
package enum Visibility: Sendable {
    /// With the next head, at the latest: places with commits send it along (packs).
    case withHead
    /// When the call returns (requests for the pen, strays, records).
    case atOnce
}

/// Which version of the head was read: an ETag, a commit, a row's number. Only its vault understands it.
package struct HeadVersion: Sendable, Hashable {
    package var text: String
    package init(_ text: String) { self.text = text }
}

package struct StoredHead: Sendable, Equatable {
    package var bytes: ByteBuffer
    package var version: HeadVersion
    package init(bytes: ByteBuffer, version: HeadVersion) {
        self.bytes = bytes
        self.version = version
    }
}

package enum HeadSwap: Sendable, Equatable {
    case swapped(HeadVersion)
    /// Another version is there. It may be our own from a request whose answer was lost: read it.
    case refused
}

package struct StoredObject: Sendable, Equatable {
    package var name: String
    /// Bytes.
    package var size: Int
    package init(name: String, size: Int) {
        self.name = name
        self.size = size
    }
}

/// What a kind of vault can bear.
package struct VaultLimits: Sendable, Equatable {
    /// Largest pack; bytes.
    package var packSize: Int
    /// Time between snapshots unless the owner says otherwise.
    package var interval: Duration
    /// The owner cannot go below it.
    package var smallestInterval: Duration
    /// Anybody may read what is in it: encryption is demanded.
    package var isPublic: Bool
    package init(
        packSize: Int = 16 << 20, interval: Duration = .seconds(10), smallestInterval: Duration = .seconds(1),
        isPublic: Bool = false
    ) {
        self.packSize = packSize
        self.interval = interval
        self.smallestInterval = smallestInterval
        self.isPublic = isPublic
    }
}
