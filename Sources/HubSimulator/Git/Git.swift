import FoundationEssentials
import Subprocess
import Synchronization

/// git said no.
struct GitFailure: Error, CustomStringConvertible {
    var command: String
    var message: String
    var description: String { "git \(command): \(message)" }
}

/// The git binary, without anybody's configuration.
struct Git: Sendable {
    static let environment: Environment = .inherit.updating([
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
        "GIT_DIR": nil, "GIT_WORK_TREE": nil, "GIT_INDEX_FILE": nil, "GIT_OBJECT_DIRECTORY": nil,
        // Nobody tidies up behind our back: packing references would not see those we write.
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "gc.auto", "GIT_CONFIG_VALUE_0": "0",
        "GIT_CONFIG_KEY_1": "receive.autogc", "GIT_CONFIG_VALUE_1": "false",
        // git makes and drops a compressor for every object; glibc would ask the kernel for its memory anew each time, which
        // is three quarters of the time a commit of many small files takes.
        "MALLOC_TRIM_THRESHOLD_": "268435456", "MALLOC_TOP_PAD_": "4194304",
    ])

    private static let found = Mutex<Executable?>(nil)

    /// git, looked for once: called by its name, it costs a process that fails for every folder of `PATH` before the right one.
    static func executable() async throws -> Executable {
        if let known = found.withLock({ $0 }) { return known }
        let path = try await Executable.name("git").resolveExecutablePath(in: environment)
        found.withLock { $0 = .path(path) }
        return .path(path)
    }

    /// The same with variables added, or with nil removed.
    static func surroundings(_ variables: [String: String?]) -> Environment {
        environment.updating(
            Dictionary(variables.map { (Environment.Key(stringLiteral: $0.key), $0.value) }) { _, last in last })
    }

    /// Runs git to its end.
    /// - Parameters:
    ///   - limit: bytes of output at most.
    /// - Throws: ``GitFailure`` when it ends with anything but 0.
    @discardableResult
    static func run(
        _ arguments: [String], input: [UInt8] = [], environment: [String: String?] = [:],
        limit: Int = 512 << 20
    ) async throws -> [UInt8] {
        let executable = try await executable()
        let result = try await limited(arguments.first { !$0.hasPrefix("-") } ?? "") {
            try await Subprocess.run(
                executable, arguments: Arguments(arguments), environment: surroundings(environment),
                input: .array(input), output: .bytes(limit: limit), error: .string(limit: 1 << 20))
        }
        guard case .exited(0) = result.terminationStatus else {
            throw GitFailure(command: arguments.joined(separator: " "), message: result.standardError)
        }
        return result.standardOutput
    }

    /// Longer than anything that a simulated Hub asks of git: a child that hangs is ended.
    static let longest = Duration.seconds(120)

    /// Ends a child process that takes longer; what is cancelled is killed.
    static func limited<Value: Sendable>(
        _ command: String, to longest: Duration = longest, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: longest)
                return nil
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() ?? nil else {
                throw GitFailure(command: command, message: "took longer than \(longest.components.seconds) s")
            }
            return value
        }
    }

    enum Input: Sendable {
        case bytes([UInt8])
        case file(String)
    }

    /// Objects as one pack, without deltas and uncompressed: half of the work would be to make small what is thrown away soon.
    static func fastImport(into repository: String, _ input: Input) async throws -> [UInt8] {
        let arguments = [
            "--git-dir=\(repository)", "-c", "fastimport.unpackLimit=0", "-c", "pack.compression=0", "-c",
            "core.compression=0", "fast-import", "--quiet", "--force", "--date-format=raw", "--depth=0", "--done",
        ]
        switch input {
        case .bytes(let bytes): return try await run(arguments, input: bytes)
        case .file(let path):
            let result = try await limited("fast-import") {
                try await Subprocess.run(
                    .name("sh"), arguments: Arguments(["-c", "exec git \"$@\" <\"$0\"", path] + arguments),
                    environment: environment, input: .none, output: .bytes(limit: 1 << 20),
                    error: .string(limit: 1 << 20))
            }
            guard case .exited(0) = result.terminationStatus else {
                throw GitFailure(command: "fast-import", message: result.standardError)
            }
            return result.standardOutput
        }
    }

    /// The same, its output as text without the last line break.
    static func text(_ arguments: [String], input: [UInt8] = []) async throws -> String {
        var text = String(decoding: try await run(arguments, input: input), as: UTF8.self)
        if text.last == "\n" { text.removeLast() }
        return text
    }
}

/// One at a time, in the order of arrival.
final class SerialGate: Sendable {
    private let line = TurnLine()

    func run<Value>(_ work: () async throws -> Value) async throws -> Value {
        await line.enter()
        do {
            let value = try await work()
            await line.leave()
            return value
        } catch {
            await line.leave()
            throw error
        }
    }

    private actor TurnLine {
        private var busy = false
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func enter() async {
            if !busy {
                busy = true
                return
            }
            await withCheckedContinuation { waiting.append($0) }
        }
        func leave() {
            if waiting.isEmpty { busy = false } else { waiting.removeFirst().resume() }
        }
    }
}
