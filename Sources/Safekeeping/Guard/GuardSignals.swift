import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The signals that a guard takes: as process 1 it gets only those that have a handler.
package enum GuardSignals {
    /// What is passed on to the app.
    package static let forwarded: [Int32] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR2, SIGWINCH, SIGCONT]

    /// Signals as they come, ``forwarded`` and SIGUSR1, from now on and for the life of the process.
    /// - Returns: nil when somebody takes them already.
    package static func take() -> AsyncStream<Int32>? {
        let isFirst = taken.withLock { taken in
            defer { taken = true }
            return !taken
        }
        guard isFirst else { return nil }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A handler must not wait; what a full pipe drops is a repetition.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        writingEnd = ends[1]
        let reading = ends[0]
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingNewest(64))
        let thread = Thread {
            var byte: UInt8 = 0
            while true {
                let count = read(reading, &byte, 1)
                if count == 1 { continuation.yield(Int32(byte)) } else if count == 0 || errno != EINTR { return }
            }
        }
        thread.name = "stoker-signals"
        thread.stackSize = 1 << 19
        thread.start()
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in
            // Only calls that signal-safety(7) allows.
            let kept = errno
            var byte = UInt8(truncatingIfNeeded: signal)
            _ = write(writingEnd, &byte, 1)
            errno = kept
        }
        action.sa_flags = SA_RESTART
        for signal in forwarded + [SIGUSR1] { sigaction(signal, &action, nil) }
        return signals
    }

    private static let taken = Mutex(false)
}

/// Written once, before the handlers are there.
private nonisolated(unsafe) var writingEnd: Int32 = -1
