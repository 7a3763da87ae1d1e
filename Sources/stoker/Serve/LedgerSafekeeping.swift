import Foundation
import HubClient
import KeepAlive
import Ledger
import Logging
import Runtime
import Safekeeping
import ServiceLifecycle
import StokerCore
import Synchronization

/// Joins the ledger's keeper with the ledger that it keeps, and with the monitor that has to stand still when another master takes it over.
struct LedgerSafekeeping: Service {
    let keeper: LedgerKeeper
    let path: String
    private let opened: Opened
    private let stores: [SnapshotStore]
    private let logger: Logger

    /// Set when the ledger is open; the keeper is made before.
    private final class Opened: Sendable {
        let ledger = Mutex<(any Ledger)?>(nil)
        let master = Mutex<(monitor: FleetMonitor, writer: LedgerWriter)?>(nil)
    }

    /// How long a stop waits for the last snapshot. Hugging Face grants 30 s and more, Docker 10 s.
    static let finalLimit = Duration.seconds(20)

    /// - Parameters:
    ///   - path: of the ledger.
    ///   - hub: the account; nil where there is none.
    /// - Returns: nil when the fleet file names no vault for it.
    /// - Throws: when a vault's address or key is none.
    init?(
        fleet: Fleet, path: String, dataFolder: String, source: LedgerSource?, environment: [String: String],
        hub: Hub?, logger: Logger
    ) throws(Failure) {
        let names = fleet.ledger.vaults.map(\.name)
        guard !names.isEmpty else { return nil }
        let opening = VaultOpening(environment: environment, hub: hub, logger: logger)
        // With a ledger on the disk nobody waits long for its vault.
        let patience = FileManager.default.fileExists(atPath: path) ? Duration.seconds(20) : .seconds(120)
        var stores: [SnapshotStore] = []
        for named in fleet[VaultsSection.section].filter({ names.contains($0.name) }).sorted(by: { a, b in
            names.firstIndex(of: a.name) ?? 0 < names.firstIndex(of: b.name) ?? 0
        }) {
            guard let address = try named.value.address(namespace: fleet.hub.namespace) else { continue }
            let vault = try opening.open(address, state: LedgerKeeper.state)
            let text = named.value.key?.reveal() ?? ""
            let key = text.isEmpty ? VaultKey.open : try VaultKey(reading: text)
            if text.isEmpty {
                logger.warning(
                    "no key is given: who sees the vault can read the ledger", metadata: ["vault": "\(vault.name)"])
            }
            stores.append(SnapshotStore(vault: vault, key: key, patience: patience, logger: logger))
        }
        guard let first = stores.first else { return nil }
        let opened = Opened()
        var settings = LedgerKeeper.Settings(
            file: LedgerFile(
                path: path,
                copy: { copy in
                    guard let ledger = opened.ledger.withLock({ $0 }) else {
                        throw Failure(.ledger, doing: "copy the ledger", because: "it is not open", retry: .soon)
                    }
                    try await ledger.pageCopy(to: copy)
                },
                damage: { try await SQLiteLedger.damage(at: path, logger: logger).map { ($0.what, $0.writtenAt) } },
                setAside: { word in try await SQLiteLedger.setAside(path, as: word) }),
            holder: GuardHolder.own.text, scratch: dataFolder + "/ledger-scratch")
        settings.every = fleet.ledger.every
        settings.source = source
        keeper = LedgerKeeper(settings, store: first, copies: Array(stores.dropFirst()), logger: logger)
        self.path = path
        self.opened = opened
        self.stores = stores
        self.logger = logger
    }

    /// The ledger is open: what the start did to it is written into it, and snapshots can be made.
    func open(_ ledger: SQLiteLedger, after arrival: LedgerKeeper.Arrival) async {
        opened.ledger.withLock { $0 = ledger }
        await keeper.opened()
        if let record = arrival.record {
            logger.notice("\(arrival.told ?? record.sentence)", metadata: ["vault": "\(keeper.health.name)"])
        }
        guard let told = arrival.told else { return }
        do throws(Failure) { try await ledger.noteRecovery(told, isDamage: arrival.isDamage) } catch {
            logger.warning("what became of the ledger was not written down", metadata: ["because": "\(error)"])
        }
    }

    func join(_ monitor: FleetMonitor, _ writer: LedgerWriter) async {
        opened.master.withLock { $0 = (monitor, writer) }
        let keeper = keeper
        await monitor.setLedgerVault { keeper.health }
    }

    func run() async throws {
        guard let (monitor, writer) = opened.master.withLock({ $0 }) else { return }
        let (keeper, vault) = (keeper, keeper.health.name)
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await keeper.run { news in
                        switch news {
                        case .unkept(let because): await monitor.emit(.ledgerUnkept(vault: vault, because: because))
                        case .kept: await monitor.emit(.ledgerKept(vault: vault))
                        case .taken(let by): await monitor.yield(to: by, vault: vault)
                        }
                        await writer.settle()
                    }
                }
                group.addTask {
                    // A person's word and what counts against a budget are in the vault within seconds.
                    for await changes in await monitor.changes() where changes.events.contains(where: Self.isUrgent) {
                        await writer.settle()
                        keeper.ask()
                    }
                }
                await group.waitForAll()
            }
        }
        // The other services wait for this one only when it ends by itself.
        try? await gracefulShutdown()
    }

    private static func isUrgent(_ event: Event) -> Bool {
        switch event.payload {
        case .paused, .resumed, .healing, .healed, .healingFailed, .spaceAsked, .ledgerAcknowledged: true
        default: false
        }
    }

    /// Everything is written: the last snapshot. Call it before the ledger is closed.
    func finish() async {
        await keeper.finish(within: Self.finalLimit)
        for store in stores { await store.vault.shutdown() }
    }
}
