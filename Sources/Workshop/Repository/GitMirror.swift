import Foundation
import Runtime
package import StokerCore

/// A bare copy of one branch of a repository. Nothing of it is ever checked out by git: files are taken out as blobs, so that no hook,
/// filter, submodule or link of the repository has a say.
package struct GitMirror: Sendable {
    /// Where it is kept.
    let folder: String
    /// As git is asked for it.
    let source: String
    let branch: String?
    let token: Secret?
    private let git: String

    /// - Throws: `usage` when git is missing.
    package init(folder: String, source: String, branch: String?, token: Secret? = nil) throws(Failure) {
        guard let git = Program.find("git") else {
            throw Failure(
                .usage, doing: "read \(Redaction.address(source))", because: "git is not installed",
                hint: "install git")
        }
        self.git = git
        self.folder = folder
        self.source = source
        self.branch = branch
        self.token = token
    }

    /// What is known of the branch after a look.
    package struct Head: Sendable, Equatable {
        package var commit: String
        /// Of the newest commit; the evidence is as of then, so that the same head says the same for ever.
        package var time: Instant
        /// Its past is not here: no hot spots, owners or fixes.
        package var isShallow: Bool
    }

    /// Fetches what is new.
    /// - Throws: `usage` when the repository or branch cannot be read.
    package func update() async throws -> Head {
        if !FileManager.default.fileExists(atPath: folder + "/HEAD") {
            try PrivateFolder.make(folder.parentFolder)
            let fresh = folder + ".new"
            try? FileManager.default.removeItem(atPath: fresh)  // left by one that was killed
            try await run(["init", "--quiet", "--bare", fresh], doing: "make a copy of the repository")
            // How changes name the function they are in. Those of the repository itself are not read in a bare one.
            try PrivateFolder.make(fresh + "/info")
            try Data(Self.attributes.utf8).write(to: URL(fileURLWithPath: fresh + "/info/attributes"))
            try FileManager.default.moveItem(atPath: fresh, toPath: folder)
        }
        let wanted = branch.map { "refs/heads/\($0)" } ?? "HEAD"
        let doing = "fetch \(branch.map { "\($0) of " } ?? "")\(Redaction.address(source))"
        try await run(
            [
                "fetch", "--quiet", "--no-tags", "--force", "--no-recurse-submodules", "--no-auto-gc",
                "--no-write-fetch-head",
                "--update-shallow", "--", source, "+\(wanted):refs/stoker/head",
            ], doing: doing, within: .seconds(900))
        return try await head()
    }

    /// Languages whose functions git can name. Source: gitattributes(5), "Defining a custom hunk-header".
    private static let attributes = [
        ("py", "python"), ("go", "golang"), ("rs", "rust"), ("java", "java"), ("kt", "kotlin"), ("rb", "ruby"),
        ("php", "php"), ("cs", "csharp"), ("c", "cpp"), ("h", "cpp"), ("cc", "cpp"), ("cpp", "cpp"), ("hpp", "cpp"),
    ].map { "*.\($0) diff=\($1)\n" }.joined()

    /// What the last look found.
    package func head() async throws -> Head {
        let said = try await run(
            ["log", "-1", "--format=%H %ct", "refs/stoker/head", "--"], doing: "read the newest commit")
        let parts = said.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2, let seconds = Int64(parts[1]) else {
            throw Failure(.internal, doing: "read the newest commit", because: "git says \"\(said.prefix(100))\"")
        }
        return Head(
            commit: String(parts[0]), time: Instant(milliseconds: seconds * 1_000),
            isShallow: FileManager.default.fileExists(atPath: folder + "/shallow"))
    }

    /// Whether one commit is behind another: otherwise the branch was pushed by force.
    func isAncestor(_ old: String, of new: String) async throws -> Bool {
        let ended = try await start(["merge-base", "--is-ancestor", old, new], input: [], within: .seconds(60))
        return ended.status == 0
    }

    /// Runs git in it and returns its words.
    @discardableResult
    func run(
        _ arguments: [String], doing: String, input: [UInt8] = [], within: Duration = .seconds(120)
    ) async throws -> String {
        String(decoding: try await bytes(arguments, doing: doing, input: input, within: within), as: UTF8.self)
    }

    func bytes(
        _ arguments: [String], doing: String, input: [UInt8] = [], within: Duration = .seconds(120)
    ) async throws -> [UInt8] {
        let ended = try await start(arguments, input: input, within: within)
        guard ended.status == 0 else {
            let lines = ended.errors.split(whereSeparator: \.isNewline)
            let said = (lines.first { $0.hasPrefix("fatal:") } ?? lines.last).map { Redaction.quote($0, limit: 300) }
            throw Failure(
                .usage, doing: doing, because: "git says: \(said ?? "nothing")",
                hint: "look at `repository`, `branch` and `token` of the worker", retry: .after(.seconds(60)))
        }
        return ended.output
    }

    private func start(_ arguments: [String], input: [UInt8], within: Duration) async throws -> ProgramRun.Ended {
        let isInside = arguments.first != "init"
        return try await ProgramRun(
            path: git, arguments: (isInside ? ["--git-dir", folder] : []) + arguments, environment: environment,
            input: input, limit: 512 << 20, within: within
        ).run()
    }

    /// Nobody's configuration: the repository is a stranger's.
    private var environment: [String: String] {
        var settings = [
            ("core.hooksPath", "/dev/null"), ("core.fsmonitor", "false"), ("protocol.ext.allow", "never"),
            ("safe.directory", "*"), ("gc.auto", "0"), ("maintenance.auto", "false"), ("submodule.recurse", "false"),
            ("core.quotePath", "false"), ("credential.helper", ""), ("core.attributesFile", "/dev/null"),
            ("mailmap.blob", "refs/stoker/head:.mailmap"),
        ]
        if let token, let host = httpsHost {
            let pair = Data("stoker:\(token.reveal())".utf8).base64EncodedString()
            settings.append(("http.https://\(host)/.extraHeader", "Authorization: Basic \(pair)"))
        }
        var all = ProgramRun.plain
        all["GIT_CONFIG_NOSYSTEM"] = "1"
        all["GIT_CONFIG_GLOBAL"] = "/dev/null"
        all["GIT_TERMINAL_PROMPT"] = "0"
        all["GIT_NO_REPLACE_OBJECTS"] = "1"
        all["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes"
        all["HOME"] = ProcessInfo.processInfo.environment["HOME"] ?? "/nonexistent"
        all["GIT_CONFIG_COUNT"] = "\(settings.count)"
        for (number, (name, value)) in settings.enumerated() {
            all["GIT_CONFIG_KEY_\(number)"] = name
            all["GIT_CONFIG_VALUE_\(number)"] = value
        }
        return all
    }

    /// `host:port` of an address over https; a token goes nowhere else.
    private var httpsHost: String? {
        guard let origin = try? WebOrigin(source), origin.scheme == .https else { return nil }
        return origin.authority
    }
}

extension GitMirror {
    /// One entry of the tree of a commit.
    struct Entry: Sendable, Equatable {
        enum Kind: Sendable { case file, program, link, submodule, other }
        var kind: Kind
        var blob: String
        var size: Int
        var path: String
    }

    /// All of a commit's files. Paths that would leave a folder are not among them.
    func tree(of commit: String) async throws -> [Entry] {
        let bytes = try await bytes(["ls-tree", "-r", "-z", "-l", "--full-tree", commit], doing: "list the files")
        return bytes.split(separator: 0).compactMap { line in
            // `100644 blob SHA    SIZE\tPATH`
            guard let tab = line.firstIndex(of: 9), let path = String(validating: line[(tab + 1)...], as: UTF8.self)
            else { return nil }
            let fields = line[..<tab].split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 4, Self.isInside(path) else { return nil }
            let kind: Entry.Kind =
                switch fields[0] {
                case "100644", "100664": .file
                case "100755": .program
                case "120000": .link
                case "160000": .submodule
                default: .other
                }
            return Entry(kind: kind, blob: fields[2], size: Int(fields[3]) ?? 0, path: path)
        }
    }

    /// Whether a path of a tree stays below the folder it is put into, and out of its `.git`.
    static func isInside(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(0)
            && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0 != "." && $0 != ".." && $0.lowercased() != ".git"
            }
    }

    /// Contents of blobs, in the order asked for; nil for what is not there.
    func blobs(_ names: [String]) async throws -> [[UInt8]?] {
        guard !names.isEmpty else { return [] }
        let input = Array((names.joined(separator: "\n") + "\n").utf8)
        let output = try await bytes(["cat-file", "--batch"], doing: "read files of the repository", input: input)
        var found: [[UInt8]?] = []
        found.reserveCapacity(names.count)
        var at = output.startIndex
        while at < output.endIndex, found.count < names.count {
            guard let end = output[at...].firstIndex(of: 10) else { break }
            let fields = output[at..<end].split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
            at = end + 1
            guard fields.count == 3, let size = Int(fields[2]), size >= 0, size <= output.endIndex - at else {
                found.append(nil)
                continue
            }
            found.append(Array(output[at..<at + size]))
            at += size + 1
        }
        while found.count < names.count { found.append(nil) }
        return found
    }
}
