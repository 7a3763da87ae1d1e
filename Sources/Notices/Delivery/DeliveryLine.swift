import Runtime

/// The messages of one channel that were claimed: they leave one after the other, the oldest first. So a kill hits at most one of them
/// on its way.
struct DeliveryLine: Sendable {
    private var waiting: [(job: Int64, order: Int64, signal: AsyncSignal)] = []

    var isEmpty: Bool { waiting.isEmpty }
    func contains(_ job: Int64) -> Bool { waiting.contains { $0.job == job } }
    /// The job whose turn it is.
    private(set) var first: Int64?
    var signal: AsyncSignal? { waiting.first { $0.job == first }?.signal }

    /// Also for one that stands in it. - Returns: rung when it is its turn.
    mutating func stand(_ job: Int64, order: Int64) -> AsyncSignal {
        if let known = waiting.first(where: { $0.job == job }) { return known.signal }
        let signal = AsyncSignal()
        var place = waiting.count
        while place > 0, (waiting[place - 1].order, waiting[place - 1].job) > (order, job) { place -= 1 }
        waiting.insert((job, order, signal), at: place)
        // Whose turn it is keeps it.
        if first == nil { first = waiting.first?.job }
        return signal
    }

    mutating func remove(_ job: Int64) {
        waiting.removeAll { $0.job == job }
        if first == job { first = waiting.first?.job }
    }
}
