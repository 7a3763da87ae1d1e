import GRDB
import StokerCore

/// Activities as records of the kind `activity`, their number as the key. A table of their own would not fit the ledger's first page, which has
/// to hold the text of all tables (``Salvage``).
struct SQLiteActivities: ActivityStore {
    let access: any SQLiteAccess

    func begin(_ activity: NewActivity, within limit: Duration) async throws(Failure) -> Int64 {
        try await access.write("write down that \(activity.name) had \(activity.operation) done", within: limit) { db in
            let last = try Int64.fetchOne(
                db, sql: "SELECT CAST(MAX(key) AS INTEGER) FROM record WHERE kind = 'activity'")
            let id = max(0, last ?? 0) + 1
            let body = Self.body(of: activity, .begun, because: nil).text
            try db.cachedStatement(
                sql: "INSERT INTO record (kind, key, version, at, body) VALUES ('activity', ?, 1, ?, ?)"
            ).execute(arguments: [Self.key(id), Instant.stored(activity.at.milliseconds), body])
            return id
        }
    }

    func end(_ activity: Int64, as result: Activity.Result, because: String?) async throws(Failure) {
        try await access.write("write down the end of activity \(activity)", within: .seconds(5)) { db in
            try db.cachedStatement(
                sql: """
                    UPDATE record SET version = version + 1, body = json_set(body, '$.result', ?, '$.because', ?)
                    WHERE kind = 'activity' AND key = ? AND json_valid(body)
                    """
            ).execute(arguments: [result.rawValue, because.map { String($0.prefix(500)) }, Self.key(activity)])
        }
    }

    /// In the order of numbers as text.
    static func key(_ id: Int64) -> String {
        let digits = String(max(0, id))
        return String(repeating: "0", count: 19 - digits.count) + digits
    }

    private static func body(of activity: NewActivity, _ result: Activity.Result, because: String?) -> JSONValue {
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        return [
            "actor": .string(activity.actor.rawValue), "name": .string(activity.name),
            "address": text(activity.address), "operation": .string(activity.operation),
            "target": text(activity.target), "inputs": text(activity.inputs), "result": .string(result.rawValue),
            "because": text(because),
        ]
    }

    func activities(_ query: ActivityQuery) async throws(Failure) -> [Activity] {
        var conditions = ["kind = 'activity'", "key < ?"]
        var arguments: StatementArguments = [Self.key(query.before ?? .max)]
        /// nil of a damaged body, which is then no answer to a filter.
        func member(_ name: String) -> String { "CASE WHEN json_valid(body) THEN json_extract(body, '$.\(name)') END" }
        func one(_ column: String, _ value: String?) {
            guard let value else { return }
            conditions.append("\(member(column)) = ?")
            arguments += [value]
        }
        func some(_ column: String, _ values: [String]) {
            guard !values.isEmpty else { return }
            conditions.append("\(member(column)) IN (\(values.map { _ in "?" }.joined(separator: ", ")))")
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
        let sql = SQL.activity + " WHERE \(conditions.joined(separator: " AND ")) ORDER BY key DESC LIMIT ?"
        return try await access.read("read activities") { [arguments] db in
            // Not yet in a file that is only read, before its first start with this version.
            guard try db.tableExists("record") else { return [] }
            return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { row in
                do { return try Self.activity(row) } catch {
                    damage.note(.activity, try row.decode(Int64.self, atIndex: 0), error)
                    return nil
                }
            }
        }
    }

    func prune(before: Instant) async throws(Failure) -> Int {
        try await access.write("delete activities that are past their time", within: nil) { db in
            guard try db.tableExists("record") else { return 0 }
            try db.execute(
                sql: """
                    DELETE FROM record WHERE kind = 'activity' AND (at < ? OR key <=
                    (SELECT key FROM record WHERE kind = 'activity' ORDER BY key DESC LIMIT 1 OFFSET ?))
                    """, arguments: [before.milliseconds, Activity.most])
            return db.changesCount
        }
    }

    enum SQL {
        static let activity = "SELECT CAST(key AS INTEGER), at, body FROM record"
    }

    /// - Parameter row: of ``SQL/activity``.
    static func activity(_ row: Row) throws -> Activity {
        let body = try JSONValue(reading: try row.decode(String.self, atIndex: 2))
        func text(_ name: String) throws -> String {
            guard let text = body[name]?.string else { throw DamagedBytes(what: "\(name) of an activity") }
            return text
        }
        guard let kind = Principal.Kind(rawValue: try text("actor")),
            let result = Activity.Result(rawValue: try text("result"))
        else { throw DamagedBytes(what: "actor or result of an activity") }
        return Activity(
            id: try row.decode(Int64.self, atIndex: 0),
            what: NewActivity(
                at: try Instant(stored: try row.decode(Int64.self, atIndex: 1)), actor: kind, name: try text("name"),
                address: body["address"]?.string, operation: try text("operation"), target: body["target"]?.string,
                inputs: body["inputs"]?.string), result: result, because: body["because"]?.string)
    }
}
