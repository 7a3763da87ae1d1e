package import StokerCore

/// A ledger without a disk: for demonstrations that must leave nothing behind, and as the plain model that the other
/// implementations are compared with. Keeps everything in arrays and reads through all of it, so it keeps at most
/// ``most`` observations, sums, incidents and events each; the oldest go.
package actor MemoryLedger: Ledger {
    /// 16 MB of observations.
    private static let most = 500_000
    private var names: [String: Int32] = [:]
    private var states: [Int32: SavedState] = [:]
    /// In the order of ``isOlder(_:_:)``.
    private var rows: [Observation] = []
    /// Past their time: only outcome and latency count, at the beginning of the hour (or day) they belong to.
    private var folded: [Observation] = []
    private var incidents: [Incident] = []
    private var events: [Event] = []
    private var transcripts: [Int32: Transcript] = [:]
    private var marks: [Int32: [Mark]] = [:]
    private var absences: [Range<Int64>] = []
    private var watchedUntil: Int64?
    private var lastIncident: Int64 = 0
    private var lastEvent: Int64 = 0
    private var isClosed = false

    package nonisolated let jobs: any JobStore
    package nonisolated let actions: any ActionStore
    package nonisolated let records: any RecordStore
    private nonisolated let outbox = MemoryJobs()
    private nonisolated let done = MemoryActions()
    private nonisolated let documents = MemoryRecords()
    private nonisolated let asked = MemoryActivities()
    package nonisolated var activities: any ActivityStore { asked }

    package init() {
        jobs = outbox
        actions = done
        records = documents
    }

    private func whileOpen(_ doing: String) throws(Failure) {
        guard !isClosed else { throw Failure.closed(doing: doing) }
    }

    package func register(_ asked: [String]) throws(Failure) -> [Int32] {
        try whileOpen("register \(asked.count) checks")
        return asked.map { name in
            if let known = names[name] { return known }
            let next = Int32(names.count + 1)
            names[name] = next
            return next
        }
    }

    package func checkNames() throws(Failure) -> [(id: Int32, name: String)] {
        try whileOpen("read the names of the checks")
        return names.map { (id: $0.value, name: $0.key) }.sorted { $0.id < $1.id }
    }

    package func rename(_ renames: [Fleet.Rename]) throws(Failure) -> Renamed {
        try whileOpen("rename \(renames.count) checks")
        var result = Renamed()
        for rename in renames {
            guard let number = names[rename.from] else { continue }
            if names[rename.to] != nil {
                result.apart.append(rename)
            } else {
                names[rename.from] = nil
                names[rename.to] = number
                result.carried.append(rename)
            }
        }
        return result
    }

    package func record(_ batch: Batch) throws(Failure) {
        try whileOpen("record \(batch.observations.count) observations")
        let isInOrder = rows.last.map { last in batch.observations.first.map { !isOlder($0, last) } ?? true } ?? true
        rows += batch.observations
        if !isInOrder || !zip(batch.observations, batch.observations.dropFirst()).allSatisfy({ !isOlder($1, $0) }) {
            rows.sort(by: isOlder)
        }
        if rows.count > Self.most { rows.removeFirst(rows.count - Self.most / 10 * 9) }
        for (check, state) in batch.states { states[check] = state }
        for incident in batch.incidents {
            if let known = incidents.firstIndex(where: { $0.check == incident.check && $0.began == incident.began }) {
                // An ended incident stays ended when its open self comes late.
                guard incident.ended != nil || incidents[known].ended == nil else { continue }
                let id = incidents[known].id
                incidents[known] = incident
                incidents[known].id = id
            } else {
                lastIncident += 1
                var new = incident
                new.id = lastIncident
                incidents.append(new)
            }
        }
        for event in batch.events {
            lastEvent += 1
            var new = event
            new.id = lastEvent
            events.append(new)
        }
        if incidents.count > Self.most { incidents.removeFirst(incidents.count - Self.most / 10 * 9) }
        if events.count > Self.most { events.removeFirst(events.count - Self.most / 10 * 9) }
        for (check, transcript) in batch.transcripts where (transcripts[check]?.at ?? .never) <= transcript.at {
            transcripts[check] = transcript
        }
        for entry in batch.timeline { take(entry) }
        if let until = batch.watchedUntil { watchedUntil = until.milliseconds }
        _ = outbox.insert(batch.jobs)
    }

    private func take(_ entry: TimelineEntry) {
        switch entry {
        case .change(let change): take(change)
        case .absence(let from, let to):
            guard let from = from?.milliseconds ?? watchedUntil else { return }
            if to.milliseconds < from { return setBack(to: to) }
            if to.milliseconds > from { absences = Watch(absences: absences + [from..<to.milliseconds]).absences }
            if absences.count > 10_000 { absences.removeFirst(1_000) }
        case .clockSetBack(let to): setBack(to: to)
        }
    }

    private func take(_ change: StandingChange) {
        var own = marks[change.check] ?? []
        let at = min(change.at, change.seen).milliseconds
        let kept = own.prefix { $0.at < at }.count
        let new = Timeline.marks(after: change, previous: own[..<kept].last?.standing, later: Array(own[kept...]))
        own.replaceSubrange(kept..., with: new)
        if own.count > Self.maxMarks { own.removeFirst(Self.maxMarks / 10) }
        marks[change.check] = own
    }
    private static let maxMarks = 20_000

    private func setBack(to: Instant) {
        for (check, own) in marks {
            guard let last = own.last, last.at > to.milliseconds else { continue }
            take(StandingChange(check: check, at: to, seen: to, standing: last.standing))
        }
        absences = absences.compactMap { one in
            let end = min(one.upperBound, to.milliseconds)
            return one.lowerBound < end ? one.lowerBound..<end : nil
        }
        watchedUntil = min(watchedUntil ?? to.milliseconds, to.milliseconds)
    }

    package func savedStates() throws(Failure) -> [Int32: SavedState] {
        try whileOpen("read the saved states")
        return states
    }

    package func transcript(lastFailedOf check: Int32) throws(Failure) -> Transcript? {
        try whileOpen("read a transcript")
        return transcripts[check]
    }

    package func observations(of check: Int32?, before: Instant?, limit: Int) throws(Failure) -> [Observation] {
        try whileOpen("read observations")
        let wanted = rows.reversed().lazy.filter { row in
            (check.map { row.check == $0 } ?? true) && (before.map { row.at < $0 } ?? true)
        }
        return Array(wanted.prefix(max(0, limit)))
    }

    package func latest(of checks: [Int32], limit: Int) throws(Failure) -> [[Observation]] {
        var strips: [[Observation]] = []
        for check in checks { strips.append(try observations(of: check, before: nil, limit: limit).reversed()) }
        return strips
    }

    package func series(of check: Int32, from: Instant, to: Instant, buckets: Int) throws(Failure) -> [SpanTotals] {
        try whileOpen("sum up observations")
        var sums = Buckets(from: from, to: to, count: buckets)
        for row in rows where row.check == check { sums.add(row) }
        for row in folded where row.check == check { sums.add(row) }
        let maintenance = documents.records(
            kind: MaintenanceSpan.kind, prefix: "", after: nil, limit: Record.maxOfKind
        )
        .compactMap(MaintenanceSpan.init)
        let watched = Watch(absences: absences, until: watchedUntil).without(maintenance, of: check)
        sums.add(marks[check] ?? [], watched: watched)
        if let first = marks[check]?.first { sums.addMaintenance(since: first.at, watched) }
        return sums.tallies
    }

    package func tally(of checks: [Int32], from: Instant, to: Instant) throws(Failure) -> [SpanTotals] {
        var tallies: [SpanTotals] = []
        for check in checks { tallies += try series(of: check, from: from, to: to, buckets: 1) }
        return tallies
    }

    package func incidents(of check: Int32?, openOnly: Bool, before: Int64?, limit: Int) throws(Failure) -> [Incident] {
        try whileOpen("read incidents")
        let wanted = incidents.reversed().lazy.filter { incident in
            (check.map { incident.check == $0 } ?? true) && (before.map { incident.id < $0 } ?? true)
                && (!openOnly || incident.ended == nil)
        }
        return Array(wanted.prefix(max(0, limit)))
    }

    package func events(of check: Int32?, before: Int64?, limit: Int) throws(Failure) -> [Event] {
        try whileOpen("read events")
        let wanted = events.reversed().lazy.filter { event in
            (check.map { event.check == $0 } ?? true) && (before.map { event.id < $0 } ?? true)
        }
        return Array(wanted.prefix(max(0, limit)))
    }

    package func prune(_ settings: Fleet.LedgerSettings, now: Instant) throws(Failure) -> Int {
        try whileOpen("delete what is past its time")
        let limits = Limits(settings, now: now)
        let gone = rows.prefix { $0.at.milliseconds < limits.rows }
        rows.removeFirst(gone.count)
        for row in gone {
            var sum = row
            sum.at = Instant(milliseconds: Calendar.floor(row.at.milliseconds, by: Calendar.hour) * Calendar.hour)
            folded.append(sum)
        }
        for index in folded.indices where folded[index].at.milliseconds < limits.hours {
            let day = Calendar.day(folded[index].at.milliseconds)
            folded[index].at = Instant(milliseconds: day * Calendar.day)
        }
        if folded.count > Self.most { folded.removeFirst(folded.count - Self.most / 10 * 9) }
        let before = folded.count + incidents.count + events.count
        folded.removeAll { $0.at.milliseconds < limits.days }
        incidents.removeAll { $0.ended.map { $0.milliseconds < limits.days } ?? false }
        events.removeAll { $0.at.milliseconds < limits.days }
        for (check, own) in marks {
            let old = own.prefix { $0.at < limits.days }.count
            if old > 1 { marks[check] = Array(own.dropFirst(old - 1)) }
        }
        absences.removeAll { $0.upperBound < limits.days }
        let work =
            outbox.prune(now: now) + done.prune(endedBefore: Instant(milliseconds: limits.days))
            + documents.prune(now: now) + asked.prune(before: Instant(milliseconds: limits.days))
        return gone.count + before - folded.count - incidents.count - events.count + work
    }

    package func compact() -> Bool { false }

    package func backup(to path: String) throws(Failure) {
        throw Failure(
            .conflict, doing: "back up the ledger to \(path)", because: "this ledger is only in memory",
            hint: "run with a ledger file to have something to back up")
    }

    package func statistics() throws(Failure) -> LedgerStatistics {
        try whileOpen("read the ledger's statistics")
        let bytes = (rows.count + folded.count) * MemoryLayout<Observation>.stride
        return LedgerStatistics(
            bytes: Int64(bytes), observations: Int64(rows.count), oldestObservation: rows.first?.at, checks: names.count
        )
    }

    package func close() { isClosed = true }
}

/// Before which times things are given up. Whole UTC days, so that a day is always kept in one form; in milliseconds.
struct Limits {
    var rows: Int64
    var hours: Int64
    var days: Int64

    init(_ settings: Fleet.LedgerSettings, now: Instant) {
        // Single observations answer minutes as well, so they are kept for whichever is longer; there are no minute sums.
        let keep = max(settings.keepObservations, settings.keepMinutes)
        func day(_ age: Duration) -> Int64 { Calendar.day((now - age).milliseconds) * Calendar.day }
        rows = day(keep)
        hours = day(max(settings.keepHours, keep))
        days = day(max(settings.keepDays, max(settings.keepHours, keep)))
    }
}
