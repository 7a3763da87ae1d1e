import Foundation
import HubClient
import Runtime
import NIOPosix
import StokerCore
import Synchronization

extension Operation {
    package static let pushSpace = Operation(
        name: "push-space", summary: "Pushes commits to a Space by git. Asks before it replaces history",
        doing: "push to the Space", effect: .write, asks: true, method: .post, path: "/spaces/{owner}/{name}/push",
        parameters: Parameter.space + [
            .init("folder", .local, .text(upTo: 4_096), "Working copy of this machine"),
            .init(
                "bundle", .body, .bytes(upTo: contentLimit),
                "What `git bundle create - HEAD` writes: the commits, \(contentLimit / 1024 / 1024) MiB at most"),
            .init("ref", .body, .text(upTo: 250), defaultValue: "HEAD", "What is pushed: a branch, tag or commit"),
            .init(
                "branch", .body, .text(upTo: 250), defaultValue: "main",
                "The Space's branch; the app is built from main"),
            .init("force", .body, .flag, "Replaces what the Space has and this history has not"),
            .init("wait", .body, .flag, "Waits until it runs and answers"),
        ], bodyLimit: contentLimit / 3 * 4 + 1024 * 1024, answer: .spacePush
    ) { context, arguments in
        let (ref, branch) = (arguments.name("ref"), arguments.name("branch"))
        for name in [ref, branch] where name.hasPrefix("-") || name.contains(":") || name.isEmpty {
            throw Failure(
                .usage, doing: "push to the Space",
                because: "\"\(name.shortened)\" cannot be a branch, tag or commit")
        }
        let (hub, id) = try await context.space(arguments)
        let doing = "push to \(id)"
        // git would not ask us.
        try hub.refuseOffline(doing: doing)
        guard let git = Program.find("git") else {
            throw Failure(
                .usage, doing: doing, because: "there is no git here",
                hint: "install git, or use `stoker space upload`")
        }
        let push = GitPush(git: git, hub: hub, id: id, ref: ref, branch: branch, force: arguments.flag("force"))
        let pushed: GitPush.Pushed
        switch (arguments.text("folder"), arguments.bytes("bundle")) {
        case (let folder?, nil): pushed = try await push.run(folder, context)
        case (nil, let bundle?): pushed = try await push.run(bundle: bundle, context)
        default:
            throw Failure(
                .usage, doing: doing, because: "there is nothing to push",
                hint: "give a bundle: git bundle create - HEAD | base64 -w0")
        }
        var answer: JSONValue = [
            "space": .string("\(id)"), "commit": .string(pushed.commit), "branch": .string(branch),
            "uncommitted": .strings(pushed.uncommitted.prefix(100)),
            "uncommitted_count": .integer(Int64(pushed.uncommitted.count)),
        ]
        if arguments.flag("wait"), branch == "main" {
            let waited = try await SpaceWaiting(space: id, path: "/").run(
                hub, commit: pushed.commit, isFresh: true, context: context)
            answer = answer.adding([.init("wait", waited.json)])
        }
        return answer
    }
}

/// Commits on their way into a Space.
struct GitPush: Sendable {
    struct Pushed: Sendable {
        var commit: String
        var uncommitted: [String]
    }
    let git: String
    let hub: Hub
    let id: RepoID
    let ref: String
    let branch: String
    let force: Bool

    /// - Parameters:
    ///   - folder: a working copy.
    ///   - name: what answers call it; the folder itself unless given.
    func run(_ folder: String, named name: String? = nil, _ context: OperationContext) async throws -> Pushed {
        let commit = try await commit(in: folder, named: name)
        let doing = "push to \(id)"
        if force {
            try await context.confirm(Question(.destroys, doing: doing, "Replace the history of \(id)?"))
        }
        let url = "\(hub.settings.endpoint)/spaces/\(id)"
        let before = ProcessInfo.processInfo.environment["GIT_CONFIG_COUNT"].flatMap { Int($0) } ?? 0
        let caller = context.caller
        let ended = try await Program.runTelling(
            git,
            ["-C", folder, "push"] + (force ? ["--force"] : []) + (caller.isTerminal ? ["--progress"] : [])
                + [url, "\(commit):refs/heads/\(branch)"],
            // At a terminal, Ctrl-C reaches git and what it started. Elsewhere a push that is called off ends both.
            environment: Self.environment(hub, before: before), isApart: !caller.isLocal, echo: { caller.echo($0) })
        if caller.wantsToStop {
            throw Failure(
                .interrupted, doing: doing,
                because: "it was interrupted, and git was ended; what it had sent may have arrived",
                hint: "`stoker space info \(id)` shows the head; pushing again is safe")
        }
        guard ended.status == 0 else {
            let isShallow = try await Program.run(
                git, ["-C", folder, "rev-parse", "--is-shallow-repository"], quiet: true
            ).output.hasPrefix("true")
            let refusal = PushRefusal(
                said: ended.errors, status: ended.status, isShallow: isShallow, hasToken: hub.settings.token != nil)
            context.tell(.init(.note, "git", refusal.words))
            throw refusal.failure(id, url: url, branch: branch)
        }
        return Pushed(commit: commit, uncommitted: await uncommitted(in: folder, commit))
    }

    /// A bundle that is being pushed takes its size several times on the disk: one at a time.
    private static let isBusy = Mutex(false)
    /// Longest time for a push by bundle.
    private static let bundleLimit = Duration.seconds(15 * 60)

    /// - Parameter bundle: as `git bundle create` writes it, with all of the history.
    /// - Throws: `overloaded` while another one is pushed.
    func run(bundle: [UInt8], _ context: OperationContext) async throws -> Pushed {
        let doing = "push to \(id)"
        // git takes a file that names another repository for that repository, so nothing but a bundle is handed to it.
        guard let heads = Self.heads(ofBundle: bundle) else {
            throw Failure(
                .usage, doing: doing, because: "that is no git bundle",
                hint: "make one: git bundle create - HEAD | base64 -w0")
        }
        let wasBusy = Self.isBusy.withLock { busy in
            defer { busy = true }
            return busy
        }
        guard !wasBusy else {
            throw Failure(
                .overloaded, doing: doing, because: "another bundle is being pushed", hint: "try again when it is done",
                retry: .after(.seconds(10)))
        }
        defer { Self.isBusy.withLock { $0 = false } }
        let pushed = try await withTimeout(Self.bundleLimit) { try await push(bundle, heads, context) }
        guard let pushed else {
            throw Failure(
                .internal, doing: doing, because: "git was not done within \(Self.bundleLimit.text), and was ended",
                hint: "`stoker space info \(id)` shows the head; pushing again is safe")
        }
        return pushed
    }

    private func push(_ bundle: [UInt8], _ heads: [String], _ context: OperationContext) async throws -> Pushed {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("stoker-push-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left is in the temporary folder
        let doing = "push to \(id)"
        try await TemporaryFiles.write([("bundle", bundle)], to: folder, doing: doing)
        let repository = "\(folder)/repository"
        // Branches and tags keep their names. HEAD is none of them: where the bundle has one, it gets a name, and HEAD means that.
        let head = "refs/stoker/head"
        let steps: [[String]] =
            [
                ["init", "--quiet", "--bare", repository],
                ["-C", repository, "fetch", "--quiet", "--no-tags", "\(folder)/bundle", "+refs/*:refs/*"]
                    + (heads.contains("HEAD") ? ["+HEAD:\(head)"] : []),
            ] + (heads.contains("HEAD") ? [["-C", repository, "symbolic-ref", "HEAD", head]] : [])
        for arguments in steps {
            let ended = try await Program.runTelling(
                git, arguments, environment: ["GIT_TERMINAL_PROMPT": "0"], echo: { _ in })
            guard ended.status == 0 else {
                let said = ended.errors.replacing("\(folder)/bundle", with: "the bundle")
                    .replacing(folder, with: "the bundle")
                throw Failure(
                    .usage, doing: doing,
                    because: "git cannot read the bundle: \(Redaction.quote(said[...], limit: 200))",
                    hint: "make it with all of the history: git bundle create - HEAD main")
            }
        }
        return try await run(repository, named: "the bundle", context)
    }

    /// The names a bundle has commits for; nil when it is no bundle.
    ///
    /// Source: gitformat-bundle(5): a signature line; capabilities (`@`) and prerequisites (`-`); `<hash> <name>` lines; an empty line.
    static func heads(ofBundle bytes: [UInt8]) -> [String]? {
        let signatures = ["# v2 git bundle\n", "# v3 git bundle\n"]
        guard let signature = signatures.first(where: { bytes.starts(with: $0.utf8) }) else { return nil }
        var names: [String] = []
        var rest = bytes.dropFirst(signature.utf8.count)
        while let end = rest.firstIndex(of: 0x0A), end > rest.startIndex {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard line.first != UInt8(ascii: "@"), line.first != UInt8(ascii: "-"),
                let space = line.firstIndex(of: UInt8(ascii: " "))
            else { continue }
            names.append(String(decoding: line[(space + 1)...], as: UTF8.self))
        }
        return names
    }

    private func commit(in folder: String, named name: String?) async throws -> String {
        let ended = try await Program.run(
            git, ["-C", folder, "rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}"], quiet: true)
        // git before 2.30 prints the word that ended its options.
        let commit = ended.output.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
        guard ended.status == 0, commit.count >= 40, commit.allSatisfy(\.isHexDigit) else {
            if name == nil,
                try await Program.run(git, ["-C", folder, "rev-parse", "--git-dir"], quiet: true).status != 0
            {
                throw Failure(
                    .usage, doing: "push to \(id)", because: "\(folder) is no working copy of git",
                    hint: "name the folder that is one, or use `stoker space upload`, which needs no git")
            }
            throw Failure(
                .usage, doing: "push to \(id)", because: "\(name ?? folder) has no commit \(ref.shortened)",
                hint: name == nil
                    ? "commit there first, or name another folder or --ref"
                    : "put it into the bundle, or name another \"ref\"")
        }
        return commit
    }

    /// What is changed or new in the working copy and in no commit, when it is the checked-out commit that was pushed.
    private func uncommitted(in folder: String, _ commit: String) async -> [String] {
        do {
            let head = try await Program.run(git, ["-C", folder, "rev-parse", "HEAD"], quiet: true)
            guard head.output.hasPrefix(commit) else { return [] }
            let told = try await Program.run(git, ["-C", folder, "status", "--porcelain", "-z"], quiet: true)
            return Self.paths(ofStatus: told.output)
        } catch {
            // It is pushed all the same; what git does not tell (a bare repository, too much of it) is not told here.
            return []
        }
    }

    /// Of `git status --porcelain -z`: `XY path`, and behind a renamed or copied one its old name.
    static func paths(ofStatus text: String) -> [String] {
        var found: [String] = []
        var items = text.split(separator: "\0").makeIterator()
        while let item = items.next() {
            guard item.utf8.count > 3 else { continue }
            found.append(String(item.dropFirst(3)))
            if item.prefix(2).contains(where: { $0 == "R" || $0 == "C" }) { _ = items.next() }
        }
        return found
    }

    /// A credential helper for the Hub's address only, behind what the caller configured the same way. The token itself is in a
    /// variable of the child, which only this user can read.
    static func environment(_ hub: Hub, before: Int) -> [String: String] {
        var environment = ["GIT_TERMINAL_PROMPT": "0"]
        guard let token = hub.settings.token else { return environment }
        let place = "credential.\(hub.settings.endpoint).helper"
        // The empty one switches off what else is configured for that address.
        let helper =
            "!f() { test \"$1\" = get && printf 'username=stoker\\npassword=%s\\n' \"$STOKER_GIT_PASSWORD\"; }; f"
        environment["STOKER_GIT_PASSWORD"] = token.reveal()
        environment["GIT_CONFIG_COUNT"] = "\(before + 2)"
        environment["GIT_CONFIG_KEY_\(before)"] = place
        environment["GIT_CONFIG_VALUE_\(before)"] = ""
        environment["GIT_CONFIG_KEY_\(before + 1)"] = place
        environment["GIT_CONFIG_VALUE_\(before + 1)"] = helper
        return environment
    }
}
