import ControlRoom
import Hummingbird
import StokerCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct PagesTests {
    private static let page: [(String, String)] = [("Accept", "text/html")]

    @Test func theDashboardNamesEverybody() async throws {
        let whole = SampleFleet.dozen()
        let text = try await Served.run(whole) { try await $0.get("/", headers: Self.page).text }
        try Markup.check(text)
        #expect(text.contains("<title>(4) Stoker</title>"))
        #expect(text.contains("/icons/trouble.svg"))
        #expect(text.contains("4 of 12 need a look"))
        for name in await whole.monitor.statuses(StatusQuery()).items.map(\.check.name) {
            #expect(text.contains("data-name=\"\(name)\""))
        }
        #expect(text.contains("the connection was refused: nothing listens there · 3× in a row"))
        #expect(!text.contains("hidden-value"))
    }

    /// A row whose verdict alone would look better than things are has a word, a tone and a sign of its own.
    @Test(arguments: [
        ("image-studio", "flapping", "Flapping", "comes and goes"),
        ("old-prototype", "moderated", "Moderated", "flagged by the platform"),
        ("leaderboard", "paused", "Paused", "paused by hand"),
    ])
    func whatOnlyLooksWellSaysSo(name: String, look: String, word: String, reason: String) async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let fleet = try await served.get("/?q=\(name)", headers: Self.page).text
            #expect(fleet.contains("<li class=\"row v-\(look)"))
            #expect(fleet.contains("data-name=\"\(name)\""))
            #expect(fleet.contains("<use href=\"#s-\(look)\"/></svg><span class=\"word\">\(word)</span>"))
            #expect(fleet.contains("id=\"s-\(look)\""))
            #expect(fleet.contains(reason))
            let page = try await served.get("/targets/\(name)", headers: Self.page).text
            try Markup.check(page)
            #expect(page.contains("data-verdict=\"\(look)\""))
            #expect(page.contains("<span class=\"word\">\(word)</span>"))
        }
    }

    /// What a search or a group leaves is what the chips count, and one with nothing behind it is not there.
    @Test func chipsCountWhatIsShown() async throws {
        @Sendable func chips(_ page: String) -> [String: String] {
            let found = page.matches(of: #/data-chip="(?<name>[a-z]+)"[^>]*>.*?<b>(?<count>[0-9,]+)</b>/#)
            return Dictionary(
                found.filter { !$0.output.0.prefix { $0 != ">" }.contains(" hidden") }.map {
                    (String($0.name), String($0.count))
                }, uniquingKeysWith: { first, _ in first })
        }
        let whole = SampleFleet.dozen()
        try await Served.run(whole) { served in
            #expect(chips(try await served.get("/", headers: Self.page).text)["all"] == "12")
            let searched = chips(try await served.get("/?q=old-prototype", headers: Self.page).text)
            #expect(searched == ["all": "1", "moderated": "1"])
            // The verdict that is chosen stays, and narrows no count.
            let chosen = chips(try await served.get("/?q=old-prototype&show=down", headers: Self.page).text)
            #expect(chosen == ["all": "1", "moderated": "1", "down": "0"])
        }
    }

    @Test func aRecheckIsNotTakenForTheInterval() async throws {
        let whole = SampleFleet.dozen()
        whole.monitor.change("website") { $0.nextDue = SampleFleet.now + .seconds(30) }
        try await Served.run(whole) { served in
            let fleet = try await served.get("/?q=website", headers: Self.page).text
            #expect(fleet.contains("<span class=\"every\">recheck; else 5 min</span>"))
            let page = try await served.get("/targets/website", headers: Self.page).text
            #expect(page.contains(">in 30 s</time> (recheck; else every 5 min)"))
            let well = try await served.get("/?q=discord-bot", headers: Self.page).text
            #expect(well.contains("<span class=\"every\">every 2 min</span>"))
        }
    }

    /// 100 % over 90 days is no news of a check that is 12 minutes old.
    @Test func uptimeSaysHowMuchIsKnown() async throws {
        var whole = SampleFleet.dozen()
        let id = try await whole.monitor.status(of: "rag").id
        whole.ledger.observations.removeAll { $0.check == id }
        for minute in stride(from: 12, through: 2, by: -5) {
            whole.ledger.observations.append(
                Observation(
                    check: id, at: SampleFleet.now - .seconds(minute * 60), outcome: .up, cause: .none,
                    latencyMicroseconds: 90_000))
        }
        try await Served.run(whole) { served in
            let young = try await served.get("/targets/rag", headers: Self.page).text
            #expect(
                young.matches(of: #/<dt>[0-9]+ [hd]</dt><dd>100 %<small class="known">of 12 min known</small>/#)
                    .count == 4)
            let old = try await served.get("/targets/gateway", headers: Self.page).text
            #expect(!old.contains("class=\"known\""))
            let badge = try await served.get("/badge/rag.svg?kind=uptime-30d").text
            #expect(badge.contains("100 % (of 12 min known)"), "\(badge)")
        }
    }

    @Test func theDashboardSaysWhatIsLeftOfTheHubsWindows() async throws {
        func page(_ hub: HubRateUsage?) async throws -> String {
            try await Served.run(SampleFleet.dozen(overview: { $0.hub = hub })) {
                try await $0.get("/", headers: Self.page).text
            }
        }
        #expect(try await page(SampleFleet.hub).contains(">2,488 of 2,500 Hub calls left</span>"))
        var hub = SampleFleet.hub
        hub.windows[0].endsAt = SampleFleet.now - .seconds(1)
        #expect(try await page(hub).contains(">2,500 of 2,500 Hub calls left</span>"))
        hub.answeredAt = SampleFleet.now - .seconds(600)
        #expect(try await page(hub).contains(">the Hub has been silent for 10 min</span>"))
        hub.answeredAt = nil
        #expect(try await page(hub).contains(">the Hub has not answered yet</span>"))
        #expect(try await !page(nil).contains("id=\"hub\""))
        #expect(try await !page(SampleFleet.hub).contains("The Hub cannot be asked."))
        hub.trouble = "could not list the Spaces of acme: <Invalid> credentials"
        let text = try await page(hub)
        #expect(text.contains("The Hub cannot be asked.") && text.contains("of acme: &lt;Invalid&gt; credentials."))
    }

    @Test(arguments: [
        ("/?q=WEB", ["website"]), ("/?show=silent", ["nightly-export"]),
        ("/?show=down", ["llm-backend/ready", "website"]),
        ("/?q=no-such-thing", []), ("/?show=down&q=ready", ["llm-backend/ready"]), ("/?sort=name&page=99", []),
        ("/?show=moderated", ["old-prototype"]), ("/?show=paused", ["leaderboard"]),
    ])
    func theDashboardNarrows(path: String, names: [String]) async throws {
        let text = try await Served.run(SampleFleet.dozen()) { try await $0.get(path, headers: Self.page).text }
        try Markup.check(text)
        let found = text.matches(of: #/<li class="row[^"]*" data-name="([^"]+)"/#).map { String($0.1) }
        #expect(found == names)
    }

    /// A job's call is the job's: nothing was sent anywhere, and a success does not look like a failure.
    @Test func aBeatIsToldAsTheJobsOwnWords() async throws {
        let whole = SampleFleet.dozen()
        func beat(_ outcome: Outcome, _ cause: Cause, _ detail: String) -> Transcript {
            let exchange = Transcript.Exchange(
                sent: [detail, "from curl/8.5"], peer: "curl/8.5", phases: [], received: [], body: "exported 12 rows",
                bodyBytes: 16)
            return Transcript(
                at: SampleFleet.now, attempt: 1, outcome: outcome, cause: cause, detail: "the job said \(detail)",
                exchanges: [exchange])
        }
        whole.monitor.set(
            transcripts: Transcripts(
                last: beat(.up, .none, "success"), lastFailed: beat(.down, .heartbeatFailed, "exit 3")),
            of: "nightly-export")
        let text = try await Served.run(whole) { try await $0.get("/targets/nightly-export", headers: Self.page).text }
        try Markup.check(text)
        let shown = try #require(text.firstRange(of: "id=\"transcripts\"").map { text[$0.lowerBound...] })
        #expect(shown.contains("<h3>Last call</h3>") && shown.contains("<h3>Last failed call</h3>"))
        #expect(shown.contains("<h4>The job said</h4>") && shown.contains("exported 12 rows"))
        #expect(!shown.contains("Sent") && !shown.contains("Received") && !shown.contains("answered as expected"))
        // The failure's detail alone is in the colour of failures.
        #expect(shown.contains("</svg></span> <span>the job said success</span>"))
        #expect(shown.matches(of: #/<p class="detail">/#).count == 1)
        #expect(shown.contains("<p class=\"detail\"><bdi>the job said exit 3</bdi></p>"))
    }

    @Test func aJobThatIsLateSaysForHowLong() async throws {
        let whole = SampleFleet.dozen()
        whole.monitor.change("nightly-export") { $0.nextDue = SampleFleet.now - .seconds(3 * 3_600 + 720) }
        try await Served.run(whole) { served in
            let fleet = try await served.get("/?q=nightly", headers: Self.page).text
            #expect(fleet.contains(">overdue 3 h</time>") && fleet.contains("data-due=\"overdue\""))
            let page = try await served.get("/targets/nightly-export", headers: Self.page).text
            #expect(page.contains("; overdue by 3 h 12 min."))
            whole.monitor.change("nightly-export") {
                $0.state.verdict = .up
                $0.nextDue = SampleFleet.now - .seconds(130)
            }
            #expect(
                try await served.get("/targets/nightly-export", headers: Self.page).text.contains(
                    "Late: its call is overdue by 2 min."))
        }
    }

    /// The command that a page offers must work as it stands; its key is for those who may write only.
    @Test func aHeartbeatsCommandHasItsKey() async throws {
        let token = "correct horse battery staple"
        let key = try #require(HeartbeatKeys(token: Secret(token)).key(of: "nightly-export"))
        let access = Access(token: Secret(token), now: { SampleFleet.now })
        try await Served.run(SampleFleet.dozen(), access: access) { served in
            let path = "/targets/nightly-export"
            let stranger = try await served.get(path, headers: Self.page).text
            try Markup.check(stranger)
            #expect(stranger.contains("/api/heartbeats/nightly-export?key=KEY&quot;"))
            #expect(!stranger.contains(key))
            let operatorsPage = try await served.get(
                path, headers: Self.page + [("Authorization", "Bearer \(token)")]
            ).text
            #expect(operatorsPage.contains("/api/heartbeats/nightly-export?key=\(key)&quot;"))
            #expect(operatorsPage.contains("/api/heartbeats/nightly-export/$??key=\(key)&quot;"))
            #expect(!operatorsPage.contains(token))
        }
    }

    @Test func troubleSaysWhatToDo() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let down = try await served.get("/targets/website", headers: Self.page).text
            #expect(down.contains("Is the service started"))
            let up = try await served.get("/targets/discord-bot", headers: Self.page).text
            #expect(!up.contains("class=\"advice\""))
        }
    }

    @Test func pagesOfALargeFleet() async throws {
        try await Served.run(SampleFleet.many(120)) { served in
            let first = try await served.get("/?sort=file", headers: Self.page).text
            #expect(first.contains("1–50 of 120"))
            #expect(first.contains(#"rel="next" href="/?sort=file&amp;page=2""#))
            let last = try await served.get("/?page=3&sort=name", headers: Self.page).text
            #expect(last.contains("101–120 of 120"))
            #expect(last.contains("rel=\"prev\" href=\"/?sort=name&amp;page=2\""))
        }
    }

    /// Turning pages never tears a group: closed ones are opened as pages of their own.
    @Test func groupsOfALargeFleetAreClosed() async throws {
        try await Served.run(SampleFleet.many(120)) { served in
            let whole = try await served.get("/", headers: Self.page).text
            try Markup.check(whole)
            #expect(whole.contains("class=\"group shut\"") && !whole.contains("<details class=\"group\""))
            let group = try #require(whole.firstMatch(of: #/class="opens" href="([^"]+)"/#)).1
            let opened = try await served.get(String(group), headers: Self.page).text
            try Markup.check(opened)
            #expect(opened.matches(of: #/<details class="group"/#).count == 1)
            // Every figure is the group's.
            let all = try #require(opened.firstMatch(of: #/data-chip="all".*?<b>([0-9,]+)<\/b>/#)).1
            #expect(Int(all) ?? 120 < 120 || whole.matches(of: #/class="group shut"/#).count == 1)
        }
    }

    /// Bars and uptime are of the same span, and each bar has its words.
    @Test func rowsHaveBarsByTime() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            for (span, bars) in [("1h", 60), ("24h", 48), ("90d", 90)] {
                let page = try await served.get("/?q=website&span=\(span)", headers: Self.page).text
                try Markup.check(page)
                let data = try #require(page.firstMatch(of: #/data-bars="([^"]+)"/#)).1
                #expect(data.split(separator: "|").count == bars)
                #expect(page.contains("Up, \(span.dropLast()) \(span.suffix(1))"))
            }
            let page = try await served.get("/?q=website", headers: Self.page).text
            #expect(page.contains("|d") && page.contains("the connection was refused"))
        }
    }

    /// What may not be done is absent, with the reason; logs and actions need the token where reading is open.
    @Test func actionsOnASpaceSayWhyTheyAreMissing() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let page = try await served.get("/targets/discord-bot", headers: Self.page).text
            try Markup.check(page)
            #expect(page.contains("no account on the Hub") && !page.contains("/actions/restart"))
            let answer = try await served.get("/targets/website", headers: Self.page).text
            #expect(!answer.contains("no account on the Hub"))
        }
    }

    @Test func anEmptyFleetIsToldHowToBegin() async throws {
        let text = try await Served.run(SampleFleet.empty()) { try await $0.get("/", headers: Self.page).text }
        try Markup.check(text)
        #expect(text.contains("stoker init"))
        #expect(text.contains("keep: { every: 45m }"))
    }

    @Test func aTargetsPageTellsAll() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let answer = try await served.get("/targets/llm-backend/ready?range=30d", headers: Self.page)
            #expect(answer.status == 200)
            try Markup.check(answer.text)
            #expect(answer.text.contains("A JSON value is not the expected one."))
            #expect(answer.text.contains("found &quot;lost&quot;"))
            #expect(answer.text.contains("href=\"/targets/llm-backend\""))
            #expect(answer.text.contains("answers in"))
            #expect(answer.text.contains("lasting for"))
            #expect(try await served.get("/targets/llm-backend%2Fready", headers: Self.page).status == 200)
            #expect(try await served.get("/targets/nobody", headers: Self.page).status == 404)
        }
    }

    @Test func aHeartbeatsPageShowsItsAddress() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let text = try await served.get("/targets/nightly-export", headers: Self.page).text
            #expect(text.contains("http://127.0.0.1:\(served.port)/api/heartbeats/nightly-export"))
            #expect(!text.contains("Ping now"))
        }
    }

    @Test func aBrokenLedgerDoesNotHideTheTarget() async throws {
        var whole = SampleFleet.dozen()
        whole.ledger.broken = true
        try await Served.run(whole) { served in
            let page = try await served.get("/targets/website", headers: Self.page)
            #expect(page.status == 200)
            try Markup.check(page.text)
            #expect(page.text.contains("The history cannot be read just now."))
            #expect(try await served.get("/badge/website.svg?kind=uptime-7d").status == 503)
        }
    }

    static let attacks = [
        #"<script>alert(1)</script>"#, #"" onmouseover="alert(1)"#, "\"\u{301} onload=\u{301}x", "'><img src=x>",
        "a\nb\r\nc\td",
        "\u{202e}gnp.exe\u{2066}", "\u{0}\u{7}\u{1b}[31m", "{{name}}{{{name}}}", "%2e%2e/%00?#&=+", "😀 ñ שלום",
        String(repeating: "x<&\"'", count: 2_000),
    ]

    @Test(arguments: attacks) func hostileStringsStayText(text: String) async throws {
        let whole = SampleFleet.hostile(text)
        try await Served.run(whole) { served in
            let name = String(
                decoding: Array(text.utf8).flatMap { Array("%".utf8) + Array(Self.hex($0).utf8) }, as: UTF8.self)
            for path in [
                "/", "/?q=\(name.prefix(900))&group=\(name.prefix(900))", "/login?next=\(name.prefix(900))",
                "/\(name.prefix(900))",
            ]
                + (text.utf8.count < 1_000 ? ["/targets/\(name)"] : [])
            {
                let answer = try await served.get(path, headers: Self.page)
                try Markup.check(answer.text)
                #expect(!answer.text.contains("<script>alert"))
                #expect(!answer.text.contains("<img src=x"))
                #expect(!answer.text.unicodeScalars.contains("\u{202e}"))
            }
            if text.utf8.count < 1_000 {
                #expect(try await served.get("/targets/\(name)", headers: Self.page).status == 200)
                try Markup.check(try await served.get("/badge/\(name).svg").text)
            }
        }
    }

    private static func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

    @Test func everyAnswerCarriesTheCarefulHeaders() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            for path in ["/", "/status", "/login", "/nowhere", "/robots.txt", "/icons/good.svg"] {
                let answer = try await served.get(path, headers: Self.page)
                let policy = try #require(answer.headers["content-security-policy"])
                #expect(policy.contains("frame-ancestors 'none'"))
                #expect(!policy.contains("unsafe"))
                #expect(answer.headers["x-content-type-options"] == "nosniff")
                #expect(answer.headers["referrer-policy"] == "same-origin")
            }
        }
    }

    @Test func problemsAreToldInTheVisitorsForm() async throws {
        try await Served.run(SampleFleet.dozen()) { served in
            let page = try await served.get("/targets/nobody", headers: Self.page)
            #expect(page.text.contains("the fleet has none of that name"))
            let json = try await served.get("/targets/nobody", headers: [("Accept", "application/json")])
            #expect(json.status == 404)
            #expect(json.text.hasPrefix(#"{"error":{"code":"not_found""#))
            // An address that nobody knows is no different from a name that nobody knows.
            let nowhere = try await served.get("/nowhere", headers: Self.page)
            #expect(nowhere.status == 404)
            try Markup.check(nowhere.text)
            #expect(nowhere.text.contains("there is nothing at this address"))
            let api = try await served.get("/api/v1/nowhere", headers: [("Accept", "application/json")])
            #expect(api.status == 404)
            #expect(api.text.hasPrefix(#"{"error":{"code":"not_found""#))
        }
    }

    @Test func buttonsWorkWithoutAScript() async throws {
        let whole = SampleFleet.dozen()
        try await Served.run(whole) { served in
            let origin = [("Accept", "text/html"), ("Origin", "http://127.0.0.1:\(served.port)")]
            for (action, verdict) in [("pause", Verdict.paused), ("resume", .unknown), ("ping", .up)] {
                let answer = try await served.get(
                    "/actions/\(action)", method: "POST", headers: origin,
                    body: "name=llm-backend%2Fready&from=%2F%3Fshow%3Ddown")
                #expect(answer.status == 303)
                #expect(answer.headers["location"] == "/?show=down")
                #expect(try await whole.monitor.status(of: "llm-backend/ready").state.verdict == verdict)
            }
            #expect(
                whole.monitor.calls == [
                    "pause llm-backend/ready", "resume llm-backend/ready", "ping llm-backend/ready",
                ])
            let elsewhere = try await served.get(
                "/actions/pause", method: "POST", headers: origin, body: "name=website&from=%2F%2Fevil.example")
            #expect(elsewhere.headers["location"] == "/")
            let foreign = try await served.get(
                "/actions/ping", method: "POST", headers: [("Origin", "http://evil.example")], body: "name=website")
            #expect(foreign.status == 403)
            let large = try await served.get(
                "/actions/ping", method: "POST", headers: origin, body: String(repeating: "x", count: 70_000))
            #expect(large.status == 413)
            #expect(whole.monitor.calls.count == 4)
        }
    }

    @Test func aLongPingDoesNotHoldThePage() async throws {
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let whole = SampleFleet.dozen(pingGate: { _ in _ = await gate.first { _ in true } })
        try await Served.run(whole) { served in
            let answer = try await served.get("/actions/ping", method: "POST", body: "name=website")
            #expect(answer.status == 202)
            #expect(answer.text.hasPrefix(#"{"done":false"#))
            #expect(try await whole.monitor.status(of: "website").pinging)
            open.yield()
            while try await whole.monitor.status(of: "website").pinging { await Task.yield() }
        }
    }

    @Test func loggingInAndOut() async throws {
        let access = Access(token: Secret("secret"), privateReading: true, host: "0.0.0.0", now: { SampleFleet.now })
        try await Served.run(SampleFleet.dozen(), access: access) { served in
            let sent = try await served.get("/?q=web", headers: Self.page)
            #expect(sent.status == 303)
            #expect(sent.headers["location"] == "/login?next=%2F%3Fq%3Dweb")
            #expect(try await served.get("/status").status == 401)
            #expect(try await served.get("/health").status == 200)
            let wrong = try await served.get("/login", method: "POST", headers: Self.page, body: "token=guess")
            #expect(wrong.status == 401)
            try Markup.check(wrong.text)
            let right = try await served.get(
                "/login", method: "POST", headers: Self.page, body: "token=secret&next=%2F%3Fq%3Dweb")
            #expect(right.headers["location"] == "/?q=web")
            let cookie = try #require(right.headers["set-cookie"]).prefix { $0 != ";" }
            let page = try await served.get("/", headers: Self.page + [("Cookie", String(cookie))])
            #expect(page.status == 200)
            #expect(page.text.contains("Log out"))
            #expect(
                try await served.get("/logout", method: "POST").headers["set-cookie"]?.contains("Max-Age=0") == true)
        }
    }

    @Test func whoMayNotWriteSeesNoButtons() async throws {
        let access = Access(token: Secret("secret"), host: "0.0.0.0", now: { SampleFleet.now })
        try await Served.run(SampleFleet.dozen(), access: access) { served in
            let text = try await served.get("/", headers: Self.page).text
            #expect(!text.contains("/actions/"))
            #expect(text.contains("href=\"/login\""))
            #expect(try await served.get("/actions/ping", method: "POST", body: "name=website").status == 401)
        }
    }

    @Test func addedRoutesPassTheFrontDoor() async throws {
        let access = Access(token: nil, now: { SampleFleet.now })
        let routes: (Router<AppRequestContext>) -> Void = { router in
            router.get("/api/v1/sample") { request, visit in
                try access.authorize(.write, request)
                return visit.permission.write ? "yes" : "no"
            }
        }
        try await Served.run(SampleFleet.dozen(), access: access, extraRoutes: routes) { served in
            #expect(try await served.get("/api/v1/sample").text == "yes")
            let refused = try await served.get(
                "/api/v1/sample", headers: [("Origin", "http://evil.example"), ("Accept", "text/html")])
            #expect(refused.status == 403)
            #expect(refused.headers["content-type"] == "application/json; charset=utf-8")
        }
    }
}
