import Foundation
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// Work that survives its container.
@Suite struct WorkQueueTests {
    /// Time that the test moves.
    final class Time: Sendable {
        private let at = Mutex(Instant(milliseconds: 1_700_000_000_000))
        var now: Instant { at.withLock { $0 } }
        func pass(_ span: Duration) { at.withLock { $0 = $0 + span } }
    }

    let place: TreeCaptureTests.Place
    let time = Time()
    init() throws { place = try TreeCaptureTests.Place() }

    func queue(_ life: String = "1") throws -> WorkQueue {
        let time = time
        return try WorkQueue(path: place.path + "/data/queue.sqlite", life: life, now: { time.now })
    }

    @Test func workIsTakenOldestFirstAndOnce() throws {
        let queue = try queue()
        for word in ["one", "two"] { _ = try queue.push(word) }
        let first = try #require(try queue.take(for: .seconds(60)))
        #expect((first.payload, first.attempts) == ("one", 1))
        #expect(try queue.take(for: .seconds(60))?.payload == "two")
        #expect(try queue.take(for: .seconds(60)) == nil)
        #expect(try queue.done(first.ticket).standing == .done)
        #expect(try queue.counts() == WorkQueue.Counts(waiting: 0, taken: 1, done: 1, failed: 0))
    }

    /// What is finished is never taken again; what was not is, at once.
    @Test func anotherLifeTakesWhatWasLeftAndNothingElse() throws {
        let before = try queue("1")
        for word in ["finished", "left"] { _ = try before.push(word) }
        let finished = try #require(try before.take(for: .seconds(3_600)))
        let left = try #require(try before.take(for: .seconds(3_600)))
        _ = try before.done(finished.ticket)
        let after = try queue("2")
        let again = try #require(try after.take(for: .seconds(60)))
        #expect((again.payload, again.attempts) == ("left", 2))
        #expect(try after.take(for: .seconds(60)) == nil)
        let late = #expect(throws: Failure.self) { try after.done(left.ticket) }
        #expect(late?.code == .conflict)
        #expect(try after.done(again.ticket).standing == .done)
    }

    @Test func aLeaseThatIsOverIsGivenToTheNext() throws {
        let queue = try queue()
        _ = try queue.push("work")
        let first = try #require(try queue.take(for: .seconds(60)))
        time.pass(.seconds(61))
        let second = try #require(try queue.take(for: .seconds(60)))
        #expect(second.id == first.id && second.ticket != first.ticket)
        #expect(throws: Failure.self) { try queue.done(first.ticket) }
    }

    @Test func whatFailsIsTriedAgainAndThenNoMore() throws {
        let queue = try queue()
        _ = try queue.push("work", after: .seconds(10))
        #expect(try queue.take(for: .seconds(60)) == nil)
        time.pass(.seconds(10))
        for attempt in 1...2 {
            let item = try #require(try queue.take(for: .seconds(60)))
            #expect(item.attempts == attempt)
            let back = try queue.fail(item.ticket, because: "no", retryAfter: .seconds(5), attempts: 2)
            #expect(back.standing == (attempt == 1 ? .waiting : .failed))
            #expect(try queue.take(for: .seconds(60)) == nil)
            time.pass(.seconds(5))
        }
        #expect(try queue.take(for: .seconds(60)) == nil)
        #expect(try queue.list(.failed).first?.trouble == "no")
    }

    @Test(arguments: ["", "x", "1", "1-1-1", "99-1"]) func aTicketThatIsNoneIsTold(ticket: String) throws {
        #expect(throws: Failure.self) { try queue().done(ticket) }
    }

    @Test func manyProcessesTakeEachItemOnce() async throws {
        let queue = try queue()
        for number in 0..<40 { _ = try queue.push("\(number)") }
        let path = queue.path
        let taken = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await TreeCapture.onThread {
                        let own = try WorkQueue(
                            path: path, life: "1", now: { Instant(milliseconds: 1_700_000_000_000) })
                        var mine: [String] = []
                        while let item = try own.take(for: .seconds(60)) { mine.append(item.payload) }
                        return mine
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(taken.count == 40 && Set(taken).count == 40)
    }
}
