import ArgumentParser
import Foundation
import Operations
import StokerCore

struct ApplyCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make the Hub as the fleet file says, in waves that have to answer.",
        discussion: """
            Shows the plan and asks, or applies a plan that `stoker plan --out` wrote. Looks again first: when anything in the plan was \
            changed since, nothing is done, and it says what was changed by whom. All changes of a Space are made together, so that it \
            restarts once. Waves are those of `rollout:` in the fleet file; a wave begins when every Space of the one before runs and \
            answers. Killed or interrupted, the same command goes on where it stopped.

            Ends with 0 when all is done, 1 when a Space is not well or the answer was no, 2 for wrong input, 3 when it could not look or \
            something was changed since the plan.

            EXAMPLES
              stoker apply
              stoker apply backend --yes --rollback-on-failure
              stoker plan --out plan.json && stoker apply plan.json
              stoker apply backend --allow-destroy backend
            """)

    @Argument(
        help: ArgumentHelp(
            "A plan that was written (its name ends in .json), or Spaces of the fleet file (default: all with `deploy:`).",
            valueName: "plan.json|name"), completion: .file())
    var subjects: [String] = []
    @Flag(help: "Spaces that are not well get the files of their last good commit.") var rollbackOnFailure = false
    @Option(
        help: ArgumentHelp(
            "Secrets and volumes of this Space may be removed; may be given several times.", valueName: "name")
    )
    var allowDestroy: [String] = []
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    static var operations: [Operations.Operation] { [.apply] }

    private var planFile: String? { subjects.count == 1 ? subjects.first { $0.hasSuffix(".json") } : nil }

    func validate() throws {
        if subjects.count > 1, subjects.contains(where: { $0.hasSuffix(".json") }) {
            throw ValidationError("a plan is applied alone: name one file, or Spaces.")
        }
    }

    func run() async throws {
        let file = try fleet.read()
        let answer = try await hub.use { hub in
            let context = OperationContext.ofThisProcess(hub)
            var plan: String
            if let planFile {
                plan = try FleetOptions.contents(
                    of: planFile, kind: "plan", hint: "write one with `stoker plan --out \(planFile)`")
            } else {
                let made = try await perform(
                    .plan, [("names", .array(subjects.map { .string($0) }))], on: file, in: context, output: output)
                plan = made.text
                if output.chosen == .auto || output.chosen == .human {
                    Terminal.own.endProgress()
                    Terminal.own.write(PlanText(.own).text(made, file: nil))
                }
            }
            // A plan that was written down was looked at; a new one is asked about.
            let isSure = confirm.yes || planFile != nil
            var given: [(name: String, value: JSONValue)] = [("plan", .string(plan))]
            if rollbackOnFailure { given.append(("rollback_on_failure", true)) }
            if !allowDestroy.isEmpty { given.append(("allow_destroy", .strings(allowDestroy))) }
            if isSure { given.append(("confirm", true)) }
            return try await perform(.apply, given, on: file, in: context, output: output)
        }
        CommandOutput(json: answer, text: ApplyText(.own).text(answer)).show(output)
        if answer["state"] == "failed" { throw ExitCode(1) }
    }
}

/// What became of an apply, for a person.
struct ApplyText {
    private let screen: Terminal
    init(_ screen: Terminal) { self.screen = screen }

    func text(_ answer: JSONValue) -> String {
        var text = ""
        for space in answer["spaces"]?.array ?? [] { text += self.space(space) }
        for made in answer["made"]?.texts ?? [] { text += "\(made.printable): made\n" }
        return text + "\((answer["sentence"]?.string ?? "").printable)\n"
    }

    private func space(_ space: JSONValue) -> String {
        let state = space["state"]?.string ?? ""
        let style: TextStyle =
            switch state {
            case "done": .green
            case "paused", "untouched", "interrupted": .yellow
            default: .red
            }
        var text =
            "\((space["space"]?.string ?? "").printable): \(screen.paint(state, style)): \((space["sentence"]?.string ?? "").printable)\n"
        if let hint = space["hint"]?.string, state != "done" { text += "  hint: \(hint.printable)\n" }
        guard let diagnosis = space["diagnosis"], diagnosis.members != nil else { return text }
        return text + Self.diagnosis(diagnosis, screen)
    }

    /// The cause as the doctor tells it, and the end of the log.
    static func diagnosis(_ diagnosis: JSONValue, _ screen: Terminal) -> String {
        var text = ""
        if diagnosis["verdict"] != nil { text += "\n" + DoctorText.text(diagnosis, screen) }
        let lines = diagnosis["last_lines"]?.texts ?? []
        if !lines.isEmpty {
            text += "\nThe last lines of its log:\n" + lines.map { "  \($0.printable)\n" }.joined()
        }
        return text + "\n"
    }
}

struct RollbackCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Give a Space the files of an earlier commit.",
        discussion: """
            The Hub has no way back: a new commit holds the files of the earlier one, and the history stays. Settings, variables and \
            secrets stay as they are. Without --to it is the last commit that is known to have run and answered, else the one before the \
            head. Then it waits until the Space runs and answers; ends with 1 when it does not.

            EXAMPLES
              stoker rollback owner/bot
              stoker rollback owner/bot --to 3f2a91c --yes
            """)

    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("The commit whose files it gets, 7 digits or more.", valueName: "sha")) var to: String?
    @Option(help: ArgumentHelp("Path of the app that has to answer.", valueName: "path")) var path = "/"
    @Option(help: ArgumentHelp("Longest time until it runs and answers.", valueName: "duration")) var within = "10m"
    @Flag(help: "Do not wait until it runs.") var noWait = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    static var operations: [Operations.Operation] { [.rollback] }

    func run() async throws {
        let answer = try await hub.calls(output, isSure: confirm.yes) { calls in
            try await calls.call(
                .rollback, on: space,
                [
                    ("to", .maybe(to)), ("path", .string(path)), ("within", .string(within)),
                    ("no_wait", noWait ? true : .null),
                ])
        }
        var text = "\((answer["sentence"]?.string ?? "").printable)\n"
        if answer["ready"] == false, let diagnosis = answer["diagnosis"], diagnosis.members != nil {
            text += ApplyText.diagnosis(diagnosis, .own)
        }
        CommandOutput(json: answer, text: text).show(output)
        if answer["ready"] == false { throw ExitCode(1) }
    }
}

struct DestroyCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy",
        abstract: "Delete a Space of the fleet file from the Hub, for good.",
        discussion: """
            Asks first. Its files, history, secrets and variables are gone; its entry in the fleet file, its datasets and its buckets \
            stay. Nothing else deletes a Space: one that leaves the file stays on the Hub.

            EXAMPLES
              stoker destroy backend
              stoker destroy owner/backend --yes
            """)

    @Argument(help: ArgumentHelp("Its name in the fleet file, or owner/name.", valueName: "name")) var name: String
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    static var operations: [Operations.Operation] { [.destroy] }

    func run() async throws {
        let file = try fleet.read()
        let answer = try await hub.use { hub in
            try await perform(
                .destroy, [("name", .string(name))] + (confirm.yes ? [("confirm", true)] : []), on: file,
                in: .ofThisProcess(hub), output: output)
        }
        CommandOutput(json: answer, text: "\((answer["sentence"]?.string ?? "").printable)\n").show(output)
    }
}
