import GRDB
import StokerCore

/// The timeline that uptime is counted from; see ``Migration/timeline`` for its tables and ``Timeline`` for its rules.
extension SQLiteLedger {
    // MARK: Writing

    static func save(_ entries: [TimelineEntry], watchedUntil: Instant?, _ db: Database) throws {
        for entry in entries {
            switch entry {
            case .change(let change): try save(change, db)
            case .absence(let from, let to):
                guard let from = try from?.milliseconds ?? watchedUntilNow(db) else { continue }
                if to.milliseconds >= from {
                    try addAbsence(from, to.milliseconds, db)
                } else {
                    try setBack(to: to.milliseconds, db)
                }
            case .clockSetBack(let to): try setBack(to: to.milliseconds, db)
            }
        }
        if let watchedUntil { try setProgress(watchedUntil.milliseconds, db) }
    }

    private static func watchedUntilNow(_ db: Database) throws -> Int64? {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT value FROM progress WHERE name = 'watched-until'"))
    }

    private static func setProgress(_ value: Int64, _ db: Database) throws {
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO progress (name, value) VALUES ('watched-until', ?)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """)
        upsert.bind(value, at: 1)
        try upsert.run(db)
    }

    private static func save(_ change: StandingChange, _ db: Database) throws {
        let at = min(change.at, change.seen).milliseconds
        let later = try marks(db, MarkSQL.later, change.check, at)
        let previous = try marks(db, MarkSQL.before, change.check, at).first?.standing
        if !later.isEmpty {
            let delete = try db.cachedStatement(sql: "DELETE FROM standing WHERE check_id = ? AND at >= ?")
            delete.bind(Int64(change.check), at: 1)
            delete.bind(at, at: 2)
            try delete.run(db)
        }
        try insert(Timeline.marks(after: change, previous: previous, later: later), of: change.check, db)
    }

    private static func insert(_ marks: [Mark], of check: Int32, _ db: Database) throws {
        guard !marks.isEmpty else { return }
        let insert = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO standing (check_id, at, standing) VALUES (?, ?, ?)")
        for mark in marks {
            insert.bind(Int64(check), at: 1)
            insert.bind(mark.at, at: 2)
            insert.bind(Int64(mark.standing.rawValue), at: 3)
            try insert.run(db)
        }
    }

    private static func addAbsence(_ from: Int64, _ to: Int64, _ db: Database) throws {
        guard from < to else { return }
        // What overlaps becomes one.
        let span = try Row.fetchOne(
            db, sql: "SELECT MIN(began), MAX(ended) FROM absence WHERE began <= ? AND ended >= ?",
            arguments: [to, from])
        let began = min(from, try span?.decode(Int64?.self, atIndex: 0) ?? from)
        let ended = max(to, try span?.decode(Int64?.self, atIndex: 1) ?? to)
        try db.execute(sql: "DELETE FROM absence WHERE began <= ? AND ended >= ?", arguments: [to, from])
        try db.execute(sql: "INSERT INTO absence (began, ended) VALUES (?, ?)", arguments: [began, ended])
    }

    /// Every check's present standing begins again at the time that the clock shows now.
    private static func setBack(to: Int64, _ db: Database) throws {
        let checks = try Int32.fetchAll(db, sql: "SELECT DISTINCT check_id FROM standing WHERE at > ?", arguments: [to])
        for check in checks {
            guard let last = try marks(db, MarkSQL.last, check).first else { continue }
            let now = Instant(milliseconds: to)
            try save(StandingChange(check: check, at: now, seen: now, standing: last.standing), db)
        }
        try db.execute(sql: "DELETE FROM absence WHERE began >= ?", arguments: [to])
        try db.execute(sql: "UPDATE absence SET ended = ? WHERE ended > ?", arguments: [to, to])
        // Where nobody watched for a while, nobody watched until now.
        try setProgress(min(try watchedUntilNow(db) ?? to, to), db)
    }

    // MARK: Reading

    enum MarkSQL {
        static let later = "SELECT at, standing FROM standing WHERE check_id = ? AND at >= ? ORDER BY at"
        static let before = "SELECT at, standing FROM standing WHERE check_id = ? AND at < ? ORDER BY at DESC LIMIT 1"
        static let last = "SELECT at, standing FROM standing WHERE check_id = ? ORDER BY at DESC LIMIT 1"
        static let between = "SELECT at, standing FROM standing WHERE check_id = ? AND at >= ? AND at < ? ORDER BY at"
        static let hours =
            "SELECT hour, up, down FROM standing_hour WHERE check_id = ? AND hour >= ? AND hour < ? ORDER BY hour"
        static let first = "SELECT MIN(at) FROM standing WHERE check_id = ?"
        static let firstHour = "SELECT MIN(hour) FROM standing_hour WHERE check_id = ?"
        static let absences = "SELECT began, ended FROM absence WHERE began < ? AND ended > ? ORDER BY began"
    }

    static func marks(_ db: Database, _ sql: String, _ check: Int32, _ times: Int64?...) throws -> [Mark] {
        let select = try db.cachedStatement(sql: sql)
        select.bind(Int64(check), at: 1)
        for (index, time) in times.enumerated() { if let time { select.bind(time, at: Int32(index + 2)) } }
        defer { select.reset() }
        var marks: [Mark] = []
        while try select.step(db) {
            // A number that this version does not know claims nothing.
            let standing = UInt8(exactly: select.integer(1)).flatMap(Standing.init) ?? .unknown
            marks.append(Mark(at: select.integer(0), standing: standing))
        }
        return marks
    }

    /// What a query needs to know beside the checks' own rows.
    struct TimelineBounds {
        var watch: Watch
        /// Maintenance that has a part of the span.
        var maintenance: [MaintenanceSpan] = []
        /// Before it only pings tell; `.min` when the file never knew a time without this timeline, `.max` when it has none yet.
        var since: Int64
    }

    static func bounds(_ db: Database, from: Int64, to: Int64) throws -> TimelineBounds {
        // A file that is only read, beside an older program or before its first start with this one.
        guard try db.tableExists("standing") else { return TimelineBounds(watch: Watch(), since: .max) }
        let absences = try spans(db, from: from, to: to)
        let since = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT value FROM progress WHERE name = 'timeline-since'"))
        return TimelineBounds(
            watch: Watch(absences: absences, until: try watchedUntilNow(db)),
            maintenance: try maintenance(db, from: from, to: to), since: since ?? .min)
    }

    /// A record that cannot be read is no maintenance.
    private static func maintenance(_ db: Database, from: Int64, to: Int64) throws -> [MaintenanceSpan] {
        guard try db.tableExists("record") else { return [] }
        let sql = """
            SELECT key, body FROM record WHERE kind = ? AND CASE WHEN json_valid(body) \
            THEN json_extract(body, '$.until') > ? AND json_extract(body, '$.from') < ? ELSE 0 END
            """
        return try Row.fetchAll(
            db.cachedStatement(sql: sql), arguments: [MaintenanceSpan.kind, from, to]
        ).compactMap { row in
            let key = try row.decode(String.self, atIndex: 0)
            let body = try row.decode(String.self, atIndex: 1)
            return MaintenanceSpan(
                Record(NewRecord(kind: MaintenanceSpan.kind, key: key, body: body, at: .never), version: 1))
        }
    }

    /// Absences, cut to the span: whatever stands in the file can be calculated with.
    private static func spans(_ db: Database, from: Int64, to: Int64) throws -> [Range<Int64>] {
        try Row.fetchAll(db.cachedStatement(sql: MarkSQL.absences), arguments: [to, from]).compactMap { row in
            let began = max(from, try row.decode(Int64.self, atIndex: 0))
            let ended = min(to, try row.decode(Int64.self, atIndex: 1))
            return began < ended ? began..<ended : nil
        }
    }

    /// Adds the time of one check that the timeline knows.
    static func addTime(_ db: Database, of check: Int32, _ bounds: TimelineBounds, to buckets: inout Buckets) throws {
        let from = max(buckets.from, bounds.since)
        guard from < buckets.to else { return }
        var marks = try marks(db, MarkSQL.between, check, from, buckets.to)
        if marks.first?.at != from { marks = try Self.marks(db, MarkSQL.before, check, from) + marks }
        let watched = bounds.watch.without(bounds.maintenance, of: check)
        buckets.add(marks, since: from, watched: watched)
        if watched.hasMaintenance, let known = try knownSince(db, check) {
            buckets.addMaintenance(since: max(from, known), watched)
        }
        let select = try db.cachedStatement(sql: MarkSQL.hours)
        select.bind(Int64(check), at: 1)
        select.bind(Calendar.floor(from, by: Calendar.hour), at: 2)
        select.bind(Calendar.floor(buckets.to - 1, by: Calendar.hour) + 1, at: 3)
        defer { select.reset() }
        while try select.step(db) {
            let begin = select.integer(0) * Calendar.hour
            func time(_ column: Int32) -> Int64 { min(max(0, select.integer(column)), Calendar.hour) }
            buckets.add(TimeSum(up: time(1), down: time(2)), from: begin, to: begin + Calendar.hour)
        }
    }

    /// The first that the timeline has of a check, also where only sums are left of it.
    private static func knownSince(_ db: Database, _ check: Int32) throws -> Int64? {
        let mark = try Int64.fetchOne(db.cachedStatement(sql: MarkSQL.first), arguments: [check])
        let hour = try Int64.fetchOne(db.cachedStatement(sql: MarkSQL.firstHour), arguments: [check])
        return [mark, hour.map { min(max($0, -1 << 40), 1 << 40) * Calendar.hour }].compactMap(\.self).min()
    }

    // MARK: Keeping

    private static let maxAbsences = 20_000

    /// - Parameters:
    ///   - rowsBefore: changes after it are kept one by one, as its pings are.
    ///   - daysBefore: nothing is kept from before it. Both in milliseconds, at midnight UTC.
    func retainTimeline(rowsBefore: Int64, daysBefore: Int64) async throws(Failure) -> Int {
        var gone = 0
        let most = layout.oldMarks
        let (many, old) = try await read("list changes that are past their time") { db in
            (
                try Int32.fetchAll(
                    db, sql: "SELECT check_id FROM standing WHERE at < ? GROUP BY check_id HAVING COUNT(*) > ?",
                    arguments: [rowsBefore, most]),
                try Row.fetchAll(
                    db,
                    sql: "SELECT check_id, MAX(at) FROM standing WHERE at < ? GROUP BY check_id HAVING COUNT(*) > 1",
                    arguments: [daysBefore]
                ).map { row in
                    (check: try row.decode(Int32.self, atIndex: 0), last: try row.decode(Int64.self, atIndex: 1))
                }
            )
        }
        for check in many {
            gone += try await write("fold old changes into sums") { db in
                // The newest half stays one by one.
                let kept = try Int64.fetchOne(
                    db, sql: "SELECT at FROM standing WHERE check_id = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
                    arguments: [check, most / 2])
                let hour = Calendar.floor(min(kept ?? rowsBefore, rowsBefore), by: Calendar.hour) * Calendar.hour
                return try Self.foldMarks(of: check, before: hour, db)
            }
        }
        for (check, last) in old {
            gone += try await write("delete changes past their time") { db in
                try db.execute(
                    sql: "DELETE FROM standing WHERE check_id = ? AND at < ?", arguments: [check, last])
                return db.changesCount
            }
        }
        gone += try await write("delete what is past its time") { db in
            try db.execute(
                sql: "DELETE FROM standing_hour WHERE hour < ?", arguments: [daysBefore / Calendar.hour])
            let hours = db.changesCount
            try db.execute(sql: "DELETE FROM absence WHERE ended < ?", arguments: [daysBefore])
            let absences = db.changesCount
            try Self.joinAbsences(db)
            return hours + absences
        }
        return gone
    }

    private static func foldMarks(of check: Int32, before limit: Int64, _ db: Database) throws -> Int {
        let old = try marks(db, MarkSQL.between, check, .min, limit)
        guard let first = old.first, let last = old.last else { return 0 }
        // Not further back than anything is kept.
        let begin = Calendar.floor(max(first.at, limit - 6 * 366 * Calendar.day), by: Calendar.hour)
        let from = begin * Calendar.hour
        guard from < limit else { return 0 }
        var buckets = Buckets(
            from: Instant(milliseconds: from), to: Instant(milliseconds: limit),
            count: Int((limit - from) / Calendar.hour))
        let bounds = try bounds(db, from: from, to: limit)
        buckets.add(old, watched: bounds.watch.without(bounds.maintenance, of: check))
        let save = try db.cachedStatement(
            sql: """
                INSERT INTO standing_hour (check_id, hour, up, down) VALUES (?, ?, ?, ?)
                ON CONFLICT (check_id, hour) DO UPDATE SET up = up + excluded.up, down = down + excluded.down
                """)
        for (index, time) in buckets.times.enumerated() where time.up + time.down > 0 {
            save.bind(Int64(check), at: 1)
            save.bind(begin + Int64(index), at: 2)
            save.bind(time.up, at: 3)
            save.bind(time.down, at: 4)
            try save.run(db)
        }
        try db.execute(sql: "DELETE FROM standing WHERE check_id = ? AND at < ?", arguments: [check, limit])
        let isMarked = try marks(db, MarkSQL.between, check, limit, limit + 1).first != nil
        if !isMarked { try insert([Mark(at: limit, standing: last.standing)], of: check, db) }
        return old.count
    }

    private static func joinAbsences(_ db: Database) throws {
        guard try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM absence") ?? 0 > maxAbsences else { return }
        // 40,000 years around 1970.
        var absences = try spans(db, from: -1 << 50, to: 1 << 50)
        var gap: Int64 = 1_000
        while absences.count > maxAbsences / 2 {
            absences = Watch.joined(absences, gap: gap)
            gap *= 4
        }
        try db.execute(sql: "DELETE FROM absence")
        for one in absences {
            try db.execute(
                sql: "INSERT INTO absence (began, ended) VALUES (?, ?)", arguments: [one.lowerBound, one.upperBound])
        }
    }
}
