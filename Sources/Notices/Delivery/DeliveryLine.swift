import Runtime

/// The messages of one channel that were claimed: they leave one after the other, the oldest first. So a kill hits at most one of them
/// on its way.
struct DeliveryLine: Sendable {
    final class Place: Sendable {
        let job: Int64
        let outgoing: OutgoingMessage
        /// Rung when it is next, and when it is its turn.
        let signal = AsyncSignal()

        fileprivate init(job: Int64, outgoing: OutgoingMessage) {
            self.job = job
            self.outgoing = outgoing
        }

        fileprivate var rank: (Int64, Int64) { (outgoing.order, job) }
    }

    /// Where a message stands.
    enum Turn: Sendable {
        case now
        /// The one before it is on its way: what can be made ahead is made now.
        case next
        case later
    }

    private var waiting: [Place] = []
    /// The job whose turn it is.
    private var first: Int64?

    var isEmpty: Bool { waiting.isEmpty }
    func contains(_ job: Int64) -> Bool { waiting.contains { $0.job == job } }
    subscript(job: Int64) -> Place? { waiting.first { $0.job == job } }

    func turn(of job: Int64) -> Turn { job == first ? .now : job == next?.job ? .next : .later }
    private var next: Place? { waiting.first { $0.job != first } }
    /// Who is to look at its turn: the first and the next.
    var signals: [AsyncSignal] { [first.flatMap { self[$0] }, next].compactMap { $0?.signal } }

    /// Also for one that stands in it.
    @discardableResult
    mutating func stand(_ job: Int64, _ outgoing: OutgoingMessage) -> Place {
        if let known = self[job] { return known }
        let new = Place(job: job, outgoing: outgoing)
        var place = waiting.count
        while place > 0, waiting[place - 1].rank > new.rank { place -= 1 }
        waiting.insert(new, at: place)
        // Whose turn it is keeps it.
        if first == nil { first = waiting.first?.job }
        return new
    }

    mutating func remove(_ job: Int64) {
        waiting.removeAll { $0.job == job }
        if first == job { first = waiting.first?.job }
    }
}
