package import HubClient
package import KeepAlive
package import Ledger
package import Notices
package import StokerCore
package import Workshop

/// What operations work on: as much of it as the process has. What is missing is a failure of the operation that needs it.
package struct OperationContext: Sendable {
    package let now: @Sendable () -> Instant
    /// Folder that `backup` writes to; nil when backups cannot be made here.
    package let backupFolder: String?
    /// Makes a heartbeat's own key from its name; nil when beating needs none.
    package let heartbeatKey: (@Sendable (_ name: String) -> String)?
    /// Who asked: is told of progress and confirms.
    package var caller: any OperationCaller
    /// The fleet of the command's own file; nil where none was read. A running fleet has its own.
    package var fileFleet: Fleet?
    /// The call came with its yes.
    var isConfirmed = false
    /// The call needs no right, and its caller has proved none.
    var isForStranger = false
    private let fleetMonitor: (any FleetMonitoring)?
    private let fleetLedger: (any Ledger)?
    private let nameBook: CheckNameCache?
    let uptimes = UptimeCache()
    /// nil where no fleet runs; see ``notices``.
    let noticeBoard: NoticeBoard?
    private let hubAccount: Hub?
    private let folder: String?
    private let maintenanceKeeper: MaintenanceKeeper?
    private let workerBoard: WorkerBoard?
    /// nil where no fleet runs; see ``states``.
    let stateBoard: StateBoard?
    private let accessBook: AccessBook?
    private let configurationBoard: ConfigurationBoard?

    /// - Parameters:
    ///   - monitor: the running fleet; nil where there is none.
    ///   - hub: the account on the Hub; nil where there is none.
    ///   - notices: who tells people; nil where nobody does.
    ///   - workers: the workers of the fleet file; nil where none can run.
    ///   - states: what the fleet's Spaces keep in vaults; nil where no fleet runs.
    ///   - access: tokens and sessions of the server; nil where there is none.
    ///   - configuration: where the server's settings come from; nil where there is none.
    ///   - dataFolder: where operations keep what they must not forget: Spaces to restart, fingerprints of secrets.
    package init(
        monitor: (any FleetMonitoring)? = nil, ledger: (any Ledger)? = nil, now: @escaping @Sendable () -> Instant,
        backupFolder: String? = nil, heartbeatKey: (@Sendable (_ name: String) -> String)? = nil, hub: Hub? = nil,
        dataFolder: String? = nil, notices: NoticeBoard? = nil,
        maintenance: MaintenanceKeeper? = nil, workers: WorkerBoard? = nil, states: StateBoard? = nil,
        access: AccessBook? = nil, configuration: ConfigurationBoard? = nil,
        caller: any OperationCaller = SilentCaller()
    ) {
        self.noticeBoard = notices
        self.maintenanceKeeper = maintenance
        self.workerBoard = workers
        self.stateBoard = states
        self.accessBook = access
        self.configurationBoard = configuration
        self.fleetMonitor = monitor
        self.fleetLedger = ledger
        self.now = now
        self.backupFolder = backupFolder
        self.heartbeatKey = heartbeatKey
        self.hubAccount = hub
        self.folder = dataFolder
        self.caller = caller
        self.nameBook = monitor.map { CheckNameCache(monitor: $0) }
    }

    /// For one call of this caller.
    package func called(by caller: any OperationCaller) -> OperationContext {
        var context = self
        context.caller = caller
        return context
    }

    /// A fleet runs in this process.
    package var hasFleet: Bool { fleetMonitor != nil }

    /// - Throws: `conflict` where no fleet runs.
    package var monitor: any FleetMonitoring {
        get throws(Failure) {
            guard let fleetMonitor else { throw .noFleet(doing: "ask the fleet") }
            return fleetMonitor
        }
    }

    /// - Throws: `conflict` where no ledger is open.
    package var ledger: any Ledger {
        get throws(Failure) {
            guard let fleetLedger else { throw .noFleet(doing: "read the ledger") }
            return fleetLedger
        }
    }

    /// Who tells people what happens.
    /// - Throws: `conflict` where no fleet runs.
    package var notices: NoticeBoard {
        get throws(Failure) {
            guard let noticeBoard else { throw .noFleet(doing: "ask for messages") }
            return noticeBoard
        }
    }

    /// - Throws: `conflict` where no fleet runs.
    package var maintenance: MaintenanceKeeper {
        get throws(Failure) {
            guard let maintenanceKeeper else { throw .noFleet(doing: "ask for maintenance") }
            return maintenanceKeeper
        }
    }

    /// The workers of the fleet file.
    /// - Throws: `conflict` where no fleet runs.
    package var workers: WorkerBoard {
        get throws(Failure) {
            guard let workerBoard else { throw .noFleet(doing: "ask for workers") }
            return workerBoard
        }
    }

    /// Tokens and sessions of the server.
    /// - Throws: `conflict` where no server runs.
    package var access: AccessBook {
        get throws(Failure) {
            guard let accessBook else { throw .noFleet(doing: "ask for tokens and sessions") }
            return accessBook
        }
    }

    /// Where the server's settings come from.
    /// - Throws: `conflict` where no server runs.
    var configuration: ConfigurationBoard {
        get throws(Failure) {
            guard let configurationBoard else { throw .noFleet(doing: "show the configuration") }
            return configurationBoard
        }
    }

    var names: CheckNameCache {
        get throws(Failure) {
            guard let nameBook else { throw .noFleet(doing: "read the names of the fleet") }
            return nameBook
        }
    }

    /// The account on the Hub: that of the command, or the one a server's fleet uses.
    /// - Throws: `hub.no_account` where there is none; `unauthorized` for a stranger to whom reading is open, since the account sees private Spaces.
    package var hub: Hub {
        get throws(Failure) {
            guard !isForStranger else {
                throw Failure(
                    .unauthorized, doing: "ask the Hub",
                    because: "the server's account is not for readers without a token",
                    hint: "log in at /login, or send Authorization: Bearer TOKEN")
            }
            guard let hubAccount else {
                throw Failure(
                    .hubNoAccount, doing: "ask the Hub", because: "this server has no account on the Hub",
                    hint: "start it with HF_TOKEN set, or name the token in `hub.token` of the fleet file")
            }
            return hubAccount
        }
    }

    /// - Throws: `conflict` where nothing is kept.
    package var dataFolder: String {
        get throws(Failure) {
            guard let folder else {
                throw Failure(.conflict, doing: "remember what is done", because: "this process has no data folder")
            }
            return folder
        }
    }
}

/// Names of the ledger's check numbers, read from the monitor anew when checks have joined or left.
actor CheckNameCache {
    private let monitor: any FleetMonitoring
    private var names: [Int32: String] = [:]
    private var fleetNumber: UInt64?

    init(monitor: any FleetMonitoring) { self.monitor = monitor }

    /// The name of every number the present fleet knows.
    func all() async -> [Int32: String] {
        let current = await monitor.overview().fleetNumber
        if fleetNumber == current { return names }
        let page = await monitor.statuses(StatusQuery())
        let fresh = Dictionary(page.items.map { ($0.id, $0.check.name) }, uniquingKeysWith: { first, _ in first })
        names = fresh
        fleetNumber = current
        return fresh
    }
}
