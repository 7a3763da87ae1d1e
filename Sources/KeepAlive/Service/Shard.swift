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
    let shared: SharedServices
    let logger: Logger

    /// All checks of the fleet, shared with the other shards and the fleet monitor: a million of them are held once.
    var fleet: [Check] = []
    /// Of `stride` shards, from 0: this one has the checks `number`, `number + stride` and so on.
    let number: Int
    let stride: Int
    /// Parallel columns, one row per check of this shard.
    var ids: ContiguousArray<Int32> = []
    var states = CheckStateTable()
    var recentPings: RecentPings
    var timetable = Timetable()
    /// Pings under way: between their first attempt and their conclusion.
    var pings: [UInt32: Ping] = [:]

    var admission: AdmissionControl
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
    var transcriptCache: TranscriptCache
    var counters = Counters()
    var counts = VerdictCounts()

    /// What goes to the ledger with the next flush.
    var batch = Batch()
    var dirty: ContiguousArray<UInt32> = []
    var flags: ContiguousArray<Flags> = []

    var active = false
    var stopping = false
    /// Between ``carry()`` and ``install(_:_:rareState:)`` nothing begins and nothing changes: it would be lost.
    var frozen = false
    /// Attempts that were under way when the fleet was replaced, by their serial: this lane ends them, their check may be elsewhere.
    var handovers: [UInt64: Handover] = [:]
    /// Pings that had failed attempts when the program ended: when the first of them began.
    var unfinished: [UInt32: Instant] = [:]
    /// Checks whose next ping is followed by one anywhere in the interval, because many came at once.
    var needsSpreading: Set<UInt32> = []
    var wakeUp: Scheduled<Void>?
    var wakeUpAt: Int64 = .max
    var flushedAt: Int64 = 0

    /// What is to be remembered of a check in one byte.
    struct Flags: OptionSet {
        var rawValue: UInt8
        /// In ``dirty``.
        static let dirty = Flags(rawValue: 1)
        /// Its host says something about our way to the world (``ConnectivityGuard/counts(host:)``).
        static let countsForConnectivity = Flags(rawValue: 2)
    }

    struct Counters {
        var pings: UInt64 = 0
        var attempts: UInt64 = 0
        var shed: UInt64 = 0
        var generation: UInt64 = 0
    }

    init(
        loop: any EventLoop, number: Int, of shards: Int, lane: ProbeLane, openLimit: Int, recentLimit: Int,
        transcripts: Int, seed: UInt64, clocks: Clocks,
        shared: SharedServices, logger: Logger
    ) {
        self.loop = loop
        self.number = number
        self.stride = shards
        self.lane = lane
        self.clocks = clocks
        self.shared = shared
        self.logger = logger
        self.admission = AdmissionControl(openLimit: openLimit, recentLimit: recentLimit)
        self.spread = DueTimeSpread(seed: seed)
        self.clockWatch = ClockMonitor(clocks.reading)
        self.watchingSince = clocks.wall()
        self.transcriptCache = TranscriptCache(limit: transcripts)
        self.recentPings = RecentPings(count: 0)
    }

    var count: Int { ids.count }

    func check(_ row: Int) -> Check { fleet[row * stride + number] }
}
