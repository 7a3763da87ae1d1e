/// The messages of one channel that are not over. Of two about the same check the older one goes first.
struct MessageOrder: Sendable {
    private struct Message: Sendable {
        var checks: Set<String>
        var isWide: Bool
    }

    private var messages: [Int64: Message] = [:]
    /// Orders, rising: of each check, of those that tell of more than they list, and of all that tell of checks.
    private var byCheck: [String: [Int64]] = [:]
    private var wide: [Int64] = []
    private var all: [Int64] = []

    var isEmpty: Bool { messages.isEmpty }
    var orders: some Collection<Int64> { messages.keys }

    /// Also in place of what was known of it.
    /// - Parameters:
    ///   - checks: those that it lists.
    ///   - isWide: it tells of more than it lists.
    mutating func insert(_ order: Int64, checks: Set<String>, isWide: Bool) {
        remove(order)
        messages[order] = Message(checks: checks, isWide: isWide)
        for check in checks { Self.insert(order, into: &byCheck[check, default: []]) }
        if isWide { Self.insert(order, into: &wide) }
        if isWide || !checks.isEmpty { Self.insert(order, into: &all) }
    }

    mutating func remove(_ order: Int64) {
        guard let message = messages.removeValue(forKey: order) else { return }
        for check in message.checks {
            guard var orders = byCheck.removeValue(forKey: check) else { continue }
            Self.remove(order, from: &orders)
            if !orders.isEmpty { byCheck[check] = orders }
        }
        if message.isWide { Self.remove(order, from: &wide) }
        if message.isWide || !message.checks.isEmpty { Self.remove(order, from: &all) }
    }

    /// The oldest one before it about one of the same checks that is not over.
    func first(before order: Int64, checks: Set<String>, isWide: Bool) -> Int64? {
        guard isWide || !checks.isEmpty else { return nil }
        let others = isWide ? [all.first] : [wide.first] + checks.map { byCheck[$0]?.first }
        return others.compactMap(\.self).min().flatMap { $0 < order ? $0 : nil }
    }

    /// New ones are the newest but for a few.
    private static func insert(_ order: Int64, into orders: inout [Int64]) {
        var place = orders.count
        while place > 0, orders[place - 1] > order { place -= 1 }
        orders.insert(order, at: place)
    }

    private static func remove(_ order: Int64, from orders: inout [Int64]) {
        var (low, high) = (0, orders.count)
        while low < high {
            let middle = (low + high) / 2
            if orders[middle] < order { low = middle + 1 } else { high = middle }
        }
        if low < orders.count, orders[low] == order { orders.remove(at: low) }
    }
}
