import FoundationEssentials
import NIOCore
import StokerCore

/// Which parts of a large file are on the Hub, so that an interrupted upload goes on there. One small file for each object and repository.
/// It holds addresses that are keys to the upload, so only the user may read it.
struct UploadResumeStore: Sendable {
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

    /// Nil when there is no place for notes.
    private let folder: String?
    private let prefix: String
    /// Addresses are signed for a day at most; half of it leaves time to send the rest.
    static let lifetime: Int64 = 12 * 3600
    /// Bytes of the longest note: one of 10,000 parts has about eight million.
    static let longest: Int64 = 32 << 20

    init(folder: String?, endpoint: String, repo: RepoID) {
        self.folder = folder ?? Self.defaultFolder()
        var hasher = ContentHasher(.sha256, size: 0)
        let name = Array("\(endpoint) \(repo.kind) \(repo)".utf8)
        name.withUnsafeBytes { hasher.update($0) }
        prefix = String("\(hasher.finish())".prefix(16))
    }

    static func defaultFolder(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return cache + "/stoker/uploads" }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.cache/stoker/uploads"
    }

    private func path(_ oid: String) -> String? { folder.map { "\($0)/\(prefix)-\(oid).json" } }

    /// Nil when there is none, or it is too old, or of something else. Blocks.
    func read(_ oid: String, size: Int64, now: Int64) -> Note? {
        // What cannot be read is as good as not there: then the object is sent from its start.
        guard let path = path(oid), let status = try? LocalFile.status(of: path, followLinks: false),
            status.size <= Self.longest, let bytes = try? LocalFile(path).read(Int(status.size), at: 0),
            let note = try? JSONDecoder().decode(Note.self, from: Data(bytes.readableBytesView))
        else { return nil }
        let wanted = note.parts.chunk > 0 ? size / note.parts.chunk + (size % note.parts.chunk == 0 ? 0 : 1) : -1
        guard note.version == 1, note.size == size, (0...Self.lifetime).contains(now - note.made),
            Int64(note.etags.count) == wanted, note.etags.count == note.parts.urls.count
        else { return nil }
        return note
    }

    /// Writes a note; what kept it from that, in words, or nil. Blocks.
    func keep(_ note: Note, of oid: String) -> String? {
        do {
            try write(note, of: oid)
            return nil
        } catch {
            drop(oid)
            return "\(error)"
        }
    }

    private func write(_ note: Note, of oid: String) throws {
        guard let folder, let path = path(oid) else {
            throw LocalFile.Trouble(path: "a note", doing: "write", reason: "neither HOME nor XDG_CACHE_HOME is set")
        }
        let bytes = ByteBuffer(bytes: try JSONEncoder.stable.encode(note))
        guard bytes.readableBytes <= Self.longest else {
            throw LocalFile.Trouble(path: path, doing: "write", reason: "it would be too long to be read again")
        }
        try LocalFile.makeFolders(folder, permissions: 0o700)
        // Another process may send the same object.
        let next = "\(path).\(UUID().uuidString).new"
        do {
            try LocalFile(next, .writeNew, permissions: 0o600).write(bytes, at: 0)
            try LocalFile.move(next, to: path)
        } catch {
            try? LocalFile.remove(next)  // the error that counts is the one before
            throw error
        }
    }

    /// Removes a note. One that cannot be removed is not used either: what it speaks of is complete or no longer known. Blocks.
    func drop(_ oid: String) {
        guard let path = path(oid) else { return }
        try? LocalFile.remove(path)  // see above
    }

    /// Removes notes whose time is over, of all repositories: they hold signed addresses. Blocks.
    func sweep(now: Int64) {
        // A folder that cannot be read has nothing that could be removed.
        guard let folder, let names = try? LocalFile.names(in: folder) else { return }
        for name in names {
            let name = String(decoding: name, as: UTF8.self)
            let path = "\(folder)/\(name)"
            guard name.hasSuffix(".json") || name.hasSuffix(".new"),
                let status = try? LocalFile.status(of: path, followLinks: false), status.kind == .file,
                now - status.changed / 1_000_000_000 > Self.lifetime
            else { continue }
            try? LocalFile.remove(path)  // the next run tries again
        }
    }
}
