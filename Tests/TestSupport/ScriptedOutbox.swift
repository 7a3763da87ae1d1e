package import Ledger
import Notices
package import StokerCore

/// Jobs in memory, where every message is delivered as soon as it is there. Its first two are a delivered message and one that was given up.
package final class ScriptedOutbox: JobStore {
    private let jobs = MemoryJobs()
    private let now: Instant

    package init(now: Instant) {
        self.now = now
        // Nothing but a broken test makes a message that cannot be written.
        if let told = try? Self.message("told", of: "gateway", at: now - .seconds(300)) { deliver([told]) }
        guard let refused = try? Self.message("refused", of: "gateway", at: now - .seconds(200)) else { return }
        _ = jobs.insert([refused])
        for job in jobs.claim([refused.kind], by: "test", limit: 1, lease: .seconds(60), now: now) {
            _ = jobs.fail(job.id, fence: job.fence, error: "answered 410", retryAt: nil, now: now)
        }
    }

    private static func message(_ key: String, of check: String, at: Instant) throws(Failure) -> NewJob {
        try OutgoingMessage(
            channel: "team",
            notice: Notice(
                key: key, kind: .down, at: at, subjects: [.init(check: check, verdict: .down)],
                sentence: "answered 503, which is not expected")
        ).job(createdAt: at)
    }

    @discardableResult
    private func deliver(_ new: [NewJob]) -> [Int64] {
        let ids = jobs.insert(new)
        for job in jobs.claim([OutgoingMessage.jobKind], by: "test", limit: new.count, lease: .seconds(60), now: now) {
            _ = jobs.complete(job.id, fence: job.fence, note: nil, now: now)
        }
        return ids
    }

    @discardableResult
    package func insert(_ jobs: [NewJob]) -> [Int64] { deliver(jobs) }
    package func claim(_ kinds: [String], by owner: String, limit: Int, lease: Duration, now: Instant) -> [Job] {
        jobs.claim(kinds, by: owner, limit: limit, lease: lease, now: now)
    }
    package func extend(_ job: Int64, fence: Int64, until: Instant) -> Bool {
        jobs.extend(job, fence: fence, until: until)
    }
    package func complete(_ job: Int64, fence: Int64, note: String?, now: Instant) -> Bool {
        jobs.complete(job, fence: fence, note: note, now: now)
    }
    package func fail(_ job: Int64, fence: Int64, error: String, retryAt: Instant?, now: Instant) -> Bool {
        jobs.fail(job, fence: fence, error: error, retryAt: retryAt, now: now)
    }
    package func snooze(_ job: Int64, fence: Int64, until: Instant) -> Bool {
        jobs.snooze(job, fence: fence, until: until)
    }
    package func cancel(_ job: Int64, because: String, now: Instant) -> Bool {
        jobs.cancel(job, because: because, now: now)
    }
    package func release(kind: String) -> Int { jobs.release(kind: kind) }
    package func job(_ id: Int64) -> Job? { jobs.job(id) }
    package func jobs(kind: String?, states: Set<Job.State>, before: Int64?, limit: Int) -> [Job] {
        jobs.jobs(kind: kind, states: states, before: before, limit: limit)
    }
    package func nextDue(_ kinds: [String]) -> Instant? { jobs.nextDue(kinds) }
    package func prune(now: Instant) -> Int { jobs.prune(now: now) }
}
