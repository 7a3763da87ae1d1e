package import StokerCore

/// What Stoker remembers: stores, each a protocol with a contract suite of its own that runs over every implementation.
///
/// All calls may wait for a disk, none blocks the cooperative pool. Every failure is `ledger.unavailable` unless said otherwise.
package protocol Ledger: HistoryStore, StateStore, EventStore, Outbox {
    /// These are written by other processes as well; see ``SharedStores``.
    var jobs: any JobStore { get }
    var actions: any ActionStore { get }
    var records: any RecordStore { get }
    var activities: any ActivityStore { get }

    /// Deletes what is older than its time, in slices; returns how many rows went.
    func prune(_ settings: Fleet.LedgerSettings, now: Instant) async throws(Failure) -> Int
    /// One short step of housekeeping between writes (compaction, keeping the write-ahead log short). Queries are right without
    /// it, only slower. Returns whether there is more to do at once. ``LedgerWriter`` calls it.
    func compact() async throws(Failure) -> Bool
    /// Whether ``compact()`` should be called before its time: reading came upon something to mend.
    var wantsCompaction: Bool { get }
    /// Reads all of it and mends what can be mended, beside the running work. Called once after a start and once a day.
    /// - Returns: whether there is new damage that a person has to acknowledge: an open incident of ``Incident/ofLedger``.
    func verify() async throws(Failure) -> Bool
    /// Ends a ``verify()`` that is under way: a stop does not wait for it.
    func endVerifying()
    /// A consistent copy to a new file while running. - Throws: `conflict` when the file exists.
    func backup(to path: String) async throws(Failure)
    /// The same, and every page keeps its number: two copies differ only where something was written between them.
    func pageCopy(to path: String) async throws(Failure)
    /// Counted by queries; not for every page.
    func statistics() async throws(Failure) -> LedgerStatistics
    /// Checkpoints and closes. Calls after it throw.
    func close() async
    /// The same, but a disk that is slower than `limit` is not waited for: the process is about to end, and what is written
    /// is safe without.
    func close(within limit: Duration) async
}

extension Ledger {
    package func close(within limit: Duration) async { await close() }
    package var wantsCompaction: Bool { false }
    package func verify() async throws(Failure) -> Bool { false }
    package func endVerifying() {}
    package func pageCopy(to path: String) async throws(Failure) { try await backup(to: path) }
}

/// What is written in one transaction: what happened, what is believed because of it, and what has to be done.
package struct Batch: Sendable {
    /// Rows of history.
    package var observations: [Observation]
    /// The newest state of each check that changed.
    package var states: [(check: Int32, state: SavedState)]
    /// Those that began, changed or ended; one with an ``Incident/id`` of 0 is new.
    package var incidents: [Incident]
    /// Lines for the log of the fleet, in their order.
    package var events: [Event]
    /// Newest failed transcript of each check.
    package var transcripts: [(check: Int32, transcript: Transcript)]
    /// What uptime is counted from, in the order in which it happened.
    package var timeline: [TimelineEntry]
    /// What has to be done because of the above, in the same transaction. While nothing can be written, ``LedgerWriter`` keeps at most 100,000
    /// incidents, events and jobs, each kind for itself, and gives up the oldest: beyond that a cause may be written without its job,
    /// or a job without its cause. What was given up is counted (``LedgerWriter/dropped``) and told in the status of the ledger and in the log.
    package var jobs: [NewJob]
    /// This program watched its fleet up to here; nil says nothing. See ``TimelineEntry/absence(from:to:)``.
    package var watchedUntil: Instant?
    package init(
        observations: [Observation] = [], states: [(check: Int32, state: SavedState)] = [], incidents: [Incident] = [],
        events: [Event] = [], transcripts: [(check: Int32, transcript: Transcript)] = [],
        timeline: [TimelineEntry] = [], jobs: [NewJob] = [], watchedUntil: Instant? = nil
    ) {
        self.observations = observations
        self.states = states
        self.incidents = incidents
        self.events = events
        self.transcripts = transcripts
        self.timeline = timeline
        self.jobs = jobs
        self.watchedUntil = watchedUntil
    }
    /// Without what is told of checks that a ledger which could not be read gave no number to; theirs are negative.
    package var remembered: Batch {
        // Whatever is told of a check comes with its state, or as an event.
        guard states.contains(where: { $0.check < 0 }) || events.contains(where: { ($0.check ?? 0) < 0 }) else {
            return self
        }
        return Batch(
            observations: observations.filter { $0.check >= 0 }, states: states.filter { $0.check >= 0 },
            incidents: incidents.filter { $0.check >= 0 }, events: events.filter { ($0.check ?? 0) >= 0 },
            transcripts: transcripts.filter { $0.check >= 0 },
            timeline: timeline.filter { if case .change(let change) = $0 { change.check >= 0 } else { true } },
            jobs: jobs, watchedUntil: watchedUntil)
    }

    package var isEmpty: Bool {
        observations.isEmpty && states.isEmpty && incidents.isEmpty && events.isEmpty && transcripts.isEmpty
            && timeline.isEmpty && jobs.isEmpty && watchedUntil == nil
    }
}

/// Counts, time and latency over a span.
package struct SpanTotals: Sendable, Equatable {
    /// Inclusive.
    package var from: Instant
    /// Exclusive.
    package var to: Instant
    /// Pings that were good; ``slow``, ``waking``, ``down`` and ``unknown`` count theirs.
    package var up: Int
    package var slow: Int
    package var waking: Int
    package var down: Int
    package var unknown: Int
    /// Over good observations; microseconds; 0 when there is none.
    package var latencyMin: UInt32
    /// As ``latencyMin``.
    package var latencyMax: UInt32
    /// Microseconds of all good observations together.
    package var latencySum: UInt64
    /// Milliseconds of the span in which the check was up (or slow), and down (or silent). The rest is not known: waking, paused,
    /// never seen, our own outage, or this program did not run.
    package var upTime: Int64
    /// See ``upTime``.
    package var downTime: Int64
    /// Milliseconds of maintenance in the span, as far as somebody watched. They are in neither of the above, whatever was seen.
    package var maintenanceTime: Int64
    /// Part of that time was derived from single pings or their sums, because an older version kept no more.
    package var isEstimated: Bool

    package init(
        from: Instant, to: Instant, up: Int = 0, slow: Int = 0, waking: Int = 0, down: Int = 0, unknown: Int = 0,
        latencyMin: UInt32 = 0, latencyMax: UInt32 = 0, latencySum: UInt64 = 0, upTime: Int64 = 0, downTime: Int64 = 0,
        maintenanceTime: Int64 = 0, isEstimated: Bool = false
    ) {
        self.from = from
        self.to = to
        self.up = up
        self.slow = slow
        self.waking = waking
        self.down = down
        self.unknown = unknown
        self.latencyMin = latencyMin
        self.latencyMax = latencyMax
        self.latencySum = latencySum
        self.upTime = upTime
        self.downTime = downTime
        self.maintenanceTime = maintenanceTime
        self.isEstimated = isEstimated
    }

    /// Time up ÷ time known, 0…1; nil when nothing is known.
    package var uptime: Double? {
        let known = upTime + downTime
        return known <= 0 ? nil : Double(upTime) / Double(known)
    }
    /// For how long of the span it is known whether the check was up or down.
    package var known: Duration { .milliseconds(upTime + downTime) }
    /// ``maintenanceTime`` as a duration.
    package var maintenance: Duration { .milliseconds(maintenanceTime) }
    /// Known or in maintenance for all of the span but a fiftieth, which nobody needs to be told of.
    package var isWhole: Bool { known + maintenance >= (to - from) * 49 / 50 }
    /// Share of good pings among those that count (up, slow, down), 0…1; nil when none counts. A failing check is pinged more
    /// often, so this says less of the time than of the pings.
    package var pingsGood: Double? {
        let counted = up + slow + down
        return counted == 0 ? nil : Double(up + slow) / Double(counted)
    }
    /// Mean over good observations, microseconds.
    package var latencyMean: UInt32 { up + slow == 0 ? 0 : UInt32(clamping: latencySum / UInt64(up + slow)) }
}

/// How much a ledger holds.
package struct LedgerStatistics: Sendable, Equatable {
    /// Of the database file and its write-ahead log.
    package var bytes: Int64
    /// Those that are still kept; of older ones there are sums only.
    package var observations: Int64
    /// nil while there is none.
    package var oldestObservation: Instant?
    /// Names that ever had a number.
    package var checks: Int
    package init(bytes: Int64, observations: Int64, oldestObservation: Instant?, checks: Int) {
        self.bytes = bytes
        self.observations = observations
        self.oldestObservation = oldestObservation
        self.checks = checks
    }
}
