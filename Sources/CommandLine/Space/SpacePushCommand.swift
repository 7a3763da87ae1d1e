import ArgumentParser
import Foundation
import HubClient
import Operations
import Runtime
import StokerCore

struct SpacePushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Push a git working copy to a Space.",
        discussion: """
            Runs git. The token is handed to it through its environment by a credential helper that answers for the Hub's address only: \
            it is in no command line, no address and no file. Only commits are sent: what is not committed yet is told. \
            `stoker space upload` needs no git and no history.

            EXAMPLES
              stoker space push owner/bot
              stoker space push owner/bot ./bot --ref release --wait
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("The working copy.", valueName: "folder"), completion: .directory) var folder = "."
    @Option(help: "What is pushed: a branch, tag or commit.") var ref = "HEAD"
    @Option(help: "The Space's branch. The app is built from main.") var branch = "main"
    @Flag(help: "Replace what the Space has and this history has not; asks.") var force = false
    @Flag(help: "Wait until it runs and answers.") var wait = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        for name in [ref, branch] where name.hasPrefix("-") || name.contains(":") || name.isEmpty {
            throw ValidationError("\"\(name)\" cannot be a branch, tag or commit.")
        }
    }

    func run() async throws {
        let progress = Progress(output)
        try await hub.use { hub in
            let id = try await space.id(hub)
            // git would not ask us.
            try hub.refuseOffline(doing: "push to \(id)")
            guard let git = Program.find("git") else {
                throw Failure(
                    .usage, doing: "push to \(id)", because: "there is no git here",
                    hint: "install git, or use `stoker space upload`")
            }
            let commit = try await Self.commit(ref, git, folder, id)
            if force { try await confirm.ask("Replace the history of \(id)?", doing: "push to \(id)") }
            let url = "\(hub.settings.endpoint)/spaces/\(id)"
            let before = ProcessInfo.processInfo.environment["GIT_CONFIG_COUNT"].flatMap { Int($0) } ?? 0
            let shows = output.chosen == .auto || output.chosen == .human
            let ended = try await Program.runTelling(
                git,
                ["-C", folder, "push"] + (force ? ["--force"] : [])
                    + (shows && Screen.own.showsProgress ? ["--progress"] : [])
                    + [url, "\(commit):refs/heads/\(branch)"],
                environment: Self.environment(hub, before: before), shows: shows)
            if Interruption.current.wasMet {
                throw Failure(
                    .interrupted, doing: "push to \(id)",
                    because: "it was interrupted, and git was ended; what it had sent may have arrived",
                    hint: "`stoker space info \(id)` shows the head; pushing again is safe")
            }
            guard ended.status == 0 else {
                let isShallow = try await Program.run(
                    git, ["-C", folder, "rev-parse", "--is-shallow-repository"], quiet: true
                ).output.hasPrefix("true")
                let refusal = PushRefusal(
                    said: ended.errors, status: ended.status, isShallow: isShallow, hasToken: hub.settings.token != nil)
                if output.chosen == .quiet { Screen.writeError(refusal.words) }
                throw refusal.failure(id, url: url, branch: branch)
            }
            let left = await Self.uncommitted(git, folder, commit)
            var json: [JSONValue.Member] = [
                .init("space", .string("\(id)")), .init("commit", .string(commit)), .init("branch", .string(branch)),
                .init("uncommitted", .array(left.prefix(100).map { .string($0) })),
            ]
            var text = "\(id) has commit \(commit.prefix(7)) on \(branch)\n"
            if !left.isEmpty {
                let named = left.prefix(5).map(\.printable).joined(separator: ", ")
                let more = left.count > 5 ? " and \(left.count - 5) more" : ""
                text += "  not sent, because not committed: \(named)\(more)\n"
            }
            var isReady = true
            if wait, branch == "main" {
                let result = try await SpaceWaiting(space: id, path: "/").run(
                    hub, commit: commit, isFresh: true, progress: progress)
                progress.end()
                isReady = result.isReady
                json.append(.init("wait", result.json))
                text += result.answer(.own).text
            }
            Answer(json: .object(json), text: text).show(output)
            if !wait, branch == "main" { await progress.next(after: id, hub, commit: commit) }
            if !isReady { throw ExitCode(1) }
        }
    }

    private static func commit(_ ref: String, _ git: String, _ folder: String, _ id: RepoID) async throws -> String {
        let ended = try await Program.run(
            git, ["-C", folder, "rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}"], quiet: true)
        // git before 2.30 prints the word that ended its options.
        let commit = ended.output.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
        guard ended.status == 0, commit.count >= 40, commit.allSatisfy(\.isHexDigit) else {
            throw Failure(
                .usage, doing: "push to \(id)", because: "\(folder) has no commit \(ref.shortened)",
                hint: "commit there first, or name another folder or --ref")
        }
        return commit
    }

    /// What is changed or new in the working copy and in no commit, when it is the checked-out commit that was pushed.
    private static func uncommitted(_ git: String, _ folder: String, _ commit: String) async -> [String] {
        do {
            let head = try await Program.run(git, ["-C", folder, "rev-parse", "HEAD"], quiet: true)
            guard head.output.hasPrefix(commit) else { return [] }
            let told = try await Program.run(git, ["-C", folder, "status", "--porcelain", "-z"], quiet: true)
            return paths(ofStatus: told.output)
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
