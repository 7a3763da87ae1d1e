import AsyncHTTPClient
import CommandLine
import ControlRoom
import Foundation
import HubClient
import KeepAlive
import Ledger
import Logging
import MCP
import NIOCore
import NIOPosix
import Notices
import Operations
import Runtime
import Safekeeping
import ServiceLifecycle
import StokerCore
import Synchronization
import UnixSignals
import Workshop

/// The only place that knows every concrete type: puts the rooms together and runs them until a signal comes.
struct Engine {
    struct Plan {
        var fleet: Fleet
        /// nil for a fleet that does not come from a file.
        var source: FleetFileWatcher?
        var dataFolder: String
        var standbyOf: String?
        var standbyEvery: Duration = .seconds(10)
        /// What is taken where the disk and the ledger's vault do not tell it by themselves.
        var ledgerSource: LedgerSource?
        var demo = false
        /// What is printed after the line that says where we serve.
        var greeting = ""
        /// How long the Hub's word stands before it is held against a visitor's.
        var patience = SpaceVerdict.GracePeriods()
        /// Sites that may show the dashboard in a frame.
        var frameAncestors: [String] = []
        /// Why others can reach the server, or reading is private: why a token is needed. nil when none is.
        var reachable: String?
        /// What the fleet file did not decide, by the keys' paths.
        var overrides: [String: ConfigurationBoard.Override] = [:]
        /// Services that only this run has, such as the simulated fleet.
        var extra: [any Service] = []
    }

    static let userAgent = "Stoker/\(Version.current) (keep-alive monitor)"

    var plan: Plan
    var logger: Logger

    func run() async throws {
        try TokenRule.check(plan.fleet.serve)
        let clocks = Clocks.real
        let limit = FileLimit.raised()
        let threads = max(1, System.coreCount)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        do {
            try await run(clocks: clocks, limit: limit, group: group)
        } catch {
            try? await group.shutdownGracefully()  // the first error is the one to tell
            guard error is SocketAddressError.UnknownHost else { throw error }
            throw Failure(
                .portTaken, doing: "listen on \(plan.fleet.serve.host)", because: "there is no address of that name",
                hint: "use 127.0.0.1, or 0.0.0.0 to be reached from outside", cause: error)
        }
        try await group.shutdownGracefully()
    }

    private func run(clocks: Clocks, limit: FileLimit, group: MultiThreadedEventLoopGroup) async throws {
        let hub =
            plan.fleet.hub.isWatched
            ? try HubClientGateway.open(plan.fleet.hub, agent: Self.userAgent, logger: logger) : nil
        // Workers publish with the token also where the Hub's stages are not read.
        let ownHub =
            hub == nil && plan.fleet.hub.token != nil
            ? try HubClientGateway.open(plan.fleet.hub, agent: Self.userAgent, logger: logger) : nil
        let keeping = try safekeeping(hub: hub ?? ownHub)
        let memory: Memory
        do {
            // A start that cannot serve must not take the ledger from a master that does.
            if keeping != nil { try await tryPort(on: group) }
            memory = try await Memory.open(
                folder: plan.dataFolder, path: plan.fleet.ledger.path, keeping: keeping, logger: logger)
        } catch {
            await close(hub)
            await close(ownHub)
            throw error
        }
        let board = NoticeBoard(
            fleet: plan.fleet, ledger: memory.ledger, sender: plan.standbyOf == nil ? nil : nameOfThisMaster,
            isActive: plan.standbyOf == nil, awaitsRestore: true, now: clocks.wall, logger: logger)
        let writer = LedgerWriter(
            ledger: memory.ledger, retention: plan.fleet.ledger, clock: ContinuousClock(), now: clocks.wall,
            outbox: board.outbox, logger: logger)
        let resolver = NameResolver(eventLoop: group.next())
        var source: FleetMonitor.Source?
        if let watched = plan.source {
            let inForce = plan.fleet.serve
            // Read once more as it is written: what the command line and the environment say is no change of the file.
            let written = (try? await watched.read().serve) ?? inForce
            source = { () async throws(Failure) in
                var fleet = try await watched.read()
                FleetSection.serve.table?.keep(inForce, in: &fleet.serve, writtenAtStart: written)
                return fleet
            }
        }
        let knowledge = HubReadings()
        let book = MaintenanceBook()
        book.use(plan.fleet)
        let serve = plan.fleet.serve
        // Without a token of its own a server is nobody on the Hub.
        let account = hub.flatMap { $0.settings.token == nil ? nil : $0 }
        // The demonstration's account is one of its own Hub.
        let (made, access) = await access(
            for: serve, hasAccount: account != nil && !plan.demo, records: memory.ledger.records, clocks: clocks)
        access.book.use(serve.signIn)
        let signIn = SignInApp(plan.fleet, ProcessInfo.processInfo.environment, agent: Self.userAgent, logger: logger)
        signIn.tell(serve.signIn, logger)
        // Paths of the fleet file are seen from its folder.
        let here = FileManager.default.currentDirectoryPath
        let said = plan.source?.path.parentFolder ?? ""
        let base = said.isEmpty ? here : said.hasPrefix("/") ? said : here + "/" + said
        let workers = WorkerBoard(
            fleet: plan.fleet, ledger: memory.ledger, hub: hub ?? ownHub, dataFolder: plan.dataFolder,
            base: base, toolFolders: ProcessInfo.processInfo.environment["STOKER_TOOLS"].map { [$0] } ?? [],
            now: clocks.wall, logger: logger)
        let states = StateBoard(
            fleet: plan.fleet, ledger: memory.ledger, hub: hub ?? ownHub, dataFolder: plan.dataFolder, base: base,
            environment: ProcessInfo.processInfo.environment, now: clocks.wall)
        let monitor = FleetMonitor(
            fleet: plan.fleet, fleetPath: plan.source?.path, source: source,
            ledger: memory.ledger, writer: writer, loops: Array(group.makeIterator()), resolver: resolver,
            tls: ProbeTLS(),
            settings: FleetMonitor.Settings(
                openLimit: limit.inFlight, seed: UInt64.random(in: 1...UInt64.max), userAgent: Self.userAgent,
                demo: plan.demo),
            hub: knowledge, maintenance: book, sections: .all,
            onFleet: { fleet in
                board.use(fleet)
                workers.use(fleet)
                access.book.use(fleet.serve.signIn)
                states.use(fleet)
            }, clocks: clocks, logger: logger)
        board.setOffline { monitor.isOffline }
        board.setParentLook { await monitor.lastWell(of: $0) }
        board.setMaintenance { book.isInMaintenance($0, at: $1) }
        let maintenance = MaintenanceKeeper(
            book: book, ledger: memory.ledger, monitor: monitor, clocks: clocks, logger: logger)
        knowledge.patience = plan.patience
        await keeping?.join(monitor, writer)
        let watch = hub.map {
            HubPoller(
                hub: HubClientGateway(hub: $0, statusPage: plan.fleet.hub.statusPageAddress), monitor: monitor,
                knowledge: knowledge, ledger: memory.ledger,
                remembers: memory.note == nil, clocks: clocks, logger: logger)
        }

        let token = made?.token ?? serve.token
        let links = access.acknowledgeLinks
        board.setAcknowledgeLink { links.address(of: $0) }
        let keys = HeartbeatKeys(token: token)
        var heartbeatKey: (@Sendable (String) -> String)?
        if access.beatsNeedToken { heartbeatKey = { keys.key(of: $0) ?? "" } }
        let context = OperationContext(
            monitor: monitor, ledger: memory.ledger, now: clocks.wall, backupFolder: plan.dataFolder,
            heartbeatKey: heartbeatKey, hub: account, dataFolder: plan.dataFolder, notices: board,
            maintenance: maintenance, workers: workers, states: states, access: access.book,
            configuration: configurationBoard(made != nil, source))
        let standingBy = plan.standbyOf != nil
        let agents = await mcpServer(
            executor: ServerToolExecutor(context), records: memory.ledger.records,
            environment: ProcessInfo.processInfo.environment)
        let server = try ControlRoomServer(
            monitor: monitor, ledger: memory.ledger, access: access,
            settings: .init(
                host: serve.host, port: serve.port, publicURL: serve.publicURL, connections: max(64, limit.visitors),
                frameAncestors: plan.frameAncestors,
                version: Version.current, signIn: { signIn.app($0) }, ledger: { writer.health }),
            context: context,
            extraRoutes: {
                addREST(to: $0, context: context, token: token, access: access)
                addMCP(to: $0, server: agents, access: access)
            },
            onBound: { port in
                let host = serve.host == "0.0.0.0" ? "127.0.0.1" : serve.host == "::" ? "[::1]" : serve.host
                let base = "http://\(host):\(port)"
                // Private Spaces are not to be asked without their token, nor any at an old address.
                await watch?.firstRead(plan.fleet, within: .seconds(3))
                await board.restore()
                // What is in maintenance is known before anything is told or healed.
                await maintenance.load()
                await monitor.begin(selfAddress: serve.publicURL ?? base, active: !standingBy, note: memory.note)
                if let made { await tell(of: made) }
                Terminal.own.write("stoker: serving \(base)\n" + plan.greeting)
                // Not before what begins now has begun, and the first who ask were answered.
                Task {
                    try? await Task.sleep(for: .seconds(2))
                    Allocator.giveBackStart()
                }
            }, logger: logger)

        // A thread of its own: writing a long message delays no ping.
        let messageLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let messages = DeliveryMeans.client(on: messageLoop)
        let notices = NoticeService(
            board: board, writer: writer, client: messages,
            owner: ProcessOwner.own.map { "\($0)" } ?? "stoker", clocks: clocks, logger: logger)
        var services: [any Service] = [writer, notices] + plan.extra + [monitor, maintenance]
        if let keeping { services.append(keeping) }
        if let first = plan.standbyOf {
            services.append(
                StandbyService(
                    of: first, every: plan.standbyEvery, client: .shared, monitor: monitor, clocks: clocks,
                    logger: logger
                ))
        }
        if let watch { services.append(watch) }
        if !plan.demo {
            let folders = Set([ProcessEnvironment.process.dataFolder, plan.dataFolder])
            services.append(
                PausedSpaceRecovery(
                    hub: hub, endpoint: plan.fleet.hub.endpoint,
                    notes: folders.sorted().map { RestartNotes(folder: $0) }, monitor: monitor,
                    logger: logger))
        }
        if account != nil, !plan.demo {
            services.append(DriftService(watch: DriftWatch(context: context), monitor: monitor, logger: logger))
        }
        services.append(SafekeepingService(watch: StateWatch(states), monitor: monitor, logger: logger))
        services.append(
            WorkerService(
                board: workers, owner: ProcessOwner.own.map { "\($0)" } ?? "stoker", clocks: clocks,
                mayRun: { await monitor.mayAct }, logger: logger))
        if let source = plan.source { services.append(ReloadService(monitor: monitor, source: source, logger: logger)) }
        if plan.demo {
            services.append(DemoJob(name: Demonstration.job, every: .seconds(25), monitor: monitor, logger: logger))
        }
        services.append(server)
        services.append(EndOfAgents(server: agents))
        let end = EndOfService(
            lost: { writer.isSettled ? nil : writer.waiting },
            more: keeping == nil ? .zero : LedgerSafekeeping.finalLimit, logger: logger)
        services.append(end)

        // Stopped in the opposite order: first the server (viewers leave), then the probes, last the ledger's writer.
        var configuration = ServiceGroupConfiguration(
            // Without a name the whole service would be written down as one: a seventh of the start.
            services: services.map { .init(service: $0, serviceName: "\(type(of: $0))") },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        configuration.maximumGracefulShutdownDuration = .milliseconds(4_200)
        do { try await ServiceGroup(configuration: configuration).run() } catch {
            await keeping?.finish()
            await close(hub)
            await close(ownHub)
            await close(signIn.hub)
            await close(messages, messageLoop)
            throw error
        }
        // Everything is written, and nobody writes any more.
        await keeping?.finish()
        await close(hub)
        await close(ownHub)
        await close(signIn.hub)
        await close(messages, messageLoop)
        // The last step syncs the disk several times; a busy one takes seconds for that.
        await memory.ledger.close(within: max(.milliseconds(300), .milliseconds(4_500) - end.elapsed))
    }

    /// Opens the port and closes it again.
    private func tryPort(on group: any EventLoopGroup) async throws(Failure) {
        let (host, port) = (plan.fleet.serve.host, plan.fleet.serve.port)
        guard port != 0 else { return }
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await channel.close()
        } catch let error as IOError {
            throw ControlRoomServer.failure(of: error, at: "\(host):\(port)")
        } catch {
            // A host that is no address is told by the server.
        }
    }

    /// nil where the ledger is on its disk only.
    private func safekeeping(hub: Hub?) throws(Failure) -> LedgerSafekeeping? {
        guard !plan.demo, !plan.fleet.ledger.vaults.isEmpty else { return nil }
        guard plan.standbyOf == nil else {
            // It would take the pen from the master that it stands by for.
            logger.warning("A second master's ledger is not kept in a vault: ledger.vault is the first one's")
            return nil
        }
        return try LedgerSafekeeping(
            fleet: plan.fleet, path: Memory.file(folder: plan.dataFolder, path: plan.fleet.ledger.path),
            dataFolder: plan.dataFolder, source: plan.ledgerSource,
            environment: ProcessInfo.processInfo.environment, hub: hub, logger: logger)
    }

    /// Where settings come from.
    private func configurationBoard(_ isTokenMade: Bool, _ source: FleetMonitor.Source?) -> ConfigurationBoard {
        var overrides = plan.overrides
        if isTokenMade { overrides["serve.token"] = .init(.made, "the file token of the data folder") }
        let watched = plan.source
        var read: (@Sendable () async throws(Failure) -> ConfigurationBoard.Reading)?
        if let watched, let source {
            read = { () async throws(Failure) in
                let text: String
                do { text = try await watched.source().text } catch {
                    throw error as? Failure
                        ?? Failure(.fleetUnreadable, doing: "read \(watched.path)", because: "\(error)", cause: error)
                }
                do throws(Failure) {
                    return ConfigurationBoard.Reading(text: text, fleet: .success(try await source()))
                } catch {
                    return ConfigurationBoard.Reading(text: text, fleet: .failure(error))
                }
            }
        }
        return ConfigurationBoard(
            path: watched?.path, overrides: overrides, started: plan.fleet, sections: .all, read: read)
    }

    /// As messages of a second master name it.
    private var nameOfThisMaster: String {
        plan.fleet.serve.publicURL.map { Redaction.address($0) } ?? ProcessInfo.processInfo.hostName
    }

    private func close(_ messages: HTTPClient, _ loop: MultiThreadedEventLoopGroup) async {
        do {
            try await messages.shutdown()
            try await loop.shutdownGracefully()
        } catch {
            logger.debug("The connections for messages did not close cleanly", metadata: ["error": "\(error)"])
        }
    }

    private func close(_ hub: Hub?) async {
        do { try await hub?.shutdown() } catch {
            logger.debug("The Hub's connections did not close cleanly", metadata: ["error": "\(error)"])
        }
    }

    /// Writing needs a token wherever others than this machine can reach the port, and where other users of this machine could use our
    /// account on the Hub. - Returns: the one that nobody named, too.
    private func access(
        for serve: Fleet.Serve, hasAccount: Bool, records: any RecordStore, clocks: Clocks
    ) async -> (made: TokenFile.Made?, Access) {
        var serve = serve
        var made: TokenFile.Made?
        // Where people sign in, a visitor is not somebody for being on this machine.
        let isOpen = Access.isReachable(serve) || serve.privateReading || !serve.signIn.roles.isEmpty
        if serve.token == nil, isOpen || hasAccount {
            let folder = plan.dataFolder
            let token =
                (try? await FileLane().run("read the token", within: .seconds(5)) {
                    TokenFile.readOrMake(in: folder)
                }) ?? TokenFile.make()
            serve.token = token.token
            made = token
        }
        let book = AccessBook(records: records, mainToken: serve.token, now: clocks.wall)
        do throws(Failure) { try await book.load() } catch {
            logger.error("Tokens and sessions could not be read, and open nothing", metadata: ["error": "\(error)"])
        }
        let access = Access(serve: serve, isTokenForAccount: made != nil && !isOpen, book: book, now: clocks.wall)
        return (made, access)
    }

    /// The port is open: says why a token is needed and where it is, and keeps a new one.
    private func tell(of made: TokenFile.Made) async {
        let why =
            ": "
            + (plan.reachable
                ?? "the server has an account on the Hub, which other users of this machine are not to use")
        guard made.isNew else {
            return Terminal.writeError("Acting on this server needs the token in \(plan.dataFolder)/token\(why).\n")
        }
        let folder = plan.dataFolder
        let unkept: String?
        do {
            unkept = try await FileLane().run("keep the token", within: .seconds(5)) {
                TokenFile.keep(made, in: folder)
            }
        } catch {
            unkept = "the folder \(folder) does not answer"
        }
        let kept =
            unkept.map { "it serves until this process ends, for it could not be kept (\($0))" }
            ?? "it is shown only now and kept in \(folder)/token"
        Terminal.writeError(
            """
            Acting on this server needs a token\(why).
            A new one was made; \(kept):

                STOKER_TOKEN=\(made.token.reveal())


            """)
    }
}

/// Ends the calls of agents before the server waits for its answers.
private struct EndOfAgents: Service {
    let server: MCPServer

    func run() async throws {
        try? await gracefulShutdown()  // cancelled: the process ends in any case
        server.close()
    }
}

/// Knows how long ago the stop began: it stands last in the order of the start, so it is the first to hear of it.
/// And ends the process when the stop does not come to its end: a write on a disk that hangs never returns, and cannot be called off.
private final class EndOfService: Service {
    /// How long a stop may take, whatever the disk does. Platforms kill after 5 s at the earliest.
    private static let limit = Duration.milliseconds(4_500)
    private let began = Mutex<ContinuousClock.Instant?>(nil)
    private let lost: @Sendable () -> Int?
    /// For what comes when everything is on disk.
    private let more: Duration
    private let logger: Logger

    /// - Parameters:
    ///   - lost: results that are in memory only; nil when everything is on disk.
    ///   - more: how long a stop may take besides, once that is so.
    init(lost: @escaping @Sendable () -> Int?, more: Duration, logger: Logger) {
        self.lost = lost
        self.more = more
        self.logger = logger
    }

    /// Zero while nobody has asked to stop.
    var elapsed: Duration { began.withLock { $0.map { .now - $0 } ?? .zero } }

    func run() async throws {
        try? await gracefulShutdown()  // cancelled: the group ends without a signal, and nobody waits
        began.withLock { $0 = .now }
        // A thread of its own: nothing of ours that hangs can hold it up.
        Thread.detachNewThread { [lost, more, logger] in
            Thread.sleep(forTimeInterval: (Self.limit - .milliseconds(200)) / .seconds(1))
            guard let results = lost() else {
                Thread.sleep(forTimeInterval: 0.2 + more / .seconds(1))
                _exit(0)
            }
            // On another thread again, for the log may lie on the same disk.
            Thread.detachNewThread {
                logger.error(
                    "The stop takes too long, for the disk does not answer: what is in memory only is lost",
                    metadata: ["results": "\(results)"])
            }
            Thread.sleep(forTimeInterval: 0.2)
            _exit(Failure.Code.ledger.exitStatus)
        }
    }
}

/// Where the engine remembers: SQLite in the data folder, or memory when the folder cannot be used.
struct Memory {
    var ledger: any Ledger
    /// Why history is kept in memory only; nil when it is on disk.
    var note: String?

    static func file(folder: String, path: String?) -> String { path ?? folder + "/stoker.sqlite" }

    /// - Parameter keeping: brings it back first where this disk does not have it.
    static func open(
        folder: String, path: String?, keeping: LedgerSafekeeping? = nil, logger: Logger
    ) async throws -> Memory {
        let file = file(folder: folder, path: path)
        do {
            try await FileLane().run("look at the ledger \(file)", within: .seconds(5)) {
                try PrivateFolder.make(file.parentFolder)
                guard let obstacle = PlainFile.obstacle(at: file) else { return }
                throw Failure(
                    .ledger, doing: "open the ledger \(file)", because: "it is \(obstacle), not a regular file",
                    hint: "name a file in ledger.path")
            }
        } catch {
            logger.error("History is kept in memory only", metadata: ["error": "\(error)"])
            await keeping?.keeper.giveUp(because: "history is in memory only")
            return Memory(ledger: MemoryLedger(), note: (error as? Failure)?.because ?? "\(error)")
        }
        // What it throws ends the start: an empty ledger in place of the one in the vault would forget what was paused.
        let arrival = try await keeping?.keeper.bring()
        do throws(Failure) {
            let ledger = try await SQLiteLedger(path: file, logger: logger)
            if let keeping, let arrival { await keeping.open(ledger, after: arrival) }
            return Memory(ledger: ledger, note: nil)
        } catch  where error.code == .conflict {
            throw error
        } catch {
            // Pinging matters more than remembering: go on, and say so wherever somebody looks.
            logger.error("History is kept in memory only", metadata: ["error": "\(error)"])
            await keeping?.keeper.giveUp(because: "history is in memory only")
            return Memory(ledger: MemoryLedger(), note: "\(error.because)")
        }
    }
}
