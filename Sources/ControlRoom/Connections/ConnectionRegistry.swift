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
        let address: ClientAddress
        let isReserved: Bool
        let channel: any Channel
        private let current = Atomic<Phase>(.waiting)
        private let since: Atomic<UInt64>

        fileprivate init(address: ClientAddress, isReserved: Bool, channel: any Channel) {
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

    private struct Room {
        var seats: [ObjectIdentifier: Seat] = [:]
        var counts: [ClientAddress: Int] = [:]

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
        let address = ClientAddress(channel.remoteAddress)
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
    private func sendAway(from room: inout Room, of address: ClientAddress?) -> [Seat] {
        let found = room.seats.values.filter { ($0.address == address || address == nil) && $0.phase != .busy }
            .map { (seat: $0, phase: $0.phase.rawValue, age: $0.age) }
            .sorted { ($0.phase, $0.age) < ($1.phase, $1.age) }
            .prefix(batch).map(\.seat)
        for seat in found { room.remove(seat) }
        return found
    }
}
