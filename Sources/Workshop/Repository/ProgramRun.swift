import Foundation
import StokerCore
import Subprocess
import SystemPackage

/// Runs a program with an environment of its own, bounds on its time and output, and no terminal.
struct ProgramRun: Sendable {
    var path: String
    var arguments: [String]
    /// All of its environment.
    var environment: [String: String] = ProgramRun.plain
    var folder: String?
    var input: [UInt8] = []
    /// Bytes of standard output at most.
    var limit = 64 << 20
    var within: Duration = .seconds(120)

    struct Ended: Sendable {
        /// 128 + signal where a signal ended it.
        var status: Int32
        var output: [UInt8]
        var errors: String
        var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// What a program needs to run, and nothing of what we know: no tokens.
    static var plain: [String: String] {
        let own = ProcessInfo.processInfo.environment
        return [
            "PATH": own["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", "TZ": "UTC",
        ]
    }

    /// - Throws: `internal` when it cannot be started, says more than the limit or takes longer; `CancellationError`.
    func run() async throws -> Ended {
        let doing = "run \(path.split(separator: "/").last.map(String.init) ?? path)"
        do {
            guard let ended = try await withLimit({ try await start() }) else {
                throw Failure(.internal, doing: doing, because: "it took longer than \(within.text)", retry: .soon)
            }
            return ended
        } catch let error as SubprocessError {
            if Task.isCancelled { throw CancellationError() }
            let because =
                error.code == .outputLimitExceeded
                ? "it says more than \(limit) bytes" : "it could not be run: \(error.description.prefix(200))"
            throw Failure(.internal, doing: doing, because: because, cause: error)
        }
    }

    private func start() async throws -> Ended {
        var options = PlatformOptions()
        // What it starts ends with it.
        options.createSession = true
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        var all: [Environment.Key: String] = [:]
        for (name, value) in environment { all[Environment.Key(stringLiteral: name)] = value }
        let configuration = Configuration(
            executable: .path(FilePath(path)), arguments: Subprocess.Arguments(arguments), environment: .custom(all),
            workingDirectory: folder.map { FilePath($0) }, platformOptions: options)
        let ended = try await Subprocess.run(
            configuration, input: .array(input), output: .bytes(limit: limit), error: .string(limit: 4 << 20))
        let status: Int32 =
            switch ended.terminationStatus {
            case .exited(let code): Int32(code)
            case .signaled(let signal): 128 + Int32(signal)
            }
        return Ended(status: status, output: ended.standardOutput, errors: ended.standardError)
    }

    private func withLimit(_ work: @escaping @Sendable () async throws -> Ended) async throws -> Ended? {
        try await withThrowingTaskGroup(of: Ended?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: within)
                return nil
            }
            return try await group.next() ?? nil
        }
    }
}
