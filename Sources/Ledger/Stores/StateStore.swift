package import StokerCore

/// The names of checks and how they are: what a start needs.
package protocol StateStore: Sendable {
    /// Stable numbers for names: a known name keeps its number for good, a new one gets the next. Same order as asked.
    func register(_ names: [String]) async throws(Failure) -> [Int32]
    /// Gives numbers, and with them all that is remembered, to new names; in one transaction. A name that has a number of its own keeps
    /// it, and so does the old one; an old name without a number changes nothing, so the same may be asked for ever.
    func rename(_ renames: [Fleet.Rename]) async throws(Failure) -> Renamed
    /// Every name that has a number, those of checks that left the fleet included, in the order of their numbers.
    func checkNames() async throws(Failure) -> [(id: Int32, name: String)]
    /// Saved states and due times of the checks, for a start; what was never saved is missing.
    func savedStates() async throws(Failure) -> [Int32: SavedState]
}

/// What became of names that were to change.
package struct Renamed: Sendable, Equatable {
    /// Their history goes on under the new name.
    package var carried: [Fleet.Rename]
    /// Both names are remembered, each with a history of its own.
    package var apart: [Fleet.Rename]
    package init(carried: [Fleet.Rename] = [], apart: [Fleet.Rename] = []) {
        self.carried = carried
        self.apart = apart
    }
}

/// What is kept of a check from one start to the next.
package struct SavedState: Sendable, Equatable {
    /// What was believed.
    package var state: CheckState
    /// When it is pinged next, by the wall clock; ``Instant/never`` for none.
    package var nextDue: Instant
    package init(state: CheckState, nextDue: Instant) {
        self.state = state
        self.nextDue = nextDue
    }
}
