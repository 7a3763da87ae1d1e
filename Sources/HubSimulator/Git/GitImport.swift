import FoundationEssentials
import Subprocess
import Synchronization

/// One commit, written in a single stream to `git fast-import`.
struct GitImport: Sendable {
    enum Change: Sendable {
        case write(path: String, content: [UInt8])
        /// A content that git has got already: see ``GitFeed/add(_:)``.
        case place(path: String, mark: Int)
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
    /// - Throws: ``GitFailure``.
    func write(to repository: GitRepository) async throws -> String {
        try await GitFeed.open(repository) { try await $0.commit(self) }
    }
}

/// A `git fast-import` that gets contents while they come, and at last the commit they belong to. Contents that end up in none
/// stay behind as objects nobody refers to.
final class GitFeed: Sendable {
    private struct State {
        var pending: [UInt8] = []
        /// The first belongs to the commit.
        var marks = 1
        var isOver = false
    }
    /// Bytes handed to git at once.
    private static let chunk = 256 << 10

    private let repository: GitRepository
    private let state = Mutex(State())
    private let (input, feed) = AsyncStream<[UInt8]>.makeStream()
    private let (output, end) = AsyncThrowingStream<[UInt8], any Error>.makeStream()

    private init(_ repository: GitRepository) { self.repository = repository }

    /// Runs git beside `work` and waits until it has ended.
    static func open<Value: Sendable>(
        _ repository: GitRepository, _ work: (GitFeed) async throws -> Value
    ) async throws -> Value {
        let feed = GitFeed(repository)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await feed.run() }
            defer { feed.finish() }
            return try await work(feed)
        }
    }

    private func run() async {
        do {
            let input = input
            let result = try await Subprocess.run(
                Git.executable(),
                arguments: [
                    // Half of its work would be to make small what is thrown away soon.
                    "--git-dir=\(repository.path)", "-c", "core.fsync=none", "-c", "pack.compression=0", "fast-import",
                    "--quiet", "--force", "--depth=0", "--date-format=raw",
                    // Input that is cut off is not a shorter commit.
                    "--done",
                ], environment: Git.environment, input: .inputWriter, output: .bytes(limit: 4_096),
                error: .string(limit: 1 << 20)
            ) { execution in
                for await bytes in input { _ = try await execution.standardInputWriter.write(bytes) }
                try await execution.standardInputWriter.finish()
            }
            guard case .exited(0) = result.terminationStatus else {
                throw GitFailure(command: "fast-import", message: result.standardError)
            }
            end.yield(result.standardOutput)
            end.finish()
        } catch {
            end.finish(throwing: error)
        }
    }

    private func write(_ text: String, _ content: [UInt8]? = nil, _ state: inout State) {
        state.pending.append(contentsOf: text.utf8)
        if let content {
            state.pending.append(contentsOf: "data \(content.count)\n".utf8)
            state.pending.append(contentsOf: content)
            state.pending.append(10)
        }
        if state.pending.count > Self.chunk { flush(&state) }
    }
    private func flush(_ state: inout State) {
        feed.yield(state.pending)
        state.pending = []
    }

    /// Nothing more comes: git writes what it has and ends.
    private func finish() {
        state.withLock { state in
            guard !state.isOver else { return }
            state.isOver = true
            feed.yield(Array("done\n".utf8))
            feed.finish()
        }
    }

    /// Hands over a content.
    /// - Returns: what it is called in ``GitImport/Change/place(path:mark:)``.
    func add(_ content: [UInt8]) -> Int {
        state.withLock { state in
            state.marks += 1
            write("blob\nmark :\(state.marks)\n", content, &state)
            return state.marks
        }
    }

    /// Writes the commit and moves its reference, as the last thing. Only inside the repository's gate.
    /// - Returns: the commit's id.
    /// - Throws: ``GitFailure``.
    func commit(_ commit: GitImport) async throws -> String {
        state.withLock { state in
            let message = Array((commit.body.isEmpty ? commit.title : commit.title + "\n\n" + commit.body).utf8)
            let author = commit.author
            let seconds = Int(commit.date.timeIntervalSince1970)
            let who = "\(author.name) <\(author.id)@users.noreply.example.org> \(seconds) +0000"
            write("commit \(commit.reference)\nmark :1\nauthor \(who)\ncommitter \(who)\n", message, &state)
            if let parent = commit.parent { write("from \(parent)\n", nil, &state) }
            for change in commit.changes {
                switch change {
                case .write(let path, let content):
                    write("M 100644 inline \(Self.quoted(path))\n", content, &state)
                case .place(let path, let mark): write("M 100644 :\(mark) \(Self.quoted(path))\n", nil, &state)
                case .delete(let path): write("D \(Self.quoted(path))\n", nil, &state)
                case .rename(let from, let to): write("R \(Self.quoted(from)) \(Self.quoted(to))\n", nil, &state)
                case .copy(let from, let to): write("C \(Self.quoted(from)) \(Self.quoted(to))\n", nil, &state)
                }
            }
            write("\nget-mark :1\n", nil, &state)
            flush(&state)
        }
        finish()
        for try await printed in output where printed.count >= 40 {
            let sha = String(decoding: printed.prefix(40), as: UTF8.self)
            repository.noteReference(commit.reference, sha)
            return sha
        }
        // Only a cancelled wait ends without either.
        throw CancellationError()
    }

    private static func quoted(_ path: String) -> String {
        "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
    }
}
