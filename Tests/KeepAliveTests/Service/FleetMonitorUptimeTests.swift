import HubSimulator
import Ledger
import Runtime
import StokerCore
import TestSupport
import Testing

@testable import KeepAlive

/// Uptime of a fleet that is really monitored: what nobody watched is not known, and counts neither way.
@Suite(.serialized) struct FleetMonitorUptimeTests {
    private static let start = Instant(milliseconds: 1_767_603_600_000)

    private static func tally(_ room: FleetMonitorRoom, _ clock: SetClock) async throws -> SpanTotals {
        _ = try await room.events()
        let id = try await room.ledger.register(["app"])[0]
        let now = clock.clocks.wall()
        return try await room.ledger.tally(of: [id], from: now - .seconds(86_400), to: now)[0]
    }

    @Test func timeThatNobodyWatchedIsNotKnown() async throws {
        let clock = SetClock(at: Self.start)
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .up)
            try await eventually { try await Self.tally(room, clock).upTime > 0 }
            // Stopped for two hours.
            try await room.restart { _ in clock.sleep(.seconds(7_200)) }
            #expect(try await room.monitor.status(of: "app").state.verdict == .up)
            // The machine slept, and the clock was set forward.
            for jump in [{ clock.sleep(.seconds(7_200)) }, { clock.set(by: .seconds(7_200)) }] {
                jump()
                try await eventually {
                    let tally = try await Self.tally(room, clock)
                    return tally.known < .seconds(120) && tally.upTime > 0
                }
            }
            let tally = try await Self.tally(room, clock)
            #expect(tally.uptime == 1 && tally.downTime == 0 && !tally.isWhole)
        }
    }

    @Test func outOfTheFleetIsOutOfSight() async throws {
        let clock = SetClock(at: Self.start)
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            _ = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            _ = try await room.simulated.add(SpaceBlueprint("acme/other", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"])
            try await room.until("app", is: .up)
            try await room.serve(["other": "acme/other"])
            let left = try await Self.tally(room, clock)
            try await Task.sleep(for: .milliseconds(200))  // time goes by
            #expect(try await Self.tally(room, clock).upTime == left.upTime)
            // Back with what was known; uptime goes on with the next ping.
            try await room.serve(["app": "acme/app", "other": "acme/other"])
            #expect(try await Self.tally(room, clock).upTime == left.upTime)
            _ = try await room.monitor.ping("app")
            try await eventually { try await Self.tally(room, clock).upTime > left.upTime }
            // The same for what left while nobody ran.
            room.nextStart(with: Fleet(serve: .quiet))
            try await room.restart()
            let gone = try await Self.tally(room, clock)
            try await Task.sleep(for: .milliseconds(200))  // time goes by
            #expect(try await Self.tally(room, clock).upTime == gone.upTime)
        }
    }

    /// The time down in uptime is that of the incident.
    @Test func downTimeIsTheIncidents() async throws {
        let clock = SetClock(at: Self.start)
        try await withFleetMonitorRoom(clocks: clock.clocks) { room in
            let space = try await room.simulated.add(SpaceBlueprint("acme/app", story: "", lifecycle: .test))
            try await room.serve(["app": "acme/app"], every: .milliseconds(300))
            try await room.until("app", is: .up)
            space.run(.failing)
            try await room.until("app", is: .down)
            space.run(.healthy)
            try await room.until("app", is: .up)
            try await eventually {
                try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9).first?.ended != nil
            }
            let tally = try await Self.tally(room, clock)
            let incidents = try await room.ledger.incidents(of: nil, openOnly: false, before: nil, limit: 9)
            let incident = try #require(incidents.first)
            let ended = try #require(incident.ended)
            #expect(incidents.count == 1)
            // A failed ping made two attempts, a tenth of a second apart: it began with the first.
            #expect(.milliseconds(tally.downTime) == ended - incident.began)
            #expect(tally.downTime >= 100)
        }
    }
}
