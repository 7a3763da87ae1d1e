import Ledger
import StokerCore

/// What was known of checks that left the fleet, should they come back: the ledger has it only some time later.
struct DepartedChecks {
    private struct Departed {
        var saved: SavedState
        var space: String?
    }
    private var byID: [Int32: Departed] = [:]
    /// The ledger may remember checks up to this number that are not in the fleet.
    var highestRemembered = Int32.max

    /// More are forgotten: by then the ledger has them.
    static let most = 10_000

    var isEmpty: Bool { byID.isEmpty }
    var ids: [Int32] { Array(byID.keys) }

    mutating func add(_ id: Int32, _ saved: SavedState, space: String?) {
        if byID.count >= Self.most {
            byID = [:]
            highestRemembered = .max
        }
        byID[id] = Departed(saved: saved, space: space)
    }

    mutating func remove(_ ids: [Int32]) {
        if byID.isEmpty { return }
        for id in ids { byID[id] = nil }
    }

    /// Whether only the ledger can tell what is known of a check that joins.
    func isForTheLedger(_ id: Int32) -> Bool { id <= highestRemembered && byID[id] == nil }

    enum Known: Equatable {
        /// It did not leave while this process ran.
        case elsewhere
        /// Its name means another Space now: what is known of the one says nothing of the other.
        case stranger
        case same(SavedState)
    }

    func known(_ id: Int32, space: String?) -> Known {
        guard let left = byID[id] else { return .elsewhere }
        return SpaceName.isSame(left.space, space) ? .same(left.saved) : .stranger
    }
}

extension SpaceName {
    /// Whether two checks look at the same Space, however it is written; also when both look at none.
    static func isSame(_ space: String?, _ other: String?) -> Bool {
        space == other || space.map(key) == other.map(key)
    }
}
