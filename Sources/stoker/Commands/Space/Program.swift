import Foundation
import StokerCore
import Subprocess
import SystemPackage

/// Programs of the machine that a command starts.
enum Program {
    struct Ended: Sendable {
        var status: Int32
        /// The last 64 KiB of its standard output; empty when it went to the screen.
        var output: String
    }

    /// The first program of that name in `PATH`.
    static func find(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    /// - Parameters:
    ///   - environment: added to our own.
    ///   - quiet: its words are dropped; otherwise standard error goes to ours.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], folder: String? = nil,
        quiet: Bool = false
    ) async throws -> Ended {
        var added: [Environment.Key: String?] = [:]
        for (name, value) in environment { added[Environment.Key(stringLiteral: name)] = value }
        do {
            let configuration = Configuration(
                executable: .path(FilePath(path)), arguments: Arguments(arguments),
                environment: .inherit.updating(added), workingDirectory: folder.map { FilePath($0) })
            if quiet {
                let ended = try await Subprocess.run(
                    configuration, output: .string(limit: 65_536), error: .discarded)
                return Ended(status: code(ended.terminationStatus), output: ended.standardOutput)
            }
            let ended = try await Subprocess.run(
                configuration, output: .string(limit: 65_536), error: .currentStandardError)
            return Ended(status: code(ended.terminationStatus), output: ended.standardOutput)
        } catch let error as SubprocessError {
            throw Failure(
                .internal, doing: "run \(path)", because: "it could not be started: \(error.description.shortenedLine)",
                cause: error)
        }
    }

    private static func code(_ status: TerminationStatus) -> Int32 {
        switch status {
        case .exited(let code): Int32(code)
        case .signaled(let signal): 128 + Int32(signal)
        }
    }
}

extension String {
    fileprivate var shortenedLine: String { String(split(separator: "\n").first ?? "").cut(to: 200) }
}
