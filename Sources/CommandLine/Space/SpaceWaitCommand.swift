import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceWaitCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.waitForSpace] }
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until the newest commit runs and the app answers.",
        discussion: """
            Both sources have to agree: the Hub says that the running app was built from the commit (not only RUNNING, which is still \
            said of the old version right after a push), and a visitor gets an answer of the app. A sleeping Space is woken by a visit first. \
            Ends with 1 when that will not happen by itself, or not in time.

            EXAMPLES
              stoker space wait owner/bot
              stoker space wait owner/bot --commit 3f1c9a7 --path /health
              stoker space wait owner/bot --timeout 20m --json
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("The commit that has to run (default: the head of main).", valueName: "sha"))
    var commit: String?
    @Option(help: ArgumentHelp("Path of the app that has to answer.", valueName: "path")) var path = "/"
    @Flag(name: .customLong("no-app"), help: "What the Hub says is enough; do not visit the app.") var noApp = false
    @Option(help: ArgumentHelp("Give up after so long, also on a Hub that does not answer.", valueName: "duration"))
    var timeout: SpanArgument = "10m"
    @Option(help: ArgumentHelp("Time between looks.", valueName: "duration")) var every: SpanArgument = "10s"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if let commit, !(7...64).contains(commit.count) || !commit.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
            throw ValidationError("--commit takes 7 to 64 hexadecimal digits.")
        }
    }

    func run() async throws {
        let began = ContinuousClock.now
        try await hub.calls(output) { calls in
            let name = try await calls.name(space.space, within: timeout.duration, doing: "wait for")
            // What was spent on the name is not given twice.
            let spent = space.space.contains("/") ? Duration.zero : .now - began
            let left =
                spent < .milliseconds(500)
                ? timeout.text : "\(max(1, Int((timeout.duration - spent).seconds.rounded(.up))))s"
            let answer = try await calls.call(
                .waitForSpace, on: name,
                [
                    ("commit", .maybe(commit)), ("path", .string(path)), ("no_app", .bool(noApp)),
                    ("timeout", .string(left)),
                    ("every", .string(every.text)),
                ])
            CommandOutput(json: answer, text: WaitAnswer.text(answer, .own)).show(output)
            if answer["ready"] != true { throw ExitCode(1) }
        }
    }
}

enum WaitAnswer {
    static func text(_ answer: JSONValue, _ screen: Terminal) -> String {
        let isReady = answer["ready"] == true
        var text = screen.paint(isReady ? "ready" : "not ready", isReady ? .green : .red)
        text +=
            "  \(answer["space"]?.string ?? ""): \((answer["sentence"]?.string ?? "").printable) (\(OutputFormatting.span(answer["seconds"]?.double ?? 0)))\n"
        if let hint = answer["hint"]?.string { text += "  \(hint.printable)\n" }
        return text
    }
}

struct SpaceHealthCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceHealth] }
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Look at a Space from both sides: what the Hub says, what a visitor gets.",
        discussion: """
            A visit wakes a sleeping Space; --no-wake leaves it asleep. Ends with 1 when the app does not answer well.

            EXAMPLES
              stoker space health owner/bot
              stoker space health owner/bot --path /health --json
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("Path of the app to visit.", valueName: "path")) var path = "/"
    @Flag(name: .customLong("no-wake"), help: "Do not visit a sleeping Space.") var noWake = false
    @Option(help: ArgumentHelp("Longest time for the Hub's answer, and for the visit.", valueName: "duration"))
    var timeout: SpanArgument = "60s"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let name = try await calls.name(space.space, within: timeout.duration, doing: "look at")
            let answer = try await calls.call(
                .spaceHealth, on: name,
                [("path", .string(path)), ("no_wake", .bool(noWake)), ("timeout", .string(timeout.text))])
            Self.answer(answer, .own).show(output)
            if answer["healthy"] != true { throw ExitCode(1) }
        }
    }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var text = SpaceAnswer.runtime(answer["runtime"] ?? .null, screen).text
        if let visit = answer["app"], let address = visit["address"]?.string {
            let style: TextStyle =
                answer["healthy"] == true ? .green : visit["outcome"]?.string == "waking" ? .yellow : .red
            text += KeyValueTable.text(
                [
                    ("address", address.printable),
                    ("app", screen.paint(Self.sentence(visit, isGood: answer["healthy"] == true).printable, style)),
                ], screen)
        }
        if let next = answer["next"]?.string { text += "  \(next.printable)\n" }
        return CommandOutput(json: answer, text: text)
    }

    private static func sentence(_ visit: JSONValue, isGood: Bool) -> String {
        if isGood {
            return "answers \(visit["status_code"]?.text ?? "") in \(OutputFormatting.latency(visit["latency_ms"]))"
        }
        let (sentence, detail) = (visit["sentence"]?.string ?? "", visit["detail"]?.string ?? "")
        return detail.isEmpty ? sentence : "\(sentence): \(detail)"
    }
}
