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

/// One stage that began.
package struct StageChange: Sendable, Equatable {
    package var stage: SpaceStage
    package var at: Duration
    package var errorMessage: String?
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

    /// What was committed last, what the last good image was made from, and what the container that serves was made from.
    package private(set) var head: String?
    package private(set) var image: String?
    package private(set) var serving: String?
    /// The fates of the next containers, one each; ``fate`` holds for all that follow.
    package var fates: [SpaceFate] = []
    package var fate = SpaceFate.well
    private var coming = SpaceFate.well
    private var comingRevision: String?
    private var present = SpaceFate.well
    /// The platform makes no progress: what builds or starts goes on doing so until this is over.
    package private(set) var stuck = false
    /// Stages that began and were not yet taken; the oldest are dropped.
    private var changes: [StageChange] = []
    private static let remembered = 64

    package init(
        _ stage: SpaceStage, lifecycle: SpaceLifecycle, at now: Duration = .zero, errorMessage: String? = nil,
        revision: String? = nil
    ) {
        self.stage = stage
        self.lifecycle = lifecycle
        self.errorMessage = errorMessage
        since = now
        lastVisit = now
        servingSince = now
        boots = stage.serves ? 1 : 0
        head = revision
        comingRevision = revision
        if stage.serves {
            image = revision
            serving = revision
        }
    }

    /// When the stage will change by itself; nil when it will not without a visit or a person.
    package var nextChange: Duration? {
        switch stage {
        case .building, .runningBuilding: return stuck ? nil : since + lifecycle.buildTakes
        case .appStarting, .runningAppStarting:
            if stuck { return nil }
            return since + (coming == .hangs ? lifecycle.startLimit : min(lifecycle.startTakes, lifecycle.startLimit))
        case .running:
            let asleep = lifecycle.sleepAfter.map { max(lastVisit, since) + $0 }
            guard let crash = crashesAt else { return asleep }
            return min(crash, asleep ?? crash)
        default: return nil
        }
    }

    private var crashesAt: Duration? {
        if case .crashes(let after, _) = present { max(servingSince + after, since) } else { nil }
    }

    /// Makes all changes that are due by `now`, each at its own instant.
    package mutating func advance(to now: Duration) {
        while let due = nextChange, due <= now {
            switch stage {
            case .building, .runningBuilding: built(at: due)
            case .running:
                if case .crashes(_, let message) = present, crashesAt == due {
                    fail(message, at: due)
                } else {
                    become(.sleeping, at: due)
                }
            default: started(at: due)
            }
        }
    }

    private mutating func built(at due: Duration) {
        if case .buildFails(let message) = coming {
            become(.buildError, at: due)
            changed(message: message)
            return
        }
        image = comingRevision
        become(stage == .building ? .appStarting : .runningAppStarting, at: due)
    }

    private mutating func started(at due: Duration) {
        switch coming {
        case .startFails(let message): fail(message, at: due)
        case .staysOld where stage == .runningAppStarting: become(.running, at: due)
        case .hangs: timeOut(at: due)
        default:
            if lifecycle.startTakes > lifecycle.startLimit { return timeOut(at: due) }
            become(.running, at: due)
            serve(from: due)
        }
    }

    private mutating func timeOut(at due: Duration) {
        let minutes = lifecycle.startLimit.components.seconds / 60
        fail("Launch timed out, workload was not healthy after \(minutes) min", at: due)
    }

    private mutating func serve(from now: Duration) {
        servingSince = now
        serving = comingRevision
        present = coming
        boots += 1
    }

    /// A request reached the Space: resets the time to sleep, and starts a sleeping one whatever it is answered.
    package mutating func visit(at now: Duration) {
        advance(to: now)
        lastVisit = max(lastVisit, now)
        if stage.wakesOnVisit {
            prepare(image ?? head)
            become(.appStarting, at: now)
        }
    }

    /// The owner's restart: the only way out of `PAUSED` and of the error stages. `factory` builds anew.
    package mutating func restart(factory: Bool = false, at now: Duration) {
        advance(to: now)
        prepare(factory ? head : image ?? head)
        become(factory ? .building : .appStarting, at: now)
    }

    /// Something about the Space was changed: a new container from the same image, the old one serving until it is up.
    package mutating func renew(at now: Duration) {
        advance(to: now)
        prepare(image ?? head)
        become(stage.serves ? .runningAppStarting : .appStarting, at: now)
    }

    /// A new commit: a running Space goes on serving its old container until the new one is up.
    package mutating func push(_ revision: String? = nil, at now: Duration) {
        advance(to: now)
        commit(revision ?? head)
        prepare(head)
        become(stage.serves ? .runningBuilding : .building, at: now)
    }

    /// A new commit that nothing is made from yet.
    package mutating func commit(_ revision: String?) { head = revision }

    package mutating func pause(at now: Duration, message: String? = nil) {
        advance(to: now)
        become(.paused, at: now)
        changed(message: message)
    }

    /// The platform's moderation: `PAUSED` with a telling message, which a restart does not lift in reality.
    package mutating func flag(at now: Duration) { pause(at: now, message: Self.flagged) }

    package mutating func fail(_ message: String, at now: Duration) {
        become(.runtimeError, at: now)
        changed(message: message)
    }

    /// Puts the Space where a scene wants it.
    package mutating func set(_ stage: SpaceStage, errorMessage: String? = nil, at now: Duration) {
        advance(to: now)
        let served = self.stage.serves
        if !served { prepare(head) }
        become(stage, at: now)
        changed(message: errorMessage)
        lastVisit = now
        if stage.serves && !served {
            image = head
            serve(from: now)
        }
    }

    /// Begins or ends a standstill of the platform; what was under way then starts its stage anew.
    package mutating func set(stuck: Bool, at now: Duration) {
        advance(to: now)
        if self.stuck, !stuck { since = now }
        self.stuck = stuck
    }

    /// The stages that began since the last call.
    package mutating func takeChanges() -> [StageChange] {
        defer { changes = [] }
        return changes
    }

    private mutating func prepare(_ revision: String?) {
        comingRevision = revision
        coming = fates.isEmpty ? fate : fates.removeFirst()
    }

    private mutating func become(_ stage: SpaceStage, at now: Duration) {
        self.stage = stage
        since = now
        errorMessage = nil
        if changes.count == Self.remembered { changes.removeFirst() }
        changes.append(StageChange(stage: stage, at: now))
    }

    private mutating func changed(message: String?) {
        errorMessage = message
        changes[changes.count - 1].errorMessage = message
    }

    /// Source: runtime answers of flagged Spaces quoted in discuss.huggingface.co topics 176047, 173676, 176099.
    package static let flagged = "Flagged as abusive"
}
