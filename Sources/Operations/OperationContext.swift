package import Ledger
package import StokerCore

/// What operations work on.
package struct OperationContext: Sendable {
    package let keeper: any Keeper
    package let ledger: any Ledger
    package let now: @Sendable () -> Instant
    /// Folder that `backup` writes to; nil when backups cannot be made here.
    package let backupFolder: String?
    /// Makes a heartbeat's own key from its name; nil when beating needs none.
    package let heartbeatKey: (@Sendable (_ name: String) -> String)?
    let names: NameBook

    package init(
        keeper: any Keeper, ledger: any Ledger, now: @escaping @Sendable () -> Instant, backupFolder: String?,
        heartbeatKey: (@Sendable (_ name: String) -> String)?
    ) {
        self.keeper = keeper
        self.ledger = ledger
        self.now = now
        self.backupFolder = backupFolder
        self.heartbeatKey = heartbeatKey
        self.names = NameBook(keeper: keeper)
    }
}

/// Names of the ledger's check numbers, read from the keeper anew when checks have joined or left.
actor NameBook {
    private let keeper: any Keeper
    private var names: [Int32: String] = [:]
    private var fleetNumber: UInt64?

    init(keeper: any Keeper) { self.keeper = keeper }

    /// The name of every number the present fleet knows.
    func all() async -> [Int32: String] {
        let current = await keeper.overview().fleetNumber
        if fleetNumber == current { return names }
        let page = await keeper.statuses(StatusQuery())
        let fresh = Dictionary(page.items.map { ($0.id, $0.check.name) }, uniquingKeysWith: { first, _ in first })
        names = fresh
        fleetNumber = current
        return fresh
    }
}
