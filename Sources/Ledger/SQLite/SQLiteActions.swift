import Foundation
import GRDB
import StokerCore

/// Actions in the table `action`. `key` is the Space's name in lower case.
struct SQLiteActions: ActionStore {
    let access: any SQLiteAccess

    func begin(_ action: NewAction, within limit: Duration) async throws(Failure) -> Action {
        try await access.write(Self.doing(action), within: limit) { db in try Self.insert(action, db) }
    }

    func beginAlone(_ action: NewAction, within limit: Duration) async throws(Failure) -> ExclusiveAction {
        let damage = access.damage
        return try await access.write(Self.doing(action), within: limit) { db in
            let open = try Row.fetchAll(
                db, sql: SQL.action + " WHERE key = ? AND state = 'begun' AND kind = ? ORDER BY id",
                arguments: [SpaceName.key(action.space), action.kind.rawValue]
            ).compactMap { try Self.whole($0, damage) }.filter { action.excludes($0) }
            if let held = open.first(where: { $0.leaseUntil.map { $0 > action.began } ?? false }) {
                return .held(held)
            }
            for lost in open {
                try db.execute(
                    sql: "UPDATE action SET state = 'unknown', ended = ?, fence = fence + 1 WHERE id = ?",
                    arguments: [action.began.milliseconds, lost.id])
            }
            return .begun(try Self.insert(action, db))
        }
    }

    private static func doing(_ action: NewAction) -> String { "write down \(action.kind) of \(action.space)" }

    private static func insert(_ action: NewAction, _ db: Database) throws -> Action {
        let details = action.details.isEmpty ? nil : try JSONEncoder.stable.encode(action.details)
        try db.cachedStatement(sql: SQL.insert).execute(
            arguments: [
                action.kind.rawValue, action.space, SpaceName.key(action.space), action.actor, action.reason,
                Instant.stored(action.began.milliseconds), action.owner, action.leaseUntil?.milliseconds,
                details.map { String(decoding: $0, as: UTF8.self) },
            ])
        return Action(action, id: db.lastInsertedRowID)
    }

    func extend(_ action: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool {
        try await change(
            "extend the lease of action \(action)",
            "UPDATE action SET lease = ? WHERE id = ? AND fence = ? AND state = 'begun'",
            [until.milliseconds, action, fence])
    }

    func end(
        _ action: Int64, fence: Int64, as state: Action.State, result: String?, now: Instant
    ) async throws(Failure) -> Bool {
        try await change(
            "write down the end of action \(action)",
            """
            UPDATE action SET state = ?, result = ?, ended = ?, lease = NULL WHERE id = ? AND fence = ? AND state = 'begun'
            """, [state.rawValue, result?.shortened(toBytes: Job.maxError), now.milliseconds, action, fence])
    }

    private func change(
        _ doing: String, _ sql: String, _ arguments: StatementArguments
    ) async throws(Failure) -> Bool {
        try await access.write(doing, within: nil) { db in
            try db.execute(sql: sql, arguments: arguments)
            return db.changesCount > 0
        }
    }

    func takeOver(
        _ action: Int64, by owner: String, until: Instant, gone: String?, now: Instant
    ) async throws(Failure) -> Action? {
        try await access.write("take action \(action) over", within: nil) { db in
            try db.execute(
                sql: """
                    UPDATE action SET owner = ?, lease = ?, fence = fence + 1
                    WHERE id = ? AND state = 'begun' AND (COALESCE(lease, 0) <= ? OR owner = ?)
                    """, arguments: [owner, until.milliseconds, action, now.milliseconds, gone])
            guard db.changesCount > 0 else { return nil }
            return try Row.fetchOne(db, sql: SQL.action + " WHERE id = ?", arguments: [action]).map {
                try Self.action($0)
            }
        }
    }

    func actions(_ query: ActionQuery) async throws(Failure) -> [Action] {
        var conditions = ["id < ?"]
        var arguments: StatementArguments = [query.before ?? .max]
        if let space = query.space {
            conditions.append("key = ?")
            arguments += [SpaceName.key(space)]
        }
        if !query.kinds.isEmpty {
            conditions.append("kind IN (\(query.kinds.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(query.kinds.map(\.rawValue))
        }
        if query.openOnly { conditions.append("state = 'begun'") }
        if let since = query.since {
            conditions.append("began >= ?")
            arguments += [since.milliseconds]
        }
        arguments += [max(0, query.limit)]
        let damage = access.damage
        let sql = SQL.action + " WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?"
        return try await access.read("read actions") { [arguments] db in
            // Not yet in a file that is only read, before its first start with this version.
            guard try db.tableExists("action") else { return [] }
            return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { try Self.whole($0, damage) }
        }
    }

    func rename(space: String, to new: String) async throws(Failure) -> Int {
        guard SpaceName.key(space) != SpaceName.key(new) else { return 0 }
        return try await access.write("carry what was done to \(space) over to \(new)", within: .seconds(5)) { db in
            try db.execute(
                sql: "UPDATE action SET space = ?, key = ? WHERE key = ?",
                arguments: [new, SpaceName.key(new), SpaceName.key(space)])
            return db.changesCount
        }
    }

    func prune(endedBefore: Instant) async throws(Failure) -> Int {
        try await access.write("delete actions that are past their time", within: nil) { db in
            try db.execute(
                sql: """
                    DELETE FROM action WHERE ended < ?
                    OR id IN (SELECT id FROM action WHERE ended IS NOT NULL ORDER BY id DESC LIMIT -1 OFFSET ?)
                    """, arguments: [endedBefore.milliseconds, Action.most])
            return db.changesCount
        }
    }

    enum SQL {
        static let action = """
            SELECT id, kind, space, actor, reason, state, began, ended, owner, lease, fence, result, details FROM action
            """
        static let insert = """
            INSERT INTO action (kind, space, key, actor, reason, state, began, owner, lease, fence, details)
            VALUES (?, ?, ?, ?, ?, 'begun', ?, ?, ?, 1, ?)
            """
    }

    /// nil when the row is damaged, which is noted.
    private static func whole(_ row: Row, _ damage: DamageLog) throws -> Action? {
        do { return try action(row) } catch {
            damage.note(.action, try row.decode(Int64.self, atIndex: 0), error)
            return nil
        }
    }

    /// - Parameter row: of ``SQL/action``.
    static func action(_ row: Row) throws -> Action {
        guard let state = Action.State(rawValue: try row.decode(String.self, atIndex: 5)) else {
            throw DamagedBytes(what: "state of an action")
        }
        func time(_ place: Int) throws -> Instant? {
            try row.decode(Int64?.self, atIndex: place).map { try Instant(stored: $0) }
        }
        guard let began = try time(6) else { throw DamagedBytes(what: "time of an action") }
        let details = try row.decode(String?.self, atIndex: 12)
        return Action(
            id: try row.decode(Int64.self, atIndex: 0),
            kind: Action.Kind(rawValue: try row.decode(String.self, atIndex: 1)),
            space: try row.decode(String.self, atIndex: 2), actor: try row.decode(String.self, atIndex: 3),
            reason: try row.decode(String.self, atIndex: 4), state: state, began: began, ended: try time(7),
            owner: try row.decode(String?.self, atIndex: 8), leaseUntil: try time(9),
            fence: try row.decode(Int64.self, atIndex: 10), result: try row.decode(String?.self, atIndex: 11),
            details: try details.map { try JSONDecoder().decode([String: String].self, from: Data($0.utf8)) } ?? [:])
    }
}

extension Action {
    init(_ new: NewAction, id: Int64) {
        self.init(
            id: id, kind: new.kind, space: new.space, actor: new.actor, reason: new.reason, state: .begun,
            began: new.began, ended: nil, owner: new.owner, leaseUntil: new.leaseUntil, fence: 1, result: nil,
            details: new.details)
    }
}
