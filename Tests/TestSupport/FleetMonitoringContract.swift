package import StokerCore
import Testing

/// What every ``FleetMonitoring`` does, whoever implements it. Runs over the real one and over ``ScriptedMonitor``, so that a test that passes over the
/// fake says something of the program.
package struct FleetMonitoringContract: Sendable, CustomTestStringConvertible {
    package let name: String
    package let check: @Sendable (any FleetMonitoringStage) async throws -> Void
    package var testDescription: String { name }

    private init(_ name: String, _ check: @escaping @Sendable (any FleetMonitoringStage) async throws -> Void) {
        self.name = name
        self.check = check
    }

    /// The checks that a stage has, in this order.
    package static let names = ["web", "web/ready", "bad", "port", "job", "resting"]
    /// Stands in the address of `web` and must not be found.
    package static let secret = "hidden-value"

    package static let all: [FleetMonitoringContract] = [
        FleetMonitoringContract("the fleet, its pages and the overview are of one mind", fleet),
        FleetMonitoringContract("an unknown name is told with the nearest known one", unknownNames),
        FleetMonitoringContract(
            "text, group, kind and verdict narrow a page; only the last leaves its counts", searching),
        FleetMonitoringContract("pages lose nothing, and know the count before the cut", paging),
        FleetMonitoringContract("a target has its main check and the further ones, and a name its place", families),
        FleetMonitoringContract("each order holds", sorting),
        FleetMonitoringContract("a pause holds until resumed, is counted and is told once", pausing),
        FleetMonitoringContract("a pause has an end that moves, and none in the past", pausingWithAnEnd),
        FleetMonitoringContract("resuming forgets what was believed; what is not paused stays as it is", resuming),
        FleetMonitoringContract(
            "a ping that is asked for gives its result, and the timetable goes on from it", pinging),
        FleetMonitoringContract("a ping that fails is no failure of the call", failing),
        FleetMonitoringContract("a job's call is taken by its signal", beating),
        FleetMonitoringContract("changes reach everybody who listens, until the keeper stops", telling),
        FleetMonitoringContract("what is not there cannot be acknowledged", acknowledging),
        FleetMonitoringContract("a fleet file that is not taken changes nothing and is told", reloading),
    ]

    // MARK: Reading

    private static func families(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        #expect(await monitor.statuses(ofTarget: "web").map(\.check.name) == ["web", "web/ready"])
        #expect(await monitor.statuses(ofTarget: "port").map(\.check.name) == ["port"])
        // Neither a part of a name nor a further check is a target.
        for name in ["we", "web/ready", "web/", "", "ready", "none"] {
            #expect(await monitor.statuses(ofTarget: name).isEmpty, "\(name)")
        }
        for (place, name) in names.enumerated() { #expect(await monitor.position(of: name) == place, "\(name)") }
        #expect(await monitor.position(of: "web/") == nil)
    }

    private static func fleet(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        #expect(await monitor.fleet().checks.map(\.name) == names)
        let page = await monitor.statuses(StatusQuery())
        #expect(page.items.map(\.check.name) == names && page.total == names.count)
        #expect(page.counts == [.up: 3, .down: 1, .unknown: 1, .paused: 1])
        let overview = await monitor.overview()
        #expect(overview.counts.filter { $0.value > 0 } == page.counts && overview.total == names.count)
        #expect(overview.troubles == 1 && overview.moderated == 0 && overview.flapping == 0)
        #expect(overview.now >= overview.startedAt)
        for status in page.items {
            #expect(try await monitor.status(of: status.check.name).check == status.check)
            #expect(try await monitor.status(of: status.check.name).id == status.id)
        }
        #expect(Set(page.items.map(\.id)).count == names.count)
        let resting = try await monitor.status(of: "resting")
        #expect(resting.state.verdict == .paused && resting.state.pause == .byFleetFile && resting.nextDue == nil)
        #expect(try await monitor.status(of: "job").nextDue == nil, "it never called")
        let web = try await monitor.status(of: "web")
        #expect(try #require(web.nextDue) > web.state.lastPing)
    }

    private static func unknownNames(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        func expectNotFound(_ what: Comment, _ call: () async throws -> Void) async {
            let failure = await #expect(throws: Failure.self, what) { try await call() }
            #expect(failure?.code == .notFound && failure?.hint?.contains("resting") == true, what)
        }
        await expectNotFound("status") { _ = try await monitor.status(of: "restin") }
        await expectNotFound("transcripts") { _ = try await monitor.transcripts(of: "restin") }
        await expectNotFound("pause") { _ = try await monitor.pause("restin", until: nil) }
        await expectNotFound("resume") { _ = try await monitor.resume("restin") }
        await expectNotFound("ping") { _ = try await monitor.ping("restin") }
        await expectNotFound("beat") { _ = try await monitor.beat("restin", Beat(signal: .success)) }
        #expect(await monitor.samples(of: ["restin"]) == [[]])
    }

    private static func searching(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        func found(_ query: StatusQuery) async -> [String] { await monitor.statuses(query).items.map(\.check.name) }
        #expect(await found(StatusQuery(text: "WEB")) == ["web", "web/ready"])
        #expect(await found(StatusQuery(text: secret)).isEmpty, "searching must not find out a secret by guesses")
        #expect(await found(StatusQuery(text: "nobody")).isEmpty)
        #expect(await found(StatusQuery(group: "edge")) == ["bad"])
        #expect(await found(StatusQuery(group: "Heartbeats")) == ["job"], "the group that a page shows it under")
        #expect(await found(StatusQuery(kind: .tcp)) == ["port"])
        #expect(await found(StatusQuery(kind: .heartbeat)) == ["job"])
        let bad = await monitor.statuses(StatusQuery(verdicts: [.down, .paused]))
        #expect(bad.items.map(\.check.name) == ["bad", "resting"] && bad.total == 2)
        #expect(bad.counts == [.up: 3, .down: 1, .unknown: 1, .paused: 1])
        let part = await monitor.statuses(StatusQuery(text: "web", verdicts: [.down]))
        #expect(part.items.isEmpty && part.total == 0 && part.counts == [.up: 2])
    }

    private static func paging(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        for sort in StatusQuery.Sort.allCases {
            let whole = await monitor.statuses(StatusQuery(sort: sort)).items.map(\.check.name)
            #expect(Set(whole) == Set(names), "\(sort)")
            var joined: [String] = []
            for offset in stride(from: 0, to: names.count, by: 4) {
                let page = await monitor.statuses(StatusQuery(sort: sort, offset: offset, limit: 4))
                #expect(page.total == names.count && page.items.count == min(4, names.count - offset))
                joined += page.items.map(\.check.name)
            }
            #expect(joined == whole, "\(sort)")
        }
        let behind = await monitor.statuses(StatusQuery(offset: 99, limit: 5))
        #expect(behind.items.isEmpty && behind.total == names.count)
        #expect(await monitor.statuses(StatusQuery(limit: 0)).items.isEmpty)
    }

    private static func sorting(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        func items(_ sort: StatusQuery.Sort) async -> [CheckStatus] {
            await monitor.statuses(StatusQuery(sort: sort)).items
        }
        #expect(await items(.file).map(\.check.name) == names)
        #expect(await items(.name).map(\.check.name) == names.sorted())
        #expect(await items(.trouble).map(\.check.name) == ["bad", "job", "web", "web/ready", "port", "resting"])
        let slowest = await items(.latency).map(\.state.latencyMicroseconds)
        #expect(slowest == slowest.sorted(by: >))
        let latest = await items(.lastPing).map(\.state.lastPing)
        #expect(latest == latest.sorted(by: >))
    }

    // MARK: Acting

    private static func pausing(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let before = await monitor.overview()
        let paused = try await monitor.pause("web", until: nil)
        #expect(paused.state.verdict == .paused && paused.state.pause == .byPerson)
        #expect(paused.state.pausedUntil.isNever && paused.nextDue == nil && paused.state.failures == 0)
        #expect(try await monitor.status(of: "web").state == paused.state)
        let after = await monitor.overview()
        #expect(after.counts[.paused] == 2 && after.counts[.up] == 2)
        #expect(after.generation > before.generation && after.fleetNumber == before.fleetNumber)
        let again = try await monitor.pause("web", until: nil)
        #expect(again.state.since == paused.state.since, "it is the same pause")
        let pinged = try await monitor.ping("web")
        #expect(pinged.state.verdict == .paused, "a ping that is asked for does not resume")
        let job = try await monitor.pause("job", until: nil)
        #expect(job.state.verdict == .paused && job.nextDue == nil)
        #expect(try await monitor.beat("job", Beat(signal: .fail)).state.verdict == .paused, "nor does a beat")
    }

    private static func pausingWithAnEnd(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let now = await monitor.overview().now
        let paused = try await monitor.pause("web", until: now + .seconds(3_600))
        #expect(paused.state.pausedUntil == now + .seconds(3_600))
        #expect(paused.nextDue == nil, "nothing is due while it is paused")
        let moved = try await monitor.pause("web", until: now + .seconds(7_200))
        #expect(moved.state.pausedUntil == now + .seconds(7_200) && moved.state.since == paused.state.since)
        let failure = await #expect(throws: Failure.self) {
            try await monitor.pause("web", until: now - .seconds(1))
        }
        #expect(failure?.code == .usage)
        #expect(try await monitor.status(of: "web").state.pausedUntil == now + .seconds(7_200))
    }

    private static func resuming(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let bad = try await monitor.status(of: "bad").state
        #expect(try await monitor.resume("bad").state == bad)
        _ = try await monitor.pause("job", until: nil)
        let resumed = try await monitor.resume("job")
        #expect(resumed.state.verdict == .unknown && resumed.state.cause == .none && resumed.state.pause == .none)
        #expect(resumed.state.pausedUntil.isNever)
        _ = try await monitor.pause("web", until: nil)
        let web = try await monitor.resume("web")
        #expect(web.state.verdict != .paused && web.state.pause == .none)
    }

    private static func pinging(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let before = try await monitor.status(of: "web")
        let bars = try #require(await monitor.samples(of: ["web"]).first).count
        try await stage.set("web", answers: true)
        let after = try await monitor.ping("web")
        #expect(after.state.verdict == .up && after.state.failures == 0 && !after.pinging)
        #expect(after.state.lastPing >= before.state.lastPing && after.state.since == before.state.since)
        #expect(try #require(after.nextDue) > after.state.lastPing)
        let strip = try #require(await monitor.samples(of: ["web"]).first)
        #expect(strip.count == bars + 1 && strip.last?.outcome == .up)
        #expect(zip(strip, strip.dropFirst()).allSatisfy { $0.at <= $1.at })
        #expect(try await monitor.transcripts(of: "web").last?.outcome == .up)
        let refused = await #expect(throws: Failure.self) { try await monitor.ping("job") }
        #expect(refused?.code == .conflict, "a heartbeat is not pinged")
    }

    private static func failing(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        try await stage.set("web", answers: false)
        let down = try await monitor.ping("web")
        #expect(down.state.verdict == .down && down.state.cause == .status && down.state.failures == 1)
        #expect(try await monitor.ping("web").state.failures == 2)
        let kept = try await monitor.transcripts(of: "web")
        #expect(kept.last?.outcome == .down && kept.lastFailed == kept.last)
        #expect(await monitor.overview().troubles == 2)
        for _ in 0..<50 { _ = try await monitor.ping("web") }
        #expect(await monitor.samples(of: ["bad", "web"]).map(\.count).allSatisfy { $0 <= 40 })
        #expect(await monitor.samples(of: ["web"]).first?.count == 40)
        try await stage.set("web", answers: true)
        #expect(try await monitor.ping("web").state.verdict == .up)
        #expect(try await monitor.transcripts(of: "web").last?.outcome == .up)
        // The ledger may be written a moment later.
        try await eventually("the last failure stays") {
            try await monitor.transcripts(of: "web").lastFailed?.outcome == .down
        }
    }

    private static func beating(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let now = await monitor.overview().now
        #expect(try await monitor.beat("job", Beat(signal: .start)).state.verdict == .unknown)
        #expect(try await monitor.beat("job", Beat(signal: .log, body: "half way")).state.verdict == .unknown)
        let well = try await monitor.beat("job", Beat(signal: .success))
        #expect(well.state.verdict == .up && well.state.lastPing >= now)
        #expect(try #require(well.nextDue) > well.state.lastPing)
        #expect(try await monitor.beat("job", Beat(signal: .log)).state.lastPing == well.state.lastPing)
        let failed = try await monitor.beat("job", Beat(signal: .exit(3)))
        #expect(failed.state.verdict.isTrouble && failed.state.cause == .heartbeatFailed && failed.state.failures == 1)
        #expect(try await monitor.transcripts(of: "job").lastFailed?.outcome == .down)
        #expect(try await monitor.beat("job", Beat(signal: .exit(0))).state.verdict == .up)
        #expect(try await monitor.beat("job", Beat(signal: .fail)).state.verdict.isTrouble)
        let refused = await #expect(throws: Failure.self) { try await monitor.beat("web", Beat(signal: .success)) }
        #expect(refused?.code == .conflict)
    }

    // MARK: Telling

    private static func telling(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let streams = [await monitor.changes(), await monitor.changes()]
        _ = try await monitor.pause("web", until: nil)
        for stream in streams {
            var seen = false
            for await change in stream where change.everything || change.names.contains("web") {
                seen = true
                break
            }
            #expect(seen)
        }
        let last = await monitor.changes()
        await stage.stop()
        // Ends; the suite's time limit is what would be seen otherwise.
        for await _ in last {}
        for await _ in await monitor.changes() {}
    }

    private static func acknowledging(_ stage: any FleetMonitoringStage) async throws {
        let failure = await #expect(throws: Failure.self) { try await stage.monitor.acknowledge(4_711) }
        #expect(failure?.code == .notFound)
    }

    private static func reloading(_ stage: any FleetMonitoringStage) async throws {
        let monitor = stage.monitor
        let before = await monitor.statuses(StatusQuery()).items.map(\.check.name)
        try await stage.set(fleetFileIsValid: false)
        let failure = await #expect(throws: Failure.self) { try await monitor.reload() }
        #expect(failure?.code == .fleetInvalid)
        #expect(await monitor.statuses(StatusQuery()).items.map(\.check.name) == before)
        #expect(await monitor.overview().fleetFile.rejected == ["line 3: unknown key", "line 4: no name"])
        try await stage.set(fleetFileIsValid: true)
        try await monitor.reload()
        #expect(await monitor.overview().fleetFile.rejected.isEmpty)
    }
}

/// A monitor with the checks of ``KeeperContract/names``, looked at once: `web` (http, an address with ``KeeperContract/secret`` in its query),
/// `web/ready` and `port` (tcp) are up, `bad` (http, group `edge`) is down, `job` is a heartbeat that never called, `resting` is paused in
/// the fleet file. One ping is one attempt, one failed ping is down. Due times are an hour away.
package protocol FleetMonitoringStage: Sendable {
    var monitor: any FleetMonitoring { get }
    /// What the next pings of a check see: a good answer, or 500.
    func set(_ name: String, answers: Bool) async throws
    /// What the next reload finds: the present fleet, or a file with the problems `line 3: unknown key` and `line 4: no name`.
    func set(fleetFileIsValid: Bool) async throws
    func stop() async
}

/// The fake on the contract's stage.
package struct ScriptedStage: FleetMonitoringStage {
    private let scripted: ScriptedMonitor
    package var monitor: any FleetMonitoring { scripted }

    package init() {
        let now = Instant(milliseconds: 1_795_255_200_000)
        func status(
            _ name: String, _ verdict: Verdict, _ address: String, kind: CheckPolicy.Kind = .http,
            group: String? = nil, enabled: Bool = true
        ) -> CheckStatus {
            let policy = CheckPolicy(kind: kind, every: .seconds(3_600), group: group, enabled: enabled)
            var state = CheckState()
            state.verdict = verdict
            if verdict == .down {
                (state.cause, state.code, state.failures, state.wasBad) = (.status, 500, 1, true)
            }
            if verdict == .paused { state.pause = .byFleetFile }
            let place = FleetMonitoringContract.names.firstIndex(of: name) ?? 0
            if verdict == .up || verdict == .down {
                state.lastPing = now - .seconds(60 - place)
                state.latencyMicroseconds = UInt32(1_000 * (place % 3 + 1))
            }
            state.since = now - .seconds(60)
            return CheckStatus(
                check: Check(name: name, address: address, policy: policy), id: Int32(place + 1), state: state,
                nextDue: verdict == .up || verdict == .down ? now + .seconds(3_000) : nil)
        }
        scripted = ScriptedMonitor(
            [
                status("web", .up, "http://127.0.0.1:9/health?token=\(FleetMonitoringContract.secret)"),
                status("web/ready", .up, "http://127.0.0.1:9/health"),
                status("bad", .down, "http://127.0.0.1:9/health", group: "edge"),
                status("port", .up, "tcp://127.0.0.1:9", kind: .tcp),
                status("job", .unknown, "", kind: .heartbeat),
                status("resting", .paused, "http://127.0.0.1:9/health", enabled: false),
            ], now: { now })
    }

    package func set(_ name: String, answers: Bool) { scripted.set(ping: .success(answers ? .up : .down)) }
    package func set(fleetFileIsValid: Bool) {
        scripted.set(
            reload: fleetFileIsValid
                ? nil
                : Failure(.fleetInvalid, doing: "read fleet.yaml", because: "line 3: unknown key\nline 4: no name"))
    }
    package func stop() { scripted.stop() }
}
