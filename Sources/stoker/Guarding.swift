import CommandLine
import HubClient
import Logging
import Runtime
import Safekeeping
import StokerCore

/// `stoker guard`.
enum Guarding {
    static func run(_ request: GuardRequest) async throws -> Int32 {
        // Segments come and go while a snapshot is made; behind it their memory is given back.
        Allocator.keepLittle(from: 4 << 20, kept: 16 << 20, arenas: 2)
        // Before anything that may take time: as process 1 a signal without a handler is lost.
        guard let signals = GuardSignals.take() else {
            throw Failure(.internal, doing: "guard an app", because: "the signals are taken already")
        }
        Logs.bootstrap(format: request.options.logFormat, level: try request.options.level())
        let logger = Logger(label: "stoker.guard")
        // Only vaults of the Hub need its account.
        var hub: Hub?
        if (request.vaults + (request.fallback.map { [$0] } ?? [])).contains(where: {
            $0.address.kind == .bucket || $0.address.kind == .dataset
        }) {
            let found = try HubCredentials.find(explicit: nil, endpoint: nil, environment: request.environment)
            hub = Hub(found.settings(agent: "stoker/\(Version.current)"), logger: logger)
        }
        let opening = VaultOpening(environment: request.environment, hub: hub, logger: logger)
        var stores: [SnapshotStore] = []
        for vault in request.vaults {
            let opened = try opening.open(vault.address, state: request.settings.state)
            if case .open = vault.key {
                logger.warning(
                    "no key is given: who sees the vault can read the state", metadata: ["vault": "\(opened.name)"])
            }
            stores.append(SnapshotStore(vault: opened, key: vault.key, logger: logger))
        }
        var fallback: SnapshotStore?
        if let vault = request.fallback {
            fallback = SnapshotStore(
                vault: try opening.open(vault.address, state: request.settings.state), key: vault.key, logger: logger)
        }
        let tell = request.tell
        let guarded = try Guard(
            request.settings, store: stores[0], copies: Array(stores.dropFirst()), fallback: fallback, logger: logger,
            master: request.master,
            tell: { record in
                do { try await tell(record) } catch {
                    logger.warning("the master was not told of the recovery", metadata: ["because": "\(error)"])
                }
            })
        let server = try await GuardServer(
            of: guarded, socket: request.socket, listen: request.listen, app: request.appPort, token: request.token,
            now: Clocks.real.wall)
        if let port = server.port {
            logger.notice("visitors are taken", metadata: ["port": "\(port)", "app": "\(request.appPort ?? 0)"])
        }
        let status = await guarded.run(signals: signals)
        await server.close()
        for store in stores { await store.vault.shutdown() }
        await fallback?.vault.shutdown()
        try? await hub?.shutdown()  // the process ends
        return status
    }
}
