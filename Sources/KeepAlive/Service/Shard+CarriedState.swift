import StokerCore

/// What survives a change of the fleet file.
extension Shard {
    struct InstalledCheck: Sendable {
        var id: Int32
        var state: CheckState
        /// Wall-clock milliseconds of the next ping; nil for none.
        var due: Int64?
        var samples: [Sample]
    }

    /// What only few checks have, beside what every check has.
    struct RareState: Sendable {
        var pings: [UInt32: Ping] = [:]
        var runs: [UInt32: Heartbeats.Runs] = [:]
        var cells: [UInt32: SpaceVerdict.GridCell] = [:]
        var transcripts: [UInt32: Transcript] = [:]
        var needsSpreading: Set<UInt32> = []
    }

    /// What survives a change of the fleet file, of one check.
    struct CarriedState: Sendable {
        var name: String
        var space: String?
        var core: InstalledCheck
        var ping: Ping?
        var runs: Heartbeats.Runs?
        var cell: SpaceVerdict.GridCell?
        var transcript: Transcript?
    }
}
