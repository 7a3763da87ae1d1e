import FoundationEssentials
import HTTPTypes
import Synchronization

/// One commit.
struct GitImport: Sendable {
    enum Change: Sendable {
        case write(path: String, content: [UInt8])
        /// A content that is there already: see ``GitFeed/add(_:)``.
        case place(path: String, GitBlob)
        /// A file or a folder.
        case delete(path: String)
        case rename(from: String, to: String)
        case copy(from: String, to: String)
    }

    var reference: String
    var parent: String?
    var author: HubAccount
    var date: Date
    var title: String
    var body: String
    var changes: [Change]

    /// What it writes as the README; nil when it writes none.
    var readme: [UInt8]? {
        for case .write("README.md", let content) in changes.reversed() { return content }
        return nil
    }

    /// Writes it and moves the reference. Only inside the repository's gate.
    /// - Returns: the commit's id.
    /// - Throws: as ``GitFeed/commit(_:)``.
    func write(to repository: GitRepository) async throws -> String {
        try await GitFeed.open(repository) { try await $0.commit(self) }
    }

    /// - Throws: 400 for a path git would not have.
    func checkPaths() throws {
        for change in changes {
            switch change {
            case .write(let path, _), .place(let path, _), .delete(let path): try CommitBody.checkPath(path)
            case .rename(let from, let to), .copy(let from, let to):
                try CommitBody.checkPath(from)
                try CommitBody.checkPath(to)
            }
        }
    }
}

/// A file's content on its way into a repository.
struct GitBlob: Sendable {
    /// Its number in the stream.
    var mark: Int
    /// Bytes.
    var size: Int
    var lfs: LFSPointer?
}

/// Takes contents while they come, and at last the commit they belong to, as one stream for `git fast-import`. Of contents that end up in none,
/// nothing stays. Source: git `Documentation/git-fast-import`.
final class GitFeed: Sendable {
    private struct Stream: Sendable {
        /// Not on the disk.
        var pending: [UInt8] = []
        /// There from the moment there is much.
        var file: DraftFile?
        var length = 0
        var marks = 0

        mutating func write(_ text: String) { pending += text.utf8 }
        mutating func write(data: [UInt8]) {
            write("data \(data.count)\n")
            pending += data
            pending.append(10)
        }
        mutating func add(_ content: [UInt8]) -> GitBlob {
            marks += 1
            write("blob\nmark :\(marks)\n")
            write(data: content)
            return GitBlob(mark: marks, size: content.count, lfs: LFSPointer(content))
        }
    }

    private let repository: GitRepository
    private let stream = Mutex(Stream())
    private let draft: String
    /// Bytes that go to the disk at once.
    private static let stride = 1 << 20

    private init(_ repository: GitRepository) {
        self.repository = repository
        draft = "\(repository.path)/import-\(UUID().uuidString)"
    }

    static func open<Value: Sendable>(
        _ repository: GitRepository, _ work: (GitFeed) async throws -> Value
    ) async throws -> Value {
        let feed = GitFeed(repository)
        do {
            let value = try await work(feed)
            try await feed.close()
            return value
        } catch {
            try await feed.close()
            throw error
        }
    }

    private func close() async throws {
        guard stream.withLock({ $0.file != nil }) else { return }
        let draft = draft
        try await DraftFile.run { DraftFile.remove(draft) }
    }

    /// Takes a content.
    func add(_ content: [UInt8]) -> GitBlob { stream.withLock { $0.add(content) } }

    /// Brings to the disk what has come, when it is much. One at a time.
    func drain() async throws {
        if stream.withLock({ $0.pending.count >= Self.stride }) { try await flush() }
    }

    private func flush() async throws {
        var now = stream.withLock { $0 }
        let (bytes, place, file, draft) = (now.pending, now.length, now.file, draft)
        now.file = try await DraftFile.run {
            let file = try file ?? DraftFile(draft)
            try file.write(bytes, at: place)
            return file
        }
        now.pending = []
        now.length += bytes.count
        stream.withLock { [now] in $0 = now }
    }

    /// Writes the commit and moves its reference. Only inside the repository's gate.
    /// - Returns: the commit's id.
    /// - Throws: 400 for a path git would not have, 404 for a rename or copy of nothing, ``GitFailure``.
    func commit(_ commit: GitImport) async throws -> String {
        try commit.checkPaths()
        stream.withLock { Self.write(commit, to: &$0) }
        let isOnDisk = stream.withLock { $0.file != nil }
        if isOnDisk { try await flush() }
        let sha: String
        do {
            let output = try await Git.fastImport(
                into: repository.path, isOnDisk ? .file(draft) : .bytes(stream.withLock { $0.pending }))
            sha = String(decoding: output.prefix(40), as: UTF8.self)
        } catch {
            try await removeReports()
            // `Path bin/run not in branch`
            if let path = (error as? GitFailure)?.message.firstMatch(of: #/[Pp]ath (.+) not in branch/#)?.1 {
                throw HubError(.notFound, "A file with this name doesn't exist: \(path)", code: "EntryNotFound")
            }
            throw error
        }
        repository.noteCommit(sha, of: commit.reference)
        return sha
    }

    /// What git writes beside a repository when an import fails.
    private func removeReports() async throws {
        let path = repository.path
        try await DraftFile.run {
            for name in try FileManager.default.contentsOfDirectory(atPath: path)
            where name.hasPrefix("fast_import_crash_") { DraftFile.remove("\(path)/\(name)") }
        }
    }

    private static func write(_ commit: GitImport, to stream: inout Stream) {
        // Contents stand before the commit.
        let places = commit.changes.map { change -> GitBlob? in
            switch change {
            case .write(_, let content): stream.add(content)
            case .place(_, let blob): blob
            default: nil
            }
        }
        let author = commit.author
        let who =
            "\(author.name) <\(author.id)@users.noreply.example.org> \(Int(commit.date.timeIntervalSince1970)) +0000"
        stream.marks += 1
        let mark = stream.marks
        stream.write("commit \(commit.reference)\nmark :\(mark)\nauthor \(who)\ncommitter \(who)\n")
        stream.write(data: Array((commit.body.isEmpty ? commit.title : commit.title + "\n\n" + commit.body).utf8))
        if let parent = commit.parent { stream.write("from \(parent)\n") }
        for (change, blob) in zip(commit.changes, places) {
            switch change {
            case .write(let path, _), .place(let path, _):
                stream.write("M 100644 :\(blob?.mark ?? 0) \(quoted(path))\n")
            case .delete(let path): stream.write("D \(quoted(path))\n")
            case .rename(let from, let to): stream.write("R \(quoted(from)) \(quoted(to))\n")
            case .copy(let from, let to): stream.write("C \(quoted(from)) \(quoted(to))\n")
            }
        }
        stream.write("\nget-mark :\(mark)\ndone\n")
    }

    /// As a string of C.
    private static func quoted(_ path: String) -> String {
        var text = "\""
        for scalar in path.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 8)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
