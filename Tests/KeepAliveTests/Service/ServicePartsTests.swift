import NIOCore
import NIOHTTP1
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

@Suite struct AdmissionControlTests {
    @Test func admitsUpToTheYoungLimitUntilTheyAreAnswered() {
        var gate = AdmissionControl(openLimit: 100, recentLimit: 3)
        let tickets = (0..<3).map { _ in gate.begin(at: 1_000) }
        #expect(!gate.admits)
        gate.end(tickets[0])
        #expect(gate.admits)
        #expect(gate.open == 2)
    }

    @Test func hangingAttemptsGrowOldAndMakeRoom() {
        var gate = AdmissionControl(openLimit: 100, recentLimit: 3)
        for _ in 0..<3 { _ = gate.begin(at: 1_000) }
        gate.advance(to: 1_400)
        #expect(!gate.admits)
        gate.advance(to: 1_500)
        #expect(gate.admits, "after half a second they do not count as our own queue any more")
        #expect(gate.open == 3)
    }

    @Test func theOpenLimitHoldsHoweverOldTheyAre() {
        var gate = AdmissionControl(openLimit: 2, recentLimit: 10)
        let first = gate.begin(at: 0)
        _ = gate.begin(at: 0)
        gate.advance(to: 1_000_000)
        #expect(!gate.admits)
        gate.end(first)
        #expect(gate.admits)
    }

    /// Against a model that remembers every attempt.
    @Test(arguments: 0..<20) func countsLikeASlowModel(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var gate = AdmissionControl(openLimit: 1_000, recentLimit: 8)
        var model: [(ticket: Int64, slot: Int64)] = []
        var now: Int64 = 5_000
        for _ in 0..<2_000 {
            now += Int64.random(in: 0...30, using: &random)
            gate.advance(to: now)
            if Bool.random(using: &random), gate.admits {
                model.append((gate.begin(at: now), now / 50))
            } else if let place = model.indices.randomElement(using: &random) {
                gate.end(model.remove(at: place).ticket)
            }
            let recent = model.count { now / 50 - $0.slot < 10 }
            #expect(gate.open == model.count)
            #expect(gate.admits == (recent < 8))
        }
    }
}

extension AdmissionControlTests {
    @Test func aSlowerPaceLetsFewBegin() {
        var gate = AdmissionControl(openLimit: 100, recentLimit: 32)
        _ = gate.begin(at: 0)
        gate.pace = .slow
        #expect(gate.admits)
        _ = gate.begin(at: 0)
        #expect(!gate.admits)
        gate.pace = .full
        #expect(gate.admits)
        var smallest = AdmissionControl(openLimit: 1, recentLimit: 1)
        smallest.pace = .slow
        #expect(smallest.admits)
    }
}

@Suite struct SharedBacklogTests {
    /// A shard that is late before another has said its first word.
    @Test(arguments: [0, 5_000, 34_560_000_000] as [Int64]) func whoHasNotSpokenIsNotWaitedFor(running: Int64) {
        #expect(SharedBacklog(shards: 2).pace(0, oldest: 9_000, now: 10_000, running: running) == .full)
    }

    private func pace(_ oldest: Int64?, other: Int64?, at running: Int64 = 5_000, age: Int64 = 0) -> SharedBacklog.Pace
    {
        let backlog = SharedBacklog(shards: 2)
        backlog.tell(other, of: 1, running: running - age)
        backlog.tell(oldest, of: 0, running: running)
        return backlog.pace(0, oldest: oldest, now: 10_000, running: running)
    }

    @Test func whoIsAheadOfAnotherIsSlower() {
        #expect(pace(9_000, other: 8_000) == .slow)
        #expect(pace(9_000, other: 9_000 - SharedBacklog.lead(lateness: 1_000)) == .full, "as good as level")
        #expect(pace(8_000, other: 9_000) == .full, "the other one is ahead")
    }

    @Test func nobodyOnTimeWaitsForALateOne() {
        #expect(pace(10_000 - SharedBacklog.patience, other: 1_000) == .full)
        #expect(pace(12_000, other: 1_000) == .full)
        #expect(pace(nil, other: 1_000) == .full)
    }

    @Test func whoIsNotBehindOrStandsStillHoldsNobodyUp() {
        #expect(pace(9_000, other: nil) == .full)
        #expect(pace(9_000, other: 1_000, age: SharedBacklog.staleAfter) == .full)
        // Late before the other one has said anything at all.
        #expect(SharedBacklog(shards: 2).pace(0, oldest: 9_000, now: 10_000, running: 5_000) == .full)
        let alone = SharedBacklog(shards: 1)
        alone.tell(1_000, of: 0, running: 0)
        #expect(alone.pace(0, oldest: 1_000, now: 10_000, running: 0) == .full)
    }
}

@Suite struct LatenessWindowTests {
    @Test func quantilesAreWithinOneStepAbove() {
        var window = LatenessWindow()
        for microseconds in 1...10_000 { window.record(microseconds: Int64(microseconds)) }
        for share in [0.1, 0.5, 0.9, 0.99] {
            let exact = share * 10_000
            let told = Double(window.quantile(share))
            #expect(told >= exact && told <= exact * 1.26, "p\(share): \(told)")
        }
    }

    @Test func theMinuteBeforeLastIsForgotten() {
        var window = LatenessWindow()
        window.record(microseconds: 1_000_000)
        window.turn()
        #expect(window.quantile(0.99) >= 1_000_000)
        window.turn()
        #expect(window.quantile(0.99) == 0)
    }
}

@Suite struct RecentPingsTests {
    @Test func keepsTheNewestFortyOldestFirst() {
        var strips = RecentPings(count: 2)
        for ping in 1...100 {
            strips.append(
                Sample(at: Instant(milliseconds: Int64(ping)), outcome: .up, latencyMicroseconds: UInt32(ping)), at: 1)
        }
        #expect(strips[0].isEmpty)
        #expect(strips[1].map(\.at.milliseconds) == Array(61...100))
    }

    @Test func largeFleetsKeepNone() {
        var strips = RecentPings(count: RecentPings.largestFleet + 1)
        strips.append(Sample(at: Instant(milliseconds: 1), outcome: .up, latencyMicroseconds: 1), at: 0)
        #expect(!strips.isKept)
        #expect(strips[0].isEmpty)
    }
}

@Suite struct TranscriptCacheTests {
    private func entry(_ number: Int) -> TranscriptCache.Entry {
        let attempt = Attempt(at: Instant(milliseconds: 1), result: .connected, phases: .init()) {
            number, outcome, cause, detail in
            Transcript(at: .never, attempt: number, outcome: outcome, cause: cause, detail: detail, exchanges: [])
        }
        return TranscriptCache.Entry(
            attempt: attempt, number: number, finding: AttemptResult(outcome: .up, cause: .none))
    }

    @Test func theOldestGoesWhenItIsFull() {
        var shelf = TranscriptCache(limit: 3)
        for index in 0..<5 { shelf.put(entry(index), for: UInt32(index)) }
        #expect((0..<5).map { shelf[UInt32($0)] != nil } == [false, false, true, true, true])
    }

    @Test func aNewerOneTakesThePlaceOfTheOld() {
        var shelf = TranscriptCache(limit: 2)
        for turn in 0..<10_000 { shelf.put(entry(turn), for: UInt32(turn % 2)) }
        #expect(shelf[0]?.number == 9_998)
        #expect(shelf[1]?.transcript.attempt == 9_999)
    }
}

@Suite struct ChangeFeedTests {
    @Test func joinsWhatHappenedIntoOneBatch() async {
        let feed = ChangeFeed()
        let stream = feed.listen()
        feed.add(names: ["a"], events: [])
        feed.add(names: ["b"], events: [Event(at: .never, kind: "started", text: "x")])
        feed.send()
        feed.finish()
        var batches: [Changes] = []
        for await batch in stream { batches.append(batch) }
        #expect(batches.count == 1)
        #expect(batches.first?.names == ["a", "b"])
        #expect(batches.first?.events.count == 1)
    }

    @Test func aSlowListenerIsToldToReadEverything() async {
        let feed = ChangeFeed()
        let stream = feed.listen()
        for number in 0..<20 {
            feed.add(names: ["\(number)"], events: [])
            feed.send()
        }
        var iterator = stream.makeAsyncIterator()
        for _ in 0..<8 { _ = await iterator.next() }
        feed.add(names: ["late"], events: [])
        feed.send()
        let batch = await iterator.next()
        #expect(batch?.everything == true)
        feed.finish()
        #expect(await iterator.next() == nil)
    }

    @Test func nobodyListeningCostsNothing() {
        let feed = ChangeFeed()
        feed.add(names: ["a"], events: [])
        #expect(!feed.isListenedTo)
    }

    @Test func aListenerAfterTheEndIsSentAway() async {
        let feed = ChangeFeed()
        feed.finish()
        for await _ in feed.listen() { Issue.record("nothing can come") }
        #expect(!feed.isListenedTo)
    }
}
