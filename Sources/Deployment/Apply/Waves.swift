package import HubClient

/// The order in which Spaces are changed: those of one wave together, and each wave only when all before it answer.
package enum Waves {
    /// - Parameters:
    ///   - spaces: those that change, in the order of the fleet file, and what comes before each. What comes before one and does not change
    ///     holds nothing up.
    /// - Returns: every Space once. None is in a wave with, or before, one that comes before it; of a circle the first in the file begins.
    package static func plan(_ spaces: [(space: RepoID, after: [RepoID])], _ rollout: Rollout) -> [[RepoID]] {
        let changing = Set(spaces.map(\.space))
        var left = spaces.map { (space: $0.space, after: Set($0.after).intersection(changing).subtracting([$0.space])) }
        var done: Set<RepoID> = []
        var waves: [[RepoID]] = []
        while !left.isEmpty {
            let size =
                waves.isEmpty && rollout.canary > 0 ? rollout.canary : rollout.then.count(of: spaces.count)
            var wave = left.filter { $0.after.isSubset(of: done) }.prefix(size).map(\.space)
            if wave.isEmpty, let first = left.first { wave = [first.space] }
            waves.append(wave)
            done.formUnion(wave)
            left.removeAll { done.contains($0.space) }
        }
        return waves
    }
}
