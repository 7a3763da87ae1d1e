import StokerCore

/// Remembered answers, at most `limit` of them: the one that was not asked for since the hand last passed goes first
/// ("clock", second chance). Times are nanoseconds of the monotonic clock.
struct ResolverCache: Sendable {
    private struct Entry: Sendable {
        var name: String
        var resolution: Resolution
        var freshUntil: UInt64
        var staleUntil: UInt64
        var used: Bool
    }
    private var entries: [Entry] = []
    private var index: [String: Int] = [:]
    private var hand = 0
    let limit: Int

    init(limit: Int) { self.limit = max(1, limit) }

    var count: Int { entries.count }

    /// What is known and still believed.
    mutating func fresh(_ name: String, now: UInt64) -> Resolution? {
        guard let place = index[name], entries[place].freshUntil > now else { return nil }
        if !entries[place].used { entries[place].used = true }
        return entries[place].resolution
    }

    /// Addresses whose time is over but that may be used when the servers fail.
    func stale(_ name: String, now: UInt64) -> Resolution? {
        guard let place = index[name], entries[place].staleUntil > now,
            case .found(let addresses, _) = entries[place].resolution
        else { return nil }
        return .found(addresses, stale: true)
    }

    mutating func put(_ name: String, _ resolution: Resolution, freshUntil: UInt64, staleUntil: UInt64) {
        if let place = index[name] {
            entries[place].resolution = resolution
            entries[place].freshUntil = freshUntil
            entries[place].staleUntil = staleUntil
            return
        }
        // A newcomer must be asked for again before it outlives anyone.
        let entry = Entry(
            name: name, resolution: resolution, freshUntil: freshUntil, staleUntil: staleUntil, used: false)
        if entries.count < limit {
            index[name] = entries.count
            entries.append(entry)
            return
        }
        while entries[hand].used {
            entries[hand].used = false
            hand = (hand + 1) % entries.count
        }
        index[entries[hand].name] = nil
        index[name] = hand
        entries[hand] = entry
        hand = (hand + 1) % entries.count
    }
}
