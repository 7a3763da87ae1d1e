import Foundation
import NIOPosix
import StokerCore
import Subprocess
import SystemPackage

/// Programs of the machine that a command starts.
package enum Program {
    package struct Ended: Sendable {
        package var status: Int32
        /// Its standard output.
        package var output: String
        /// The last 16 KiB of its standard error, when it was asked for.
        package var errors = ""
    }

    /// The first program of that name in `PATH`.
    package static func find(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs a program to its end.
    /// - Parameters:
    ///   - environment: added to our own.
    ///   - quiet: its words are dropped; otherwise standard error goes to ours.
    package static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], folder: String? = nil,
        quiet: Bool = false
    ) async throws -> Ended {
        var added: [Environment.Key: String?] = [:]
        for (name, value) in environment { added[Environment.Key(stringLiteral: name)] = value }
        do {
            let configuration = Configuration(
                executable: .path(FilePath(path)), arguments: Subprocess.Arguments(arguments),
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

    /// Runs a program to its end and keeps what it says on standard error, which is also given away as it comes.
    package static func runTelling(
        _ path: String, _ arguments: [String], environment: [String: String] = [:],
        echo: @escaping @Sendable ([UInt8]) -> Void
    ) async throws -> Ended {
        var added: [Environment.Key: String?] = [:]
        for (name, value) in environment { added[Environment.Key(stringLiteral: name)] = value }
        do {
            let (reading, writing) = try FileDescriptor.pipe()
            // A thread of its own: git may be silent for minutes.
            let words = Task.detached {
                try await NIOThreadPool.singleton.runIfActive { Self.tee(reading, echo) }
            }
            let configuration = Configuration(
                executable: .path(FilePath(path)), arguments: Subprocess.Arguments(arguments),
                environment: .inherit.updating(added))
            let ended = try await Subprocess.run(
                configuration, output: .string(limit: 65_536),
                error: .fileDescriptor(writing, closeAfterSpawningProcess: true))
            return Ended(
                status: code(ended.terminationStatus), output: ended.standardOutput, errors: try await words.value)
        } catch let error as SubprocessError {
            throw Failure(
                .internal, doing: "run \(path)", because: "it could not be started: \(error.description.shortenedLine)",
                cause: error)
        }
    }

    /// Reads to the end of a pipe, which is when nobody holds its other end any more.
    private static func tee(_ reading: FileDescriptor, _ echo: ([UInt8]) -> Void) -> String {
        var kept: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        defer { try? reading.close() }
        while let count = try? buffer.withUnsafeMutableBytes({ try reading.read(into: $0) }), count > 0 {
            echo(Array(buffer[..<count]))
            kept += buffer[..<count]
            if kept.count > 32_768 { kept.removeFirst(kept.count - 16_384) }
        }
        return String(decoding: kept.suffix(16_384), as: UTF8.self)
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
