import Foundation
import Ledger
import NIOCore
import Operations
import StokerCore
import TestSupport
import Testing

@testable import ControlRoom

/// Every state there is, through everything that shows one: all say the same of it.
@Suite(.timeLimit(.minutes(3))) struct OneViewTests {
    private static let page: [(String, String)] = [("Accept", "text/html")]

    /// Each verdict of each kind, plain and with everything that is told beside a verdict.
    static let states: [CheckStatus] = {
        let now = SampleFleet.now
        var made: [CheckStatus] = []
        func add(
            _ verdict: Verdict, _ cause: Cause = .none, kind: CheckPolicy.Kind = .http, space: String? = nil,
            address: String? = nil, downAfter: Threshold = Threshold(failures: 1, of: 1), hours: Hours? = nil,
            due: Duration? = .seconds(100), hubStatus: SpaceHubStatus? = nil,
            change: (inout CheckState) -> Void = { _ in }
        ) {
            let policy = CheckPolicy(kind: kind, every: .seconds(300), hours: hours, downAfter: downAfter)
            let standard = kind == .heartbeat ? "" : kind == .http ? "https://example.com/" : kind.type.example
            var state = CheckState()
            state.verdict = verdict
            state.cause = cause
            state.code = cause == .status ? 503 : kind == .http && verdict != .unknown ? 200 : 0
            state.latencyMicroseconds = kind == .heartbeat || verdict == .unknown ? 0 : 140_000
            state.lastPing = verdict == .unknown ? .never : now - .seconds(20)
            state.since = now - .seconds(660)
            state.failures = verdict.isTrouble ? 3 : 0
            state.wasBad = verdict.isTrouble
            change(&state)
            made.append(
                CheckStatus(
                    check: Check(
                        name: "state-\(made.count)", address: address ?? standard, space: space, policy: policy),
                    id: Int32(made.count + 1), state: state,
                    nextDue: verdict == .paused ? nil : due.map { now + $0 }, hubStatus: hubStatus))
        }
        for kind in CheckPolicy.Kind.allCases {
            for verdict in Verdict.allCases where verdict != .paused {
                let cause: Cause =
                    switch verdict {
                    case .unknown, .up, .paused: .none
                    case .slow: .tooSlow
                    case .waking: .spaceHeld
                    case .down: kind == .heartbeat ? .heartbeatFailed : kind == .http ? .status : .connectRefused
                    case .silent: .heartbeatMissed
                    }
                for flapping in [false, true] {
                    add(verdict, cause, kind: kind) { $0.flapping = flapping }
                    // Past its time: late, overdue, or waiting for room.
                    add(verdict, cause, kind: kind, due: .seconds(-130)) { $0.flapping = flapping }
                }
                if cause == .none { add(verdict, .selfOffline, kind: kind) { $0.isBlind = true } }
            }
            for pause: CheckState.Pause in [.none, .byPerson, .byFleetFile, .byHours, .byModeration, .byOwner, .asleep]
            {
                let hours = Hours(windows: [], zone: "Europe/Berlin", text: "Mon-Fri 07:00-20:00 Europe/Berlin")
                add(.paused, kind: kind, hours: hours) { $0.pause = pause }
                add(.paused, kind: kind, hours: hours) {
                    $0.pause = pause
                    $0.pausedUntil = now + .seconds(4_000)
                }
            }
        }
        // The last pings failed, and it is not believed yet.
        for (verdict, cause) in [(Verdict.unknown, Cause.connectRefused), (.up, .status), (.up, .firstByteTimeout)] {
            add(verdict, cause, downAfter: Threshold(failures: 2, of: 3)) {
                $0.failures = 1
                $0.recentFailures = 1
                $0.recentCount = 5
                $0.lastPing = now - .seconds(20)
            }
        }
        // A Space of which both sources have a word.
        add(.unknown, space: "acme/lost", address: "")
        let old = (running: "0123456789abcdef", head: "fedcba9876543210")
        for (verdict, cause, stage): (Verdict, Cause, SpaceStage?) in [
            (.up, .none, .running), (.up, .hubLags, .building), (.slow, .spaceOldBuild, .running),
            (.down, .spaceRunningDead, .running), (.waking, .spaceStarting, .appStarting), (.down, .status, nil),
            (.down, .spaceBuildFailed, .buildError), (.down, .platformIncident, .running),
        ] {
            for isFresh in [true, false] {
                add(
                    verdict, cause, space: "acme/two",
                    hubStatus: SpaceHubStatus(
                        stage: stage, stageSince: now - .seconds(700), readAt: now - .seconds(isFresh ? 20 : 900),
                        isFresh: isFresh, errorMessage: stage == .buildError ? "exit code 1" : nil,
                        oldBuild: cause == .spaceOldBuild ? old : nil,
                        disagreement: cause == .none ? nil : "Both say different things.",
                        healing: cause == .spaceRunningDead ? "would restart it" : nil))
            }
        }
        for cause in Cause.allCases where cause != .none && cause != .ledgerDamaged { add(.down, cause) }
        return made
    }()

    @Test func everyRendererSaysTheSame() async throws {
        let states = Self.states
        let whole = SampleFleet.Whole(
            monitor: ScriptedMonitor(states, now: { SampleFleet.now }), ledger: ScriptedLedger())
        let context = OperationContext(
            monitor: whole.monitor, ledger: whole.ledger, now: { SampleFleet.now }, backupFolder: nil, heartbeatKey: nil
        )
        let list = try #require(Operation.named("list-checks"))
        let items = try await list.call([("limit", 1_000)], in: context)["items"]?.array ?? []
        let api = Dictionary(items.map { ($0["name"]?.string ?? "", $0) }, uniquingKeysWith: { first, _ in first })
        #expect(api.count == states.count)
        let settings = ControlRoomServer.Settings(port: 0, pageSize: states.count)
        try await Served.run(whole, settings: settings) { served in
            let status = try JSONValue(reading: try await served.get("/status").bytes)
            let targets = Dictionary(
                (status["targets"]?.array ?? []).map { ($0["name"]?.string ?? "", $0) },
                uniquingKeysWith: { first, _ in first })
            let metrics = Set(try await served.get("/metrics").text.split(separator: "\n").map(String.init))
            let fleet = try await served.get("/?sort=file", headers: Self.page).text
            try Markup.check(fleet)
            let rows = Dictionary(
                fleet.components(separatedBy: "<li class=\"row ").compactMap { row in
                    row.firstRange(of: "data-name=\"").map {
                        (String(row[$0.upperBound...].prefix { $0 != "\"" }), row)
                    }
                }, uniquingKeysWith: { first, _ in first })
            for state in states {
                let name = state.check.name
                let view = CheckView(state, now: SampleFleet.now)
                let told = try #require(api[name])
                let comment: Comment = "\(name): \(told.text)"
                let sentence = try #require(told["sentence"]?.string)
                let look = try #require(told["look"]?.string)

                // The API.
                #expect(sentence == view.sentence.text && look == view.look.name, comment)
                #expect(told["reason"]?.string == view.reason?.text, comment)
                #expect(sentence.first?.isUppercase == false && !sentence.hasSuffix("."), comment)
                #expect(!sentence.contains("Z") || sentence.contains("Zone"), "\(name) tells a raw time: \(sentence)")

                // `/status`.
                let target = try #require(targets[name])
                for (its, own) in [
                    ("status", "verdict"), ("trouble", "trouble"),
                    ("since", "since"), ("last_ping", "last_ping"), ("next_ping", "next_due"),
                    ("failures_in_a_row", "failures_in_a_row"), ("cause", "cause"), ("flapping", "flapping"),
                ] { #expect(target[its] == told[own], comment) }
                #expect(target["latency_ms"]?.double == told["latency_ms"]?.double, comment)
                #expect(target["reason"]?.string == told["reason"]?.string, comment)
                #expect(target["disagreement"]?.string == told["hub"]?["disagreement"]?.string, comment)

                // The row of the dashboard, and what an event puts into it.
                let row = try #require(rows[name])
                #expect(row.hasPrefix("v-\(look)"), comment)
                #expect(row.contains("<span class=\"word\">\(view.look.title)</span>"), comment)
                let reason = told["reason"]?.string ?? ""
                #expect(row.contains("<span class=\"reason\" title=\"\(ControlRoom.Markup.escape(reason))"), comment)
                let latency = told["latency_ms"]?.double.map { Formatting.latency(microseconds: Int64($0 * 1_000)) }
                #expect(row.contains("<span class=\"latency-value\">\(latency ?? "–")</span>"), comment)
                var patch = JSONText()
                CheckRow(view).write(&patch)
                let event = try JSONValue(reading: Array(patch.buffer.readableBytesView))
                #expect(event["v"]?.string == look && event["w"]?.string == view.look.title, comment)
                #expect(event["r"]?.string?.hasPrefix(reason) == true && event["l"]?.string == latency ?? "–", comment)

                // Its own page.
                let own = try await served.get("/targets/\(name)", headers: Self.page).text
                try Markup.check(own)
                #expect(own.contains("data-verdict=\"\(look)\""), comment)
                #expect(
                    own.contains("<span class=\"why\">\(ControlRoom.Markup.sentence(view.sentence.asWhole))</span>"),
                    comment)
                #expect(own.contains("<title>(!) ") == (told["trouble"] == true), comment)
                if let both = told["hub"]?["disagreement"]?.string { #expect(own.contains(both), comment) }
                #expect(!own.contains("in –"), comment)

                // Badge and metrics.
                let badge = try await served.get("/badge/\(name).svg").text
                #expect(badge.contains("aria-label=\"\(name): \(look)\""), comment)
                let speed = try await served.get("/badge/\(name).svg?kind=latency").text
                #expect(speed.contains("\(name) latency: \(latency ?? "–")\""), comment)
                let verdict = told["verdict"]?.string ?? ""
                #expect(metrics.contains("stoker_check_verdict{check=\"\(name)\",verdict=\"\(verdict)\"} 1"), comment)
                let up = ["up", "slow"].contains(verdict) ? 1 : ["paused", "unknown"].contains(verdict) ? nil : 0
                for value in [0, 1] {
                    #expect(metrics.contains("stoker_check_up{check=\"\(name)\"} \(value)") == (up == value), comment)
                }
            }
        }
    }

    /// The whole: headline, `/status`, the API, the page's title and icon, and what is wrong with Stoker itself.
    @Test(arguments: 0..<9) func everyRendererSaysTheSameOfTheWhole(_ scene: Int) async throws {
        let now = SampleFleet.now
        let whole =
            scene == 8
            ? SampleFleet.empty()
            : SampleFleet.dozen(overview: { (overview: inout Overview) in
                switch scene {
                case 0: break
                case 1: overview.connectivity = .offline(since: now - .seconds(60))
                case 2: overview.role = .standby(of: "https://a:b@first.example.com", lastSeen: now - .seconds(3))
                case 3: overview.role = .standingIn(for: "https://first.example.com", since: now - .seconds(60))
                case 4: overview.ledgerDamage = [LedgerDamage(incident: 7, at: now, text: "Two pages are gone")]
                case 5:
                    overview.ledger = .stalled(since: now, because: "no space", waiting: 3, limit: 10, dropped: 2)
                case 6: overview.fleetFile.rejected = ["fleet.yaml:1:1: a", "fleet.yaml:2:1: b"]
                default:
                    overview.hub = SampleFleet.hub
                    overview.hub?.trouble = "got no answer"
                    overview.work.shed = 1_200
                    overview.demo = true
                }
            })
        let context = OperationContext(
            monitor: whole.monitor, ledger: whole.ledger, now: { now }, backupFolder: nil, heartbeatKey: nil)
        let told = try await #require(Operation.named("overview")).call([], in: context)
        try await Served.run(whole) { served in
            let status = try JSONValue(reading: try await served.get("/status").bytes)
            #expect(status["summary"] == told["sentence"])
            #expect(status["status"] == told["mood"])
            #expect(status["trouble"] == told["trouble"])
            #expect(status["role"] == told["role"]?["state"])
            #expect(status["ledger"]?["state"] == told["ledger"]?["state"])
            #expect(status["counts"]?.members?.count == Verdict.allCases.count)
            for verdict in Verdict.allCases {
                #expect(status["counts"]?[verdict.name] == told["counts"]?[verdict.name])
            }
            let page = try await served.get("/", headers: Self.page).text
            try Markup.check(page)
            #expect(page.contains("/icons/\(told["mood"]?.string ?? "").svg"))
            if scene < 8 { #expect(page.contains("<span id=\"sentence\">\(told["sentence"]?.string ?? "")</span>")) }
            let notices = told["notices"]?.array ?? []
            #expect((scene == 0 || scene == 8) == notices.isEmpty)
            #expect(page.matches(of: #/<div class="banner k-/#).count == notices.count)
            for notice in notices {
                #expect(page.contains("<strong>\(notice["title"]?.string ?? "")</strong>"))
                #expect(notice["text"]?.string?.contains(/\dZ/) == false, "\(notice.text)")
                for line in notice["lines"]?.array ?? [] { #expect(page.contains("<li>\(line.string ?? "")</li>")) }
                #expect(!notice.text.contains("a:b@"))
            }
        }
    }
}
