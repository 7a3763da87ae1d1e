import Foundation
import Synchronization

/// A directory and the children that live in it. At the end the children are stopped, last come first gone, and the
/// directory is removed, unless the test was red: then it stays and its path is printed.
package final class Scratch: Sendable {
    package let path: String
    private struct State {
        var endings: [@Sendable () async -> Void] = []
        var children = 0
        var red = false
    }
    private let state = Mutex(State())

    /// Runs `body` in a new scratch directory.
    package static func with<Value>(_ name: String, _ body: (Scratch) async throws -> Value) async throws -> Value {
        let scratch = try Scratch(name)
        do {
            let value = try await body(scratch)
            await scratch.end()
            return value
        } catch {
            scratch.markRed()
            await scratch.end()
            throw error
        }
    }

    private init(_ name: String) throws {
        path = NSTemporaryDirectory() + "stoker-\(name)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Keeps the directory.
    package func markRed() { state.withLock { $0.red = true } }

    /// Something to be done at the end, before everything that was added earlier.
    package func atEnd(_ work: @escaping @Sendable () async -> Void) { state.withLock { $0.endings.append(work) } }

    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        let file = path + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        return file
    }

    /// Starts a child that is stopped at the end.
    package func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], name: String? = nil,
        input: String = "/dev/null"
    ) throws -> StokerProcess {
        let number = state.withLock { state in
            state.children += 1
            return state.children
        }
        // Nothing of the caller's environment but what programs need to run: a token of the developer must not leak in.
        let plain = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": path, "LANG": "C.UTF-8", "TZ": "UTC",
        ]
        let child = try StokerProcess(
            program, arguments, environment: plain.merging(environment) { $1 }, directory: path,
            name: "\(number)-\(name ?? (program as NSString).lastPathComponent)", input: input)
        atEnd { await child.stop() }
        return child
    }

    /// Runs a program to its end.
    package func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], within: Duration = .seconds(30),
        input: String = "/dev/null"
    ) async throws -> StokerProcess {
        let child = try start(program, arguments, environment: environment, input: input)
        try await child.waitForExit(within: within)
        return child
    }

    private func end() async {
        while let work = state.withLock({ $0.endings.popLast() }) { await work() }
        let red = state.withLock { $0.red }
        if red || ProcessInfo.processInfo.environment["STOKER_KEEP_SCRATCH"] != nil {
            print("kept for a look: \(path)")
            return
        }
        do { try FileManager.default.removeItem(atPath: path) } catch {
            print("could not remove \(path): \(error)")
        }
    }
}
