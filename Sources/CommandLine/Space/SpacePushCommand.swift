import ArgumentParser
import Foundation
import HubClient
import Operations
import Runtime
import StokerCore

struct SpacePushCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.pushSpace] }
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
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        for name in [ref, branch] where name.hasPrefix("-") || name.contains(":") || name.isEmpty {
            throw ValidationError("\"\(name)\" cannot be a branch, tag or commit.")
        }
    }

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let name = try await calls.name(space.space)
            let answer = try await calls.call(
                .pushSpace, on: name,
                try await source(for: calls, name) + [
                    ("branch", .string(branch)), ("force", .bool(force)), ("wait", .bool(wait)),
                ])
            let commit = answer["commit"]?.string ?? ""
            var text = "\(name) has commit \(commit.prefix(7)) on \(branch)\n"
            let left = answer["uncommitted"]?.texts ?? []
            if !left.isEmpty {
                let count = answer["uncommitted_count"]?.integer ?? left.count
                let named = left.prefix(5).map(\.printable).joined(separator: ", ")
                let more = count > 5 ? " and \(count - 5) more" : ""
                text += "  not sent, because not committed: \(named)\(more)\n"
            }
            if let wait = answer["wait"] { text += WaitAnswer.text(wait, .own) }
            CommandOutput(json: answer, text: text).show(output)
            if !wait, branch == "main" { await calls.showNextStep(after: name, commit: commit) }
            if answer["wait"]?["ready"] == false { throw ExitCode(1) }
        }
    }

    /// The working copy itself here; its commits as a bundle for a server.
    private func source(for calls: SpaceCalls, _ name: RepoID) async throws -> [(name: String, value: JSONValue)] {
        guard case .server = calls.executor else { return [("folder", .string(folder)), ("ref", .string(ref))] }
        let doing = "push to \(name)"
        guard let git = Program.find("git") else {
            throw Failure(.usage, doing: doing, because: "there is no git here", hint: "install git")
        }
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("stoker-bundle-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: place) }  // what is left is in the temporary folder
        // A bundle needs a name for what it holds; HEAD is one.
        let ended = try await Program.run(git, ["-C", folder, "bundle", "create", place, ref], quiet: true)
        guard ended.status == 0, let data = FileManager.default.contents(atPath: place) else {
            throw Failure(
                .usage, doing: doing, because: "\(folder) has no branch or tag \(ref.shortened)",
                hint: "a server takes HEAD, a branch or a tag; or push without --server")
        }
        return [("bundle", .string(data.base64EncodedString())), ("ref", .string(ref))]
    }
}
