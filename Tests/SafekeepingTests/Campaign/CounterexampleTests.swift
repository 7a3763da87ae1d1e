import NIOCore
import Runtime
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// Schedules that broke plausible designs in the model of the protocol, played on this one. Names are those of the designs.
@Suite struct CounterexampleTests {
    /// The store as one writer sees it, with something that happens just before one of its requests.
    private final class Hooked: Vault {
        enum Fate: Sendable { case pass, lost, unheard }
        let name = "model"
        let limits = VaultLimits(packSize: 64 << 10)
        private let inner: ModelVault
        private let swapHooks = Mutex<[@Sendable () async throws -> Fate]>([])
        private let headHooks = Mutex<[StoredHead]>([])
        private let putFails = Mutex(false)

        init(_ store: ModelStore) { inner = ModelVault(store: store) }

        /// Before the next swap.
        func onSwap(_ hook: @escaping @Sendable () async throws -> Fate) { swapHooks.withLock { $0.append(hook) } }
        /// What the next reading of the head shows.
        func showOnce(_ head: StoredHead) { headHooks.withLock { $0.append(head) } }
        func refusePuts() { putFails.withLock { $0 = true } }

        func readHead() async throws(VaultFailure) -> StoredHead? {
            if let old = headHooks.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return old }
            return try await inner.readHead()
        }
        func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
            let hook = swapHooks.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            var fate = Fate.pass
            if let hook {
                do { fate = try await hook() } catch {
                    throw VaultFailure(.invalid, vault: name, doing: "play the schedule", said: "\(error)")
                }
            }
            let lost = VaultFailure(.unknownOutcome, vault: name, doing: "write the head", said: "no answer")
            if fate == .lost { throw lost }
            let end = try await inner.swapHead(bytes, expecting: version)
            if fate == .unheard { throw lost }
            return end
        }
        func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
            if putFails.withLock({ $0 }), name.hasPrefix(PackDirectory.prefix) {
                throw VaultFailure(.refused, vault: self.name, doing: "store \(name)", said: "no right to write")
            }
            try await inner.put(bytes, as: name, visibility)
        }
        func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
            try await inner.read(name, range)
        }
        func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] { try await inner.list(prefix) }
        func delete(_ names: [String]) async throws(VaultFailure) { try await inner.delete(names) }
    }

    private let model = ModelStore()

    private func store(_ vault: any Vault) -> SnapshotStore {
        let passed = Mutex(Duration.zero)
        var clock = WaitClock.real
        clock.now = { passed.withLock { $0 } }
        clock.sleep = { wait in passed.withLock { $0 += wait } }
        return SnapshotStore(vault: vault, key: .open, clock: clock, patience: .seconds(60))
    }

    /// A state that shares `shared` with others of that seed.
    private func tree(_ version: Int, shared: UInt64? = nil) -> ToldTree {
        var tree = ToldTree()
        tree.file("version", Array("\(version)".utf8))
        if let shared { tree.file("shared", Seeded(shared).shuffled(40_000)) }
        return tree
    }

    private func publish(_ store: SnapshotStore, _ claim: Claim, _ tree: ToldTree) async throws -> Snapshot {
        let end = try await store.publish(under: claim, mayCollapse: true) { tree.stream }
        guard case .published(let snapshot) = end else {
            throw Failure(.internal, doing: "publish", because: "\(end)")
        }
        return snapshot
    }

    private func version(_ snapshot: Snapshot) async throws -> String {
        let bytes = Mutex<[UInt8]>([])
        try await store(ModelVault(store: model)).contents(of: Array("version".utf8), in: snapshot) { piece in
            bytes.withLock { $0 += piece }
        }
        return bytes.withLock { String(decoding: $0, as: UTF8.self) }
    }

    private func newest() async throws -> String {
        let view = store(ModelVault(store: model))
        let newest = try #require(try await view.newest())
        #expect(try await view.verify(newest).isWhole)
        return try await version(newest)
    }

    @Test func leaseWithoutFencing() async throws {
        let one = store(ModelVault(store: model))
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        _ = try await store(ModelVault(store: model)).claim(as: "two")
        await #expect(throws: Fenced.self) { _ = try await publish(one, claim, tree(3)) }
        #expect(try await newest() == "2")
    }

    @Test func refusedThenReadAgainAndRetried() async throws {
        let hooked = Hooked(model)
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
        let hooked = Hooked(model)
        hooked.showOnce(old)
        let next = try await store(hooked).claim(as: "two")
        #expect(try await version(try #require(next.newest)) == "3")
    }

    @Test func publishedBeforeItIsSent() async throws {
        let hooked = Hooked(model)
        let one = store(hooked)
        let claim = try await one.claim(as: "one")
        _ = try await publish(one, claim, tree(2))
        hooked.refusePuts()
        let failure = await #expect(throws: Failure.self) { _ = try await publish(one, claim, tree(3, shared: 1)) }
        #expect(failure?.code == .vaultRefused)
        #expect(try await newest() == "2")
    }

    /// Also "no re-check after a rebase" and "packs named by their hash": what was relied on is collected while the answer is lost, and is sent anew under
    /// another name.
    @Test(arguments: [false, true]) func collectedMeanwhile(acts: Bool) async throws {
        let hooked = Hooked(model)
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
        let hooked = Hooked(model)
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
        let hooked = Hooked(model)
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
        let hooked = Hooked(model)
        let two = store(hooked)
        hooked.onSwap {
            _ = try await store(ModelVault(store: model)).claim(as: "one")
            return .pass
        }
        let claim = try await two.claim(as: "two")
        #expect(claim.epoch == 2 && claim.previous?.name == "one")
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
