import StokerCore
import Testing

@Suite struct TimetableTests {
    @Test func oldestFirstAndNoMoreThanAsked() {
        var table = Timetable()
        for (check, due) in [(3, 30), (1, 10), (2, 20), (9, 10)] as [(UInt32, Int64)] { table.schedule(check, at: due) }
        #expect(table.next == 10 && table.count == 4)
        var popped: [Int64] = []
        let first = table.popDue(25, limit: 2) { popped.append($1) }
        #expect(first == 2 && popped == [10, 10])
        let second = table.popDue(25) { popped.append($1) }
        #expect(second == 1 && popped == [10, 10, 20])
        let third = table.popDue(29) { _, _ in }
        #expect(third == 0)
        #expect(table.next == 30 && table.due(of: 3) == 30 && table.due(of: 2) == nil)
    }

    @Test func movedAndCancelled() {
        var table = Timetable()
        table.schedule(0, at: 5)
        table.schedule(0, at: 50)
        #expect(table.next == 50 && table.count == 1)
        table.schedule(0, at: 2)
        #expect(table.next == 2)
        let cancelled = [table.cancel(0), table.cancel(0), table.cancel(77)]
        #expect(cancelled == [true, false, false])
        #expect(table.isEmpty && table.next == nil)
    }

    @Test func theClockWasSet() {
        var table = Timetable()
        table.schedule(0, at: 100)
        table.shift(by: 7_200_000)
        table.schedule(1, at: 200)
        #expect(table.due(of: 0) == 7_200_100 && table.next == 200)
    }

    @Test func whatWasMissedIsMadeOnceAndSpread() {
        var table = Timetable()
        for check in 0..<10 as Range<UInt32> { table.schedule(check, at: Int64(check)) }
        table.schedule(10, at: 9_999)
        table.spreadOverdue(5_000, spacing: 20)
        #expect(table.count == 11)
        #expect((0..<10 as Range<UInt32>).allSatisfy { table.due(of: $0) == 5_000 + Int64($0) * 20 })
        #expect(table.due(of: 10) == 9_999)
    }

    @Test func witnessesAreBroughtForward() {
        var table = Timetable()
        for check in 0..<100 as Range<UInt32> { table.schedule(check, at: 1_000 + Int64(check)) }
        let moved = table.bringForward(2, to: 1_000) { $0 % 10 == 5 }
        #expect(moved == 2 && table.count == 100)
        #expect(table.due(of: 5) == 1_000 && table.due(of: 15) == 1_000)
        #expect(table.due(of: 4) == 1_004 && table.due(of: 25) == 1_025)
        let far = table.bringForward(1, to: 1_000) { $0 == 99 }
        #expect(far == 0 && table.count == 100 && table.due(of: 99) == 1_099)
    }

    @Test func roomIsMadeBeforehand() {
        var table = Timetable()
        table.reserve(1_000)
        #expect(table.isEmpty && table.next == nil)
        table.schedule(999, at: 1)
        #expect(table.next == 1)
    }

    /// Fifty days fit the compact form; nothing is lost, rounded or out of order beyond them, in either direction.
    @Test func timesThatAreYearsApart() {
        let year: Int64 = 365 * 86_400_000
        var table = Timetable()
        let times = [40 * year, 55 * year, 55 * year + 1, 54 * year, -year, 56 * year, Int64(1 << 50)]
        for (check, time) in times.enumerated() { table.schedule(UInt32(check), at: time) }
        #expect((0..<UInt32(times.count)).allSatisfy { table.due(of: $0) == times[Int($0)] })
        table.schedule(5, at: 55 * year + 2)
        table.shift(by: 1_000)
        var popped: [Int64] = []
        table.popDue(.max) { popped.append($1) }
        #expect(
            popped
                == [-year, 40 * year, 54 * year, 55 * year, 55 * year + 1, 55 * year + 2, 1 << 50].map { $0 + 1_000 })
    }

    /// A fleet that is monitored for a year: the window of the compact form moves along with it.
    @Test func theYearsGoBy() {
        var random = SplitMix64(seed: 12)
        var table = Timetable()
        var model: [UInt32: Int64] = [:]
        for check in 0..<300 as Range<UInt32> {
            model[check] = 1_700_000_000_000 + Int64(check)
            table.schedule(check, at: model[check]!)
        }
        // Some are paused for a long time.
        for check in 300..<320 as Range<UInt32> {
            model[check] = 1_700_000_000_000 + Int64(check) * 86_400_000
            table.schedule(check, at: model[check]!)
        }
        for _ in 0..<20_000 {
            guard let next = table.next else { break }
            #expect(next == model.values.min())
            table.popDue(next, limit: 1) { check, due in
                #expect(model[check] == due)
                model[check] = due + Int64.random(in: 1...1_000_000_000, using: &random)
            }
            let check = model.first { table.due(of: $0.key) == nil }!
            table.schedule(check.key, at: check.value)
        }
        #expect(table.count == 320 && table.next! > 1_700_000_000_000 + 365 * 86_400_000)
        #expect(model.allSatisfy { table.due(of: $0.key) == $0.value })
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>) func likeASlowTable(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        // With the larger steps most times lie outside the compact form.
        let step: Int64 = seed <= 5 ? 1 : 100_000_000
        var table = Timetable()
        var model: [UInt32: Int64] = [:]
        var now: Int64 = 0
        for _ in 0..<4_000 {
            let check = UInt32.random(in: 0..<200, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<6:
                let due = now + Int64.random(in: -50...500, using: &random) * step
                table.schedule(check, at: due)
                model[check] = due
            case 6..<8:
                let was = model.removeValue(forKey: check) != nil
                let cancelled = table.cancel(check)
                #expect(cancelled == was)
            case 8:
                let by = Int64.random(in: -1_000...1_000, using: &random) * step
                table.shift(by: by)
                model = model.mapValues { $0 + by }
            case 9 where Int.random(in: 0..<100, using: &random) == 0:
                table.removeAll()
                model = [:]
            default:
                now += Int64.random(in: 0...60, using: &random) * step
                let limit = Int.random(in: 0...20, using: &random)
                var popped: [(UInt32, Int64)] = []
                table.popDue(now, limit: limit) { popped.append(($0, $1)) }
                let due = model.values.filter { $0 <= now }.sorted()
                #expect(popped.map(\.1) == Array(due.prefix(limit)))
                #expect(popped.allSatisfy { model[$0.0] == $0.1 })
                for (check, _) in popped { model[check] = nil }
            }
            #expect(table.count == model.count && table.next == model.values.min())
            #expect(table.due(of: check) == model[check])
        }
    }
}

@Suite struct DueTimeSpreadTests {
    @Test func jitterStaysInsideItsShareAndFillsIt() {
        var spread = DueTimeSpread(seed: 1)
        let intervals = (0..<5_000).map { _ in spread.interval(.seconds(1_000), jitter: 0.05) }
        #expect(intervals.allSatisfy { (950_000...1_050_000).contains($0) })
        #expect(intervals.min()! < 952_000 && intervals.max()! > 1_048_000)
        let exact = [spread.interval(.seconds(7), jitter: 0), spread.interval(.zero, jitter: 0.5)]
        #expect(exact == [7_000, 1])
    }

    @Test func theSameSeedGivesTheSameTimes() {
        var a = DueTimeSpread(seed: 9)
        var b = DueTimeSpread(seed: 9)
        #expect(
            (0..<50).allSatisfy { _ in a.interval(.seconds(60), jitter: 0.1) == b.interval(.seconds(60), jitter: 0.1) })
    }

    @Test(
        arguments: [
            // due, now, next
            (1_000, 1_003, 61_000), (1_000, 31_000, 61_000), (1_000, 61_000, 121_000), (1_000, 3_600_000, 3_660_000),
        ] as [(Int64, Int64, Int64)])
    func aMissedPingIsMadeOnce(due: Int64, now: Int64, next: Int64) {
        var spread = DueTimeSpread(seed: 3)
        let following = spread.following(due: due, now: now, every: .seconds(60), jitter: 0)
        #expect(following == next)
    }

    @Test func aSuspendedMachineMakesOnePingOfForty() {
        var spread = DueTimeSpread(seed: 4)
        var table = Timetable()
        table.schedule(0, at: 0)
        var made = 0
        // Asleep for forty intervals, then a minute of ticks.
        for now in stride(from: Int64(40 * 60_000), to: 40 * 60_000 + 59_000, by: 250) {
            var due: Int64?
            table.popDue(now) { due = $1 }
            if let due {
                made += 1
                table.schedule(0, at: spread.following(due: due, now: now, every: .seconds(60), jitter: 0))
            }
        }
        #expect(made == 1)
    }

    @Test func afterTheFirstSweepTheWholeIntervalIsUsed() {
        var spread = DueTimeSpread(seed: 5)
        let dues = (0..<2_000).map { _ in spread.afterFirst(now: 0, every: .seconds(2_700)) }
        #expect(dues.allSatisfy { (135_000...2_700_000).contains($0) })
        let tenths = Set(dues.map { $0 / 270_000 })
        #expect(tenths.count >= 10)
    }

    @Test func dueTimesFromTheLedger() throws {
        let now = Instant(milliseconds: 1_700_000_000_000)
        func restored(_ saved: Instant, seed: UInt64 = 6) -> Int64? {
            var spread = DueTimeSpread(seed: seed)
            return spread.restored(saved, now: now, every: .seconds(600), jitter: 0.05, span: .seconds(4))
        }
        #expect(restored(.never) == nil)
        #expect(restored(now + .seconds(300)) == (now + .seconds(300)).milliseconds)
        #expect(restored(now + .seconds(630)) == (now + .seconds(630)).milliseconds)
        for seed in 0..<200 as Range<UInt64> {
            let past = try #require(restored(now - .seconds(86_400), seed: seed)) - now.milliseconds
            #expect((0..<4_000).contains(past))
            // The clock was moved back by a year.
            let far = try #require(restored(now + .seconds(365 * 86_400), seed: seed)) - now.milliseconds
            #expect((0...600_000).contains(far))
        }
    }

    @Test(arguments: [
        (1, Duration.milliseconds(100)), (12, .milliseconds(1_200)), (100, .seconds(2)), (10_000, .seconds(10)),
        (1_000_000, .seconds(1_000)),
    ])
    func theFirstSweep(count: Int, span: Duration) {
        let sweep = StartRamp(count: count)
        #expect(sweep.span == span)
        #expect(sweep.offset(of: 0) == 0)
        #expect(sweep.offset(of: count - 1) < span.wholeMilliseconds)
        let step = sweep.offset(of: count / 2) - sweep.offset(of: max(0, count / 2 - 1))
        #expect(step <= max(1, span.wholeMilliseconds / Int64(count) + 1))
    }

    @Test func anEmptyFleetHasASweep() { #expect(StartRamp(count: 0).offset(of: 0) == 0) }
}

@Suite struct ClockMonitorTests {
    /// Seconds that each clock advances; and what is seen.
    @Test(arguments: [
        (0.25, 0.25, 0.25, 0.0, 0.0, 0.0), (3_600.25, 0.25, 0.25, 3_600, 0, 0), (-86_400, 0.25, 0.25, -86_400.25, 0, 0),
        (7_200.25, 0.25, 7_200.25, 0, 7_200, 0), (60, 60, 60, 0, 0, 60), (1.5, 0.25, 0.25, 0, 0, 0),
        (5_000, 20, 1_000, 4_000, 980, 20),
    ])
    func changes(wall: Double, running: Double, elapsed: Double, moved: Double, slept: Double, stood: Double) {
        let first = ClockMonitor.Reading(wall: Instant(seconds: 1_000_000), running: .seconds(5), elapsed: .seconds(9))
        var watch = ClockMonitor(first)
        let change = watch.read(
            .init(
                wall: first.wall + .seconds(wall), running: first.running + .seconds(running),
                elapsed: first.elapsed + .seconds(elapsed)))
        let expected = ClockMonitor.Change(clockMoved: .seconds(moved), slept: .seconds(slept), stood: .seconds(stood))
        #expect(change == (expected == .init() ? nil : expected))
        #expect(expected.missedTime == (slept > 0 || stood > 0))
    }

    @Test func smallMovesAddUp() {
        let first = ClockMonitor.Reading(wall: Instant(seconds: 1_000_000), running: .zero, elapsed: .zero)
        var watch = ClockMonitor(first)
        var moved: [Duration] = []
        for tick in 1...100 {
            let time = Duration.milliseconds(250 * tick)
            let change = watch.read(
                .init(wall: first.wall + time + .milliseconds(30 * tick), running: time, elapsed: time))
            if let change { moved.append(change.clockMoved) }
        }
        #expect(moved == [.milliseconds(2_010)])
    }

    @Test func aJumpIsToldOnce() {
        let start = ClockMonitor.Reading(wall: Instant(seconds: 1_000_000), running: .zero, elapsed: .zero)
        var watch = ClockMonitor(start)
        let jumped = ClockMonitor.Reading(wall: start.wall + .seconds(500), running: .seconds(1), elapsed: .seconds(1))
        let first = watch.read(jumped)
        let second = watch.read(.init(wall: jumped.wall + .seconds(1), running: .seconds(2), elapsed: .seconds(2)))
        #expect(first?.clockMoved == .seconds(499) && second == nil)
    }
}
