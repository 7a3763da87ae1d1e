import Crypto
import HubClient
import Runtime
import StokerCore
import Synchronization

/// Commits that an account may make in an hour, shared by all states of this process that are in datasets. A tenth is kept for claims of the pen and
/// for last snapshots.
///
/// The Hub documents no number. 60 is what people saw, and less than the 128 for one repository that a refusal named. What other machines of the account
/// commit shows only in the Hub's own refusals, which are waited for as they ask.
package final class CommitBudget: Sendable {
    /// Set while the pen is claimed or handed back, and for the last snapshot.
    @TaskLocal package static var isUrgent = false

    private static let all = Mutex<[String: CommitBudget]>([:])

    /// That of an account at a Hub.
    static func shared(by hub: Hub) -> CommitBudget {
        // The token itself stays out of it.
        let token = hub.settings.token.map { Hex.text(SHA256.hash(data: Array($0.reveal().utf8))) } ?? ""
        return all.withLock { all in
            let key = hub.settings.endpoint + " " + token
            let known = all[key] ?? CommitBudget()
            all[key] = known
            return known
        }
    }

    private let perHour: Int
    private let reserve: Int
    private let clock: WaitClock
    /// When commits were made, oldest first.
    private let made = Mutex<[Duration]>([])

    init(perHour: Int = 60, clock: WaitClock = .real) {
        self.perHour = max(1, perHour)
        reserve = perHour / 10
        self.clock = clock
    }

    /// Takes a place; nil when it was there, else the time until one is free.
    func take(isUrgent: Bool = CommitBudget.isUrgent) -> Duration? {
        let now = clock.now()
        return made.withLock { made in
            made.removeAll { $0 <= now - .seconds(3_600) }
            let limit = isUrgent ? perHour : max(1, perHour - reserve)
            guard made.count >= limit else {
                made.append(now)
                return nil
            }
            return made[made.count - limit] + .seconds(3_600) - now
        }
    }

    /// The Hub certainly did not make that commit.
    func giveBack() { made.withLock { _ = $0.popLast() } }
}
