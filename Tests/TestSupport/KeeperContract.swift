package import StokerCore
import Testing

/// What every ``Keeper`` does, whoever implements it. Runs over the real one and over ``ScriptedKeeper``, so that a test that passes over the
/// fake says something of the program.
package struct KeeperContract: Sendable, CustomTestStringConvertible {
    package let name: String
    package let check: @Sendable (any KeeperStage) async throws -> Void
    package var testDescription: String { name }

    private init(_ name: String, _ check: @escaping @Sendable (any KeeperStage) async throws -> Void) {
        self.name = name
        self.check = check
    }

    /// The checks that a stage has, in this order.
    package static let names = ["web", "web/ready", "bad", "port", "job", "resting"]
    /// Stands in the address of `web` and must not be found.
    package static let secret = "hidden-value"

    package static let all: [KeeperContract] = [
        KeeperContract("the fleet, its pages and the overview are of one mind", fleet),
        KeeperContract("an unknown name is told with the nearest known one", unknownNames),
        KeeperContract("text, group, kind and verdict narrow a page; only the last leaves its counts", searching),
        KeeperContract("pages lose nothing, and know the count before the cut", paging),
        KeeperContract("each order holds", sorting),
        KeeperContract("a pause holds until resumed, is counted and is told once", pausing),
        KeeperContract("a pause has an end that moves, and none in the past", pausingWithAnEnd),
        KeeperContract("resuming forgets what was believed; what is not paused stays as it is", resuming),
        KeeperContract("a ping that is asked for gives its result, and the timetable goes on from it", pinging),
        KeeperContract("a ping that fails is no failure of the call", failing),
        KeeperContract("a job's call is taken by its signal", beating),
        KeeperContract("changes reach everybody who listens, until the keeper stops", telling),
        KeeperContract("what is not there cannot be acknowledged", acknowledging),
        KeeperContract("a fleet file that is not taken changes nothing and is told", reloading),
    ]

    // MARK: Reading

    private static func fleet(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        #expect(await keeper.fleet().checks.map(\.name) == names)
        let page = await keeper.statuses(StatusQuery())
        #expect(page.items.map(\.check.name) == names && page.total == names.count)
        #expect(page.counts == [.up: 3, .down: 1, .unknown: 1, .paused: 1])
        let overview = await keeper.overview()
        #expect(overview.counts.filter { $0.value > 0 } == page.counts && overview.total == names.count)
        #expect(overview.troubles == 1 && overview.moderated == 0 && overview.flapping == 0)
        #expect(overview.now >= overview.startedAt)
        for status in page.items {
            #expect(try await keeper.status(of: status.check.name).check == status.check)
            #expect(try await keeper.status(of: status.check.name).id == status.id)
        }
        #expect(Set(page.items.map(\.id)).count == names.count)
        let resting = try await keeper.status(of: "resting")
        #expect(resting.state.verdict == .paused && resting.state.pause == .byFleetFile && resting.nextDue == nil)
        #expect(try await keeper.status(of: "job").nextDue == nil, "it never called")
        let web = try await keeper.status(of: "web")
        #expect(try #require(web.nextDue) > web.state.lastPing)
    }

    private static func unknownNames(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        func expectNotFound(_ what: Comment, _ call: () async throws -> Void) async {
            let failure = await #expect(throws: Failure.self, what) { try await call() }
            #expect(failure?.code == .notFound && failure?.hint?.contains("resting") == true, what)
        }
        await expectNotFound("status") { _ = try await keeper.status(of: "restin") }
        await expectNotFound("transcripts") { _ = try await keeper.transcripts(of: "restin") }
        await expectNotFound("pause") { _ = try await keeper.pause("restin", until: nil) }
        await expectNotFound("resume") { _ = try await keeper.resume("restin") }
        await expectNotFound("ping") { _ = try await keeper.ping("restin") }
        await expectNotFound("beat") { _ = try await keeper.beat("restin", Beat(signal: .success)) }
        #expect(await keeper.strips(of: ["restin"]) == [[]])
    }

    private static func searching(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        func found(_ query: StatusQuery) async -> [String] { await keeper.statuses(query).items.map(\.check.name) }
        #expect(await found(StatusQuery(text: "WEB")) == ["web", "web/ready"])
        #expect(await found(StatusQuery(text: secret)).isEmpty, "searching must not find out a secret by guesses")
        #expect(await found(StatusQuery(text: "nobody")).isEmpty)
        #expect(await found(StatusQuery(group: "edge")) == ["bad"])
        #expect(await found(StatusQuery(group: "Heartbeats")) == ["job"], "the group that a page shows it under")
        #expect(await found(StatusQuery(kind: .tcp)) == ["port"])
        #expect(await found(StatusQuery(kind: .heartbeat)) == ["job"])
        let bad = await keeper.statuses(StatusQuery(verdicts: [.down, .paused]))
        #expect(bad.items.map(\.check.name) == ["bad", "resting"] && bad.total == 2)
        #expect(bad.counts == [.up: 3, .down: 1, .unknown: 1, .paused: 1])
        let part = await keeper.statuses(StatusQuery(text: "web", verdicts: [.down]))
        #expect(part.items.isEmpty && part.total == 0 && part.counts == [.up: 2])
    }

    private static func paging(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        for sort in StatusQuery.Sort.allCases {
            let whole = await keeper.statuses(StatusQuery(sort: sort)).items.map(\.check.name)
            #expect(Set(whole) == Set(names), "\(sort)")
            var joined: [String] = []
            for offset in stride(from: 0, to: names.count, by: 4) {
                let page = await keeper.statuses(StatusQuery(sort: sort, offset: offset, limit: 4))
                #expect(page.total == names.count && page.items.count == min(4, names.count - offset))
                joined += page.items.map(\.check.name)
            }
            #expect(joined == whole, "\(sort)")
        }
        let behind = await keeper.statuses(StatusQuery(offset: 99, limit: 5))
        #expect(behind.items.isEmpty && behind.total == names.count)
        #expect(await keeper.statuses(StatusQuery(limit: 0)).items.isEmpty)
    }

    private static func sorting(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        func items(_ sort: StatusQuery.Sort) async -> [CheckStatus] {
            await keeper.statuses(StatusQuery(sort: sort)).items
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

    private static func pausing(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let before = await keeper.overview()
        let paused = try await keeper.pause("web", until: nil)
        #expect(paused.state.verdict == .paused && paused.state.pause == .byPerson)
        #expect(paused.state.pausedUntil.isNever && paused.nextDue == nil && paused.state.failures == 0)
        #expect(try await keeper.status(of: "web").state == paused.state)
        let after = await keeper.overview()
        #expect(after.counts[.paused] == 2 && after.counts[.up] == 2)
        #expect(after.generation > before.generation && after.fleetNumber == before.fleetNumber)
        let again = try await keeper.pause("web", until: nil)
        #expect(again.state.since == paused.state.since, "it is the same pause")
        let pinged = try await keeper.ping("web")
        #expect(pinged.state.verdict == .paused, "a ping that is asked for does not resume")
        let job = try await keeper.pause("job", until: nil)
        #expect(job.state.verdict == .paused && job.nextDue == nil)
        #expect(try await keeper.beat("job", Beat(signal: .fail)).state.verdict == .paused, "nor does a beat")
    }

    private static func pausingWithAnEnd(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let now = await keeper.overview().now
        let paused = try await keeper.pause("web", until: now + .seconds(3_600))
        #expect(paused.state.pausedUntil == now + .seconds(3_600))
        #expect(paused.nextDue == nil, "nothing is due while it is paused")
        let moved = try await keeper.pause("web", until: now + .seconds(7_200))
        #expect(moved.state.pausedUntil == now + .seconds(7_200) && moved.state.since == paused.state.since)
        let failure = await #expect(throws: Failure.self) {
            try await keeper.pause("web", until: now - .seconds(1))
        }
        #expect(failure?.code == .usage)
        #expect(try await keeper.status(of: "web").state.pausedUntil == now + .seconds(7_200))
    }

    private static func resuming(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let bad = try await keeper.status(of: "bad").state
        #expect(try await keeper.resume("bad").state == bad)
        _ = try await keeper.pause("job", until: nil)
        let resumed = try await keeper.resume("job")
        #expect(resumed.state.verdict == .unknown && resumed.state.cause == .none && resumed.state.pause == .none)
        #expect(resumed.state.pausedUntil.isNever)
        _ = try await keeper.pause("web", until: nil)
        let web = try await keeper.resume("web")
        #expect(web.state.verdict != .paused && web.state.pause == .none)
    }

    private static func pinging(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let before = try await keeper.status(of: "web")
        let bars = try #require(await keeper.strips(of: ["web"]).first).count
        try await stage.set("web", answers: true)
        let after = try await keeper.ping("web")
        #expect(after.state.verdict == .up && after.state.failures == 0 && !after.pinging)
        #expect(after.state.lastPing >= before.state.lastPing && after.state.since == before.state.since)
        #expect(try #require(after.nextDue) > after.state.lastPing)
        let strip = try #require(await keeper.strips(of: ["web"]).first)
        #expect(strip.count == bars + 1 && strip.last?.outcome == .up)
        #expect(zip(strip, strip.dropFirst()).allSatisfy { $0.at <= $1.at })
        #expect(try await keeper.transcripts(of: "web").last?.outcome == .up)
        let refused = await #expect(throws: Failure.self) { try await keeper.ping("job") }
        #expect(refused?.code == .conflict, "a heartbeat is not pinged")
    }

    private static func failing(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        try await stage.set("web", answers: false)
        let down = try await keeper.ping("web")
        #expect(down.state.verdict == .down && down.state.cause == .status && down.state.failures == 1)
        #expect(try await keeper.ping("web").state.failures == 2)
        let kept = try await keeper.transcripts(of: "web")
        #expect(kept.last?.outcome == .down && kept.lastFailed == kept.last)
        #expect(await keeper.overview().troubles == 2)
        for _ in 0..<50 { _ = try await keeper.ping("web") }
        #expect(await keeper.strips(of: ["bad", "web"]).map(\.count).allSatisfy { $0 <= 40 })
        #expect(await keeper.strips(of: ["web"]).first?.count == 40)
        try await stage.set("web", answers: true)
        #expect(try await keeper.ping("web").state.verdict == .up)
        #expect(try await keeper.transcripts(of: "web").last?.outcome == .up)
        // The ledger may be written a moment later.
        try await eventually("the last failure stays") {
            try await keeper.transcripts(of: "web").lastFailed?.outcome == .down
        }
    }

    private static func beating(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let now = await keeper.overview().now
        #expect(try await keeper.beat("job", Beat(signal: .start)).state.verdict == .unknown)
        #expect(try await keeper.beat("job", Beat(signal: .log, body: "half way")).state.verdict == .unknown)
        let well = try await keeper.beat("job", Beat(signal: .success))
        #expect(well.state.verdict == .up && well.state.lastPing >= now)
        #expect(try #require(well.nextDue) > well.state.lastPing)
        #expect(try await keeper.beat("job", Beat(signal: .log)).state.lastPing == well.state.lastPing)
        let failed = try await keeper.beat("job", Beat(signal: .exit(3)))
        #expect(failed.state.verdict.isTrouble && failed.state.cause == .heartbeatFailed && failed.state.failures == 1)
        #expect(try await keeper.transcripts(of: "job").lastFailed?.outcome == .down)
        #expect(try await keeper.beat("job", Beat(signal: .exit(0))).state.verdict == .up)
        #expect(try await keeper.beat("job", Beat(signal: .fail)).state.verdict.isTrouble)
        let refused = await #expect(throws: Failure.self) { try await keeper.beat("web", Beat(signal: .success)) }
        #expect(refused?.code == .conflict)
    }

    // MARK: Telling

    private static func telling(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let streams = [await keeper.changes(), await keeper.changes()]
        _ = try await keeper.pause("web", until: nil)
        for stream in streams {
            var seen = false
            for await change in stream where change.everything || change.names.contains("web") {
                seen = true
                break
            }
            #expect(seen)
        }
        let last = await keeper.changes()
        await stage.stop()
        // Ends; the suite's time limit is what would be seen otherwise.
        for await _ in last {}
        for await _ in await keeper.changes() {}
    }

    private static func acknowledging(_ stage: any KeeperStage) async throws {
        let failure = await #expect(throws: Failure.self) { try await stage.keeper.acknowledge(4_711) }
        #expect(failure?.code == .notFound)
    }

    private static func reloading(_ stage: any KeeperStage) async throws {
        let keeper = stage.keeper
        let before = await keeper.statuses(StatusQuery()).items.map(\.check.name)
        try await stage.set(fleetFileIsValid: false)
        let failure = await #expect(throws: Failure.self) { try await keeper.reload() }
        #expect(failure?.code == .fleetInvalid)
        #expect(await keeper.statuses(StatusQuery()).items.map(\.check.name) == before)
        #expect(await keeper.overview().fleetFile.rejected == ["line 3: unknown key", "line 4: no name"])
        try await stage.set(fleetFileIsValid: true)
        try await keeper.reload()
        #expect(await keeper.overview().fleetFile.rejected.isEmpty)
    }
}

/// A keeper with the checks of ``KeeperContract/names``, looked at once: `web` (http, an address with ``KeeperContract/secret`` in its query),
/// `web/ready` and `port` (tcp) are up, `bad` (http, group `edge`) is down, `job` is a heartbeat that never called, `resting` is paused in
/// the fleet file. One ping is one attempt, one failed ping is down. Due times are an hour away.
package protocol KeeperStage: Sendable {
    var keeper: any Keeper { get }
    /// What the next pings of a check see: a good answer, or 500.
    func set(_ name: String, answers: Bool) async throws
    /// What the next reload finds: the present fleet, or a file with the problems `line 3: unknown key` and `line 4: no name`.
    func set(fleetFileIsValid: Bool) async throws
    func stop() async
}

/// The fake on the contract's stage.
package struct ScriptedStage: KeeperStage {
    private let scripted: ScriptedKeeper
    package var keeper: any Keeper { scripted }

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
            let place = KeeperContract.names.firstIndex(of: name) ?? 0
            if verdict == .up || verdict == .down {
                state.lastPing = now - .seconds(60 - place)
                state.latencyMicroseconds = UInt32(1_000 * (place % 3 + 1))
            }
            state.since = now - .seconds(60)
            return CheckStatus(
                check: Check(name: name, address: address, policy: policy), id: Int32(place + 1), state: state,
                nextDue: verdict == .up || verdict == .down ? now + .seconds(3_000) : nil)
        }
        scripted = ScriptedKeeper(
            [
                status("web", .up, "http://127.0.0.1:9/health?token=\(KeeperContract.secret)"),
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
