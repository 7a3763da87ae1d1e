import GRDB
package import StokerCore

extension SQLiteLedger {
    package func rename(_ renames: [Fleet.Rename]) async throws(Failure) -> Renamed {
        guard !renames.isEmpty else { return Renamed() }
        return try await write("rename \(renames.count) checks") { db in
            let find = try db.cachedStatement(sql: "SELECT id FROM check_name WHERE name = ?")
            let change = try db.cachedStatement(sql: "UPDATE check_name SET name = ? WHERE id = ?")
            var result = Renamed()
            for rename in renames {
                guard let number = try Int32.fetchOne(find, arguments: [rename.from]) else { continue }
                if try Int32.fetchOne(find, arguments: [rename.to]) != nil {
                    result.apart.append(rename)
                } else {
                    try change.execute(arguments: [rename.to, number])
                    result.carried.append(rename)
                }
            }
            return result
        }
    }

    package func checkNames() async throws(Failure) -> [(id: Int32, name: String)] {
        try await read("read the names of the checks") { db in
            try Row.fetchAll(db, sql: "SELECT id, name FROM check_name ORDER BY id").compactMap { row in
                // What is no number and no name is put in order by the next start of a master.
                guard let id = try? row.decode(Int32.self, atIndex: 0),
                    let name = try? row.decode(String.self, atIndex: 1)
                else { return nil }
                return (id: id, name: name)
            }
        }
    }
}
