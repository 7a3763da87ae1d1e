import FoundationEssentials
package import Ledger
package import StokerCore

/// What a worker remembers between two looks. Its version in the ledger fences those that write it.
package struct WorkerRecord: Codable, Sendable, Equatable {
    /// The newest row that was made.
    package var iteration = 0
    /// The newest row that is in the dataset; with no dataset, that was made.
    package var published = 0
    /// Rows on their way to the Hub: their range does not change until they are there.
    package var sending: Sending?
    package struct Sending: Codable, Sendable, Equatable {
        package var first: Int
        package var last: Int
    }
    /// Since when rows wait for the Hub.
    package var waitingSince: Instant?
    /// When commits were made, of the last hour.
    package var commits: [Instant] = []
    package var commit: String?

    package var head: String?
    /// Raised when the branch was pushed by force.
    package var epoch = 0
    /// What each perspective looked at last.
    package var looked: [String: String] = [:]
    /// Perspectives that have a row.
    package var told: [String] = []
    package var last: String?
    /// All perspectives have said all they can of this commit.
    package var complete: String?
    /// Findings that the newest row tells; marked so in the book behind it.
    package var telling: [String] = []
    /// Today's names of files by those they had when they were first seen.
    package var firstNames: [String: String] = [:]
    /// The cases of the newest plan of each perspective, as a hash.
    package var planned: [String: String] = [:]
    /// The change that an implementation worker is at, its commit, and how many of its six stages are done.
    package var target: String?
    package var targetHead: String?
    package var stage = 0
    package var insights: [[String]] = [[], [], []]
    /// How far what needs the tests to run has come; nil before the first time.
    package var deep: Deep?
    package struct Deep: Codable, Sendable, Equatable {
        package var head = ""
        /// Depths that are done at the commit.
        package var done: [String] = []
        /// The function whose changed lines are next, and what came of those before.
        package var next = 0
        package var tried = 0
        package var survived = 0
        /// Findings of this commit so far.
        package var seen: [String] = []
        /// What was last said of each depth, so that it is not said again.
        package var said: [String: String] = [:]
        package init() {}
    }

    /// What a person asked for, done before the next look; nil for nothing.
    package var wish: Wish?
    package enum Wish: String, Codable, Sendable {
        /// Begin anew: without its rows and findings, here and in the dataset.
        case afresh
        /// Make one commit of the dataset's history.
        case squash
    }
    /// Bytes of rows of a day, counted in days since 1970.
    package var day: Day?
    package struct Day: Codable, Sendable, Equatable {
        package var day: Int
        package var bytes: Int
    }
    /// Rows up to this one are not kept here any more.
    package var forgotten: Int?
    /// By perspective: at which commit, and over which evidence, the model was asked last.
    package var modelRead: [String: ModelRead]?
    package struct ModelRead: Codable, Sendable, Equatable {
        package var head: String
        /// A hash of the question and what it was asked over.
        package var evidence: String
    }

    package var startedAt: Instant?
    /// Its heartbeat: the end of the last look that went well.
    package var beatAt: Instant?
    /// Why the last look or publication did not go well.
    package var trouble: Trouble?
    package struct Trouble: Codable, Sendable, Equatable {
        /// `hub.forbidden`
        package var code: String
        package var text: String
        package var hint: String?
        package var at: Instant
    }

    package init() {}

    /// The record without what became longer than a record may be.
    mutating func bound() {
        // A record has 64 KiB.
        if firstNames.count > 150 { firstNames = [:] }
        insights = insights.map { Array($0.suffix(80)) }
        commits = commits.suffix(60)
    }
}

/// Where workers keep what they know: records of the ledger.
package struct WorkerStore: Sendable {
    package let records: any RecordStore
    package let worker: String

    package init(records: any RecordStore, worker: String) {
        self.records = records
        self.worker = worker
    }

    static let recordKind = "worker"
    static let findingKind = "worker-finding"
    static let rowKind = "worker-row"
    static let pauseKind = "worker-pause"
    /// Rows that stay here, for pages and for those who have no dataset.
    package static let keptRows = 200
    /// Bytes of a record's body that a part of a row takes.
    private static let part = 60_000

    package func load() async throws(Failure) -> (record: WorkerRecord, version: Int64) {
        guard let found = try await records.record(kind: Self.recordKind, key: worker) else {
            return (WorkerRecord(), 0)
        }
        do {
            return (try JSONDecoder().decode(WorkerRecord.self, from: Data(found.body.utf8)), found.version)
        } catch {
            throw Failure(
                .ledger, doing: "read what the worker \(worker) remembers", because: "the record cannot be read",
                hint: "`stoker workers forget \(worker)` begins anew", cause: error)
        }
    }

    /// - Returns: the new version.
    /// - Throws: `conflict` when somebody else has written it since.
    func save(_ record: WorkerRecord, version: Int64, at now: Instant) async throws(Failure) -> Int64 {
        var record = record
        record.bound()
        let body: String
        do { body = String(decoding: try JSONEncoder.stable.encode(record), as: UTF8.self) } catch {
            throw Failure(.internal, doing: "write what the worker \(worker) remembers", because: "\(error)")
        }
        guard
            let written = try await records.put(
                NewRecord(kind: Self.recordKind, key: worker, body: body, at: now), ifVersion: version)
        else {
            throw Failure(
                .conflict, doing: "write what the worker \(worker) remembers",
                because: "another process writes it too", retry: .soon)
        }
        return written.version
    }

    // MARK: Findings

    package func book() async throws(Failure) -> FindingBook {
        var book = FindingBook()
        for record in try await records.records(
            kind: Self.findingKind, prefix: worker + "/", after: nil, limit: Record.maxOfKind)
        {
            guard let json = try? JSONValue(reading: record.body), let finding = json["finding"].flatMap(Finding.init)
            else { continue }
            book.entries[finding.id] = FindingBook.Entry(
                finding: finding, misses: json["misses"]?.integer ?? 0, isPublished: json["published"]?.bool ?? false,
                dismissedUntil: json["dismissed"]?.integer.map { Instant(milliseconds: Int64($0)) },
                isNews: json["news"]?.bool ?? false)
        }
        return book
    }

    /// Writes what differs.
    package func save(_ book: FindingBook, over old: FindingBook, at now: Instant) async throws(Failure) {
        for (id, entry) in book.entries where old.entries[id] != entry {
            var members: [JSONValue.Member] = [
                .init("finding", entry.finding.json), .init("misses", .integer(Int64(entry.misses))),
                .init("published", .bool(entry.isPublished)), .init("news", .bool(entry.isNews)),
            ]
            if let until = entry.dismissedUntil { members.append(.init("dismissed", .integer(until.milliseconds))) }
            try await records.put(
                NewRecord(
                    kind: Self.findingKind, key: "\(worker)/\(id)", body: JSONValue.object(members).text, at: now))
        }
        for id in old.entries.keys where book.entries[id] == nil {
            try await records.remove(kind: Self.findingKind, key: "\(worker)/\(id)")
        }
    }

    // MARK: Rows

    private func key(_ number: Int) -> String {
        let text = "\(number)"
        return "\(worker)/" + String(repeating: "0", count: max(0, 9 - text.utf8.count)) + text
    }

    /// A row as it is published, before anybody hears of it.
    func keep(_ line: String, number: Int, at now: Instant) async throws(Failure) {
        var rest = Array(line.utf8)[...]
        var part = 0
        repeat {
            var piece = rest.prefix(Self.part)
            // Cut between characters.
            while piece.count < rest.count, let next = rest.dropFirst(piece.count).first, next & 0xC0 == 0x80 {
                piece = piece.dropLast()
            }
            rest = rest.dropFirst(piece.count)
            let body: JSONValue = [
                "line": .string(String(decoding: piece, as: UTF8.self)), "more": .bool(!rest.isEmpty),
            ]
            try await records.put(
                NewRecord(kind: Self.rowKind, key: "\(key(number))/\(part)", body: body.text, at: now))
            part += 1
        } while !rest.isEmpty
    }

    /// The row of that number; nil when it is not here (any more).
    package func line(_ number: Int) async throws(Failure) -> String? {
        var line = ""
        for part in 0..<100 {
            guard let record = try await records.record(kind: Self.rowKind, key: "\(key(number))/\(part)"),
                let body = try? JSONValue(reading: record.body), let text = body["line"]?.string
            else { return nil }
            line += text
            if body["more"]?.bool != true { return line }
        }
        return nil
    }

    package func row(_ number: Int) async throws(Failure) -> Iteration? {
        guard let line = try await line(number), let json = try? JSONValue(reading: line) else { return nil }
        return Iteration(json)
    }

    /// Newest first.
    package func rows(newest: Int, limit: Int) async throws(Failure) -> [Iteration] {
        var rows: [Iteration] = []
        var number = newest
        while number >= 1, rows.count < limit {
            guard let row = try await row(number) else { break }
            rows.append(row)
            number -= 1
        }
        return rows
    }

    func forgetRow(_ number: Int) async throws(Failure) {
        guard number >= 1 else { return }
        for record in try await records.records(kind: Self.rowKind, prefix: key(number) + "/", after: nil, limit: 100) {
            try await records.remove(kind: Self.rowKind, key: record.key)
        }
    }

    /// Removes all rows and findings; what a person dismissed stays dismissed.
    func forgetAll() async throws(Failure) {
        while true {
            let some = try await records.records(kind: Self.rowKind, prefix: worker + "/", after: nil, limit: 500)
            if some.isEmpty { break }
            for record in some { try await records.remove(kind: Self.rowKind, key: record.key) }
        }
        for (id, entry) in try await book().entries where entry.finding.state != .dismissed {
            try await records.remove(kind: Self.findingKind, key: "\(worker)/\(id)")
        }
    }

    // MARK: Wishes

    /// Notes what is to be done before the next look. A look that is under way ends without writing anything more.
    package func ask(for wish: WorkerRecord.Wish, at now: Instant) async throws(Failure) {
        // The look under way writes too: the newest version counts.
        for _ in 0..<20 {
            let (record, version) = try await load()
            var next = record
            if wish == .afresh {
                next = WorkerRecord()
                next.commits = record.commits
                next.day = record.day
            }
            next.wish = record.wish == .afresh ? .afresh : wish
            do throws(Failure) {
                _ = try await save(next, version: version, at: now)
                return
            } catch  where error.code == .conflict { continue }
        }
        throw Failure(
            .conflict, doing: "write what the worker \(worker) remembers", because: "another process writes it too",
            retry: .soon)
    }

    // MARK: Pause

    /// Since when it is paused by hand; nil when it is not.
    package func pausedSince() async throws(Failure) -> Instant? {
        try await records.record(kind: Self.pauseKind, key: worker).flatMap { $0.body == Self.resumed ? nil : $0.at }
    }
    /// Whether a person began or paused it by hand; nil: nobody did.
    package func isPausedByHand() async throws(Failure) -> Bool? {
        try await records.record(kind: Self.pauseKind, key: worker).map { $0.body != Self.resumed }
    }
    private static let resumed = #"{"paused":false}"#

    package func setPaused(_ isPaused: Bool, at now: Instant) async throws(Failure) {
        try await records.put(
            NewRecord(
                kind: Self.pauseKind, key: worker, body: isPaused ? #"{"paused":true}"# : Self.resumed, at: now))
    }
}
