import Ledger
import StokerCore
import Testing

@Suite("JobStore contract")
struct JobStoreTests {
    private static let minute = Duration.seconds(60)

    private func job(
        _ kind: String = "mail", _ payload: String = "{}", at: Instant = morning, runAt: Instant? = nil,
        maxAttempts: Int = 3, key: NewJob.Key? = nil
    ) throws(Failure) -> NewJob {
        try NewJob(
            kind: kind, payload: payload, createdAt: at, runAt: runAt, maxAttempts: maxAttempts, key: key)
    }

    /// - Returns: the job that is claimed, which is to be one.
    private func claimOne(_ jobs: any JobStore, by owner: String, at: Instant) async throws -> Job {
        let claimed = try await jobs.claim(["mail"], by: owner, limit: 5, lease: Self.minute, now: at)
        #expect(claimed.count == 1)
        return try #require(claimed.first)
    }

    @Test("what is due is claimed once, oldest due first, of the kinds asked for", arguments: Kind.allCases)
    func claiming(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            let ids = try await jobs.insert([
                job("mail", "1", at: morning + .seconds(3)), job("mail", "2", at: morning + .seconds(1)),
                job("mail", "3", at: morning, runAt: morning + .seconds(90)), job("page", "4"),
            ])
            #expect(ids.count == 4 && Set(ids).count == 4)
            #expect(try await jobs.nextDue(["mail"]) == morning + .seconds(1))
            #expect(try await jobs.nextDue(["mail", "page"]) == morning)
            #expect(try await jobs.nextDue(["fax"]) == nil)
            let now = morning + .seconds(10)
            let first = try await jobs.claim(["mail"], by: "a", limit: 1, lease: Self.minute, now: now)
            #expect(first.map(\.payload) == ["2"] && first[0].attempt == 1 && first[0].state == .running)
            #expect(first[0].leaseUntil == now + Self.minute && first[0].owner == "a" && first[0].runAt == nil)
            let rest = try await jobs.claim(["mail", "page", "fax"], by: "b", limit: 9, lease: Self.minute, now: now)
            #expect(rest.map(\.payload) == ["4", "1"])
            #expect(try await jobs.claim(["mail"], by: "c", limit: 9, lease: Self.minute, now: now) == [])
            #expect(try await jobs.job(ids[2])?.state == .scheduled)
            #expect(try await jobs.job(ids[2])?.runAt == morning + .seconds(90))
            #expect(
                try await jobs.jobs(kind: "mail", states: [.running], before: nil, limit: 9).map(\.id)
                    == ids[..<2].reversed())
            #expect(try await jobs.jobs(kind: nil, states: [], before: ids[3], limit: 2).map(\.id) == [ids[2], ids[1]])
            #expect(try await jobs.complete(rest[0].id, fence: rest[0].fence, now: now))
            let done = try #require(try await jobs.job(rest[0].id))
            #expect(done.state == .completed && done.endedAt == now && done.due == nil && done.owner == nil)
        }
    }

    @Test("after its lease a job goes to another, and its late worker is refused", arguments: Kind.allCases)
    func fence(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            try await jobs.insert([job()])
            let old = try await claimOne(jobs, by: "a", at: morning)
            // One that is still at it keeps it.
            #expect(try await jobs.extend(old.id, fence: old.fence, until: morning + .seconds(90)))
            #expect(
                try await jobs.claim(["mail"], by: "b", limit: 5, lease: Self.minute, now: morning + .seconds(89)) == []
            )
            let later = morning + .seconds(90)
            let new = try await claimOne(jobs, by: "b", at: later)
            #expect(new.id == old.id && new.fence > old.fence && new.attempt == 2 && new.owner == "b")
            #expect(try await !jobs.complete(old.id, fence: old.fence, now: later))
            #expect(try await !jobs.extend(old.id, fence: old.fence, until: later + Self.minute))
            #expect(try await !jobs.fail(old.id, fence: old.fence, error: "x", retryAt: later, now: later))
            #expect(try await !jobs.snooze(old.id, fence: old.fence, until: later))
            #expect(try await jobs.job(new.id) == new, "nothing of the late worker's")
            #expect(try await jobs.complete(new.id, fence: new.fence, now: later))
            #expect(try await !jobs.complete(new.id, fence: new.fence, now: later), "once")
        }
    }

    @Test("what a worker held that is gone is due again, in its old order", arguments: Kind.allCases)
    func release(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            let ids = try await jobs.insert([
                job("mail", "1", at: morning), job("mail", "2", at: morning + .seconds(1)), job("page", "3"),
                job("mail", "4", at: morning + .seconds(2)),
            ])
            let now = morning + .seconds(10)
            let held = try await jobs.claim(["mail"], by: "a", limit: 2, lease: Self.minute, now: now)
            let page = try await jobs.claim(["page"], by: "a", limit: 1, lease: Self.minute, now: now)
            #expect(held.map(\.id) == Array(ids[..<2]) && page.count == 1)
            #expect(try await jobs.release(kind: "mail") == 2)
            #expect(try await jobs.job(ids[2])?.state == .running, "of another kind")
            #expect(try await !jobs.complete(held[0].id, fence: held[0].fence, now: now), "its late worker is refused")
            let again = try await jobs.claim(["mail"], by: "b", limit: 9, lease: Self.minute, now: now)
            #expect(again.map(\.id) == [ids[0], ids[1], ids[3]])
            #expect(again.map(\.attempt) == [1, 1, 1])
            #expect(try await jobs.complete(again[0].id, fence: again[0].fence, note: "1 of 2", now: now))
            #expect(try await jobs.job(ids[0])?.lastError == "1 of 2")
            #expect(try await jobs.release(kind: "fax") == 0)
        }
    }

    @Test("a failed job waits for its next try and is given up after the last", arguments: Kind.allCases)
    func failing(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            try await jobs.insert([job(maxAttempts: 2)])
            var claimed = try await claimOne(jobs, by: "a", at: morning)
            let again = morning + .seconds(30)
            #expect(
                try await jobs.fail(
                    claimed.id, fence: claimed.fence, error: "refused", retryAt: again, now: morning))
            let waiting = try #require(try await jobs.job(claimed.id))
            #expect(waiting.state == .retryable && waiting.lastError == "refused" && waiting.runAt == again)
            #expect(try await jobs.claim(["mail"], by: "a", limit: 1, lease: Self.minute, now: morning) == [])
            claimed = try await claimOne(jobs, by: "a", at: again)
            // Put off: the attempt does not count.
            #expect(try await jobs.snooze(claimed.id, fence: claimed.fence, until: again + .seconds(5)))
            #expect(try await jobs.job(claimed.id)?.attempt == 1)
            claimed = try await claimOne(jobs, by: "a", at: again + .seconds(5))
            #expect(claimed.attempt == 2)
            let long = String(repeating: "ü", count: Job.maxError)
            #expect(
                try await jobs.fail(claimed.id, fence: claimed.fence, error: long, retryAt: again, now: again))
            let over = try #require(try await jobs.job(claimed.id))
            #expect(over.state == .discarded && over.endedAt == again && over.due == nil)
            let error = try #require(over.lastError)
            #expect(error.utf8.count <= Job.maxError && error.hasSuffix("ü…"))
            // What cannot succeed is given up at once.
            try await jobs.insert([job()])
            claimed = try await claimOne(jobs, by: "a", at: again)
            #expect(try await jobs.fail(claimed.id, fence: claimed.fence, error: "no", retryAt: nil, now: again))
            #expect(try await jobs.job(claimed.id)?.state == .discarded)
        }
    }

    @Test("a job that was lost with its worker at its last attempt is given up", arguments: Kind.allCases)
    func lost(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            try await jobs.insert([job(maxAttempts: 1), job("mail", "next", at: morning + .seconds(120))])
            let lost = try await claimOne(jobs, by: "a", at: morning)
            let later = morning + .seconds(120)
            #expect(try await claimOne(jobs, by: "b", at: later).payload == "next")
            let over = try #require(try await jobs.job(lost.id))
            #expect(over.state == .discarded && over.lastError?.isEmpty == false && over.endedAt == later)
            #expect(try await !jobs.complete(lost.id, fence: lost.fence, now: later))
        }
    }

    @Test("cancelling ends what is not over, and its worker is refused", arguments: Kind.allCases)
    func cancelling(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            let ids = try await jobs.insert([job("mail", "1"), job("page", "2")])
            let claimed = try await claimOne(jobs, by: "a", at: morning)
            for id in ids { #expect(try await jobs.cancel(id, because: "not wanted", now: morning)) }
            #expect(try await !jobs.cancel(ids[0], because: "again", now: morning))
            #expect(try await !jobs.cancel(99, because: "unknown", now: morning))
            #expect(try await !jobs.extend(claimed.id, fence: claimed.fence, until: morning + Self.minute))
            #expect(try await !jobs.complete(claimed.id, fence: claimed.fence, now: morning))
            let over = try await jobs.jobs(kind: nil, states: [.cancelled], before: nil, limit: 9)
            #expect(over.map(\.lastError) == ["not wanted", "not wanted"])
            #expect(try await jobs.nextDue(["mail", "page"]) == nil)
        }
    }

    @Test("there is one job of a key: for as long as it is remembered, or until it is over", arguments: Kind.allCases)
    func keys(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            let ids = try await jobs.insert([
                job(key: .once("incident 7 to ops")), job(key: .once("incident 7 to ops")),
                job("mail", "b", at: morning + .seconds(1), key: .oneAtATime("snapshot a/b")),
            ])
            #expect(ids[0] == ids[1] && ids[2] != ids[0])
            #expect(try await jobs.insert([job(key: .oneAtATime("snapshot a/b"))]) == [ids[2]])
            for _ in 0..<2 {
                let now = morning + .seconds(5)
                for one in try await jobs.claim(["mail"], by: "a", limit: 1, lease: Self.minute, now: now) {
                    #expect(try await jobs.complete(one.id, fence: one.fence, now: now))
                }
            }
            #expect(try await jobs.insert([job(key: .once("incident 7 to ops"))]) == [ids[0]], "sent is sent")
            let next = try await jobs.insert([job(key: .oneAtATime("snapshot a/b"))])
            #expect(next != [ids[2]])
            #expect(try await jobs.prune(now: morning + .seconds(5) + Job.keptFor) == 0)
            #expect(try await jobs.prune(now: morning + .seconds(6) + Job.keptFor) == 2)
            #expect(try await jobs.jobs(kind: nil, states: [], before: nil, limit: 9).map(\.id) == next)
            #expect(try await jobs.insert([job(key: .once("incident 7 to ops"))])[0] > next[0])
        }
    }

    @Test(
        "a message that grows replaces what waits, and is inserted beside what was claimed",
        arguments: Kind.allCases)
    func growing(kind: Kind) async throws {
        try await kind.withLedger { ledger, _ in
            let jobs = ledger.jobs
            let due = morning + .seconds(30)
            try await jobs.insert([job("mail", "one", runAt: due, key: .growing("notice 1"))])
            let later = morning + .seconds(10)
            try await jobs.insert([
                job("mail", "one and two", at: later, runAt: later + .seconds(30), key: .growing("notice 1")),
                job("mail", "another", at: later, runAt: due, key: .growing("notice 2")),
            ])
            let waiting = try await jobs.jobs(kind: "mail", states: [], before: nil, limit: 9)
            #expect(Set(waiting.map(\.payload)) == ["one and two", "another"])
            #expect(waiting.allSatisfy { $0.runAt == due }, "it goes out when the first was to go out")
            let claimed = try await jobs.claim(["mail"], by: "a", limit: 9, lease: Self.minute, now: due)
            #expect(claimed.count == 2)
            // What is on its way cannot grow any more, and nothing of the rest is lost.
            try await jobs.insert([job("mail", "three", at: due, key: .growing("notice 1"))])
            let rest = try await jobs.claim(["mail"], by: "a", limit: 9, lease: Self.minute, now: due)
            #expect(rest.map(\.payload) == ["three"])
            for one in claimed + rest { #expect(try await jobs.complete(one.id, fence: one.fence, now: due)) }
        }
    }

    @Test("what cannot be kept is refused before it is inserted")
    func bounds() throws {
        #expect(throws: Failure.self) { try job("mail", String(repeating: "x", count: Job.maxPayload + 1)) }
        #expect(throws: Failure.self) { try job("") }
        #expect(throws: Failure.self) { try job(key: .once(String(repeating: "k", count: 201))) }
    }
}
