import Ledger
import Logging
import NIOCore
import Runtime
import StokerCore

/// One part of the fleet on one event loop: its timetable, its probes, its verdicts. The loop is the actor's executor, so a
/// probe's answer is judged where it arrives, without a hop.
actor Shard {
    nonisolated let loop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    let lane: ProbeLane
    let clocks: Clocks
    let surroundings: Surroundings
    let logger: Logger

    /// All checks of the fleet, shared with the other shards and the fleet monitor: a million of them are held once.
    var fleet: [Check] = []
    /// This shard has every `stride`-th check, beginning with this one.
    let first: Int
    let stride: Int
    /// Parallel columns, one place per check of this shard.
    var ids: ContiguousArray<Int32> = []
    var states = CheckStateTable()
    var strips: RecentPings
    var timetable = Timetable()
    /// Pings under way: between their first attempt and their conclusion.
    var pings: [UInt32: Ping] = [:]

    var gate: AdmissionControl
    var spread: DueTimeSpread
    var clockWatch: ClockMonitor
    var evidence = ConnectivityGuard.Evidence()
    var runs: [UInt32: Heartbeats.Runs] = [:]
    /// What both sources meant together at the last ping of a Space, where that is more than "well".
    var cells: [UInt32: SpaceVerdict.GridCell] = [:]
    /// Windows of the policies that have hours, ready to be asked.
    var windows: [ObjectIdentifier: HoursWindow] = [:]
    /// Since when calls could reach us.
    var watchingSince: Instant
    var lateness = LatenessWindow()
    var latenessTurned: Int64 = 0
    var shelf: TranscriptCache
    var counters = Counters()
    var counts = VerdictCounts()

    /// What goes to the ledger with the next flush.
    var batch = Batch()
    var dirty: ContiguousArray<UInt32> = []
    var marks: ContiguousArray<Marks> = []

    var active = false
    var stopping = false
    /// Between ``carry()`` and ``install(_:_:rareState:)`` nothing begins and nothing changes: it would be lost.
    var frozen = false
    /// Attempts that were under way when the fleet was replaced, by their serial: this lane ends them, their check may be elsewhere.
    var travels: [UInt64: Handover] = [:]
    /// Pings that had failed attempts when the program ended: when the first of them began.
    var unfinished: [UInt32: Instant] = [:]
    /// Checks whose next ping is followed by one anywhere in the interval, because they came in a crowd.
    var crowd: Set<UInt32> = []
    var wakeUp: Scheduled<Void>?
    var wakeUpAt: Int64 = .max
    var flushedAt: Int64 = 0

    /// What is to be remembered of a check in one byte.
    struct Marks: OptionSet {
        var rawValue: UInt8
        /// In ``dirty``.
        static let dirty = Marks(rawValue: 1)
        /// Its host says something about our way to the world (``ConnectivityGuard/counts(host:)``).
        static let witness = Marks(rawValue: 2)
    }

    struct Counters {
        var pings: UInt64 = 0
        var attempts: UInt64 = 0
        var shed: UInt64 = 0
        var generation: UInt64 = 0
    }

    init(
        loop: any EventLoop, number: Int, of shards: Int, lane: ProbeLane, openLimit: Int, youngLimit: Int,
        transcripts: Int, seed: UInt64, clocks: Clocks,
        surroundings: Surroundings, logger: Logger
    ) {
        self.loop = loop
        self.first = number
        self.stride = shards
        self.lane = lane
        self.clocks = clocks
        self.surroundings = surroundings
        self.logger = logger
        self.gate = AdmissionControl(openLimit: openLimit, youngLimit: youngLimit)
        self.spread = DueTimeSpread(seed: seed)
        self.clockWatch = ClockMonitor(clocks.reading)
        self.watchingSince = clocks.wall()
        self.shelf = TranscriptCache(limit: transcripts)
        self.strips = RecentPings(count: 0)
    }

    var count: Int { ids.count }

    func check(_ place: Int) -> Check { fleet[place * stride + first] }
}
