package import ArgumentParser
import Foundation
package import Operations
import Runtime
package import StokerCore

/// Which fleet a command works on.
package struct FleetOptions: ParsableArguments {
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
    package var envFile: String?

    package init() {}

    /// The path in force: `--fleet`, `$STOKER_FLEET`, `fleet.yaml`.
    package var path: String {
        fleet ?? Self.usualPath
    }

    /// Whether a file was named, here or by the environment.
    var isNamed: Bool { fleet != nil || ProcessInfo.processInfo.environment["STOKER_FLEET"]?.isEmpty == false }

    /// Where no file is named: `$STOKER_FLEET`, `fleet.yaml`.
    static var usualPath: String {
        let named = ProcessInfo.processInfo.environment["STOKER_FLEET"]
        return named.flatMap { $0.isEmpty ? nil : $0 } ?? "fleet.yaml"
    }

    /// Reads the files anew. The process's environment wins over that of the environment file.
    /// - Throws: `fleet.unreadable` when one cannot be read.
    package func read() throws(Failure) -> FleetText {
        let text = try Self.contents(
            of: path, kind: "fleet file", hint: "write one with `stoker init`, or name another with --fleet",
            code: .fleetUnreadable)
        var environmentFile: FleetText.EnvironmentFile?
        let file = envFile ?? ".env"
        if envFile != nil || FileManager.default.fileExists(atPath: file) {
            environmentFile = .init(
                name: file, text: try Self.contents(of: file, kind: "environment file", hint: nil))
        }
        var fleet = FleetText(
            name: path, text: text, variables: ProcessInfo.processInfo.environment, environmentFile: environmentFile)
        let folder = path == "-" ? "" : path.parentFolder
        // Only a file that speaks of it is looked through twice.
        if text.contains("doctor") { fleet.ruleFiles = fleet.rulePaths.map { Self.ruleFile($0, in: folder) } }
        return fleet
    }

    /// One that cannot be read is a mistake of the fleet file, at its place there.
    private static func ruleFile(_ path: String, in folder: String) -> FleetText.RuleFileText {
        do throws(Failure) {
            let place = path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)"
            let text = try contents(of: place, kind: "file of rules", hint: nil)
            let limit = FleetText.RuleFileText.limit
            guard text.utf8.count <= limit else {
                return .init(path: path, text: "", fault: "is larger than \(limit >> 20) MiB")
            }
            return .init(path: path, text: text)
        } catch {
            return .init(path: path, text: "", fault: "cannot be used: \(error.because)")
        }
    }

    /// Reads the files anew, and the fleet in them.
    /// - Throws: `fleet.unreadable` when a file cannot be read.
    package func load() throws(Failure) -> FleetSource {
        let text = try read()
        return FleetSource(file: text, result: text.read())
    }

    /// Files larger than the reader takes are not read to their end. It may block: a running server calls it on a
    /// ``FileLane``.
    static func contents(
        of path: String, kind: String, hint: String?, code: Failure.Code = .fileUnreadable
    ) throws(Failure) -> String {
        let data: Data
        do {
            let limit = (64 << 20) + 1
            data =
                path == "-"
                ? try FileHandle.standardInput.read(upToCount: limit) ?? Data()
                : try PlainFile.read(path, upTo: limit)
        } catch let error as PlainFile.NotPlain {
            throw Failure(
                code, doing: "read the \(kind) \(path)", because: "it is \(error.kind), not a regular file",
                hint: "name a regular file, or hand it over on standard input with -")
        } catch {
            let missing = path != "-" && !FileManager.default.fileExists(atPath: path)
            throw Failure(
                code, doing: "read the \(kind) \(path)",
                because: missing ? "there is no such file" : "it cannot be opened or read", hint: missing ? hint : nil,
                cause: error)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            let isWide = data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF])
            throw Failure(
                code, doing: "read the \(kind) \(path)",
                because: isWide ? "it is UTF-16 text, not UTF-8" : "it is not UTF-8 text", hint: "save it as UTF-8")
        }
        return text.withoutByteOrderMark
    }
}

/// A fleet file as it was read.
package struct FleetSource {
    package var file: FleetText
    package var result: Result<Fleet, FleetProblems>
    package var path: String { file.name }
    package var text: String { file.text }

    /// The fleet. Problems are written to standard error as a compiler does, and end the command with status 2.
    package func fleet() throws -> Fleet {
        switch result {
        case .success(let fleet): return fleet
        case .failure(let problems):
            Terminal.writeError(ProblemPrinter(file, .own).text(problems.list.map(ProblemPrinter.Line.init)))
            throw ExitCode(Failure.Code.fleetInvalid.exitStatus)
        }
    }
}
