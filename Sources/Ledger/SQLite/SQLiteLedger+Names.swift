import GRDB
package import StokerCore

extension SQLiteLedger {
    /// Every name that ever had a number, in the order of their numbers: for readers beside or without a master.
    package func checkNames() async throws(Failure) -> [(id: Int32, name: String)] {
        try await read("read the names of the checks") { db in
            try Row.fetchAll(db, sql: "SELECT id, name FROM check_name ORDER BY id").map {
                (id: $0["id"], name: $0["name"])
            }
        }
    }
}
