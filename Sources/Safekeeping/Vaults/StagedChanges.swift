import NIOCore

/// What goes along with the next head, in places whose changes are commits.
struct StagedChanges: Sendable {
    private(set) var added: [String: ByteBuffer] = [:]
    private(set) var deleted: Set<String> = []

    var bytes: Int { added.values.reduce(0) { $0 + $1.readableBytes } }
    var isEmpty: Bool { added.isEmpty && deleted.isEmpty }

    mutating func put(_ bytes: ByteBuffer, as name: String) {
        added[name] = bytes
        deleted.remove(name)
    }

    mutating func delete(_ names: [String]) {
        for name in names {
            added[name] = nil
            deleted.insert(name)
        }
    }

    /// It is there now; what was staged meanwhile stays.
    mutating func remove(_ done: StagedChanges) {
        for name in done.added.keys { added[name] = nil }
        deleted.subtract(done.deleted)
    }
}
