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
        let result = try await Subprocess.run(
            executable(), arguments: Arguments(arguments), environment: surroundings(environment),
            input: .array(input), output: .bytes(limit: limit), error: .string(limit: 1 << 20))
        guard case .exited(0) = result.terminationStatus else {
            throw GitFailure(command: arguments.joined(separator: " "), message: result.standardError)
        }
        return result.standardOutput
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
