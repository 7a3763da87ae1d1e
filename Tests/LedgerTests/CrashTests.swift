import Foundation
import Ledger
import StokerCore
import Testing

/// The same rows for the same number, so that a process that survived knows what one that did not has written.
private func batch(_ number: Int) -> Batch {
    var random = SplitMix64(seed: UInt64(number) &* 7 &+ 3)
    let start = morning + .seconds(number * 3_600)
    let rows = (0..<150).map { row in
        // Some come late, by up to three days.
        let late = row % 11 == 0 ? Int.random(in: 0...(3 * 86_400), using: &random) : 0
        return randomObservation(&random, checks: 5, at: start + .seconds(row * 20 - late))
    }
    return Batch(
        observations: rows, events: [Event(at: start, kind: "batch", text: "\(number)")],
        jobs: [try? NewJob(kind: "notice", payload: "\(number)", createdAt: start)].compactMap { $0 })
}

private let settings = Fleet.LedgerSettings(
    keepObservations: .seconds(86_400), keepMinutes: .zero, keepHours: .seconds(3 * 86_400))

@Suite("Ledger killed at any instant")
struct CrashTests {
    @Test("kill -9 loses nothing that was recorded and doubles nothing", arguments: 1...6 as ClosedRange<Int>)
    func killed(seed: Int) async throws {
        let scratch = try Scratch()
        let path = scratch.path()
        var written = 0
        for round in 0..<3 {
            let life = seed * 10 + round
            let first = written
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, life = life as Int, first = first as Int] in
                var random = SplitMix64(seed: UInt64(life))
                let ledger = try await SQLiteLedger(
                    path: path, layout: .init(tail: 200, slice: 90, fanOut: 3), logger: quiet)
                let last = first + Int.random(in: 3...40, using: &random)
                let delay = UInt32.random(in: 0...30_000, using: &random)
                var number = first
                while true {
                    try await ledger.record(batch(number))
                    try "\(number + 1)".write(toFile: path + ".acknowledged", atomically: true, encoding: .utf8)
                    number += 1
                    if number == last {
                        // From another thread, so that it hits in the middle of whatever is being written.
                        Thread.detachNewThread {
                            usleep(delay)
                            kill(getpid(), SIGKILL)
                        }
                    }
                    _ = try await ledger.compact()
                    if number % 7 == 0 {
                        _ = try await ledger.prune(settings, now: morning + .seconds(number * 3_600))
                    }
                }
            }
            let acknowledged = try #require(Int(try String(contentsOfFile: path + ".acknowledged", encoding: .utf8)))
            let ledger = try await openLedger(scratch)
            #expect(ledger.movedAside == nil)
            let told = try await ledger.incidents(of: Incident.ofLedger, openOnly: false, before: nil, limit: 5)
            #expect(told.isEmpty, "a kill alone is no damage")
            written = try await ledger.events(of: nil, before: nil, limit: .max).count
            #expect(written == acknowledged || written == acknowledged + 1)
            let owed = try await ledger.jobs.jobs(kind: "notice", states: [], before: nil, limit: .max)
            #expect(owed.map(\.payload) == (0..<written).reversed().map { "\($0)" }, "each with its cause, once")

            let model = MemoryLedger()
            for number in 0..<written { try await model.record(batch(number)) }
            // Whole days are the same in every form that rows can have.
            let dayStart = morning - .seconds(8 * 3_600 + 5 * 86_400)
            for check in 1...5 as ClosedRange<Int32> {
                let days = 12
                let end = dayStart + .seconds(days * 86_400)
                #expect(
                    try await ledger.series(of: check, from: dayStart, to: end, buckets: days)
                        == model.series(of: check, from: dayStart, to: end, buckets: days))
            }
            // And row by row, once both have given up the same.
            try await ledger.compactAll()
            let now = morning + .seconds(written * 3_600)
            _ = try await ledger.prune(settings, now: now)
            _ = try await model.prune(settings, now: now)
            let kept = try await ledger.observations(of: nil, before: nil, limit: .max)
            #expect(kept.count > 100 || written < 3)
            let isSame = try await kept == model.observations(of: nil, before: nil, limit: .max)
            #expect(isSame)
            await ledger.close()
        }
    }
}
