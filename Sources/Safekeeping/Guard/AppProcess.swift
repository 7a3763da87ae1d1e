import Foundation
package import Glibc
package import StokerCore
import Synchronization

/// The app under the guard, in a process group of its own.
package final class AppProcess: Sendable {
    package let pid: pid_t
    private let kept: FirstEnd

    /// - Throws: `program.unstartable`.
    package init(_ command: [String], environment: [String: String], folder: String) throws(Failure) {
        let end = FirstEnd()
        kept = end
        let children = ChildProcesses.own
        // As process 1 nobody outlives the guard.
        let watch = Mutex<Int32>(-1)
        let pid = try children.start(.init(command, environment: environment, folder: folder)) {
            end.set($0)
            watch.withLock { Self.letGo(&$0) }
        }
        self.pid = pid
        if getpid() != 1 {
            watch.withLock { descriptor in
                // The kernel kills the app itself when the guard is killed; this one what it has started.
                descriptor = children.watch(group: pid)
                if end.known != nil { Self.letGo(&descriptor) }
            }
        }
        // At a terminal Ctrl-C goes to the group in front.
        if isatty(0) == 1 {
            var ttou = sigset_t()
            var old = sigset_t()
            sigemptyset(&ttou)
            sigaddset(&ttou, SIGTTOU)
            pthread_sigmask(SIG_BLOCK, &ttou, &old)
            tcsetpgrp(0, pid)
            pthread_sigmask(SIG_SETMASK, &old, nil)
        }
    }

    private static func letGo(_ descriptor: inout Int32) {
        guard descriptor >= 0 else { return }
        _ = write(descriptor, "x", 1)
        close(descriptor)
        descriptor = -1
    }

    /// nil only when the task is cancelled.
    package func ended() async -> ProcessEnd? { await kept.value() }
    package var known: ProcessEnd? { kept.known }

    package func send(_ signal: Int32) { kill(-pid, signal) }

    /// Ends it and everything that it started: the signal to its group, TERM to all that is left when the app is gone or the wait is over, KILL
    /// to what is left then.
    ///
    /// What left the group (a double fork, a session of its own) is found by its parents: tini and dumb-init leave it alive.
    package func stop(with signal: Int32 = SIGTERM, wait: Duration, killWait: Duration) async -> ProcessEnd {
        send(signal)
        // A stopped process takes TERM when it goes on.
        send(SIGCONT)
        _ = await Self.within(wait) { await self.ended() != nil }
        var seen = Set(others())
        for pid in seen { kill(pid, SIGTERM) }
        send(SIGTERM)
        let end = ContinuousClock.now + killWait
        while ContinuousClock.now < end, known == nil || !others().isEmpty { await Self.pause(.milliseconds(20)) }
        // What is forked meanwhile is met by another round.
        for _ in 0..<50 {
            send(SIGKILL)
            let left = others()
            seen.formUnion(left)
            for pid in left { kill(pid, SIGKILL) }
            if known != nil, left.isEmpty { break }
            await Self.pause(.milliseconds(20))
        }
        // Those that came to us are known to be the app's: nobody else asks for them.
        for pid in seen where pid != self.pid { waitpid(pid, nil, WNOHANG) }
        return await ended() ?? .killed(signal: SIGKILL)
    }

    private func others() -> [pid_t] {
        ProcessTree.descendants(of: getpid(), besides: ChildProcesses.own.helpers(besides: pid)).filter { $0 != pid }
    }

    private static func within(_ limit: Duration, _ condition: @escaping @Sendable () async -> Bool) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await condition() }
            group.addTask {
                try? await Task.sleep(for: limit)  // cancelled: the other one was first
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private static func pause(_ time: Duration) async {
        try? await Task.sleep(for: time)  // a cancelled stop still stops
    }
}
