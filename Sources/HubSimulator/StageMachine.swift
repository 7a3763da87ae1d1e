/// How long a Space takes for what it does. Instants and lengths are in simulated time.
package struct SpaceLifecycle: Sendable, Equatable {
    /// Time without a visit after which the Space is put to sleep; nil is never (paid hardware). Free hardware: 48 h.
    /// Source: hub-docs `spaces-gpus.md`, "Sleep time".
    package var sleepAfter: Duration?
    /// Container start to first answer. No official number exists; 30 s to 2 min are reported.
    package var startTakes: Duration
    /// Building the image.
    package var buildTakes: Duration
    /// A start that takes longer ends in `RUNTIME_ERROR`. Source: hub-docs `spaces-config-reference.md`,
    /// `startup_duration_timeout`, default 30 min.
    package var startLimit: Duration

    package init(
        sleepAfter: Duration? = .seconds(48 * 3600), startTakes: Duration = .seconds(40),
        buildTakes: Duration = .seconds(90), startLimit: Duration = .seconds(30 * 60)
    ) {
        self.sleepAfter = sleepAfter
        self.startTakes = startTakes
        self.buildTakes = buildTakes
        self.startLimit = startLimit
    }
}

/// The stages of one Space over time: a pure value, moved by `advance(to:)` and by what people and visitors do.
///
/// Instants are simulated time since the simulator began.
package struct StageMachine: Sendable, Equatable {
    package private(set) var stage: SpaceStage
    /// When the stage began.
    package private(set) var since: Duration
    package private(set) var lastVisit: Duration
    /// When the container that serves (or served last) came up: an app's script counts from here.
    package private(set) var servingSince: Duration
    /// What the Hub shows for an error stage, or for a Space that was flagged.
    package private(set) var errorMessage: String?
    /// Containers started so far: tells two lives of an app apart.
    package private(set) var boots: Int
    package var lifecycle: SpaceLifecycle

    package init(_ stage: SpaceStage, lifecycle: SpaceLifecycle, at now: Duration = .zero, errorMessage: String? = nil)
    {
        self.stage = stage
        self.lifecycle = lifecycle
        self.errorMessage = errorMessage
        since = now
        lastVisit = now
        servingSince = now
        boots = stage.serves ? 1 : 0
    }

    /// When the stage will change by itself; nil when it will not without a visit or a person.
    package var nextChange: Duration? {
        switch stage {
        case .building, .runningBuilding: since + lifecycle.buildTakes
        case .appStarting, .runningAppStarting: since + min(lifecycle.startTakes, lifecycle.startLimit)
        case .running: lifecycle.sleepAfter.map { max(lastVisit, since) + $0 }
        default: nil
        }
    }

    /// Makes all changes that are due by `now`, each at its own instant.
    package mutating func advance(to now: Duration) {
        while let due = nextChange, due <= now {
            switch stage {
            case .building: become(.appStarting, at: due)
            case .runningBuilding: become(.runningAppStarting, at: due)
            case .running: become(.sleeping, at: due)
            default:
                if lifecycle.startTakes > lifecycle.startLimit {
                    fail(
                        "Launch timed out, workload was not healthy after \(lifecycle.startLimit.components.seconds / 60) min",
                        at: due)
                } else {
                    become(.running, at: due)
                    servingSince = due
                    boots += 1
                }
            }
        }
    }

    /// A request reached the Space: resets the time to sleep, and starts a sleeping one whatever it is answered.
    package mutating func visit(at now: Duration) {
        advance(to: now)
        lastVisit = max(lastVisit, now)
        if stage.wakesOnVisit { become(.appStarting, at: now) }
    }

    /// The owner's restart: the only way out of `PAUSED` and of the error stages. `factory` builds anew.
    package mutating func restart(factory: Bool = false, at now: Duration) {
        advance(to: now)
        become(factory ? .building : .appStarting, at: now)
    }

    /// A new commit: a running Space goes on serving its old container until the new one is up.
    package mutating func push(at now: Duration) {
        advance(to: now)
        become(stage.serves ? .runningBuilding : .building, at: now)
    }

    package mutating func pause(at now: Duration) {
        advance(to: now)
        become(.paused, at: now)
    }

    /// The platform's moderation: `PAUSED` with a telling message, which a restart does not lift in reality.
    package mutating func flag(at now: Duration) {
        advance(to: now)
        become(.paused, at: now)
        errorMessage = Self.flagged
    }

    package mutating func fail(_ message: String, at now: Duration) {
        become(.runtimeError, at: now)
        errorMessage = message
    }

    /// Puts the Space where a scene wants it.
    package mutating func set(_ stage: SpaceStage, errorMessage: String? = nil, at now: Duration) {
        advance(to: now)
        let served = self.stage.serves
        become(stage, at: now)
        self.errorMessage = errorMessage
        lastVisit = now
        if stage.serves && !served {
            servingSince = now
            boots += 1
        }
    }

    private mutating func become(_ stage: SpaceStage, at now: Duration) {
        self.stage = stage
        since = now
        errorMessage = nil
    }

    /// Source: runtime answers of flagged Spaces quoted in discuss.huggingface.co topics 176047, 173676, 176099.
    package static let flagged = "Flagged as abusive"
}
