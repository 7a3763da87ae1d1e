package import FoundationEssentials
package import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A Hub on loopback: `HF_ENDPOINT=```endpoint`` makes the official clients talk to it.
///
/// Two ports are open: the Hub itself, and the storage host that signed links lead to, which refuses `Authorization`.
package final class SimulatedHub: Sendable {
    package let configuration: HubConfiguration
    package let state: HubState
    package let logger: Logger
    let store: RepoStore
    private let disk: HubDisk
    /// Signs links to the storage host and knows the hooks of our own git.
    let key: String
    /// Plays the Spaces.
    package let spaces: (any SpaceBackend)?
    let deliveries = WebhookDeliveries()
    /// The platform's, under `/-/status`.
    package let statusPage = StatusPage()
    let rows = RowCache()
    private let extraListeners: [any RepoListener]

    private struct Running {
        var port = 0
        var storagePort = 0
        var group: Task<Void, any Error>?
        var requests: SeededRandom
        var closed = false
    }
    private let running: Mutex<Running>

    /// `http://127.0.0.1:PORT`, what `HF_ENDPOINT` is set to.
    package var endpoint: String { "http://127.0.0.1:\(running.withLock { $0.port })" }
    /// Where LFS bytes come from and go to.
    package var storageEndpoint: String { "http://127.0.0.1:\(running.withLock { $0.storagePort })" }
    package var time: SimulatedTime { configuration.time }

    /// Opens both ports; the Hub is empty but for the accounts.
    /// - Parameters:
    ///   - spaces: What plays the Spaces; nil: repositories only.
    ///   - listeners: Who else wants to know of changes.
    /// - Throws: the socket's error, or the file system's.
    package static func start(
        _ configuration: HubConfiguration = HubConfiguration(), spaces: (any SpaceBackend)? = nil,
        listeners: [any RepoListener] = [], logger: Logger = Logger(label: "hub-simulator")
    ) async throws -> SimulatedHub {
        let disk = try await HubDisk.open(configuration.folder)
        let store: RepoStore
        do { store = try await RepoStore(disk: disk) } catch {
            await disk.close(logger: logger)
            throw error
        }
        let hub = SimulatedHub(
            configuration, disk: disk, store: store, spaces: spaces, listeners: listeners, logger: logger)
        do {
            try await hub.listen()
            return hub
        } catch {
            await hub.shutdown()
            throw error
        }
    }

    private init(
        _ configuration: HubConfiguration, disk: HubDisk, store: RepoStore, spaces: (any SpaceBackend)?,
        listeners: [any RepoListener], logger: Logger
    ) {
        var random = SystemRandomNumberGenerator()
        key = hex(random.next()) + hex(random.next())
        self.store = store
        self.configuration = configuration
        self.disk = disk
        self.spaces = spaces
        extraListeners = listeners
        self.logger = logger
        state = HubState(configuration)
        running = Mutex(Running(requests: SeededRandom(seed: configuration.seed, name: "hub request ids")))
    }

    private func listen() async throws {
        let router = Router(context: HubContext.self, options: .autoGenerateHeadEndpoints)
        for area in configuration.areas { area.init().add(to: router, hub: self) }
        let gate = HubResponder(hub: self, inner: router.buildResponder())
        let storage = StorageHost(hub: self)
        let (bound, ports) = AsyncThrowingStream<(storage: Bool, port: Int), any Error>.makeStream()
        var quiet = logger
        // Being cut off is how its connections end here; a port that cannot be opened is thrown.
        quiet.logLevel = .critical
        let seats = ConnectionSeats(total: configuration.connections, reserve: 16)
        let storageSeats = ConnectionSeats(total: configuration.connections)
        let applications: [any Service] = [
            application(gate, port: configuration.port, seats, logger: quiet) { ports.yield((false, $0)) },
            application(storage, port: 0, storageSeats, logger: quiet) { ports.yield((true, $0)) },
        ]
        let group = ServiceGroup(configuration: .init(services: applications, logger: quiet))
        // Lives as long as the hub; `shutdown` cancels and awaits it.
        let task = Task {
            do { try await group.run() } catch {
                ports.finish(throwing: error)
                throw error
            }
        }
        running.withLock { $0.group = task }
        var missing = 2
        for try await (isStorage, port) in bound {
            running.withLock { running in
                if isStorage { running.storagePort = port } else { running.port = port }
            }
            missing -= 1
            if missing == 0 { break }
        }
    }

    private func application<Responder: HTTPResponder>(
        _ responder: Responder, port: Int, _ seats: ConnectionSeats, logger: Logger,
        onBound: @escaping @Sendable (Int) -> Void
    ) -> Application<Responder> where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        let handlers: @Sendable () -> [any RemovableChannelHandler] = {
            [LargeReads(), SeatedConnection(seats: seats)]
        }
        return Application(
            responder: responder, server: .http1(configuration: .init(additionalChannelHandlers: handlers())),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port), serverName: nil),
            onServerRunning: { channel in onBound(channel.localAddress?.port ?? 0) },
            logger: logger)
    }

    /// Cuts every connection, ends every child process and removes the folder if it was ours. Further calls do nothing.
    package func shutdown() async {
        let task = running.withLock { running in
            defer { running.closed = true }
            return running.closed ? nil : running.group
        }
        task?.cancel()
        // It ends with the cancellation it was sent.
        _ = await task?.result
        await deliveries.close()
        await disk.close(logger: logger)
    }

    // MARK: for the routes

    func nextRequestID() -> String {
        let (a, b) = running.withLock { ($0.requests.next(), $0.requests.next()) }
        return "Root=1-\(hex(a).prefix(8))-\((hex(b) + hex(a)).prefix(24))"
    }

    /// The simulated wall clock.
    package var date: Date { state.date }

    /// The repository a route is about (parameters `ns` and `name`).
    /// - Throws: 404 or 401 when it is not there or may not be seen, 403 without the right, a redirect when it was renamed.
    package func repo(
        _ kind: RepoKind, _ request: Request, _ context: HubContext, right: RepoRight = .read
    ) async throws -> HubRepo {
        var name = try context.parameters.require("name")
        if name.hasSuffix(".git") { name.removeLast(4) }
        return try await repo(kind, "\(context.parameters.require("ns"))/\(name)", request, context, right: right)
    }

    package func repo(
        _ kind: RepoKind, _ fullName: String, _ request: Request?, _ context: HubContext, right: RepoRight = .read
    ) async throws -> HubRepo {
        if fullName.lowercased().contains("%2f") {
            throw HubError.bad("Invalid repo name: \(fullName) - repo name includes an url-encoded slash")
        }
        guard let repo = await state.repo(kind, fullName) else {
            if let request, let now = await state.movedName(kind, fullName),
                let moved = await state.repo(kind, now), await state.right(of: context.caller, on: moved) > .none
            {
                // Relative, so that clients keep their credentials. Source: huggingface_hub `_httpx_follow_relative_redirects`.
                throw HubError.moved(to: request.uri.string.replacingFirst("/" + fullName, with: "/" + now))
            }
            throw HubError.noRepo(anonymous: context.caller == nil)
        }
        let actual = await state.right(of: context.caller, on: repo)
        guard actual > .none else { throw HubError.noRepo(anonymous: context.caller == nil) }
        if repo.disabled { throw HubError.forbidden("Access to this resource is disabled.") }
        guard actual >= right else {
            if context.caller == nil { throw HubError.needsToken }
            throw HubError.forbidden(
                "Forbidden: you must have write access to the repo \(repo.fullName). Make sure your token has the correct permissions."
            )
        }
        return repo
    }

    /// - Throws: 403 or, for anonymous callers, 401 `GatedRepo` when the files of the repository are not for this caller.
    func requireGate(_ repo: HubRepo, _ context: HubContext) async throws {
        if await state.passesGate(context.caller, of: repo) { return }
        throw HubError.gated(repo, anonymous: context.caller == nil, endpoint: endpoint)
    }

    /// Everybody who is told of changes: the Spaces first.
    var listeners: [any RepoListener] {
        (spaces.map { [$0 as any RepoListener] } ?? []) + extraListeners + [WebhookPost(hub: self)]
    }
    func tell(_ tell: (any RepoListener) async -> Void) async {
        for listener in listeners { await tell(listener) }
    }
}

extension String {
    func replacingFirst(_ old: String, with new: String) -> String {
        guard let range = firstRange(of: old) else { return self }
        return replacing(old, with: new, subrange: range.lowerBound..<endIndex, maxReplacements: 1)
    }
}
