import Foundation
import NIOPosix
import StokerCore
import Subprocess
import Synchronization
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Programs of the machine that a command starts.
package enum Program {
    /// What a program left behind.
    package struct Ended: Sendable {
        /// Its exit status; 128 and the signal's number where a signal ended it.
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

    /// Runs a program to its end and keeps the last 16 KiB of what it says on standard error, which is also given away as it comes.
    /// Cancelling ends it.
    /// - Parameter isApart: it gets a session of its own, and cancelling ends the programs that it started as well. Ctrl-C at a terminal does not
    ///   reach it then.
    package static func runTelling(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], isApart: Bool = false,
        echo: @escaping @Sendable ([UInt8]) -> Void
    ) async throws -> Ended {
        var options = PlatformOptions()
        if isApart {
            options.createSession = true
            options.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
        }
        let configuration = configuration(path, arguments, environment, options)
        return try await starting(path) {
            let (reading, writing) = try FileDescriptor.pipe()
            return try await hearing(reading, echo) {
                let ended = try await Subprocess.run(
                    configuration, output: .string(limit: 65_536),
                    error: .fileDescriptor(writing, closeAfterSpawningProcess: true))
                return Ended(status: code(ended.terminationStatus), output: ended.standardOutput)
            }
        }
    }

    /// Runs a program that gets `input` on its standard input, and keeps the last 16 KiB of its standard error. What it says on standard
    /// output is dropped. Cancelling ends it.
    package static func feed(
        _ path: String, _ arguments: [String], input: [UInt8], environment: [String: String] = [:]
    ) async throws -> Ended {
        let configuration = configuration(path, arguments, environment)
        return try await starting(path) {
            // A file without a name, and no pipe: a program may end without reading its input.
            let given = try await NIOThreadPool.singleton.runIfActive { try Self.nameless(input) }
            let (reading, writing) = try FileDescriptor.pipe()
            return try await hearing(reading, { _ in }) {
                let ended = try await Subprocess.run(
                    configuration, input: .fileDescriptor(given, closeAfterSpawningProcess: true), output: .discarded,
                    error: .fileDescriptor(writing, closeAfterSpawningProcess: true))
                return Ended(status: code(ended.terminationStatus), output: "")
            }
        }
    }

    private static func configuration(
        _ path: String, _ arguments: [String], _ environment: [String: String], _ options: PlatformOptions = .init()
    ) -> Configuration {
        var added: [Environment.Key: String?] = [:]
        for (name, value) in environment { added[Environment.Key(stringLiteral: name)] = value }
        return Configuration(
            executable: .path(FilePath(path)), arguments: Subprocess.Arguments(arguments),
            environment: .inherit.updating(added), platformOptions: options)
    }

    private static func starting(_ path: String, _ work: () async throws -> Ended) async throws -> Ended {
        do { return try await work() } catch let error as SubprocessError {
            throw Failure(
                .internal, doing: "run \(path)", because: "it could not be started: \(error.description.shortenedLine)",
                cause: error)
        }
    }

    /// Runs it, and hears beside it what comes out of the pipe: on a thread of its own, for a program may be silent for minutes.
    private static func hearing(
        _ reading: FileDescriptor, _ echo: @escaping @Sendable ([UInt8]) -> Void, _ run: () async throws -> Ended
    ) async throws -> Ended {
        try await withThrowingTaskGroup(of: String.self) { group in
            let over = Over()
            group.addTask {
                try await NIOThreadPool.singleton.runIfActive { Self.words(from: reading, until: over, echo) }
            }
            defer { over.set() }
            var ended = try await run()
            over.set()
            let words = try await group.next()
            ended.errors = words ?? ""
            return ended
        }
    }

    /// Whether a program has ended.
    private final class Over: Sendable {
        private let flag = Mutex(false)
        func set() { flag.withLock { $0 = true } }
        var isSet: Bool { flag.withLock { $0 } }
    }

    /// A file that is gone when it is closed, at its beginning.
    private static func nameless(_ bytes: [UInt8]) throws -> FileDescriptor {
        let path = FilePath(NSTemporaryDirectory()).appending("stoker-\(UUID().uuidString)")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
        do {
            unlink(path.string)
            _ = try file.writeAll(bytes)
            try file.seek(offset: 0, from: .start)
            return file
        } catch {
            try? file.close()
            throw error
        }
    }

    /// Reads until the pipe ends, or the program has ended and nothing more is there: children of it may hold the pipe for ever.
    private static func words(from reading: FileDescriptor, until over: Over, _ echo: ([UInt8]) -> Void) -> String {
        var kept: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        defer { try? reading.close() }
        while true {
            var waiting = pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)
            let isEnding = over.isSet
            let ready = poll(&waiting, 1, isEnding ? 0 : 50)
            if ready == 0, isEnding { break }
            if ready <= 0 { continue }
            guard let count = try? buffer.withUnsafeMutableBytes({ try reading.read(into: $0) }), count > 0 else {
                break
            }
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
