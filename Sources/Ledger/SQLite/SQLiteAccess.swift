import GRDB
import StokerCore

/// Runs work on a database, never on the cooperative pool: the engine's ``SQLiteLedger``, or ``SharedStores`` of another process.
protocol SQLiteAccess: Sendable {
    func read<T: Sendable>(_ doing: String, _ body: @escaping @Sendable (Database) throws -> T) async throws(Failure)
        -> T
    /// In one transaction.
    /// - Parameter limit: after which the caller hears that the disk is silent; what was asked may still be done later.
    func write<T: Sendable>(
        _ doing: String, within limit: Duration?, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T
    /// One statement, which is a transaction by itself: nothing has to begin or end one.
    func writeAlone<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T
    /// Rows that cannot be read are left out and noted here.
    var damage: DamageLog { get }
}

extension SQLiteAccess {
    func writeAlone<T: Sendable>(
        _ doing: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(Failure) -> T {
        try await write(doing, within: nil, body)
    }
}
