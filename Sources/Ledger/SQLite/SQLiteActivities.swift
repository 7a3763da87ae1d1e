import GRDB
import StokerCore

/// Activities in the table `activity`.
struct SQLiteActivities: ActivityStore {
    let access: any SQLiteAccess

    func begin(_ activity: NewActivity, within limit: Duration) async throws(Failure) -> Int64 {
        try await access.write("write down that \(activity.name) had \(activity.operation) done", within: limit) { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO activity (at, actor, name, address, operation, target, inputs, result)
                    VALUES (?, ?, ?, ?, ?, ?, ?, 'begun')
                    """
            ).execute(
                arguments: [
                    Instant.stored(activity.at.milliseconds), activity.actor.rawValue, activity.name, activity.address,
                    activity.operation, activity.target, activity.inputs,
                ])
            return db.lastInsertedRowID
        }
    }

    func end(_ activity: Int64, as result: Activity.Result, because: String?) async throws(Failure) {
        try await access.write("write down the end of activity \(activity)", within: .seconds(5)) { db in
            try db.cachedStatement(sql: "UPDATE activity SET result = ?, because = ? WHERE id = ?").execute(
                arguments: [result.rawValue, because.map { String($0.prefix(500)) }, activity])
        }
    }

    func activities(_ query: ActivityQuery) async throws(Failure) -> [Activity] {
        var conditions = ["id < ?"]
        var arguments: StatementArguments = [query.before ?? .max]
        func one(_ column: String, _ value: String?) {
            guard let value else { return }
            conditions.append("\(column) = ?")
            arguments += [value]
        }
        func some(_ column: String, _ values: [String]) {
            guard !values.isEmpty else { return }
            conditions.append("\(column) IN (\(values.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(values)
        }
        some("actor", query.actors.map(\.rawValue).sorted())
        some("result", query.results.map(\.rawValue).sorted())
        one("name", query.name)
        one("operation", query.operation)
        one("target", query.target)
        if let from = query.from {
            conditions.append("at >= ?")
            arguments += [from.milliseconds]
        }
        if let to = query.to {
            conditions.append("at < ?")
            arguments += [to.milliseconds]
        }
        arguments += [max(0, query.limit)]
        let damage = access.damage
        let sql = SQL.activity + " WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?"
        return try await access.read("read activities") { [arguments] db in
            // Not yet in a file that is only read, before its first start with this version.
            guard try db.tableExists("activity") else { return [] }
            return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { row in
                do { return try Self.activity(row) } catch {
                    damage.note(.activity, try row.decode(Int64.self, atIndex: 0), error)
                    return nil
                }
            }
        }
    }

    func retain(before: Instant) async throws(Failure) -> Int {
        try await access.write("delete activities that are past their time", within: nil) { db in
            guard try db.tableExists("activity") else { return 0 }
            try db.execute(
                sql: """
                    DELETE FROM activity WHERE at < ?
                    OR id <= (SELECT id FROM activity ORDER BY id DESC LIMIT 1 OFFSET ?)
                    """, arguments: [before.milliseconds, Activity.most])
            return db.changesCount
        }
    }

    enum SQL {
        static let activity = """
            SELECT id, at, actor, name, address, operation, target, inputs, result, because FROM activity
            """
    }

    /// - Parameter row: of ``SQL/activity``.
    static func activity(_ row: Row) throws -> Activity {
        let actor = try row.decode(String.self, atIndex: 2)
        let result = try row.decode(String.self, atIndex: 8)
        guard let kind = Principal.Kind(rawValue: actor), let result = Activity.Result(rawValue: result) else {
            throw DamagedBytes(what: "actor or result of an activity")
        }
        return Activity(
            id: try row.decode(Int64.self, atIndex: 0),
            what: NewActivity(
                at: try Instant(stored: try row.decode(Int64.self, atIndex: 1)), actor: kind,
                name: try row.decode(String.self, atIndex: 3), address: try row.decode(String?.self, atIndex: 4),
                operation: try row.decode(String.self, atIndex: 5), target: try row.decode(String?.self, atIndex: 6),
                inputs: try row.decode(String?.self, atIndex: 7)), result: result,
            because: try row.decode(String?.self, atIndex: 9))
    }
}
