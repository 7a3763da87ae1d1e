package import Runtime
import StokerCore
import Synchronization

/// Keeps an account inside the Hub's request windows and action quotas. One value for a process and account; every call passes here.
///
/// The Hub has three buckets of requests (`api`, `resolvers`, `pages`), each with a fixed window of five minutes, and quotas per
/// action beside them that it does not document. Both are kept before they bite: a burst may use half of a window at once, the rest is
/// spread over the time that is left, so that a window never runs dry while work is waiting.
///
/// Source of the rules: hub-docs `rate-limits.md` (September 2025) and huggingface_hub 2.4 `utils/_http.py`.
package final class HubRateLimiter: Sendable {
    /// What is known of the Hub's quotas beside its windows.
    package struct Limits: Sendable {
        /// Commits per hour and repo. Default 128, the number that a refusal of March 2026 named; nothing is documented.
        package var commitsPerHour: Int
        /// Commits per hour of the whole account; nil without a limit of its own.
        package var commitsPerHourInAll: Int?
        /// Share of a window that is kept for calls marked ``HubRequest/isUrgent``. Default 0.05.
        package var reserve: Double
        package init(commitsPerHour: Int = 128, commitsPerHourInAll: Int? = nil, reserve: Double = 0.05) {
            self.commitsPerHour = max(1, commitsPerHour)
            self.commitsPerHourInAll = commitsPerHourInAll.map { max(1, $0) }
            self.reserve = min(max(reserve, 0), 0.5)
        }
    }

    package let clock: WaitClock
    package let limits: Limits
    let turns = HubSerialQueues()
    let state: Mutex<RateLimiterState>

    package init(limits: Limits = Limits(), clock: WaitClock = .real) {
        self.limits = limits
        self.clock = clock
        state = Mutex(RateLimiterState(limits: limits))
    }

    /// Waits until a call of this bucket may leave. To be followed by ``heard(_:bucket:status:)`` or ``lost(bucket:)``.
    ///
    /// Normal calls go one after the other; urgent ones pass them and may use the reserve.
    /// - Parameter until: by ``clock``; what would have to wait longer is refused at once with ``HubFailure/Kind/throttled``. Time spent
    ///   behind others counts.
    /// - Parameter waits: told once of a wait that a person would notice, with its reason.
    func admit(
        _ bucket: String, urgent: Bool, until: Duration, doing: String,
        waits: (_ because: String, _ time: Duration) -> Void = { _, _ in }
    ) async throws {
        let line = "bucket:" + bucket
        var isTold = false
        if !urgent { try await turns.take(line) }
        defer { if !urgent { turns.give(line) } }
        while true {
            let now = clock.now()
            let wait = state.withLock { $0.admit(bucket, urgent: urgent, now: now) }
            guard wait > .zero else { return }
            guard now + wait <= until else {
                throw HubFailure(
                    .throttled, doing: doing,
                    said: "the Hub takes no more \(bucket) requests of this account for \(wait.wholeSeconds)",
                    hint: "wait, or use a token of a plan with more requests", retry: .after(wait))
            }
            if !isTold, wait >= Self.noticed {
                isTold = true
                waits("the account's \(bucket) requests are to last until the Hub's window ends", wait)
            }
            state.withLock { $0.waited += min(wait, .seconds(1)) }
            // At most a second at a time: an answer to another call may have shortened or lengthened the wait.
            try await clock.sleep(min(wait, .seconds(1)))
        }
    }

    private static let noticed = Duration.seconds(3)

    /// Learns from an answer.
    func heard(_ headers: RateLimitHeaders?, bucket: String, status: Int) {
        let now = clock.now()
        state.withLock { $0.heard(headers, bucket: bucket, status: status, now: now) }
    }

    /// No answer came: the call may have counted or not.
    func lost(bucket: String) {
        state.withLock { $0.lost(bucket) }
    }

    // MARK: Actions

    /// Takes the turn an action needs and a place in its budget. Whoever gets it calls ``finish(_:happened:)``.
    /// - Parameters:
    ///   - until: as for ``admit(_:urgent:until:doing:waits:)``.
    ///   - waits: as there.
    func begin(
        _ action: HubRequest.Action, until: Duration, doing: String,
        waits: (_ because: String, _ time: Duration) -> Void = { _, _ in }
    ) async throws {
        try await turns.take(action.turn)
        do {
            while true {
                let now = clock.now()
                let wait = state.withLock { $0.reserve(action, now: now) }
                guard let wait else { return }
                guard now + wait.time <= until else {
                    throw HubFailure(
                        .throttled, doing: doing, said: wait.said,
                        hint: "it may be tried again in \(wait.time.wholeSeconds)",
                        retry: .after(wait.time))
                }
                if wait.time >= Self.noticed { waits(wait.said, wait.time) }
                try await clock.sleep(wait.time)
            }
        } catch {
            turns.give(action.turn)
            throw error
        }
    }

    /// - Parameter happened: false when the Hub certainly did not do it, so that it does not count.
    func finish(_ action: HubRequest.Action, happened: Bool) {
        if !happened { state.withLock { $0.giveBack(action) } }
        turns.give(action.turn)
    }

    /// The Hub refused this kind of action though its request window is not empty. Says how long it is stopped from now on.
    func stop(_ action: String, said: String, retryAfter: Duration?) -> Duration {
        let now = clock.now()
        return state.withLock { $0.stop(action, said: said, retryAfter: retryAfter, now: now) }
    }

    func succeeded(_ action: HubRequest.Action) {
        state.withLock { $0.succeeded(action.name) }
    }

    /// Holds the only pen of a repo while `work` runs: what reads a head and then commits on it is not mixed with another's.
    /// Not to be nested for the same repo.
    package func writing<Value>(to repo: RepoID, _ work: () async throws -> Value) async throws -> Value {
        let name = "writer:\(repo.kind.rawValue):\(repo)"
        try await turns.take(name)
        defer { turns.give(name) }
        return try await work()
    }
}

extension HubRequest.Action {
    /// What it is called in reports and stops, one for each kind and repo.
    var name: String {
        switch self {
        case .commit(let repo): "commits to \(repo.kind.rawValue) \(repo)"
        case .createRepo: "new repositories"
        case .restart(let space): "restarts of \(space)"
        case .write(let repo): "changes of \(repo.kind.rawValue) \(repo)"
        }
    }
    /// Calls with the same turn are made one after the other.
    var turn: String {
        switch self {
        case .commit(let repo), .write(let repo): "repo:\(repo.kind.rawValue):\(repo)"
        case .restart(let space): "repo:space:\(space)"
        case .createRepo: "create"
        }
    }
}

extension Duration {
    /// Seconds rounded up, as people write it: `97s`, `5m`.
    var wholeSeconds: String { Duration.seconds(Int64(seconds.rounded(.up))).text }
}
