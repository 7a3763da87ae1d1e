import StokerCore

/// What waits to be written. Merges what replaces itself, keeps every kind within a bound, and counts what it had to give up.
/// A value: the writer decides nothing else.
struct Backlog: Sendable {
    /// Most observations that wait; at 32 bytes each. Beyond it the oldest are dropped.
    let limit: Int
    /// Most incidents, events and jobs that wait, each kind; beyond it the oldest are dropped, and counted: a job then perhaps without
    /// its cause, or the cause without it.
    let noteLimit = 100_000
    /// Most transcripts that wait: one per check, up to 8 KiB each. Beyond it new checks' transcripts are dropped.
    let transcriptLimit = 10_000
    /// Observations, lines of the timeline, incidents, events and jobs that were given up.
    private(set) var dropped: UInt64 = 0

    private var observations = Line<Observation>()
    private var savedStates: [Int32: SavedState] = [:]
    private var incidents: [IncidentKey: Incident] = [:]
    /// Order in which incidents were first heard of: it decides their numbers.
    private var incidentOrder = Line<IncidentKey>()
    private var events = Line<Event>()
    private var transcripts: [Int32: Transcript] = [:]
    private var timeline = Line<TimelineEntry>()
    private var jobs = Line<NewJob>()

    struct IncidentKey: Hashable {
        var check: Int32
        var began: Instant
    }

    init(limit: Int) { self.limit = max(1, limit) }

    /// Observations that wait.
    var waiting: Int { observations.count }
    /// States that wait.
    var states: Int { savedStates.count }
    /// Lines of the timeline that wait.
    var entries: Int { timeline.count }
    var isEmpty: Bool {
        observations.isEmpty && savedStates.isEmpty && incidents.isEmpty && events.isEmpty && transcripts.isEmpty
            && timeline.isEmpty && jobs.isEmpty
    }

    mutating func add(_ batch: Batch) {
        observations.append(contentsOf: batch.observations)
        for (check, state) in batch.states { savedStates[check] = state }
        for incident in batch.incidents { add(incident) }
        events.append(contentsOf: batch.events)
        for (check, transcript) in batch.transcripts { add(transcript, of: check) }
        timeline.append(contentsOf: batch.timeline)
        jobs.append(contentsOf: batch.jobs)
        trim()
    }

    /// The oldest part that fits one transaction; it is no longer in here.
    mutating func take(observations count: Int, states stateCount: Int) -> Batch {
        var batch = Batch()
        batch.observations = observations.take(count)
        if !zip(batch.observations, batch.observations.dropFirst()).allSatisfy({ $0.at <= $1.at }) {
            batch.observations.sort(by: isOlder)
        }
        batch.timeline = timeline.take(stateCount)
        // A state is never written before the lines that led to it: a start would take them for written.
        if !timeline.isEmpty {
            batch.states = []
        } else if savedStates.count <= stateCount {
            batch.states = savedStates.map { ($0.key, $0.value) }
            savedStates.removeAll(keepingCapacity: true)
        } else {
            batch.states = savedStates.prefix(stateCount).map { ($0.key, $0.value) }
            for (check, _) in batch.states { savedStates[check] = nil }
        }
        // In the order of the table's key, so that neighbours share a page.
        batch.states.sort { $0.check < $1.check }
        batch.incidents = incidentOrder.take(.max).compactMap { incidents[$0] }
        incidents.removeAll()
        batch.events = events.take(.max)
        // In the transaction of their causes, all of which are taken.
        batch.jobs = jobs.take(.max)
        batch.transcripts = transcripts.map { ($0.key, $0.value) }
        transcripts.removeAll()
        return batch
    }

    /// Takes a part back that could not be written. What came meanwhile is newer and wins.
    mutating func putBack(_ batch: Batch) {
        observations.prepend(batch.observations)
        for (check, state) in batch.states where savedStates[check] == nil { savedStates[check] = state }
        let newer = incidentOrder.take(.max).compactMap { incidents[$0] }
        incidents.removeAll()
        for incident in batch.incidents + newer { add(incident) }
        events.prepend(batch.events)
        timeline.prepend(batch.timeline)
        jobs.prepend(batch.jobs)
        for (check, transcript) in batch.transcripts { add(transcript, of: check) }
        trim()
    }

    private mutating func add(_ incident: Incident) {
        let key = IncidentKey(check: incident.check, began: incident.began)
        if let known = incidents[key] {
            if incident.ended != nil || known.ended == nil { incidents[key] = incident }
        } else {
            incidents[key] = incident
            incidentOrder.append(contentsOf: [key])
        }
    }

    private mutating func add(_ transcript: Transcript, of check: Int32) {
        if let known = transcripts[check] {
            if known.at <= transcript.at { transcripts[check] = transcript }
        } else if transcripts.count < transcriptLimit {
            transcripts[check] = transcript
        }
    }

    private mutating func trim() {
        dropped += UInt64(observations.keepNewest(limit) + events.keepNewest(noteLimit) + timeline.keepNewest(limit))
        dropped += UInt64(jobs.keepNewest(noteLimit))
        while incidentOrder.count > noteLimit, let oldest = incidentOrder.take(1).first {
            incidents[oldest] = nil
            dropped += 1
        }
    }
}

/// A queue in an array: what was taken from the front is cut off once it is half of it.
struct Line<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0

    var count: Int { elements.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(contentsOf more: [Element]) { elements += more }
    mutating func prepend(_ before: [Element]) {
        elements.replaceSubrange(..<start, with: before)
        start = 0
    }
    mutating func take(_ most: Int) -> [Element] {
        let end = start + min(max(0, most), count)
        let taken = Array(elements[start..<end])
        start = end
        compact()
        return taken
    }
    /// Drops from the front. - Returns: how many.
    mutating func keepNewest(_ most: Int) -> Int {
        let surplus = max(0, count - most)
        start += surplus
        if surplus > 0 { compact() }
        return surplus
    }
    private mutating func compact() {
        if start == elements.count {
            elements.removeAll(keepingCapacity: elements.capacity <= 65_536)
            start = 0
        } else if start > elements.count / 2 {
            elements.removeFirst(start)
            start = 0
        }
    }
}
