package import StokerCore
import Synchronization

/// Actions without a disk.
package final class MemoryActions: ActionStore {
    private struct State {
        var actions: [Int64: Action] = [:]
        var last: Int64 = 0
    }
    private let state = Mutex(State())

    package init() {}

    package func begin(_ action: NewAction, within limit: Duration) -> Action {
        state.withLock { Self.insert(action, &$0) }
    }

    private static func insert(_ action: NewAction, _ state: inout State) -> Action {
        state.last += 1
        let new = Action(action, id: state.last)
        state.actions[new.id] = new
        return new
    }

    package func beginAlone(_ action: NewAction, within limit: Duration) -> ExclusiveAction {
        state.withLock { state in
            let open = state.actions.values.filter { known in
                known.state == .begun && known.kind == action.kind
                    && SpaceName.key(known.space) == SpaceName.key(action.space) && action.excludes(known)
            }.sorted { $0.id < $1.id }
            if let held = open.first(where: { $0.leaseUntil.map { $0 > action.began } ?? false }) {
                return .held(held)
            }
            for lost in open {
                state.actions[lost.id]?.state = .unknown
                state.actions[lost.id]?.ended = action.began
                state.actions[lost.id]?.fence += 1
            }
            return .begun(Self.insert(action, &state))
        }
    }

    private func held(_ id: Int64, _ fence: Int64, _ change: (inout Action) -> Void) -> Bool {
        state.withLock { state in
            guard var action = state.actions[id], action.state == .begun, action.fence == fence else { return false }
            change(&action)
            state.actions[id] = action
            return true
        }
    }

    package func extend(_ action: Int64, fence: Int64, until: Instant) -> Bool {
        held(action, fence) { $0.leaseUntil = until }
    }

    package func end(_ action: Int64, fence: Int64, as state: Action.State, result: String?, now: Instant) -> Bool {
        held(action, fence) {
            $0.state = state
            $0.result = result?.shortened(toBytes: Job.maxError)
            $0.ended = now
            $0.leaseUntil = nil
        }
    }

    package func takeOver(_ id: Int64, by owner: String, until: Instant, gone: String?, now: Instant) -> Action? {
        state.withLock { state in
            guard var action = state.actions[id], action.state == .begun,
                action.leaseUntil.map({ $0 <= now }) ?? true || gone != nil && action.owner == gone
            else { return nil }
            action.owner = owner
            action.leaseUntil = until
            action.fence += 1
            state.actions[id] = action
            return action
        }
    }

    package func actions(_ query: ActionQuery) -> [Action] {
        let found = state.withLock { state in
            state.actions.values.filter { action in
                (query.space.map { SpaceName.key($0) == SpaceName.key(action.space) } ?? true)
                    && (query.kinds.isEmpty || query.kinds.contains(action.kind))
                    && (!query.openOnly || action.state == .begun)
                    && (query.since.map { action.began >= $0 } ?? true)
                    && (query.before.map { action.id < $0 } ?? true)
            }
        }
        return Array(found.sorted { $0.id > $1.id }.prefix(max(0, query.limit)))
    }

    package func rename(space: String, to new: String) -> Int {
        guard SpaceName.key(space) != SpaceName.key(new) else { return 0 }
        return state.withLock { state in
            let own = state.actions.values.filter { SpaceName.key($0.space) == SpaceName.key(space) }.map(\.id)
            for id in own { state.actions[id]?.space = new }
            return own.count
        }
    }

    package func prune(endedBefore: Instant) -> Int {
        state.withLock { state in
            let over = state.actions.values.filter { $0.ended != nil }.sorted { $0.id > $1.id }
            let old = over.enumerated().filter { index, one in
                index >= Action.most || one.ended.map { $0 < endedBefore } ?? false
            }
            for (_, one) in old { state.actions[one.id] = nil }
            return old.count
        }
    }
}
