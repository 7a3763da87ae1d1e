package import Logging
package import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Spaces and plain sites, served on loopback until ``shutdown()``.
///
/// Every Space has a port of its own (`http://127.0.0.1:PORT`). One more port, ``edgePort``, serves them all and chooses by the
/// Host header's first label, as the real edge does: `http://{subdomain}.localhost:PORT`.
package final class SimulatedFleet: Sendable {
    package let time: SimulatedTime
    private let seed: UInt64
    private let rules: EdgeRules
    private let keys: SpaceKeys
    private let group: any EventLoopGroup
    private let ownsGroup: Bool
    private let logger: Logger
    private let seats: ConnectionSeats

    enum Door {
        case edge
        case space(SimulatedSpace)
        case site(SimulatedSite)
    }

    private struct State {
        var spaces: [SimulatedSpace] = []
        var bySubdomain: [String: SimulatedSpace] = [:]
        var byDomain: [String: SimulatedSpace] = [:]
        var sites: [SimulatedSite] = []
        var ports: [String: Int] = [:]
        var edgePort = 0
        var listeners: [any Channel] = []
        var refused = 0
        var closing = false
        var requestIDs: SeededRandom
    }
    private let state: Mutex<State>

    /// Opens the edge; Spaces and sites are added to it.
    /// - Parameters:
    ///   - seed: The same seed draws the same latencies and faults.
    ///   - tokens: What opens private Spaces.
    ///   - mostConnections: Idle ones give way to further ones, which are closed when there are none.
    ///   - group: Where the sockets live; nil starts one thread that ``shutdown()`` ends.
    /// - Throws: the socket's error when no port can be opened.
    package static func start(
        seed: UInt64 = 1, time: SimulatedTime = SimulatedTime(), edge rules: EdgeRules = EdgeRules(),
        tokens: Set<String> = [], mostConnections: Int = 20_000, group: (any EventLoopGroup)? = nil,
        logger: Logger = Logger(label: "simulator")
    ) async throws -> SimulatedFleet {
        let fleet = SimulatedFleet(
            seed: seed, time: time, rules: rules, tokens: tokens, mostConnections: mostConnections, group: group,
            logger: logger)
        do {
            let port = try await fleet.listen(.edge)
            fleet.state.withLock { $0.edgePort = port }
            return fleet
        } catch {
            await fleet.shutdown()
            throw error
        }
    }

    private init(
        seed: UInt64, time: SimulatedTime, rules: EdgeRules, tokens: Set<String>, mostConnections: Int,
        group: (any EventLoopGroup)?, logger: Logger
    ) {
        self.seed = seed
        self.time = time
        self.rules = rules
        keys = .tokens(tokens)
        seats = ConnectionSeats(total: mostConnections, perAddress: mostConnections)
        self.group = group ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
        ownsGroup = group == nil
        self.logger = logger
        state = Mutex(State(requestIDs: SeededRandom(seed: seed, name: "request ids")))
    }

    // MARK: what is there

    /// Every Space in the order it was added: its id, its address on loopback, and what is going to happen there.
    package var spaces: [(id: String, address: String, story: String)] {
        state.withLock { state in
            state.spaces.map { space in
                let port = state.ports[space.blueprint.id]
                let address =
                    port.map { "http://127.0.0.1:\($0)" } ?? "http://\(space.subdomain).localhost:\(state.edgePort)"
                return (space.blueprint.id, address, space.blueprint.story)
            }
        }
    }

    /// Every plain site, alike.
    package var sites: [(name: String, address: String, story: String)] {
        state.withLock { state in
            state.sites.map { ($0.name, "http://127.0.0.1:\(state.ports["site " + $0.name, default: 0])", $0.story) }
        }
    }

    /// The port on which the Host header chooses the Space.
    package var edgePort: Int { state.withLock { $0.edgePort } }
    /// Addresses by name, for clients that resolve `*.localhost` (RFC 6761, section 6.3).
    package var addressPattern: String { "http://{subdomain}.localhost:\(edgePort)" }
    /// Open connections of visitors.
    package var connections: Int { seats.count }

    package func space(_ id: String) -> SimulatedSpace? {
        state.withLock { $0.spaces.first { $0.blueprint.id == id } }
    }
    package func site(_ name: String) -> SimulatedSite? {
        state.withLock { $0.sites.first { $0.name == name } }
    }

    /// By the first label of a Host header; nil for an address, or a name nobody has.
    func space(host: String?) -> SimulatedSpace? {
        guard let name = host?.lowercased().split(separator: ":").first else { return nil }
        let labels = name.split(separator: ".")
        guard let label = labels.first else { return nil }
        return state.withLock { state in
            if let space = state.byDomain[String(name)] { return space }
            guard let space = state.bySubdomain[String(label)] else { return nil }
            // Source: gradio's client and hub-docs: the plain host of a static Space answers 404.
            let files = labels.count > 1 && labels[1] == "static"
            return files == space.blueprint.isStatic ? space : nil
        }
    }

    func requestID() -> String {
        state.withLock { state in
            let (a, b) = (state.requestIDs.next(), state.requestIDs.next())
            return hex(a) + hex(b)
        }
    }

    // MARK: what can be added

    /// Serves a Space from now on.
    /// - Throws: the socket's error when no port can be opened.
    @discardableResult
    package func add(_ blueprint: SpaceBlueprint) async throws -> SimulatedSpace {
        let space = makeSpace(blueprint, keys: keys)
        enter(space, port: try await listen(.space(space)))
        return space
    }

    /// Serves a Space by its name on ``edgePort``, which needs no port of its own and therefore no waiting.
    func addNamed(_ blueprint: SpaceBlueprint, keys: SpaceKeys) -> SimulatedSpace {
        let space = makeSpace(blueprint, keys: keys)
        enter(space, port: nil)
        return space
    }

    private func makeSpace(_ blueprint: SpaceBlueprint, keys: SpaceKeys) -> SimulatedSpace {
        SimulatedSpace(blueprint, rules: rules, keys: keys, seed: seed, time: time, loop: group.next())
    }

    private func enter(_ space: SimulatedSpace, port: Int?) {
        state.withLock { state in
            state.spaces.append(space)
            state.bySubdomain[space.subdomain] = space
            state.ports[space.blueprint.id] = port
        }
    }

    /// Takes a Space's names away; who still waits there is shown that it is gone.
    func remove(_ space: SimulatedSpace) {
        state.withLock { state in
            state.spaces.removeAll { $0 === space }
            if state.bySubdomain[space.subdomain] === space { state.bySubdomain[space.subdomain] = nil }
            state.byDomain = state.byDomain.filter { $0.value !== space }
        }
        space.set(.deleting)
    }

    /// One more name for a Space: its custom domain.
    func name(_ space: SimulatedSpace, domain: String) {
        state.withLock { $0.byDomain[domain.lowercased()] = space }
    }

    @discardableResult
    package func addSite(_ name: String, story: String = "", app: SimulatedApp = .healthy) async throws -> SimulatedSite
    {
        let site = SimulatedSite(name: name, story: story, app: app, seed: seed, time: time)
        let port = try await listen(.site(site))
        state.withLock { state in
            state.sites.append(site)
            state.ports["site " + name] = port
        }
        return site
    }

    private func listen(_ door: Door) async throws -> Int {
        // Binding on threads that have ended would never come back.
        guard !state.withLock({ $0.closing }) else { throw ChannelError.ioOnClosedChannel }
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let seat = self.admit(channel) else { return channel.close(promise: nil) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(EdgeHandler(fleet: self, door: door, seat: seat))
                }
            }
        let listener = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        state.withLock { $0.listeners.append(listener) }
        return listener.localAddress?.port ?? 0
    }

    private func admit(_ channel: any Channel) -> ConnectionSeats.Seat? {
        guard !state.withLock({ $0.closing }) else { return nil }
        let seat = seats.admit(channel)
        guard let seat else {
            let isFirst = state.withLock { state in
                state.refused += 1
                return state.refused == 1
            }
            if isFirst {
                logger.warning("more connections than the simulator takes", metadata: ["limit": "\(seats.total)"])
            }
            return nil
        }
        channel.closeFuture.whenComplete { [seats] _ in seats.leave(seat) }
        // It may have begun to close meanwhile, and does not see this one.
        return state.withLock({ $0.closing }) ? nil : seat
    }

    /// Closes every port and connection; not while something is being added. Further calls do nothing.
    package func shutdown() async {
        let channels = state.withLock { state in
            defer { state.listeners = [] }
            if state.closing { return [any Channel]() }
            state.closing = true
            return state.listeners + seats.channels
        }
        guard !channels.isEmpty else { return }
        for channel in channels {
            // Closing what is already closed is the only way this fails.
            try? await channel.close()
        }
        guard ownsGroup else { return }
        do { try await group.shutdownGracefully() } catch {
            logger.warning("the simulator's thread did not end cleanly", metadata: ["error": "\(error)"])
        }
    }
}

func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
