import NIOCore
import Runtime
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// What happens to the pen, to publications and collections when containers, networks and clocks are hostile. Numbers are those of the table in
/// `docs/safekeeping.md`.
@Suite struct HostileVaultTests: OnModel {
    let model = ModelStore()

    /// A process that was killed makes no further request.
    private struct Killed: Error {}

    /// 1
    @Test func killedBetweenUploadAndSwapTheNewestIsAsBefore() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        let packs = model.state.withLock { $0.objects.count }
        hooked.onSwap { throw Killed() }
        await #expect(throws: Failure.self) { try await publish(one, claim, tree(3, shared: 1)) }
        #expect(model.state.withLock { $0.objects.count } > packs, "the pack had been sent")
        #expect(try await newest() == "2")
        // What was sent for nothing goes in the next epoch, and nothing else does.
        let next = fresh
        #expect(try await next.claim(as: "two").newest?.number == 1)
        #expect(try await next.collect().orphans >= 1)
        #expect(try await newest() == "2")
    }

    /// 2
    @Test func killedBehindTheSwapTheNextStartSeesIt() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        hooked.onSwap { .late }
        hooked.onSwap { throw Killed() }
        await #expect(throws: Failure.self) { try await publish(one, claim, tree(3)) }
        // Nobody is left who could hear of it.
        guard case .swapped = try await hooked.lateSwapActs() else {
            Issue.record("it did not act")
            return
        }
        #expect(try await version(try #require(try await fresh.claim(as: "two").newest)) == "3")
    }

    /// 3
    @Test(arguments: [false, true]) func killedInAClaimTheNextOneClaimsAtOnce(acts: Bool) async throws {
        let one = fresh
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        let hooked = HookedVault(model)
        hooked.onSwap { .late }
        hooked.onSwap { throw Killed() }
        await #expect(throws: Failure.self) { _ = try await store(hooked).claim(as: "killed") }
        if acts { _ = try await hooked.lateSwapActs() }
        let time = WaitedTime()
        let next = try await store(ModelVault(store: model), time: time).claim(as: "two")
        // A number is used up at most, and nobody is waited for.
        #expect(next.epoch == (acts ? 3 : 2) && time.waits.isEmpty)
        #expect(try await version(try #require(next.newest)) == "2")
    }

    /// 5: a request that acts a minute after its caller gave up.
    @Test func aSwapThatActsLateIsRefusedOrRecognised() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        // It was sent again and has acted: the first one is refused.
        hooked.onSwap { .late }
        try await publish(one, claim, tree(2))
        #expect(try await hooked.lateSwapActs() == .refused)
        // It acts before it is sent again: recognised, and published once.
        hooked.onSwap { .late }
        hooked.onSwap {
            _ = try await hooked.lateSwapActs()
            return .pass
        }
        try await publish(one, claim, tree(3))
        #expect(try await fresh.snapshots().count == 2)
        // Another has claimed meanwhile: it never acts.
        hooked.onSwap { .late }
        hooked.onSwap {
            _ = try await fresh.claim(as: "two")
            return .pass
        }
        await #expect(throws: Fenced.self) { try await publish(one, claim, tree(4)) }
        #expect(try await hooked.lateSwapActs() == .refused)
        #expect(try await newest() == "3")
    }

    /// 6: what refuses is my own write of a moment ago, and a reading shows what was before it.
    @Test func aRefusalByAnOwnEarlierWriteIsASuccess() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        let old = try #require(model.state.withLock { $0.heads.last })
        hooked.onSwap {
            hooked.showOnce(old)
            return .unheard
        }
        let second = try await publish(one, claim, tree(3))
        #expect(try await fresh.snapshots().map(\.number) == [2, 1])
        #expect(try await fresh.newest()?.id == second.id)
    }

    /// 8
    @Test func stoppedInTheMidstOfAPublicationItIsFenced() async throws {
        let hooked = HookedVault(model)
        let time = WaitedTime()
        let one = store(hooked, time: time)
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        hooked.onSwap {
            time.pass(.seconds(600))
            let two = fresh
            try await publish(two, try await two.claim(as: "two"), tree(5))
            return .pass
        }
        let fenced = await #expect(throws: Fenced.self) { try await publish(one, claim, tree(3)) }
        #expect(fenced?.by.name == "two" && fenced?.by.epoch == 2)
        #expect(try await newest() == "5")
    }

    /// 9
    @Test func theWallClockDecidesNothing() async throws {
        let year: Int64 = 365 * 86_400_000
        let base: Int64 = 1_800_000_000_000
        // The second container's clock is two years behind the first one's, and jumps.
        let first = store(ModelVault(store: model), now: { Instant(milliseconds: base + year) })
        let claim = try await first.claim(as: "one")
        try await publish(first, claim, tree(2))
        let jumps = Mutex<[Int64]>([-year, year / 2, -year / 3, 0, year])
        let second = store(
            ModelVault(store: model),
            now: {
                jumps.withLock { jumps in
                    jumps.append(jumps.removeFirst())
                    return Instant(milliseconds: base + jumps[0])
                }
            })
        let next = try await second.claim(as: "two")
        #expect(try await version(try #require(next.newest)) == "2")
        for number in 3...7 {
            try await publish(second, next, tree(number))
            #expect(try await newest() == "\(number)")
        }
        await #expect(throws: Fenced.self) { try await publish(first, claim, tree(8)) }
        _ = try await second.collect(dropping: Set(try await second.snapshots().dropFirst(2).map(\.id)))
        #expect(try await fresh.snapshots().map(\.number) == [6, 5])
        #expect(try await newest() == "7")
    }

    /// 10
    @Test func ofTwoStartsAtOnceOneWinsAndTheOtherHearsWho() async throws {
        for round in 0..<10 {
            let stores = [fresh, fresh]
            let claims = try await withThrowingTaskGroup(of: (Int, Claim).self) { group in
                for (number, store) in stores.enumerated() {
                    group.addTask { (number, try await store.claim(as: "start \(number)")) }
                }
                return try await group.reduce(into: [Int: Claim]()) { $0[$1.0] = $1.1 }
            }
            let winner = try #require(claims.max { $0.value.epoch < $1.value.epoch }?.key)
            let (mine, theirs) = (try #require(claims[winner]), try #require(claims[1 - winner]))
            #expect(mine.epoch == theirs.epoch + 1)
            #expect(mine.previous?.name == "start \(1 - winner)")
            let fenced = await #expect(throws: Fenced.self) {
                try await publish(stores[1 - winner], theirs, tree(1_000 + round))
            }
            #expect(fenced?.by.name == "start \(winner)")
            try await publish(stores[winner], mine, tree(round))
        }
        #expect(try await newest() == "9")
    }

    /// 12
    @Test func behindAPartitionItIsFencedWhenItComesBack() async throws {
        let hooked = HookedVault(model)
        let time = WaitedTime()
        let one = store(hooked, time: time)
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        hooked.partition(true)
        let failure = await #expect(throws: Failure.self) { try await publish(one, claim, tree(3)) }
        #expect(failure?.code == .vaultUnavailable && failure?.retry != .never)
        #expect(time.waits.reduce(.zero, +) <= .seconds(60), "its patience has an end")
        let two = fresh
        try await publish(two, try await two.claim(as: "two"), tree(4))
        hooked.partition(false)
        await #expect(throws: Fenced.self) { try await publish(one, claim, tree(3)) }
        let stray = try await one.keepStray(of: claim) { tree(3, shared: 9).stream }
        #expect(stray != nil)
        #expect(try await fresh.strays().map(\.snapshot.id) == [try #require(stray)])
        #expect(try await newest() == "4")
    }

    /// 20
    @Test func oldReadingsCostRetriesOnly() async throws {
        let hooked = HookedVault(model)
        let time = WaitedTime()
        let one = store(hooked, time: time)
        let claim = try await one.claim(as: "one")
        for number in 2...6 {
            try await publish(one, claim, tree(number))
            for old in model.state.withLock({ $0.heads.dropLast() }).suffix(2) { hooked.showOnce(old) }
        }
        let last = try await publish(one, claim, tree(7))
        #expect(last.number == 6 && !time.waits.isEmpty)
        #expect(try await newest() == "7")
        #expect(try await fresh.snapshots().map(\.number) == [6, 5, 4, 3, 2, 1])
    }

    /// 21
    @Test func aBusyVaultIsGivenTheTimeItAsksFor() async throws {
        let hooked = HookedVault(model)
        let time = WaitedTime()
        let one = store(hooked, time: time)
        let claim = try await one.claim(as: "one")
        // A window that is used up, an action's own limit without a time, an overloaded server.
        hooked.fail(.throttled(.seconds(30)), .throttled(nil), .transient)
        try await publish(one, claim, tree(2))
        #expect(time.waits.count == 3 && time.waits[0] >= .seconds(30) && time.waits[1] < .seconds(20))
        #expect(try await newest() == "2")
        // What would last longer than its patience is told at once, with the time.
        let waits = time.waits.count
        hooked.fail(.throttled(.seconds(3_000)))
        let failure = await #expect(throws: Failure.self) { try await publish(one, claim, tree(3)) }
        #expect(failure?.retry == .after(.seconds(3_000)) && time.waits.count == waits)
        try await publish(one, claim, tree(3))
        #expect(try await newest() == "3")
    }

    /// 24: what is full takes no publication and loses none.
    @Test func aFullVaultKeepsTheNewestAndIsTold() async throws {
        let hooked = HookedVault(model)
        let time = WaitedTime()
        let one = store(hooked, time: time)
        let claim = try await one.claim(as: "one")
        try await publish(one, claim, tree(2))
        hooked.refusePacks(.full)
        let failure = await #expect(throws: Failure.self) { try await publish(one, claim, tree(3, shared: 1)) }
        #expect(failure?.code == .vaultRefused && time.waits.isEmpty, "nothing is gained by waiting")
        #expect(try await newest() == "2")
        hooked.refusePacks(nil)
        try await publish(one, claim, tree(4, shared: 1))
        #expect(try await newest() == "4")
    }

    /// A state of which much goes with each collection.
    private func crowded(_ one: SnapshotStore) async throws -> Claim {
        let claim = try await one.claim(as: "one")
        for number in 1...6 { try await publish(one, claim, tree(number, shared: UInt64(number))) }
        return claim
    }

    /// 27
    @Test func aCollectionThatIsKilledAtAnyDeletionGoesOn() async throws {
        var total = 1
        var killed = -1
        // The first round is not killed and tells how many deletions there are.
        while killed < total {
            let other = HostileVaultTests()
            _ = try await other.crowded(other.fresh)
            let hooked = HookedVault(other.model)
            let old = Set(try await other.fresh.snapshots().dropFirst().map(\.id))
            if killed < 0 {
                total = try await other.store(hooked).collect(dropping: old).packs
                #expect(total > 2)
            } else {
                hooked.killAfter(deletions: killed)
                await #expect(throws: Failure.self) { _ = try await other.store(hooked).collect(dropping: old) }
                #expect(try await other.newest() == "6")
                // The next run has the list, whoever runs it.
                #expect(try await other.fresh.collect().packs == total - killed)
            }
            #expect(try await other.newest() == "6")
            #expect(try await other.fresh.collect().packs == 0)
            killed += 1
            if killed == total { break }
        }
    }

    /// 29
    @Test func twoCollectionsAtOnceAreHarmless() async throws {
        let one = fresh
        let claim = try await crowded(one)
        let old = Set(try await fresh.snapshots().dropFirst(2).map(\.id))
        let hooked = HookedVault(model)
        // The second one runs whole while the first has read and not yet written.
        hooked.onSwap {
            _ = try await fresh.collect(dropping: old)
            return .pass
        }
        _ = try await store(hooked).collect(dropping: old)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    let all = try await fresh.snapshots()
                    _ = try await fresh.collect(dropping: Set(all.dropFirst().map(\.id)))
                }
            }
            try await group.waitForAll()
        }
        #expect(try await newest() == "6")
        try await publish(one, claim, tree(7, shared: 2))
        #expect(try await newest() == "7")
    }

    /// 30
    @Test(arguments: [1, 2, 3]) func aRestoreThatACollectionOvertakesBeginsAnew(at reading: Int) async throws {
        let one = fresh
        let claim = try await one.claim(as: "one")
        var first = tree(1, shared: 1)
        first.file("kept", Seeded(5).shuffled(3_000))
        try await publish(one, claim, first)
        var second = tree(2)
        second.file("kept", Seeded(5).shuffled(3_000))
        let newest = try await publish(one, claim, second)
        let hooked = HookedVault(model)
        let readings = Mutex(0)
        hooked.onRead { name in
            guard name.hasPrefix(PackDirectory.prefix) else { return }
            let number = readings.withLock { number in
                number += 1
                return number
            }
            guard number == reading else { return }
            // Most of the first pack goes: what is needed of it is sent anew, and it is deleted.
            let report = try await fresh.collect(dropping: Set(try await fresh.snapshots().dropFirst().map(\.id)))
            #expect(report.rewritten == 1 && report.packs > 0)
        }
        let scratch = Scratch()
        _ = try await store(hooked).restore(newest, to: scratch("back"))
        #expect(readings.withLock { $0 } > reading)
        let back = Scratch.contents(scratch("back"))
        #expect(back == ["version": Array("2".utf8), "kept": Seeded(5).shuffled(3_000)])
    }

    /// 31
    @Test func whoForgetsAllKeepsTheNewestAndTheProvenOne() async throws {
        let one = fresh
        let claim = try await crowded(one)
        let all = try await fresh.snapshots()
        try await fresh.markVerified(all[3].id, at: Instant(milliseconds: 1))
        _ = try await fresh.collect(dropping: Set(all.map(\.id)))
        #expect(try await fresh.snapshots().map(\.id) == [all[0].id, all[3].id])
        for snapshot in try await fresh.snapshots() { #expect(try await fresh.verify(snapshot).isWhole) }
        try await publish(one, claim, tree(7))
    }
}
