/// What the Hub says a Space is doing.
///
/// Source: `SpaceStage` of huggingface_hub (`_space_api.py`) for all but `SLEEPING`, which `@huggingface/hub` (huggingface.js,
/// `SpaceStage`) lists and gradio's client (`client/js/src/helpers/spaces.ts`) treats like `STOPPED`; read August 2026.
package enum SpaceStage: String, Sendable, CaseIterable {
    case noAppFile = "NO_APP_FILE"
    case configError = "CONFIG_ERROR"
    case building = "BUILDING"
    case buildError = "BUILD_ERROR"
    case appStarting = "APP_STARTING"
    case running = "RUNNING"
    case runningBuilding = "RUNNING_BUILDING"
    case runningAppStarting = "RUNNING_APP_STARTING"
    case runtimeError = "RUNTIME_ERROR"
    case sleeping = "SLEEPING"
    case stopped = "STOPPED"
    case paused = "PAUSED"
    case deleting = "DELETING"

    /// A container is there and takes requests. During `RUNNING_BUILDING` and `RUNNING_APP_STARTING` it is the old one.
    package var serves: Bool {
        switch self {
        case .running, .runningBuilding, .runningAppStarting: true
        default: false
        }
    }

    /// Any visit starts it. `STOPPED` is what older answers call `SLEEPING`.
    package var wakesOnVisit: Bool { self == .sleeping || self == .stopped }
}
