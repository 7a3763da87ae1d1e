import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceRuntimeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runtime", abstract: "Show what the Hub says a Space is doing. Wakes nothing.",
        discussion: """
            EXAMPLES
              stoker space runtime owner/bot
              stoker space runtime owner/bot --json
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let runtime = try await hub.runtime(of: id)
            SpaceAnswer.runtime(runtime, id).show(output)
        }
    }
}

enum SpaceAnswer {
    static func runtime(_ runtime: SpaceRuntime, _ id: RepoID, _ screen: Screen = .own, note: String? = nil) -> Answer {
        Answer(
            json: note.map { runtime.json(id).adding([.init("note", .string($0))]) } ?? runtime.json(id),
            text: "\(screen.paint("\(id)", .bold))\n" + Rows.text(runtime.rows(screen), screen)
                + (note.map { "  \($0.printable)\n" } ?? ""))
    }
}

struct SpaceRestartCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let progress = Progress(output)
        try await hub.use { hub in
            let id = try await space.id(hub)
            let before = try await hub.runtime(of: id)
            if before.isModerated {
                throw Failure(
                    .conflict, doing: "restart \(id)",
                    because: "it was flagged by the Hub's moderation\(before.abuse?.reason.map { " (\($0))" } ?? "")",
                    hint: "restarting does not help; write to website@huggingface.co")
            }
            let restart = try await hub.restart(id, factory: factory)
            await RestartNotes.own.forget(id, endpoint: hub.settings.endpoint)
            let note: String? =
                switch restart.proof {
                case .answered: nil
                case .stage: "The Hub's answer was lost; the stage shows that it restarts."
                case .log: "The Hub's answer was lost; the run log shows that it restarted."
                case .repeated: "The first answer was lost and nothing had begun, so it was asked for once more."
                }
            SpaceAnswer.runtime(restart.runtime, id, note: note).show(output)
            progress.next(after: id, restart.runtime)
        }
    }
}

struct SpacePauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop a Space until its owner restarts it; visits do not wake it.",
        discussion: """
            EXAMPLES
              stoker space pause owner/bot
            """)
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let runtime = try await hub.pause(id)
            // Who pauses it wants it so, whatever was left before.
            await RestartNotes.own.forget(id, endpoint: hub.settings.endpoint)
            SpaceAnswer.runtime(runtime, id).show(output)
            Progress(output).hint("It is started again with: stoker space restart \(id)")
        }
    }
}

struct SpaceWakeCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let progress = Progress(output)
        let deadline = ContinuousClock.now + timeout.duration
        func inTime<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
            guard let value = try await Deadline.run(until: deadline, work) else {
                throw Failure(
                    .hubUnreachable, doing: "wake \(space.space.shortened)",
                    because: "the Hub gave no answer within \(timeout.duration.text)",
                    hint: "give it more with --timeout")
            }
            return value
        }
        try await hub.use { hub in
            let id = try await inTime { [space] in try await space.id(hub) }
            var runtime = try await inTime { try await hub.runtime(of: id) }
            if runtime.stage == .paused {
                throw Failure(
                    .conflict, doing: "wake \(id)", because: "it is paused, and no visit wakes a paused Space",
                    hint: "its owner starts it with `stoker space restart \(id)`")
            }
            guard runtime.stage.isAsleep else {
                let note = runtime.stage.isFailed ? "A visit does not help: it failed." : "It was awake already."
                SpaceAnswer.runtime(runtime, id, note: note).show(output)
                if runtime.stage.isFailed { throw ExitCode(1) }
                return
            }
            do {
                while runtime.stage.isAsleep, ContinuousClock.now < deadline {
                    progress.say("visiting \(id)")
                    // The edge holds the request while the Space starts; whether it is held or refused, the start has begun.
                    let (path, before) = (path, runtime)
                    runtime = try await inTime {
                        _ = try await SpaceVisit.make(
                            id, path: path, runtime: before, hub: hub, timeout: min(.seconds(20), deadline - .now))
                        return try await hub.runtime(of: id)
                    }
                    if runtime.stage.isAsleep { try await Task.sleep(for: .seconds(2)) }
                }
            } catch  where Task.isCancelled {
                throw Failure(
                    .interrupted, doing: "wait for \(id) to wake",
                    because: "it was interrupted; a visit that was made may wake it all the same",
                    hint: "`stoker space runtime \(id)` tells")
            }
            progress.end()
            SpaceAnswer.runtime(runtime, id).show(output)
            if runtime.stage.isAsleep { throw ExitCode(1) }
        }
    }
}

struct SpaceSleepTimeCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if let option = time.first(where: { $0.hasPrefix("-") && $0 != "-1" }) {
            throw ValidationError("Unknown option '\(option)'")
        }
        if time.count != 1 { throw ValidationError("Give one time, such as 30m, 3600, never or -1.") }
    }

    func run() async throws {
        let seconds = try SleepTime.seconds(time[0])
        try await hub.use { hub in
            let id = try await space.id(hub)
            let runtime = try await hub.setSleepTime(of: id, seconds: seconds)
            let note = SleepTime.note(runtime, wished: seconds)
            SpaceAnswer.runtime(runtime, id, note: note).show(output)
            if note != nil { throw ExitCode(1) }
        }
    }
}

enum SleepTime {
    /// −1 for never.
    static func seconds(_ text: String) throws(Failure) -> Int {
        if text == "never" || text == "-1" { return -1 }
        // A number alone is seconds, as the official client and the Hub count them.
        if let seconds = Int(text), (1...Self.most).contains(seconds) { return seconds }
        guard let span = Duration(text: text), span >= .seconds(1) else {
            throw Failure(
                .usage, doing: "read the sleep time \"\(text.shortened)\"", because: "it is not a duration",
                hint: "write 30m, 2h, 2d, a number of seconds, or never (also -1)")
        }
        return Int(min(span, .seconds(most)).seconds)
    }
    /// A hundred years: more than the Hub keeps of anything.
    private static let most = 3_153_600_000

    /// What the Hub keeps in place of the wish; nil when it took it.
    static func note(_ runtime: SpaceRuntime, wished seconds: Int) -> String? {
        guard runtime.sleepSeconds != (seconds < 0 ? nil : seconds) else { return nil }
        return
            "The Hub keeps \(runtime.sleepSeconds.map { Wording.span(Double($0)) } ?? "never"): on \(runtime.requestedHardware ?? "this hardware") it cannot be chosen."
    }
}

struct SpaceDevModeCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let runtime = try await hub.setDevMode(of: id, enabled: !stop)
            SpaceAnswer.runtime(runtime, id).show(output)
            guard !stop, let name = runtime.domains.first(where: { !$0.isCustom })?.name.split(separator: ".").first
            else {
                return
            }
            // Source: hub-docs, spaces-dev-mode: the user is the Space's subdomain.
            Progress(output).hint("Next: ssh \(name)@ssh.hf.space")
        }
    }
}

/// A duration on the command line.
struct SpanArgument: ExpressibleByArgument, ExpressibleByStringLiteral, Sendable {
    var duration: Duration
    private var text: String
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
