package import StokerCore
import Synchronization

/// Jobs without a disk: as bounded as those with one.
package final class MemoryJobs: JobStore {
    private struct State {
        var jobs: [Int64: Job] = [:]
        var keyEnds: Set<Int64> = []
        var last: Int64 = 0
    }
    private let state = Mutex(State())

    package init() {}

    @discardableResult
    package func insert(_ jobs: [NewJob]) -> [Int64] {
        state.withLock { state in jobs.map { Self.insert($0, &state) } }
    }

    private static func insert(_ new: NewJob, _ state: inout State) -> Int64 {
        var key = new.key
        if let text = key?.text, let known = state.jobs.values.first(where: { $0.key == text }) {
            guard key?.replaces == true else { return known.id }
            if known.attempt == 0, known.state == .available || known.state == .scheduled {
                state.jobs[known.id]?.payload = new.payload
            }
            if state.jobs[known.id]?.payload == new.payload { return known.id }
            key = nil
        }
        state.last += 1
        state.jobs[state.last] = Job(
            id: state.last, kind: new.kind, payload: new.payload,
            state: new.runAt > new.createdAt ? .scheduled : .available, createdAt: new.createdAt, due: new.runAt,
            attempt: 0, maxAttempts: new.maxAttempts, fence: 0, key: key?.text)
        if key?.endsWithJob == true { state.keyEnds.insert(state.last) }
        return state.last
    }

    package func claim(_ kinds: [String], by owner: String, limit: Int, lease: Duration, now: Instant) -> [Job] {
        state.withLock { state in
            let due = state.jobs.values.filter { job in
                kinds.contains(job.kind) && job.due.map { $0 <= now } ?? false
            }.sorted { ($0.due ?? .never, $0.id) < ($1.due ?? .never, $1.id) }
            var claimed: [Job] = []
            for job in due.prefix(max(0, limit)) {
                if job.state == .running, job.attempt >= job.maxAttempts {
                    Self.end(job.id, .discarded, Job.lost, now, &state)
                    state.jobs[job.id]?.fence += 1
                    continue
                }
                var taken = job
                taken.state = .running
                taken.owner = owner
                taken.due = now + lease
                taken.attempt += 1
                taken.fence += 1
                state.jobs[job.id] = taken
                claimed.append(taken)
            }
            return claimed
        }
    }

    private static func end(_ id: Int64, _ how: Job.State, _ error: String?, _ now: Instant, _ state: inout State) {
        state.jobs[id]?.state = how
        state.jobs[id]?.due = nil
        state.jobs[id]?.owner = nil
        state.jobs[id]?.endedAt = now
        if let error { state.jobs[id]?.lastError = error }
        if state.keyEnds.remove(id) != nil { state.jobs[id]?.key = nil }
    }

    /// Changes one that is held with this fence.
    private func held(_ id: Int64, _ fence: Int64, _ change: (inout Job, inout State) -> Void) -> Bool {
        state.withLock { state in
            guard var job = state.jobs[id], job.state == .running, job.fence == fence else { return false }
            change(&job, &state)
            if !job.state.isOver { state.jobs[id] = job }
            return true
        }
    }

    package func extend(_ job: Int64, fence: Int64, until: Instant) -> Bool {
        held(job, fence) { job, _ in job.due = until }
    }
    package func complete(_ job: Int64, fence: Int64, note: String?, now: Instant) -> Bool {
        let note = note?.shortened(toBytes: Job.maxError)
        return held(job, fence) { job, state in
            job.state = .completed
            Self.end(job.id, .completed, note, now, &state)
        }
    }
    package func complete(_ job: Int64, fence: Int64, now: Instant) -> Bool {
        complete(job, fence: fence, note: nil, now: now)
    }
    @discardableResult
    package func release(kind: String) -> Int {
        state.withLock { state in
            let held = state.jobs.values.filter { $0.kind == kind && $0.state == .running }
            for var job in held {
                job.state = .scheduled
                job.due = job.createdAt
                job.owner = nil
                job.attempt = max(0, job.attempt - 1)
                job.fence += 1
                state.jobs[job.id] = job
            }
            return held.count
        }
    }
    package func fail(_ job: Int64, fence: Int64, error: String, retryAt: Instant?, now: Instant) -> Bool {
        let error = error.shortened(toBytes: Job.maxError)
        return held(job, fence) { job, state in
            if let retryAt, job.attempt < job.maxAttempts {
                job.state = .retryable
                job.due = retryAt
                job.owner = nil
                job.lastError = error
            } else {
                job.state = .discarded
                Self.end(job.id, .discarded, error, now, &state)
            }
        }
    }
    package func snooze(_ job: Int64, fence: Int64, until: Instant) -> Bool {
        held(job, fence) { job, _ in
            job.state = .scheduled
            job.due = until
            job.owner = nil
            job.attempt = max(0, job.attempt - 1)
        }
    }
    package func cancel(_ job: Int64, because: String, now: Instant) -> Bool {
        state.withLock { state in
            guard let known = state.jobs[job], !known.state.isOver else { return false }
            Self.end(job, .cancelled, because.shortened(toBytes: Job.maxError), now, &state)
            state.jobs[job]?.fence += 1
            return true
        }
    }

    package func job(_ id: Int64) -> Job? { state.withLock { $0.jobs[id] } }

    package func jobs(kind: String?, states: Set<Job.State>, before: Int64?, limit: Int) -> [Job] {
        let wanted = state.withLock { state in
            state.jobs.values.filter { job in
                (kind.map { $0 == job.kind } ?? true) && (states.isEmpty || states.contains(job.state))
                    && (before.map { job.id < $0 } ?? true)
            }
        }
        return Array(wanted.sorted { $0.id > $1.id }.prefix(max(0, limit)))
    }

    package func nextDue(_ kinds: [String]) -> Instant? {
        state.withLock { state in state.jobs.values.filter { kinds.contains($0.kind) }.compactMap(\.due).min() }
    }

    package func prune(now: Instant) -> Int {
        state.withLock { state in
            let live = state.jobs.values.filter { !$0.state.isOver }.map(\.id).sorted(by: >)
            for id in live.dropFirst(Job.maxLive) {
                Self.end(id, .discarded, Job.tooMany, now, &state)
                state.jobs[id]?.fence += 1
            }
            let over = state.jobs.values.compactMap { job in job.endedAt.map { (at: $0, id: job.id) } }
                .sorted { ($1.at, $1.id) < ($0.at, $0.id) }
            let old = over.enumerated().filter { index, one in
                index >= Job.maxEnded || one.at < now - Job.keptFor
            }
            for (_, one) in old { state.jobs[one.id] = nil }
            return old.count
        }
    }
}
