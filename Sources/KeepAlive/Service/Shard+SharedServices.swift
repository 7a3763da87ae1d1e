import Ledger
import StokerCore

extension Shard {
    /// What all shards share.
    struct SharedServices: Sendable {
        var connectivity: SharedConnectivity
        var evaluator: ResponseEvaluator
        var backlog: SharedBacklog
        /// What the Hub says of Spaces; asked for Spaces only.
        var hub: HubReadings
        var earlyPoll: EarlyPollRequest
        var maintenance: MaintenanceBook
        /// Hands a batch to the ledger's writer and the names of changed checks to who listens.
        var deliver: @Sendable (Batch, [String]) -> Void
        var listening: @Sendable () -> Bool
    }
}
