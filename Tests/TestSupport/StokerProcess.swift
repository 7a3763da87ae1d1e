import Foundation
import Glibc
import Synchronization

/// A child process in a scratch directory: what it wrote, how it ended, and its certain end.
///
/// Output goes to files, so that nothing is lost and nobody has to read along; waiting is asking the file again. The child
/// belongs to us until it was reaped, so a signal can never reach a stranger who got its number.
package final class StokerProcess: Sendable {
    /// How it ended.
    package enum Exit: Sendable, Equatable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)
        package var description: String {
            switch self {
            case .code(let code): "exit code \(code)"
            case .signal(let number): "signal \(number)"
            }
        }
    }

    package struct LaunchFailure: Error, CustomStringConvertible {
        package var program: String
        package var errno: Int32
        package var description: String { "could not start \(program): \(String(cString: strerror(errno)))" }
    }

    package let program: String
    package let arguments: [String]
    package let pid: Int32
    package let outputFile: String
    package let errorFile: String

    private let ended: Mutex<Exit?>

    /// Starts `program` with exactly this environment.
    /// - Parameters:
    ///   - arguments: Without the program's own name.
    ///   - name: Begins the names of the two output files in `directory`.
    ///   - input: Path of what it reads; nothing by default.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String], directory: String, name: String,
        input: String = "/dev/null"
    ) throws {
        self.program = program
        self.arguments = arguments
        outputFile = directory + "/\(name).stdout"
        errorFile = directory + "/\(name).stderr"

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorFile, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The child starts with the signals a shell would give it, whatever this process ignores or blocks.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        // The shell changes the directory and then becomes the program: the number stays the same.
        let words = ["sh", "-c", #"cd "$0" && exec "$@""#, directory, program] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] =
            environment.sorted { $0.key < $1.key }.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, "/bin/sh", &actions, &attributes, &argv, &envp)
        guard failure == 0 else { throw LaunchFailure(program: program, errno: failure) }
        pid = child
        ended = Mutex(nil)
    }

    // MARK: the end

    /// How it ended; nil while it runs.
    package var exit: Exit? {
        ended.withLock { ended in
            if let ended { return ended }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            // The macros of <sys/wait.h>, which Swift does not import.
            let number = status & 0x7f
            ended = number == 0 ? .code((status >> 8) & 0xff) : .signal(number)
            return ended
        }
    }

    /// Sends a signal, unless the child has ended.
    package func send(_ signal: Int32) {
        ended.withLock { if $0 == nil { kill(pid, signal) } }
    }

    /// Waits for the end.
    @discardableResult
    package func waitForExit(within: Duration = .seconds(15)) async throws -> Exit {
        do {
            return try await Wait.for("the end of \(name)", within: within) { self.exit }
        } catch let failure as Wait.Failure {
            throw failure.with(tail)
        }
    }

    /// SIGTERM, then SIGKILL after the limit; returns when the child is gone. Safe to repeat.
    package func stop(within: Duration = .seconds(6)) async {
        guard exit == nil else { return }
        send(SIGTERM)
        if await gone(within: within) { return }
        send(SIGKILL)
        _ = await gone(within: .seconds(10))
    }

    private func gone(within: Duration) async -> Bool {
        let deadline = ContinuousClock.now + within
        while exit == nil {
            guard ContinuousClock.now < deadline else { return false }
            // A cancelled test still has to see its children off.
            await Task.detached { try? await Task.sleep(for: .milliseconds(20)) }.value
        }
        return true
    }

    // MARK: what it said

    package var name: String {
        (outputFile as NSString).lastPathComponent.replacingOccurrences(of: ".stdout", with: "")
    }
    package var output: String { Self.read(outputFile) }
    package var errors: String { Self.read(errorFile) }
    package var outputLines: [String] { output.split(separator: "\n").map(String.init) }
    package var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    /// The end of both outputs, for a failure's text.
    package var tail: String {
        "\(exit.map(String.init(describing:)) ?? "running"); stdout: \(output.suffix(800)); stderr: \(errors.suffix(1_600))"
    }

    private static func read(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// Waits for a complete line of standard output that `matches`; fails at once when the child ends without it.
    @discardableResult
    package func waitForLine(
        _ what: String, within: Duration = .seconds(20), where matches: (String) -> Bool
    ) async throws -> String {
        struct Ended: Error {}
        var found: Result<String, Ended>?
        do {
            try await Wait.until(what, within: within) {
                // Asked before the text is read: a line that was written last is not missed.
                let over = self.exit != nil
                let text = self.output
                let complete =
                    text.hasSuffix("\n") ? Substring(text) : text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
                if let line = complete.split(separator: "\n").map(String.init).first(where: matches) {
                    found = .success(line)
                } else if over {
                    found = .failure(Ended())
                }
                return found != nil
            }
        } catch let failure as Wait.Failure {
            throw failure.with(tail)
        }
        switch found {
        case .success(let line): return line
        default: throw Wait.Failure(waitedFor: what, within: within, last: "it ended: \(tail)")
        }
    }
}

extension Wait.Failure {
    func with(_ more: String) -> Wait.Failure {
        var copy = self
        copy.last += "; " + more
        return copy
    }
}
