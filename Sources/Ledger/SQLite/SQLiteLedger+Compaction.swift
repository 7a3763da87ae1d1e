import Foundation
import GRDB
package import StokerCore
import Synchronization

/// Moves rows on: from the tail into segments, from small segments into large ones, from segments into sums, and away.
/// Each step is one short transaction that takes rows from one place and puts them into another, so that a kill between any two
/// steps leaves every row in exactly one place, and nothing needs to be remembered about a step that was not finished.
extension SQLiteLedger {
    /// A merge under way: what is left of the sources, and where it goes.
    struct Merge: Sendable {
        var sources: [Int64]
        var target: Int64
        var nextCheck: Int64
    }

    package func compact() async throws(Failure) -> Bool {
        if try await mend() { return true }
        if try await foldTail(keeping: layout.tail - min(layout.tail, layout.slice), atLeast: layout.tail) {
            return true
        }
        if try await mergeSlice() { return true }
        try await checkpoint(longerThan: 32 * 1_024 * 1_024)
        return false
    }

    // MARK: Tail to segment

    /// Moves the oldest slice of the tail, when the tail is longer than `atLeast`, but leaves `keeping` rows.
    /// - Returns: whether something was moved.
    private func foldTail(keeping: Int, atLeast: Int) async throws(Failure) -> Bool {
        let slice = Int64(layout.slice)
        return try await write("fold observations into a segment") { [damage] db in
            // Numbers are given in order and leave from the front only: their difference is their count.
            guard let first = try Int64.fetchOne(db, sql: "SELECT id FROM observation ORDER BY id LIMIT 1"),
                let last = try Int64.fetchOne(db, sql: "SELECT id FROM observation ORDER BY id DESC LIMIT 1"),
                last &- first &+ 1 > Int64(atLeast) || last &- first < 0
            else { return false }
            // Numbers that only damage makes so far apart are not counted with.
            let end = last &- first < 0 ? first &+ slice : min(first &+ slice, last &+ 1 &- Int64(keeping))
            guard end > first else { return false }
            var rows: [Observation] = []
            rows.reserveCapacity(min(Int(slice), Int(end - first)))
            let select = try db.cachedStatement(sql: SQL.tail + " WHERE id < ?")
            select.bind(end, at: 1)
            while try select.step(db) {
                do { rows.append(try Self.observation(select)) } catch {
                    // It goes with the others, told.
                    damage.count(.observation)
                    try Self.tell("A damaged observation", select.integer(0), error, db)
                }
            }
            rows.sort { $0.check == $1.check ? isOlder($0, $1) : $0.check < $1.check }
            let delete = try db.cachedStatement(sql: "DELETE FROM observation WHERE id < ?")
            delete.bind(end, at: 1)
            guard let oldest = rows.lazy.map(\.at).min(), let newest = rows.lazy.map(\.at).max() else {
                try delete.run(db)
                return db.changesCount > 0
            }
            let segment = try Self.newSegment(
                db, level: 0, observations: rows.count, first: oldest.milliseconds, last: newest.milliseconds)
            let insert = try db.cachedStatement(sql: Self.insertStretch)
            var start = 0
            while start < rows.count {
                var next = start + 1
                while next < rows.count, rows[next].check == rows[start].check { next += 1 }
                try Self.put(Array(rows[start..<next]), Key.of(segment, rows[start].check), insert, db)
                start = next
            }
            try delete.run(db)
            return true
        }
    }

    static let insertStretch = "INSERT OR REPLACE INTO stretch (id, extent, observations) VALUES (?, ?, ?)"

    /// Rows of one check in time order. Few of them need no summary: reading them is as quick.
    static func put(_ rows: [Observation], _ key: Int64, _ insert: Statement, _ db: Database) throws {
        insert.bind(key, at: 1)
        insert.bind(rows.count < 16 ? nil : StoredExtent(of: rows).encode(), at: 2)
        insert.bind(RowCodec.encode(rows), at: 3)
        try insert.run(db)
    }

    private static func newSegment(
        _ db: Database, level: Int, observations: Int, first: Int64, last: Int64
    ) throws -> Int64 {
        try db.execute(
            sql: "INSERT INTO segment (level, observations, first_at, last_at) VALUES (?, ?, ?, ?)",
            arguments: [level, observations, first, last])
        return db.lastInsertedRowID
    }

    // MARK: Segments to a larger one

    /// - Returns: whether something was moved.
    private func mergeSlice() async throws(Failure) -> Bool {
        let layout = layout
        return try await writeOutsideTransaction("merge segments") { [self] db in
            guard var work = try merge.withLock({ $0 }) ?? Self.nextMerge(db, fanOut: layout.fanOut) else {
                return false
            }
            var isDone = false
            // Forgotten while it runs: after an error it is planned anew from what the tables say.
            merge.withLock { $0 = nil }
            try db.inTransaction(.immediate) {
                isDone = try Self.mergeSlice(db, &work, rows: layout.slice)
                return .commit
            }
            if !isDone { merge.withLock { $0 = work } }
            return true
        }
    }

    /// Segments of a day that is over become one; of the running day, `fanOut` of a level become one of the next.
    /// A segment belongs to the day of its newest row.
    private static func nextMerge(_ db: Database, fanOut: Int) throws -> Merge? {
        struct Candidate {
            var id: Int64
            var level: Int
            var day: Int64
        }
        let all = try Row.fetchAll(db, sql: "SELECT id, level, last_at FROM segment ORDER BY id").compactMap {
            row -> Candidate? in
            // One that cannot be read is left as it is: reading tells of it, and mending follows.
            guard let id = try? row.decode(Int64.self, atIndex: 0), Key.spans.contains(id),
                let level = try? row.decode(Int32.self, atIndex: 1), let last = try? row.decode(Int64.self, atIndex: 2)
            else { return nil }
            return Candidate(id: id, level: min(Int(level), 64), day: Calendar.day(last))
        }
        guard let today = all.map(\.day).max() else { return nil }
        for (day, members) in Dictionary(grouping: all, by: \.day).sorted(by: { $0.key < $1.key }) {
            let groups =
                day < today
                ? [members] : Dictionary(grouping: members, by: \.level).sorted { $0.key < $1.key }.map(\.value)
            for group in groups where group.count >= (day < today ? 2 : fanOut) {
                // At most 64 at once: each is an open cursor.
                let sources = group.prefix(64)
                var target: Int64 = 0
                try db.inTransaction(.immediate) {
                    let range = sources.map { "\($0.id)" }.joined(separator: ", ")
                    guard
                        let span = try Row.fetchOne(
                            db, sql: "SELECT MIN(first_at), MAX(last_at) FROM segment WHERE id IN (\(range))")
                    else { return .rollback }
                    target = try newSegment(
                        db, level: (sources.map(\.level).max() ?? 0) + 1, observations: 0,
                        first: try span.decode(Int64.self, atIndex: 0), last: try span.decode(Int64.self, atIndex: 1))
                    return .commit
                }
                return Merge(sources: sources.map(\.id), target: target, nextCheck: 0)
            }
        }
        return nil
    }

    /// Moves the next checks, together about `rows` observations. - Returns: whether nothing is left.
    private static func mergeSlice(_ db: Database, _ work: inout Merge, rows budget: Int) throws -> Bool {
        struct Head {
            var source: Int64
            var cursor: Statement
            var check: Int64
            var moved: Int
        }
        var heads: [Head] = []
        for source in work.sources {
            // One statement each: they are all open at once.
            let cursor = try db.makeStatement(sql: SQL.stretches)
            cursor.bind(Key.first(of: source) + work.nextCheck, at: 1)
            cursor.bind(Key.first(of: source + 1), at: 2)
            if try cursor.step(db) {
                heads.append(
                    Head(source: source, cursor: cursor, check: Int64(Key.check(cursor.integer(0))), moved: 0))
            }
        }
        let insert = try db.cachedStatement(sql: insertStretch)
        var moved = 0
        var finished: [Head] = []
        while moved < budget, let check = heads.lazy.map(\.check).min() {
            var rows: [Observation] = []
            for index in heads.indices.reversed() where heads[index].check == check {
                let before = rows.count
                if RowCodec.salvage(heads[index].cursor.bytes(1), check: Int32(check), { rows.append($0) }) {
                    try tellOfDamage(check: Int32(check), at: rows.last?.at, db)
                }
                heads[index].moved += rows.count - before
                if try heads[index].cursor.step(db) {
                    heads[index].check = Int64(Key.check(heads[index].cursor.integer(0)))
                } else {
                    finished.append(heads.remove(at: index))
                }
            }
            rows.sort(by: isOlder)
            try put(rows, Key.of(work.target, Int32(check)), insert, db)
            moved += rows.count
            work.nextCheck = check + 1
        }
        for head in heads { head.cursor.reset() }
        for head in heads + finished {
            try db.execute(
                sql: "DELETE FROM stretch WHERE id >= ? AND id < ?",
                arguments: [Key.first(of: head.source), Key.first(of: head.source) + work.nextCheck])
            try db.execute(
                sql: "UPDATE segment SET observations = observations - ? WHERE id = ?",
                arguments: [head.moved, head.source])
        }
        try db.execute(
            sql: "UPDATE segment SET observations = observations + ? WHERE id = ?", arguments: [moved, work.target])
        guard heads.isEmpty else { return false }
        for source in work.sources {
            // A source whose rows this merge did not see to the end stays.
            try db.execute(sql: "DELETE FROM segment WHERE id = ? AND observations = 0", arguments: [source])
        }
        return true
    }

    static func tellOfDamage(check: Int32, at: Instant?, _ db: Database) throws {
        let place = at.map { "after \($0)" } ?? "of an unknown time"
        try tell("Damaged observations \(place) could not be read and were left out", of: Int64(check), db)
    }

    // MARK: Retention

    package func prune(_ settings: Fleet.LedgerSettings, now: Instant) async throws(Failure) -> Int {
        let limits = Limits(settings, now: now)
        let rowsBefore = limits.rows
        let hoursBefore = Calendar.day(limits.hours)
        let daysBefore = Calendar.day(limits.days)
        var gone = 0

        while let oldest = try await oldestOfTail(), oldest < rowsBefore {
            guard try await foldTail(keeping: 0, atLeast: 0) else { break }
        }
        // A merge moves rows between the segments that are listed next.
        while merge.withLock({ $0 != nil }) { _ = try await mergeSlice() }
        let old = try await read("list old segments") { [damage] db in
            try Self.segments(db, from: .min, to: rowsBefore, damage)
        }
        for segment in old {
            var next = Key.first(of: segment.id)
            var kept: (first: Int64, last: Int64)?
            while true {
                let slice = try await foldSlice(
                    segment: segment.id, from: next, rowsBefore: rowsBefore, hoursBefore: hoursBefore, kept: kept)
                gone += slice.gone
                kept = slice.kept
                guard let following = slice.next else { break }
                next = following
            }
        }
        gone += try await foldHours(before: hoursBefore)
        gone += try await retainTimeline(rowsBefore: rowsBefore, daysBefore: daysBefore * Calendar.day)
        gone += try await delete(
            "DELETE FROM day_sum WHERE id IN (SELECT id FROM day_sum WHERE id < ? ORDER BY id LIMIT ?)",
            Key.first(of: daysBefore))
        gone += try await delete(
            "DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE ended < ? LIMIT ?)",
            daysBefore * Calendar.day)
        gone += try await delete(
            "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < ? LIMIT ?)", daysBefore * Calendar.day)
        gone += try await jobs.prune(now: now)
        gone += try await actions.prune(endedBefore: Instant(milliseconds: daysBefore * Calendar.day))
        gone += try await records.prune(now: now)
        gone += try await activities.prune(before: Instant(milliseconds: daysBefore * Calendar.day))
        try await giveBack()
        return gone
    }

    private func oldestOfTail() async throws(Failure) -> Int64? {
        try await read("look at the oldest observation") { db in try Int64.fetchOne(db, sql: SQL.oldestOfTail) }
    }

    private struct FoldedSlice: Sendable {
        var gone: Int
        /// Where to go on; nil at the end of the segment.
        var next: Int64?
        /// Times of the rows that stay, over all slices so far.
        var kept: (first: Int64, last: Int64)?
    }

    /// Turns rows older than the limit into sums, for the next checks of a segment.
    private func foldSlice(
        segment: Int64, from: Int64, rowsBefore: Int64, hoursBefore: Int64, kept: (first: Int64, last: Int64)?
    ) async throws(Failure) -> FoldedSlice {
        let budget = layout.slice
        return try await write("fold old observations into sums") { db in
            var slice = FoldedSlice(gone: 0, next: nil, kept: kept)
            var sums: [Int64: DaySums] = [:]
            var stays: [(key: Int64, rows: [Observation])] = []
            var read = 0
            let select = try db.cachedStatement(sql: SQL.stretches)
            select.bind(from, at: 1)
            select.bind(Key.first(of: segment + 1), at: 2)
            var end = Key.first(of: segment + 1)
            while try select.step(db) {
                let key = select.integer(0)
                if read >= budget {
                    slice.next = key
                    end = key
                    break
                }
                let check = Key.check(key)
                var rest: [Observation] = []
                var hours: [Int64: Sum] = [:]
                var latest: Instant?
                let isDamaged = RowCodec.salvage(select.bytes(1), check: check) { row in
                    read += 1
                    latest = row.at
                    if row.at.milliseconds < rowsBefore {
                        hours[Calendar.floor(row.at.milliseconds, by: Calendar.hour), default: Sum()]
                            .add(row.outcome, latency: row.latencyMicroseconds)
                        slice.gone += 1
                    } else {
                        rest.append(row)
                    }
                }
                if isDamaged { try Self.tellOfDamage(check: check, at: latest, db) }
                for (hour, sum) in hours {
                    let day = Calendar.floor(hour, by: 24)
                    sums[Key.of(day, check), default: DaySums()].add(sum, hour: UInt8(hour - day * 24))
                }
                if let first = rest.first, let last = rest.last {
                    slice.kept = (
                        min(slice.kept?.first ?? .max, first.at.milliseconds),
                        max(slice.kept?.last ?? .min, last.at.milliseconds)
                    )
                    stays.append((key, rest))
                }
            }
            select.reset()
            try db.execute(sql: "DELETE FROM stretch WHERE id >= ? AND id < ?", arguments: [from, end])
            let insert = try db.cachedStatement(sql: Self.insertStretch)
            for stay in stays { try Self.put(stay.rows, stay.key, insert, db) }
            let find = try db.cachedStatement(sql: SQL.sumsOfCheck)
            let save = try db.cachedStatement(sql: "INSERT OR REPLACE INTO day_sum (id, sums) VALUES (?, ?)")
            for (key, added) in sums.sorted(by: { $0.key < $1.key }) {
                // Late rows of a day that has its sums already are added to them.
                find.bind(key, at: 1)
                var trouble: (any Error)?
                var all = try find.step(db) ? DaySums(salvaging: find.bytes(0), &trouble) : DaySums()
                find.reset()
                if let trouble { try Self.tell("A part of a day's sums", Int64(Key.check(key)), trouble, db) }
                for part in added.parts { all.add(part.sum, hour: part.hour) }
                if Key.span(key) < hoursBefore { all.foldToDay() }
                save.bind(key, at: 1)
                save.bind(all.encode(), at: 2)
                try save.run(db)
            }
            try db.execute(
                sql: "UPDATE segment SET observations = observations - ? WHERE id = ?",
                arguments: [slice.gone, segment])
            if slice.next == nil {
                if let kept = slice.kept {
                    try db.execute(
                        sql: "UPDATE segment SET first_at = ?, last_at = ? WHERE id = ?",
                        arguments: [kept.first, kept.last, segment])
                } else {
                    try db.execute(sql: "DELETE FROM segment WHERE id = ?", arguments: [segment])
                }
            }
            return slice
        }
    }

    /// Makes hour sums of old days into day sums. - Returns: how many sums that saved.
    private func foldHours(before day: Int64) async throws(Failure) -> Int {
        var gone = 0
        while true {
            let (saved, isDone) = try await write("fold hour sums into day sums") { db in
                let done = try Int64.fetchOne(db, sql: "SELECT value FROM progress WHERE name = 'hours-folded'") ?? .min
                let end = Key.first(of: day)
                let rows = try Row.fetchAll(
                    db, sql: "SELECT id, sums FROM day_sum WHERE id >= ? AND id < ? ORDER BY id LIMIT 5000",
                    arguments: [done, end])
                let save = try db.cachedStatement(sql: "UPDATE day_sum SET sums = ? WHERE id = ?")
                var saved = 0
                for row in rows {
                    let key = try row.decode(Int64.self, atIndex: 0)
                    let data = (try? row.decode(Data.self, atIndex: 1)) ?? Data()  // no bytes at all: no sums
                    var trouble: (any Error)?
                    var sums = data.withUnsafeBytes { DaySums(salvaging: $0, &trouble) }
                    if let trouble { try Self.tell("A part of a day's sums", Int64(Key.check(key)), trouble, db) }
                    guard sums.parts.count > 1 || sums.parts.first?.hour != DaySums.wholeDay else { continue }
                    saved += max(0, sums.parts.count - 1)
                    sums.foldToDay()
                    try save.execute(arguments: [Data(sums.encode()), key])
                }
                let reached =
                    rows.count < 5_000 ? end : (try rows.last?.decode(Int64.self, atIndex: 0) ?? end) + 1
                if reached > done {
                    try db.execute(
                        sql: """
                            INSERT INTO progress (name, value) VALUES ('hours-folded', ?)
                            ON CONFLICT (name) DO UPDATE SET value = excluded.value
                            """,
                        arguments: [reached])
                }
                return (saved, rows.count < 5_000)
            }
            gone += saved
            if isDone { return gone }
        }
    }

    private func delete(_ sql: String, _ limit: Int64) async throws(Failure) -> Int {
        var gone = 0
        while true {
            let count = try await write("delete what is past its time") { db in
                try db.execute(sql: sql, arguments: [limit, 10_000])
                return db.changesCount
            }
            gone += count
            if count < 10_000 { return gone }
        }
    }

    // MARK: Space

    /// Freed pages are used again by what is written next. When more than an eighth of the file is free (and at least 32 MiB),
    /// the rest is given back to the disk, in slices.
    private func giveBack() async throws(Failure) {
        while true {
            let more = try await writeOutsideTransaction("give free space back") { db in
                let free = try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
                let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
                guard free > max(8_192, pages / 8) else { return false }
                try db.execute(sql: "PRAGMA incremental_vacuum(2048)")
                return true
            }
            if !more { break }
        }
        try await checkpoint(longerThan: 0)
    }

    /// Writes the WAL back and cuts it. SQLite does so by itself every 1,000 pages, but never while someone reads; a reader at
    /// this moment only means that the next call does it.
    private func checkpoint(longerThan bytes: Int64) async throws(Failure) {
        guard Self.bytes(path + "-wal") > bytes else { return }
        _ = try await writeOutsideTransaction("write the log back") { db in
            do {
                try db.checkpoint(.truncate)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                return
            }
        }
    }
}
