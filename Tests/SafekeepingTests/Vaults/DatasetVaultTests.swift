import HubClient
import HubSimulator
import Logging
import NIOCore
import Runtime
import StokerCore
import Synchronization
import TestSupport
import Testing

@testable import Safekeeping

/// Against the simulated Hub, whose commits are on real git.
@Suite(.serialized) struct DatasetVaultTests {
    private static func served(
        _ configure: (inout HubConfiguration) -> Void = { _ in }, pace: HubRateLimiter = HubRateLimiter(),
        _ body: (Hub) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = HubConfiguration()
        configure(&configuration)
        let server = try await SimulatedHub.start(configuration, logger: logger)
        let hub = Hub(.init(endpoint: server.endpoint, token: Secret("hf_maren")), pace: pace, logger: logger)
        let result: Result<Void, any Error>
        do { result = .success(try await body(hub)) } catch { result = .failure(error) }
        try await hub.shutdown()
        await server.shutdown()
        try result.get()
    }

    private static func vault(_ hub: Hub, _ name: String) throws -> any Vault {
        try VaultOpening(environment: [:], hub: hub).open(VaultAddress(reading: "dataset:maren/\(name)"), state: nil)
    }

    @Test func contractAndAWholeLife() async throws {
        try await Self.served { hub in
            try await VaultContract.check(
                try Self.vault(hub, "contract"), seenBy: try Self.vault(hub, "contract"))
            #expect(try await hub.find(RepoID(.dataset, "maren/contract"))?.isPrivate == true)

            let scratch = Scratch()
            var tree = ToldTree()
            tree.file("app.txt", Seeded(1).shuffled(300_000))
            let key = try VaultKey(reading: VaultKey.make().reveal())
            let first = SnapshotStore(vault: try Self.vault(hub, "state"), key: key)
            let claim = try await first.claim(as: "one")
            _ = try await first.publish(under: claim) { [tree] in tree.stream }
            // Packs are large files, so that each can be freed alone.
            let packs = try await hub.tree(of: RepoID(.dataset, "maren/state"), path: "v1/p").all()
                .filter { $0.kind == .file }
            #expect(packs.count == 1 && packs.allSatisfy { $0.lfs != nil })
            let second = SnapshotStore(vault: try Self.vault(hub, "state"), key: key)
            let next = try await second.claim(as: "two")
            await #expect(throws: Fenced.self) {
                _ = try await first.publish(under: claim) { [tree] in tree.stream }
            }
            let newest = try #require(next.newest)
            _ = try await second.restore(newest, to: scratch("back"))
            #expect(Scratch.contents(scratch("back"))["app.txt"] == Seeded(1).shuffled(300_000))
        }
    }

    private static func store(_ vault: any Vault, patience: Duration = .seconds(20)) -> SnapshotStore {
        SnapshotStore(vault: vault, key: .open, patience: patience)
    }

    private static func tree(_ number: UInt64) -> ToldTree {
        var tree = ToldTree()
        tree.file("file", Seeded(number).shuffled(30_000))
        return tree
    }

    /// 22: the commit is made and the answer lost.
    @Test func anAnswerThatIsLostBehindACommitIsOnePublication() async throws {
        let board = FaultBoard(time: SimulatedTime(), seed: 1)
        try await Self.served {
            $0.faults = board
        } _: { hub in
            let vault = try Self.vault(hub, "lost")
            let store = Self.store(vault)
            let claim = try await store.claim(as: "one")
            _ = board.add(Fault(.lost, method: "POST", path: "/api/datasets/maren/lost/commit/*"))
            _ = try await store.publish(under: claim) { Self.tree(1).stream }
            _ = board.add(
                Fault(
                    .status(500, message: "Internal Error"), method: "POST", path: "/api/datasets/maren/lost/commit/*"))
            _ = try await store.publish(under: claim) { Self.tree(2).stream }
            let other = Self.store(try Self.vault(hub, "lost"))
            #expect(try await other.snapshots().map(\.number) == [2, 1])
            #expect(try await other.verify(try #require(try await other.newest())).isWhole)
        }
    }

    /// 23: a token that is not good any more is told as that, at once, and what was published stays.
    @Test func aTokenThatIsRevokedIsToldAtOnce() async throws {
        let board = FaultBoard(time: SimulatedTime(), seed: 1)
        try await Self.served {
            $0.faults = board
        } _: { hub in
            let store = Self.store(try Self.vault(hub, "token"))
            let claim = try await store.claim(as: "one")
            _ = try await store.publish(under: claim) { Self.tree(1).stream }
            let id = board.add(Fault(.badToken, times: nil))
            let failure = await #expect(throws: Failure.self) {
                _ = try await store.publish(under: claim) { Self.tree(2).stream }
            }
            #expect(failure?.code == .vaultRefused && failure?.retry == .never)
            board.remove(id)
            _ = try await store.publish(under: claim) { Self.tree(3).stream }
            #expect(try await store.snapshots().map(\.number) == [2, 1])
        }
    }

    /// 25
    @Test func aRepositoryThatIsRenamedIsFollowed() async throws {
        try await Self.served { hub in
            let store = Self.store(try Self.vault(hub, "before"))
            let claim = try await store.claim(as: "one")
            _ = try await store.publish(under: claim) { Self.tree(1).stream }
            try await hub.move(RepoID(.dataset, "maren/before"), to: RepoID(.dataset, "maren/after"))
            _ = try await store.publish(under: claim) { Self.tree(2).stream }
            // Whoever still has the old name, and whoever has the new one.
            for name in ["before", "after"] {
                let other = Self.store(try Self.vault(hub, name))
                let newest = try #require(try await other.newest())
                #expect(newest.number == 2)
                #expect(try await other.verify(newest).isWhole)
            }
        }
    }

    /// 26: the history is squashed behind a claim; what is published beside it is kept.
    @Test func aSquashBesideAPublicationKeepsIt() async throws {
        try await Self.served { hub in
            let repo = try RepoID(.dataset, "maren/squash")
            func vault() -> DatasetVault {
                DatasetVault(hub: hub, ownsHub: false, repo: repo, budget: CommitBudget(perHour: 1_000), longest: 6)
            }
            let one = Self.store(vault())
            let claim = try await one.claim(as: "one")
            for number in 1...6 as ClosedRange<UInt64> {
                _ = try await one.publish(under: claim) { Self.tree(number).stream }
            }
            #expect(try await hub.commitCount(of: repo) ?? 0 >= 7, "only a claim squashes")
            let two = Self.store(vault())
            let next = try await two.claim(as: "two")
            #expect(try await hub.commitCount(of: repo) == 1)
            // It goes on behind the squash, and whoever was fenced stays so.
            _ = try await two.publish(under: next) { Self.tree(7).stream }
            await #expect(throws: Fenced.self) { _ = try await one.publish(under: claim) { Self.tree(8).stream } }
            // An operator's squash beside publications.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for _ in 0..<4 { _ = try await hub.superSquash(repo, message: "tidy") } }
                for number in 9...12 as ClosedRange<UInt64> {
                    _ = try await two.publish(under: next) { Self.tree(number).stream }
                }
                try await group.waitForAll()
            }
            let view = Self.store(vault())
            let newest = try #require(try await view.newest())
            #expect(newest.number == 11)
            #expect(try await view.verify(newest).isWhole)
        }
    }

    /// 26, at a Hub that squashes in two steps: it reads the branch, and sets it a second later without another look.
    @Test func whatATornSquashTakesAwayIsNoticed() async throws {
        let time = SimulatedTime(.manual)
        try await Self.served {
            $0.time = time
            $0.squashPause = .seconds(1)
        } _: { hub in
            let repo = try RepoID(.dataset, "maren/torn")
            let budget = CommitBudget(perHour: 1_000)
            // Waits between attempts pass at once.
            func store() -> SnapshotStore {
                SnapshotStore(
                    vault: DatasetVault(hub: hub, ownsHub: false, repo: repo, budget: budget), key: .open,
                    clock: WaitedTime().clock)
            }
            func squash(by hub: Hub, _ beside: @Sendable () async throws -> Void) async throws {
                let idle = time.scheduled
                async let done = hub.superSquash(repo, message: "tidy")
                try await eventually("the branch is read") { time.scheduled > idle }
                try await beside()
                try await time.advance(by: .seconds(1))
                _ = try await done
            }
            let one = store()
            let claim = try await one.claim(as: "one")
            _ = try await one.publish(under: claim) { Self.tree(1).stream }

            // One client's changes of a repository go one after the other: the publication comes behind the squash, and is made again on what that left.
            let beside = Mutex<Task<Publication, any Error>?>(nil)
            try await squash(by: hub) {
                beside.withLock { $0 = Task { try await one.publish(under: claim) { Self.tree(2).stream } } }
            }
            guard case .published? = try await beside.withLock({ $0 })?.value else {
                Issue.record("the publication beside the squash was not made")
                return
            }
            #expect(try await store().newest()?.number == 2)

            // Another program squashes: what is published between its two steps is taken away, and no later publication hides it.
            let other = Hub(
                .init(endpoint: hub.settings.endpoint, token: Secret("hf_maren")), pace: HubRateLimiter(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let torn: Result<Void, any Error>
            do {
                torn = .success(
                    try await squash(by: other) { _ = try await one.publish(under: claim) { Self.tree(3).stream } })
            } catch { torn = .failure(error) }
            try await other.shutdown()
            try torn.get()
            #expect(try await store().newest()?.number == 2, "the third was taken away")
            let failure = await #expect(throws: Failure.self) {
                _ = try await one.publish(under: claim) { Self.tree(4).stream }
            }
            #expect(failure?.code == .vaultDamaged && failure?.because.contains("older than") == true)
            // The next start goes on from what is there, and what the old holder has is kept as a stray.
            _ = try await store().claim(as: "two")
            await #expect(throws: Fenced.self) { _ = try await one.publish(under: claim) { Self.tree(4).stream } }
            #expect(try await one.keepStray(of: claim) { Self.tree(4).stream } != nil)
        }
    }

    /// All states of an account share its commits of the hour; a tenth is for claims and last snapshots.
    @Test func commitsAreSharedByTheStatesOfAnAccount() async throws {
        try await Self.served {
            $0.limits.commitsPerHourInAll = 12
        } _: { hub in
            let time = WaitedTime()
            let budget = CommitBudget(perHour: 10, clock: time.clock)
            func store(_ name: String) throws -> SnapshotStore {
                let vault = DatasetVault(
                    hub: hub, ownsHub: false, repo: try RepoID(.dataset, "maren/\(name)"), budget: budget)
                return Self.store(vault, patience: .seconds(2))
            }
            let (a, b) = (try store("state-a"), try store("state-b"))
            let (first, second) = (try await a.claim(as: "a"), try await b.claim(as: "b"))
            // A claim of an empty vault is two commits: its head, and its keys once more.
            for number in 1...3 as ClosedRange<UInt64> {
                _ = try await a.publish(under: first) { Self.tree(number).stream }
            }
            var refused: Failure?
            for number in 4...7 as ClosedRange<UInt64> where refused == nil {
                do { _ = try await b.publish(under: second) { Self.tree(number).stream } } catch let failure as Failure
                {
                    refused = failure
                }
            }
            #expect(refused?.code == .vaultUnavailable && refused?.because.contains("commits of the hour") == true)
            guard case .after(let wait)? = refused?.retry else {
                Issue.record("\(String(describing: refused))")
                return
            }
            #expect(wait > .seconds(3_000) && wait <= .seconds(3_600))
            // What is kept for it: the pen is handed back all the same.
            try await b.release(second)
            time.pass(.seconds(3_601))
            _ = budget
            await #expect(throws: Failure.self, "the Hub's own limit is still there") {
                for number in 8...12 as ClosedRange<UInt64> {
                    _ = try await a.publish(under: first) { Self.tree(number).stream }
                }
            }
        }
    }

    @Test func nothingIsLostOnABadDay() async throws {
        let time = WaitedTime()
        let pace = HubRateLimiter(limits: .init(commitsPerHour: 1_000_000), clock: time.clock)
        try await Self.served(
            { configuration in
                configuration.limits.commitsPerHour = nil
                configuration.limits.quotas = [.api: 10_000_000, .resolvers: 10_000_000, .pages: 10_000_000]
            }, pace: pace
        ) { hub in
            try await VaultCampaign.runs("dataset", "STOKER_VAULT_REAL_RUNS", sample: 1, checksEach: 100) { seed in
                let repo = try RepoID(.dataset, "maren/run-\(seed)")
                let budget = CommitBudget(perHour: 1_000_000)
                let vault: @Sendable () async throws -> any Vault = {
                    DatasetVault(hub: hub, ownsHub: false, repo: repo, budget: budget, longest: 20)
                }
                try await vault().probe()
                return vault
            }
        }
    }
}
