/// How the next container of a Space ends up.
package enum SpaceFate: Sendable, Equatable {
    case well
    /// The image cannot be built: `BUILD_ERROR` with this text.
    case buildFails(String)
    /// The container ends before it listens: `RUNTIME_ERROR` with this text.
    case startFails(String)
    /// It never becomes healthy: `APP_STARTING` until the start limit, then `RUNTIME_ERROR`.
    case hangs
    /// Everything looks well, but the old container goes on serving. Observed: a `RUNNING` stage with the old `runtime.sha`.
    case staysOld
    /// It serves for a time and then ends: `RUNTIME_ERROR` with this text.
    case crashes(after: Duration, String)

    // Texts: hub-docs and runtime answers quoted in issues and the forum, read August to October 2026.
    package static let badExit = SpaceFate.startFails("Exit code: 1. Reason: see the run logs")
    package static let badBuild = SpaceFate.buildFails(
        "Job failed with exit code: 1. Reason: cache miss: [2/4] RUN make")
    package static let noCapacity = SpaceFate.startFails("Scheduling failure: not enough hardware capacity")
    package static let evicted = SpaceFate.crashes(
        after: .seconds(60), "Workload evicted, storage limit exceeded (50G)")
    package static let outOfMemory = SpaceFate.crashes(after: .seconds(30), "Memory limit exceeded (16Gi)")

    /// By the words that scenes use; nil for an unknown one.
    package init?(name: String, message: String? = nil, after: Duration? = nil) {
        func text(_ usual: SpaceFate) -> SpaceFate {
            switch usual {
            case .buildFails(let words): .buildFails(message ?? words)
            case .startFails(let words): .startFails(message ?? words)
            case .crashes(let wait, let words): .crashes(after: after ?? wait, message ?? words)
            default: usual
            }
        }
        switch name {
        case "well": self = .well
        case "build-error": self = text(.badBuild)
        case "start-error": self = text(.badExit)
        case "no-capacity": self = text(.noCapacity)
        case "hang": self = .hangs
        case "stay-old": self = .staysOld
        case "crash": self = text(.crashes(after: .seconds(10), "Exit code: 137. Reason: see the run logs"))
        case "evicted": self = text(.evicted)
        case "out-of-memory": self = text(.outOfMemory)
        default: return nil
        }
    }
    /// What ``init(name:message:after:)`` takes.
    package static let names = [
        "well", "build-error", "start-error", "no-capacity", "hang", "stay-old", "crash", "evicted", "out-of-memory",
    ]
}
