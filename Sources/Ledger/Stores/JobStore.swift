package import StokerCore

/// Work that outlives processes. Several processes may insert and claim beside each other.
///
/// A claim holds a job until its lease ends; a worker that is still at it extends the lease. Each claim raises the job's fence, and every
/// call about a claimed job names the fence: a worker that lost its job to another is refused. `now` is the wall clock of the machine
/// that has the ledger.
package protocol JobStore: Sendable {
    /// - Returns: the jobs' numbers, in the same order; that of the known job where a unique key is taken.
    @discardableResult
    func insert(_ jobs: [NewJob]) async throws(Failure) -> [Int64]
    /// Takes what is due, oldest due first: what waits, and what a worker held whose lease is over. A job that was lost with its worker at
    /// its last attempt is discarded instead.
    func claim(
        _ kinds: [String], by owner: String, limit: Int, lease: Duration, now: Instant
    ) async throws(Failure) -> [Job]
    /// Each call below: `false` when the job is not held with this fence any more. Then its worker has to stop.
    func extend(_ job: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool
    /// - Parameter note: kept with the job for a person, without secrets; at most ``Job/maxError`` bytes.
    func complete(_ job: Int64, fence: Int64, note: String?, now: Instant) async throws(Failure) -> Bool
    /// - Parameters:
    ///   - error: for a person, without secrets; at most ``Job/maxError`` bytes are kept.
    ///   - retryAt: nil gives it up, and so does the last attempt.
    func fail(_ job: Int64, fence: Int64, error: String, retryAt: Instant?, now: Instant) async throws(Failure) -> Bool
    /// Not now: the attempt does not count.
    func snooze(_ job: Int64, fence: Int64, until: Instant) async throws(Failure) -> Bool
    /// - Returns: whether it was not over yet. A worker that has it is refused from then on.
    func cancel(_ job: Int64, because: String, now: Instant) async throws(Failure) -> Bool

    /// Takes the jobs of a kind from those that hold them, for the ledger's only worker has begun anew. The attempt does not count, and they are
    /// due in their old order.
    /// - Returns: how many.
    @discardableResult
    func release(kind: String) async throws(Failure) -> Int

    /// nil when it was never there or is forgotten.
    func job(_ id: Int64) async throws(Failure) -> Job?
    /// Newest first; `before` is a job's number (exclusive). Empty `states` are all.
    func jobs(kind: String?, states: Set<Job.State>, before: Int64?, limit: Int) async throws(Failure) -> [Job]
    /// When the next of these may be claimed; nil when none waits.
    func nextDue(_ kinds: [String]) async throws(Failure) -> Instant?
    /// Deletes what has been over for ``Job/keptFor`` and what is beyond ``Job/maxEnded``; gives up the oldest beyond ``Job/maxLive``.
    func prune(now: Instant) async throws(Failure) -> Int
}

extension JobStore {
    package func complete(_ job: Int64, fence: Int64, now: Instant) async throws(Failure) -> Bool {
        try await complete(job, fence: fence, note: nil, now: now)
    }
}

/// A job to be inserted.
package struct NewJob: Sendable, Equatable {
    /// Names the handler that does it: 1…200 bytes.
    package var kind: String
    /// What is to be done, as the kind's own JSON.
    package var payload: String
    /// When its cause happened.
    package var createdAt: Instant
    /// Not claimed before. Default: when its cause happened.
    package var runAt: Instant
    /// 1 or more; default 25.
    package var maxAttempts: Int
    /// nil: as many jobs as were inserted.
    package var key: Key?

    /// There is one job of a key only.
    package struct Key: Sendable, Equatable {
        /// 1…200 bytes; unique among the jobs that are remembered.
        package var text: String
        /// The key is free again when the job is over. Otherwise it is taken as long as the job is remembered.
        package var endsWithJob: Bool
        /// Puts its payload in the place of that of the job that has the key, as long as nobody has claimed that one.
        package var replaces = false
        /// As long as the job is remembered, which is ``Job/keptFor`` after its end: for a message that is sent once.
        package static func once(_ text: String) -> Key { Key(text: text, endsWithJob: false) }
        /// Until the job is over: for work that is never done twice at a time.
        package static func oneAtATime(_ text: String) -> Key { Key(text: text, endsWithJob: true) }
        /// As ``once(_:)``, for a message that still grows: the job that waits gets the new payload and keeps its time. Where that job
        /// was claimed already, this one is inserted beside it without a key, so that nothing is lost.
        package static func growing(_ text: String) -> Key { Key(text: text, endsWithJob: false, replaces: true) }
    }

    /// - Throws: `usage` for a payload above ``Job/maxPayload``, or a kind or key above 200 bytes or empty.
    package init(
        kind: String, payload: String = "{}", createdAt: Instant, runAt: Instant? = nil, maxAttempts: Int = 25,
        key: Key? = nil
    ) throws(Failure) {
        guard payload.utf8.count <= Job.maxPayload, (1...200).contains(kind.utf8.count),
            key.map({ (1...200).contains($0.text.utf8.count) }) ?? true
        else {
            throw Failure(
                .usage, doing: "make a job of the kind \(kind.prefix(200))",
                because:
                    "its payload has more than \(Job.maxPayload) bytes, or its kind or key has none or more than 200")
        }
        self.kind = kind
        self.payload = payload
        self.createdAt = createdAt
        self.runAt = max(runAt ?? createdAt, createdAt)
        self.maxAttempts = min(max(1, maxAttempts), 1_000)
        self.key = key
    }
}

/// A job as it is kept.
package struct Job: Sendable, Equatable {
    /// Raw values are stored and shown by the API.
    package enum State: String, Sendable, CaseIterable {
        /// Can be claimed.
        case available
        /// Waits for its time.
        case scheduled
        case running
        /// Failed, and waits to be tried again.
        case retryable
        case completed
        /// Given up: its last attempt failed, or it cannot succeed.
        case discarded
        case cancelled

        /// Nothing more is done with it.
        package var isOver: Bool { self == .completed || self == .discarded || self == .cancelled }
    }

    package var id: Int64
    package var kind: String
    package var payload: String
    package var state: State
    package var createdAt: Instant
    /// When it may be claimed: its time while it waits, the end of the lease while it runs; nil once it is over.
    package var due: Instant?
    /// Claims so far, those that snoozed or were handed back not counted.
    package var attempt: Int
    /// After so many claims that failed it is discarded.
    package var maxAttempts: Int
    /// Who holds it, while it runs.
    package var owner: String?
    /// Rises with each claim.
    package var fence: Int64
    package var key: String?
    /// nil while it is not over.
    package var endedAt: Instant?
    /// Of the last attempt, or the note of one that is done; without secrets.
    package var lastError: String?

    /// When it may be claimed; nil while somebody holds it.
    package var runAt: Instant? { state == .running ? nil : due }
    /// Until when its holder is believed to be at work; nil while nobody holds it.
    package var leaseUntil: Instant? { state == .running ? due : nil }

    /// Bytes of a payload.
    package static let maxPayload = 65_536
    /// Bytes of an error or note that are kept.
    package static let maxError = 2_000
    /// After its end.
    package static let keptFor = Duration.seconds(7 * 86_400)
    package static let maxEnded = 20_000
    package static let maxLive = 100_000
    static let lost = "its worker ended before it was done"
    static let tooMany = "too many jobs waited"
}
