import FoundationEssentials
import Subprocess

/// One commit, written in a single stream to `git fast-import`.
struct GitImport: Sendable {
    enum Change: Sendable {
        case write(path: String, content: [UInt8])
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

    /// Bytes handed to git at once.
    private static let chunk = 256 << 10

    /// Writes it and moves the reference. Only inside the repository's gate.
    /// - Returns: the commit's id.
    /// - Throws: ``GitFailure``.
    func write(to repository: GitRepository) async throws -> String {
        let result = try await Subprocess.run(
            .name("git"),
            arguments: [
                // Half of its work would be to make small what is thrown away soon.
                "--git-dir=\(repository.path)", "-c", "core.fsync=none", "-c", "pack.compression=0", "fast-import",
                "--quiet", "--force", "--depth=0", "--date-format=raw",
            ], environment: Git.environment, input: .inputWriter, output: .bytes(limit: 4_096),
            error: .string(limit: 1 << 20)
        ) { execution in
            var pending: [UInt8] = []
            func add(_ text: String) { pending.append(contentsOf: text.utf8) }
            func flush() async throws {
                guard !pending.isEmpty else { return }
                _ = try await execution.standardInputWriter.write(pending)
                pending.removeAll(keepingCapacity: true)
            }
            let message = Array((body.isEmpty ? title : title + "\n\n" + body).utf8)
            let who = "\(author.name) <\(author.id)@users.noreply.example.org> \(Int(date.timeIntervalSince1970)) +0000"
            add("commit \(reference)\nmark :1\nauthor \(who)\ncommitter \(who)\ndata \(message.count)\n")
            pending.append(contentsOf: message)
            add("\n")
            if let parent { add("from \(parent)\n") }
            for change in changes {
                switch change {
                case .write(let path, let content):
                    add("M 100644 inline \(Self.quoted(path))\ndata \(content.count)\n")
                    pending.append(contentsOf: content)
                    add("\n")
                case .delete(let path): add("D \(Self.quoted(path))\n")
                case .rename(let from, let to): add("R \(Self.quoted(from)) \(Self.quoted(to))\n")
                case .copy(let from, let to): add("C \(Self.quoted(from)) \(Self.quoted(to))\n")
                }
                if pending.count > Self.chunk { try await flush() }
            }
            add("\nget-mark :1\n")
            try await flush()
            try await execution.standardInputWriter.finish()
        }
        guard case .exited(0) = result.terminationStatus else {
            throw GitFailure(command: "fast-import", message: result.standardError)
        }
        let sha = String(decoding: result.standardOutput.prefix(40), as: UTF8.self)
        repository.noteReference(reference, sha)
        return sha
    }

    private static func quoted(_ path: String) -> String {
        "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
    }
}
