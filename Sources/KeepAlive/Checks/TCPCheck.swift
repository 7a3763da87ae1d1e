package import StokerCore

extension TCPKind: ProbedKind {
    package static func run(
        _ check: Check, on lane: ProbeLane, then: @escaping (Attempt) -> Void
    ) -> any ProbeTask {
        ProbeRun(lane: lane, check: check, until: .connected, then: then)
    }
}
