import ArgumentParser
import Operations
import StokerCore

/// Tells why a command ends, and with which status. Every command throws; only this prints.
enum CommandFailure {
    /// Prints a failure on standard error, as JSON when the command was asked for JSON, and returns the status to exit with.
    static func report(_ error: any Error, arguments: [String] = CommandLine.arguments) -> ExitCode {
        switch error {
        case let code as ExitCode: return code
        // Who said no has been told so.
        case let failure as Failure where failure.code == .declined: return ExitCode(failure.code.exitStatus)
        case let failure as Failure:
            Terminal.writeError(text(of: failure, asJSON: wantsJSON(arguments)))
            return ExitCode(failure.code.exitStatus)
        case let problems as FleetProblems:
            Terminal.writeError(problems.description + "\n")
            return ExitCode(Failure.Code.fleetInvalid.exitStatus)
        case is CancellationError: return ExitCode(130)
        default:
            if let failure = unknownCommand(in: arguments) {
                Terminal.writeError(text(of: failure, asJSON: wantsJSON(arguments)))
                return ExitCode(failure.code.exitStatus)
            }
            let code = StokerCommand.exitCode(for: error)
            let message = StokerCommand.fullMessage(for: error)
            if code == .success {
                // `--help`, `--version`: asked for, so it is output.
                Terminal.own.write(message.isEmpty ? "" : message + "\n")
                return code
            }
            if code == .validationFailure {
                let message = withoutValues(StokerCommand.message(for: error), arguments)
                Terminal.writeError(
                    text(.usage, message: message, hint: hint(for: arguments), asJSON: wantsJSON(arguments)))
                return ExitCode(Failure.Code.usage.exitStatus)
            }
            let failure = Failure(.internal, doing: "finish the command", because: "\(error)", cause: error)
            Terminal.writeError(text(of: failure, asJSON: wantsJSON(arguments)))
            return ExitCode(failure.code.exitStatus)
        }
    }

    static func text(of failure: Failure, asJSON: Bool) -> String {
        text(
            failure.code, message: "could not \(failure.doing): \(failure.because)", hint: failure.hint, asJSON: asJSON)
    }

    private static func text(_ code: Failure.Code, message: String, hint: String?, asJSON: Bool) -> String {
        // What is told may be quoted from the command line.
        let message = Redaction.text(message)
        let hint = hint.map(Redaction.text)
        if asJSON {
            let document: JSONValue = [
                "error": [
                    "code": .string(code.rawValue), "message": .string(message),
                    "hint": hint.map { .string($0) } ?? .null,
                ]
            ]
            return document.text + "\n"
        }
        return "stoker: \(message.printable)\n" + (hint.map { "  hint: \($0.printable)\n" } ?? "")
    }

    /// The parser's complaint without the words it quotes, for commands that are given secrets: a word without `-s` is a value.
    private static func withoutValues(_ message: String, _ arguments: [String]) -> String {
        let words = Path(arguments).words
        let isGivenSecrets = ["secrets", "variables", "create", "duplicate"].contains { verb in
            words.hasPrefix("stoker space \(verb)")
        }
        guard isGivenSecrets else { return message }
        let parts = message.split(separator: "'", omittingEmptySubsequences: false)
        return parts.enumerated().map { index, part in
            // Options are named: '--private', '-x', '-s <key>'.
            let isShown = index % 2 == 0 || part.hasPrefix("--") || part.contains("<") || part.count <= 2
            return isShown ? String(part) : "…"
        }
        .joined(separator: "'")
    }

    private static func subcommands(of command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        command.configuration.groupedSubcommands.flatMap(\.subcommands) + command.configuration.subcommands
    }

    /// How far a line names commands.
    private struct Path {
        var command: any ParsableCommand.Type = StokerCommand.self
        /// `stoker space secrets`
        var words = "stoker"
        /// The word that names none where one should.
        var odd: String?

        init(_ arguments: [String]) {
            for word in arguments.dropFirst() {
                if word == "help", words == "stoker" { continue }
                let known = CommandFailure.subcommands(of: command)
                guard
                    let next = known.first(where: {
                        $0._commandName == word || $0.configuration.aliases.contains(word)
                    })
                else {
                    if !known.isEmpty, !word.hasPrefix("-"), word != "help" { odd = word }
                    return
                }
                command = next
                words += " " + word
            }
        }
    }

    /// Where to read on after a command line that was not understood.
    private static func hint(for arguments: [String]) -> String { "see `\(Path(arguments).words) --help`" }

    /// The parser would complain of whatever comes first, often of an option that the command meant does have.
    private static func unknownCommand(in arguments: [String]) -> Failure? {
        let path = Path(arguments)
        guard let odd = path.odd else { return nil }
        let near = ClosestMatch.of(odd, among: subcommands(of: path.command).map { $0._commandName })
        return Failure(
            .usage, doing: "run \(odd.shortened)", because: "there is no such command",
            hint: (near.map { "did you mean `\(path.words) \($0)`? " } ?? "") + "`\(path.words) --help` lists them")
    }

    static func wantsJSON(_ arguments: [String] = CommandLine.arguments) -> Bool {
        arguments.contains("--format=json") || arguments.contains("--json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == "--format" && $1 == "json" }
    }
}
