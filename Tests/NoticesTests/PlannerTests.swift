import Foundation
import Ledger
import StokerCore
import Testing

@testable import Notices

/// Rules as a value: what is told, when, and in which order.
@Suite struct PlannerTests {
    static let start = Instant(milliseconds: 1_764_500_400_000)  // 2025-11-30 11:00 UTC

    static let sections = FleetSections.standard.adding(ChannelsSection.section).adding(NotifySection.section)

    static func fleet(_ notify: String, targets: [String] = ["web", "api", "db"], more: String = "") throws -> Fleet {
        let checks = targets.map {
            "  \($0): { url: https://\($0).example.com, group: \($0 == "db" ? "data" : "front") \(more.contains("\($0):") ? ", depends_on: [db]" : "") }"
        }
        let text = """
            channels:
              team: { webhook: "https://hooks.example.com/a" }
              oncall: { webhook: "https://hooks.example.com/b" }
            notify:
            \(notify)
            targets:
            \(checks.joined(separator: "\n"))
            """
        return try FleetFile.read(text: text, name: "fleet.yaml", environment: [:], sections: sections).get()
    }

    struct World {
        var planner: NoticePlanner
        var now = PlannerTests.start

        init(_ notify: String, targets: [String] = ["web", "api", "db"], more: String = "") throws {
            planner = NoticePlanner()
            planner.use(try PlannerTests.fleet(notify, targets: targets, more: more))
        }

        static func number(_ check: String) -> Int32 {
            Int32(check.utf8.reduce(7) { ($0 * 31 + Int($1)) % 100_000 }) + 1
        }

        mutating func wait(_ time: Duration) { now = now + time }

        func fall(_ check: String, _ cause: Cause = .connectRefused, began: Instant? = nil) -> Batch {
            let id = Self.number(check)
            let verdict: Verdict = cause == .heartbeatMissed ? .silent : .down
            return Batch(
                incidents: [Incident(check: id, began: began ?? now, verdict: verdict, cause: cause)],
                events: [
                    Event(at: now, check: id, .verdict(check: check, from: .up, to: verdict, cause: cause)),
                    Event(at: now, check: id, .incidentBegan(check: check, cause: cause)),
                ])
        }

        func rise(_ check: String, began: Instant, how: EventPayload.IncidentEnd = .recovered) -> Batch {
            let id = Self.number(check)
            return Batch(
                incidents: [
                    Incident(check: id, began: began, ended: now, verdict: .down, cause: .connectRefused)
                ],
                events: [
                    Event(
                        at: now, check: id,
                        .incidentEnded(check: check, how: how, lastedMilliseconds: (now - began).wholeMilliseconds))
                ])
        }

        mutating func happens(_ batch: Batch) -> [Sent] { Self.read(planner.plan(batch, now: now)) }
        mutating func happens(_ payload: EventPayload) -> [Sent] { happens(Batch(events: [Event(at: now, payload)])) }

        /// Time goes on in seconds, as the service asks.
        mutating func pass(_ time: Duration, acknowledged: Bool = false) -> [Sent] {
            var sent: [Sent] = []
            let end = now + time
            while now < end {
                wait(.seconds(1))
                let due = planner.due(now: now)
                if !due.isEmpty {
                    let keys = acknowledged ? Set(due.map(\.incident)) : []
                    sent += Self.read(planner.raise(due, acknowledged: keys, now: now))
                }
            }
            return sent
        }

        static func read(_ jobs: [NewJob]) -> [Sent] {
            jobs.map { job in
                let outgoing = try? JSONDecoder().decode(OutgoingMessage.self, from: Data(job.payload.utf8))
                return Sent(job: job, outgoing: outgoing)
            }
        }
    }

    struct Sent {
        var job: NewJob
        var outgoing: OutgoingMessage?
        var kind: Notice.Kind? { outgoing?.notice.kind }
        var channel: String? { outgoing?.channel }
        var checks: [String] { outgoing?.notice.subjects.map(\.check) ?? [] }
        var count: Int { outgoing?.notice.count ?? -1 }
    }

    @Test func downAndRecoveredAreToldAtOnceAndInOrder() throws {
        var world = try World("  - { to: team }")
        let began = world.now
        let down = world.happens(world.fall("web"))
        #expect(down.map(\.kind) == [.down])
        #expect(down[0].checks == ["web"])
        #expect(down[0].job.runAt == world.now)
        #expect(down[0].outgoing?.notice.sentence == Cause.connectRefused.sentence)
        world.wait(.seconds(60))
        let up = world.happens(world.rise("web", began: began))
        #expect(up.map(\.kind) == [.recovered])
        #expect(up[0].outgoing?.notice.subjects[0].lastedMilliseconds == 60_000)
        // The end waits for its beginning, and for nothing else.
        let (first, second) = (try #require(down[0].outgoing), try #require(up[0].outgoing))
        #expect(!world.planner.isBlocked(first))
        #expect(world.planner.isBlocked(second))
        world.planner.isOver(first, isTold: true)
        #expect(!world.planner.isBlocked(second))
    }

    @Test func theEndOfWhatCouldNotBeToldIsNotTold() throws {
        var world = try World("  - { to: team }")
        let began = world.now
        let down = try #require(world.happens(world.fall("web")).first?.outgoing)
        world.wait(.seconds(10))
        let up = try #require(world.happens(world.rise("web", began: began)).first?.outgoing)
        #expect(!world.planner.isUnwanted(up))
        world.planner.isOver(down, isTold: false)
        #expect(world.planner.isUnwanted(up))
    }

    @Test func groupsTargetsAndKindsChoose() throws {
        var world = try World(
            """
              - { to: team, groups: [data], on: [down] }
              - { to: oncall, targets: [web], on: [recovered, moderated] }
            """)
        let began = world.now
        #expect(world.happens(world.fall("web")).isEmpty)
        #expect(world.happens(world.fall("db")).map(\.channel) == ["team"])
        // That channel is told of some beginnings, and was not told of this one.
        #expect(world.happens(world.rise("web", began: began)).isEmpty)
        #expect(world.happens(world.rise("db", began: began)).isEmpty)
        world.wait(.seconds(1))
        let moderated = world.happens(world.fall("web", .spaceModerated))
        #expect(moderated.map(\.kind) == [.moderated])
    }

    @Test func lastingTellsOnlyOfWhatLastsAndNobodyAcknowledged() throws {
        var world = try World("  - { to: oncall, on: [down, recovered], lasting: 10m }")
        let began = world.now
        #expect(world.happens(world.fall("web")).isEmpty)
        #expect(world.pass(.seconds(599)).isEmpty)
        let told = world.pass(.seconds(2))
        #expect(told.map(\.kind) == [.down])
        #expect(world.happens(world.rise("web", began: began)).map(\.kind) == [.recovered])
        // Short trouble: neither its beginning nor its end.
        let second = world.now
        #expect(world.happens(world.fall("api")).isEmpty)
        #expect(world.pass(.seconds(60)).isEmpty)
        #expect(world.happens(world.rise("api", began: second)).isEmpty)
        #expect(world.pass(.seconds(700)).isEmpty)
        // Acknowledged in time: told nobody.
        #expect(world.happens(world.fall("db")).isEmpty)
        #expect(world.pass(.seconds(700), acknowledged: true).isEmpty)
        #expect(world.pass(.seconds(700)).isEmpty)
    }

    @Test func repeatGoesOnUntilItIsAcknowledged() throws {
        var world = try World("  - { to: oncall, on: [down], repeat: 1h }")
        #expect(world.happens(world.fall("web")).count == 1)
        let again = world.pass(.seconds(7_300))
        #expect(again.compactMap { $0.outgoing?.notice.repeated } == [1, 2])
        #expect(Set(again.compactMap { $0.outgoing?.notice.key }).count == 2)
        #expect(world.pass(.seconds(3_600), acknowledged: true).isEmpty)
        #expect(world.pass(.seconds(7_200)).isEmpty)
    }

    @Test func whatHappensTogetherIsOneMessage() throws {
        var world = try World("  - { to: team, together: 30s }")
        let began = world.now
        let first = world.happens(world.fall("web"))
        #expect(first[0].job.runAt == began + .seconds(30))
        world.wait(.seconds(5))
        let second = world.happens(world.fall("api"))
        #expect(second[0].job.key == first[0].job.key)
        #expect(second[0].job.runAt == first[0].job.runAt)
        #expect(second[0].job.key?.replaces == true)
        #expect(second[0].checks == ["web", "api"])
        // Over before it was told: only its end is told.
        world.wait(.seconds(5))
        let third = world.happens(world.rise("web", began: began))
        #expect(third.map(\.kind) == [.recovered, .down] || third.map(\.kind) == [.down, .recovered])
        #expect(third.first { $0.kind == .down }?.checks == ["api"])
        #expect(third.first { $0.kind == .recovered }?.checks == ["web"])
    }

    @Test func aRuleWithoutEndsTellsThatItIsOver() throws {
        var world = try World("  - { to: team, on: [down], together: 30s }")
        let began = world.now
        _ = world.happens(world.fall("web"))
        world.wait(.seconds(5))
        let sent = world.happens(world.rise("web", began: began))
        #expect(sent.map(\.kind) == [.down])
        #expect(sent[0].outgoing?.notice.subjects[0].lastedMilliseconds == 5_000)
    }

    @Test func tenThousandAtOnceAreOneMessage() throws {
        let names = (0..<10_000).map { "t\($0)" }
        var world = try World("  - { to: [team, oncall] }", targets: names)
        var batch = Batch()
        for (number, name) in names.enumerated() {
            let id = Int32(number + 1)
            batch.incidents.append(Incident(check: id, began: world.now, verdict: .down, cause: .connectTimeout))
            batch.events.append(Event(at: world.now, check: id, .incidentBegan(check: name, cause: .connectTimeout)))
        }
        // As they come: a few at first, the rest over ten seconds.
        var keys: Set<String> = []
        var last: [String: Sent] = [:]
        for part in 0..<40 {
            let range = part * 250..<(part + 1) * 250
            let some = Batch(incidents: Array(batch.incidents[range]), events: Array(batch.events[range]))
            for sent in world.happens(some) {
                keys.insert(sent.job.key?.text ?? "")
                last[sent.channel ?? ""] = sent
                #expect(sent.job.payload.utf8.count <= Job.maxPayload)
                #expect(sent.job.runAt <= Self.start + .seconds(30))
            }
            world.wait(.milliseconds(250))
        }
        #expect(keys.count == 2)
        #expect(last["team"]?.count == 10_000)
        #expect(last["oncall"]?.count == 10_000)
        #expect(last["team"]?.checks.count == OutgoingMessage.mostListed)
    }

    @Test func manyInARowAreGathered() throws {
        let names = (0..<40).map { "t\($0)" }
        var world = try World("  - { to: team, on: [down] }", targets: names)
        var keys: Set<String> = []
        for name in names {
            for sent in world.happens(world.fall(name)) { keys.insert(sent.job.key?.text ?? "") }
            world.wait(.milliseconds(100))
        }
        #expect(keys.count == 6)
    }

    @Test func quietHoursHoldBackAlsoOverAChangeOfTheClock() throws {
        // The night of 2026-10-25 has an hour more: 22:00 CEST to 07:00 CET is ten hours.
        var world = try World("  - { to: team, quiet: \"22:00-07:00 Europe/Berlin\" }")
        world.now = try #require(Self.time("2026-10-24T20:30:00Z"))
        let night = world.happens(world.fall("web"))
        #expect(night[0].job.runAt == Self.time("2026-10-25T06:00:00Z"))
        let more = world.happens(world.fall("api"))
        #expect(more[0].job.key == night[0].job.key)
        // And that of 2026-03-29 an hour less.
        var spring = try World("  - { to: team, quiet: \"22:00-07:00 Europe/Berlin\" }")
        spring.now = try #require(Self.time("2026-03-28T21:30:00Z"))
        #expect(spring.happens(spring.fall("web"))[0].job.runAt == Self.time("2026-03-29T05:00:00Z"))
        // By day it is told at once.
        spring.now = try #require(Self.time("2026-03-30T10:00:00Z"))
        #expect(spring.happens(spring.fall("db"))[0].job.runAt == spring.now)
    }
    static func time(_ text: String) -> Instant? {
        (try? Date(text, strategy: .iso8601)).map { Instant(seconds: $0.timeIntervalSince1970) }
    }

    @Test func whatItStandsOnIsDown() throws {
        var world = try World("  - { to: team }", more: "web:")
        let began = world.now
        #expect(world.happens(world.fall("db")).map(\.checks) == [["db"]])
        #expect(world.happens(world.fall("web")).isEmpty)
        #expect(world.pass(.seconds(600)).isEmpty)
        // It is well again, and web is not: that is news.
        #expect(world.happens(world.rise("db", began: began)).map(\.kind) == [.recovered])
        let late = world.pass(.seconds(300))
        #expect(late.map(\.checks) == [["web"]])
        // Held back to its end: neither its beginning nor its end is told.
        let second = world.now
        _ = world.happens(world.fall("db"))
        #expect(world.happens(world.rise("web", began: began)).map(\.kind) == [.recovered])
        _ = world.happens(world.fall("web"))
        #expect(world.happens(world.rise("web", began: second)).isEmpty)
    }

    /// The one that stands on it fails first: what it stands on is looked at before anybody is told.
    @Test func whatItStandsOnIsLookedAtFirst() throws {
        var world = try World("  - { to: team }", more: "web:")
        world.planner.looksAtParents = true
        let began = world.now
        #expect(world.happens(world.fall("web")).isEmpty)
        #expect(world.planner.parents(awaitedBy: world.planner.due(now: world.now)) == ["db": began])
        // It fails as well: that is told, and nothing else.
        #expect(world.pass(.seconds(20)).isEmpty)
        #expect(world.happens(world.fall("db")).map(\.checks) == [["db"]])
        #expect(world.pass(.seconds(600)).isEmpty)

        // It fails as well and is well again before anybody looks at web: web has time to follow.
        var quick = try World("  - { to: team }", more: "web:")
        quick.planner.looksAtParents = true
        #expect(quick.happens(quick.fall("web")).isEmpty)
        #expect(quick.happens(quick.fall("db")).map(\.checks) == [["db"]])
        #expect(quick.happens(quick.rise("db", began: began)).map(\.kind) == [.recovered])
        quick.planner.note(parentsWell: ["db": began + .seconds(1)])
        #expect(quick.pass(.seconds(80)).isEmpty)
        #expect(quick.pass(.seconds(20)).map(\.checks) == [["web"]])

        // It is well, and was looked at after the trouble began.
        var other = try World("  - { to: team }", more: "web:")
        other.planner.looksAtParents = true
        #expect(other.happens(other.fall("web")).isEmpty)
        other.planner.note(parentsWell: ["db": began - .seconds(5)])
        #expect(other.pass(.seconds(3)).isEmpty, "that was before")
        other.planner.note(parentsWell: ["db": began + .seconds(1)])
        #expect(other.pass(.seconds(1)).map(\.checks) == [["web"]])
        // What stands on nothing waits for nobody.
        #expect(other.happens(other.fall("api")).map(\.checks) == [["api"]])

        // Nothing is found out about it: it is told all the same.
        var third = try World("  - { to: team }", more: "web:")
        third.planner.looksAtParents = true
        #expect(third.happens(third.fall("web")).isEmpty)
        #expect(third.pass(.seconds(119)).isEmpty)
        #expect(third.pass(.seconds(2)).map(\.checks) == [["web"]])
    }

    @Test func maintenanceHoldsBackUntilItsEnd() throws {
        var world = try World("  - { to: team }")
        let end = world.now + .seconds(300)
        world.planner.isInMaintenance = { check, at in check == "web" && at < end }
        #expect(world.happens(world.fall("web")).isEmpty)
        #expect(world.happens(world.fall("api")).count == 1)
        #expect(world.pass(.seconds(290)).isEmpty)
        #expect(world.pass(.seconds(200)).map(\.checks) == [["web"]])
    }

    @Test func ourOwnLostConnectionIsOneMessage() throws {
        var world = try World("  - { to: team }")
        #expect(world.happens(.offline).isEmpty)
        world.wait(.seconds(60))
        #expect(world.happens(world.fall("web", .heartbeatMissed)).isEmpty)
        world.wait(.seconds(120))
        let sent = world.happens(.online)
        #expect(sent.map(\.kind) == [.offline])
        #expect(sent[0].outgoing?.notice.sentence.contains("3m") == true)
        #expect(sent[0].checks.isEmpty)
        #expect(world.happens(.online).isEmpty)
    }

    @Test func thePlatformsIncidentIsOneMessage() throws {
        let text = """
            channels: { team: { webhook: "https://hooks.example.com/a" } }
            notify: [ { to: team, together: 30s } ]
            spaces: { a/one: {}, a/two: {}, a/three: {}, a/four: {} }
            """
        var world = try World("  - { to: team }")
        world.planner = NoticePlanner()
        world.planner.use(
            try FleetFile.read(text: text, name: "f", environment: [:], sections: Self.sections).get())
        for name in ["one", "two", "three"] { _ = world.happens(world.fall(name, .spaceError)) }
        let sent = world.happens(.healingSuspended(spaces: 3, cause: .spaceError))
        #expect(sent.count == 1)
        #expect(sent[0].checks.isEmpty)
        #expect(sent[0].count == 3)
        #expect(world.happens(world.fall("four", .spaceError)).isEmpty)
        #expect(world.happens(.healingSuspended(spaces: 4, cause: .spaceError)).isEmpty)
    }

    @Test func whatThePlatformTellsStandsInItsOneMessage() throws {
        var world = try World("  - { to: team }")
        let told = PlatformReport(
            title: "Spaces are slow", since: Self.start, page: "https://status.example.com/"
        ).phrase
        let sent = world.happens(.healingSuspended(spaces: 2, cause: .spaceError, platform: told))
        #expect(sent.count == 1)
        #expect(sent[0].outgoing?.notice.sentence.contains("“Spaces are slow” since 2025-11-30") == true)
        #expect(sent[0].outgoing?.notice.hint?.contains("huggingface") == false)
    }

    /// Channels that keep an incident open themselves hear it, after its alarm and before its end.
    @Test func anAcknowledgementGoesToThoseThatWereTold() throws {
        var world = try World("  - { to: team }")
        let began = world.now
        let key = IncidentKey(check: World.number("web"), began: began)
        let down = try #require(world.happens(world.fall("web")).first?.outgoing)
        world.wait(.seconds(5))
        let seen = World.read(
            world.planner.acknowledge(key, number: 42, on: ["team", "oncall"], now: world.now))
        #expect(seen.map(\.channel) == ["team"])
        #expect(seen.map(\.kind) == [.acknowledged])
        let seenMessage = try #require(seen.first?.outgoing)
        #expect(seenMessage.notice.subjects.first?.incident == 42)
        let up = try #require(world.happens(world.rise("web", began: began)).first?.outgoing)
        #expect(world.planner.isBlocked(seenMessage))
        world.planner.isOver(down, isTold: true)
        #expect(!world.planner.isBlocked(seenMessage))
        #expect(world.planner.isBlocked(up))
        world.planner.isOver(seenMessage, isTold: true)
        #expect(!world.planner.isBlocked(up))
        // It is over: there is nothing to acknowledge any more.
        #expect(world.planner.acknowledge(key, number: 42, on: ["team"], now: world.now).isEmpty)
    }

    @Test func aStandbySaysNothingUntilItTakesOver() throws {
        var world = try World("  - { to: team, on: [down, took-over, fleet-rejected] }")
        world.planner.isActive = false
        #expect(world.happens(.fleetRejected(problem: "x")).isEmpty)
        #expect(world.happens(.tookOver(from: "first")).map(\.kind) == [.tookOver])
        #expect(world.happens(world.fall("web")).count == 1)
        #expect(world.happens(.steppedBack(to: "first")).isEmpty)
        #expect(world.happens(world.fall("api")).isEmpty)
    }

    @Test func statesThatAreNotSafeAreToldToWhoeverWantsIt() throws {
        var world = try World("  - { to: team, on: [snapshot-failed, restore-unproven], targets: [web] }")
        let held = world.happens(.snapshotFailed(state: "acme/web", check: "web", because: "a snapshot is held"))
        #expect(held.map(\.kind) == [.snapshotFailed] && held[0].checks == ["web"])
        #expect(held[0].outgoing?.notice.sentence.contains("a snapshot is held") == true)
        #expect(held[0].outgoing?.notice.hint?.contains("stoker snapshots states") == true)
        let late = world.happens(.restoreUnproven(state: "acme/web", check: "web", because: "none was proven"))
        #expect(late.map(\.kind) == [.restoreUnproven])
        // Of another target, and what is well again.
        #expect(world.happens(.snapshotFailed(state: "acme/api", check: "api", because: "x")).isEmpty)
        #expect(world.happens(.snapshotsBack(state: "acme/web", check: "web")).isEmpty)
        // Without `on` nobody hears of them, as of drift.
        var other = try World("  - { to: team }")
        #expect(other.happens(.snapshotFailed(state: "acme/web", check: "web", because: "x")).isEmpty)
    }

    @Test func whatEndsOtherwiseIsNotTold() throws {
        var world = try World("  - { to: team }")
        let began = world.now
        _ = world.happens(world.fall("web"))
        #expect(world.happens(world.rise("web", began: began, how: .paused)).isEmpty)
    }

    @Test func theRestOfTheKinds() throws {
        var world = try World(
            "  - { to: team, on: [slow, flapping, healed, gave-up, certificate, ledger, disagreement, waking-too-long] }"
        )
        func kind(_ sent: [Sent]) -> Notice.Kind? { sent.first?.kind }
        #expect(kind(world.happens(.flappingBegan(check: "web"))) == .flapping)
        world.wait(.seconds(20))
        #expect(kind(world.happens(.verdict(check: "web", from: .up, to: .slow, cause: .tooSlow))) == .slow)
        world.wait(.seconds(20))
        #expect(
            kind(world.happens(.verdict(check: "web", from: .up, to: .slow, cause: .tlsExpiresSoon))) == .certificate)
        world.wait(.seconds(20))
        #expect(
            kind(
                world.happens(
                    .healed(
                        step: .restart, check: "web", because: "x", number: 1, most: 2, withinMilliseconds: 60_000)))
                == .healed)
        world.wait(.seconds(20))
        #expect(kind(world.happens(.healingExhausted(check: "web", because: "x"))) == .gaveUp)
        world.wait(.seconds(20))
        #expect(kind(world.happens(.ledgerStalled(because: "x", limit: 1))) == .ledger)
        world.wait(.seconds(20))
        #expect(kind(world.happens(world.fall("web", .spaceStuck))) == .wakingTooLong)
        world.wait(.seconds(20))
        #expect(kind(world.happens(world.fall("api", .spaceRunningDead))) == .disagreement)
    }
}

/// What the file may say of channels and rules.
@Suite struct NotifySectionTests {
    static func read(_ notify: String, environment: [String: String] = [:]) -> Result<Fleet, FleetProblems> {
        FleetFile.read(
            text: """
                channels: { team: { webhook: "${HOOK:-}" } }
                notify:
                  - \(notify)
                targets: { web: { url: https://web.example.com, group: front } }
                """, name: "fleet.yaml", environment: environment, sections: PlannerTests.sections)
    }

    @Test func onIsReadAlsoWhereYAML11MadeItTrue() throws {
        for text in ["{ to: team, on: [silent] }", "{ to: team, true: [silent] }"] {
            #expect(try Self.read(text).get()[NotifySection.section].map(\.on) == [[.silent]], "\(text)")
        }
    }

    @Test func anEmptyAddressSwitchesAChannelOff() throws {
        let off = Channels(try Self.read("{ to: team }").get())
        #expect(off["team"]?.isOn == false)
        let on = Channels(try Self.read("{ to: team }", environment: ["HOOK": "https://h.example.com/x"]).get())
        #expect(on["team"]?.isOn == true)
    }

    @Test func aChannelMayStandInTheRule() throws {
        let fleet = try Self.read("{ webhook: \"https://h.example.com/x\", on: [down] }").get()
        #expect(Channels(fleet)["rule 1"]?.kind == "webhook")
    }

    @Test(arguments: [
        ("{ to: taem }", "did you mean `team`"), ("{ to: team, groups: [frnt] }", "did you mean `front`"),
        ("{ to: team, targets: [wbe] }", "did you mean `web`"),
        ("{ to: team, on: [worker-failed] }", "not built yet"),
        ("{ to: team, on: [dwon] }", "did you mean `down`"), ("{ on: [down] }", "names no channel"),
        ("{ to: team, webhook: \"https://h.example.com/x\" }", "two rules"),
        ("{ to: team, on: [healed], lasting: 5m }", "needs one of the events that last"),
    ])
    func mistakesAreToldAtTheirLine(_ rule: String, _ words: String) {
        guard case .failure(let problems) = Self.read(rule) else {
            Issue.record("\(rule) was taken")
            return
        }
        #expect(problems.list.count == 1, "\(problems)")
        #expect(problems.list.first?.line == 3, "\(problems)")
        #expect(problems.description.contains(words), "\(problems)")
        #expect(!problems.description.contains("h.example.com/x"))
    }
}
