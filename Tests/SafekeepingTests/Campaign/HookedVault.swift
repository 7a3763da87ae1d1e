import NIOCore
import Runtime
import StokerCore
import Synchronization
import Testing

@testable import Safekeeping

/// A vault as one writer sees it, with something that happens just before one of its requests.
final class HookedVault: Vault {
    /// What becomes of a swap.
    enum Fate: Sendable {
        case pass
        /// It does not act.
        case lost
        /// It acts, and nobody hears of it.
        case unheard
        /// The place says no, although nobody was faster.
        case refused
        /// It is on its way until ``HookedVault/lateSwapActs()``; whoever made it hears nothing.
        case late
    }
    var name: String { inner.name }
    var limits: VaultLimits { VaultLimits(packSize: 64 << 10) }
    let inner: any Vault
    private struct Hooks {
        var swaps: [@Sendable () async throws -> Fate] = []
        var heads: [StoredHead] = []
        var packsAreRefused: VaultFailure.Kind?
        var reads: (@Sendable (String) async throws -> Void)?
        var failures: [VaultFailure.Kind] = []
        var isPartitioned = false
        /// Deletions until the process is killed.
        var deletions: Int?
        var swapCount = 0
        var late: [@Sendable () async throws -> HeadSwap] = []
    }
    private let hooks = Mutex(Hooks())

    init(_ store: ModelStore) { inner = ModelVault(store: store) }
    init(inner: any Vault) { self.inner = inner }

    /// Before the next swap.
    func onSwap(_ hook: @escaping @Sendable () async throws -> Fate) { hooks.withLock { $0.swaps.append(hook) } }
    /// Before each reading of an object, until it is taken away.
    func onRead(_ hook: (@Sendable (String) async throws -> Void)?) { hooks.withLock { $0.reads = hook } }
    /// What the next reading of the head shows.
    func showOnce(_ head: StoredHead) { hooks.withLock { $0.heads.append(head) } }
    func refusePacks(_ kind: VaultFailure.Kind? = .refused) { hooks.withLock { $0.packsAreRefused = kind } }
    /// The next requests fail, whatever they are.
    func fail(_ kinds: VaultFailure.Kind...) { hooks.withLock { $0.failures += kinds } }
    /// No request arrives.
    func partition(_ isPartitioned: Bool) { hooks.withLock { $0.isPartitioned = isPartitioned } }
    /// So many objects are deleted, then the process is gone.
    func killAfter(deletions: Int) { hooks.withLock { $0.deletions = deletions } }
    /// The oldest swap that is on its way arrives.
    func lateSwapActs() async throws -> HeadSwap? {
        let late = hooks.withLock { $0.late.isEmpty ? nil : $0.late.removeFirst() }
        return try await late?()
    }
    /// Swaps that arrived.
    var swapCount: Int { hooks.withLock(\.swapCount) }

    private func weather(_ doing: String) throws(VaultFailure) {
        let kind: VaultFailure.Kind? = hooks.withLock { hooks in
            if hooks.isPartitioned { return .transient }
            return hooks.failures.isEmpty ? nil : hooks.failures.removeFirst()
        }
        if let kind { throw VaultFailure(kind, vault: name, doing: doing, said: "as the test wants it") }
    }

    private func run<Value>(_ hook: () async throws -> Value) async throws(VaultFailure) -> Value {
        do { return try await hook() } catch let failure as VaultFailure { throw failure } catch {
            throw VaultFailure(.invalid, vault: name, doing: "play the schedule", said: "\(error)")
        }
    }

    func probe() async throws(VaultFailure) { try await inner.probe() }
    func readHead() async throws(VaultFailure) -> StoredHead? {
        try weather("read the head")
        if let old = hooks.withLock({ $0.heads.isEmpty ? nil : $0.heads.removeFirst() }) { return old }
        return try await inner.readHead()
    }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        let hook = hooks.withLock { hooks in
            hooks.swapCount += 1
            return hooks.swaps.isEmpty ? nil : hooks.swaps.removeFirst()
        }
        var fate = Fate.pass
        if let hook { fate = try await run(hook) }
        try weather("write the head")
        let lost = VaultFailure(.unknownOutcome, vault: name, doing: "write the head", said: "no answer")
        if fate == .lost { throw lost }
        if fate == .refused { return .refused }
        if fate == .late {
            let inner = inner
            // Written within the lock's closure it would crash the compiler (Swift 6.3.1).
            let request: @Sendable () async throws -> HeadSwap = { try await inner.swapHead(bytes, expecting: version) }
            hooks.withLock { $0.late.append(request) }
            throw lost
        }
        let end = try await inner.swapHead(bytes, expecting: version)
        if fate == .unheard { throw lost }
        return end
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        try weather("store \(name)")
        if let kind = hooks.withLock({ $0.packsAreRefused }), name.hasPrefix(PackDirectory.prefix) {
            throw VaultFailure(kind, vault: self.name, doing: "store \(name)", said: "no right to write")
        }
        try await inner.put(bytes, as: name, visibility)
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        if let hook = hooks.withLock({ $0.reads }) { try await run { try await hook(name) } }
        try weather("read \(name)")
        return try await inner.read(name, range)
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try weather("list \(prefix)")
        return try await inner.list(prefix)
    }
    func delete(_ names: [String]) async throws(VaultFailure) {
        try weather("delete")
        for name in names {
            let isKilled = hooks.withLock { hooks in
                guard let left = hooks.deletions else { return false }
                hooks.deletions = left - 1
                return left <= 0
            }
            if isKilled { throw VaultFailure(.cancelled, vault: self.name, doing: "delete", said: "killed") }
            try await inner.delete([name])
        }
    }
}

/// Suites that play schedules on a vault in memory.
protocol OnModel {
    var model: ModelStore { get }
}

/// Time that passes only while somebody waits.
final class WaitedTime: Sendable {
    private let held = Mutex<(now: Duration, waits: [Duration])>((.zero, []))
    var waits: [Duration] { held.withLock(\.waits) }
    func pass(_ time: Duration) { held.withLock { $0.now += time } }
    var clock: WaitClock {
        var clock = WaitClock.real
        clock.now = { self.held.withLock(\.now) }
        clock.sleep = { wait in
            try Task.checkCancellation()
            self.held.withLock { held in
                held.now += wait
                held.waits.append(wait)
            }
        }
        return clock
    }
}

extension OnModel {
    func store(
        _ vault: any Vault, time: WaitedTime = WaitedTime(), now: @escaping @Sendable () -> Instant = { .never }
    ) -> SnapshotStore {
        SnapshotStore(vault: vault, key: .open, now: now, clock: time.clock, patience: .seconds(60))
    }

    /// As another machine sees it.
    var fresh: SnapshotStore { store(ModelVault(store: model)) }

    /// A state that shares `shared` with others of that seed.
    func tree(_ version: Int, shared: UInt64? = nil) -> ToldTree {
        var tree = ToldTree()
        tree.file("version", Array("\(version)".utf8))
        if let shared { tree.file("shared", Seeded(shared).shuffled(40_000)) }
        return tree
    }

    @discardableResult
    func publish(_ store: SnapshotStore, _ claim: Claim, _ tree: ToldTree) async throws -> Snapshot {
        let end = try await store.publish(under: claim, mayCollapse: true) { tree.stream }
        guard case .published(let snapshot) = end else {
            throw Failure(.internal, doing: "publish", because: "\(end)")
        }
        return snapshot
    }

    func version(_ snapshot: Snapshot) async throws -> String {
        let bytes = Mutex<[UInt8]>([])
        try await fresh.contents(of: Array("version".utf8), in: snapshot) { piece in
            bytes.withLock { $0 += piece }
        }
        return bytes.withLock { String(decoding: $0, as: UTF8.self) }
    }

    func newest() async throws -> String {
        let view = fresh
        let newest = try #require(try await view.newest())
        #expect(try await view.verify(newest).isWhole)
        return try await version(newest)
    }
}
