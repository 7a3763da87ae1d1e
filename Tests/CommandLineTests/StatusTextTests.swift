import Operations
import StokerCore
import TestSupport
import Testing

@testable import CommandLine

/// `stoker status` says what the API says, which says what ``CheckView`` says.
@Suite struct StatusTextTests {
    private static let screen = Terminal(look: .plain, errorLook: .plain)

    @Test func theFleetIsShownInTheViewsWords() async throws {
        let fleet = FleetDouble()
        fleet.monitor.change("bot") { $0.state.flapping = true }
        fleet.monitor.change("nightly export") { $0.nextDue = fleet.now - .seconds(11_520) }
        _ = try await fleet.monitor.pause("db", until: fleet.now + .seconds(3_600))
        let overview = try await fleet.call("overview")
        let page = try await fleet.call("list-checks", [("sort", "trouble")])
        let lines = StatusText.fleet(overview, page, Self.screen).split(separator: "\n").map(String.init)
        let health = FleetHealth(await fleet.monitor.overview())
        #expect(lines[0] == health.sentence)
        #expect(lines[1].hasPrefix("The ledger was damaged."))
        #expect(lines[1].hasSuffix("stoker acknowledge 7"))
        for status in await fleet.monitor.statuses(StatusQuery()).items {
            let view = CheckView(status, now: fleet.now)
            let line = try #require(lines.first { $0.contains(" \(view.name) ") && $0.hasPrefix(view.look.name) })
            #expect(line.contains(view.latency) && line.contains("30 s ago"), "\(line)")
            #expect(line.hasSuffix(view.reason?.text ?? ""), "\(line)")
        }
        let late = try #require(lines.first { $0.contains("nightly export") })
        #expect(late.contains("overdue 3 h 12 min") && late.contains("; overdue by 3 h 12 min"))
        #expect(lines.contains { $0.contains("paused by hand until 2026-11-21 13:00:00 UTC") })
    }

    @Test func oneCheckIsShownInTheViewsWords() async throws {
        let fleet = FleetDouble()
        fleet.monitor.change("bot") {
            $0.hubStatus = SpaceHubStatus(
                stage: .running, stageSince: fleet.now, readAt: fleet.now - .seconds(20), isFresh: false,
                disagreement: "Both say different things.", healing: "bot: would restart it")
        }
        let text = StatusText.detail(try await fleet.call("show-check", [("name", "bot")]), Self.screen)
        #expect(text.hasPrefix("bot  up  answers as expected\n"))
        #expect(text.contains("RUNNING, read 2026-11-21 11:59:40, too long ago to count"))
        #expect(text.contains("Both say different things.") && text.contains("would restart it"))
        #expect(text.contains("bot/ready slow") && text.contains("90.00 % of 1 min known"))
        #expect(text.contains("(in 10.0 days)"))
        let gateway = StatusText.detail(try await fleet.call("show-check", [("name", "gateway")]), Self.screen)
        #expect(gateway.contains("since 2026-11-21 11:51:40: answered 503, which is not expected"))
    }

    @Test func spansSayMaintenanceWhereThereWasSome() {
        func span(_ hour: Int, _ maintenance: Int64) -> JSONValue {
            [
                "from": .string("2026-11-21T0\(hour):00:00.000Z"), "uptime": 1, "up": 3, "slow": 0, "down": 0,
                "maintenance_seconds": .integer(maintenance),
            ]
        }
        let without = HistoryCommand.table(ofSpans: [span(1, 0), span(2, 0)]).text(for: .plain)
        #expect(!without.contains("MAINTENANCE"))
        let lines = HistoryCommand.table(ofSpans: [span(1, 0), span(2, 300)]).text(for: .plain).split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasSuffix("MAINTENANCE"), "\(lines)")
        #expect(lines[1].hasSuffix(" –") && lines[2].hasSuffix(" 5 min"), "\(lines)")
    }
}
