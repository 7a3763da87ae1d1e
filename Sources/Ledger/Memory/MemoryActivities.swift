package import StokerCore
import Synchronization

/// Activities without a disk.
package final class MemoryActivities: ActivityStore {
    private let state = Mutex((next: Int64(1), all: [Activity]()))
    /// Fewer than on a disk.
    private static let most = 10_000

    package init() {}

    package func begin(_ activity: NewActivity, within limit: Duration) -> Int64 {
        state.withLock { state in
            let id = state.next
            state.next += 1
            state.all.append(Activity(id: id, what: activity, result: .begun, because: nil))
            if state.all.count > Self.most { state.all.removeFirst(state.all.count - Self.most / 10 * 9) }
            return id
        }
    }

    package func end(_ activity: Int64, as result: Activity.Result, because: String?) {
        state.withLock { state in
            guard let place = state.all.lastIndex(where: { $0.id == activity }) else { return }
            state.all[place] = Activity(id: activity, what: state.all[place].what, result: result, because: because)
        }
    }

    package func activities(_ query: ActivityQuery) -> [Activity] {
        state.withLock { Array($0.all.reversed().lazy.filter { query.takes($0) }.prefix(max(0, query.limit))) }
    }

    package func prune(before: Instant) -> Int {
        state.withLock { state in
            let count = state.all.count
            state.all.removeAll { $0.what.at < before }
            return count - state.all.count
        }
    }
}
