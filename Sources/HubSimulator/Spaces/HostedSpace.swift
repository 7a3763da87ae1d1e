import FoundationEssentials
import Synchronization

/// One Space as the Hub runs it: its settings, its build and its container. The container and its visitors are a
/// ``SimulatedSpace``; this is what the control routes talk to.
package final class HostedSpace: Sendable {
    /// A secret or variable with when it was set.
    struct Setting: Sendable {
        var value: String
        var description: String?
        var updatedAt: Date
    }
    /// A stage that no machine reaches, for clients that must bear unknown ones.
    struct Shown: Sendable {
        var stage: String
        var errorMessage: String?
    }
    struct State {
        var name: String
        var live: SimulatedSpace
        var plan: SpacePlan
        var source: SpaceSource
        var requested: String
        var current: String?
        /// As asked for; −1 never, nil the default.
        var sleepTime: Int?
        var replicas = 1
        var devMode = false
        var volumes: [JSON] = []
        var secrets: [String: Setting] = [:]
        var variables: [String: Setting] = [:]
        /// Name and stage.
        var domains: [(String, String)] = []
        var shown: Shown?
        var flaggedAt: Date?
        var overSpendLimit = false
        var buildLog = ContainerLog()
        var runLog = ContainerLog()
        var renewal: SimulatedTime.Appointment?
        var alarm: (at: Duration, SimulatedTime.Appointment)?
        var shaShown: (sha: String?, next: String?, from: Duration) = (nil, nil, .zero)
        var restarts = 0
        var followers: [Int: AsyncStream<JSON>.Continuation] = [:]
        var nextFollower = 0
    }
    let rules: SpaceRules
    let time: SimulatedTime
    let state: Mutex<State>

    init(
        name: String, live: SimulatedSpace, source: SpaceSource, plan: SpacePlan, wishes: SpaceWishes, rules: SpaceRules
    ) {
        self.rules = rules
        time = live.time
        state = Mutex(
            State(
                name: name, live: live, plan: plan, source: source,
                requested: HardwareCatalogue.flavor(wishes.hardware ?? "")?.name ?? HardwareCatalogue.free,
                sleepTime: wishes.sleepTimeSeconds, devMode: wishes.devModeEnabled,
                volumes: wishes.volumes.map(Self.normal)))
        let now = Date()
        state.withLock { state in
            for secret in wishes.secrets { state.secrets[secret.key] = Setting(secret, at: now) }
            for variable in wishes.variables { state.variables[variable.key] = Setting(variable, at: now) }
        }
        live.observe { [weak self] visit in self?.settle(visit: visit) }
        place(evenPaused: true)
    }

    /// The container's side: visits, boots, the app, fates.
    package var live: SimulatedSpace { state.withLock { $0.live } }
    /// What the Hub says of it now.
    package var stageNow: String { state.withLock { $0.shown?.stage ?? $0.live.stage.rawValue } }
    package var isStatic: Bool { state.withLock { $0.plan.sdk == "static" } }
    /// Restarts that people and changes caused so far.
    package var restarts: Int { state.withLock { $0.restarts } }

    // MARK: the repository

    /// A new head of `main`. Source: hub-docs `spaces-overview.md`: every commit rebuilds and restarts.
    func commit(_ source: SpaceSource, plan: SpacePlan) {
        let known = state.withLock { state in
            defer {
                state.source = source
                state.plan = plan
            }
            return state.source.head == source.head
        }
        if !known { place(evenPaused: false) }
    }

    /// Builds what is committed, or says what stands in its way.
    private func place(evenPaused: Bool) {
        let (live, plan, source, clash, life) = state.withLock { state in
            (state.live, state.plan, state.source, collision(state), lifecycle(state))
        }
        live.move { machine, now in
            machine.lifecycle = life
            machine.commit(source.head)
            // Nothing but its owner ends a pause.
            if machine.stage == .paused && !evenPaused { return }
            if plan.sdk == "static", plan.obstacle == nil {
                // Files only: there at once.
                machine.set(.noAppFile, at: now)
                machine.set(.running, at: now)
            } else if let obstacle = plan.obstacle {
                machine.set(obstacle, errorMessage: plan.errorMessage, at: now)
            } else if clash {
                machine.set(.configError, errorMessage: Self.collision, at: now)
            } else {
                machine.push(source.head, at: now)
            }
        }
    }

    /// Source: runtime answers quoted in the forum.
    static let collision = "Collision on variables and secrets names."
    private func collision(_ state: State) -> Bool { !Set(state.secrets.keys).isDisjoint(with: state.variables.keys) }

    private func lifecycle(_ state: State) -> SpaceLifecycle {
        SpaceLifecycle(
            sleepAfter: state.plan.sdk == "static" ? nil : sleepAfter(state), startTakes: rules.startTakes,
            buildTakes: rules.buildTakes, startLimit: state.plan.startLimit ?? rules.startLimit)
    }

    private func sleepAfter(_ state: State) -> Duration? {
        if state.requested == HardwareCatalogue.free { return rules.freeSleepAfter }
        return state.sleepTime.flatMap { $0 > 0 ? .seconds($0) : nil }
    }

    /// The same Space under another name.
    func move(to live: SimulatedSpace, name: String) {
        let (old, life) = state.withLock { state in
            defer {
                state.live = live
                state.name = name
                state.alarm?.1.cancel()
                state.alarm = nil
            }
            return (state.live, lifecycle(state))
        }
        old.observe(nil)
        live.observe { [weak self] visit in self?.settle(visit: visit) }
        live.move { machine, _ in machine.lifecycle = life }
        settle()
    }

    func delete() {
        let (logs, followers) = state.withLock { state in
            state.alarm?.1.cancel()
            state.renewal?.cancel()
            defer { state.followers = [:] }
            return ([state.buildLog, state.runLog], Array(state.followers.values))
        }
        for log in logs { log.close() }
        for follower in followers { follower.finish() }
    }

    // MARK: what its owner does

    /// `PAUSED` at once. Source: recorded by huggingface_hub (`pause_space`).
    package func pause() { live.pause() }

    /// Source: huggingface_hub `restart_space`: possible in every stage, the only way out of a pause.
    package func restart(factory: Bool = false) {
        let flagged = state.withLock { state in
            state.restarts += 1
            return state.flaggedAt != nil || state.overSpendLimit
        }
        if flagged { return }
        if state.withLock({ $0.plan.obstacle != nil || collision($0) }) { return place(evenPaused: true) }
        let rules = rules
        live.move { machine, now in
            let anew =
                factory || machine.image == nil || machine.stage == .buildError
                || (machine.stage == .paused && rules.restartFromPauseBuilds) || machine.image != machine.head
            machine.restart(factory: anew, at: now)
        }
    }

    /// A setting of the container was changed: a new container, now or when the changes have ceased.
    func renew() {
        guard rules.coalesce > .zero else { return renewNow() }
        let instant = time.now
        state.withLock { state in
            guard state.renewal == nil else { return }
            state.renewal = time.schedule(at: instant + rules.coalesce, on: state.live.loop) { [weak self] in
                self?.renewNow()
            }
        }
    }

    private func renewNow() {
        let (live, life, clash, obstacle, isStatic) = state.withLock { state in
            state.renewal = nil
            return (
                state.live, lifecycle(state), collision(state), state.plan.obstacle, state.plan.sdk == "static"
            )
        }
        if isStatic || obstacle != nil { return }
        let rules = rules
        var began = false
        let stage = live.stage
        switch stage {
        case .paused, .deleting, .noAppFile: return
        // The container that is on its way will have it.
        case .building where !clash, .runningBuilding where !clash: return
        case .configError where !clash:
            began = true
            place(evenPaused: false)
        default:
            began = true
            live.move { machine, now in
                machine.lifecycle = life
                if clash { return machine.set(.configError, errorMessage: Self.collision, at: now) }
                guard machine.image != nil else { return machine.push(machine.head, at: now) }
                if rules.changesServeOld { machine.renew(at: now) } else { machine.restart(at: now) }
            }
        }
        if began { state.withLock { $0.restarts += 1 } }
    }

    // MARK: what the platform does

    /// Moderation: `PAUSED` for good. Source: runtime answers quoted in the forum (topics 176047, 177164).
    package func flag() {
        state.withLock { $0.flaggedAt = Date() }
        live.flag()
    }
    /// The spending limit of its group was reached: paused, and not restarted. Source: hub-docs `security-resource-groups.md`.
    package func reachSpendLimit() {
        state.withLock { $0.overSpendLimit = true }
        live.move { $0.pause(at: $1, message: "Spending limit reached") }
    }
    /// Ends what ``flag()``, ``reachSpendLimit()`` and ``show(stage:errorMessage:)`` began.
    package func clear() {
        state.withLock { state in
            state.flaggedAt = nil
            state.overSpendLimit = false
            state.shown = nil
        }
        fire()
    }
    /// The Hub says this stage, whatever the container does.
    package func show(stage: String, errorMessage: String? = nil) {
        state.withLock { $0.shown = Shown(stage: stage, errorMessage: errorMessage) }
        fire()
    }
    /// How the next containers end up, one each; then `standing` for all that follow.
    package func meet(_ fates: [SpaceFate], standing: SpaceFate = .well) {
        live.move { machine, _ in
            machine.fates = fates
            machine.fate = standing
        }
    }
    /// - Parameter stage: `READY`, `PENDING`, `PENDING_CHALLENGE`, `EXPIRED_CHALLENGE` (the Hub's OpenAPI document).
    package func addDomain(_ name: String, stage: String) {
        state.withLock { $0.domains.append((name, stage)) }
    }

    // MARK: stages

    /// Takes what the stages did since the last time: logs, hardware, the commit that serves.
    func settle(visit: Visit? = nil) {
        state.withLock { state in
            let (machine, changes) = state.live.takeChanges()
            for change in changes { apply(change, machine, to: &state) }
            if let visit, machine.stage.serves {
                state.runLog.append("\(visit.method) \(visit.path)\n")
            }
            setAlarm(machine.nextChange, in: &state)
        }
        fire()
    }

    private func setAlarm(_ due: Duration?, in state: inout State) {
        if state.alarm?.at == due { return }
        state.alarm?.1.cancel()
        state.alarm = due.map { due in
            (due, time.schedule(at: due, on: state.live.loop) { [weak self] in self?.alarmed(due) })
        }
    }

    private func alarmed(_ due: Duration) {
        state.withLock { if $0.alarm?.at == due { $0.alarm = nil } }
        settle()
    }

    private func apply(_ change: StageChange, _ machine: StageMachine, to state: inout State) {
        switch change.stage {
        case .building, .runningBuilding:
            state.buildLog.close()
            state.buildLog = ContainerLog()
            narrateBuild(state, from: change.at)
            if change.stage == .building { stop(&state) }
        case .appStarting, .runningAppStarting:
            state.buildLog.close()
            if change.stage == .appStarting { stop(&state) }
            if !state.runLog.isUntouched {
                state.runLog.close()
                state.runLog = ContainerLog()
            }
            state.runLog.append("===== Application Startup at \(Date().formatted(.iso8601)) =====\n\n")
        case .running:
            state.current = state.requested
            if state.plan.sdk != "static" {
                state.runLog.append("\u{1b}[32mINFO\u{1b}[0m listening on 0.0.0.0:7860\n")
            }
            let due = change.at + rules.shaLag
            state.shaShown = (shaNow(state), machine.serving, due)
        case .buildError:
            state.buildLog.append("ERROR: \(change.errorMessage ?? "the build failed")\n")
            state.buildLog.close()
            stop(&state)
        case .runtimeError:
            state.runLog.append("\(change.errorMessage ?? "the container ended")\n")
            state.runLog.close()
            stop(&state)
        default:
            stop(&state)
            if state.runLog.count > 0 { state.runLog.close() }
        }
    }

    private func stop(_ state: inout State) {
        state.current = nil
        state.shaShown = (nil, nil, .zero)
    }

    /// The commit `runtime.sha` names: that of the container that serves, some time late.
    func shaNow(_ state: State) -> String? {
        time.now >= state.shaShown.from ? state.shaShown.next : state.shaShown.sha
    }

    private func narrateBuild(_ state: State, from start: Duration) {
        let lines = [
            "===== Build Queued at \(Date().formatted(.iso8601)) / Commit SHA: \(state.source.head.prefix(7)) =====\n",
            "--> FROM base\n", "--> COPY . .\n", "--> RUN install\nDONE 1.2s\n", "--> Pushing image\nDONE\n",
        ]
        for (number, line) in lines.enumerated() {
            let log = state.buildLog
            guard number > 0 else {
                log.append(line)
                continue
            }
            let due = start + rules.buildTakes * number / lines.count
            _ = time.schedule(at: due, on: state.live.loop) { log.append(line) }
        }
    }

    // MARK: who watches

    /// The runtime object now and at every change.
    func follow() -> AsyncStream<JSON> {
        let (stream, send) = AsyncStream.makeStream(of: JSON.self, bufferingPolicy: .bufferingNewest(64))
        send.yield(runtime)
        state.withLock { state in
            state.nextFollower += 1
            let id = state.nextFollower
            state.followers[id] = send
            send.onTermination = { [weak self] _ in self?.state.withLock { $0.followers[id] = nil } }
        }
        return stream
    }

    private func fire() {
        let (followers, runtime) = state.withLock { state -> ([AsyncStream<JSON>.Continuation], JSON) in
            guard !state.followers.isEmpty else { return ([], .null) }
            return (Array(state.followers.values), facts(state).json)
        }
        for follower in followers { follower.yield(runtime) }
    }
}

extension HostedSpace.Setting {
    init(_ setting: SpaceSetting, at now: Date) {
        self.init(value: setting.value, description: setting.description, updatedAt: now)
    }
}
