import Foundation
import GRDB
package import StokerCore

/// Queries read three places in one snapshot and add them up: the tail (read through), the segments (one lookup per check and
/// segment that overlaps), the day sums (one lookup per check and day).
extension SQLiteLedger {
    package func savedStates() async throws(Failure) -> [Int32: SavedState] {
        try await read("read the saved states") { [damage] db in
            let select = try db.makeStatement(sql: SQL.states)
            var states: [Int32: SavedState] = [:]
            states.reserveCapacity(try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM check_state") ?? 0)
            while try select.step(db) {
                let id = select.integer(0)
                do {
                    guard let check = Int32(exactly: id) else { throw DamagedBytes(what: "number of a check") }
                    let state: CheckState
                    do {
                        state = try StateCodec.decode(select.bytes(2))
                    } catch {
                        damage.note(.state, id, error)
                        // As good as none, so that the check begins as unknown; but a pause stays.
                        let now = Instant(seconds: Date().timeIntervalSince1970)
                        guard let paused = StateCodec.salvagedPause(select.bytes(2), now: now) else { continue }
                        states[check] = SavedState(state: paused, nextDue: .never)
                        continue
                    }
                    var due = Instant.never
                    do { due = try Instant(stored: select.integer(1)) } catch { damage.note(.state, id, error) }
                    states[check] = SavedState(state: state, nextDue: due)
                } catch {
                    damage.note(.state, id, error)
                }
            }
            return states
        }
    }

    package func transcript(lastFailedOf check: Int32) async throws(Failure) -> Transcript? {
        try await read("read a transcript") { [damage] db in
            let data = try Data.fetchOne(db, sql: "SELECT body FROM transcript WHERE check_id = ?", arguments: [check])
            do {
                return try data.map(TranscriptCodec.decode)
            } catch {
                damage.note(.transcript, Int64(check), error)
                return nil
            }
        }
    }

    package func observations(of check: Int32?, before: Instant?, limit: Int) async throws(Failure) -> [Observation] {
        try await read("read observations") { [damage] db in
            guard limit > 0 else { return [] }
            let end = before?.milliseconds ?? .max
            var newest = NewestObservations(limit: limit)
            try Self.tail(db, of: check, damage) { if $0.at.milliseconds < end { newest.add($0) } }
            for segment in try Self.segments(db, from: .min, to: end, damage).sorted(by: { $0.last > $1.last }) {
                if newest.isSettled(before: segment.last) { break }
                if let check {
                    let find = try db.cachedStatement(sql: SQL.rowsOfCheck)
                    try Self.rows(db, find, segment: segment.id, check: check, damage) {
                        if $0.at.milliseconds < end { newest.add($0) }
                    }
                } else {
                    try Self.rows(db, segment: segment.id, damage) { if $0.at.milliseconds < end { newest.add($0) } }
                }
            }
            return newest.take()
        }
    }

    package func latest(of checks: [Int32], limit: Int) async throws(Failure) -> [[Observation]] {
        try await read("read the latest observations") { [damage] db in
            let places = Places(checks)
            var newest = Array(repeating: NewestObservations(limit: limit), count: places.checks.count)
            try Self.tail(db, of: checks.count == 1 ? checks[0] : nil, damage) { row in
                if let place = places[row.check] { newest[place].add(row) }
            }
            var open = Array(newest.indices)
            let find = try db.cachedStatement(sql: SQL.rowsOfCheck)
            for segment in try Self.segments(db, from: .min, to: .max, damage).sorted(by: { $0.last > $1.last }) {
                open.removeAll { newest[$0].isSettled(before: segment.last) }
                if open.isEmpty { break }
                for place in open {
                    try Self.rows(db, find, segment: segment.id, check: places.checks[place], damage) {
                        newest[place].add($0)
                    }
                }
            }
            for place in newest.indices { newest[place].shrink() }
            return checks.map { check in places[check].map { newest[$0].rows.reversed() } ?? [] }
        }
    }

    package func series(of check: Int32, from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [SpanTotals]
    {
        try await sums(of: [check], from: from, to: to, buckets: buckets)[0].tallies
    }

    package func series(
        of checks: [Int32], from: Instant, to: Instant, buckets: Int
    ) async throws(Failure) -> [[SpanTotals]] {
        try await sums(of: checks, from: from, to: to, buckets: buckets).map(\.tallies)
    }

    package func tally(of checks: [Int32], from: Instant, to: Instant) async throws(Failure) -> [SpanTotals] {
        try await sums(of: checks, from: from, to: to, buckets: 1).map { $0.tallies[0] }
    }

    /// The tail is read once: it has no index, and is the dearest part of a sum.
    package func tallies(of check: Int32, from starts: [Instant], to: Instant) async throws(Failure) -> [SpanTotals] {
        try await read("sum up observations") { [damage] db in
            var own: [Observation] = []
            try Self.tail(db, of: check, damage) { own.append($0) }
            return try starts.map { start in
                try Self.sums(db, of: [check], from: start, to: to, buckets: 1, tail: own, damage)[0].tallies[0]
            }
        }
    }

    private func sums(of checks: [Int32], from: Instant, to: Instant, buckets: Int) async throws(Failure) -> [Buckets] {
        try await read("sum up observations") { [damage] db in
            try Self.sums(db, of: checks, from: from, to: to, buckets: buckets, tail: nil, damage)
        }
    }

    /// - Parameter tail: of these checks, where it was read already.
    private static func sums(
        _ db: Database, of checks: [Int32], from: Instant, to: Instant, buckets: Int, tail ownTail: [Observation]?,
        _ damage: DamageLog
    ) throws -> [Buckets] {
        let empty = Buckets(from: from, to: to, count: buckets)
        guard from < to else { return checks.map { _ in empty } }
        let places = Places(checks)
        var found = Array(repeating: empty, count: places.checks.count)
        let bounds = try Self.bounds(db, from: from.milliseconds, to: to.milliseconds)
        // Of the time before there was a timeline.
        var early = Array(
            repeating: EarlyPings(from: from, until: min(bounds.since, to.milliseconds)), count: found.count)

        func take(_ row: Observation) {
            guard let place = places[row.check] else { return }
            found[place].add(row)
            early[place].add(row)
        }
        if let ownTail {
            for row in ownTail { take(row) }
        } else {
            try Self.tail(db, of: checks.count == 1 ? checks[0] : nil, damage, take)
        }
        let extent = try db.cachedStatement(sql: SQL.extentOfCheck)
        let rows = try db.cachedStatement(sql: SQL.rowsOfCheck)
        for segment in try Self.segments(db, from: from.milliseconds, to: to.milliseconds, damage) {
            for (place, check) in places.checks.enumerated() {
                let key = Key.of(segment.id, check)
                extent.bind(key, at: 1)
                guard try extent.step(db) else { continue }
                var known: StoredExtent?
                do {
                    known = extent.isNull(0) ? nil : try StoredExtent(extent.bytes(0))
                } catch {
                    // The rows themselves say it as well.
                    damage.note(.stretch, key, error)
                }
                extent.reset()
                if let known {
                    if known.last < found[place].from || known.first >= found[place].to { continue }
                    if known.first >= bounds.since, let whole = found[place].whole(known.first, known.last) {
                        found[place].sums[whole].add(known.sum)
                        continue
                    }
                }
                try Self.rows(db, rows, segment: segment.id, check: check, damage) {
                    found[place].add($0)
                    early[place].add($0)
                }
            }
        }
        if let first = try Int64.fetchOne(db, sql: SQL.firstDay),
            let last = try Int64.fetchOne(db, sql: SQL.lastDay)
        {
            // A day's sum counts where the day begins, an hour's where the hour does: both inside these days.
            let firstDay = max(Key.span(first), Calendar.day(from.milliseconds))
            let lastDay = min(Key.span(last), Calendar.day(to.milliseconds))
            let find = try db.cachedStatement(sql: SQL.sumsOfCheck)
            for day in stride(from: firstDay, through: max(lastDay, firstDay - 1), by: 1) {
                for (place, check) in places.checks.enumerated() {
                    find.bind(Key.of(day, check), at: 1)
                    guard try find.step(db) else { continue }
                    var trouble: (any Error)?
                    let sums = DaySums(salvaging: find.bytes(0), &trouble)
                    if let trouble { damage.note(.daySum, Key.of(day, check), trouble) }
                    find.reset()
                    for part in sums.parts {
                        let hour = part.hour == DaySums.wholeDay ? 0 : Int64(part.hour)
                        let begin = day * Calendar.day + hour * Calendar.hour
                        found[place].add(part.sum, at: begin)
                        let length = part.hour == DaySums.wholeDay ? Calendar.day : Calendar.hour
                        early[place].add(
                            part.sum, from: begin, to: begin + length,
                            watched: bounds.watch.without(bounds.maintenance, of: check), &found[place])
                    }
                }
            }
        }
        for (place, check) in places.checks.enumerated() {
            early[place].add(
                to: &found[place], watched: bounds.watch.without(bounds.maintenance, of: check))
            try Self.addTime(db, of: check, bounds, to: &found[place])
        }
        return checks.map { check in places[check].map { found[$0] } ?? empty }
    }

    package func incidents(
        of check: Int32?, openOnly: Bool, before: Int64?, limit: Int
    ) async throws(Failure) -> [Incident] {
        try await read("read incidents") { [damage] db in
            let (sql, arguments) = Self.page(
                SQL.incident, check: check,
                before: before,
                limit: limit, also: openOnly ? "ended IS NULL" : nil)
            return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { row in
                do {
                    return try Self.incident(row)
                } catch {
                    damage.note(.incident, try row.decode(Int64.self, atIndex: 0), error)
                    return nil
                }
            }
        }
    }

    package func events(of check: Int32?, before: Int64?, limit: Int) async throws(Failure) -> [Event] {
        try await read("read events") { [damage, isReadOnly] db in
            // Only read, beside an older program or before its first start with this one: there are sentences only.
            let isOlder = try isReadOnly && !db.columns(in: "event").contains { $0.name == "payload" }
            let (sql, arguments) = Self.page(
                isOlder ? SQL.olderEvent : SQL.event, check: check, before: before, limit: limit, also: nil)
            return try Row.fetchAll(db, sql: sql, arguments: arguments).compactMap { row in
                do {
                    return try Self.event(row)
                } catch {
                    damage.note(.event, try row.decode(Int64.self, atIndex: 0), error)
                    return nil
                }
            }
        }
    }

    package func statistics() async throws(Failure) -> LedgerStatistics {
        let path = path
        return try await read("read the ledger's statistics") { db in
            func number(_ sql: String) throws -> Int64? { try Int64.fetchOne(db, sql: sql) }
            let first = [
                try number(SQL.oldestOfTail), try number("SELECT MIN(first_at) FROM segment WHERE observations > 0"),
            ].compactMap { $0 }.min()
            let tail = try number("SELECT COUNT(*) FROM observation") ?? 0
            let inSegments = try number("SELECT SUM(observations) FROM segment") ?? 0
            return LedgerStatistics(
                bytes: Self.bytes(path) + Self.bytes(path + "-wal"), observations: tail + inSegments,
                oldestObservation: first.map { Instant(milliseconds: Instant.stored($0)) },
                checks: Int(try number("SELECT COUNT(*) FROM check_name") ?? 0))
        }
    }

    // MARK: Pieces

    /// Statements whose plans are asserted by tests.
    enum SQL {
        static let tail = "SELECT check_id, at, packed, latency, id FROM observation"
        static let tailOfCheck = "SELECT check_id, at, packed, latency, id FROM observation WHERE check_id = ?"
        static let oldestOfTail = "SELECT MIN(at) FROM observation"
        static let segments =
            "SELECT id, first_at, last_at FROM segment WHERE last_at >= ? AND first_at < ? ORDER BY id"
        static let extentOfCheck = "SELECT extent FROM stretch WHERE id = ?"
        static let rowsOfCheck = "SELECT observations FROM stretch WHERE id = ?"
        static let stretches = "SELECT id, observations FROM stretch WHERE id >= ? AND id < ? ORDER BY id"
        static let sumsOfCheck = "SELECT sums FROM day_sum WHERE id = ?"
        static let firstDay = "SELECT id FROM day_sum ORDER BY id LIMIT 1"
        static let lastDay = "SELECT id FROM day_sum ORDER BY id DESC LIMIT 1"
        static let incident = "SELECT id, check_id, began, ended, verdict, cause, code, flips FROM incident"
        static let event = "SELECT id, at, kind, check_id, text, payload FROM event"
        static let olderEvent = "SELECT id, at, kind, check_id, text FROM event"
        static let insertEvent = "INSERT INTO event (at, kind, check_id, text, payload) VALUES (?, ?, ?, ?, ?)"
        static let states = "SELECT check_id, next_due, state FROM check_state"
    }

    struct Segment: Equatable {
        var id: Int64
        var first: Int64
        var last: Int64
    }

    /// - Parameter damage: hears of rows that cannot be read and are left out, here and below; nil throws them.
    static func segments(_ db: Database, from: Int64, to: Int64, _ damage: DamageLog? = nil) throws -> [Segment] {
        try Row.fetchAll(db.cachedStatement(sql: SQL.segments), arguments: [from, to]).compactMap { row in
            let id = try row.decode(Int64.self, atIndex: 0)
            do {
                guard Key.spans.contains(id) else { throw DamagedBytes(what: "number of a segment") }
                return Segment(
                    id: id, first: try row.decode(Int64.self, atIndex: 1), last: try row.decode(Int64.self, atIndex: 2))
            } catch {
                guard let damage else { throw error }
                damage.note(.segment, id, error)
                return nil
            }
        }
    }

    /// - Parameter row: of ``SQL/incident``.
    static func incident(_ row: Row) throws -> Incident {
        guard let verdict = Verdict(rawValue: try row.decode(UInt8.self, atIndex: 4)) else {
            throw DamagedBytes(what: "verdict of an incident")
        }
        return Incident(
            id: try row.decode(Int64.self, atIndex: 0), check: try row.decode(Int32.self, atIndex: 1),
            began: try Instant(stored: try row.decode(Int64.self, atIndex: 2)),
            ended: try row.decode(Int64?.self, atIndex: 3).map { try Instant(stored: $0) }, verdict: verdict,
            cause: Cause(rawValue: try row.decode(UInt8.self, atIndex: 5)) ?? .none,
            code: try row.decode(UInt16.self, atIndex: 6), flips: Int(try row.decode(Int32.self, atIndex: 7)))
    }

    /// - Parameter row: of ``SQL/event``, or ``SQL/olderEvent``.
    static func event(_ row: Row) throws -> Event {
        let kind = try row.decode(String.self, atIndex: 2)
        let text = try row.decode(String.self, atIndex: 4)
        let payload = row.count > 5 ? try? row.decode(String?.self, atIndex: 5) : nil
        return Event(
            id: try row.decode(Int64.self, atIndex: 0), at: try Instant(stored: try row.decode(Int64.self, atIndex: 1)),
            check: try row.decode(Int32?.self, atIndex: 3), EventCodec.decode(payload, kind: kind, text: text))
    }

    static func tail(
        _ db: Database, of check: Int32?, _ damage: DamageLog? = nil, _ body: (Observation) -> Void
    ) throws {
        let select = try db.cachedStatement(sql: check == nil ? SQL.tail : SQL.tailOfCheck)
        if let check { select.bind(Int64(check), at: 1) }
        defer { select.reset() }
        while try select.step(db) {
            do {
                body(try observation(select))
            } catch {
                guard let damage else { throw error }
                damage.note(.observation, select.integer(4), error)
            }
        }
    }

    /// - Parameter select: of check, time, packed and latency, on a row.
    static func observation(_ select: Statement) throws -> Observation {
        try PackedObservation.unpack(
            check: select.integer(0), at: select.integer(1), packed: select.integer(2),
            latency: select.integer(3))
    }

    static func rows(
        _ db: Database, _ find: Statement, segment: Int64, check: Int32, _ damage: DamageLog? = nil,
        _ body: (Observation) -> Void
    ) throws {
        let key = Key.of(segment, check)
        find.bind(key, at: 1)
        defer { find.reset() }
        guard try find.step(db) else { return }
        do {
            try RowCodec.decode(find.bytes(0), check: check, body)
        } catch {
            guard let damage else { throw error }
            damage.note(.stretch, key, error)
        }
    }

    static func rows(
        _ db: Database, segment: Int64, _ damage: DamageLog? = nil, _ body: (Observation) -> Void
    ) throws {
        let select = try db.cachedStatement(sql: SQL.stretches)
        select.bind(Key.first(of: segment), at: 1)
        select.bind(Key.first(of: segment + 1), at: 2)
        defer { select.reset() }
        while try select.step(db) {
            let key = select.integer(0)
            do {
                try RowCodec.decode(select.bytes(1), check: Key.check(key), body)
            } catch {
                guard let damage else { throw error }
                damage.note(.stretch, key, error)
            }
        }
    }

    private static func page(
        _ select: String, check: Int32?, before: Int64?, limit: Int, also: String?
    ) -> (String, StatementArguments) {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if let check {
            conditions.append("check_id = ?")
            arguments += [check]
        }
        if let before {
            conditions.append("id < ?")
            arguments += [before]
        }
        if let also { conditions.append(also) }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        arguments += [max(0, limit)]
        return ("\(select)\(filter) ORDER BY id DESC LIMIT ?", arguments)
    }

    /// Size of a file; 0 when there is none.
    static func bytes(_ path: String) -> Int64 {
        // A WAL that does not exist is the normal case after a checkpoint.
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    }
}
