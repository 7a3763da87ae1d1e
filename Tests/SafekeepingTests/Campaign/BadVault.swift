import NIOCore
import Synchronization

@testable import Safekeeping

/// What is between processes and their vault: requests that are on their way, heads that old readings show.
final class BadNetwork: Sendable {
    private let late = Mutex<[@Sendable () async -> Void]>([])
    private let heads = Mutex<[StoredHead]>([])

    func delay(_ request: @escaping @Sendable () async -> Void) { late.withLock { $0.append(request) } }
    func note(_ head: StoredHead) { heads.withLock { $0.append(head) } }

    /// A head of some writes ago; nil when there was none.
    func old(_ back: Int) -> StoredHead? { heads.withLock { $0.isEmpty ? nil : $0[max(0, $0.count - 1 - back)] } }

    /// One of the requests on their way acts.
    /// - Parameter pick: a number below what it is given.
    func letOneAct(_ pick: (Int) async -> Int) async {
        let count = late.withLock(\.count)
        guard count > 0 else { return }
        let at = await pick(count)
        let request = late.withLock { $0.remove(at: at) }
        await request()
    }

    func letAllAct() async {
        while true {
            let request = late.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let request else { return }
            await request()
        }
    }
}

/// Lets one process go on at a time, which one is the seed's choice.
actor Turns {
    private var random: Seeded
    private var waiting: [(who: Int, go: CheckedContinuation<Void, Never>)] = []
    private var running: Set<Int> = []

    init(seed: UInt64) { random = Seeded(seed) }

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
        let next = waiting.remove(at: at)
        running.insert(next.who)
        next.go.resume()
    }
}

/// How bad the day is; per cent of calls.
struct Weather: Sendable {
    var lost = 4
    /// It acts and nobody hears of it: also what a 500 behind the effect is.
    var unheard = 4
    var late = 4
    var stale = 6
    /// The process ends in the midst of the call; half of these calls act.
    var kill = 2
    /// Both kinds of 429: with a time, and without one.
    var throttled = 3
    /// The disk or the quota is full.
    var full = 1
    /// Half of an object is stored before the connection ends.
    var torn = 2
    /// The head is refused although nobody was faster.
    var refused = 2
    /// A bit of what is read flips on its way.
    var flipped = 1
    /// A request that is on its way acts before this call.
    var arrives = 16
}

/// A vault through a bad network, for one life of one process.
final class BadVault: Vault {
    var name: String { inner.name }
    let limits = VaultLimits(packSize: 64 << 10)
    private let inner: any Vault
    private let network: BadNetwork
    private let who: Int
    private let turns: Turns
    private let weather: Weather
    private let dead = Mutex(false)

    init(_ inner: any Vault, network: BadNetwork, who: Int, turns: Turns, weather: Weather) {
        self.inner = inner
        self.network = network
        self.who = who
        self.turns = turns
        self.weather = weather
    }

    var isDead: Bool { dead.withLock { $0 } }

    private enum Fate { case good, lost, unheard, late, killedBefore, killedAfter, torn, refused }
    private enum Call { case look, change, put, swap }

    private func fate(_ doing: String, _ call: Call) async throws(VaultFailure) -> Fate {
        if isDead { throw killed(doing) }
        await turns.wait(who)
        if isDead { throw killed(doing) }
        if await turns.chance(weather.arrives) { await network.letOneAct { await turns.number(0...$0 - 1) } }
        var roll = await turns.number(0...99)
        func falls(_ percent: Int) -> Bool {
            roll -= percent
            return roll < 0
        }
        if falls(weather.lost) { return .lost }
        if falls(weather.throttled) {
            throw VaultFailure(
                .throttled(await turns.chance(50) ? .seconds(await turns.number(1...40)) : nil), vault: name,
                doing: doing, said: "too many requests")
        }
        if falls(weather.kill) {
            dead.withLock { $0 = true }
            return await turns.chance(50) ? .killedBefore : .killedAfter
        }
        guard call != .look else { return .good }
        if falls(weather.unheard) { return .unheard }
        if falls(weather.late) { return .late }
        if falls(weather.full) { throw VaultFailure(.full, vault: name, doing: doing, said: "no room is left") }
        if call == .put, falls(weather.torn) { return .torn }
        if call == .swap, falls(weather.refused) { return .refused }
        return .good
    }

    private func killed(_ doing: String) -> VaultFailure {
        VaultFailure(.cancelled, vault: name, doing: doing, said: "the process was killed")
    }
    private func lost(_ doing: String, _ kind: VaultFailure.Kind = .transient) -> VaultFailure {
        VaultFailure(kind, vault: name, doing: doing, said: "no answer")
    }

    /// A change of the vault.
    private func change<Value: Sendable>(
        _ doing: String, _ call: Call, lostIs kind: VaultFailure.Kind = .transient,
        torn: @Sendable () async throws(VaultFailure) -> Void = { () async throws(VaultFailure) in },
        refused: Value? = nil, _ act: @escaping @Sendable () async throws(VaultFailure) -> Value
    ) async throws(VaultFailure) -> Value {
        switch try await fate(doing, call) {
        case .good: return try await act()
        case .lost: throw lost(doing, kind)
        case .unheard:
            _ = try await act()
            throw lost(doing, kind)
        case .late:
            // Whatever becomes of it, nobody hears of it.
            network.delay { _ = try? await act() }
            throw lost(doing, kind)
        case .killedBefore: throw killed(doing)
        case .killedAfter:
            _ = try? await act()
            throw killed(doing)
        case .torn:
            try await torn()
            throw lost(doing, kind)
        case .refused:
            guard let refused else { return try await act() }
            return refused
        }
    }

    private func look(_ doing: String) async throws(VaultFailure) {
        switch try await fate(doing, .look) {
        case .good: return
        case .killedBefore, .killedAfter: throw killed(doing)
        default: throw lost(doing)
        }
    }

    func probe() async throws(VaultFailure) { try await inner.probe() }

    func readHead() async throws(VaultFailure) -> StoredHead? {
        try await look("read the head")
        if await turns.chance(weather.stale) { return network.old(await turns.number(1...3)) }
        return try await inner.readHead()
    }

    func swapHead(_ bytes: ByteBuffer, expecting version: HeadVersion?) async throws(VaultFailure) -> HeadSwap {
        let (inner, network) = (inner, network)
        return try await change("write the head", .swap, lostIs: .unknownOutcome, refused: HeadSwap.refused) {
            () async throws(VaultFailure) in
            let end = try await inner.swapHead(bytes, expecting: version)
            if case .swapped(let made) = end { network.note(StoredHead(bytes: bytes, version: made)) }
            return end
        }
    }

    func put(_ bytes: ByteBuffer, as name: String, _ visibility: Visibility) async throws(VaultFailure) {
        let inner = inner
        let half = bytes.getSlice(at: bytes.readerIndex, length: bytes.readableBytes / 2) ?? ByteBuffer()
        try await change(
            "store \(name)", .put,
            torn: { () async throws(VaultFailure) in try await inner.put(half, as: name, visibility) },
            refused: nil as Void?
        ) { () async throws(VaultFailure) in try await inner.put(bytes, as: name, visibility) }
    }

    func read(_ name: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        try await look("read \(name)")
        let whole = try await inner.read(name, range)
        guard var found = whole, found.readableBytes > 0 else { return whole }
        guard await turns.chance(weather.flipped) else { return found }
        let at = found.readerIndex + (await turns.number(0...found.readableBytes - 1))
        found.setInteger((found.getInteger(at: at, as: UInt8.self) ?? 0) ^ 16, at: at)
        return found
    }

    func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        try await look("list \(prefix)")
        return try await inner.list(prefix)
    }

    func delete(_ names: [String]) async throws(VaultFailure) {
        let inner = inner
        try await change("delete", .change) { () async throws(VaultFailure) in try await inner.delete(names) }
    }
}
