import Ledger
import Logging
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// Maintenance over restarts, changed files and people who end it: what the book, the records and the uptime say of it.
@Suite struct MaintenanceKeeperTests {
    private static let nightly = "  - { name: nightly, schedule: \"0 2 * * * UTC\", for: 4h, groups: [front] }"

    private static func fleet(_ lines: String) throws -> Fleet {
        let text = """
            targets:
              web: { url: https://a.example, group: front }
              api: { url: https://b.example, group: front }
              db: tcp://c.example:5432
            maintenance:
            \(lines)
            """
        return try FleetFile.read(text: text, name: "f", environment: [:]).get()
    }

    private static func statuses(_ fleet: Fleet) -> [CheckStatus] {
        fleet.checks.enumerated().map { place, check in
            CheckStatus(check: check, id: Int32(place + 1), state: CheckState(), nextDue: nil)
        }
    }

    /// One process after another over the same ledger.
    private struct Room {
        let ledger: any Ledger = MemoryLedger()
        let clock: SteppedClock
        let monitor: ScriptedMonitor
        var fleet: Fleet
        var keeper: MaintenanceKeeper
        var book: MaintenanceBook { keeper.book }
        var now: Instant { clock.now }

        init(_ lines: String, at time: String) async throws {
            let clock = SteppedClock(try #require(Instant(rfc3339: time)))
            self.clock = clock
            fleet = try MaintenanceKeeperTests.fleet(lines)
            monitor = ScriptedMonitor(MaintenanceKeeperTests.statuses(fleet), now: { clock.now })
            keeper = Self.keeper(fleet, ledger, monitor, clock)
            await keeper.load()
        }

        private static func keeper(
            _ fleet: Fleet, _ ledger: any Ledger, _ monitor: ScriptedMonitor, _ clock: SteppedClock
        ) -> MaintenanceKeeper {
            let book = MaintenanceBook()
            book.use(fleet)
            return MaintenanceKeeper(
                book: book, ledger: ledger, monitor: monitor, clocks: clock.clocks,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }

        /// As after kill -9: nothing is told to the old one, and the new one reads what is written.
        mutating func restart(after time: Duration = .zero) async {
            clock.advance(time)
            keeper = Self.keeper(fleet, ledger, monitor, clock)
            await keeper.load()
        }

        func pass(_ time: Duration) async {
            clock.advance(time)
            await keeper.reconcile()
        }

        mutating func change(_ lines: String) async throws {
            fleet = try MaintenanceKeeperTests.fleet(lines)
            book.use(fleet)
            await keeper.reconcile()
        }

        func names() -> [String] { ["web", "api", "db"].filter { book.isInMaintenance($0, at: now) } }

        func span(_ id: String) async throws -> MaintenanceSpan? { try await keeper.spans().first { $0.id == id } }
    }

    @Test func whatAPersonBeganOutlivesTheProcess() async throws {
        var room = try await Room("  []", at: "2026-12-01T12:00:00Z")
        let begun = try await room.keeper.start(
            MaintenanceScope(targets: ["db"], groups: ["front"]), name: "move", until: room.now + .seconds(7_200),
            by: "mara", text: nil)
        #expect(begun.checks == [[1, 3]])
        #expect(room.names() == ["web", "api", "db"])
        await room.restart(after: .seconds(3_600))
        #expect(room.names() == ["web", "api", "db"])
        #expect(room.book.active(at: room.now).map(\.id) == [begun.id])
        #expect(try await room.span(begun.id)?.by == "mara")
    }

    @Test func itEndsWhileNobodyRuns() async throws {
        var room = try await Room("  []", at: "2026-12-01T12:00:00Z")
        let end = room.now + .seconds(600)
        let begun = try await room.keeper.start(
            MaintenanceScope(targets: ["db"]), name: "", until: end, by: nil, text: nil)
        await room.restart(after: .seconds(86_400))
        await room.keeper.reconcile()
        #expect(room.names().isEmpty)
        #expect(try await room.span(begun.id)?.until == end.milliseconds, "neither longer nor shorter than it was")
    }

    @Test func whatAPersonEndedStaysEnded() async throws {
        var room = try await Room(Self.nightly, at: "2026-12-01T02:10:00Z")
        await room.keeper.reconcile()
        #expect(room.names() == ["web", "api"])
        let ended = try await room.keeper.stop("nightly")
        #expect(room.names().isEmpty && ended.stopped == true && ended.until == room.now.milliseconds)
        // More than the hour for which what has ended is remembered.
        for _ in 0..<5 { await room.pass(.seconds(1_800)) }
        #expect(room.names().isEmpty)
        await room.restart()
        await room.keeper.reconcile()
        #expect(room.names().isEmpty)
        #expect(try await room.span(ended.id)?.until == ended.until)
        await room.pass(.seconds(86_400))
        #expect(room.names() == ["web", "api"], "the next night")
    }

    @Test func whatIsPlannedIsCalledOff() async throws {
        var room = try await Room(Self.nightly, at: "2026-12-01T20:00:00Z")
        let planned = try await room.keeper.start(
            MaintenanceScope(targets: ["db"]), name: "disk", from: room.now + .seconds(3_600),
            until: room.now + .seconds(7_200), by: nil, text: nil)
        #expect(room.names().isEmpty)
        await #expect(throws: Failure.self) { try await room.keeper.stop("nightly") }
        let night = try #require(room.book.windows(in: room.now..<(room.now + .seconds(86_400))).last)
        #expect(night.name == "nightly")
        _ = try await room.keeper.stop(night.id)
        await room.restart(after: .seconds(5_400))
        #expect(room.names() == ["db"], "planned and begun, over a restart")
        // 02:00 to 06:00, more than an hour after its beginning too.
        for _ in 0..<8 {
            await room.pass(.seconds(3_600))
            #expect(!room.names().contains("web"))
        }
        let next = try await room.keeper.start(
            MaintenanceScope(targets: ["db"]), name: "again", from: room.now + .seconds(3_600),
            until: room.now + .seconds(7_200), by: nil, text: nil)
        _ = try await room.keeper.stop("again")
        #expect(try await room.span(next.id) == nil)
        await room.pass(.seconds(5_400))
        #expect(room.names().isEmpty)
        #expect(try await room.span(planned.id)?.stopped == nil)
    }

    @Test func aFileChangedWhileItRuns() async throws {
        var room = try await Room(Self.nightly, at: "2026-12-01T02:30:00Z")
        await room.keeper.reconcile()
        let id = try #require(room.book.active(at: room.now).first?.id)
        #expect(try await room.span(id)?.checks == [[1, 2]])
        // Longer, and for other targets: what was covered was covered.
        try await room.change("  - { name: nightly, schedule: \"0 2 * * * UTC\", for: 6h, targets: [db] }")
        #expect(room.names() == ["db"])
        var span = try #require(try await room.span(id))
        let (began, changed) = (room.now.milliseconds - 1_800_000, room.now.milliseconds)
        #expect(span.checks == [[3, 3]] && span.from == changed && span.until == began + 6 * 3_600_000)
        let part = try #require(try await room.span("\(id)~\(began)"))
        #expect(part.checks == [[1, 2]] && part.from == began && part.until == changed)
        // Gone: it ends when the file is read.
        clockStep(room, .seconds(600))
        try await room.change("  []")
        #expect(room.names().isEmpty)
        span = try #require(try await room.span(id))
        #expect(span.until == room.now.milliseconds && span.stopped == nil)
        // Back again: it goes on.
        clockStep(room, .seconds(600))
        try await room.change(Self.nightly)
        #expect(room.names() == ["web", "api"])
        span = try #require(try await room.span(id))
        #expect(span.from == room.now.milliseconds && span.until == began + 4 * 3_600_000)
        await room.pass(.seconds(60))
        #expect(try await room.span(id) == span)
        #expect(try await room.keeper.spans().count == 3)
    }

    /// One that has not begun leaves nothing behind.
    @Test func aPlanThatLeavesTheFile() async throws {
        var room = try await Room(Self.nightly, at: "2026-12-01T01:30:00Z")
        await room.keeper.reconcile()
        #expect(try await room.keeper.spans().count == 1)
        try await room.change("  []")
        #expect(try await room.keeper.spans().isEmpty)
    }

    @Test func checksThatJoinAreCoveredAndNobodyIsAskedInVain() async throws {
        let room = try await Room(Self.nightly, at: "2026-12-01T02:30:00Z")
        let begun = try await room.keeper.start(
            MaintenanceScope(groups: ["front"]), name: "", until: room.now + .seconds(3_600), by: nil, text: nil)
        await room.keeper.reconcile()
        let asked = room.monitor.listings
        for _ in 0..<20 { await room.pass(.seconds(5)) }
        #expect(room.monitor.listings == asked, "the same checks are in the fleet")
        var more = Self.statuses(room.fleet)
        var joined = more[0]
        joined.check.name = "new"
        joined.id = 9
        more.append(joined)
        room.monitor.replace(with: more)
        await room.pass(.seconds(5))
        #expect(try await room.span(begun.id)?.checks == [[1, 2], [9, 9]])
    }

    private func clockStep(_ room: Room, _ time: Duration) { room.clock.advance(time) }
}

/// Stands still until it is advanced.
private final class SteppedClock: Sendable {
    private let moment: Mutex<Instant>
    init(_ moment: Instant) { self.moment = Mutex(moment) }
    var now: Instant { moment.withLock { $0 } }
    func advance(_ time: Duration) { moment.withLock { $0 = $0 + time } }
    var clocks: Clocks { Clocks(wall: { self.now }, running: { .zero }, elapsed: { .zero }) }
}
