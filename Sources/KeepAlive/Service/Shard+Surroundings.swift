import Ledger
import StokerCore

extension Shard {
    /// What all shards share.
    struct Surroundings: Sendable {
        var connectivity: SharedConnectivity
        var examiner: Examiner
        var backlog: SharedBacklog
        /// What the Hub says of Spaces; asked for Spaces only.
        var hub: HubKnowledge
        var readingWish: ReadingWish
        /// Hands a batch to the ledger's writer and the names of changed checks to who listens.
        var deliver: @Sendable (Batch, [String]) -> Void
        var listening: @Sendable () -> Bool
    }
}
