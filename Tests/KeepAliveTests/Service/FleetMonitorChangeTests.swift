import Foundation
import HubSimulator
import Ledger
import NIOCore
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import KeepAlive

/// What happens to pings, people and incidents while the fleet, the role or the time changes under them.
@Suite(.serialized) struct FleetMonitorChangeTests {
    private static func page(_ name: String, _ address: String, every: Duration = .seconds(3_600)) -> Check {
        Check(
            name: name, address: address,
            policy: CheckPolicy(
                every: every, timeout: .seconds(5), retry: [.milliseconds(100)], recheck: .milliseconds(300),
                jitter: 0.05))
    }

    // MARK: Checks that leave

    @Test func theIncidentOfACheckThatLeavesTheFleetIsEnded() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/gone", story: "", lifecycle: .test, app: .failing))
            _ = try await room.simulated.add(SpaceBlueprint("acme/stays", story: "", lifecycle: .test))
            try await room.serve(["gone": "acme/gone", "stays": "acme/stays"])
            try await room.until("gone", is: .down)
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).count == 1
            }
            try await room.serve(["stays": "acme/stays"])
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).isEmpty
            }
            #expect(try await room.events().contains("incident.ended"))
        }
    }

    @Test func theIncidentOfACheckThatLeftWhileNobodyRanIsEnded() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/gone", story: "", lifecycle: .test, app: .failing))
            try await room.serve(["gone": "acme/gone"])
            try await room.until("gone", is: .down)
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).count == 1
            }
            room.nextStart(with: Fleet(serve: .quiet))
            try await room.restart()
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).isEmpty
            }
        }
    }

    @Test func anIncidentOfACheckThatStaysGoesOn() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test, app: .failing))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .down)
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).count == 1
            }
            try await room.restart()
            _ = try await room.events()
            #expect(try await room.ledger.incidents(of: nil, openOnly: true, before: nil, limit: 9).count == 1)
        }
    }

    // MARK: Checks that are renamed

    @Test func aCheckThatIsRenamedKeepsWhatItWas() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test, app: .failing))
            _ = try await room.simulated.add(SpaceBlueprint("acme/well", story: "", lifecycle: .test))
            let address = try #require(room.simulated.spaces.first { $0.id == "acme/app" }?.address)
            try await room.serve(["app": "acme/app", "other": "acme/well"])
            try await room.until("app", is: .down)
            try await room.until("other", is: .up)
            _ = try await room.monitor.pause("other", until: nil)
            let before = try await room.monitor.status(of: "app")
            let renames = [Fleet.Rename(from: "app", to: "bot"), Fleet.Rename(from: "other", to: "calm")]
            let checks = [Self.page("bot", address), Self.page("calm", address)]
            try await room.serve(Fleet(checks: checks, serve: .quiet, renames: renames))
            let after = try await room.monitor.status(of: "bot")
            #expect(after.id == before.id && after.state.since == before.state.since)
            #expect(after.state.incidentOpen)
            #expect(try await room.monitor.status(of: "calm").state.verdict == .paused)
            await #expect(throws: Failure.self) { try await room.monitor.status(of: "app") }
            #expect(try await room.events().count { $0 == "check.renamed" } == 2)
            #expect(try await !room.events().contains("incident.ended"))
            // It may stay in the file for ever.
            room.nextStart(with: Fleet(checks: checks, serve: .quiet, renames: renames))
            try await room.restart()
            #expect(try await room.monitor.status(of: "bot").id == before.id)
            #expect(try await room.monitor.status(of: "calm").state.verdict == .paused)
            #expect(try await room.events().count { $0 == "check.renamed" } == 2)
        }
    }

    @Test func aCheckThatWasRenamedWhileNobodyRanIsKnownAgain() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            let address = try #require(room.simulated.spaces.first?.address)
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .up)
            _ = try await room.monitor.pause("app", until: nil)
            let id = try await room.monitor.status(of: "app").id
            room.nextStart(
                with: Fleet(
                    checks: [Self.page("bot", address)], serve: .quiet, renames: [.init(from: "app", to: "bot")]))
            try await room.restart()
            let status = try await room.monitor.status(of: "bot")
            #expect(status.id == id && status.state.verdict == .paused)
        }
    }

    // MARK: People who wait

    @Test func aPingAskedForInAPauseIsAnsweredAfterItsRetries() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .up)
            let paused = try await room.monitor.pause("app", until: Clocks.real.wall() + .seconds(3_600))
            space.run(.failing)
            let visits = space.visits
            let answer = try await room.monitor.ping("app")
            #expect(space.visits == visits + 2, "an attempt and its retry")
            #expect(answer.state.verdict == .paused)
            #expect(
                answer.state.pausedUntil == paused.state.pausedUntil && answer.nextDue == nil, "and it is still paused")
        }
    }

    @Test func whoWaitsIsToldWhenTheFirstMasterReturns() async throws {
        try await withFleetMonitorRoom { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .up)
            space.run(SimulatedApp(script: [.init(.silent)]))
            let monitor = room.monitor
            async let asked = Result { try await monitor.ping("app") }
            try await eventually { try await monitor.status(of: "app").pinging }
            await monitor.setRole(.standby(of: "http://first", lastSeen: nil))
            let answer = await asked
            let failure = #expect(throws: Failure.self) { try answer.get() }
            #expect(failure?.because.contains("second master") == true)
        }
    }

    /// Fleets of changing size, and people at work all the while: every question is answered, none by the wrong check.
    @Test func reloadsAndPeopleDoNotMeetInTheDark() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            let address = try #require(room.simulated.spaces.first?.address)
            let all = (0..<60).map { Self.page("c\($0)", address) }
            try await room.serve(Fleet(checks: all, serve: .quiet))
            let monitor = room.monitor
            let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    for round in 0..<40 {
                        // The first ten stay, at other places.
                        let checks = Array(
                            (all.prefix(10) + all.dropFirst(10).prefix(round % 2 == 0 ? 0 : 50)).reversed())
                        try await monitor.replace(with: Fleet(checks: checks, serve: .quiet))
                    }
                    return 0
                }
                for person in 0..<8 {
                    group.addTask {
                        var answers = 0
                        for round in 0..<60 {
                            let name = "c\((person * 7 + round) % 60)"
                            do {
                                let status =
                                    round % 3 == 0 ? try await monitor.ping(name) : try await monitor.status(of: name)
                                #expect(status.check.name == name)
                            } catch let failure as Failure {
                                #expect(
                                    failure.code == .notFound || failure.code == .conflict
                                        || failure.code == .overloaded)
                            }
                            _ = await monitor.statuses(StatusQuery())
                            answers += 1
                        }
                        return answers
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(answered == 480)
            #expect(await monitor.overview().total == 60)
        }
    }

    // MARK: What a new fleet file leaves alone

    /// A target that takes longer to answer than the file stays the same: its ping goes on, wherever its check is monitored.
    @Test func aPingUnderWayOutlivesReloads() async throws {
        try await withFleetMonitorRoom { room in
            let server = try await MisbehavingServer.start(on: room.group) { request in
                let wait: [MisbehavingServer.Step] = request.hasPrefix("GET /slow ") ? [.wait(.milliseconds(700))] : []
                return wait + [.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), .close]
            }
            let base = "http://127.0.0.1:\(server.port)"
            let slow = Self.page("slow", base + "/slow")
            let others = (0..<3).map { Self.page("c\($0)", base + "/quick") }
            try await room.serve(Fleet(checks: [slow], serve: .quiet))
            let monitor = room.monitor
            try await eventually { server.requests.contains { $0.line.contains("/slow") } }
            async let asked = Result { try await monitor.ping("slow") }
            for round in 1...9 {
                // Another place each time, on the same event loop or another.
                let before = Array(others.prefix(round % 4))
                try await room.serve(Fleet(checks: before + [slow], serve: .quiet))
                try await Task.sleep(for: .milliseconds(20))
            }
            try await room.until("slow", is: .up)
            #expect(server.requests.count { $0.line.contains("/slow") } == 1, "nothing was asked twice")
            let answer = await asked
            #expect(try answer.get().state.verdict == .up, "who waited is answered")
            let due = try #require(try await monitor.status(of: "slow").nextDue)
            #expect(due > Clocks.real.wall() + .seconds(60), "the next ping comes after the interval")
            // A check that changed is asked anew.
            _ = try await monitor.pause("slow", until: nil)
            _ = try await monitor.resume("slow")
            try await eventually { server.requests.count { $0.line.contains("/slow") } == 2 }
            try await room.serve(Fleet(checks: [Self.page("slow", base + "/slow?new")], serve: .quiet))
            try await room.until("slow", is: .up)
            #expect(server.requests.contains { $0.line.contains("/slow?new") })
            try await server.stop()
        }
    }

    @Test func transcriptsAndRunsKeepTheirCheck() async throws {
        try await withFleetMonitorRoom { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            let address = try #require(room.simulated.spaces.first?.address)
            let job = CheckPolicy(kind: .heartbeat, every: .seconds(3_600), grace: .seconds(600))
            let app = Self.page("app", address)
            let first = Check(name: "first", address: "", policy: job)
            let second = Check(name: "second", address: "", policy: job)
            try await room.serve(Fleet(checks: [first, second, app], serve: .quiet))
            try await room.until("app", is: .up)
            _ = try await room.monitor.beat("second", Beat(signal: .start, run: "r1"))
            let before = try #require(try await room.monitor.transcripts(of: "app").last)
            try await room.serve(Fleet(checks: [second, app], serve: .quiet))
            #expect(try await room.monitor.transcripts(of: "app").last?.at == before.at)
            try await Task.sleep(for: .milliseconds(5))  // a run takes some time
            let after = try await room.monitor.beat("second", Beat(signal: .success, run: "r1"))
            #expect(after.state.latencyMicroseconds > 0, "the run's beginning is known still")
        }
    }

    @Test func keysThatOnlyARestartTakesAreNamed() async throws {
        try await withFleetMonitorRoom { room in
            var serve = Fleet.Serve.quiet
            serve.port = 9_999
            serve.token = Secret("another-token-than-before")
            try await room.monitor.replace(with: Fleet(serve: serve))
            _ = try await room.events()
            let event = try #require(
                try await room.ledger.events(of: nil, before: nil, limit: 50).first { $0.kind == "fleet.needs_restart" }
            )
            #expect(event.text.contains("serve.port") && event.text.contains("serve.token"))
            #expect(!event.text.contains("another-token"))
        }
    }

    // MARK: Hours

    @Test func aCheckOutsideItsHoursWaitsForThem() async throws {
        let clock = SetClock(at: Instant(milliseconds: 1_767_564_000_000))  // Sunday, 2026-01-04 22:00 UTC
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            let address = try #require(room.simulated.spaces.first?.address)
            let office = Hours(
                windows: [.init(days: 0b1_1111, start: 9 * 60, end: 17 * 60)], zone: "UTC", text: "Mon-Fri 09:00-17:00")
            let policy = CheckPolicy(every: .seconds(600), timeout: .seconds(5), hours: office)
            try await room.serve(Fleet(checks: [Check(name: "app", address: address, policy: policy)], serve: .quiet))
            try await room.until("app", is: .paused)
            let closed = try await room.monitor.status(of: "app")
            #expect(closed.state.pause == .byHours)
            #expect(closed.state.pausedUntil == Instant(milliseconds: 1_767_603_600_000), "Monday 09:00")
            #expect(space.visits == 0)
            try await room.restart()
            #expect(try await room.monitor.status(of: "app").state.pausedUntil == closed.state.pausedUntil)
            clock.sleep(.seconds(11 * 3_600))
            try await room.until("app", is: .up)
            #expect(space.visits == 1)
            clock.sleep(.seconds(9 * 3_600))
            try await room.until("app", is: .paused)
            #expect(space.visits == 1, "nobody looks after hours")
            // Longer hours in the file hold at once.
            let late = Hours(windows: [.init(days: 0x7F, start: 0, end: 1_440)], zone: "UTC", text: "always")
            let open = CheckPolicy(every: .seconds(600), timeout: .seconds(5), hours: late)
            try await room.serve(Fleet(checks: [Check(name: "app", address: address, policy: open)], serve: .quiet))
            try await room.until("app", is: .up)
        }
    }

    /// A job's call, or a changed file, while its heartbeat is paused: the pause ends all the same.
    @Test func aHeartbeatsPauseEndsThoughTheJobCalls() async throws {
        let start = Instant(milliseconds: 1_767_603_600_000)
        let clock = SetClock(at: start)
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let policy = CheckPolicy(kind: .heartbeat, every: .seconds(86_400), grace: .seconds(600))
            let fleet = Fleet(checks: [Check(name: "job", address: "", policy: policy)], serve: .quiet)
            try await room.serve(fleet)
            let end = start + .seconds(3_600)
            _ = try await room.monitor.pause("job", until: end)
            _ = try await room.monitor.beat("job", Beat(signal: .success))
            try await room.monitor.replace(with: fleet)
            #expect(try await room.monitor.status(of: "job").state.pausedUntil == end)
            clock.sleep(.seconds(3_700))
            try await room.until("job", is: .unknown)
            _ = try await room.monitor.beat("job", Beat(signal: .success))
            try await room.until("job", is: .up)
        }
    }

    /// A job that is dead is missed by the time that went by, not by what the clock says of it.
    @Test(arguments: [-86_400, 86_400]) func aDeadJobIsMissedHoweverTheClockWasSet(by seconds: Int) async throws {
        let start = Instant(milliseconds: 1_767_603_600_000)
        let clock = SetClock(at: start)
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let policy = CheckPolicy(kind: .heartbeat, every: .seconds(3_600), grace: .seconds(1))
            try await room.serve(Fleet(checks: [Check(name: "job", address: "", policy: policy)], serve: .quiet))
            _ = try await room.monitor.beat("job", Beat(signal: .success))
            clock.set(by: .seconds(seconds))
            let due = start + .seconds(3_600 + seconds)
            try await eventually {
                let status = try await room.monitor.status(of: "job")
                return status.nextDue.map { abs(($0 - due).seconds) < 30 } ?? false
            }
            #expect(try await room.monitor.status(of: "job").state.verdict == .up)
            // What was sent while the machine slept is lost, so the grace is given once more.
            clock.sleep(.seconds(3_700))
            try await room.until("job", is: .silent)
        }
    }

    @Test func aJobIsNotMissedInTheSecondAPauseEnds() async throws {
        let clock = SetClock(at: Instant(milliseconds: 1_767_603_600_000))
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let policy = CheckPolicy(kind: .heartbeat, every: .seconds(3_600), grace: .seconds(60))
            let jobs = ["calls", "rests"].map { Check(name: $0, address: "", policy: policy) }
            try await room.serve(Fleet(checks: jobs, serve: .quiet))
            for job in jobs {
                _ = try await room.monitor.beat(job.name, Beat(signal: .success))
                _ = try await room.monitor.pause(job.name, until: nil)
            }
            for _ in 0..<3 {
                clock.sleep(.seconds(3_000))
                _ = try await room.monitor.beat("calls", Beat(signal: .success))
            }
            for job in jobs { _ = try await room.monitor.resume(job.name) }
            let now = clock.clocks.wall()
            for job in jobs {
                let status = try await room.monitor.status(of: job.name)
                #expect(status.state.verdict == .unknown)
                #expect(try #require(status.nextDue) > now + .seconds(3_500), "\(job.name)")
            }
        }
    }

    @Test(arguments: [-7_200, 7_200]) func aPauseEndsByTheWallClockHoweverItWasSet(by seconds: Int) async throws {
        let start = Instant(milliseconds: 1_767_603_600_000)
        let clock = SetClock(at: start)
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .seconds(600))
            try await room.until("app", is: .up)
            let end = start + .seconds(4 * 3_600)
            _ = try await room.monitor.pause("app", until: end)
            clock.set(by: .seconds(seconds))
            // A shard looks at the clocks four times a second.
            try await eventually("both shards read the clocks") { clock.loopsThatRead >= 2 }
            clock.sleep(.seconds(4 * 3_600 - seconds - 60))
            clock.sleep(.seconds(120))
            try await room.until("app", is: .up)
        }
    }
}

extension Result where Failure == any Error, Success: Sendable {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// Real clocks that a test moves on: the machine slept, or somebody set the wall clock.
final class SetClock: Sendable {
    private struct Offsets {
        var wall: Duration
        var elapsed = Duration.zero
    }
    private let offsets: Mutex<Offsets>
    /// How often each thread has read all clocks since they were set.
    private let readings = Mutex<[pthread_t: Int]>([:])

    /// The event loops that have read all clocks since they were set. A first reading may have begun before.
    var loopsThatRead: Int { readings.withLock { $0.values.count { $0 >= 2 } } }

    init(at instant: Instant) { offsets = Mutex(Offsets(wall: instant - Clocks.real.wall())) }

    func sleep(_ length: Duration) {
        offsets.withLock {
            $0.wall += length
            $0.elapsed += length
        }
    }

    func set(by length: Duration) {
        offsets.withLock { $0.wall += length }
        readings.withLock { $0 = [:] }
    }

    var clocks: Clocks {
        Clocks(
            wall: { Clocks.real.wall() + self.offsets.withLock { $0.wall } }, running: Clocks.real.running,
            elapsed: {
                // The last that a shard reads.
                self.readings.withLock { $0[pthread_self(), default: 0] += 1 }
                return Clocks.real.elapsed() + self.offsets.withLock { $0.elapsed }
            })
    }
}
