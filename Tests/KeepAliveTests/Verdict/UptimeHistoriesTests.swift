import Foundation
import Ledger
import Logging
import StokerCore
import Testing

@testable import KeepAlive

/// Random histories of checks, with restarts, kills, pauses, our own outages, clocks set forward and back, and old changes made
/// into sums, against a reference that paints every half minute of the wall clock. Up and down time must be equal to it.
@Suite("Uptime against a painted calendar")
struct UptimeHistoriesTests {
    /// All times are multiples of it, so that the reference is exact.
    static let cell: Int64 = 30_000
    /// 2026-11-21 00:00 UTC.
    static let origin: Int64 = 1_795_219_200_000
    static let days = 3

    static func instant(_ cell: Int) -> Instant { Instant(milliseconds: origin + Int64(cell) * Self.cell) }

    /// 50 worlds of 20 checks: 1,000 histories.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func random(seed: UInt64) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("uptime-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var world = try await World(path: folder.path + "/ledger.sqlite", seed: seed)
        while world.now < Self.days * 2_880 { try await world.step() }
        try await world.flush()
        try await world.compare()
        await world.sqlite.close()
    }
}

/// One program with its checks, its ledgers and the truth about them.
private struct World {
    typealias Tests = UptimeHistoriesTests
    static let checks = 20

    var random: SplitMix64
    var sqlite: SQLiteLedger
    let memory = MemoryLedger()
    let path: String
    /// Wall clock, in cells.
    var now = 600
    var states: [CheckState]
    var truths: [Truth]
    var written: [Truth]
    var policies: [CheckPolicy]
    var batch = Batch()
    /// Before it changes are sums by the hour.
    var folded = 0
    /// The ledger was last told that somebody watched.
    var toldUntil = 600

    init(path: String, seed: UInt64) async throws {
        random = SplitMix64(seed: seed)
        self.path = path
        sqlite = try await Self.open(path)
        states = Array(repeating: CheckState(), count: Self.checks)
        truths = Array(repeating: Truth(cursor: now), count: Self.checks)
        written = truths
        policies = (0..<Self.checks).map { number in
            let of = [(1, 1), (2, 2), (2, 3), (3, 3)][number % 4]
            return CheckPolicy(every: .seconds(600), downAfter: Threshold(failures: of.0, of: of.1))
        }
        batch.timeline.append(.absence(from: nil, to: Tests.instant(now)))
    }

    static func open(_ path: String) async throws -> SQLiteLedger {
        try await SQLiteLedger(
            path: path, layout: .init(oldMarks: 3), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    mutating func step() async throws {
        let before = now
        advance(to: now + Int.random(in: 1...50, using: &random))
        for check in 0..<Self.checks where Int.random(in: 0..<3, using: &random) > 0 {
            happen(to: check, since: before)
        }
        switch Int.random(in: 0..<80, using: &random) {
        case 0..<20: try await flush()
        case 20: try await restart(kills: false)
        case 21: try await restart(kills: true)
        case 22, 23:
            // Set forward: the time in between was lived by nobody.
            let to = now + Int.random(in: 1...300, using: &random)
            batch.timeline.append(.absence(from: Tests.instant(now), to: Tests.instant(to)))
            now = to
            for check in truths.indices { truths[check].cursor = now }
        case 24, 25:
            now = max(600, now - Int.random(in: 1...240, using: &random))
            batch.timeline.append(.clockSetBack(to: Tests.instant(now)))
            setBack()
        case 26:
            try await flush()
            let settings = Fleet.LedgerSettings(
                keepObservations: .seconds(86_400), keepMinutes: .zero, keepHours: .seconds(86_400))
            _ = try await sqlite.prune(settings, now: Tests.instant(now))
            folded = max(folded, (now - 2_880) / 2_880 * 2_880)
            try await compare()
        default: break
        }
    }

    private mutating func advance(to cell: Int) {
        now = cell
        for check in truths.indices { truths[check].pass(to: now) }
    }

    private mutating func setBack() {
        for check in truths.indices {
            Judge.clockSetBack(&states[check], to: Tests.instant(now))
            batch.states.append((Int32(check + 1), SavedState(state: states[check], nextDue: .never)))
            truths[check].setBack(to: now)
        }
    }

    private mutating func happen(to check: Int, since: Int) {
        let before = states[check]
        let instant = Tests.instant(now)
        // Attempts took their time, but none began before the last event.
        let first = Int.random(in: max(since, now - 6)...now, using: &random)
        let last = Int.random(in: first...now, using: &random)
        var seen = now
        var outcome: Outcome?
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<3: _ = Judge.pause(&states[check], .byPerson, check: Int32(check + 1), now: instant)
        case 3..<12: _ = Judge.resume(&states[check], now: instant)
        case 12..<18: outcome = .unknown
        case 18..<26:
            // Longer than half an hour would be stuck, which is another story.
            let since = before.wakingSince
            outcome = since.isNever || instant - since < .seconds(1_500) ? .waking : .up
        case 26..<55: outcome = .down
        case 55..<60: outcome = .slow
        default: outcome = .up
        }
        if let outcome {
            let failed = outcome == .down || outcome == .unknown
            seen = failed ? first : last
            let observation = Observation(
                check: Int32(check + 1), at: Tests.instant(last), outcome: outcome,
                cause: outcome == .down ? .status : outcome == .unknown ? .selfOffline : .none)
            _ = Judge.judge(
                &states[check], observation, policy: policies[check],
                failedFrom: failed ? Tests.instant(first) : nil, now: instant)
        }
        if let change = StandingChange(
            of: Int32(check + 1), from: before, to: states[check], seen: Tests.instant(seen))
        {
            batch.timeline.append(.change(change))
        }
        batch.states.append((Int32(check + 1), SavedState(state: states[check], nextDue: .never)))
        truths[check].take(outcome, seen: seen, before: before, after: states[check])
    }

    mutating func flush() async throws {
        batch.watchedUntil = Tests.instant(now)
        try await sqlite.record(batch)
        try await memory.record(batch)
        batch = Batch()
        written = truths
        toldUntil = now
    }

    private mutating func restart(kills: Bool) async throws {
        if kills {
            batch = Batch()
            truths = written
            now = toldUntil
        } else {
            try await flush()
        }
        await sqlite.close()
        sqlite = try await Self.open(path)
        let saved = try await sqlite.savedStates()
        // Now and then the machine comes back with an earlier time.
        let to = max(600, now + Int.random(in: -60...400, using: &random))
        batch.timeline.append(.absence(from: nil, to: Tests.instant(to)))
        let isBack = to < now
        now = to
        for check in 0..<Self.checks {
            states[check] = saved[Int32(check + 1)]?.state ?? CheckState()
            truths[check].cursor = now
        }
        if isBack { setBack() }
    }

    mutating func compare() async throws {
        let ids = (1...Int32(Self.checks)).map(\.self)
        let calendars = truths.map { $0.calendar(until: now) }
        for _ in 0..<3 {
            var from = Int.random(in: 0...now, using: &random)
            var to = Int.random(in: from...max(from, now), using: &random)
            if from < folded { from = from / 120 * 120 }
            if to < folded { to = to / 120 * 120 }
            guard from < to else { continue }
            let (begin, end) = (Tests.instant(from), Tests.instant(to))
            let found = try await sqlite.tally(of: ids, from: begin, to: end)
            let plain = try await memory.tally(of: ids, from: begin, to: end)
            for check in 0..<Self.checks {
                let time = calendars[check].time(from..<to)
                #expect(found[check].upTime == time.up && found[check].downTime == time.down)
                #expect(plain[check].upTime == time.up && plain[check].downTime == time.down)
                #expect(!found[check].isEstimated)
            }
        }
        let check = Int.random(in: 0..<Self.checks, using: &random)
        let hours = now / 120
        let series = try await sqlite.series(
            of: Int32(check + 1), from: Tests.instant(0), to: Tests.instant(hours * 120), buckets: hours)
        let times = (0..<hours).map { calendars[check].time($0 * 120..<($0 + 1) * 120) }
        #expect(series.map(\.upTime) == times.map(\.up))
        #expect(series.map(\.downTime) == times.map(\.down))
    }
}

/// What every half minute was, painted as it went by and painted over when more was known.
private struct Truth {
    enum Paint: UInt8 {
        case nobody, nothing, up, down, waking, paused, blind
        var stays: Bool { self == .nobody || self == .paused || self == .blind }
    }
    private var cells = [Paint](repeating: .nobody, count: (UptimeHistoriesTests.days + 2) * 2_880)
    private var paint = Paint.nothing
    private var firstFailed: Int?
    private var firstGood: Int?
    /// Painted up to here.
    var cursor: Int
    private var furthest = 0

    init(cursor: Int) { self.cursor = cursor }

    mutating func pass(to now: Int) {
        while cursor < now {
            cells[cursor] = paint
            cursor += 1
        }
        furthest = max(furthest, cursor)
    }

    mutating func setBack(to now: Int) {
        for index in now..<max(now, furthest) { cells[index] = .nobody }
        cursor = now
        firstFailed = firstFailed.map { min($0, now) }
        firstGood = firstGood.map { min($0, now) }
    }

    mutating func take(_ outcome: Outcome?, seen: Int, before: CheckState, after: CheckState) {
        if before.verdict == .paused || after.verdict == .paused { (firstFailed, firstGood) = (nil, nil) }
        let isJudged = before.verdict != .paused
        switch outcome {
        case .up?, .slow?:
            firstFailed = nil
            if isJudged { firstGood = firstGood ?? seen }
        case .down?:
            firstGood = nil
            if isJudged { firstFailed = firstFailed ?? seen }
        case .waking?: firstGood = nil
        case .unknown?, nil: break
        }
        let new: Paint
        switch after.verdict {
        case .paused: new = .paused
        case _ where isJudged && outcome == .unknown: new = .blind
        case _ where outcome == nil && before.verdict == after.verdict: new = paint
        case .unknown: new = .nothing
        case .up, .slow: new = .up
        case .waking: new = .waking
        case .down, .silent: new = .down
        }
        guard new != paint else { return }
        var from = seen
        if new == .down, !before.wasBad { from = min(seen, firstFailed ?? seen) }
        if new == .up, before.wasBad { from = min(seen, firstGood ?? seen) }
        if before.verdict == after.verdict { from = seen }
        for index in from..<max(from, cursor) where cells[index] != .nobody {
            if index >= seen || !cells[index].stays { cells[index] = new }
        }
        paint = new
    }

    func calendar(until now: Int) -> Calendar {
        var calendar = Calendar()
        for cell in cells[..<now] {
            calendar.up.append((calendar.up.last ?? 0) + (cell == .up ? 1 : 0))
            calendar.down.append((calendar.down.last ?? 0) + (cell == .down ? 1 : 0))
        }
        return calendar
    }

    /// Cells up and down before each.
    struct Calendar {
        var up: [Int64] = [0]
        var down: [Int64] = [0]

        func time(_ span: Range<Int>) -> (up: Int64, down: Int64) {
            func time(_ sums: [Int64]) -> Int64 {
                (sums[span.upperBound] - sums[span.lowerBound]) * UptimeHistoriesTests.cell
            }
            return (time(up), time(down))
        }
    }
}
