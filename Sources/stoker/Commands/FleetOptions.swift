import ArgumentParser
import Deployment
import Foundation
import StokerCore

/// Which fleet a command works on.
struct FleetOptions: ParsableArguments {
    @Option(
        name: [.customLong("fleet"), .customShort("f")],
        help: ArgumentHelp("The fleet file (default: $STOKER_FLEET, else fleet.yaml).", valueName: "file"),
        completion: .file())
    var fleet: String?

    @Option(
        name: .customLong("env-file"),
        help: ArgumentHelp(
            "File of NAME=value lines for ${NAME} in the fleet file (default: .env when it exists).", valueName: "file"),
        completion: .file())
    var envFile: String?

    /// The path in force: `--fleet`, `$STOKER_FLEET`, `fleet.yaml`.
    var path: String {
        fleet ?? Self.usualPath
    }

    /// Where no file is named: `$STOKER_FLEET`, `fleet.yaml`.
    static var usualPath: String {
        let named = ProcessInfo.processInfo.environment["STOKER_FLEET"]
        return named.flatMap { $0.isEmpty ? nil : $0 } ?? "fleet.yaml"
    }

    /// Reads the file anew.
    /// - Throws: `fleet.unreadable` when a file cannot be read, ``FleetProblems`` when one has mistakes.
    func load() throws -> FleetSource {
        let text = try Self.contents(
            of: path, kind: "fleet file", hint: "write one with `stoker init`, or name another with --fleet")
        let (environment, advice) = try environment(for: text)
        let result = FleetFile.read(text: text, name: path, environment: environment, sections: .all).map { fleet in
            var fleet = fleet
            fleet.advice += advice
            return fleet
        }
        return FleetSource(path: path, text: text, environment: environment, result: result)
    }

    /// The process's environment over that of the `.env` file: what was set on purpose wins. Lines of the file that the fleet file
    /// does not need are other programs' business: mistakes on them are advice.
    private func environment(for text: String) throws -> ([String: String], [Fleet.Advice]) {
        let process = ProcessInfo.processInfo.environment
        let file = envFile ?? ".env"
        if envFile == nil, !FileManager.default.fileExists(atPath: file) { return (process, []) }
        let lines = try Self.contents(of: file, kind: "environment file", hint: nil)
        let needed = FleetFile.variables(in: text).filter { process[$0] == nil }
        let reading = DotEnv.read(text: lines, name: file, needing: needed)
        guard reading.problems.isEmpty else { throw FleetProblems(reading.problems) }
        let advice = reading.ignored.map {
            Fleet.Advice(
                path: "",
                text: "\($0.file):\($0.line):\($0.column): \($0.text); the line is not read, and nothing here needs it")
        }
        return (reading.variables.merging(process) { $1 }, advice)
    }

    /// Files larger than the reader takes are not read to their end. It may block: a running server calls it on a
    /// ``FileLane``.
    static func contents(of path: String, kind: String, hint: String?) throws(Failure) -> String {
        let data: Data
        do {
            let limit = (64 << 20) + 1
            data =
                path == "-"
                ? try FileHandle.standardInput.read(upToCount: limit) ?? Data()
                : try PlainFile.read(path, upTo: limit)
        } catch let error as PlainFile.NotPlain {
            throw Failure(
                .fleetUnreadable, doing: "read the \(kind) \(path)", because: "it is \(error.kind), not a regular file",
                hint: "name a regular file, or hand it over on standard input with -")
        } catch {
            let missing = path != "-" && !FileManager.default.fileExists(atPath: path)
            throw Failure(
                .fleetUnreadable, doing: "read the \(kind) \(path)",
                because: missing ? "there is no such file" : "it cannot be opened or read", hint: missing ? hint : nil,
                cause: error)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            let isWide = data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF])
            throw Failure(
                .fleetUnreadable, doing: "read the \(kind) \(path)",
                because: isWide ? "it is UTF-16 text, not UTF-8" : "it is not UTF-8 text", hint: "save it as UTF-8")
        }
        return text.withoutByteOrderMark
    }
}

/// A fleet file as it was read.
struct FleetSource {
    var path: String
    var text: String
    var environment: [String: String]
    var result: Result<Fleet, FleetProblems>

    /// The fleet. Problems are written to standard error as a compiler does, and end the command with status 2.
    func fleet() throws -> Fleet {
        switch result {
        case .success(let fleet): return fleet
        case .failure(let problems):
            Screen.writeError(
                ProblemText(source: text, name: path, colour: Screen.own.errorLook.hasColour).text(problems))
            throw ExitCode(Failure.Code.fleetInvalid.exitStatus)
        }
    }
}
