import FoundationEssentials
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
}

/// A file's content among the objects of a repository.
struct GitBlob: Sendable {
    var id: ObjectID
    /// Bytes.
    var size: Int
    var lfs: LFSPointer?
}

/// A commit, and what is in it.
struct MadeCommit: Sendable {
    var sha: String
    var listing: GitListing

    /// - Parameters:
    ///   - parent: what the commit before has.
    ///   - add: takes the objects that are new.
    /// - Throws: 400 for a path git would not have, 404 for a rename or copy of nothing.
    init(_ commit: GitImport, on parent: GitListing?, add: (ObjectID.Kind, [UInt8]) -> ObjectID) throws {
        var tree = CommitTree(parent)
        for change in commit.changes {
            switch change {
            case .write(let path, let content):
                try tree.place(path, add(.blob, content), size: content.count, lfs: LFSPointer(content))
            case .place(let path, let blob): try tree.place(path, blob.id, size: blob.size, lfs: blob.lfs)
            case .delete(let path): try tree.delete(path)
            case .rename(let from, let to): try tree.rename(from: from, to: to)
            case .copy(let from, let to): try tree.copy(from: from, to: to)
            }
        }
        let root: ObjectID
        (root, listing) = tree.finish { add(.tree, $0) }
        let author = commit.author
        let who =
            "\(author.name) <\(author.id)@users.noreply.example.org> \(Int(commit.date.timeIntervalSince1970)) +0000"
        let message = commit.body.isEmpty ? commit.title : commit.title + "\n\n" + commit.body
        var text = "tree \(root.hex)\n"
        if let parent = commit.parent { text += "parent \(parent)\n" }
        text += "author \(who)\ncommitter \(who)\n\n\(message)"
        sha = add(.commit, Array(text.utf8)).hex
    }
}

/// Takes contents while they come, and at last the commit they belong to. Of contents that end up in none, nothing stays.
final class GitFeed: Sendable {
    private let repository: GitRepository
    private let objects: Mutex<NewObjects>

    private init(_ repository: GitRepository) {
        self.repository = repository
        objects = Mutex(NewObjects(repository: repository.path))
    }

    static func open<Value: Sendable>(
        _ repository: GitRepository, _ work: (GitFeed) async throws -> Value
    ) async throws -> Value {
        let feed = GitFeed(repository)
        do {
            return try await work(feed)
        } catch {
            try await feed.objects.withLock { $0 }.abandon()
            throw error
        }
    }

    /// Takes a content.
    func add(_ content: [UInt8]) -> GitBlob {
        let id = objects.withLock { $0.add(.blob, content) }
        return GitBlob(id: id, size: content.count, lfs: LFSPointer(content))
    }

    /// Brings to the disk what has come, when it is much. One at a time.
    func drain() async throws {
        guard var objects = objects.withLock({ $0.isFull ? $0 : nil }) else { return }
        try await objects.flush()
        self.objects.withLock { $0 = objects }
    }

    /// Writes the commit and moves its reference, as the last thing. Only inside the repository's gate.
    /// - Returns: the commit's id.
    /// - Throws: ``GitFailure``, and what ``MadeCommit`` refuses.
    func commit(_ commit: GitImport) async throws -> String {
        var parent: GitListing?
        if let sha = commit.parent { parent = try await repository.listing(sha) }
        let made = try objects.withLock { objects in
            try MadeCommit(commit, on: parent) { objects.add($0, $1) }
        }
        var objects = objects.withLock { $0 }
        try await objects.finish()
        repository.note(made)
        try await repository.advance(commit.reference, to: made.sha)
        return made.sha
    }
}
