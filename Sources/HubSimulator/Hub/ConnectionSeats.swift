import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Open connections, so that nobody holds all of them: one that asks nothing gives its place to the next.
final class ConnectionSeats: Sendable {
    final class Seat: Sendable {
        let address: String
        /// Beyond the limit: good for `/-/admin` only.
        let isReserved: Bool
        let channel: any Channel
        private let busy = Atomic(false)
        private let since = Atomic(NIODeadline.now().uptimeNanoseconds)

        fileprivate init(address: String, isReserved: Bool, channel: any Channel) {
            self.address = address
            self.isReserved = isReserved
            self.channel = channel
        }

        /// Whether a request is being answered; then it stays.
        var isBusy: Bool { busy.load(ordering: .relaxed) }
        fileprivate var age: UInt64 { since.load(ordering: .relaxed) }

        func become(busy isBusy: Bool) {
            guard busy.exchange(isBusy, ordering: .relaxed) != isBusy else { return }
            since.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        }
    }

    private struct Room {
        var seats: [ObjectIdentifier: Seat] = [:]
        var counts: [String: Int] = [:]

        mutating func remove(_ seat: Seat) {
            guard seats.removeValue(forKey: ObjectIdentifier(seat)) != nil else { return }
            let left = (counts[seat.address] ?? 1) - 1
            counts[seat.address] = left > 0 ? left : nil
        }
    }

    let total: Int
    private let perAddress: Int
    private let reserve: Int
    private let room = Mutex(Room())

    /// - Parameters:
    ///   - total: connections at once.
    ///   - perAddress: of one address; everything is on loopback, so one address may hold most of them.
    ///   - reserve: further ones, for `/-/admin`.
    init(total: Int, perAddress: Int? = nil, reserve: Int = 0) {
        self.total = max(1, total)
        self.perAddress = max(1, perAddress ?? self.total * 3 / 4)
        self.reserve = reserve
    }

    /// Of all that are open.
    var channels: [any Channel] { room.withLock { $0.seats.values.map(\.channel) } }

    var count: Int { room.withLock { $0.seats.count } }

    /// A place for a new connection, for which idle ones may have to go; nil when there is none, and it is to be closed.
    func admit(_ channel: any Channel) -> Seat? {
        let address = channel.remoteAddress?.ipAddress ?? ""
        let (seat, leaving): (Seat?, [Seat]) = room.withLock { room in
            var leaving: [Seat] = []
            if room.counts[address, default: 0] >= perAddress { leaving += sendAway(from: &room, of: address) }
            if room.seats.count >= total { leaving += sendAway(from: &room, of: nil) }
            let isFull = room.seats.count >= total || room.counts[address, default: 0] >= perAddress
            guard !isFull || room.seats.count < total + reserve else { return (nil, leaving) }
            let seat = Seat(address: address, isReserved: isFull, channel: channel)
            room.seats[ObjectIdentifier(seat)] = seat
            room.counts[address, default: 0] += 1
            return (seat, leaving)
        }
        for one in leaving { one.channel.close(promise: nil) }
        return seat
    }

    func leave(_ seat: Seat) { room.withLock { $0.remove(seat) } }

    /// The longest idle ones: a few at once, because looking for them takes a walk through all.
    private func sendAway(from room: inout Room, of address: String?) -> [Seat] {
        let found = room.seats.values.filter { ($0.address == address || address == nil) && !$0.isBusy }
            .map { (seat: $0, age: $0.age) }.sorted { $0.age < $1.age }.prefix(max(1, min(32, total / 16))).map(\.seat)
        for seat in found { room.remove(seat) }
        return found
    }
}

/// One connection of the Hub or of its storage: takes a place, and gives it back when nothing is asked in time.
///
/// Not `Sendable`: it lives on its connection's loop.
final class SeatedConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let seats: ConnectionSeats
    private var seat: ConnectionSeats.Seat?
    /// Requests whose answer has not ended.
    private var open = 0
    /// How long a connection may ask nothing.
    static let patience = TimeAmount.seconds(75)
    private var timer: Scheduled<Void>?

    init(seats: ConnectionSeats) { self.seats = seats }

    func channelActive(context: ChannelHandlerContext) {
        guard let seat = seats.admit(context.channel) else { return context.close(promise: nil) }
        self.seat = seat
        wait(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    private func leave() {
        timer?.cancel()
        timer = nil
        if let seat { seats.leave(seat) }
        seat = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            if seat?.isReserved == true, head.path?.hasPrefix("/-/") != true { return turnAway(context) }
            open += 1
            seat?.become(busy: true)
            timer?.cancel()
            timer = nil
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            open = max(0, open - 1)
            if open == 0 {
                seat?.become(busy: false)
                wait(context)
            }
        }
        context.write(data, promise: promise)
    }

    private func wait(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: Self.patience) { bound.value.close(promise: nil) }
    }

    /// As the platform says that it has too much to do.
    private func turnAway(_ context: ChannelHandlerContext) {
        let head = HTTPResponse(
            status: .serviceUnavailable, headerFields: [.contentLength: "0", .connection: "close", .retryAfter: "5"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }
}

@available(*, unavailable)
extension SeatedConnection: Sendable {}
