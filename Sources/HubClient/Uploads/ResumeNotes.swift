import FoundationEssentials
import NIOCore

/// Which parts of a large file are on the Hub, so that an interrupted upload goes on there. One small file for each object and repository.
/// It holds addresses that are keys to the upload, so only the user may read it.
struct ResumeNotes: Sendable {
    struct Note: Codable, Sendable, Equatable {
        var version = 1
        var size: Int64
        /// Seconds since 1970 when the Hub gave the addresses.
        var made: Int64
        var parts: LFSParts
        var verify: String?
        /// What the storage answered to each part; nil for those that are missing.
        var etags: [String?]
    }

    private let folder: String
    private let prefix: String
    /// Addresses are signed for a day at most; half of it leaves time to send the rest.
    static let lifetime: Int64 = 12 * 3600

    init(folder: String?, endpoint: String, repo: RepoID) {
        self.folder = folder ?? Self.defaultFolder()
        var hasher = ContentHasher(.sha256, size: 0)
        let name = Array("\(endpoint) \(repo.kind) \(repo)".utf8)
        name.withUnsafeBytes { hasher.update($0) }
        prefix = String("\(hasher.finish())".prefix(16))
    }

    static func defaultFolder(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return cache + "/stoker/uploads" }
        return (environment["HOME"] ?? "") + "/.cache/stoker/uploads"
    }

    private func path(_ oid: String) -> String { "\(folder)/\(prefix)-\(oid).json" }

    /// Nil when there is none, or it is too old, or of something else. Blocks.
    func read(_ oid: String, size: Int64, now: Int64) -> Note? {
        // What cannot be read is as good as not there: then the object is sent from its start.
        guard let status = try? LocalFile.status(of: path(oid), followLinks: false), status.size < 4 << 20,
            let bytes = try? LocalFile(path(oid)).read(Int(status.size), at: 0),
            let note = try? JSONDecoder().decode(Note.self, from: Data(bytes.readableBytesView))
        else { return nil }
        let wanted = note.parts.chunk > 0 ? size / note.parts.chunk + (size % note.parts.chunk == 0 ? 0 : 1) : -1
        guard note.version == 1, note.size == size, (0...Self.lifetime).contains(now - note.made),
            Int64(note.etags.count) == wanted, note.etags.count == note.parts.urls.count
        else { return nil }
        return note
    }

    /// Blocks.
    func write(_ note: Note, of oid: String) throws {
        try LocalFile.makeFolders(folder, permissions: 0o700)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let next = path(oid) + ".new"
        let file = try LocalFile(next, .writeNew, permissions: 0o600)
        try file.write(ByteBuffer(bytes: try encoder.encode(note)), at: 0)
        try LocalFile.move(next, to: path(oid))
    }

    /// Blocks.
    func remove(_ oid: String) throws { try LocalFile.remove(path(oid)) }
}
