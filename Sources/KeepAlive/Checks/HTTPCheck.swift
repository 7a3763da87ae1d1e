package import StokerCore

extension HTTPKind: ProbedKind {
    package static func run(
        _ check: Check, on lane: ProbeLane, then: @escaping (Attempt) -> Void
    ) -> any ProbeTask {
        ProbeRun(lane: lane, check: check, until: .answered, then: then)
    }
}
