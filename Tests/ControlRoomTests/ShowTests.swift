import Foundation
import ServiceLifecycle
import StokerCore
import TestSupport
import Testing

/// Serves the sample fleets for the eye: `STOKER_SHOW=file swift test --filter ShowTests` writes `name port` lines to the file and goes on
/// until the file is removed. Tests/Browser/run.sh looks at them with Chromium.
@Suite struct ShowTests {
    private static let file = ProcessInfo.processInfo.environment["STOKER_SHOW"]

    @Test(.enabled(if: ShowTests.file != nil)) func serveSamples() async throws {
        let file = try #require(Self.file)
        let clock: @Sendable () -> Instant = { Instant(seconds: Date().timeIntervalSince1970) }
        let fleets: [(String, SampleFleet.Whole)] = [
            ("dozen", SampleFleet.dozen(now: clock)), ("empty", SampleFleet.empty()),
            ("many", SampleFleet.many(5_000, now: clock)),
            (
                "banners",
                SampleFleet.dozen(now: clock) { overview in
                    overview.demo = true
                    overview.connectivity = .offline(since: clock())
                    overview.fleetFile.rejected = [
                        "fleet.yaml:12:5: spaces.bot.keep.evry is not known; did you mean `every`?"
                    ]
                    overview.ledger = .stalled(
                        since: clock(), because: "the disk is full", waiting: 3, limit: 10_000, dropped: 0)
                    overview.role = .standingIn(for: "https://first.example.com", since: clock())
                }
            ),
            (
                "hostile",
                SampleFleet.hostile(
                    "\"><script>alert(1)</script>'\u{301}\u{202e}" + String(repeating: "long", count: 300))
            ),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (lines, line) = AsyncStream.makeStream(of: String.self)
            for (name, whole) in fleets {
                let room = try Served.room(whole, onBound: { port in line.yield("\(name) \(port)") })
                group.addTask {
                    try await ServiceGroup(configuration: .init(services: [room], logger: Served.silent)).run()
                }
            }
            var known = ""
            var count = 0
            for await text in lines {
                known += text + "\n"
                count += 1
                if count == fleets.count { break }
            }
            try known.write(toFile: file, atomically: true, encoding: .utf8)
            let live = fleets[0].1.monitor
            var beat = 0
            while FileManager.default.fileExists(atPath: file) {
                try await Task.sleep(for: .seconds(1))
                beat += 1
                let latency = UInt32(60_000 + (beat * 37_000) % 90_000)
                live.change("discord-bot") { status in
                    status.state.lastPing = clock()
                    status.nextDue = clock() + .seconds(120)
                    status.state.latencyMicroseconds = latency
                }
            }
            group.cancelAll()
        }
    }
}
