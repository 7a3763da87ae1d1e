import Runtime
import StokerCore
import Synchronization

extension HubRateLimiter {
    /// What is used and left, for `stoker budget`, the dashboard and metrics.
    package struct Report: Sendable, Equatable {
        /// One of the Hub's windows of five minutes.
        package struct Window: Sendable, Equatable {
            /// `api`, `resolvers` or `pages`.
            package var bucket: String
            /// Requests per window; nil when the Hub did not say.
            package var quota: Int?
            /// Requests left for the whole account, other programs included.
            package var remaining: Int
            /// Until the window ends; zero when it has.
            package var endsIn: Duration
            /// Of this process, in this window.
            package var sent: Int
            /// Of the account, as far as quota and rest tell.
            package var used: Int? { quota.map { max(0, $0 - remaining) } }
            package init(bucket: String, quota: Int?, remaining: Int, endsIn: Duration, sent: Int) {
                self.bucket = bucket
                self.quota = quota
                self.remaining = remaining
                self.endsIn = endsIn
                self.sent = sent
            }
        }
        /// What this process has committed to one repo.
        package struct Commits: Sendable, Equatable {
            package var repo: RepoID
            package var lastHour: Int
            /// About what the Hub takes in an hour.
            package var budget: Int
        }
        /// Something that the Hub told us to stop for a while.
        package struct Stop: Sendable, Equatable {
            /// "commits to space maren/orbit-api"
            package var what: String
            /// Until it is tried again.
            package var goesOnIn: Duration
            /// What the Hub said, without secrets.
            package var said: String
        }
        /// By name of the bucket.
        package var windows: [Window]
        /// Repos with commits of this process in the last hour, the busiest first.
        package var commits: [Commits]
        package var stops: [Stop]
        /// Requests since the start.
        package var calls: Int
        /// Answers 429 since the start.
        package var refusals: Int
        /// Calls that wait for their turn.
        package var waiting: Int
        /// Time that calls have waited for a window since the start.
        package var waited: Duration
    }

    package var report: Report {
        let now = clock.now()
        let waiting = turns.waiting
        let budget = limits.commitsPerHour
        return state.withLock { state in
            Report(
                windows: state.windows.sorted { $0.key < $1.key }.map { bucket, window in
                    let over = now >= window.end
                    return Report.Window(
                        bucket: bucket, quota: window.quota,
                        remaining: over ? window.quota ?? window.remaining : window.remaining,
                        endsIn: over ? .zero : window.end - now, sent: over ? 0 : window.sent)
                },
                commits: state.commits.map { repo, times in
                    Report.Commits(repo: repo, lastHour: times.count { $0 > now - .seconds(3_600) }, budget: budget)
                }
                .filter { $0.lastHour > 0 }
                .sorted { ($1.lastHour, $0.repo.description) < ($0.lastHour, $1.repo.description) },
                stops: state.stops.filter { $0.value.until > now }.sorted { $0.key < $1.key }.map {
                    Report.Stop(what: $0.key, goesOnIn: $0.value.until - now, said: $0.value.said)
                },
                calls: state.calls, refusals: state.refusals, waiting: waiting, waited: state.waited)
        }
    }
}
