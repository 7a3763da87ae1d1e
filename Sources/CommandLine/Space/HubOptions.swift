import ArgumentParser
import Foundation
import HubClient
import Logging
import NIOPosix
import Operations
import StokerCore

/// Which Hub a command talks to, and as whom.
struct HubOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Access token (default: $HF_TOKEN, else the login of the official command line; both keep it out of the process list).",
            valueName: "token"))
    var token: String?

    @Option(
        help: ArgumentHelp("Address of the Hub (default: $HF_ENDPOINT, else https://huggingface.co).", valueName: "url")
    )
    var endpoint: String?

    @Flag(help: "Tell of calls that are made again, also without a terminal.")
    var verbose = false

    /// Does something with the Hub and closes the connections behind it. Failures of the Hub become those of the house, and signals
    /// an ``Interruption``.
    func use<Value>(_ body: (Hub) async throws -> Value) async throws -> Value {
        let tells = verbose || Terminal.own.showsProgress
        let hub = Hub(
            try settings(), logger: Logger(label: "hub") { _ in RemarkHandler() },
            onRepeat: { again in
                guard tells else { return }
                Terminal.own.endProgress()
                Terminal.writeError(
                    "stoker: could not \(again.doing) yet: \(again.because); trying again in \(OutputFormatting.span(again.wait.seconds.rounded(.up)))\n"
                        .printableLine)
            })
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(
                try await Interruption.current.catchingSignals {
                    do { return try await body(hub) } catch let failure as HubFailure { throw failure.failure }
                })
        } catch {
            Terminal.own.endProgress()
            outcome = .failure(error)
        }
        // The command is over; that a connection did not close well is nobody's concern any more.
        try? await hub.shutdown()
        return try outcome.get()
    }
}

/// What the Hub and its client warn of, in a line for a person; everything else is not for him.
private struct RemarkHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // The address that is not encrypted was told before anything was asked.
        guard let message = event.metadata?["message"] else { return }
        Terminal.own.endProgress()
        Terminal.writeError("stoker: \(event.message): \(message)\n".printableLine)
    }
}

extension String {
    fileprivate var printableLine: String { (hasSuffix("\n") ? String(dropLast()) : self).printable + "\n" }
}

/// A Space on the command line: `owner/name`, its page on the Hub, or the name alone for one's own.
struct SpaceArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The Space: owner/name, its page on the Hub, or the name alone for your own.", valueName: "space"))
    var space: String
}

/// What a command has to say, in the form that was asked for.
struct CommandOutput {
    var json: JSONValue
    var text: String
    /// What a script reads with `--format quiet`: the names of a list, one a line. Nothing else has any.
    var names: [String] = []

    func show(_ output: OutputOptions, _ screen: Terminal = .own) {
        switch output.chosen {
        case .json: screen.write(json.prettyText)
        case .quiet: screen.write(names.map { $0.printable + "\n" }.joined())
        case .auto, .human: screen.write(text)
        }
    }
}

/// Steps of long work: over each other on a terminal, otherwise one a line, and not at all where only the answer was asked for.
struct Progress: Sendable {
    let output: OutputFormat
    let screen: Terminal

    init(_ output: OutputOptions, _ screen: Terminal = .own) { self.init(format: output.chosen, screen) }

    init(format: OutputFormat, _ screen: Terminal = .own) {
        output = format
        self.screen = screen
    }

    func say(_ text: String) {
        switch output {
        case .quiet, .json: break
        case .auto, .human:
            if screen.showsProgress { screen.progress(text) } else { Terminal.writeError("\(text.printable)\n") }
        }
    }

    /// Says more than the answer.
    var tells: Bool { output != .quiet && output != .json }

    func end() { if output != .quiet, output != .json { screen.endProgress() } }

    /// What to do next, beside the answer.
    func hint(_ text: String) {
        if output != .quiet, output != .json { Terminal.writeError("\(text.printable)\n") }
    }
}

extension Progress {
    static func next(_ id: String, _ stage: SpaceStage) -> String {
        switch stage {
        case .noAppFile: "stoker space upload \(id) FOLDER (it has no app yet)"
        case .paused: "stoker space restart \(id) (it is paused)"
        case .sleeping, .stopped: "stoker space wake \(id) (it is asleep)"
        case .buildError, .configError: "stoker space logs \(id) --build (\(stage))"
        case .runtimeError: "stoker space logs \(id) (\(stage))"
        default: "stoker space wait \(id)"
        }
    }
}

/// Asks before something cannot be undone.
struct ConfirmOptions: ParsableArguments {
    @Flag(name: [.long, .customShort("y")], help: "Do not ask.")
    var yes = false

    /// - Throws: `usage` when there is nobody to ask, exit status 1 for a no.
    static func ask(_ question: String, doing: String, isSure: Bool) async throws {
        if isSure { return }
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
            throw Failure(
                .usage, doing: doing, because: "it needs a yes, and there is no terminal to ask on",
                hint: "add --yes")
        }
        // On a thread of its own: who waits for a person must not hold up the signals.
        let line = try await Interruption.current.asking {
            Terminal.writeError("\(question.printable) [y/N] ")
            return try await NIOThreadPool.singleton.runIfActive { readLine() }
        }
        let reply = line?.trimmingCharacters(in: .whitespaces).lowercased()
        guard reply == "y" || reply == "yes" else {
            Terminal.writeError("Nothing was changed.\n")
            throw ExitCode(1)
        }
    }
}
extension HubOptions {
    /// - Throws: `usage` when an address, a switch or a token is not what it should be.
    private func settings() throws(Failure) -> Hub.Settings {
        let found = try HubCredentials.find(
            explicit: token, endpoint: endpoint, environment: ProcessInfo.processInfo.environment)
        for remark in found.remarks { Terminal.writeError("stoker: \(remark.printable)\n") }
        var settings = found.settings(agent: "stoker/\(Version.current)")
        settings.isInteractive = true
        return settings
    }
}
