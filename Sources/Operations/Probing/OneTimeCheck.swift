import Foundation
import KeepAlive
import NIOCore
import NIOPosix
package import StokerCore
import Synchronization

/// Probes checks once, now, with the engine and the judgement of the monitor, and forgets about it.
package struct OneTimeCheck: Sendable {
    /// What one ping with its retries saw. Nothing of it is remembered.
    package struct Result: Sendable {
        package var check: Check
        package var outcome: Outcome
        package var cause: Cause
        /// HTTP status; 0 when there was none.
        package var code: UInt16
        /// What exactly was seen; empty while all is well. Without secrets.
        package var detail: String
        /// To the first byte; 0 when none came.
        package var latencyMicroseconds: UInt32
        /// nil when there was none.
        package var certificateEnd: Instant?
    }

    /// How many may be under way; the system's limit of open files bounds it too.
    package var concurrency: Int

    package init(concurrency: Int = 200) { self.concurrency = concurrency }

    /// - Parameter progress: called from any thread with how many are done.
    /// - Returns: results in the order of `checks`; cancelling leaves out what was not begun.
    package func run(_ checks: [Check], progress: @escaping @Sendable (_ done: Int) -> Void) async -> [Result] {
        let group = MultiThreadedEventLoopGroup.singleton
        let loops = Array(group.makeIterator())
        let resolver = NameResolver(eventLoop: group.next())
        let now: @Sendable () -> Instant = { Instant(seconds: Date().timeIntervalSince1970) }
        let tls = ProbeTLS()
        let lanes = loops.map { loop in
            ProbeLane(eventLoop: loop, resolver: resolver, tls: tls, userAgent: "Stoker (one check by hand)", now: now)
        }
        let evaluator = ResponseEvaluator()
        let found = Mutex<[Int: Result]>([:])
        await ProbeSweep.run(checks, on: lanes, concurrency: min(concurrency, FileLimit.raised().inFlight)) {
            index, attempt in
            let check = checks[index]
            let finding = evaluator.examine(attempt, check: check, now: now())
            let done = found.withLock { found in
                found[index] = Result(
                    check: check, outcome: finding.outcome, cause: finding.cause, code: finding.code,
                    detail: finding.detail,
                    latencyMicroseconds: attempt.phases.latency,
                    certificateEnd: attempt.certificateEndHours == 0
                        ? nil : Instant(milliseconds: Int64(attempt.certificateEndHours) * 3_600_000))
                return found.count
            }
            progress(done)
        }
        for lane in lanes { lane.eventLoop.execute { lane.shutdown() } }
        await resolver.shutdown()
        return found.withLock { found in checks.indices.compactMap { found[$0] } }
    }
}
