import Ledger
import StokerCore
import Testing

@testable import KeepAlive

private let now = Instant(seconds: 1_800_000_000)

private func check(_ name: String, _ address: String = "https://a.example/", space: String? = nil) -> Check {
    Check(name: name, address: address, space: space, policy: policy)
}
private let policy = CheckPolicy(every: .seconds(600), jitter: 0)

@Suite struct FleetPlacementTests {
    private func place(
        _ checks: [Check], _ known: FleetPlacement.Known? = nil, before: [Check] = [], shards: Int = 2
    ) -> FleetPlacement {
        FleetPlacement(
            checks, known ?? .init(ids: checks.indices.map { Int32($0) }),
            before: { name in before.first { $0.name == name } }, shards: shards, rate: 1_000, seed: 1, now: now)
    }
    private func carried(_ name: String, due: Instant, ping: Shard.Ping? = nil) -> Shard.CarriedState {
        Shard.CarriedState(
            name: name, space: nil,
            core: Shard.InstalledCheck(id: 40, state: CheckState(), due: due.milliseconds, samples: []), ping: ping)
    }

    @Test func checksGoRoundTheShardsInTheOrderOfTheFile() {
        var placement = place((0..<5).map { check("c\($0)") })
        #expect(placement.parts.map { $0.map(\.id) } == [[0, 2, 4], [1, 3]])
        #expect(placement.parts.joined().allSatisfy { $0.due.map { $0 >= now.milliseconds } == true })
        #expect(placement.take(1).map(\.id) == [1, 3])
        #expect(placement.take(1).isEmpty, "handed out once")
    }

    @Test func whatTheLedgerRemembersGoesOn() {
        var state = CheckState()
        state.verdict = .down
        let saved = SavedState(state: state, nextDue: now + .seconds(60))
        let placement = place([check("a")], .init(ids: [9], states: [9: saved]), shards: 1)
        #expect(placement.parts[0][0].state.verdict == .down)
        #expect(placement.parts[0][0].due == (now + .seconds(60)).milliseconds)
    }

    @Test func aCheckThatStaysKeepsItsDueTimeAndItsPing() {
        var ping = Shard.Ping(due: now.milliseconds)
        (ping.ticket, ping.serial, ping.probingShard) = (1, 77, 0)
        let known = FleetPlacement.Known(
            ids: [5, 40], carried: ["b": carried("b", due: now + .seconds(100), ping: ping)])
        // It had the first place, and has the second now, on the other shard.
        let placement = place([check("a"), check("b")], known, before: [check("b")])
        #expect(placement.parts[1][0].id == 40)
        #expect(placement.parts[1][0].due == (now + .seconds(100)).milliseconds)
        #expect(placement.goOn == ["b"])
        #expect(placement.destinations == [[77: .init(part: 1, key: 0, name: "b")], [:]])
        #expect(placement.rareStates[1].pings[0]?.serial == 77)
    }

    @Test func anotherAddressCountsFromNow() {
        let known = FleetPlacement.Known(
            ids: [40],
            carried: ["b": carried("b", due: now + .seconds(500), ping: Shard.Ping(due: now.milliseconds))])
        let placement = place(
            [check("b", "https://new.example/")], known, before: [check("b", "https://old.example/")], shards: 1)
        #expect(placement.parts[0][0].due == now.milliseconds)
        #expect(placement.rareStates[0].needsSpreading == [0])
        #expect(placement.goOn.isEmpty && placement.rareStates[0].pings.isEmpty, "its ping asked the old one")
    }
}

@Suite struct DepartedChecksTests {
    private let saved = SavedState(state: CheckState(), nextDue: now)

    @Test func whoComesBackIsKnownUnlessItIsAnotherSpace() {
        var departed = DepartedChecks()
        departed.add(3, saved, space: "Acme/Bot")
        #expect(departed.known(3, space: "acme/bot") == .same(saved))
        #expect(departed.known(3, space: "acme/other") == .stranger)
        #expect(departed.known(3, space: nil) == .stranger)
        #expect(departed.known(4, space: nil) == .elsewhere)
        departed.remove([3])
        #expect(departed.isEmpty)
    }

    @Test func theLedgerIsAskedOnlyForWhatItMayKnow() {
        var departed = DepartedChecks()
        #expect(departed.isForTheLedger(5))
        departed.highestRemembered = 4
        #expect(!departed.isForTheLedger(5) && departed.isForTheLedger(4))
        departed.add(4, saved, space: nil)
        #expect(!departed.isForTheLedger(4))
    }

    @Test func theyAreBounded() {
        var departed = DepartedChecks()
        departed.highestRemembered = 0
        for id in 0...Int32(DepartedChecks.most) { departed.add(id, saved, space: nil) }
        #expect(departed.ids == [Int32(DepartedChecks.most)])
        #expect(departed.isForTheLedger(1), "the ledger has the others by then")
    }
}

@Suite struct SelfPingTests {
    @Test func itAsksOurOwnHealth() {
        var fleet = Fleet()
        fleet.serve.selfPing = .seconds(60)
        let monitored = SelfPing.adding(to: fleet, at: "https://me.example/?a=b")
        #expect(monitored.checks.map(\.address) == ["https://me.example/health"])
        #expect(SelfPing.adding(to: monitored, at: "https://other.example").checks.count == 1, "the file's own stands")
        #expect(SelfPing.adding(to: fleet, at: nil).checks.isEmpty)
        fleet.serve.selfPing = nil
        #expect(SelfPing.adding(to: fleet, at: "https://me.example").checks.isEmpty)
    }
}

@Suite struct StatusOrderTests {
    @Test(arguments: [
        (StatusQuery.Sort.file, [0, 1, 2]), (.name, [2, 1, 0]), (.latency, [1, 0, 2]), (.lastPing, [2, 0, 1]),
        (.trouble, [0, 2, 1]),
    ])
    func statusesAreSorted(sort: StatusQuery.Sort, order: [UInt32]) {
        func found(_ index: UInt32, _ urgency: Int, _ latency: UInt32, _ seconds: Double) -> StatusOrder.Found {
            .init(
                index: index,
                match: .init(index: 0, urgency: urgency, latency: latency, lastPing: Instant(seconds: seconds)))
        }
        var all = [found(9, 0, 99, 9), found(2, 1, 1, 3), found(1, 5, 30, 1), found(0, 1, 20, 2)]
        StatusOrder.sort(&all, by: sort, in: [check("c"), check("b"), check("a")])
        #expect(all.map(\.index) == order)
    }
}
