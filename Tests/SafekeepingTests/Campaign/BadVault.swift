import NIOCore
import Synchronization

@testable import Safekeeping

/// What is between processes and their vault: requests that are on their way, heads that old readings show.
final class BadNetwork: Sendable {
    private let late = Mutex<[@Sendable () async -> Void]>([])
    private let heads = Mutex<[StoredHead]>([])
    /// Objects whose process was killed while it sent them: what is there of them stays, as it does when nobody is left to tidy up.
    private let abandoned = Mutex<[any ObjectStream]>([])
    /// Objects that came whole piece by piece, and those that broke off.
    let streams = Mutex((whole: 0, broken: 0))

    func abandon(_ stream: any ObjectStream) { abandoned.withLock { $0.append(stream) } }
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
    /// Sending an object piece by piece ends in the midst of it, or at its end: cut off, the disk full, the process killed.
    var midStream = 12
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
    fileprivate let dead = Mutex(false)

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

    fileprivate func killed(_ doing: String) -> VaultFailure {
        VaultFailure(.cancelled, vault: name, doing: doing, said: "the process was killed")
    }
    fileprivate func lost(_ doing: String, _ kind: VaultFailure.Kind = .transient) -> VaultFailure {
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

    /// What becomes of an object that is sent piece by piece is decided when it begins: its calls block, and a thread that waited for its turn in them
    /// could be the one that another process needs to go on.
    func stream(_ name: String) async throws(VaultFailure) -> (any ObjectStream)? {
        let doing = "store \(name)"
        // Where objects come whole, `put` has their fate.
        guard let whole = try await inner.stream(name) else { return nil }
        let (network, vault) = (network, self)
        func bad(_ stream: any ObjectStream, _ end: BadStream.End, room: Int = 0) -> BadStream {
            BadStream(stream, of: vault, network, doing: doing, end: end, room: room)
        }
        switch try await fate(doing, .put) {
        case .good, .refused:
            guard await turns.chance(weather.midStream) else { return bad(whole, .good) }
            let ends: [BadStream.End] = [.torn, .full, .killed, .killedBehind]
            // Packs are of up to 64 KiB: some of them reach their end before that.
            return bad(whole, ends[await turns.number(0...ends.count - 1)], room: await turns.number(0...48 << 10))
        case .lost: throw lost(doing)
        case .torn: return bad(whole, .torn, room: await turns.number(0...16 << 10))
        case .unheard: return bad(whole, .unheard)
        case .late: return bad(whole, .late)
        case .killedBefore: throw killed(doing)
        case .killedAfter:
            // Nothing is in it yet.
            network.abandon(whole)
            throw killed(doing)
        }
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

/// An object on its way through a bad network.
private final class BadStream: ObjectStream {
    enum End: Sendable {
        case good
        /// The connection ends, or the disk says that it cannot.
        case torn
        case full
        /// The process ends before the object is at its place, or when it is.
        case killed, killedBehind
        case unheard, late
    }
    private let inner: any ObjectStream
    private let vault: BadVault
    private let network: BadNetwork
    private let doing: String
    private let end: End
    /// Bytes until it ends.
    private let room: Mutex<Int>

    init(
        _ inner: any ObjectStream, of vault: BadVault, _ network: BadNetwork, doing: String, end: End, room: Int
    ) {
        self.inner = inner
        self.vault = vault
        self.network = network
        self.doing = doing
        self.end = end
        self.room = Mutex(room)
    }

    deinit {
        // Nobody tidies up behind a process that was killed.
        if vault.isDead { network.abandon(inner) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(VaultFailure) {
        if vault.isDead { throw vault.killed(doing) }
        switch end {
        case .torn, .full, .killed:
            let left = room.withLock { room in
                room -= bytes.count
                return room + bytes.count
            }
            guard left < bytes.count else { break }
            try inner.write(UnsafeRawBufferPointer(rebasing: bytes[..<max(0, left)]))
            throw broken()
        case .good, .killedBehind, .unheard, .late: break
        }
        try inner.write(bytes)
    }

    func finish() throws(VaultFailure) {
        if vault.isDead { throw vault.killed(doing) }
        switch end {
        case .torn, .full, .killed: throw broken()
        case .killedBehind:
            try inner.finish()
            throw broken()
        case .unheard:
            try inner.finish()
            throw broken()
        case .late:
            let inner = inner
            network.delay { try? inner.finish() }
            throw broken()
        case .good:
            try inner.finish()
            network.streams.withLock { $0.whole += 1 }
        }
    }

    private func broken() -> VaultFailure {
        network.streams.withLock { $0.broken += 1 }
        switch end {
        case .full: return VaultFailure(.full, vault: vault.name, doing: doing, said: "no room is left")
        case .killed, .killedBehind:
            vault.dead.withLock { $0 = true }
            return vault.killed(doing)
        case .good, .torn, .unheard, .late: return vault.lost(doing)
        }
    }
}
