import NIOCore
import Synchronization

@testable import Safekeeping

/// A vault in memory that remembers everything, and does what bad days do: requests that get lost, that act although nobody hears of it, that act much
/// later, readings that are old.
final class ModelStore: Sendable {
    struct State {
        var objects: [String: ByteBuffer] = [:]
        var heads: [StoredHead] = []
        /// Requests on their way, which act some time.
        var late: [@Sendable (inout State) -> Void] = []
        var swaps = 0
    }
    let state = Mutex(State())

    @discardableResult
    static func swap(_ state: inout State, _ bytes: ByteBuffer, _ version: HeadVersion?) -> HeadSwap {
        guard state.heads.last?.version == version else { return .refused }
        state.swaps += 1
        let made = HeadVersion("\(state.swaps)")
        state.heads.append(StoredHead(bytes: bytes, version: made))
        return .swapped(made)
    }

    /// One of the requests on their way acts.
    func letOneAct(_ random: inout Seeded) {
        state.withLock { state in
            guard let at = state.late.indices.randomElement(using: &random) else { return }
            state.late.remove(at: at)(&state)
        }
    }
}

/// The store as one process sees it.
struct ModelVault: Vault {
    let store: ModelStore
    var name: String { "model" }
    var limits: VaultLimits { VaultLimits(packSize: 64 << 10) }

    func readHead() async throws(VaultFailure) -> StoredHead? { store.state.withLock { $0.heads.last } }
    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        store.state.withLock { ModelStore.swap(&$0, bytes, version) }
    }
    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        store.state.withLock { $0.objects[name] = bytes }
    }
    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        store.state.withLock { state in
            guard let object = state.objects[name] else { return nil }
            guard let range else { return object }
            let inside = range.clamped(to: 0..<object.readableBytes)
            return object.getSlice(at: object.readerIndex + inside.lowerBound, length: inside.count)
        }
    }
    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        store.state.withLock { state in
            state.objects.filter { $0.key.hasPrefix(prefix) }.map {
                StoredObject(name: $0.key, size: $0.value.readableBytes)
            }.sorted { $0.name < $1.name }
        }
    }
    func delete(_ names: [String]) async throws(VaultFailure) {
        store.state.withLock { state in for name in names { state.objects[name] = nil } }
    }
}

/// Lets one process go on at a time, which one is the seed's choice.
actor Turns {
    private var random: Seeded
    private var waiting: [(who: Int, go: CheckedContinuation<Void, Never>)] = []
    private var running: Set<Int> = []
    private let store: ModelStore

    init(seed: UInt64, store: ModelStore) {
        random = Seeded(seed)
        self.store = store
    }

    func begin(_ who: Int) { running.insert(who) }

    func end(_ who: Int) {
        running.remove(who)
        pass()
    }

    /// The next call of that process may be made when this returns.
    func wait(_ who: Int) async {
        await withCheckedContinuation { go in
            waiting.append((who, go))
            running.remove(who)
            pass()
        }
    }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private func pass() {
        guard running.isEmpty, let at = waiting.indices.randomElement(using: &random) else { return }
        if Int.random(in: 0..<6, using: &random) == 0 { store.letOneAct(&random) }
        let next = waiting.remove(at: at)
        running.insert(next.who)
        next.go.resume()
    }
}

/// How bad the day is; per cent of calls.
struct Weather: Sendable {
    var lost = 4
    /// It acts and nobody hears of it.
    var unheard = 4
    var late = 4
    var stale = 6
    /// The process ends in the midst of the call; half of these calls act.
    var kill = 2
    static let fine = Weather(lost: 0, unheard: 0, late: 0, stale: 0, kill: 0)
}

/// The store through a bad network, for one life of one process.
final class BadVault: Vault {
    let name = "model"
    let limits = VaultLimits(packSize: 64 << 10)
    private let inner: ModelVault
    private let who: Int
    private let turns: Turns
    private let weather: Weather
    private let dead = Mutex(false)

    init(_ store: ModelStore, who: Int, turns: Turns, weather: Weather) {
        inner = ModelVault(store: store)
        self.who = who
        self.turns = turns
        self.weather = weather
    }

    var isDead: Bool { dead.withLock { $0 } }

    private enum Fate { case good, lost, unheard, late, killedBefore, killedAfter }

    private func fate(_ doing: String, changes: Bool) async throws(VaultFailure) -> Fate {
        if isDead { throw killed(doing) }
        await turns.wait(who)
        if isDead { throw killed(doing) }
        var roll = await turns.number(0...99)
        func falls(_ percent: Int) -> Bool {
            roll -= percent
            return roll < 0
        }
        if falls(weather.lost) { return .lost }
        if changes, falls(weather.unheard) { return .unheard }
        if changes, falls(weather.late) { return .late }
        if falls(weather.kill) {
            dead.withLock { $0 = true }
            return await turns.chance(50) ? .killedBefore : .killedAfter
        }
        return .good
    }

    private func killed(_ doing: String) -> VaultFailure {
        VaultFailure(.cancelled, vault: name, doing: doing, said: "the process was killed")
    }
    private func lost(_ doing: String, _ kind: VaultFailure.Kind = .transient) -> VaultFailure {
        VaultFailure(kind, vault: name, doing: doing, said: "no answer")
    }

    /// A change of the store.
    private func change<Value: Sendable>(
        _ doing: String, lostIs kind: VaultFailure.Kind, _ act: @escaping @Sendable (inout ModelStore.State) -> Value
    ) async throws(VaultFailure) -> Value {
        let store = inner.store
        switch try await fate(doing, changes: true) {
        case .good: return store.state.withLock { act(&$0) }
        case .lost: throw lost(doing, kind)
        case .unheard:
            _ = store.state.withLock { act(&$0) }
            throw lost(doing, kind)
        case .late:
            store.state.withLock { $0.late.append { state in _ = act(&state) } }
            throw lost(doing, kind)
        case .killedBefore: throw killed(doing)
        case .killedAfter:
            _ = store.state.withLock { act(&$0) }
            throw killed(doing)
        }
    }

    private func look(_ doing: String) async throws(VaultFailure) {
        switch try await fate(doing, changes: false) {
        case .good: return
        case .killedBefore, .killedAfter: throw killed(doing)
        default: throw lost(doing)
        }
    }

    func readHead() async throws(VaultFailure) -> StoredHead? {
        try await look("read the head")
        if await turns.chance(weather.stale) {
            let back = await turns.number(1...3)
            return inner.store.state.withLock { state in
                state.heads.isEmpty ? nil : state.heads[max(0, state.heads.count - 1 - back)]
            }
        }
        return try await inner.readHead()
    }

    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        try await change("write the head", lostIs: .unknownOutcome) { ModelStore.swap(&$0, bytes, version) }
    }

    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        try await change("store \(name)", lostIs: .transient) { $0.objects[name] = bytes }
    }

    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await look("read \(name)")
        return try await inner.read(name, range)
    }

    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try await look("list \(prefix)")
        return try await inner.list(prefix)
    }

    func delete(_ names: [String]) async throws(VaultFailure) {
        try await change("delete", lostIs: .transient) { state in for name in names { state.objects[name] = nil } }
    }
}
