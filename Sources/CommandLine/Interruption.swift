import ArgumentParser
import Foundation
import HubClient
import StokerCore
import Synchronization
import UnixSignals

/// Ctrl-C, SIGTERM or the end of the terminal while a command works on the Hub.
///
/// The first one calls the command off; while it is in the midst of something that must not be torn (a Space paused for a change, a commit
/// on its way), it is asked to bring that to its end instead. A second Ctrl-C leaves at once and says what was left behind; only a person
/// presses it. SIGTERM behind SIGINT is what a CI sends to every job that it cancels, and no wish to leave a Space paused.
/// Either way the status is 130.
final class Interruption: Sendable {
    /// That of the running command.
    @TaskLocal static var current = Interruption()

    private struct State {
        var work: Task<Void, any Error>?
        var isInterrupted = false
        var interruptedAt: ContinuousClock.Instant?
        /// Ctrl-C came.
        var wasTyped = false
        var isAsking = false
        var hold: Hold?
    }
    private struct Hold {
        /// What is brought to its end first: "owner/bot is restarted".
        var first: String
        /// What a second signal leaves behind.
        var left: Failure
    }
    private let state = Mutex(State())

    /// What is called off.
    func watch(_ work: Task<Void, any Error>) { state.withLock { $0.work = work } }

    /// A signal came: nothing new is to be begun.
    var isInterrupted: Bool { state.withLock(\.isInterrupted) }

    /// Returns when a signal came so long ago, or when the task is cancelled: what is on its way then must not be waited for, because
    /// who ends jobs ends them for good some seconds later (GitHub: SIGKILL 10 s behind SIGINT).
    func waitUntilInterrupted(for span: Duration) async {
        while !Task.isCancelled {
            if let at = state.withLock(\.interruptedAt), ContinuousClock.now - at >= span { return }
            try? await Task.sleep(for: .milliseconds(100))  // cancelled: the loop sees it
        }
    }

    /// From here on, a signal waits for ``release()``.
    /// - Parameters:
    ///   - first: what is done before the command ends, for a person.
    ///   - left: what is true when a second signal ends the command in its midst, and how it is mended.
    func deferStop(until first: String, ifKilled left: Failure) {
        state.withLock { $0.hold = Hold(first: first, left: left) }
    }

    /// The thing is whole again; a signal that came meanwhile takes effect.
    func release() {
        let late = state.withLock { state in
            defer { state.hold = nil }
            return state.hold != nil && state.isInterrupted ? state.work : nil
        }
        late?.cancel()
    }

    /// While a question waits for its answer, a signal is a no: nothing was begun yet.
    func asking<Value>(_ question: () async throws -> Value) async rethrows -> Value {
        state.withLock { $0.isAsking = true }
        defer { state.withLock { $0.isAsking = false } }
        return try await question()
    }

    /// Does the work of a command with the signals caught.
    /// - Throws: what `work` throws, as an interruption when a signal came.
    func catchingSignals<Value>(_ work: () async throws -> Value) async throws -> Value {
        // SIGHUP too: a terminal that is closed must not leave a Space paused.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let outcome: Result<Value, any Error> = await withTaskGroup(of: Void.self) { group in
            group.addTask { for await signal in signals { self.interrupt(isTyped: signal == .sigint) } }
            defer { group.cancelAll() }
            do { return .success(try await work()) } catch { return .failure(error) }
        }
        guard isInterrupted else { return try outcome.get() }
        Terminal.own.endProgress()
        switch outcome {
        case .success: throw ExitCode(Failure.Code.interrupted.exitStatus)
        case .failure(let failure as Failure) where failure.code != .hubCancelled: throw failure
        // Of what only reads there is nothing to tell.
        case .failure(let failure as Failure) where failure.hint != nil:
            throw Failure(
                .interrupted, doing: failure.doing, because: failure.because, hint: failure.hint, cause: failure)
        case .failure: throw ExitCode(Failure.Code.interrupted.exitStatus)
        }
    }

    private func interrupt(isTyped: Bool) {
        let found = state.withLock { state in
            let found = state
            state.isInterrupted = true
            if state.interruptedAt == nil { state.interruptedAt = .now }
            if isTyped { state.wasTyped = true }
            return found
        }
        let isJSON = CommandFailure.wantsJSON()
        if found.isAsking {
            Terminal.writeError(isJSON ? "\n" : "\nNothing was changed.\n")
            leave()
        }
        guard !found.isInterrupted else {
            guard isTyped, found.wasTyped else { return }
            Terminal.own.endProgress()
            if let left = found.hold?.left { Terminal.writeError(CommandFailure.text(of: left, asJSON: isJSON)) }
            leave()
        }
        guard let hold = found.hold else {
            found.work?.cancel()
            return
        }
        guard !isJSON else { return }
        Terminal.own.endProgress()
        Terminal.writeError("stoker: interrupted; \(hold.first) before it ends. A second Ctrl-C leaves at once.\n")
    }

    /// Without the library's farewells: a thread may be in the midst of anything.
    private func leave() -> Never { _exit(Failure.Code.interrupted.exitStatus) }
}
