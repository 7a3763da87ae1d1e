import CLinux
import Foundation
import Runtime
package import StokerCore
import Synchronization

#if canImport(Glibc)
package import Glibc
#endif

/// How a process ended.
package enum ProcessEnd: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)

    /// As shells give it: its code, or 128 and the signal.
    package var status: Int32 {
        switch self {
        case .exited(let code): code
        case .killed(let signal): 128 + signal
        }
    }

    init(waitStatus status: Int32) {
        self = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
    }
}

/// The programs that the guard starts, and the one place that waits for children.
///
/// As process 1, and as a subreaper elsewhere, the guard also inherits the orphans of the app. They are reaped when they have been dead for
/// two seconds: other code of this process (swift-subprocess, which vaults use for git) starts children of its own and reads their status
/// within milliseconds by their descriptors, so a blind `waitpid(-1)` would steal it. The price is a zombie that stays for two seconds.
///
/// swift-subprocess itself does not serve for the app: it cannot leave a child behind its caller's scope, and sends no signals to a group that
/// it did not make a session of.
package final class ChildProcesses: Sendable {
    package struct Program: Sendable {
        /// The program and its arguments; a name without a slash is looked for in `PATH`.
        package var command: [String]
        /// All of its environment.
        package var environment: [String: String]
        package var folder: String?
        /// Become its standard input, output and errors; nil for ours.
        package var input: Int32?
        package var output: Int32?
        package var errors: Int32?

        package init(_ command: [String], environment: [String: String], folder: String? = nil) {
            self.command = command
            self.environment = environment
            self.folder = folder
        }
    }

    private struct State {
        var waiters: [pid_t: @Sendable (ProcessEnd) -> Void] = [:]
        /// When a dead child of nobody was seen first.
        var orphans: [pid_t: ContinuousClock.Instant] = [:]
        var lastLook: ContinuousClock.Instant?
        var hasThread = false
        var adoptsOrphans = false
        var reaped = 0
    }
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let spawner = LastingThread(name: "stoker-spawn")
    private static let orphanWait: Duration = .seconds(2)

    /// One for the process: two would take each other's children.
    package static let own = ChildProcesses()

    private init() {}

    /// Orphans among our descendants come to us from now on.
    package func adoptOrphans() {
        if getpid() != 1 { _ = stoker_become_subreaper() }
        state.withLock { $0.adoptsOrphans = true }
        startThread()
    }

    /// Starts a program in a process group of its own. It is killed when this process ends without a word.
    /// - Parameter ended: called once, on the reaping thread; it must not block.
    /// - Returns: its process id, which is its group's as well.
    /// - Throws: `program.unstartable` with what the system says.
    package func start(
        _ program: Program, ended: @escaping @Sendable (ProcessEnd) -> Void
    ) throws(Failure) -> pid_t {
        var pid: pid_t = 0
        let arguments = CStrings(program.command)
        let environment = CStrings(program.environment.map { "\($0.key)=\($0.value)" })
        let name = program.command.first ?? ""
        // Registered before the reaping thread can see its end.
        let code = state.withLock { state in
            let (code, started) = spawner.run {
                var pid: pid_t = 0
                let code = stoker_spawn(
                    &pid, name, arguments.pointers, environment.pointers, program.folder, program.input ?? -1,
                    program.output ?? -1, program.errors ?? -1, 1)
                return (code, pid)
            }
            pid = started
            if code == 0 { state.waiters[pid] = ended }
            return code
        }
        guard code == 0 else {
            throw Failure(
                .programUnstartable, doing: "start \(name)", because: String(cString: strerror(code)),
                hint: code == ENOENT ? "look whether the program is installed, and in PATH" : nil)
        }
        startThread()
        wake.signal()
        return pid
    }

    /// Has a process group killed when this process ends without a word.
    /// - Returns: a descriptor: whoever writes a byte to it lets the group go. -1 where there can be none; then only the kernel's signal to
    ///   the group's first process is left.
    func watch(group: pid_t) -> Int32 {
        spawner.run {
            var pid: pid_t = 0
            return (stoker_watch_group(group, &pid), pid)
        }.0
    }

    /// How many children were reaped, orphans included.
    package var reapedCount: Int { state.withLock(\.reaped) }

    /// Whether a child was started here and is not reaped yet.
    package func isOurs(_ pid: pid_t) -> Bool { state.withLock { $0.waiters[pid] != nil } }

    /// The children that were started here, but for one.
    func helpers(besides pid: pid_t) -> Set<pid_t> { state.withLock { Set($0.waiters.keys) }.subtracting([pid]) }

    private func startThread() {
        let isFirst = state.withLock { state in
            defer { state.hasThread = true }
            return !state.hasThread
        }
        guard isFirst else { return }
        let thread = Thread { [self] in while true { reap() } }
        thread.name = "stoker-reaper"
        thread.stackSize = 1 << 19
        thread.start()
    }

    /// One look at the dead; waits for the next where there is none.
    private func reap() {
        for pid in state.withLock({ Array($0.waiters.keys) }) {
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { continue }
            let waiter = state.withLock { state in
                state.reaped += 1
                return state.waiters.removeValue(forKey: pid)
            }
            waiter?(ProcessEnd(waitStatus: status))
        }
        var dead = siginfo_t()
        let result = waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT)
        if result != 0, errno == ECHILD {
            // Nobody to wait for, until something is started. Adopted orphans have a parent among ours, or none is left.
            state.withLock { $0.orphans = [:] }
            _ = wake.wait(timeout: .now() + 1)
            return
        }
        let pid = dead._sifields._sigchld.si_pid
        guard result == 0, pid != 0 else {
            // All live: the next death, of a child that is ours or not, ends the wait.
            state.withLock { $0.orphans = [:] }
            var next = siginfo_t()
            _ = waitid(P_ALL, 0, &next, WEXITED | WNOWAIT)
            return
        }
        guard !isOurs(pid) else { return }
        // Where none come to us, whoever is dead is somebody's who has not asked yet, as on a busy machine.
        if state.withLock(\.adoptsOrphans) { buryOrphans() }
        // Children of ours that die meanwhile are told in the next round.
        usleep(10_000)
    }

    /// Reaps the dead that nobody has asked for, once they have been dead for long enough; looks at most four times a second.
    private func buryOrphans() {
        let now = ContinuousClock.now
        let isTime = state.withLock { state in
            if let last = state.lastLook, now - last < .milliseconds(250) { return false }
            state.lastLook = now
            return true
        }
        guard isTime else { return }
        let dead = ProcessTree.dead(childrenOf: getpid())
        let due = state.withLock { state in
            var seen: [pid_t: ContinuousClock.Instant] = [:]
            for pid in dead where state.waiters[pid] == nil { seen[pid] = state.orphans[pid] ?? now }
            state.orphans = seen
            return seen.filter { now - $0.value >= Self.orphanWait }.map(\.key)
        }
        for pid in due where waitpid(pid, nil, WNOHANG) == pid { state.withLock { $0.reaped += 1 } }
    }
}

extension ChildProcesses {
    /// Runs a program to its end.
    /// - Parameter limit: it and its group are killed then.
    /// - Returns: nil when the limit was over first.
    package func run(_ program: Program, within limit: Duration) async throws -> ProcessEnd? {
        let first = FirstEnd()
        let pid = try start(program) { first.set($0) }
        return try await withTaskCancellationHandler {
            if let end = try await withTimeout(limit, { await first.value() }) ?? nil {
                try Task.checkCancellation()
                return end
            }
            kill(-pid, SIGKILL)
            _ = await first.value()
            return nil
        } onCancel: {
            kill(-pid, SIGKILL)
        }
    }
}

/// A thread that never ends: the kernel kills a child that asked for it when the thread that started it is gone, and threads of pools come and go.
private final class LastingThread: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let work = DispatchSemaphore(value: 0)
    private let isStarted = Mutex(false)
    private let name: String

    init(name: String) { self.name = name }

    /// Does something short there, and waits for it.
    func run(_ work: @escaping @Sendable () -> (Int32, pid_t)) -> (Int32, pid_t) {
        start()
        let result = Mutex<(Int32, pid_t)>((-1, 0))
        let done = DispatchSemaphore(value: 0)
        waiting.withLock {
            $0.append {
                let value = work()
                result.withLock { $0 = value }
                done.signal()
            }
        }
        self.work.signal()
        done.wait()
        return result.withLock { $0 }
    }

    private func start() {
        let isFirst = isStarted.withLock { started in
            defer { started = true }
            return !started
        }
        guard isFirst else { return }
        let thread = Thread { [self] in
            while true {
                work.wait()
                let next = waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                next?()
            }
        }
        thread.name = name
        thread.stackSize = 1 << 19
        thread.start()
    }
}

/// How a program ended, for whoever asks, and however often.
package final class FirstEnd: Sendable {
    private struct State {
        var end: ProcessEnd?
        var waiting: [UInt64: CheckedContinuation<ProcessEnd?, Never>] = [:]
        var last: UInt64 = 0
    }
    private let state = Mutex(State())

    package init() {}

    package func set(_ end: ProcessEnd) {
        let waiting = state.withLock { state in
            guard state.end == nil else { return [CheckedContinuation<ProcessEnd?, Never>]() }
            state.end = end
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for one in waiting { one.resume(returning: end) }
    }

    package var known: ProcessEnd? { state.withLock(\.end) }

    /// nil only when the task is cancelled.
    package func value() async -> ProcessEnd? {
        let id = state.withLock { state in
            state.last += 1
            return state.last
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let end: ProcessEnd?? = state.withLock { state in
                    if let end = state.end { return .some(end) }
                    if Task.isCancelled { return .some(nil) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let end { continuation.resume(returning: end) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: nil)
        }
    }
}

/// Text for C: pointers to strings that end with zero, and a null behind them.
///
/// Read only once it is made.
private final class CStrings: @unchecked Sendable {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [String]) {
        count = texts.count
        pointers = .allocate(capacity: texts.count + 1)
        for (i, text) in texts.enumerated() { pointers[i] = strdup(text) }
        pointers[texts.count] = nil
    }

    deinit {
        for i in 0..<count { free(pointers[i]) }
        pointers.deallocate()
    }
}
