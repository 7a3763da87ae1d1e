package import StokerCore

/// What has to be done because of something is written in the transaction of its cause: a job of ``Batch/jobs`` is there exactly when the
/// verdict, incident or event beside it is, up to the bound told at ``Batch/jobs``. Whoever does it claims it from ``JobStore``.
package protocol Outbox: Sendable {
    /// Everything in one transaction: all of it is there afterwards, or none. Observations are in time order.
    /// Incidents are recognised by check and `began`: an ended one replaces its open self. A job whose unique key is known already is not
    /// inserted again, so a batch may be recorded twice.
    func record(_ batch: Batch) async throws(Failure)
    /// The same for a caller that cannot wait for a silent disk. - Throws: also when the time is over; it may be recorded later.
    func record(_ batch: Batch, within limit: Duration) async throws(Failure)
}

extension Outbox {
    package func record(_ batch: Batch, within limit: Duration) async throws(Failure) { try await record(batch) }
}

/// Says what has to be done because of what is about to be written. ``LedgerWriter`` asks it for everything that is handed over, in that
/// order, and writes the jobs in the same transaction.
package struct OutboxPlan: Sendable {
    /// Short: it is called under a lock, by whoever hands something over. Each batch comes once.
    package var plan: @Sendable (Batch) -> [NewJob]
    /// Jobs were written: somebody may claim them.
    package var written: @Sendable () -> Void

    package init(plan: @escaping @Sendable (Batch) -> [NewJob], written: @escaping @Sendable () -> Void) {
        self.plan = plan
        self.written = written
    }
}
