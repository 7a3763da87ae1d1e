/// What the Hub says a Space is doing. Open: the Hub may name a stage that nobody has written down yet, and a fleet must
/// not break on it.
///
/// Source: the union of what `huggingface_hub` 2.4, huggingface.js and the Hub's OpenAPI document list (none has all).
package struct SpaceStage: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// As the Hub writes it, in upper case.
    package var rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package var description: String { rawValue }

    /// The repository has no app to run.
    package static let noAppFile = Self(rawValue: "NO_APP_FILE")
    /// The settings in the README's header cannot be used.
    package static let configError = Self(rawValue: "CONFIG_ERROR")
    /// Its image is built; nothing serves.
    package static let building = Self(rawValue: "BUILDING")
    /// The old version serves while a new one is built.
    package static let runningBuilding = Self(rawValue: "RUNNING_BUILDING")
    /// The build failed; nothing serves.
    package static let buildError = Self(rawValue: "BUILD_ERROR")
    /// The container starts; the app does not answer yet.
    package static let appStarting = Self(rawValue: "APP_STARTING")
    /// The old version serves while the new one starts.
    package static let runningAppStarting = Self(rawValue: "RUNNING_APP_STARTING")
    /// The app has answered the platform once. It may have stopped answering since.
    package static let running = Self(rawValue: "RUNNING")
    /// The app ended, or did not answer in time.
    package static let runtimeError = Self(rawValue: "RUNTIME_ERROR")
    /// Put to sleep after a time without visits; a visit wakes it.
    package static let sleeping = Self(rawValue: "SLEEPING")
    /// Older answers say this of sleeping Spaces too.
    package static let stopped = Self(rawValue: "STOPPED")
    /// Stopped by its owner, by moderation or by a spending limit; a visit does not wake it.
    package static let paused = Self(rawValue: "PAUSED")
    package static let deleting = Self(rawValue: "DELETING")

    /// The thirteen stages that are known.
    package static let known: [Self] = [
        .noAppFile, .configError, .building, .runningBuilding, .buildError, .appStarting, .runningAppStarting, .running,
        .runtimeError, .sleeping, .stopped, .paused, .deleting,
    ]

    /// It will become another stage by itself within minutes.
    package var isMoving: Bool {
        switch self {
        case .building, .runningBuilding, .appStarting, .runningAppStarting: true
        default: false
        }
    }
    /// A build is under way.
    package var isBuilding: Bool { self == .building || self == .runningBuilding }
    /// Some version of the app should be answering.
    package var isServing: Bool {
        switch self {
        case .running, .runningBuilding, .runningAppStarting: true
        default: false
        }
    }
    /// A visit wakes it.
    package var isAsleep: Bool { self == .sleeping || self == .stopped }
    /// Settled, and not well.
    package var isFailed: Bool {
        switch self {
        case .noAppFile, .configError, .buildError, .runtimeError: true
        default: false
        }
    }
}
