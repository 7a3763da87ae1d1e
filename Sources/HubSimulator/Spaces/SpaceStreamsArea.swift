package import Hummingbird
import HTTPTypes
import NIOCore
import Synchronization

/// Event streams of Spaces: logs, stages, use of the machine.
///
/// Logs: huggingface_hub `fetch_space_logs` and hub-docs: the buffer is replayed from its start on every connection, then
/// followed; an empty `data:` keeps it open. The shapes of `/events` and `/metrics` are in no source: ours are the runtime
/// object, and the fields huggingface_hub reads for Jobs.
package struct SpaceStreamsArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        guard let engine = hub.spaces as? SpaceEngine else { return }
        let desk = SpaceLookup(hub: hub, engine: engine)
        let base = "/api/spaces/:ns/:name"
        for kind in ["build", "run"] {
            router.get("\(base)/logs/\(RouterPath(kind))") { request, context in
                let space = try await desk.owned(request, context).space
                // Words of a report; which stages answer so is not known.
                if space.isStatic { throw HubError.bad("SSE is not enabled for this Space") }
                let log = space.state.withLock { kind == "build" ? $0.buildLog : $0.runLog }
                return Self.stream(
                    log.follow(last: try Self.tail(request)).map(Self.same), request, context, engine.rules)
            }
        }
        router.get("\(base)/events") { request, context in
            let space = try await desk.owned(request, context).space
            return Self.stream(space.follow().map(Self.line), request, context, engine.rules)
        }
        router.get("\(base)/metrics") { request, context in
            let space = try await desk.container(request, context).space
            return Self.stream(Self.metrics(of: space).map(Self.line), request, context, engine.rules)
        }
    }

    @Sendable private static func same(_ event: ContainerLog.Event) throws -> ContainerLog.Event { event }

    private static func tail(_ request: Request) throws -> Int? {
        guard let text = request.query("tail") else { return nil }
        guard let count = Int(text), count >= 0 else { throw HubError.bad("\"tail\" must be a non-negative integer") }
        return count
    }

    @Sendable private static func line(_ value: JSON) throws -> ContainerLog.Event {
        .line(String(decoding: try value.encoded(), as: UTF8.self))
    }

    /// Once in two seconds while it serves; the figures are drawn from how often it is visited.
    private static func metrics(of space: HostedSpace) -> AsyncStream<JSON> {
        AsyncStream(unfolding: {
            // A stream that is given up ends; there is nothing else to do about it.
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return nil }
            let live = space.live
            guard live.stage != .deleting else { return nil }
            let busy = live.stage.serves ? 3.0 + Double(live.visits % 50) : 0
            return [
                "cpu_usage_pct": .double(busy), "cpu_millicores": 2_000,
                "memory_used_bytes": .int(live.stage.serves ? 412 << 20 : 0), "memory_total_bytes": .int(16 << 30),
                "rx_bps": .int(live.visits * 11), "tx_bps": .int(live.visits * 53), "gpus": [:], "replica": "1",
            ]
        })
    }

    private enum Part: Sendable {
        case event(ContainerLog.Event)
        case keepAlive
        case end
    }

    private static func stream(
        _ events: some AsyncSequence<ContainerLog.Event, any Error> & Sendable, _ request: Request,
        _ context: HubContext, _ rules: SpaceRules
    ) -> Response {
        let channel = context.channel
        let body = ResponseBody { writer in
            var out = writer
            let (parts, send) = AsyncStream.makeStream(of: Part.self, bufferingPolicy: .bufferingOldest(20_000))
            try await request.body.consumeWithInboundCloseHandler { _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await event in events { send.yield(.event(event)) }
                        send.yield(.end)
                    }
                    group.addTask {
                        while true {
                            try await Task.sleep(for: rules.keepAliveEvery)
                            send.yield(.keepAlive)
                        }
                    }
                    defer { group.cancelAll() }
                    for await part in parts {
                        switch part {
                        case .event(.line(let line)): try await out.write(ByteBuffer(string: "data: \(line)\n\n"))
                        case .keepAlive: try await out.write(ByteBuffer(string: "data:\n\n"))
                        case .event(.cut):
                            try await out.write(ByteBuffer(string: #"data: {"data":"cut off in the mid"#))
                            try await channel.close()
                            return
                        case .end: return
                        }
                    }
                }
            } onInboundClosed: {
                send.finish()
            }
            try await out.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache", .connection: "close"],
            body: body)
    }
}
