package import StokerCore

/// What is known of a Space that is to be explained.
package struct Evidence: Sendable {
    /// What the Hub says that it does; nil when that is not known.
    package var stage: SpaceStage?
    /// Why it is paused, or stopped by the platform.
    package var pause: SpaceFacts.PauseReason?
    /// The Hub's message of a failed Space, as it came.
    package var message: String?
    /// What a visitor met, or what is believed of the check.
    package var cause: Cause?

    package init(
        stage: SpaceStage? = nil, pause: SpaceFacts.PauseReason? = nil, message: String? = nil, cause: Cause? = nil
    ) {
        self.stage = stage
        self.pause = pause
        self.message = message
        self.cause = cause
    }

    /// What the Hub says of a Space.
    package init(_ facts: SpaceFacts) {
        self.init(stage: facts.stage, pause: facts.pauseReason, message: facts.errorMessage)
    }
}
