/// When a shard's loop wakes up next. Pure; wall-clock milliseconds.
enum NextTick {
    /// Longest time between two flushes.
    static let flush: Int64 = 250
    /// What is due within these milliseconds is begun together, at their end: waking up costs more than a ping's own work.
    static let together: Int64 = 8

    /// - Parameter due: of the next ping that may begin; nil for none.
    static func next(due: Int64?, now: Int64) -> Int64 {
        let due = due ?? .max
        let rounded = due < now + flush ? (due + together - 1) / together * together : due
        return min(max(rounded, now), now + flush)
    }
}
