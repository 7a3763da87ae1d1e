import Foundation
import Ledger
import Operations
import StokerCore
import TestSupport
import Testing

@testable import ControlRoom

/// Maintenance on pages: its own one, and what it does to bars, labels, badges and metrics.
@Suite(.timeLimit(.minutes(2))) struct MaintenancePageTests {
    private static let bearer = [("Authorization", "Bearer s3cret-token")]

    private static func access() -> Access { Access(token: Secret("s3cret-token"), now: { SampleFleet.now }) }

    /// Runs the page over a fleet of which `db` is in maintenance.
    private static func run(_ test: @escaping @Sendable (Served, FleetDouble) async throws -> Void) async throws {
        let fleet = FleetDouble()
        try await Served.run(SampleFleet.dozen(), access: access(), context: fleet.context) { served in
            try await test(served, fleet)
        }
    }

    @Test func itShowsWhatGoesOnAndWhatComes() async throws {
        try await Self.run { served, _ in
            let page = try await served.get("/maintenance").text
            #expect(page.contains("Maintenance of db") && page.contains("new disk"))
            #expect(page.contains("by the schedule 0 2 * * * Europe/Berlin") && page.contains("fleet file"))
            #expect(page.matches(of: #/by the schedule/#).count == 1, "of a line of the file only the next")
            #expect(page.contains("<a href=\"/maintenance\" aria-current=\"page\">"))
            // Whoever may only read is offered nothing.
            #expect(!page.contains("/maintenance/start") && !page.contains("/maintenance/stop"))
            let own = try await served.get("/maintenance", headers: Self.bearer).text
            #expect(own.contains("/maintenance/start") && own.contains("End it") && own.contains("Call off"))
        }
    }

    @Test func itIsBegunAndEndedByForms() async throws {
        try await Self.run { served, fleet in
            let begin = "targets=bot%2C+gateway&from=&until=&for=2h&name=%3Cb%3Emove&text=a+%26+b&by=mara"
            let stranger = try await served.get("/maintenance/start", method: "POST", body: begin)
            #expect(stranger.status == 401)
            #expect(try await fleet.maintenanceSpans().isEmpty)
            let done = try await served.get("/maintenance/start", method: "POST", headers: Self.bearer, body: begin)
            #expect(done.status == 303 && done.headers["location"] == "/maintenance")
            let span = try #require(try await fleet.maintenanceSpans().first)
            #expect(span.scope.targets == ["bot", "gateway"] && span.by == "mara" && span.text == "a & b")
            #expect(span.until - span.from == 7_200_000)
            let page = try await served.get("/maintenance", headers: Self.bearer).text
            #expect(page.contains("&lt;b&gt;move") && !page.contains("<b>move") && page.contains("by hand, mara"))
            let csv = try await served.get("/maintenance.csv").text.components(separatedBy: "\r\n")
            #expect(csv[0] == "id,name,state,from,until,scope,by_hand,stopped,by,text")
            let row = csv.first { $0.hasPrefix("\(span.id),<b>move,active,") }
            #expect(row?.hasSuffix(",true,false,mara,a & b") == true, "\(csv)")
            let ended = try await served.get(
                "/maintenance/stop", method: "POST", headers: Self.bearer, body: "id=\(span.id)")
            #expect(ended.status == 303)
            #expect(try await fleet.maintenanceSpans().first?.stopped == true)
        }
    }

    @Test(arguments: [
        ("targets=&for=1h", "nothing is named"), ("targets=bot&what=everything&for=1h", "beside targets"),
        ("targets=bot&for=1h&until=soon", "is not a time"), ("targets=boot&for=1h", "no target or check boot"),
        ("targets=bot&for=1h&from=2020-01-01T05:30", "is not within the next 30 days"),
    ]) func whatIsWrongIsSaid(form: String, why: String) async throws {
        try await Self.run { served, fleet in
            let headers = Self.bearer + [("Accept", "text/html")]
            let answer = try await served.get("/maintenance/start", method: "POST", headers: headers, body: form)
            #expect((400..<500).contains(answer.status) && answer.text.contains(why), "\(answer.text)")
            #expect(try await fleet.maintenanceSpans().isEmpty)
        }
    }

    /// `datetime-local` sends no zone and no seconds.
    @Test func timesOfTheFormAreUTC() throws {
        let inputs = try Routes.inputs([
            "group": "edge", "from": "2026-12-01T05:30", "until": "2026-12-01T07:30:15", "for": "1h",
        ])
        func given(_ name: String) -> JSONValue? { inputs.first { $0.name == name }?.value }
        #expect(given("from") == "2026-12-01T05:30:00Z" || given("from") == "2026-12-01T05:30:00.000Z")
        #expect(given("until")?.string?.hasPrefix("2026-12-01T07:30:15") == true)
        #expect(given("for")?.isNull == true && given("groups") == ["edge"])
    }

    // MARK: Elsewhere

    @Test func barsHaveAMarkOfItsOwn() {
        func span(_ up: Int64, _ down: Int64, _ maintenance: Int64, failed: Int = 0) -> SpanTotals {
            SpanTotals(
                from: SampleFleet.now, to: SampleFleet.now + .seconds(1_800), up: 3, down: failed,
                latencySum: 3_000, upTime: up, downTime: down, maintenanceTime: maintenance)
        }
        let tallies = [
            span(1_800_000, 0, 0), span(600_000, 0, 1_200_000), span(0, 0, 1_800_000, failed: 4),
            span(0, 600_000, 1_200_000, failed: 4),
        ]
        let bars = TimeBars(range: .day, tallies: tallies, isHeartbeat: false)
        #expect(bars.kinds == [.up, .maintenance, .maintenance, .down])
        let parts = bars.data.split(separator: "|")
        #expect(parts[1].hasPrefix("m") && parts[1].contains("20 min of maintenance left out"))
        #expect(parts[3].hasPrefix("d") && parts[3].contains("20 min of maintenance left out"))
        #expect(bars.svg().contains("class=\"b-maintenance\"") && bars.label.contains("maintenance in 2"))
        let share = Uptime(name: "24h", tally: span(1_798_200, 1_800, 7_200_000))
        #expect(share.share == "99.90 %" && share.remark == "2 h of maintenance left out")
        #expect(DayBars.svg([span(86_400, 0, 7_200_000)]).contains("100 %, 2 h of maintenance left out"))
    }

    @Test func badgeMetricsAndStatusNameIt() async throws {
        let whole = SampleFleet.dozen()
        let name = "discord-bot"
        whole.monitor.change(name) { status in
            status.maintenance = MaintenanceWindow(
                id: "hand-1", name: "move", from: SampleFleet.now, until: SampleFleet.now + .seconds(3_600),
                scope: MaintenanceScope(targets: [name]), isByHand: true)
        }
        try await Served.run(whole) { served in
            let badge = try await served.get("/badge/\(name).svg").text
            #expect(badge.contains("aria-label=\"\(name): maintenance\""))
            let metrics = try await served.get("/metrics").text
            #expect(metrics.contains("\nstoker_checks_in_maintenance 1\n"))
            #expect(metrics.contains("\nstoker_check_maintenance{check=\"\(name)\"} 1\n"))
            #expect(metrics.matches(of: #/\nstoker_check_maintenance\{[^}]*\} 0/#).count == 11)
            let status = try JSONValue(reading: try await served.get("/status").bytes)
            #expect(status["in_maintenance"] == 1)
            let row = status["targets"]?.array?.first { $0["name"]?.string == name }
            #expect(row?["maintenance"]?["name"] == "move" && row?["maintenance"]?["until"]?.string != nil)
            #expect(row?["reason"]?.string?.contains("in maintenance until") == true)
            let page = try await served.get("/targets/\(name)").text
            #expect(page.contains("In maintenance until") && page.contains("href=\"/maintenance\""))
        }
    }
}
