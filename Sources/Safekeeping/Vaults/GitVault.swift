import Foundation
package import NIOCore
import NIOPosix
import Runtime
import StokerCore

/// A vault in a git repository: a branch with one commit that has no parent, replaced by `git push --force-with-lease`, for which the server compares the old
/// commit. What is replaced is git's own garbage. A server that lets nobody replace a branch gets commits with parents; then the repository grows.
///
/// Notes that are to be seen at once have a branch of their own. Everything of the branch is fetched: this is for small states.
package actor GitVault: Vault {
    package nonisolated let name: String
    package nonisolated let limits = VaultLimits(interval: .seconds(60), smallestInterval: .seconds(5))
    private let address: String
    private let branch: String
    private let folder: String
    private var isReady = false
    private var grows = false
    private var staged = StagedChanges()

    /// - Parameters:
    ///   - address: of the repository; may hold a password, which only git's own settings get to know.
    ///   - branch: of the state.
    package init(address: String, name: String, branch: String) {
        self.address = address
        self.name = name
        self.branch = branch
        folder = NSTemporaryDirectory() + "/stoker-git-" + UUID().uuidString
    }

    private var head: String { "refs/heads/\(branch)" }
    private var notes: String { "refs/heads/\(branch)-notes" }

    // MARK: git

    private struct Ended: Sendable {
        var status: Int32
        var output: String
        var errors: String
    }

    private var environment: [String: String] {
        [
            "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C", "GIT_ASKPASS": "/bin/true",
            "GIT_AUTHOR_NAME": "stoker", "GIT_AUTHOR_EMAIL": "stoker@localhost", "GIT_COMMITTER_NAME": "stoker",
            "GIT_COMMITTER_EMAIL": "stoker@localhost", "GIT_DIR": folder + "/git",
        ]
    }

    private func git(_ arguments: [String], doing: String) async throws(VaultFailure) -> Ended {
        guard let program = Program.find("git") else {
            throw VaultFailure(
                .refused, vault: name, doing: doing, said: "git is not installed", hint: "apt-get install git")
        }
        do {
            let ended = try await Program.runTelling(program, arguments, environment: environment, echo: { _ in })
            return Ended(status: ended.status, output: ended.output, errors: Redaction.text(ended.errors))
        } catch {
            throw VaultFailure(
                Task.isCancelled ? .cancelled : .transient, vault: name, doing: doing, said: "\(error)".cut(to: 200),
                cause: error)
        }
    }

    /// - Throws: when git does not end with 0.
    @discardableResult
    private func must(_ arguments: [String], doing: String) async throws(VaultFailure) -> String {
        let ended = try await git(arguments, doing: doing)
        guard ended.status == 0 else { throw failure(ended, doing: doing) }
        return ended.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func failure(_ ended: Ended, doing: String, changes: Bool = false) -> VaultFailure {
        let said =
            ended.errors.split(separator: "\n").last { !$0.hasPrefix("hint:") }.map(String.init)
            ?? "git ended with \(ended.status)"
        let text = ended.errors
        let denied = ["Authentication failed", "Permission denied", "could not read Username", "403", "not allowed to"]
        let missing = ["does not appear to be a git repository", "Repository not found", "not found"]
        let kind: VaultFailure.Kind =
            denied.contains(where: text.contains)
            ? .refused
            : missing.contains(where: text.contains)
                ? .invalid
                : text.contains("No space left") || text.contains("quota")
                    ? .full
                    : changes ? .unknownOutcome : .transient
        return VaultFailure(kind, vault: name, doing: doing, said: said.cut(to: 300))
    }

    private func ready(_ doing: String) async throws(VaultFailure) {
        guard !isReady else { return }
        let (folder, address) = (folder, address)
        try await disk(doing) {
            try FileManager.default.createDirectory(
                atPath: folder + "/files", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        try await must(["init", "--quiet", "--bare", folder + "/git"], doing: doing)
        // The address goes into git's settings and not into arguments, which other users of the machine can see.
        try await disk(doing) {
            let settings = folder + "/git/config"
            var text = try String(contentsOfFile: settings, encoding: .utf8)
            let quoted = address.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            text += "[core]\n\tcompression = 0\n[gc]\n\tauto = 0\n[remote \"origin\"]\n\turl = \"\(quoted)\"\n"
            try AtomicFile.replace(settings, with: Array(text.utf8))
        }
        isReady = true
    }

    private func disk<Value: Sendable>(
        _ doing: String, _ work: @escaping @Sendable () throws -> Value
    ) async throws(VaultFailure) -> Value {
        do { return try await NIOThreadPool.singleton.runIfActive(work) } catch {
            let isFull = (error as? SystemError)?.code == ENOSPC
            throw VaultFailure(
                isFull ? .full : .transient, vault: name, doing: doing,
                said: "scratch folder: \("\(error)".cut(to: 200))", cause: error)
        }
    }

    /// Names of the states of this repository, as its branches tell them.
    func states() async throws(VaultFailure) -> [String] {
        let doing = "list the states"
        try await ready(doing)
        let listed = try await must(["ls-remote", "origin", "refs/heads/stoker/*"], doing: doing)
        return listed.split(separator: "\n").compactMap { line in
            guard let name = line.split(separator: "\t").last?.dropFirst("refs/heads/stoker/".count),
                !name.hasSuffix("-notes")
            else { return nil }
            return String(name)
        }
    }

    /// The commit of a branch at the server, fetched; nil when it has none.
    private func fetch(_ ref: String, _ doing: String) async throws(VaultFailure) -> String? {
        try await ready(doing)
        let listed = try await git(["ls-remote", "origin", ref], doing: doing)
        guard listed.status == 0 else { throw failure(listed, doing: doing) }
        guard let commit = listed.output.split(whereSeparator: \.isWhitespace).first.map(String.init) else {
            return nil
        }
        if try await git(["cat-file", "-e", commit + "^{tree}"], doing: doing).status != 0 {
            try await must(["fetch", "--quiet", "--depth", "1", "origin", ref], doing: doing)
            guard try await git(["cat-file", "-e", commit + "^{tree}"], doing: doing).status == 0 else {
                throw VaultFailure(.transient, vault: name, doing: doing, said: "the branch moved while it was fetched")
            }
        }
        return commit
    }

    /// The bytes of a file of a commit; nil when it has none of that name.
    private func contents(_ object: String, of commit: String, _ doing: String) async throws(VaultFailure)
        -> ByteBuffer?
    {
        let found = try await git(["rev-parse", "--verify", "--quiet", "\(commit):\(object)"], doing: doing)
        guard found.status == 0 else { return nil }
        let blob = found.output.trimmingCharacters(in: .whitespacesAndNewlines)
        guard blob.utf8.allSatisfy({ Hex.value(of: $0) != nil }) else { return nil }
        return ByteBuffer(bytes: try await output("exec git cat-file blob \"$1\" >\"$2\"", blob, doing))
    }

    /// What git writes, which may be of any length: into a file.
    private func output(_ script: String, _ argument: String, _ doing: String) async throws(VaultFailure) -> [UInt8] {
        let path = folder + "/files/out-" + Hex.text(RandomBytes.make(8))
        let ended: Program.Ended
        do {
            ended = try await Program.runTelling(
                "/bin/sh", ["-c", script, "sh", argument, path], environment: environment, echo: { _ in })
        } catch {
            throw VaultFailure(
                Task.isCancelled ? .cancelled : .transient, vault: name, doing: doing, said: "\(error)".cut(to: 200),
                cause: error)
        }
        return try await disk(doing) {
            defer { try? FileManager.default.removeItem(atPath: path) }
            guard ended.status == 0, let bytes = FileManager.default.contents(atPath: path) else {
                throw SystemError(EIO)
            }
            return Array(bytes)
        }
    }

    /// Names and blobs of a commit's files.
    private func tree(_ commit: String, _ doing: String) async throws(VaultFailure) -> [String: (
        blob: String, size: Int
    )] {
        let listed = String(
            decoding: try await output("exec git ls-tree -r -l \"$1\" >\"$2\"", commit, doing), as: UTF8.self)
        var files: [String: (blob: String, size: Int)] = [:]
        for line in listed.split(separator: "\n") {
            let halves = line.split(separator: "\t", maxSplits: 1)
            let facts = halves[0].split(separator: " ", omittingEmptySubsequences: true)
            guard halves.count == 2, facts.count == 4, let size = Int(facts[3]) else { continue }
            files[String(halves[1])] = (String(facts[2]), size)
        }
        return files
    }

    /// Makes a commit like `old` with these changes, and pushes it in its place.
    /// - Returns: nil when the server has another commit than `old`.
    private func push(
        adding added: [String: ByteBuffer], deleting deleted: some Collection<String>, to ref: String,
        replacing old: String?, _ doing: String
    ) async throws(VaultFailure) -> String? {
        var lines = ""
        for name in deleted where added[name] == nil {
            lines += "0 0000000000000000000000000000000000000000\t\(name)\n"
        }
        for (object, bytes) in added {
            let path = folder + "/files/new-" + Hex.text(RandomBytes.make(8))
            try await disk(doing) { try AtomicFile.replace(path, with: Array(bytes.readableBytesView)) }
            let blob = try await must(["hash-object", "-w", "--no-filters", path], doing: doing)
            try await disk(doing) { try FileManager.default.removeItem(atPath: path) }
            lines += "100644 \(blob)\t\(object)\n"
        }
        let tree = try await write(tree: lines, over: old, doing)
        return try await push(tree: tree, to: ref, replacing: old, doing)
    }

    private func push(
        tree: String, to ref: String, replacing old: String?, _ doing: String
    ) async throws(VaultFailure) -> String? {
        var arguments = ["commit-tree", tree, "-m", "Snapshot"]
        if grows, let old { arguments += ["-p", old] }
        let commit = try await must(arguments, doing: doing)
        let ended = try await git(
            ["push", "--quiet", "--porcelain", "--force-with-lease=\(ref):\(old ?? "")", "origin", "\(commit):\(ref)"],
            doing: doing)
        if ended.status == 0 { return commit }
        let said = ended.output + ended.errors
        if !grows, old != nil, said.contains("non-fast-forward") || said.contains("denyNonFastForwards") {
            grows = true
            return try await push(tree: tree, to: ref, replacing: old, doing)
        }
        // Another commit is there, or somebody pushes just now.
        let signs = [
            "stale info", "cannot lock ref", "failed to update ref", "fetch first", "reference already exists",
        ]
        if signs.contains(where: said.contains) { return nil }
        throw failure(ended, doing: doing, changes: true)
    }

    /// A tree like that of a commit, with these changes (as `git update-index --index-info` reads them).
    private func write(tree lines: String, over old: String?, _ doing: String) async throws(VaultFailure) -> String {
        guard let program = Program.find("git") else {
            throw VaultFailure(.refused, vault: name, doing: doing, said: "git is not installed")
        }
        var environment = environment
        let index = folder + "/files/index-" + Hex.text(RandomBytes.make(8))
        environment["GIT_INDEX_FILE"] = index
        do {
            if let old {
                _ = try await Program.runTelling(program, ["read-tree", old], environment: environment, echo: { _ in })
            }
            let fed = try await Program.feed(
                program, ["update-index", "--index-info"], input: Array(lines.utf8), environment: environment)
            let written = try await Program.runTelling(
                program, ["write-tree"], environment: environment, echo: { _ in })
            try await NIOThreadPool.singleton.runIfActive { try? FileManager.default.removeItem(atPath: index) }
            let tree = written.output.trimmingCharacters(in: .whitespacesAndNewlines)
            guard fed.status == 0, written.status == 0, !tree.isEmpty else {
                throw VaultFailure(
                    .transient, vault: name, doing: doing,
                    said: Redaction.text(fed.errors + written.errors).cut(to: 300))
            }
            return tree
        } catch let failure as VaultFailure {
            throw failure
        } catch {
            throw VaultFailure(
                Task.isCancelled ? .cancelled : .transient, vault: name, doing: doing, said: "\(error)".cut(to: 200),
                cause: error)
        }
    }

    // MARK: vault

    package func probe() async throws(VaultFailure) {
        _ = try await fetch(head, "look at the repository")
    }

    package func readHead() async throws(VaultFailure) -> StoredHead? {
        let doing = "read the head"
        guard let commit = try await fetch(head, doing),
            let bytes = try await contents("v1/head", of: commit, doing)
        else { return nil }
        return StoredHead(bytes: bytes, version: HeadVersion(commit))
    }

    package func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        let doing = "write the head"
        try await ready(doing)
        if let version {
            // Whoever expects a version has read it; another process's is fetched.
            if try await git(["cat-file", "-e", version.text + "^{tree}"], doing: doing).status != 0 {
                guard try await fetch(head, doing) == version.text else { return .refused }
            }
        }
        let going = staged
        var added = going.added
        added["v1/head"] = bytes
        guard
            let commit = try await push(
                adding: added, deleting: going.deleted, to: head, replacing: version?.text, doing)
        else { return .refused }
        staged.remove(going)
        return .swapped(HeadVersion(commit))
    }

    package func put(_ bytes: ByteBuffer, as object: String, _ visibility: Visibility) async throws(VaultFailure) {
        guard visibility == .atOnce else {
            staged.put(bytes, as: object)
            return
        }
        try await note("store \(object)", adding: [object: bytes], deleting: [])
    }

    /// Changes the notes' branch, again while others do.
    private func note(
        _ doing: String, adding added: [String: ByteBuffer], deleting deleted: [String]
    ) async throws(VaultFailure) {
        for _ in 0..<20 {
            let old = try await fetch(notes, doing)
            if old == nil, added.isEmpty { return }
            do throws(VaultFailure) {
                if try await push(adding: added, deleting: deleted, to: notes, replacing: old, doing) != nil { return }
            } catch {
                // Doing it twice does no harm.
                guard error.kind == .unknownOutcome else { throw error }
                throw VaultFailure(.transient, vault: name, doing: doing, said: error.said, cause: error)
            }
        }
        throw VaultFailure(.transient, vault: name, doing: doing, said: "others changed the notes each time")
    }

    private func branch(of object: String) -> String { object.hasPrefix(PackDirectory.prefix) ? head : notes }

    package func read(_ object: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        let doing = "read \(object)"
        if staged.deleted.contains(object) { return nil }
        var all = staged.added[object]
        if all == nil {
            guard let commit = try await fetch(branch(of: object), doing) else { return nil }
            all = try await contents(object, of: commit, doing)
        }
        guard let all else { return nil }
        guard let range else { return all }
        let inside = range.clamped(to: 0..<all.readableBytes)
        return all.getSlice(at: all.readerIndex + inside.lowerBound, length: inside.count)
    }

    package func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        let doing = "list \(prefix)"
        var found: [String: Int] = [:]
        for ref in [head, notes] {
            guard let commit = try await fetch(ref, doing) else { continue }
            for (name, file) in try await tree(commit, doing) { found[name] = file.size }
        }
        return found.filter { $0.key.hasPrefix(prefix) && $0.key != "v1/head" && !staged.deleted.contains($0.key) }
            .map { StoredObject(name: $0.key, size: $0.value) }.sorted { $0.name < $1.name }
    }

    /// Packs go with the next head: only it names what is there.
    package func delete(_ names: [String]) async throws(VaultFailure) {
        let (packs, others) = (
            names.filter { $0.hasPrefix(PackDirectory.prefix) }, names.filter { !$0.hasPrefix(PackDirectory.prefix) }
        )
        staged.delete(packs)
        if !others.isEmpty { try await note("delete notes", adding: [:], deleting: others) }
    }

    package func shutdown() async {
        let folder = folder
        // Scratch; what is left of it is nobody's loss.
        try? await NIOThreadPool.singleton.runIfActive { try? FileManager.default.removeItem(atPath: folder) }
    }
}
