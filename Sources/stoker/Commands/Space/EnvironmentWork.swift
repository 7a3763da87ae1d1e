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
        let letter = kind == .secret ? "-s" : "-e"
        var values: [(String, String)] = []
        if let file {
            let text = try FleetOptions.contents(of: file, kind: "environment file", hint: "it has NAME=value lines")
            values = try DotEnv.read(text: text, name: file).get().sorted { $0.key < $1.key }
        }
        let environment = ProcessInfo.processInfo.environment
        for pair in pairs {
            guard pair.first != "=", !pair.allSatisfy(\.isWhitespace) else {
                throw Failure(
                    .usage, doing: doing, because: "\"\(pair.shortened)\" names no \(kind)",
                    hint: "give \(letter) KEY=value, or \(letter) KEY for the environment's value")
            }
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

/// One change of a Space's environment, from the plan to what is told about it.
struct EnvironmentWork {
    var kind: SpaceValueKind
    var space: RepoID
    var hub: Hub
    var output: OutputOptions
    var dryRun: Bool

    func run(
        _ wishes: [EnvironmentChange], ask: (EnvironmentPlan, _ isStatic: Bool) async throws -> Void
    ) async throws {
        let progress = Progress(output)
        var prints = try PrintsFile.own.read()
        let runtime = try await hub.runtime(of: space)
        var plan = try await hub.plan(wishes, for: space, prints: prints)
        let isLeft =
            runtime.stage == .paused ? await RestartNotes.own.left(of: space, endpoint: endpoint) != nil : false
        if isLeft { plan.way = .finishesRestart }
        if dryRun { return answer(plan, runtime: nil).show(output) }
        try await ask(plan, runtime.isStatic)
        let before = prints
        let interruption = Interruption.current
        let outcome: Result<EnvironmentResult, HubFailure>
        let note = await noteRestart(plan, progress)
        var isWhole = false
        do {
            outcome = .success(
                try await hub.carryOut(
                    plan, for: space, prints: &prints, goesOn: { !interruption.wasMet },
                    hurry: { await interruption.metFor(.seconds(4)) }
                ) { step in
                    take(step, plan, interruption, progress)
                    if step == .over { isWhole = true }
                })
        } catch {
            outcome = .failure(error)
        }
        // A restart that did not come about is for the next command to see to.
        if isWhole || (try? outcome.get()) != nil { await note?.remove() } else { note?.keep() }
        interruption.release()
        progress.end()
        // Also after a failure: what was written is remembered, so that the next try skips it.
        if prints != before { try PrintsFile.own.write(prints) }
        let result = try outcome.get()
        if interruption.wasMet { throw interrupted(result) }
        answer(plan, runtime: result.runtime).show(output)
        if plan.way == .direct || plan.way.restarts {
            if let runtime = result.runtime { progress.next(after: space, runtime) }
        }
    }

    private var endpoint: String { hub.settings.endpoint }

    /// Written down before the Space is paused: a command that is killed in the midst of it cannot restart it any more, the next one can.
    private func noteRestart(_ plan: EnvironmentPlan, _ progress: Progress) async -> RestartNotes.Held? {
        guard plan.way.restarts else { return nil }
        do {
            return try await RestartNotes.own.begin(
                space, endpoint: endpoint, command: "stoker space \(kind.plural)")
        } catch {
            progress.end()
            Screen.writeError(
                "stoker: \(error.because.printable); if this command is killed, \(space) stays paused\n")
            return nil
        }
    }

    /// Tells a step, and what a signal has to wait for.
    private func take(
        _ step: EnvironmentStep, _ plan: EnvironmentPlan, _ interruption: Interruption, _ progress: Progress
    ) {
        let pauses = plan.way.restarts
        func left(_ what: String, hint: String) -> Failure {
            Failure(.interrupted, doing: "set \(kind.plural) of \(space)", because: what, hint: hint)
        }
        let restart = "start it with `stoker space restart \(space)`"
        switch step {
        case .pausing:
            progress.say("pausing \(space)")
            interruption.hold(
                "\(space) is restarted",
                left: left("it was left at once; nothing is written, and \(space) is paused", hint: restart))
        case .writing(let change, let number, let all):
            progress.say("\(change.wish == .delete ? "deleting" : "writing") \(change.key) (\(number) of \(all))")
            interruption.hold(
                pauses ? "\(change.key) is written and \(space) restarted" : "\(change.key) is written",
                left: left(
                    "it was left at once; \(number - 1) of \(all) changes are written, perhaps \(change.key) too"
                        + (pauses ? ", and \(space) is paused" : ""),
                    hint: pauses ? "\(restart), then give the same command again" : "the same command does the rest"))
        case .unnoted(let because):
            progress.say("what was written could not be noted, and is written once more next time: \(because)")
        case .restarting:
            progress.say("restarting \(space)")
            interruption.hold(
                "\(space) is restarted",
                left: left("it was left at once, and \(space) may still be paused", hint: restart))
        case .over: interruption.release()
        }
    }

    private func interrupted(_ result: EnvironmentResult) -> Failure {
        func names(_ changes: [EnvironmentChange]) -> String { changes.map(\.key).joined(separator: ", ") }
        let rest = result.plan.writes.filter { !result.written.contains($0) }
        var said: [String] = []
        if !result.written.isEmpty {
            said.append("\(names(result.written)) \(result.written.count == 1 ? "is" : "are") done")
        }
        if !rest.isEmpty { said.append("\(names(rest)) \(rest.count == 1 ? "is" : "are") not") }
        if let stage = result.runtime?.stage, result.plan.way.restarts {
            said.append("\(space) was restarted (\(stage))")
        }
        return Failure(
            .interrupted, doing: rest.isEmpty ? "end the command quietly" : "set all \(kind.plural) of \(space)",
            because: "it was interrupted; " + said.joined(separator: "; "),
            hint: rest.isEmpty ? "nothing is left to do" : "the same command does the rest")
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
            "The Space \(would)paused, written to, and restarted once instead of \(plan.writes.count) times."
        case .finishesRestart:
            "An earlier command paused the Space and was ended before it restarted it; it \(would)restarted\(plan.writes.isEmpty ? "" : " behind the writes")."
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
