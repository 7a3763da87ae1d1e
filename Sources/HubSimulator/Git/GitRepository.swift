import FoundationEssentials
import HTTPTypes
import NIOCore
import Synchronization

/// One bare repository, read and written through the git binary.
///
/// Nobody else writes to it, so references are remembered, and what belongs to a commit is remembered for good.
final class GitRepository: Sendable {
    let path: String
    /// Everything that moves references.
    let gate = SerialGate()

    private let reading = SerialGate()

    private struct Memory {
        var references: [ExactText: String]?
        /// Counts their changes.
        var moves = 0
        var listings: [String: GitListing] = [:]
        /// The oldest first.
        var order: [String] = []
        var commits: Set<String> = []
        var pointers: [String: LFSPointer?] = [:]
        var lastCommits: [String: [ExactText: GitCommit]] = [:]
        var cards: [String: JSON] = [:]
        /// By commit; nil when there is none, or it is in LFS.
        var readmes: [String: String?] = [:]
        /// `.gitattributes` and `.gitignore` by blob: asked for by every preupload.
        var rules: [String: [UInt8]] = [:]
    }
    private let memory = Mutex(Memory())
    private static let maxListings = 16

    init(path: String) { self.path = path }

    /// A commit made here, and where its reference is now.
    func noteCommit(_ sha: String, of reference: String) {
        memory.withLock { memory in _ = memory.commits.insert(sha) }
        noteReference(reference, sha)
    }

    /// Known without asking git.
    func begin(with sha: String, readme: [UInt8]?) {
        memory.withLock { memory in
            memory.references = [ExactText("refs/heads/main"): sha]
            memory.readmes[sha] = .some(
                readme.flatMap { LFSPointer($0) == nil ? String(decoding: $0, as: UTF8.self) : nil })
        }
    }

    /// Makes a bare repository whose first commit is the head of `main`. What `git init` would write is laid down without it: a Hub of a thousand
    /// Spaces is made in seconds.
    /// - Parameter hooks: the folder of the hooks of all repositories.
    /// - Throws: 400 for a path git would not have.
    static func make(at path: String, hooks: String, _ first: GitImport) async throws -> GitRepository {
        try first.checkPaths()
        let quoted = hooks.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let config =
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\thooksPath = \"\(quoted)\"\n"
        try await HubDisk.lay(
            folders: ["", "/objects", "/objects/pack", "/objects/info", "/refs", "/refs/heads", "/refs/tags"],
            // Last: without it this is no repository.
            files: [("/config", Array(config.utf8)), ("/HEAD", Array("ref: refs/heads/main\n".utf8))], in: path)
        let repository = GitRepository(path: path)
        repository.begin(with: try await first.write(to: repository), readme: first.readme)
        return repository
    }

    func git(_ arguments: [String], input: [UInt8] = []) async throws -> [UInt8] {
        try await Git.run(["--git-dir=\(path)"] + arguments, input: input)
    }
    func text(_ arguments: [String], input: [UInt8] = []) async throws -> String {
        try await Git.text(["--git-dir=\(path)"] + arguments, input: input)
    }

    // MARK: references

    /// Full names and the commits they stand for.
    func references() async throws -> [ExactText: String] {
        let (known, moves) = memory.withLock { ($0.references, $0.moves) }
        if let known { return known }
        let lines = try await text(["for-each-ref", "--format=%(objectname) %(*objectname) %(refname)"])
        var found: [ExactText: String] = [:]
        for line in lines.split(separator: "\n") {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            found[ExactText(parts[2])] = String(parts[1].isEmpty ? parts[0] : parts[1])
        }
        // Who asked before something moved knows nothing of it.
        memory.withLock { if $0.moves == moves { $0.references = found } }
        return found
    }

    /// After a push, which git itself received.
    func forgetReferences() {
        memory.withLock { memory in
            memory.references = nil
            memory.moves += 1
        }
    }

    /// The commit of a branch, tag, full reference or (abbreviated) commit id; nil when there is none.
    func resolve(_ revision: String) async throws -> String? {
        let references = try await references()
        for name in [revision, "refs/heads/" + revision, "refs/tags/" + revision] {
            if let sha = references[name] { return sha }
        }
        guard (7...40).contains(revision.utf8.count), revision.isHexadecimal else { return nil }
        if memory.withLock({ $0.commits.contains(revision) }) { return revision }
        do {
            let sha = try await text(["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"])
            memory.withLock { memory in _ = memory.commits.insert(sha) }
            return sha
        } catch is GitFailure {
            return nil
        }
    }

    /// Points a reference somewhere else, or with nil away. Only inside ``gate``.
    func setReference(_ name: String, to sha: String?) async throws {
        if let sha {
            _ = try await git(["update-ref", name, sha])
        } else {
            _ = try await git(["update-ref", "-d", name])
        }
        noteReference(name, sha)
    }

    func noteReference(_ name: String, _ sha: String?) {
        memory.withLock { memory in
            memory.references?[name] = sha
            memory.moves += 1
        }
    }

    // MARK: content

    func listing(_ commit: String) async throws -> GitListing {
        if let known = memory.withLock({ $0.listings[commit] }) { return known }
        // Several questions at once want the same; git is asked once.
        return try await reading.run { try await readListing(commit) }
    }

    private func readListing(_ commit: String) async throws -> GitListing {
        if let known = memory.withLock({ $0.listings[commit] }) { return known }
        let output = try await git(["ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit])
        var entries: [GitEntry] = []
        for line in output.split(separator: 0) {
            guard let tab = line.firstIndex(of: 9) else { continue }
            let head = String(decoding: line[..<tab], as: UTF8.self).split(
                separator: " ", omittingEmptySubsequences: true)
            guard head.count == 4 else { continue }
            let path = Array(line[line.index(after: tab)...])
            // Every push is looked at, but several can pile folders upon those that are there.
            guard path.count <= GitListing.longestPath else {
                throw HubError(.unprocessableContent, "This revision has paths that are too long")
            }
            entries.append(
                GitEntry(
                    path, mode: String(head[0]), isFolder: head[1] == "tree",
                    oid: String(head[2]), blobSize: Int(head[3]) ?? 0, lfs: nil))
        }
        let suspects = entries.filter { !$0.isFolder && LFSPointer.plausibleSizes.contains($0.blobSize) }.map(\.oid)
        let unknown = memory.withLock { memory in suspects.filter { memory.pointers[$0] == nil } }
        if !unknown.isEmpty {
            let contents = try await blobs(Array(Set(unknown)))
            memory.withLock { memory in
                for (oid, bytes) in contents { memory.pointers[oid] = .some(LFSPointer(bytes)) }
            }
        }
        let pointers = memory.withLock { $0.pointers }
        for index in entries.indices { entries[index].lfs = pointers[entries[index].oid] ?? nil }
        let listing = GitListing(entries)
        remember(listing, of: commit)
        return listing
    }

    private func remember(_ listing: GitListing, of commit: String) {
        memory.withLock { memory in
            guard memory.listings.updateValue(listing, forKey: commit) == nil else { return }
            memory.order.append(commit)
            while memory.order.count > Self.maxListings { memory.listings[memory.order.removeFirst()] = nil }
        }
    }

    /// Whole blobs by id; those that are not there are missing from the answer.
    func blobs(_ oids: [String]) async throws -> [String: [UInt8]] {
        guard !oids.isEmpty else { return [:] }
        let output = try await git(["cat-file", "--batch"], input: Array((oids.joined(separator: "\n") + "\n").utf8))
        return Self.parseBatch(output)
    }

    /// What `cat-file --batch` prints.
    static func parseBatch(_ output: [UInt8]) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        var rest = output[...]
        while let end = rest.firstIndex(of: 10) {
            let head = String(decoding: rest[..<end], as: UTF8.self).split(separator: " ")
            rest = rest[(end + 1)...]
            guard head.count == 3, let size = Int(head[2]), rest.count > size else { continue }
            found[String(head[0])] = Array(rest.prefix(size))
            rest = rest.dropFirst(size + 1)
        }
        return found
    }

    func blob(_ oid: String) async throws -> [UInt8] {
        guard let bytes = try await blobs([oid])[oid] else {
            throw GitFailure(command: "cat-file", message: "blob \(oid) is missing")
        }
        return bytes
    }

    /// The bytes of a rule file; nothing when it is not there or in LFS.
    func rules(_ path: String, at listing: GitListing) async throws -> [UInt8] {
        guard let entry = listing[path], entry.lfs == nil, !entry.isFolder else { return [] }
        if let known = memory.withLock({ $0.rules[entry.oid] }) { return known }
        let bytes = try await blob(entry.oid)
        memory.withLock { memory in
            if memory.rules.count > 64 { memory.rules = [:] }
            memory.rules[entry.oid] = bytes
        }
        return bytes
    }

    /// The front matter of the README at a commit, as JSON; an empty object when there is none.
    func card(_ commit: String) async throws -> JSON {
        if let known = memory.withLock({ $0.cards[commit] }) { return known }
        let card = try await readme(commit).flatMap(FrontMatter.parse) ?? [:]
        memory.withLock { memory in
            if memory.cards.count > 256 { memory.cards = [:] }
            memory.cards[commit] = card
        }
        return card
    }

    /// The README at a commit as text; nil when there is none, or it is in LFS.
    func readme(_ commit: String) async throws -> String? {
        if let known = memory.withLock({ $0.readmes[commit] }) { return known }
        var text: String?
        if let entry = try await listing(commit)["README.md"], entry.lfs == nil, !entry.isFolder {
            text = String(decoding: try await blob(entry.oid), as: UTF8.self)
        }
        memory.withLock { memory in
            if memory.readmes.count > 16 { memory.readmes = [:] }
            memory.readmes[commit] = .some(text)
        }
        return text
    }

    // MARK: history

    func commits(from sha: String, skip: Int, limit: Int) async throws -> [GitCommit] {
        let output = try await text([
            "log", "--skip=\(skip)", "--max-count=\(limit)", "--format=%H%x1f%an%x1f%ct%x1f%s%x1f%b%x1e", sha,
        ])
        return output.split(separator: "\u{1e}").compactMap(Self.commit)
    }

    private static func commit(_ record: Substring) -> GitCommit? {
        let parts = record.drop { $0 == "\n" }.split(
            separator: "\u{1f}", maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, let time = Int(parts[2]) else { return nil }
        var body = String(parts[4])
        while body.last == "\n" { body.removeLast() }
        return GitCommit(
            id: String(parts[0]), author: String(parts[1]), time: time, title: String(parts[3]), message: body)
    }

    func commitCount(_ sha: String) async throws -> Int { Int(try await text(["rev-list", "--count", sha])) ?? 0 }

    /// For every path at a commit, folders included, the newest commit that touched it.
    func lastCommits(_ sha: String) async throws -> [ExactText: GitCommit] {
        if let known = memory.withLock({ $0.lastCommits[sha] }) { return known }
        let output = try await git([
            "log", "-m", "--first-parent", "--root", "--name-only", "-z", "--format=%x1e%H%x1f%an%x1f%ct%x1f%s%x1f",
            sha,
        ])
        var found: [ExactText: GitCommit] = [:]
        for record in output.split(separator: 0x1e) {
            let fields = record.split(separator: 0, omittingEmptySubsequences: true)
            guard let head = fields.first, let commit = Self.commit(Substring(decoding: head, as: UTF8.self)) else {
                continue
            }
            for field in fields.dropFirst() {
                var path = Substring(decoding: field.drop { $0 == 10 }, as: UTF8.self)
                while !path.isEmpty {
                    let key = ExactText(path)
                    if found[key] == nil { found[key] = commit }
                    path = path.utf8.lastIndex(of: 47).map { path[..<$0] } ?? ""
                }
            }
        }
        memory.withLock { memory in
            if memory.lastCommits.count > 8 { memory.lastCommits = [:] }
            memory.lastCommits[sha] = found
        }
        return found
    }
}
