/// How the platform treats Spaces. Where no source settles it, it is a setting; instants are simulated.
package struct SpaceRules: Sendable {
    package var buildTakes: Duration
    /// Container start to first answer.
    package var startTakes: Duration
    /// `startup_duration_timeout` of a README without one. Source: hub-docs `spaces-config-reference.md`.
    package var startLimit: Duration
    /// Free hardware; fixed, whatever is asked. Source: hub-docs `spaces-gpus.md`.
    package var freeSleepAfter: Duration
    /// Changes of secrets, variables, volumes and hardware inside this time make one restart; zero restarts at each.
    /// No source says which.
    package var coalesce: Duration
    /// During a restart that a change made, the old container serves (`RUNNING_APP_STARTING`). Not settled.
    package var changesServeOld: Bool
    /// A restart out of `PAUSED` builds anew. Recorded by huggingface_hub; elsewhere the image was kept.
    package var restartFromPauseBuilds: Bool
    /// `runtime.sha` shows the new commit so long after it serves. Lag was observed, its length is not known.
    package var shaLag: Duration
    /// Status for what the plan or the payment does not cover: 402 or 403 are both in reports.
    package var planMissing: Int
    /// Status of `POST /restart` for a Space that moderation paused; 200 leaves it paused. Not settled.
    package var restartOfFlagged: Int
    /// Wait between two keep-alives of a silent event stream, in real time.
    package var keepAliveEvery: Duration

    package init(
        buildTakes: Duration = .seconds(20), startTakes: Duration = .seconds(6),
        startLimit: Duration = .seconds(30 * 60), freeSleepAfter: Duration = .seconds(48 * 3_600),
        coalesce: Duration = .zero, changesServeOld: Bool = true, restartFromPauseBuilds: Bool = true,
        shaLag: Duration = .zero, planMissing: Int = 402, restartOfFlagged: Int = 200,
        keepAliveEvery: Duration = .seconds(15)
    ) {
        self.buildTakes = buildTakes
        self.startTakes = startTakes
        self.startLimit = startLimit
        self.freeSleepAfter = freeSleepAfter
        self.coalesce = coalesce
        self.changesServeOld = changesServeOld
        self.restartFromPauseBuilds = restartFromPauseBuilds
        self.shaLag = shaLag
        self.planMissing = planMissing
        self.restartOfFlagged = restartOfFlagged
        self.keepAliveEvery = keepAliveEvery
    }
}

/// How one Space is treated; nil is as the others are.
package struct SpaceOverride: Sendable {
    package var rules: SpaceRules?
    package var edge: EdgeRules?

    package init(rules: SpaceRules? = nil, edge: EdgeRules? = nil) {
        self.rules = rules
        self.edge = edge
    }
}
