import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceRuntimeCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceRuntime] }
    static let configuration = CommandConfiguration(
        commandName: "runtime", abstract: "Show what the Hub says a Space is doing. Wakes nothing.",
        discussion: """
            EXAMPLES
              stoker space runtime owner/bot
              stoker space runtime owner/bot --json
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            SpaceAnswer.runtime(try await calls.call(.spaceRuntime, on: space)).show(output)
        }
    }
}

struct SpaceRestartCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.restartSpace] }
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Restart a Space; what it has in memory and on its disk is lost.",
        discussion: """
            A lost answer is settled by looking at the Space; it is never restarted twice for one request. \
            The way out of PAUSED, for its owner.

            EXAMPLES
              stoker space restart owner/bot
              stoker space restart owner/bot --factory
            """)
    @OptionGroup var space: SpaceArgument
    @Flag(
        name: [.long, .customLong("factory-reboot")], help: "Build it anew, without what earlier builds left.")
    var factory = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(.restartSpace, on: space, [("factory", .bool(factory))])
            SpaceAnswer.runtime(answer).show(output)
            calls.showNextStep(after: answer)
        }
    }
}

struct SpacePauseCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.pauseSpace] }
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop a Space until its owner restarts it; visits do not wake it.",
        discussion: """
            EXAMPLES
              stoker space pause owner/bot
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(.pauseSpace, on: space)
            SpaceAnswer.runtime(answer).show(output)
            calls.caller.progress.hint(
                "It is started again with: stoker space restart \(answer["space"]?.string ?? "")")
        }
    }
}

struct SpaceWakeCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.wakeSpace] }
    static let configuration = CommandConfiguration(
        commandName: "wake", abstract: "Visit a sleeping Space, so that it starts.",
        discussion: """
            A visit is what wakes a Space; a paused one needs `stoker space restart`. Ends when the Space has left its sleep.

            EXAMPLES
              stoker space wake owner/bot
              stoker space wake owner/bot && stoker space wait owner/bot
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("Path of the app to visit.", valueName: "path")) var path = "/"
    @Option(help: ArgumentHelp("Give up after so long, also on a Hub that does not answer.", valueName: "duration"))
    var timeout: SpanArgument = "3m"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let name = try await calls.name(space.space, within: timeout.duration, doing: "wake")
            let answer = try await calls.call(
                .wakeSpace, on: name, [("path", .string(path)), ("timeout", .string(timeout.text))])
            SpaceAnswer.runtime(answer).show(output)
            let stage = SpaceStage(rawValue: answer["stage"]?.string ?? "")
            if stage.isAsleep || stage.isFailed { throw ExitCode(1) }
        }
    }
}

struct SpaceSleepTimeCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.setSleepTime] }
    static let configuration = CommandConfiguration(
        commandName: "sleep-time", abstract: "Set after how long without a visit a Space is put to sleep.",
        discussion: """
            Paid hardware only: on cpu-basic the Hub keeps its 48 hours.

            EXAMPLES
              stoker space sleep-time owner/bot 1h
              stoker space sleep-time owner/bot 3600
              stoker space sleep-time owner/bot never
            """)
    @OptionGroup var space: SpaceArgument
    // Takes what looks like an option too: -1.
    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp("A duration such as 30m or 2d, a number of seconds, or never (also -1).", valueName: "time"))
    var times: [String]
    private var time: [String] { times.filter { $0 != "--" } }
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if let option = time.first(where: { $0.hasPrefix("-") && $0 != "-1" }) {
            throw ValidationError("Unknown option '\(option)'")
        }
        if time.count != 1 { throw ValidationError("Give one time, such as 30m, 3600, never or -1.") }
    }

    func run() async throws {
        // A time that is none needs no Hub to be told so.
        _ = try SleepTime.seconds(time[0])
        try await hub.calls(output) { calls in
            let answer = try await calls.call(.setSleepTime, on: space, [("time", .string(time[0]))])
            SpaceAnswer.runtime(answer).show(output)
            if answer["note"]?.string != nil { throw ExitCode(1) }
        }
    }
}

struct SpaceDevModeCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.setDevMode] }
    static let configuration = CommandConfiguration(
        commandName: "dev-mode", abstract: "Let yourself into a Space's container by SSH, or end that.",
        discussion: """
            Needs a paid plan to enable; ending it always works. It stops by itself after 48 hours without use, and what was \
            edited inside is lost unless it was committed from there.

            EXAMPLES
              stoker space dev-mode owner/bot
              stoker space dev-mode owner/bot --stop
            """)
    @OptionGroup var space: SpaceArgument
    @Flag(help: "End it.") var stop = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(.setDevMode, on: space, [("enabled", .bool(!stop))])
            SpaceAnswer.runtime(answer).show(output)
            let own = answer["domains"]?.array?.first { $0["custom"] == false }?["domain"]?.string
            guard !stop, let name = own?.split(separator: ".").first else { return }
            // Source: hub-docs, spaces-dev-mode: the user is the Space's subdomain.
            calls.caller.progress.hint("Next: ssh \(name)@ssh.hf.space")
        }
    }
}

/// A duration on the command line.
struct SpanArgument: ExpressibleByArgument, ExpressibleByStringLiteral, Sendable {
    var duration: Duration
    let text: String
    init?(argument: String) {
        guard let duration = Duration(text: argument), duration > .zero else { return nil }
        self.duration = duration
        text = argument
    }
    /// Of our own defaults only.
    init(stringLiteral text: String) {
        duration = Duration(text: text) ?? .seconds(60)
        self.text = text
    }
    var defaultValueDescription: String { text }
}
