#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif
package import Hummingbird
import HummingbirdCore
package import Ledger
package import Logging
package import NIOCore
package import Operations
import ServiceLifecycle
package import StokerCore

/// The one port: pages, status, metrics, badges, live events, and whatever routes are added to them.
///
/// A `Service`: ends on graceful shutdown, with live viewers connected too (their streams are ended first).
package struct ControlRoomServer: Service {
    package struct Settings: Sendable {
        /// Address to bind.
        package var host: String
        /// 0…65535; 0 takes a free one.
        package var port: Int
        package var publicURL: String?
        /// Browsers that may follow live at once. Default 500.
        package var subscribers: Int
        /// Connections open at once, viewers' among them; at least 8. One public address may hold a quarter of them, a loopback or
        /// private one three quarters, and further ones take the places of idle ones. Default 2,000.
        package var connections: Int
        /// From the beginning of a connection to the end of its first request's head. Default 10 s.
        package var headDeadline: Duration
        /// Rows on one page of the dashboard. Default 50.
        package var pageSize: Int
        /// How much one sender may ask for.
        package var rateLimits = RateLimits()
        /// Sites that may show the dashboard in a frame, as CSP sources (`https://huggingface.co`). Default none.
        package var frameAncestors: [String]
        /// Whether results reach the disk, for `/health`. Must not wait.
        package var ledger: @Sendable () -> LedgerHealth
        /// Shown at the foot of pages.
        package var version: String

        package init(
            host: String = "127.0.0.1", port: Int = 7860, publicURL: String? = nil, subscribers: Int = 500,
            connections: Int = 2_000, headDeadline: Duration = .seconds(10), pageSize: Int = 50,
            frameAncestors: [String] = [], version: String = "",
            ledger: @escaping @Sendable () -> LedgerHealth = { .healthy }
        ) {
            self.ledger = ledger
            self.host = host
            self.port = port
            self.publicURL = publicURL
            self.subscribers = subscribers
            self.connections = connections
            self.headDeadline = headDeadline
            self.pageSize = pageSize
            self.frameAncestors = frameAncestors
            self.version = version
        }
    }

    private let settings: Settings
    private let subscribers: EventSubscribers
    private let backgroundPings: BackgroundPings
    private let deployRunner = DeployRunner()
    private let frontEnd: HTTPFrontEnd<RouterResponder<AppRequestContext>>
    private let onBound: @Sendable (Int) async -> Void
    private let eventLoopGroup: (any EventLoopGroup)?
    private let logger: Logger

    /// - Parameters:
    ///   - context: what the pages' operations on Spaces work with; nil offers none.
    ///   - extraRoutes: adds routes; they run behind the same front end (`AppRequestContext.permission` is filled, a thrown `Failure` becomes
    ///     an answer, HEAD and security headers are seen to) and must call ``Access/authorize(_:_:)`` themselves.
    ///   - onBound: called once with the port when connections are accepted.
    ///   - eventLoopGroup: nil takes NIO's own.
    /// - Throws: `internal` when a template is broken.
    package init(
        monitor: any FleetMonitoring, ledger: any Ledger, access: Access, settings: Settings,
        context: OperationContext? = nil,
        extraRoutes: (Router<AppRequestContext>) -> Void = { _ in },
        onBound: @escaping @Sendable (Int) async -> Void = { _ in },
        eventLoopGroup: (any EventLoopGroup)? = nil, logger: Logger
    ) throws(Failure) {
        self.settings = settings
        self.logger = logger
        self.onBound = onBound
        self.eventLoopGroup = eventLoopGroup
        subscribers = EventSubscribers(monitor: monitor, limit: settings.subscribers, logger: logger)
        backgroundPings = BackgroundPings(monitor: monitor, ledger: ledger)
        var subPath = BasePath(publicURL: settings.publicURL)
        let pages = try Pages(version: settings.version, subPath: subPath)
        let router = Router(context: AppRequestContext.self)
        let routes = Routes(
            monitor: monitor, ledger: ledger, access: access, settings: settings, pages: pages,
            subscribers: subscribers,
            backgroundPings: backgroundPings, logger: logger, digests: FleetDigests(),
            histories: RowHistories(ledger: ledger, logger: logger), context: context, deployRunner: deployRunner)
        routes.add(to: router)
        extraRoutes(router)
        subPath.learn(roots: router.routes.map { $0.path.description })
        frontEnd = HTTPFrontEnd(
            inner: router.buildResponder(), access: access, pages: pages, subPath: subPath, settings: settings,
            logger: logger)
    }

    /// What answers requests, without a socket: for tests.
    package var responder: some HTTPResponder<AppRequestContext> { frontEnd }

    /// - Throws: `serve.port` when the port is taken or may not be opened.
    package func run() async throws {
        let onBound = onBound
        var configuration = ApplicationConfiguration(
            address: .hostname(settings.host, port: settings.port), serverName: "stoker")
        configuration.backlog = 1_024
        // Visitors must not use up the sockets that pings need, nor one of them those of the others.
        let registry = ConnectionRegistry(limits: .init(total: settings.connections))
        let subPath = BasePath(publicURL: settings.publicURL)
        let limits = ConnectionGuard.Limits(firstHead: TimeAmount(settings.headDeadline))
        let guarding: @Sendable () -> [any RemovableChannelHandler] = {
            [
                ConnectionGuard(registry: registry, limits: limits) {
                    HTTPFrontEnd<RouterResponder<AppRequestContext>>.isHealth(subPath.inside($0))
                }
            ]
        }
        let application = Application(
            responder: frontEnd, server: .http1(configuration: .init(additionalChannelHandlers: guarding())),
            configuration: configuration,
            services: [subscribers, backgroundPings, deployRunner],
            onServerRunning: { channel in await onBound(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: eventLoopGroup.map { .shared($0) } ?? .singleton, logger: quiet)
        do {
            try await withGracefulShutdownHandler {
                try await application.run()
            } onGracefulShutdown: {
                // The server waits for its answers to end, and an event stream ends only when it is told to.
                subscribers.close()
            }
        } catch let error as IOError {
            throw portFailure(error)
        } catch let error as SocketAddressError {
            throw Failure(
                .portTaken, doing: "listen on \(settings.host)", because: "that address cannot be used",
                hint: "use 127.0.0.1, or 0.0.0.0 to be reached from outside", cause: error)
        }
        subscribers.close()
    }

    /// The library tells of its start and every bad request; we say the first ourselves and the second is not our trouble.
    private var quiet: Logger {
        var logger = logger
        if logger.logLevel < .error && logger.logLevel > .debug { logger.logLevel = .critical }
        return logger
    }

    private func portFailure(_ error: IOError) -> Failure {
        let place = "\(settings.host):\(settings.port)"
        switch error.errnoCode {
        case EADDRINUSE:
            return Failure(
                .portTaken, doing: "listen on \(place)", because: "the port is taken by another program",
                hint: "stop that program, or choose another port with --port (0 takes a free one)", cause: error)
        case EACCES, EPERM:
            return Failure(
                .portTaken, doing: "listen on \(place)", because: "this user may not open that port",
                hint: "ports below 1024 need special rights; choose another with --port", cause: error)
        case EADDRNOTAVAIL:
            return Failure(
                .portTaken, doing: "listen on \(place)", because: "this machine has no such address",
                hint: "use 127.0.0.1, or 0.0.0.0 to be reached from outside", cause: error)
        default:
            return Failure(.portTaken, doing: "listen on \(place)", because: "error \(error.errnoCode)", cause: error)
        }
    }
}
