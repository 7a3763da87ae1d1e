import ControlRoom
import Foundation
import Ledger
import NIOCore
import Notices
import Operations
import StokerCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct IncidentPageTests {
    private static let bearer = [("Authorization", "Bearer s3cret-token")]

    private static func access(
        _ token: String = "s3cret-token", now: @escaping @Sendable () -> Instant = { SampleFleet.now }
    ) -> Access {
        Access(token: Secret(token), publicURL: "https://stoker.example/", now: now)
    }

    private static func whole() -> SampleFleet.Whole {
        var whole = SampleFleet.dozen()
        whole.ledger.incidents = [
            Incident(
                id: 3, check: 11, began: SampleFleet.now - .seconds(9_000), ended: SampleFleet.now - .seconds(8_000),
                verdict: .down, cause: .firstByteTimeout),
            Incident(
                id: 4, check: 10, began: SampleFleet.now - .seconds(660), verdict: .down, cause: .connectRefused),
        ]
        whole.ledger.events = [
            Event(id: 1, at: SampleFleet.now - .seconds(700), kind: "verdict", check: 10, text: "=1+1, \"quoted\""),
            Event(id: 2, at: SampleFleet.now - .seconds(600), kind: "fleet.loaded", text: "The fleet file was read"),
        ]
        return whole
    }

    @Test func listsAreFilteredAndComeAsCSV() async throws {
        try await Served.run(Self.whole(), access: Self.access()) { served in
            let page = try await served.get("/incidents").text
            #expect(page.contains("/incidents/4") && page.contains("/incidents/3"))
            let open = try await served.get("/incidents?state=open&cause=&target=").text
            #expect(open.contains("/incidents/4\"") && !open.contains("/incidents/3\""))
            let csv = try await served.get("/incidents.csv?state=closed")
            #expect(csv.headers["content-type"] == "text/csv; charset=utf-8; header=present")
            let lines = csv.text.components(separatedBy: "\r\n")
            #expect(lines.count == 3 && lines[0].hasPrefix("id,check,began") && lines[1].hasPrefix("3,postgres,"))
            let events = try await served.get("/events.csv").text
            #expect(events.contains(#""'=1+1, ""quoted""""#))
            let wrong = try await served.get("/incidents?state=sideways", headers: [("Accept", "text/html")])
            #expect(wrong.status == 400)
        }
    }

    /// One address for those who read and those who follow.
    @Test func eventsAreAPageForBrowsersOnly() async throws {
        try await Served.run(Self.whole(), access: Self.access()) { served in
            let page = try await served.get("/events?kind=fleet", headers: [("Accept", "text/html")])
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.text.contains("The fleet file was read") && !page.text.contains("quoted"))
            let ask = "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"
            for try await part in try await served.stream(raw: ask) {
                #expect(String(buffer: part).lowercased().contains("content-type: text/event-stream"))
                break
            }
        }
    }

    @Test func theButtonsNeedTheToken() async throws {
        let whole = Self.whole()
        try await Served.run(whole, access: Self.access()) { served in
            #expect(!(try await served.get("/incidents/4").text.contains("<textarea")))
            for path in ["/incidents/4/acknowledge", "/incidents/4/note", "/incidents/4/withdraw"] {
                #expect(try await served.get(path, method: "POST", body: "text=x").status == 401, "\(path)")
            }
            let before = try await served.get("/incidents/4", headers: Self.bearer).text
            #expect(before.contains("action=\"/incidents/4/acknowledge\"") && !before.contains("<dt>Acknowledged</dt>"))
            #expect(try await served.get("/incidents?state=open").text.contains("open, not acknowledged"))
            let seen = try await served.get(
                "/incidents/4/acknowledge", method: "POST", headers: Self.bearer, body: "by=mara&text=on+it")
            #expect(seen.status == 303 && seen.headers["location"] == "/incidents/4")
            let note = try await served.get(
                "/incidents/4/note", method: "POST", headers: Self.bearer, body: "text=%3Cb%3Efound&internal=1")
            #expect(note.status == 303)
            let page = try await served.get("/incidents/4", headers: Self.bearer).text
            #expect(
                page.contains("mara acknowledged the incident: “on it”") && page.contains("&lt;b&gt;found")
                    && page.contains("internal"))
            #expect(
                try await served.get("/incidents/4/other", method: "POST", headers: Self.bearer, body: "x=1").status
                    == 404)
        }
        #expect(try await IncidentRecords(whole.ledger.records).acknowledgement(of: 4)?.by == "mara")
    }

    /// What happened around it, from ten minutes before to two after, and nothing of other times or checks.
    @Test func anIncidentIsToldMinuteByMinute() async throws {
        var whole = Self.whole()
        let began = SampleFleet.now - .seconds(660)
        func change(_ ago: Int64, _ check: String, _ number: Int32, to: Verdict) -> Event {
            Event(
                id: 100 - ago / 60, at: SampleFleet.now - .seconds(ago), check: number,
                .verdict(check: check, from: .up, to: to, cause: .connectRefused))
        }
        let name = try #require(await whole.monitor.statuses(StatusQuery()).items.first { $0.id == 10 }?.check.name)
        whole.ledger.events = [
            change(300, "elsewhere", 11, to: .down), change(660, name, 10, to: .down),
            Event(id: 80, at: began, check: 10, .incidentBegan(check: name, cause: .connectRefused)),
            change(5_000, name, 10, to: .slow),
        ]
        try await Served.run(whole, access: Self.access()) { served in
            let page = try await served.get("/incidents/4", headers: Self.bearer).text
            let story = try #require(
                page.split(separator: "Minute by minute").dropFirst().first?.prefix { $0 != "\u{0}" })
            let list = try #require(story.split(separator: "</ol>").first)
            // The change of the verdict and the beginning of the incident are one line.
            #expect(list.matches(of: #/class="src">verdict/#).count == 1 && list.contains("Down, was up"))
            #expect(!list.contains("elsewhere") && !list.contains("Slow, was up"))
            #expect(page.contains("Open for 11 min") && page.contains("id=\"one\""))
            // A channel's name is for those who may act, and here nobody is told.
            #expect(!page.contains("h-told"))
            let over = try await served.get("/incidents/3").text
            #expect(over.contains("Over after 16 min") && !over.contains("id=\"one\""))
        }
    }

    @Test func theListSaysWhatThirtyDaysComeTo() async throws {
        try await Served.run(Self.whole(), access: Self.access()) { served in
            let page = try await served.get("/incidents", headers: Self.bearer).text
            #expect(page.contains("One is open. In 30 days there were 2, 27 min in all."))
            // Acknowledged from its row, and back in the list.
            let seen = try await served.get(
                "/incidents/4/acknowledge", method: "POST", headers: Self.bearer,
                body: "from=%2Fincidents%3Fstate%3Dopen")
            #expect(seen.headers["location"] == "/incidents?state=open")
            #expect(try await served.get("/incidents?state=open").text.contains("open, acknowledged"))
            let stranger = try await served.get(
                "/incidents/4/note", method: "POST", headers: Self.bearer, body: "text=x&from=%2F%2Fevil.example")
            #expect(stranger.headers["location"] == "/")
        }
    }

    /// The Hub's own words are events of Spaces too.
    @Test func aChoiceOfEventsTakesSeveralKinds() async throws {
        var whole = Self.whole()
        whole.ledger.events = [
            Event(id: 1, at: SampleFleet.now - .seconds(9), kind: "hub.back", text: "The Hub answers again"),
            Event(
                id: 2, at: SampleFleet.now - .seconds(8),
                .spaceStage(space: "acme/bot", stage: "RUNNING", from: "SLEEPING", why: nil, message: nil)),
            Event(
                id: 3, at: SampleFleet.now - .seconds(7), check: 10,
                .verdict(check: "x", from: .up, to: .silent, cause: .none)),
        ]
        try await Served.run(whole, access: Self.access()) { served in
            let html = [("Accept", "text/html")]
            let hub = try await served.get("/events?kind=hub%2Cspace", headers: html).text
            #expect(
                hub.contains("answers again") && hub.contains("RUNNING") && !hub.contains("s-silent\"/></svg> <bdi>"))
            let all = try await served.get("/events", headers: html).text
            #expect(all.contains("href=\"#s-silent\"/></svg> <bdi>"))
        }
    }

    /// Who heard of an incident stands in the list, for those who may act.
    @Test func theListSaysWhoWasTold() async throws {
        var whole = Self.whole()
        let began = SampleFleet.now - .seconds(660)
        whole.ledger.incidents.append(
            Incident(
                id: 2, check: 11, began: SampleFleet.now - .seconds(9 * 86_400),
                ended: SampleFleet.now - .seconds(9 * 86_400 - 60), verdict: .down, cause: .firstByteTimeout))
        func message(_ key: String, _ channel: String, _ kind: Notice.Kind) throws -> NewJob {
            try OutgoingMessage(
                channel: channel, notice: Notice(key: key, kind: kind, at: began, sentence: "refused"),
                incidents: [IncidentKey(check: 10, began: began)]
            ).job(createdAt: began)
        }
        let jobs = whole.ledger.jobs
        _ = try await jobs.insert([
            message("1", "team", .down), message("2", "oncall", .down), message("3", "pager", .acknowledged),
        ])
        for job in try await jobs.claim(
            [OutgoingMessage.jobKind], by: "test", limit: 2, lease: .seconds(60), now: SampleFleet.now)
        {
            let channel = try #require(OutgoingMessage(job)).channel
            if channel == "team" {
                #expect(try await jobs.complete(job.id, fence: job.fence, note: nil, now: SampleFleet.now))
            } else {
                #expect(
                    try await jobs.fail(job.id, fence: job.fence, error: "410", retryAt: nil, now: SampleFleet.now))
            }
        }
        let board = NoticeBoard(
            fleet: Fleet(), ledger: whole.ledger, now: { SampleFleet.now }, logger: Served.silent)
        let context = OperationContext(
            monitor: whole.monitor, ledger: whole.ledger, now: { SampleFleet.now }, notices: board)
        try await Served.run(whole, access: Self.access(), context: context) { served in
            let page = try await served.get("/incidents", headers: Self.bearer).text
            let told = page.matches(of: #/data-l="Told"><span><bdi>([^<]*)</#).map { String($0.1) }
            // Nobody was told of the newer closed one; messages of nine days ago are forgotten.
            #expect(Set(told) == ["oncall: given up, team", "nobody", "–"] && told.count == 3, "\(told)")
            let stranger = try await served.get("/incidents").text
            #expect(!stranger.contains("Told") && !stranger.contains("oncall"))
        }
    }

    /// The platform's own trouble, as its status page told it near that time.
    @Test func thePlatformsIncidentIsNamed() async throws {
        var whole = SampleFleet.dozen()
        let status = try #require(await whole.monitor.statuses(StatusQuery()).items.first { $0.check.space != nil })
        let began = SampleFleet.now - .seconds(660)
        whole.ledger.incidents = [
            Incident(id: 4, check: status.id, began: began, verdict: .down, cause: .spaceError)
        ]
        func told(_ id: Int64, _ title: String, at: Instant) -> Event {
            Event(
                id: id, at: at,
                .platformReported(title: title, since: at - .seconds(60), page: "https://status.example.com"))
        }
        // By an incident that began before this one; and one of long ago.
        whole.ledger.events = [
            told(9, "Spaces <are> down", at: began - .seconds(1_800)), told(8, "Old news", at: began - .seconds(9_000)),
        ]
        try await Served.run(whole, access: Self.access()) { served in
            let page = try await served.get("/incidents/4").text
            #expect(page.contains("The platform told of “<bdi>Spaces &lt;are&gt; down</bdi>” since"))
            #expect(page.contains("href=\"https://status.example.com\"") && !page.contains("Old news"))
        }
    }

    /// Seen and acknowledged where it is first read: in the row.
    @Test func aRowAcknowledgesItsIncident() async throws {
        var whole = SampleFleet.dozen()
        let sick = try #require(await whole.monitor.statuses(StatusQuery()).items.first { $0.state.isTrouble })
        whole.ledger.incidents = [
            Incident(
                id: 4, check: sick.id, began: SampleFleet.now - .seconds(660), verdict: .down, cause: .connectRefused)
        ]
        try await Served.run(whole, access: Self.access()) { served in
            #expect(!(try await served.get("/").text.contains("/acknowledge")))
            let page = try await served.get("/", headers: Self.bearer).text
            #expect(page.contains("action=\"/incidents/4/acknowledge\"") && page.contains("name=\"from\" value=\"/\""))
            let done = try await served.get(
                "/incidents/4/acknowledge", method: "POST", headers: Self.bearer, body: "from=%2F&by=mara")
            #expect(done.status == 303 && done.headers["location"] == "/")
            let after = try await served.get("/", headers: Self.bearer).text
            #expect(!after.contains("/acknowledge\"") && after.contains("<bdi>acknowledged by mara</bdi>"))
        }
    }

    /// Scanners of mail open links: opening one does nothing.
    @Test func aLinkAsksFirstAndNeedsNoToken() async throws {
        let whole = Self.whole()
        let access = Self.access()
        let path = try #require(access.acknowledgeLinks.path(of: 4))
        #expect(access.acknowledgeLinks.address(of: 4) == "https://stoker.example\(path)")
        let records = IncidentRecords(whole.ledger.records)
        try await Served.run(whole, access: access) { served in
            let ask = try await served.get(path)
            #expect(ask.status == 200 && ask.text.contains("<form method=\"post\" action=\"\(path)\""))
            #expect(try await served.get(path, method: "HEAD").status == 200)
            #expect(try await records.acknowledgement(of: 4) == nil)
            #expect(try await served.get(path, method: "POST").status == 200)
            #expect(try await records.acknowledgement(of: 4)?.by == "link in a message")
            // It opens nothing else.
            let other = path.replacing("/acknowledge/4/", with: "/acknowledge/3/")
            for wrong in [other, path + "0", String(path.dropLast()), path.replacing("/4/", with: "/04/")] {
                #expect(try await served.get(wrong).status == 403, "\(wrong)")
                #expect(try await served.get(wrong, method: "POST").status == 403, "\(wrong)")
            }
        }
    }

    @Test func aLinkEndsWithItsWeekAndWithTheToken() throws {
        let path = try #require(Self.access().acknowledgeLinks.path(of: 4))
        let seal = String(try #require(path.split(separator: "/").last))
        #expect(try Self.access().acknowledgeLinks.incident("4", seal: seal) == 4)
        let later = SampleFleet.now + AcknowledgeLinks.life
        #expect(throws: Failure.self) {
            try Self.access(now: { later }).acknowledgeLinks.incident("4", seal: seal)
        }
        #expect(throws: Failure.self) { try Self.access("other").acknowledgeLinks.incident("4", seal: seal) }
        #expect(AcknowledgeLinks(token: nil, publicURL: "https://a.example", now: { later }).address(of: 4) == nil)
    }
}
