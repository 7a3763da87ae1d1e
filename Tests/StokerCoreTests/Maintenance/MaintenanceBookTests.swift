import Foundation
import StokerCore
import Testing

@Suite struct MaintenanceBookTests {
    static func fleet(_ maintenance: String) throws -> Fleet {
        let text = """
            targets:
              web: { url: https://a.example, group: production }
              other: https://b.example
            maintenance:
            \(maintenance)
            """
        return try FleetFile.read(text: text, name: "f", environment: [:]).get()
    }

    @Test func recurringForAGroupToTheMillisecond() throws {
        let book = MaintenanceBook()
        book.use(
            try Self.fleet(
                "  - { name: updates, schedule: \"0 2 * * Sun Europe/Berlin\", for: 2h, groups: [production] }"))
        // Sunday, 29 November 2026, 02:00 in Berlin.
        let begin = try HoursWindowTests.instant("2026-11-29T01:00:00Z")
        let end = begin + .seconds(7_200)
        for (at, isIn) in [
            (begin - .milliseconds(1), false), (begin, true), (end - .milliseconds(1), true), (end, false),
            (begin + .seconds(60), true), (begin - .seconds(1), false),
        ] {
            #expect(book.isInMaintenance("web", at: at) == isIn)
            #expect(book.isInMaintenance("web/ready", at: at) == false, "no check of that name is in the fleet")
            #expect(!book.isInMaintenance("other", at: at))
        }
        #expect(book.active(at: begin).map(\.until) == [end])
        book.set(begun: [], ended: ["updates@\(begin)": begin + .seconds(60)])
        #expect(book.isInMaintenance("web", at: begin + .seconds(59)))
        #expect(!book.isInMaintenance("web", at: begin + .seconds(60)))
    }

    /// In Berlin 02:30 is left out on 29 March 2026 and comes twice on 25 October; `for` is real time.
    @Test(arguments: [
        ("30 2 * * *", "1h", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"),
        ("30 2 * * *", "1h", "2026-03-29T12:00:00Z", "2026-03-30T00:30:00Z", "2026-03-30T01:30:00Z"),
        ("30 2 * * *", "1h", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("30 2 * * *", "1h", "2026-10-25T12:00:00Z", "2026-10-26T01:30:00Z", "2026-10-26T02:30:00Z"),
        ("0 1 * * *", "4h", "2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z"),
        ("0 1 * * *", "4h", "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T04:00:00Z"),
    ])
    func overTheChangesOfTheClock(cron: String, length: String, after: String, from: String, until: String) throws {
        let book = MaintenanceBook()
        book.use(
            try Self.fleet(
                "  - { name: night, schedule: \"\(cron) Europe/Berlin\", for: \(length), targets: [web] }"))
        let start = try HoursWindowTests.instant(after)
        let (begin, end) = (try HoursWindowTests.instant(from), try HoursWindowTests.instant(until))
        let windows = book.windows(in: start..<(start + .seconds(86_400)))
        #expect(windows.map(\.from) == [begin] && windows.map(\.until) == [end])
        #expect(!book.isInMaintenance("web", at: begin - .milliseconds(1)) && book.isInMaintenance("web", at: begin))
        #expect(book.isInMaintenance("web", at: end - .milliseconds(1)) && !book.isInMaintenance("web", at: end))
    }

    @Test func itCountsWhatIsInMaintenance() throws {
        let book = MaintenanceBook()
        book.use(
            try Self.fleet(
                "  - { name: updates, schedule: \"0 2 * * * UTC\", for: 2h, groups: [production] }"))
        let begin = try HoursWindowTests.instant("2026-11-29T02:00:00Z")
        let before = book.summary(at: begin - .seconds(1))
        let inside = book.summary(at: begin)
        let after = book.summary(at: begin + .seconds(7_200))
        #expect(before.checks == 0 && inside.checks == 1 && after.checks == 0)
        #expect(before.changes < inside.changes && inside.changes < after.changes)
        #expect(book.summary(at: begin + .seconds(7_201)).changes == after.changes)
    }

    @Test func onceAndByHand() throws {
        let book = MaintenanceBook()
        book.use(
            try Self.fleet(
                "  - { from: \"2026-03-29 02:30\", until: \"2026-03-29 04:00\", zone: Europe/Berlin, targets: [web] }"))
        let leap = try HoursWindowTests.instant("2026-03-29T01:00:00Z")
        #expect(!book.isInMaintenance("web", at: leap - .milliseconds(1)))
        #expect(book.isInMaintenance("web", at: leap))
        #expect(!book.isInMaintenance("web", at: leap + .seconds(3_600)))
        let now = leap + .seconds(86_400)
        book.set(
            begun: [
                MaintenanceWindow(
                    id: "hand-1-1", name: "", from: now, until: now + .seconds(60), scope: MaintenanceScope(),
                    isByHand: true)
            ], ended: [:])
        #expect(book.isInMaintenance("other", at: now) && !book.isInMaintenance("other", at: now + .seconds(60)))
    }

    @Test(arguments: [
        ("{ name: a, for: 2h }", "neither `schedule` nor `from`"),
        ("{ schedule: \"0 2 * * *\" }", "no `for`"),
        ("{ schedule: \"0 2 * * *\", for: 1h, zone: UTC }", "said in `schedule`"),
        ("{ from: \"2026-12-01 05:30\" }", "exactly one of"),
        ("{ from: \"2026-12-01 05:30\", until: \"2026-12-01 05:30\" }", "not after"),
        ("{ from: \"soon\", for: 1h }", "not a time"),
        ("{ schedule: \"0 2 * * *\", for: 1h, targets: [wbe] }", "wbe"),
    ])
    func refused(line: String, why: String) throws {
        do {
            _ = try Self.fleet("  - \(line)")
            Issue.record("\(line) was taken")
        } catch {
            #expect("\(error)".contains(why), "\(error)")
        }
    }

    @Test func aHeartbeatHasEitherEveryOrASchedule() throws {
        func read(_ keys: String) throws -> Fleet {
            try FleetFile.read(text: "heartbeats: { job: { \(keys) } }", name: "f", environment: [:]).get()
        }
        let policy = try read("schedule: \"0 3 * * Mon-Fri Europe/Berlin\", grace: 30m").checks[0].policy
        #expect(policy.schedule?.zone == "Europe/Berlin" && policy.every == .seconds(86_400))
        for keys in ["schedule: \"@daily\", every: 24h", "schedule: \"@daily\", hours: \"07:00-20:00\"", "grace: 5m"] {
            #expect((try? read(keys)) == nil, "\(keys)")
        }
    }
}
