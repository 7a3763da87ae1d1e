import ArgumentParser
import Operations
import StokerCore

/// Tells why a command ends, and with which status. Every command throws; only this prints.
enum CommandFailure {
    /// Prints a failure on standard error, as JSON when the command was asked for JSON, and returns the status to exit with.
    static func report(_ error: any Error, arguments: [String] = CommandLine.arguments) -> ExitCode {
        switch error {
        case let code as ExitCode: return code
        case let failure as Failure:
            Screen.writeError(text(of: failure, asJSON: wantsJSON(arguments)))
            return ExitCode(failure.code.exitStatus)
        case let problems as FleetProblems:
            Screen.writeError(problems.description + "\n")
            return ExitCode(Failure.Code.fleetInvalid.exitStatus)
        case is CancellationError: return ExitCode(130)
        default:
            let code = Stoker.exitCode(for: error)
            let message = Stoker.fullMessage(for: error)
            if code == .success {
                // `--help`, `--version`: asked for, so it is output.
                Screen.own.write(message.isEmpty ? "" : message + "\n")
                return code
            }
            if code == .validationFailure {
                Screen.writeError(
                    text(
                        .usage, message: Stoker.message(for: error), hint: hint(for: arguments),
                        asJSON: wantsJSON(arguments)))
                return ExitCode(Failure.Code.usage.exitStatus)
            }
            let failure = Failure(.internal, doing: "finish the command", because: "\(error)", cause: error)
            Screen.writeError(text(of: failure, asJSON: wantsJSON(arguments)))
            return ExitCode(failure.code.exitStatus)
        }
    }

    static func text(of failure: Failure, asJSON: Bool) -> String {
        text(
            failure.code, message: "could not \(failure.doing): \(failure.because)", hint: failure.hint, asJSON: asJSON)
    }

    private static func text(_ code: Failure.Code, message: String, hint: String?, asJSON: Bool) -> String {
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

    /// Where to read on after a command line that was not understood, or the command that was meant.
    private static func hint(for arguments: [String]) -> String {
        var names: [String] = []
        for group in Stoker.configuration.groupedSubcommands {
            for command in group.subcommands { names.append(command._commandName) }
        }
        guard let first = arguments.dropFirst().first, !first.hasPrefix("-") else { return "see `stoker --help`" }
        if names.contains(first) { return "see `stoker \(first) --help`" }
        let near = NearestName.of(first, among: names).map { "did you mean `stoker \($0)`? " } ?? ""
        return near + "see `stoker --help`"
    }

    private static func wantsJSON(_ arguments: [String]) -> Bool {
        arguments.contains("--format=json") || arguments.contains("--json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == "--format" && $1 == "json" }
    }
}
