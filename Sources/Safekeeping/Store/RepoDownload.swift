package import StokerCore

/// A state of an app at one moment, as the head lists it.
package struct Snapshot: Sendable, Equatable {
    /// 16 hex digits, random.
    package var id: String
    /// Of the pen it was made with.
    package var epoch: UInt64
    /// Counts the publications of a state from 1.
    package var number: UInt64
    /// When its capture began, by the clock of who made it. Nothing is decided by it but keep rules.
    package var time: Instant
    /// The snapshot its state came from; nil for the first.
    package var parent: String?
    package var tags: [String]
    /// Bytes of all contents.
    package var size: Int64
    package var files: Int64
    /// Bytes that were sent for it.
    package var added: Int64
    /// Rows of its databases, when capture counted them.
    package var rows: Int64?
    /// Entries that may be of several moments, or are no fresh copies.
    package var doubtful: Int
    /// When a restore of it was proven (hashes, databases, the owner's check); nil when never.
    package var verified: Instant?
    /// Where its list of entries is.
    var root: ObjectReference
}

/// The right to publish, from a compare-and-swap.
package struct Claim: Sendable, Equatable {
    package var epoch: UInt64
    package var holder: String
    /// What must be restored before the app starts; nil for an empty vault.
    package var newest: Snapshot?
    /// Who had the pen before; nil for nobody.
    package var previous: Holder?
}

/// Who has or had the pen.
package struct Holder: Sendable, Equatable {
    package var name: String
    package var epoch: UInt64
    /// By its own clock.
    package var since: Instant
    /// It stopped in order, after its last publication.
    package var hasReleased: Bool
    package init(name: String, epoch: UInt64, since: Instant, hasReleased: Bool) {
        self.name = name
        self.epoch = epoch
        self.since = since
        self.hasReleased = hasReleased
    }
}

/// Another one claimed the pen: nothing may be published any more.
package struct Fenced: Error, Sendable, Equatable {
    package var by: Holder
    package init(by: Holder) { self.by = by }
}

/// How a publication ended.
package enum Publication: Sendable, Equatable {
    /// It is the newest now.
    case published(Snapshot)
    /// Nothing differs from the newest; nothing was written.
    case unchanged(Snapshot)
    /// It lost so much against the newest that the newest stays until somebody accepts it.
    case held(Snapshot, because: String)
}

/// Where a long call stands. Called often, must return at once.
package struct StoreProgress: Sendable, Equatable {
    package enum Step: String, Sendable { case reading, sending, publishing, fetching, checking, deleting }
    package var step: Step
    package var files: Int64
    package var bytes: Int64
    package var totalFiles: Int64?
    package var totalBytes: Int64?
    package init(_ step: Step, files: Int64 = 0, bytes: Int64 = 0, totalFiles: Int64? = nil, totalBytes: Int64? = nil) {
        self.step = step
        self.files = files
        self.bytes = bytes
        self.totalFiles = totalFiles
        self.totalBytes = totalBytes
    }
}
