import GRDB
import StokerCore

/// Jobs in the table `job`. `due` is the time of a waiting job and the end of a running one's lease, so that both are found by one index.
struct SQLiteJobs: JobStore {
    let access: any SQLiteAccess

    // MARK: Inserting

    func insert(_ jobs: [NewJob]) async throws(Failure) -> [Int64] {
        guard !jobs.isEmpty else { return [] }
        return try await access.write("insert \(jobs.count.counted("job"))", within: nil) { db in
            try jobs.map { try Self.insert($0, db) }
        }
    }

    /// - Returns: its number, or that of the job that has its key.
    @discardableResult
    static func insert(_ job: NewJob, _ db: Database) throws -> Int64 {
        var key = job.key
        if let text = job.key?.text {
            let find = try db.cachedStatement(sql: SQL.byKey)
            if let known = try Int64.fetchOne(find, arguments: [text]) {
                guard job.key?.replaces == true else { return known }
                try db.cachedStatement(sql: SQL.grow).execute(arguments: [job.payload, known])
                // The same once more is no news, whatever became of it.
                let same = try db.cachedStatement(sql: SQL.isSame)
                if try Bool.fetchOne(same, arguments: [job.payload, known]) == true { return known }
                key = nil
            }
        }
        try db.cachedStatement(sql: SQL.insert).execute(
            arguments: [
                job.kind, (job.runAt > job.createdAt ? Job.State.scheduled : .available).rawValue, job.payload,
                Instant.stored(job.createdAt.milliseconds), Instant.stored(job.runAt.milliseconds), job.maxAttempts,
                key?.text, key?.endsWithJob ?? false,
            ])
        return db.lastInsertedRowID
    }

    // MARK: Working

    func claim(
        _ kinds: [String], by owner: String, limit: Int, lease: Duration, now: Instant
    ) async throws(Failure) -> [Job] {
        guard limit > 0, !kinds.isEmpty else { return [] }
        let damage = access.damage
        return try await access.write("claim jobs", within: nil) { db in
            var found: [(due: Int64, id: Int64, row: Row)] = []
            let select = try db.cachedStatement(sql: SQL.due)
            for kind in Set(kinds) {
                for row in try Row.fetchAll(select, arguments: [kind, now.milliseconds, limit]) {
                    found.append((try row.decode(Int64.self, atIndex: 5), try row.decode(Int64.self, atIndex: 0), row))
                }
            }
            found.sort { ($0.due, $0.id) < ($1.due, $1.id) }
            let discard = try db.cachedStatement(sql: SQL.discardLost)
            let claim = try db.cachedStatement(sql: SQL.claim)
            let end = Instant.stored((now + lease).milliseconds)
            var claimed: [Job] = []
            for (_, id, row) in found.prefix(limit) {
                // A row that cannot be read is claimed as well: so it comes to its end.
                let known = Result { try Self.job(row) }
                let waits = if case .success(let job) = known { job.state != .running } else { false }
                if !waits {
                    try discard.execute(arguments: [now.milliseconds, Job.lost, id])
                    if db.changesCount > 0 { continue }
                }
                try claim.execute(arguments: [owner, end, id])
                switch known {
                case .success(var job):
                    job.state = .running
                    job.owner = owner
                    job.due = Instant(milliseconds: end)
                    job.attempt += 1
                    job.fence &+= 1
                    claimed.append(job)
                case .failure(let error): damage.note(.job, id, error)
                }
            }
            return claimed
        }
    }

    func extend(_ job: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool {
        try await change("extend the lease of job \(job)", SQL.extend, [until.milliseconds, job, fence])
    }

    func complete(_ job: Int64, fence: Int64, note: String?, now: Instant) async throws(Failure) -> Bool {
        let note = note?.shortened(toBytes: Job.maxError)
        return try await access.writeAlone("complete job \(job)") { db in
            let arguments: StatementArguments = [Job.State.completed.rawValue, now.milliseconds, note, job, fence]
            // Most keep their key, whose index is then left alone: a page less is written.
            for sql in [SQL.endKeepingKey, SQL.end] {
                try db.cachedStatement(sql: sql).execute(arguments: arguments)
                if db.changesCount > 0 { return true }
            }
            return false
        }
    }

    func release(kind: String) async throws(Failure) -> Int {
        try await access.write("take jobs from a worker that is gone", within: nil) { db in
            try db.execute(sql: SQL.release, arguments: [kind])
            return db.changesCount
        }
    }

    func fail(_ job: Int64, fence: Int64, error: String, retryAt: Instant?, now: Instant) async throws(Failure) -> Bool
    {
        let error = error.shortened(toBytes: Job.maxError)
        return try await access.write("note the failure of job \(job)", within: nil) { db in
            if let retryAt {
                try db.execute(
                    sql: SQL.retry, arguments: [Instant.stored(retryAt.milliseconds), error, job, fence])
                if db.changesCount > 0 { return true }
            }
            // Its last attempt, or held by nobody with this fence.
            try db.execute(
                sql: SQL.end, arguments: [Job.State.discarded.rawValue, now.milliseconds, error, job, fence])
            return db.changesCount > 0
        }
    }

    func snooze(_ job: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool {
        try await change("put job \(job) off", SQL.snooze, [Instant.stored(until.milliseconds), job, fence])
    }

    func cancel(_ job: Int64, because: String, now: Instant) async throws(Failure) -> Bool {
        try await change(
            "cancel job \(job)", SQL.cancel, [now.milliseconds, because.shortened(toBytes: Job.maxError), job])
    }

    private func change(
        _ doing: String, _ sql: String, _ arguments: StatementArguments
    ) async throws(Failure) -> Bool {
        try await access.writeAlone(doing) { db in
            try db.cachedStatement(sql: sql).execute(arguments: arguments)
            return db.changesCount > 0
        }
    }

    // MARK: Reading

    func job(_ id: Int64) async throws(Failure) -> Job? {
        try await jobs(SQL.job + " WHERE id = ?", [id]).first
    }

    func jobs(kind: String?, states: Set<Job.State>, before: Int64?, limit: Int) async throws(Failure) -> [Job] {
        var conditions = ["id < ?"]
        var arguments: StatementArguments = [before ?? .max]
        if let kind {
            conditions.append("kind = ?")
            arguments += [kind]
        }
        if !states.isEmpty {
            conditions.append("state IN (\(states.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(states.map(\.rawValue))
        }
        arguments += [max(0, limit)]
        return try await jobs(
            SQL.job + " WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?", arguments)
    }

    private func jobs(_ sql: String, _ arguments: StatementArguments) async throws(Failure) -> [Job] {
        let damage = access.damage
        return try await access.read("read jobs") { db in
            // Not yet in a file that is only read, before its first start with this version.
            guard try db.tableExists("job") else { return [] }
            return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { row in
                do { return try Self.job(row) } catch {
                    damage.note(.job, try row.decode(Int64.self, atIndex: 0), error)
                    return nil
                }
            }
        }
    }

    func nextDue(_ kinds: [String]) async throws(Failure) -> Instant? {
        try await access.read("look for the next job") { db in
            let select = try db.cachedStatement(sql: SQL.nextDue)
            return try Set(kinds).compactMap { try Int64.fetchOne(select, arguments: [$0]) }.min()
                .map { Instant(milliseconds: Instant.stored($0)) }
        }
    }

    func prune(now: Instant) async throws(Failure) -> Int {
        try await access.write("delete jobs that are past their time", within: nil) { db in
            try db.execute(
                sql: """
                    UPDATE job SET state = 'discarded', ended = ?, due = NULL, owner = NULL, error = ?, fence = fence + 1,
                    key = CASE WHEN key_ends THEN NULL ELSE key END
                    WHERE id IN (SELECT id FROM job WHERE ended IS NULL ORDER BY id DESC LIMIT -1 OFFSET ?)
                    """, arguments: [now.milliseconds, Job.tooMany, Job.maxLive])
            let givenUp = db.changesCount
            if givenUp > 0 {
                try SQLiteLedger.tell(
                    "\(givenUp.counted("job")) were given up, for more than \(Job.maxLive) waited", of: nil, db)
            }
            try db.execute(
                sql: """
                    DELETE FROM job WHERE ended < ?
                    OR id IN (SELECT id FROM job WHERE ended IS NOT NULL ORDER BY ended DESC, id DESC LIMIT -1 OFFSET ?)
                    """, arguments: [(now - Job.keptFor).milliseconds, Job.maxEnded])
            return db.changesCount
        }
    }

    // MARK: Rows

    /// Statements whose plans are asserted by tests.
    enum SQL {
        static let job =
            "SELECT id, kind, payload, state, created, due, attempt, most, owner, fence, key, ended, error FROM job"
        static let byKey = "SELECT id FROM job WHERE key = ?"
        static let grow = """
            UPDATE job SET payload = ? WHERE id = ? AND attempt = 0 AND state IN ('available', 'scheduled')
            """
        static let isSame = "SELECT payload = ? FROM job WHERE id = ?"
        static let insert = """
            INSERT INTO job (kind, state, payload, created, due, attempt, most, fence, key, key_ends)
            VALUES (?, ?, ?, ?, ?, 0, ?, 0, ?, ?)
            """
        static let due = job + " WHERE kind = ? AND due <= ? ORDER BY due LIMIT ?"
        static let nextDue = "SELECT due FROM job WHERE kind = ? AND due IS NOT NULL ORDER BY due LIMIT 1"
        static let claim = """
            UPDATE job SET state = 'running', owner = ?, due = ?, attempt = attempt + 1, fence = fence + 1 WHERE id = ?
            """
        private static let isOver =
            "due = NULL, owner = NULL, key = CASE WHEN key_ends THEN NULL ELSE key END"
        static let endKeepingKey = """
            UPDATE job SET state = ?, ended = ?, error = COALESCE(?, error), due = NULL, owner = NULL
            WHERE id = ? AND fence = ? AND state = 'running' AND NOT key_ends
            """
        static let discardLost = """
            UPDATE job SET state = 'discarded', ended = ?, error = ?, fence = fence + 1, \(isOver)
            WHERE id = ? AND state = 'running' AND attempt >= most
            """
        static let extend = "UPDATE job SET due = ? WHERE id = ? AND fence = ? AND state = 'running'"
        static let end = """
            UPDATE job SET state = ?, ended = ?, error = COALESCE(?, error), \(isOver)
            WHERE id = ? AND fence = ? AND state = 'running'
            """
        static let retry = """
            UPDATE job SET state = 'retryable', due = ?, owner = NULL, error = ?
            WHERE id = ? AND fence = ? AND state = 'running' AND attempt < most
            """
        static let snooze = """
            UPDATE job SET state = 'scheduled', due = ?, owner = NULL, attempt = max(0, attempt - 1)
            WHERE id = ? AND fence = ? AND state = 'running'
            """
        static let release = """
            UPDATE job SET state = 'scheduled', due = created, owner = NULL, attempt = max(0, attempt - 1), fence = fence + 1
            WHERE kind = ? AND due IS NOT NULL AND state = 'running'
            """
        static let cancel = """
            UPDATE job SET state = 'cancelled', ended = ?, error = ?, fence = fence + 1, \(isOver)
            WHERE id = ? AND ended IS NULL
            """
    }

    /// - Parameter row: of ``SQL/job``.
    static func job(_ row: Row) throws -> Job {
        guard let state = Job.State(rawValue: try row.decode(String.self, atIndex: 3)) else {
            throw DamagedBytes(what: "state of a job")
        }
        func time(_ place: Int) throws -> Instant? {
            try row.decode(Int64?.self, atIndex: place).map { try Instant(stored: $0) }
        }
        let (due, ended) = (try time(5), try time(11))
        guard state.isOver ? due == nil && ended != nil : due != nil && ended == nil else {
            throw DamagedBytes(what: "times of a job")
        }
        return Job(
            id: try row.decode(Int64.self, atIndex: 0), kind: try row.decode(String.self, atIndex: 1),
            payload: try row.decode(String.self, atIndex: 2), state: state,
            createdAt: try Instant(stored: try row.decode(Int64.self, atIndex: 4)), due: due,
            attempt: Int(try row.decode(Int32.self, atIndex: 6)),
            maxAttempts: Int(try row.decode(Int32.self, atIndex: 7)),
            owner: try row.decode(String?.self, atIndex: 8), fence: try row.decode(Int64.self, atIndex: 9),
            key: try row.decode(String?.self, atIndex: 10), endedAt: ended,
            lastError: try row.decode(String?.self, atIndex: 12))
    }
}

extension String {
    /// Its beginning, in whole characters.
    func shortened(toBytes most: Int) -> String {
        guard utf8.count > most else { return self }
        var text = String(decoding: utf8.prefix(most - 3), as: UTF8.self)
        // A character that was cut in two reads as replacement marks.
        while text.unicodeScalars.last == "\u{FFFD}" { text.unicodeScalars.removeLast() }
        return text + "…"
    }
}
