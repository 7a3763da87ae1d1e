package import StokerCore

/// Small documents that people and rooms leave, by kind and key: an acknowledgement of an incident, a note, maintenance that was begun
/// by hand, the hash of a secret that was written. Several processes may write beside each other. A kind has one owner, which decides what its bodies mean.
package protocol RecordStore: Sendable {
    /// Writes a document in the place of the one of the same kind and key.
    /// - Parameter version: that the one there has to have, 0 for none there; nil replaces whatever is there.
    /// - Returns: the document with its new version; nil when another version is there.
    /// - Throws: `usage` for a kind or key above 200 bytes or empty, or a body above ``Record/maxBody``.
    @discardableResult
    func put(_ record: NewRecord, ifVersion version: Int64?) async throws(Failure) -> Record?
    /// - Returns: whether it was there.
    @discardableResult
    func remove(kind: String, key: String) async throws(Failure) -> Bool
    /// nil when there is none.
    func record(kind: String, key: String) async throws(Failure) -> Record?
    /// In the order of their keys' bytes.
    /// - Parameters:
    ///   - prefix: with which the keys begin.
    ///   - after: a key (exclusive).
    func records(kind: String, prefix: String, after: String?, limit: Int) async throws(Failure) -> [Record]
    /// Deletes what is past its time, and of each kind the oldest beyond ``Record/maxOfKind``.
    func prune(now: Instant) async throws(Failure) -> Int
}

extension RecordStore {
    /// In the order of their keys' bytes.
    package func records(kind: String) async throws(Failure) -> [Record] {
        try await records(kind: kind, prefix: "", after: nil, limit: Record.maxOfKind)
    }
    @discardableResult
    package func put(_ record: NewRecord) async throws(Failure) -> Record? {
        try await put(record, ifVersion: nil)
    }
}

/// A document to be written.
package struct NewRecord: Sendable, Equatable {
    /// 1…200 bytes; says whose record it is.
    package var kind: String
    /// 1…200 bytes; unique in its kind.
    package var key: String
    /// The kind's own JSON, without secrets of the user's; a key that makes stored hashes unreadable may stand here.
    package var body: String
    /// When it was said.
    package var at: Instant
    /// When it may be deleted; nil: never, unless there are too many.
    package var expires: Instant?

    package init(kind: String, key: String, body: String = "{}", at: Instant, expires: Instant? = nil) {
        self.kind = kind
        self.key = key
        self.body = body
        self.at = at
        self.expires = expires
    }

    func check() throws(Failure) {
        guard (1...200).contains(kind.utf8.count), (1...200).contains(key.utf8.count),
            body.utf8.count <= Record.maxBody
        else {
            throw Failure(
                .usage, doing: "write a record of the kind \(kind.prefix(200))",
                because: "its kind or key has no or more than 200 bytes, or its body more than \(Record.maxBody)")
        }
    }
}

/// A record as it is kept; see ``NewRecord`` for its limits.
package struct Record: Sendable, Equatable {
    package var kind: String
    package var key: String
    package var body: String
    package var at: Instant
    package var expires: Instant?
    /// 1 or more; rises with each writing of the same kind and key.
    package var version: Int64

    /// Bytes.
    package static let maxBody = 65_536
    /// Beyond so many of a kind the oldest are deleted.
    package static let maxOfKind = 10_000
    /// Above this a stored version is damage.
    static let maxVersions: Int64 = 1 << 53

    init(_ new: NewRecord, version: Int64) {
        kind = new.kind
        key = new.key
        body = new.body
        at = new.at
        expires = new.expires
        self.version = version
    }
}
