import NIOCore
import Synchronization

/// Every open connection of the server, so that nobody can hold all of them.
///
/// An address may hold a share of the connections, and a connection that says nothing gives its place to the next one. Beyond
/// the limit a few are taken for `/health` alone.
final class ConnectionRegistry: Sendable {
    struct Limits: Sendable {
        /// Connections open at once.
        var total: Int
        /// Of one public address (of an IPv6 address its first 64 bits).
        var perAddress: Int
        /// Of one loopback or private address, behind which a proxy may speak for many.
        var perLocalAddress: Int
        /// Further ones that are asked for `/health` only.
        var reserve: Int

        /// - Parameter total: connections open at once; at least 8.
        init(total: Int) {
            self.total = max(8, total)
            perAddress = max(4, self.total / 4)
            perLocalAddress = max(6, self.total * 3 / 4)
            reserve = 16
        }
    }

    /// One connection.
    final class Seat: Sendable {
        enum Phase: UInt8, AtomicRepresentable, Sendable {
            /// Waits for a request: the first to go.
            case waiting
            /// Sends a request, or does not take its answer.
            case slow
            /// Is being answered: never sent away.
            case busy
        }
        let address: Address
        let isReserved: Bool
        let channel: any Channel
        private let current = Atomic<Phase>(.waiting)
        private let since: Atomic<UInt64>

        fileprivate init(address: Address, isReserved: Bool, channel: any Channel) {
            self.address = address
            self.isReserved = isReserved
            self.channel = channel
            since = Atomic(NIODeadline.now().uptimeNanoseconds)
        }

        var phase: Phase { current.load(ordering: .relaxed) }
        var age: UInt64 { since.load(ordering: .relaxed) }

        func become(_ phase: Phase) {
            guard current.exchange(phase, ordering: .relaxed) != phase else { return }
            since.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        }
    }

    /// Whose connection it is.
    enum Address: Hashable, Sendable {
        case v4(UInt32)
        /// The network of a subscriber: the first 64 bits.
        case v6(UInt64)
        case other

        init(_ address: SocketAddress?) {
            guard let address, address.protocol == .inet || address.protocol == .inet6 else {
                self = .other
                return
            }
            let isV4 = address.protocol == .inet
            // `sin_addr` and `sin6_addr` stand at the same places on every system that we know.
            let bytes = address.withSockAddr { start, size in
                Array(UnsafeRawBufferPointer(start: start, count: size).dropFirst(isV4 ? 4 : 8).prefix(isV4 ? 4 : 16))
            }
            func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
            if isV4 || bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] {
                self = .v4(UInt32(truncatingIfNeeded: number(bytes.suffix(4))))
            } else if bytes.prefix(15).allSatisfy({ $0 == 0 }), bytes.last == 1 {
                self = .v4(0x7F00_0001)
            } else {
                self = .v6(number(bytes.prefix(8)))
            }
        }

        /// Loopback, the private networks of RFC 1918, 4193 and 6598, link-local, and sockets without an address.
        var isLocal: Bool {
            switch self {
            case .v4(let number):
                number >> 24 == 127 || number >> 24 == 10 || number >> 20 == 0xAC1 || number >> 16 == 0xC0A8
                    || number >> 22 == 0x191 || number >> 16 == 0xA9FE
            case .v6(let number): number >> 57 == 0x7E || number >> 54 == 0x3FA
            case .other: true
            }
        }
    }

    private struct Room {
        var seats: [ObjectIdentifier: Seat] = [:]
        var counts: [Address: Int] = [:]

        mutating func remove(_ seat: Seat) {
            guard seats.removeValue(forKey: ObjectIdentifier(seat)) != nil else { return }
            let left = (counts[seat.address] ?? 1) - 1
            counts[seat.address] = left > 0 ? left : nil
        }
    }

    private let limits: Limits
    private let room = Mutex(Room())
    /// So many are sent away at once: looking for them takes a walk through all. Few where there are few places, so that one that has
    /// just come and is about to ask does not go with the idle ones.
    private var batch: Int { max(1, min(32, limits.total / 16)) }

    init(limits: Limits) { self.limits = limits }

    var count: Int { room.withLock { $0.seats.count } }

    /// A place for a new connection, for which another one may have to go; nil when there is none, and it is to be closed.
    func admit(_ channel: any Channel) -> Seat? {
        let address = Address(channel.remoteAddress)
        let (seat, leaving): (Seat?, [Seat]) = room.withLock { room in
            var leaving: [Seat] = []
            let own = address.isLocal ? limits.perLocalAddress : limits.perAddress
            if room.counts[address, default: 0] >= own { leaving += sendAway(from: &room, of: address) }
            if room.seats.count >= limits.total {
                // Who holds the most gives first.
                let most = room.counts.max { $0.value < $1.value }?.key
                leaving += sendAway(from: &room, of: most)
                if room.seats.count >= limits.total { leaving += sendAway(from: &room, of: nil) }
            }
            let isFull = room.seats.count >= limits.total || room.counts[address, default: 0] >= own
            guard !isFull || room.seats.count < limits.total + limits.reserve else { return (nil, leaving) }
            let seat = Seat(address: address, isReserved: isFull, channel: channel)
            room.seats[ObjectIdentifier(seat)] = seat
            room.counts[address, default: 0] += 1
            return (seat, leaving)
        }
        for one in leaving { one.channel.close(mode: .all, promise: nil) }
        return seat
    }

    func leave(_ seat: Seat) { room.withLock { $0.remove(seat) } }

    /// The longest idle ones, those that wait before those that are slow.
    private func sendAway(from room: inout Room, of address: Address?) -> [Seat] {
        let found = room.seats.values.filter { ($0.address == address || address == nil) && $0.phase != .busy }
            .map { (seat: $0, phase: $0.phase.rawValue, age: $0.age) }
            .sorted { ($0.phase, $0.age) < ($1.phase, $1.age) }
            .prefix(batch).map(\.seat)
        for seat in found { room.remove(seat) }
        return found
    }
}
