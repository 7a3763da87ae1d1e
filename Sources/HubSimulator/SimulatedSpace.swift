import NIOCore
import Synchronization

/// A Space as a scene describes it.
package struct SpaceBlueprint: Sendable {
    package enum Visibility: Sendable, Equatable {
        case `public`
        /// Answers 404 unless a token of the fleet is shown.
        case `private`
        /// The app is public, the source is not: the edge makes no difference.
        case protected
    }

    /// `owner/name`.
    package var id: String
    /// One sentence: what will be seen here.
    package var story: String
    package var visibility: Visibility
    package var stage: SpaceStage
    package var errorMessage: String?
    package var lifecycle: SpaceLifecycle
    package var app: SimulatedApp
    /// nil takes the fleet's.
    package var edge: EdgeRules?
    /// Files behind `{subdomain}.static.hf.space`, without a container: never builds, starts or sleeps.
    package var isStatic: Bool
    /// The commit that is there at first.
    package var revision: String?

    package init(
        _ id: String, story: String = "", visibility: Visibility = .public, stage: SpaceStage = .running,
        errorMessage: String? = nil, lifecycle: SpaceLifecycle = SpaceLifecycle(), app: SimulatedApp = .healthy,
        edge: EdgeRules? = nil, isStatic: Bool = false, revision: String? = nil
    ) {
        self.id = id
        self.story = story
        self.visibility = visibility
        self.stage = stage
        self.errorMessage = errorMessage
        self.lifecycle = lifecycle
        self.app = app
        self.edge = edge
        self.isStatic = isStatic
        self.revision = revision
    }

    /// The label before `.hf.space`: lower case, `/`, `.` and `_` become `-`.
    /// Source: recorded `user/tmp_test_space` → `user-tmp-test-space`.
    package var subdomain: String {
        String(id.lowercased().map { "/._".contains($0) ? "-" : $0 })
    }
}

/// Which tokens open a private Space.
enum SpaceKeys: Sendable {
    case tokens(Set<String>)
    /// Somebody else knows, and is asked at every visit.
    case ask(@Sendable (String) async -> Bool)

    func opens(_ token: String) -> Bool {
        if case .tokens(let tokens) = self { tokens.contains(token) } else { false }
    }
}

/// One request as the Space saw it.
package struct Visit: Sendable, Equatable {
    /// Simulated time.
    package var at: Duration
    package var method: String
    package var path: String
    package var userAgent: String?
    /// As the app sees it: the edge appends the caller's address.
    package var forwardedFor: String
    /// Stage when it arrived.
    package var stage: SpaceStage
}

/// One living Space: its stages, its app, and the visitors it keeps waiting.
package final class SimulatedSpace: Sendable {
    package let blueprint: SpaceBlueprint
    package let subdomain: String
    let rules: EdgeRules
    let time: SimulatedTime
    let keys: SpaceKeys
    let loop: any EventLoop

    private struct State {
        var machine: StageMachine
        var app: SimulatedApp
        var random: SeededRandom
        var visits = 0
        var recent: [Visit] = []
        var windowBegan = Duration.zero
        var windowCount = 0
        var waiting: [Int: @Sendable () -> Void] = [:]
        var nextWaiter = 0
        var alarm: SimulatedTime.Appointment?
        var visibility: SpaceBlueprint.Visibility
        var observer: (@Sendable (Visit?) -> Void)?
        var incident: PlatformPage?
    }
    private let state: Mutex<State>

    /// Visits that ``recentVisits`` remembers.
    package static let memory = 256

    /// What the edge names as the container's address and pod; ours are made up from the seed.
    let proxiedHost: String
    let proxiedReplica: String

    init(
        _ blueprint: SpaceBlueprint, rules: EdgeRules, keys: SpaceKeys, seed: UInt64,
        time: SimulatedTime, loop: any EventLoop
    ) {
        self.blueprint = blueprint
        self.rules = blueprint.edge ?? rules
        self.keys = keys
        self.time = time
        self.loop = loop
        subdomain = blueprint.subdomain
        var names = SeededRandom(seed: seed, name: "pod of " + blueprint.id)
        let pod = hex(names.next())
        proxiedHost = "http://10.\(names.next() % 224).\(names.next() % 256).\(names.next() % 254 + 1)"
        proxiedReplica = "\(pod.prefix(8))-\(pod.suffix(5))"
        state = Mutex(
            State(
                machine: StageMachine(
                    blueprint.stage, lifecycle: blueprint.lifecycle, at: time.now, errorMessage: blueprint.errorMessage,
                    revision: blueprint.revision),
                app: blueprint.app, random: SeededRandom(seed: seed, name: blueprint.id),
                visibility: blueprint.visibility))
    }

    // MARK: what a test or a scene sees and does

    package var stage: SpaceStage { now { $0.machine.stage } }
    package var errorMessage: String? { now { $0.machine.errorMessage } }
    package var boots: Int { now { $0.machine.boots } }
    /// Requests that arrived, whatever they were answered.
    package var visits: Int { state.withLock { $0.visits } }
    package var recentVisits: [Visit] { state.withLock { $0.recent } }
    /// Requests that are held until the app serves.
    package var held: Int { state.withLock { $0.waiting.count } }

    package func set(_ stage: SpaceStage, errorMessage: String? = nil) {
        change { $0.machine.set(stage, errorMessage: errorMessage, at: $1) }
    }
    package func pause() { change { $0.machine.pause(at: $1) } }
    package func flag() { change { $0.machine.flag(at: $1) } }
    package func restart(factory: Bool = false) { change { $0.machine.restart(factory: factory, at: $1) } }
    package func push(_ revision: String? = nil) { change { $0.machine.push(revision, at: $1) } }
    package func show(_ visibility: SpaceBlueprint.Visibility) { change { state, _ in state.visibility = visibility } }
    /// Moves the stages by hand; requests that wait look again afterwards.
    package func move(_ body: (inout StageMachine, Duration) -> Void) {
        change { state, now in body(&state.machine, now) }
    }
    /// The stages as they are now.
    package var machine: StageMachine { now { $0.machine } }
    /// The platform's own trouble: every visitor gets this status instead of an answer; nil ends it.
    package func fail(withEdgeStatus status: Int?) {
        let page = status.map { PlatformPage(status: $0, body: $0 == 502 ? "Bad Gateway" : "Service Unavailable") }
        change { state, _ in state.incident = page }
    }

    /// Calls back after every visit and change, on whatever thread made it.
    func observe(_ observer: (@Sendable (Visit?) -> Void)?) { state.withLock { $0.observer = observer } }
    /// The machine as it is now with the stages that began since the last call; does not call the observer.
    func takeChanges() -> (machine: StageMachine, changes: [StageChange]) {
        let instant = time.now
        return state.withLock { state in
            state.machine.advance(to: instant)
            let changes = state.machine.takeChanges()
            return (state.machine, changes)
        }
    }
    /// Replaces the app; its script goes on by the age of the container.
    package func run(_ app: SimulatedApp) { change { state, _ in state.app = app } }

    private func now<Value>(_ read: (borrowing State) -> Value) -> Value {
        let instant = time.now
        return state.withLock { state in
            state.machine.advance(to: instant)
            return read(state)
        }
    }

    private func change(_ body: (inout State, Duration) -> Void) {
        let instant = time.now
        let observer = state.withLock { state in
            body(&state, instant)
            return state.observer
        }
        wakeWaiters()
        observer?(nil)
    }

    // MARK: what the edge asks

    /// What the edge does with a request.
    enum Decision: Sendable, Equatable {
        case platform(PlatformPage)
        /// Wait until the stage changes and ask again.
        case hold
        /// The app answers after this time.
        case app(SimulatedApp.Page, after: Duration)
        /// The app has the request and keeps it.
        case silence
    }

    struct Caller: Sendable {
        var method: String
        var path: String
        var userAgent: String?
        var forwardedFor: String
        var wantsHTML: Bool
        /// Of `Authorization: Bearer`, `X-HF-Authorization: Bearer` or `?__sign=`.
        var tokens: [String]
        /// What ``SpaceKeys/ask`` answered.
        var known = false
    }

    /// - Parameter held: the request already waits at the edge.
    func decide(_ caller: Caller, held: Bool) -> Decision {
        let instant = time.now
        let known = caller.known || caller.tokens.contains(where: keys.opens)
        let (decision, observer, visit) = state.withLock { state in
            let decision = decide(&state, caller, known: known, held: held, at: instant)
            return (decision, state.observer, held ? nil : state.recent.last)
        }
        observer?(visit)
        return decision
    }

    private func decide(_ state: inout State, _ caller: Caller, known: Bool, held: Bool, at instant: Duration)
        -> Decision
    {
        state.machine.advance(to: instant)
        let stage = state.machine.stage
        if !held {
            state.visits += 1
            if state.recent.count == Self.memory { state.recent.removeFirst() }
            state.recent.append(
                Visit(
                    at: instant, method: caller.method, path: caller.path, userAgent: caller.userAgent,
                    forwardedFor: caller.forwardedFor, stage: stage))
            // A private Space is hidden before anything else is looked at, and such a visit does not wake it.
            if state.visibility == .private && !known { return .platform(.hidden) }
            if let page = state.incident { return .platform(page) }
            if let page = throttle(&state, known: known, at: instant) { return .platform(page) }
            if rules.sporadic502 > 0, Double.random(in: 0..<1, using: &state.random) < rules.sporadic502 {
                return .platform(.badGateway)
            }
            state.machine.visit(at: instant)
        }
        switch stage {
        case .running, .runningBuilding, .runningAppStarting: return app(&state, caller, at: instant)
        case .sleeping, .stopped:
            switch rules.wake {
            case .held: return .hold
            case .refused: return .platform(.starting)
            case .page: return .platform(.startingPage(.appStarting, status: rules.startingPageStatus))
            }
        case .building, .appStarting:
            // Only a request that came while the Space slept is held; later ones get the page.
            if held { return .hold }
            return .platform(
                caller.wantsHTML ? .startingPage(stage, status: rules.startingPageStatus) : .starting)
        case .paused:
            return .platform(state.machine.errorMessage == StageMachine.flagged ? .flagged : .paused)
        case .deleting: return .platform(.hidden)
        case .runtimeError, .configError, .buildError, .noAppFile: return .platform(.inError)
        }
    }

    private func throttle(_ state: inout State, known: Bool, at now: Duration) -> PlatformPage? {
        guard let most = rules.anonymousLimit, !known else { return nil }
        if now - state.windowBegan >= rules.window {
            state.windowBegan = now
            state.windowCount = 0
        }
        state.windowCount += 1
        guard state.windowCount > most else { return nil }
        let left = rules.window - (now - state.windowBegan)
        return .throttled(max(1, Int((left / .seconds(1)).rounded(.up))))
    }

    private func app(_ state: inout State, _ caller: Caller, at now: Duration) -> Decision {
        let phase = state.app.phase(at: now - state.machine.servingSince)
        switch phase.behaviour {
        case .serves(let wait):
            let page =
                phase.pages[caller.path] ?? state.app.pages[caller.path]
                ?? .json(#"{"detail":"Not Found"}"#, status: 404)
            return .app(filled(page, state.machine), after: state.random.duration(in: wait))
        case .answers(let page): return .app(filled(page, state.machine), after: .zero)
        case .silent: return .silence
        case .broken: return .platform(.badGateway)
        }
    }

    /// `{sha}` and `{boot}` in a page tell which build and which container of it answered.
    private func filled(_ page: SimulatedApp.Page, _ machine: StageMachine) -> SimulatedApp.Page {
        guard page.body.contains("{") else { return page }
        var page = page
        page.body.replace("{sha}", with: machine.serving ?? "")
        page.body.replace("{boot}", with: String(machine.boots))
        return page
    }

    // MARK: requests that wait

    /// Calls back once, when the stage has changed (at once when it already has).
    func wait(_ again: @escaping @Sendable () -> Void) -> Int {
        let instant = time.now
        let (id, late) = state.withLock { state in
            state.nextWaiter += 1
            state.machine.advance(to: instant)
            let moving = [.building, .appStarting, .sleeping, .stopped].contains(state.machine.stage)
            guard moving else { return (state.nextWaiter, true) }
            state.waiting[state.nextWaiter] = again
            if state.alarm == nil, let due = state.machine.nextChange {
                state.alarm = time.schedule(at: due, on: loop) { [weak self] in self?.wakeWaiters() }
            }
            return (state.nextWaiter, false)
        }
        if late { again() }
        return id
    }

    func stopWaiting(_ id: Int) {
        state.withLock { state in
            state.waiting[id] = nil
            guard state.waiting.isEmpty else { return }
            state.alarm?.cancel()
            state.alarm = nil
        }
    }

    private func wakeWaiters() {
        let calls = state.withLock { state in
            defer { state.waiting = [:] }
            state.alarm?.cancel()
            state.alarm = nil
            return Array(state.waiting.values)
        }
        for call in calls { call() }
    }
}
