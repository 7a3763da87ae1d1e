import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

enum EnvironmentWishes {
    /// Values from `KEY=value`, from the environment for a bare `KEY`, and from a file; what was written on the command line wins.
    ///
    /// Errors tell places and never words: who forgets the name gives the secret in its place, and a CI keeps what it is shown.
    static func read(
        _ kind: SpaceValueKind, pairs: [String], file: String?, description: String?
    ) throws -> [EnvironmentChange] {
        let doing = "set \(kind.plural)"
        let letter = kind == .secret ? "-s" : "-e"
        var values: [(name: String, value: String, place: String)] = []
        if let file {
            guard !file.contains("=") || FileManager.default.fileExists(atPath: file) else {
                throw Failure(
                    .usage, doing: doing, because: "what was given as the file of NAME=value lines is no file",
                    hint: "it looks like KEY=value, which goes to \(letter); it is not shown")
            }
            let text = try FleetOptions.contents(of: file, kind: "environment file", hint: "it has NAME=value lines")
            values = try DotEnv.entries(text: text, name: file).get().map {
                ($0.name, $0.value, "the name in line \($0.line) of \(file)")
            }
        }
        let environment = ProcessInfo.processInfo.environment
        for (index, pair) in pairs.enumerated() {
            let place = pairs.count == 1 ? letter : "the \(letter) number \(index + 1)"
            guard pair.first != "=", !pair.allSatisfy(\.isWhitespace) else {
                throw Failure(
                    .usage, doing: doing, because: "\(place) names no \(kind)",
                    hint: "give \(letter) KEY=value, or \(letter) KEY for the environment's value")
            }
            if let equals = pair.firstIndex(of: "=") {
                values.append(
                    (String(pair[..<equals]), String(pair[pair.index(after: equals)...]), "the name in \(place)"))
            } else if let value = environment[pair] {
                values.append((pair, value, "the name in \(place)"))
            } else {
                throw Failure(
                    .usage, doing: doing,
                    because:
                        "\(place) is neither KEY=value nor the name of a variable in the environment (it is not shown: it may be a value)",
                    hint: "write \(letter) KEY=value, or export the variable first and name it with \(letter) KEY")
            }
        }
        guard !values.isEmpty else {
            throw Failure(
                .usage, doing: doing, because: "no \(kind) was named",
                hint: "give \(letter) KEY=value or --env-file FILE")
        }
        let wrong = values.filter { !SpaceValueKind.isKey($0.name) }
        guard wrong.isEmpty else {
            throw Failure(
                .usage, doing: doing,
                because: "\(wrong.map(\.place).joined(separator: ", ")) cannot be one on the Hub",
                hint: "a name has a letter first, then letters, digits and _; it stands before the first =")
        }
        return values.map { EnvironmentChange(kind, $0.name, .set(Secret($0.value), description: description)) }
    }

    /// Values that look like secrets and are to be variables, with why: `TOKEN (its name ends in TOKEN)`.
    static func lookLikeSecrets(_ variables: some Sequence<(name: String, value: Secret)>) -> [String] {
        variables.compactMap { name, value in
            SecretLook.reason(name: name, value: value).map { "\(name) (\($0))" }
        }
    }
}

extension EnvironmentPlan {
    /// Variables to be written whose values look like secrets.
    var publishedSecrets: [String] {
        EnvironmentWishes.lookLikeSecrets(
            writes.compactMap { change -> (name: String, value: Secret)? in
                guard change.kind == .variable, case .set(let value, _) = change.wish else { return nil }
                return (change.key, value)
            })
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
        var prints = try await PrintsFile.own.begin()
        let runtime = try await hub.runtime(of: space)
        var plan = try await hub.plan(wishes, for: space, prints: prints)
        ConfirmOptions.warn(ofPublished: plan.publishedSecrets, in: space)
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
        if prints != before { try await PrintsFile.own.keep(from: before, to: prints) }
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
