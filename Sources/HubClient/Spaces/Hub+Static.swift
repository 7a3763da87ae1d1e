import StokerCore

extension Hub {
    /// Says what a refusal (400) means when the Space is static: the Hub's own words are "SSE is not enabled for this Space" of a log and
    /// "This operation is not available for static Spaces" of the rest. Asks for the runtime; any other failure comes back as it is.
    func namingStatic(_ failure: HubFailure, of space: RepoID) async -> HubFailure {
        guard failure.status == 400, let runtime = try? await runtime(of: space, isUrgent: true), runtime.isStatic
        else { return failure }  // the refusal is what is told, whatever became of the second question
        var copy = failure
        copy.said =
            "\(space) is a static Space: its files are served without a container, so it has no log, no hardware and nothing that could be "
            + "restarted or paused"
        copy.hint = SpaceRuntime.staticHint(space)
        return copy
    }
}

extension SpaceRuntime {
    /// What to look at in place of a container that is not there.
    package static func staticHint(_ space: RepoID) -> String {
        "a new commit is served at once; `stoker space health \(space)` visits it, `stoker space files \(space)` lists what it serves"
    }
}
