import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import StokerCore
import Synchronization

/// Everybody who follows the dashboard live. What changed is put into bytes once and given to all.
///
/// A viewer who does not take his events is let go: his browser comes back by itself and reads the page anew.
final class EventSubscribers: Service {
    private struct Viewer {
        var send: AsyncStream<ByteBuffer>.Continuation
        var channel: (any Channel)?
    }
    private struct Room {
        var subscribers: [Int: Viewer] = [:]
        var next = 0
        var closed = false
    }

    /// Events that may wait for one viewer; four seconds' worth.
    private static let patience = 16
    /// A batch with more names than this tells viewers to read the page again instead of naming each.
    private static let most = 60
    private let room = Mutex(Room())
    private let monitor: any FleetMonitoring
    private let limit: Int
    private let logger: Logger

    init(monitor: any FleetMonitoring, limit: Int, logger: Logger) {
        self.monitor = monitor
        self.limit = limit
        self.logger = logger
    }

    var count: Int { room.withLock { $0.subscribers.count } }

    // MARK: One viewer

    /// `GET /events`. - Throws: `overloaded` when too many watch already.
    func respond(to request: Request, channel: (any Channel)?) throws(Failure) -> Response {
        let (events, send) = AsyncStream.makeStream(
            of: ByteBuffer.self, bufferingPolicy: .bufferingOldest(Self.patience))
        let ticket: Int? = room.withLock { room in
            guard room.subscribers.count < limit, !room.closed else { return nil }
            room.next += 1
            room.subscribers[room.next] = Viewer(send: send, channel: channel)
            return room.next
        }
        guard let ticket else {
            throw Failure(
                .overloaded, doing: "follow the fleet live", because: "\(limit) viewers do already",
                hint: "the page goes on by asking again from time to time", retry: .after(.seconds(30)))
        }
        let headers: HTTPFields = [
            .contentType: "text/event-stream", .cacheControl: "no-store", HeaderName("X-Accel-Buffering")!: "no",
        ]
        let leave = Leave { [weak self] in self?.remove(ticket) }
        let body = ResponseBody { writer in
            defer { leave.now() }
            var out = writer
            try await out.write(ByteBuffer(string: "retry: 3000\nevent: hello\ndata: {}\n\n"))
            try await request.body.consumeWithInboundCloseHandler { _ in
                for await event in events { try await out.write(event) }
            } onInboundClosed: {
                send.finish()
            }
            try await out.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// Gives the place back when the answer's writer is dropped without ever having run, too.
    private final class Leave: Sendable {
        private let action: @Sendable () -> Void
        init(_ action: @escaping @Sendable () -> Void) { self.action = action }
        func now() { action() }
        deinit { action() }
    }

    private func remove(_ ticket: Int) {
        let viewer = room.withLock { $0.subscribers.removeValue(forKey: ticket) }
        viewer?.send.finish()
    }

    // MARK: All of them

    func send(_ event: ByteBuffer) {
        let tooSlow: [Viewer] = room.withLock { room in
            var gone: [Viewer] = []
            for (ticket, viewer) in room.subscribers {
                guard case .dropped = viewer.send.yield(event) else { continue }
                room.subscribers.removeValue(forKey: ticket)
                gone.append(viewer)
            }
            return gone
        }
        for viewer in tooSlow {
            viewer.send.finish()
            // He may be stuck in a write that nobody reads.
            viewer.channel?.close(mode: .all, promise: nil)
        }
        if !tooSlow.isEmpty { logger.debug("viewers too slow, let go", metadata: ["count": "\(tooSlow.count)"]) }
    }

    /// Ends all streams; nobody comes in any more.
    func close() {
        let all = room.withLock { room in
            defer { room.subscribers = [:] }
            room.closed = true
            return Array(room.subscribers.values)
        }
        for viewer in all {
            viewer.send.finish()
            // The rest of a stream is a few bytes; who has not taken them by then keeps the server from stopping.
            viewer.channel?.eventLoop.scheduleTask(in: .seconds(1)) { viewer.channel?.close(mode: .all, promise: nil) }
        }
    }

    /// Turns the monitor's changes into events until the server stops.
    func run() async throws {
        let changes = await monitor.changes()
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await change in changes.cancelOnGracefulShutdown() where self.count > 0 {
                    self.send(await self.event(change))
                }
            }
            group.addTask {
                // A page that has heard nothing for ten seconds says so.
                let beat = ByteBuffer(string: "event: alive\ndata: {}\n\n")
                while true {
                    do {
                        try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(4)) }
                    } catch {
                        // Cancelled: the server stops.
                        return
                    }
                    self.send(beat)
                }
            }
        }
    }

    func event(_ change: Changes) async -> ByteBuffer {
        let overview = await monitor.overview()
        var rows: [CheckRow] = []
        let many = change.everything || change.names.count > Self.most
        if !many {
            for name in change.names {
                do throws(Failure) {
                    rows.append(CheckRow(try await monitor.status(of: name), now: overview.now))
                } catch {
                    // Gone with a reload of the fleet file, which is told by itself.
                    continue
                }
            }
        }
        let health = FleetHealth(overview)
        var text = JSONText(capacity: 512 + rows.count * 700)
        text.object { text in
            text.key("now")
            text.value(overview.now.milliseconds)
            text.key("generation")
            text.value(overview.generation)
            text.key("sentence")
            text.value(health.sentence)
            text.key("mood")
            text.value(health.mood.rawValue)
            text.key("sign")
            text.value(health.look.name)
            text.key("troubles")
            text.value(health.troubles)
            text.key("banners")
            text.value(DashboardPage.bannerKey(health))
            text.key("pings")
            text.value(Formatting.count(overview.work.pings))
            text.key("hub")
            text.value(overview.hub?.phrase(now: overview.now) ?? "")
            text.key("total")
            text.value(overview.total)
            text.key("counts")
            text.object { StatusJSON.write(overview.counts, &$0) }
            text.key("many")
            text.value(many)
            text.key("rows")
            text.array(rows) { text, row in row.write(&text) }
        }
        var event = ByteBufferAllocator().buffer(capacity: text.buffer.readableBytes + 32)
        event.writeStaticString("event: change\ndata: ")
        event.writeImmutableBuffer(text.buffer)
        event.writeStaticString("\n\n")
        return event
    }
}
