import NIOCore
import Runtime
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// Schedules that broke plausible designs in the model of the protocol, played on this one. Names are those of the designs.
@Suite struct CounterexampleTests: OnModel {
    let model = ModelStore()

    @Test func leaseWithoutFencing() async throws {
        let one = store(ModelVault(store: model))
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        _ = try await store(ModelVault(store: model)).claim(as: "two")
        await #expect(throws: Fenced.self) { _ = try await publish(one, claim, tree(3)) }
        #expect(try await newest() == "2")
    }

    @Test func refusedThenReadAgainAndRetried() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        hooked.onSwap {
            _ = try await store(ModelVault(store: model)).claim(as: "two")
            return .lost
        }
        await #expect(throws: Fenced.self) { _ = try await publish(one, claim, tree(3)) }
        #expect(try await newest() == "2")
    }

    @Test func restoreBeforeTheClaim() async throws {
        let one = store(ModelVault(store: model))
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        let old = try #require(model.state.withLock { $0.heads.last })
        _ = try await publish(one, claim, tree(3))
        // The second one reads an old head; what its claim returns is the newest all the same.
        let hooked = HookedVault(model)
        hooked.showOnce(old)
        let next = try await store(hooked).claim(as: "two")
        #expect(try await version(try #require(next.newest)) == "3")
    }

    @Test func publishedBeforeItIsSent() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        hooked.refusePacks()
        let failure = await #expect(throws: Failure.self) { _ = try await publish(one, claim, tree(3, shared: 1)) }
        #expect(failure?.code == .vaultRefused)
        #expect(try await newest() == "2")
    }

    /// Also "no re-check after a rebase" and "packs named by their hash": what was relied on is collected while the answer is lost, and is sent anew under
    /// another name.
    @Test(arguments: [false, true]) func collectedMeanwhile(acts: Bool) async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        let first = try await publish(one, claim, tree(1, shared: 7))
        _ = try await publish(one, claim, tree(2))
        hooked.onSwap {
            let other = store(ModelVault(store: model))
            let report = try await other.collect(dropping: [first.id])
            #expect(report.dropped == [first.id] && report.packs > 0)
            return acts ? .pass : .lost
        }
        // Version 3 relies on what only the first snapshot had.
        _ = try await publish(one, claim, tree(3, shared: 7))
        #expect(try await newest() == "3")
        _ = try await store(ModelVault(store: model)).collect()
        #expect(try await newest() == "3")
    }

    @Test func orphansOfTheOwnEpoch() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        let first = try await publish(one, claim, tree(1, shared: 3))
        _ = try await publish(one, claim, tree(2))
        hooked.onSwap {
            // Its packs are sent and not yet published: a collection must leave them.
            let report = try await store(ModelVault(store: model)).collect(dropping: [first.id])
            #expect(report.orphans == 0)
            return .lost
        }
        _ = try await publish(one, claim, tree(4, shared: 5))
        #expect(try await newest() == "4")
    }

    @Test func anAnswerThatIsLostIsOnePublication() async throws {
        let hooked = HookedVault(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        hooked.onSwap { .unheard }
        let snapshot = try await publish(one, claim, tree(2))
        #expect(try await one.snapshots().map(\.id) == [snapshot.id])
        // A collection writes over it before it is looked for.
        hooked.onSwap { .unheard }
        let second = try await publish(one, claim, tree(3))
        #expect(try await one.snapshots().map(\.id) == [second.id, snapshot.id])
        #expect(try await newest() == "3")
    }

    @Test func aClaimBetweenLookAndSwap() async throws {
        let hooked = HookedVault(model)
        let two = store(hooked)
        hooked.onSwap {
            _ = try await store(ModelVault(store: model)).claim(as: "one")
            return .pass
        }
        let claim = try await two.claim(as: "two")
        #expect(claim.epoch == 2 && claim.previous?.name == "one")
    }

    /// A snapshot is put back, nobody hears of it, and the next holder publishes on top: doing it again would take that away.
    @Test func putBackAgainAfterALostAnswer() async throws {
        let one = store(ModelVault(store: model))
        let claim = try await one.claim(as: "one")
        let old = try await publish(one, claim, tree(1))
        _ = try await publish(one, claim, tree(2))
        let hooked = HookedVault(model)
        hooked.onSwap { .late }
        hooked.onSwap {
            _ = try await hooked.lateSwapActs()
            let two = store(ModelVault(store: model))
            _ = try await publish(two, try await two.claim(as: "two"), tree(3))
            return .pass
        }
        let back = try await store(hooked).reinstate(old.id, as: "a person")
        #expect(try await newest() == "3")
        #expect(try await fresh.newest()?.parent == back.id)
        #expect(try await fresh.snapshots().count == 4)
        // Where another took the pen, and nothing tells whether one's own swap acted, a person looks.
        let beside = HookedVault(model)
        beside.onSwap {
            _ = try await store(ModelVault(store: model)).claim(as: "three")
            return .pass
        }
        let failure = await #expect(throws: Failure.self) {
            _ = try await store(beside).reinstate(old.id, as: "a person")
        }
        #expect(failure?.code == .conflict && failure?.because.contains("three took the pen") == true)
        #expect(try await newest() == "3")
    }

    @Test func anOldHeadThatIsPutBackIsNoticed() async throws {
        let one = store(ModelVault(store: model))
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        let old = model.state.withLock { $0.heads }
        _ = try await publish(one, claim, tree(3))
        model.state.withLock { $0.heads = old }
        let failure = await #expect(throws: Failure.self) { _ = try await publish(one, claim, tree(4)) }
        #expect(failure?.code == .vaultDamaged && failure?.because.contains("older than") == true)
        // A master that remembers the sequence refuses it at the next start too.
        let refused = await #expect(throws: Failure.self) {
            _ = try await store(ModelVault(store: model)).claim(as: "two", remembering: 4)
        }
        #expect(refused?.code == .vaultDamaged)
    }
}
