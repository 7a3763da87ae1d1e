import StokerCore

extension Shard {
    struct Ping {
        var attempt: UInt8 = 0
        /// Ticket of the running attempt; nil while waiting for the next one.
        var ticket: Int64?
        /// Number of the running attempt: an answer with another number comes too late.
        var serial: UInt64 = 0
        /// Number of the shard whose lane makes the running attempt: another one after the fleet was replaced.
        var probingShard = 0
        /// When it was due; wall-clock milliseconds.
        var due: Int64
        /// When its first failed attempt began.
        var failedFrom: Instant?
        /// Asked for by a person: made even outside its hours, and reported to these.
        var waiters: [CheckedContinuation<Result<Void, Failure>, Never>] = []

        func fail(_ failure: Failure) { for waiter in waiters { waiter.resume(returning: .failure(failure)) } }
    }
}
