import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

enum EnvironmentWishes {
    /// Values from `KEY=value`, from the environment for a bare `KEY`, and from a file; what was written on the command line wins.
    static func read(
        _ kind: SpaceValueKind, pairs: [String], file: String?, description: String?
    ) throws -> [EnvironmentChange] {
        let doing = "set \(kind.plural)"
        var values: [(String, String)] = []
        if let file {
            let text = try FleetOptions.contents(of: file, kind: "environment file", hint: "it has NAME=value lines")
            values = try DotEnv.read(text: text, name: file).get().sorted { $0.key < $1.key }
        }
        let environment = ProcessInfo.processInfo.environment
        for pair in pairs {
            if let equals = pair.firstIndex(of: "=") {
                values.append((String(pair[..<equals]), String(pair[pair.index(after: equals)...])))
            } else if let value = environment[pair] {
                values.append((pair, value))
            } else {
                throw Failure(
                    .usage, doing: doing, because: "\(pair.shortened) has no value here and is not in the environment",
                    hint: "write KEY=value, or export \(pair.shortened) first")
            }
        }
        guard !values.isEmpty else {
            let letter = kind == .secret ? "-s" : "-e"
            throw Failure(
                .usage, doing: doing, because: "no \(kind) was named",
                hint: "give \(letter) KEY=value or --env-file FILE")
        }
        let wrong = values.map(\.0).filter { !SpaceValueKind.isKey($0) }
        guard wrong.isEmpty else {
            throw Failure(
                .usage, doing: doing, because: "\(wrong.map(\.shortened).joined(separator: ", ")) cannot be a name",
                hint: "the Hub wants a letter first, then letters, digits and _")
        }
        return values.map { EnvironmentChange(kind, $0.0, .set(Secret($0.1), description: description)) }
    }
}

/// How a change of the environment is made.
struct ChangeOptions: ParsableArguments {
    @Option(help: "Kept with each of them on the Hub.") var description: String?
    @Flag(name: .customLong("dry-run"), help: "Only show what would be written.") var dryRun = false

    func carryOut(
        _ wishes: [EnvironmentChange], _ id: RepoID, _ hub: Hub, _ output: OutputOptions, _ confirm: ConfirmOptions
    ) async throws {
        try await EnvironmentWork(space: id, hub: hub, output: output, dryRun: dryRun).run(wishes) { plan, isStatic in
            guard isStatic else { return }
            let isSecret = plan.writes.contains { $0.kind == .secret }
            guard isSecret else { return }
            Screen.writeError(
                "warning: \(id) is a static Space: every visitor's browser is given its secrets (window.huggingface.variables).\n"
            )
            try confirm.ask(
                "Publish \(plan.writes.map(\.key).joined(separator: ", ")) to everybody who visits \(id)?",
                doing: "set secrets of the static Space \(id)")
        }
    }
}

struct DeletionOptions: ParsableArguments {
    @Flag(name: .customLong("dry-run"), help: "Only show what would be deleted.") var dryRun = false

    func delete(
        _ kind: SpaceValueKind, _ keys: [String], _ space: SpaceArgument, _ options: HubOptions,
        _ output: OutputOptions, _ confirm: ConfirmOptions
    ) async throws {
        try await options.use { hub in
            let id = try await space.id(hub)
            let wishes = keys.map { EnvironmentChange(kind, $0, .delete) }
            try await EnvironmentWork(space: id, hub: hub, output: output, dryRun: dryRun).run(wishes) { plan, _ in
                guard !plan.writes.isEmpty else { return }
                let lost = kind == .secret ? " The values cannot be got back." : ""
                try confirm.ask(
                    "Delete the \(plan.writes.count == 1 ? kind.rawValue : kind.plural) \(plan.writes.map(\.key).joined(separator: ", ")) of \(id)?\(lost)",
                    doing: "delete \(kind.plural) of \(id)")
            }
        }
    }
}

/// One change of a Space's environment, from the plan to what is told about it.
struct EnvironmentWork {
    var space: RepoID
    var hub: Hub
    var output: OutputOptions
    var dryRun: Bool

    func run(
        _ wishes: [EnvironmentChange], ask: (EnvironmentPlan, _ isStatic: Bool) throws -> Void
    ) async throws {
        let progress = Progress(output)
        var prints = try PrintsFile.own.read()
        let runtime = try await hub.runtime(of: space)
        let plan = try await hub.plan(wishes, for: space, prints: prints)
        if dryRun { return answer(plan, runtime: nil).show(output) }
        try ask(plan, runtime.isStatic)
        let before = prints
        let result: EnvironmentResult
        do {
            result = try await hub.carryOut(plan, for: space, prints: &prints) { progress.say($0) }
        } catch {
            progress.end()
            // What was written is remembered, so that the next try skips it.
            if prints != before { try PrintsFile.own.write(prints) }
            throw error
        }
        progress.end()
        if prints != before { try PrintsFile.own.write(prints) }
        answer(plan, runtime: result.runtime).show(output)
        if plan.way == .direct || plan.way == .pausedMeanwhile { progress.hint("Next: stoker space wait \(space)") }
    }

    private func answer(_ plan: EnvironmentPlan, runtime: SpaceRuntime?) -> Answer {
        let screen = Screen.own
        func names(_ changes: [EnvironmentChange], _ fits: (EnvironmentChange) -> Bool = { _ in true }) -> [String] {
            changes.filter(fits).map(\.key)
        }
        let set = names(plan.writes) { $0.wish != .delete }
        let deleted = names(plan.writes) { $0.wish == .delete }
        var text = ""
        if !set.isEmpty { text += "\(dryRun ? "would set" : "set")        \(set.joined(separator: ", "))\n" }
        if !deleted.isEmpty { text += "\(dryRun ? "would delete" : "deleted")    \(deleted.joined(separator: ", "))\n" }
        if !plan.unchanged.isEmpty {
            text += screen.paint("unchanged  \(names(plan.unchanged).joined(separator: ", "))", .dim) + "\n"
        }
        text += sentence(plan) + "\n"
        return Answer(
            json: [
                "space": .string("\(space)"), "set": .array(set.map { .string($0) }),
                "deleted": .array(deleted.map { .string($0) }),
                "unchanged": .array(names(plan.unchanged).map { .string($0) }),
                "way": .string(plan.way.rawValue), "dry_run": .bool(dryRun), "sentence": .string(sentence(plan)),
                "stage": .maybe(runtime?.stage.rawValue),
            ], text: text)
    }

    private func sentence(_ plan: EnvironmentPlan) -> String {
        let would = dryRun ? "would be " : "was "
        return switch plan.way {
        case .nothing: "Nothing to do: everything is as wished already."
        case .direct:
            plan.writes.count == 1
                ? "The Space restarts by itself if it runs."
                : "The Space does not run; the values count from its next start."
        case .pausedMeanwhile:
            "The Space \(would)paused, written to, and restarted once, in place of \(plan.writes.count) times."
        case .staysPaused: "The Space is paused and stays so; the values count from its next start."
        }
    }
}

/// Where the hashes of secrets are kept: one file of this machine's user, readable by him only.
struct PrintsFile {
    let path: String

    static var own: PrintsFile { PrintsFile(path: Surroundings.process.dataFolder + "/secret-prints.json") }

    func read() throws(Failure) -> SecretPrints {
        guard FileManager.default.fileExists(atPath: path) else { return SecretPrints() }
        do {
            return try JSONDecoder().decode(SecretPrints.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Failure(
                .fleetUnreadable, doing: "read \(path)", because: "it is not readable, or not what Stoker wrote",
                hint: "remove it: then secrets are written once more than needed", cause: error)
        }
    }

    func write(_ prints: SecretPrints) throws(Failure) {
        do {
            let url = URL(fileURLWithPath: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            // Made with its rights before it has a content, and put in place whole.
            let new = path + ".new"
            try? FileManager.default.removeItem(atPath: new)  // left by a run that was killed
            guard
                FileManager.default.createFile(
                    atPath: new, contents: try JSONEncoder().encode(prints), attributes: [.posixPermissions: 0o600])
            else { throw CocoaError(.fileWriteUnknown) }
            guard rename(new, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        } catch {
            throw Failure(
                .fleetUnreadable, doing: "write \(path)", because: "the file cannot be written",
                hint: "the secrets themselves are written; they will be written again next time", cause: error)
        }
    }
}
