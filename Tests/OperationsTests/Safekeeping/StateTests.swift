import Foundation
import Ledger
import Logging
import Safekeeping
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Operations

/// What a master knows of the states of its fleet, asked by operations as every interface does.
@Suite(.timeLimit(.minutes(3))) struct StateTests {
    /// A fleet with one Space that keeps state in a folder, a clock that is moved by hand, and a guard's side of the vault.
    private final class World: Sendable {
        let folder: String
        let ledger = DoubleLedger()
        final class Clock: Sendable { let time = Mutex(Instant(milliseconds: 1_800_000_000_000)) }
        let clock = Clock()
        let board: StateBoard
        let context: OperationContext
        let fleet: Fleet

        init(_ more: String = "drill: 7d", others: [String] = []) throws {
            folder = FileManager.default.temporaryDirectory.path + "/states-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
            let text =
                "version: 1\nvaults: { v: { folder: vault }, c: { folder: copy } }\nspaces: { acme/bot: { persist: { vault: [v, c], paths: [data], \(more) } }\(others.map { ", \($0): { persist: { vault: v, paths: [data] } }" }.joined()) }\n"
            fleet = try FleetFile.read(text: text, name: "fleet.yaml", environment: [:], sections: .all).get()
            let clock = clock
            let now: @Sendable () -> Instant = { clock.time.withLock { $0 } }
            board = StateBoard(
                fleet: fleet, ledger: ledger, hub: nil, dataFolder: folder + "/own", base: folder, environment: [:],
                now: now)
            let monitor = ScriptedMonitor(
                [], overview: Overview(startedAt: now(), now: now(), generation: 1), now: now)
            context = OperationContext(monitor: monitor, ledger: ledger, now: now, states: board)
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func pass(_ time: Duration) { clock.time.withLock { $0 = $0 + time } }
        var state: StateBoard.State { get throws { try board.state("acme/bot") } }

        /// What a guard does: claims, and publishes what lies in `data`.
        func publish(_ words: String, to vault: String = "v") async throws -> Snapshot {
            try Data(words.utf8).write(to: URL(fileURLWithPath: folder + "/data/words"))
            return try await board.with(try state, vault: vault) { store in
                let claim = try await store.claim(as: "a guard")
                let capture = try TreeCapture(
                    .init(
                        paths: try GuardedPath.list(["data"], in: folder), scratch: folder + "/scratch",
                        copier: ["/bin/false"]))
                _ = try await capture.look()
                _ = try await capture.prepare()
                switch try await store.publish(under: claim, capture: { capture.entries() }) {
                case .published(let snapshot), .unchanged(let snapshot), .held(let snapshot, _): return snapshot
                }
            }
        }

        func call(_ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)] = []) async throws
            -> JSONValue
        {
            try await operation.call(given, in: context)
        }

        func look() async throws -> [EventPayload] {
            let events = Mutex<[EventPayload]>([])
            try await StateWatch(board).look(try state) { event in events.withLock { $0.append(event) } }
            return events.withLock { $0 }
        }

        func drill() async throws -> [EventPayload] {
            let events = Mutex<[EventPayload]>([])
            try await StateWatch(board).drill(try state) { event in events.withLock { $0.append(event) } }
            return events.withLock { $0 }
        }
    }

    @Test func statesAreKnownFromLooksAndNeverReadForAnAnswer() async throws {
        let world = try World()
        var list = try await world.call(.listStates)
        #expect(list["items"]?.array?.first?["standing"]?.string == "unread")
        _ = try await world.publish("one")
        #expect(try await world.call(.listStates) == list, "nobody has looked")
        #expect(try await world.look() == [])
        list = try await world.call(.listStates)
        let item = try #require(list["items"]?.array?.first)
        #expect(item["standing"]?.string == "safe" && list["safe"]?.integer == 1)
        #expect(item["newest"]?["files"]?.integer == 1 && item["kept"]?.integer == 1 && item["epoch"]?.integer == 1)
        #expect(item["copies"]?["c"]?.string?.contains("nothing yet") == true)
        #expect(item["vault"]?.string == "folder:\(world.folder)/vault/acme/bot")
        // What is remembered survives the process.
        let other = StateBoard(
            fleet: world.fleet, ledger: world.ledger, hub: nil, dataFolder: world.folder + "/own", base: world.folder,
            environment: [:], now: { world.clock.time.withLock { $0 } })
        #expect(try await other.memory("acme/bot").facts?.newest?.files == 1)
        #expect(other.reading(try other.state("acme/bot")) == nil)
    }

    @Test func snapshotsOfAStateAreReachedByTheFleetFile() async throws {
        let world = try World()
        let first = try await world.publish("one")
        let second = try await world.publish("two")
        let space: (name: String, value: JSONValue) = ("space", "acme/bot")
        let list = try await world.call(.listSnapshots, [space])
        #expect(list["snapshots"]?.array?.map { $0["id"]?.string } == [second.id, first.id])
        #expect(try await world.call(.showSnapshot, [("id", "newest"), space])["id"]?.string == second.id)
        #expect(try await world.call(.verifySnapshot, [("id", "newest"), space])["whole"] == true)
        let back = try await world.call(.reinstateSnapshot, [("id", .string(first.id)), space])
        #expect(back["parent"]?.string == first.id && back["newest"] == true)
        #expect(try await world.call(.listSnapshots, [space])["epoch"]?.integer == 3)
        // Another vault of it, by its name.
        let copy = try await world.call(.listSnapshots, [space, ("in", "c")])
        #expect(copy["snapshots"]?.array?.isEmpty == true)
        for wrong in [("space", "acme/other"), ("in", "x")] {
            await #expect(throws: Failure.self) {
                _ = try await world.call(
                    .listSnapshots, wrong.0 == "in" ? [space, ("in", .string(wrong.1))] : [(wrong.0, .string(wrong.1))])
            }
        }
        // A server writes into no folder that a request names.
        await #expect(throws: Failure.self) { _ = try await world.call(.restoreSnapshot, [("id", "newest"), space]) }
    }

    @Test func aDrillProvesAndItsFailureIsToldOnce() async throws {
        let world = try World("drill: 7d, drill_check: \"grep -q one data/words\"")
        _ = try await world.publish("one")
        _ = try await world.look()
        let watch = StateWatch(world.board)
        #expect(try await watch.isDue(try world.state))
        #expect(try await world.drill() == [])
        var item = try await world.call(.showState, [("name", "acme/bot")])
        #expect(item["drill"]?["proven"]?["checked"] == true && item["standing"]?.string == "safe")
        #expect(try await watch.isDue(try world.state) == false)
        // A person may ask at any time.
        _ = try await world.call(.drillState, [("name", "acme/bot")])
        #expect(try await watch.isDue(try world.state))
        _ = try await world.publish("two")
        guard case .restoreUnproven(let state, let check, let because)? = try await world.drill().first else {
            Issue.record("nothing was told")
            return
        }
        #expect(state == "acme/bot" && check == "bot" && because.contains("ended with 1"))
        world.pass(.seconds(10))
        #expect(try await world.drill() == [], "it is told once")
        item = try await world.call(.showState, [("name", "acme/bot")])
        #expect(item["standing"]?.string == "unproven" && item["drills"]?.array?.count == 3)
        let log = try await world.ledger.activities.activities(ActivityQuery(operation: "drill"))
        #expect(log.map(\.result) == [.failed, .failed, .done] && log.allSatisfy { $0.what.actor == .stoker })
        #expect(log.map { $0.because?.hasPrefix("somebody asked for it") } == [false, true, false])
        _ = try await world.publish("one again")
        world.pass(.seconds(10))
        let over = try await world.drill()
        guard case .restoreProven? = over.first else {
            Issue.record("\(over)")
            return
        }
    }

    @Test func aProofThatGrowsOldIsTold() async throws {
        let world = try World()
        _ = try await world.publish("one")
        _ = try await world.look()
        _ = try await world.drill()
        world.pass(.seconds(9 * 86_400))
        guard case .restoreUnproven(_, _, let because)? = try await world.look().first else {
            Issue.record("nothing was told")
            return
        }
        #expect(because.contains("the policy is every 7 d"), "\(because)")
        #expect(try await world.look() == [])
    }

    /// Situations 13 and 14 as the master sees them: emptied, and an old head put back.
    @Test(arguments: [true, false])
    func aVaultThatShowsLessIsAnAlarmUntilAPersonTakesIt(_ isEmptied: Bool) async throws {
        let world = try World()
        _ = try await world.publish("one")
        let vault = world.folder + "/vault"
        let head = try Data(contentsOf: URL(fileURLWithPath: vault + "/acme/bot/v1/head"))
        _ = try await world.publish("two")
        _ = try await world.look()
        world.pass(.seconds(60))
        if isEmptied {
            try FileManager.default.removeItem(atPath: vault)
        } else {
            try head.write(to: URL(fileURLWithPath: vault + "/acme/bot/v1/head"))
        }
        guard case .snapshotFailed(_, _, let because)? = try await world.look().first else {
            Issue.record("nothing was told")
            return
        }
        #expect(because.contains("was seen there before"), "\(because)")
        let place = world.board.place(of: try world.state)
        let known = try await world.call(.recallState, [("name", "acme/bot"), ("vault", .string(place))])
        let sequence = UInt64(try #require(known["sequence"]?.integer))
        // A guard that remembers it does not start there.
        await #expect(throws: Failure.self) {
            try await world.board.with(try world.state) { store in
                _ = try await store.claim(as: "a guard", remembering: sequence)
            }
        }
        let trusted = try await world.call(.trustVault, [("name", "acme/bot")])
        #expect(trusted["standing"]?.string != "replaced")
        let after = try await world.call(.recallState, [("name", "acme/bot"), ("vault", .string(place))])
        #expect((after["sequence"]?.integer).map { UInt64($0) < sequence } ?? true)
    }

    @Test func aGuardTellsHowFarItIsAndWhatCameBack() async throws {
        let world = try World()
        let recovery: JSONValue = [
            "outcome": "restored", "at": "2026-11-30T10:00:00.000Z", "epoch": 4, "released": false,
            "from": "2026-11-30T09:59:50.000Z", "seconds": "1.5", "bytes": 1_000,
            "lost": "what was written after 09:59:50",
        ]
        let given: [(name: String, value: JSONValue)] = [
            ("name", "acme/bot"), ("vault", "s3:https://h/b"), ("sequence", 90), ("epoch", 4),
            ("safe_until", "2026-11-30T10:00:10.000Z"),
            ("trouble", "the quota is full, key=hf_abcdefghijklmnopqrstuvwxyz012345"),
            ("recovery", recovery),
        ]
        let answer = try await world.call(.tellState, given)
        #expect(answer["sequence"]?.integer == 90)
        // A lower one, told late, changes nothing.
        let late = given.map { $0.name == "sequence" ? ("sequence", JSONValue.integer(80)) : $0 }
        #expect(try await world.call(.tellState, late)["sequence"]?.integer == 90)
        let other = try await world.call(.recallState, [("name", "acme/bot"), ("vault", "s3:https://h/other")])
        #expect(other["sequence"]?.isNull == true && other["elsewhere"]?.array == ["s3:https://h/b"])
        let item = try await world.call(.showState, [("name", "acme/bot")])
        #expect(item["standing"]?.string == "failing")
        #expect(item["recoveries"]?.array?.count == 1 && item["recoveries"]?.array?[0]["seconds"]?.double == 1.5)
        let trouble = item["guard"]?["trouble"]?.string ?? ""
        #expect(trouble.contains("the quota is full") && !trouble.contains("hf_abcdefgh"))
        for name in ["a b", "../x", "a/b/c"] {
            await #expect(throws: Failure.self) {
                _ = try await world.call(.recallState, [("name", .string(name)), ("vault", "s3:https://h/b")])
            }
        }
    }

    /// A snapshot that a person asks for reaches the guard with its next word, once.
    @Test func aGuardHearsThatASnapshotIsWanted() async throws {
        let world = try World()
        let wish: [(name: String, value: JSONValue)] = [("space", "acme/bot")]
        let word: [(name: String, value: JSONValue)] = [("name", "acme/bot"), ("vault", "s3:https://h/b")]
        let unheard = await #expect(throws: Failure.self) { _ = try await world.call(.makeSnapshot, wish) }
        #expect(unheard?.code == .conflict && unheard?.because.contains("no guard of it has ever told") == true)
        #expect(try await world.call(.tellState, word)["snapshot_wanted"] == false)
        #expect(try await world.call(.makeSnapshot, wish)["outcome"] == "asked")
        #expect(try await world.call(.showState, [("name", "acme/bot")])["snapshot_asked"] == true)
        // Who only asks does not take it away.
        #expect(try await world.call(.recallState, word)["snapshot_wanted"] == false)
        #expect(try await world.call(.tellState, word)["snapshot_wanted"] == true)
        #expect(try await world.call(.tellState, word)["snapshot_wanted"] == false)
        #expect(try await world.call(.showState, [("name", "acme/bot")])["snapshot_asked"] == false)
        world.pass(.seconds(400))
        let gone = await #expect(throws: Failure.self) { _ = try await world.call(.makeSnapshot, wish) }
        #expect(gone?.because.contains("has not told anything since") == true)
    }

    /// All are asked in one call. A guard that is silent keeps nobody else from it, and is named.
    @Test func allGuardsHearThatASnapshotIsWanted() async throws {
        let world = try World("drill: 7d", others: ["acme/chat"])
        let word: [(name: String, value: JSONValue)] = [("name", "acme/bot"), ("vault", "s3:https://h/b")]
        _ = try await world.call(.tellState, word)
        let answer = try await world.call(.snapshotStates, [])
        #expect(answer["asked"] == 1)
        let items = try #require(answer["items"]?.array)
        #expect(items.map { $0["name"]?.string } == ["bot", "chat"])
        #expect(items[0]["asked"] == true && items[0]["because"]?.isNull == true)
        #expect(items[1]["because"]?.string?.contains("no guard of it has ever told") == true)
        #expect(try await world.call(.tellState, word)["snapshot_wanted"] == true)
        #expect(try await world.call(.showState, [("name", "acme/chat")])["snapshot_asked"] == false)
    }

    @Test func aVaultThatIsGoneIsSaidAndNothingIsLost() async throws {
        let world = try World()
        _ = try await world.publish("one")
        _ = try await world.look()
        // A file where the vault's folder was.
        let vault = world.folder + "/vault"
        try FileManager.default.moveItem(atPath: vault, toPath: vault + ".away")
        try Data("no folder".utf8).write(to: URL(fileURLWithPath: vault))
        _ = try await world.look()
        world.pass(.seconds(1_000))
        let events = try await world.look()
        #expect(events.count == 1, "\(events)")
        let item = try await world.call(.showState, [("name", "acme/bot")])
        #expect(["unreachable", "replaced"].contains(item["standing"]?.string), "\(item["problems"] ?? .null)")
        try FileManager.default.removeItem(atPath: vault)
        try FileManager.default.moveItem(atPath: vault + ".away", toPath: vault)
        #expect(try await world.look() == [.snapshotsBack(state: "acme/bot", check: "bot")])
    }

    /// Answers have what their shapes say.
    @Test func answersFitTheirShapes() async throws {
        let world = try World()
        _ = try await world.publish("one")
        _ = try await world.look()
        _ = try await world.drill()
        let list = try await world.call(.listStates)
        let detail = try await world.call(.showState, [("name", "acme/bot")])
        func names(_ value: JSONValue) -> Set<String> { Set((value.members ?? []).map(\.name)) }
        #expect(names(list["items"]?.array?.first ?? .null) == Set(Shape.stateSummary.fields.map(\.name)))
        #expect(names(detail) == Set(Shape.stateDetail.fields.map(\.name)))
        #expect(names(detail["drills"]?.array?.first ?? .null) == Set(Shape.restoreDrill.fields.map(\.name)))
    }
}
