import Synchronization

/// A plain web server behind no edge: what a target that is not a Space looks like.
package final class SimulatedSite: Sendable {
    package let name: String
    package let story: String
    private let time: SimulatedTime
    private struct State {
        var app: SimulatedApp
        var since: Duration
        var random: SeededRandom
        var visits = 0
    }
    private let state: Mutex<State>

    init(name: String, story: String, app: SimulatedApp, seed: UInt64, time: SimulatedTime) {
        self.name = name
        self.story = story
        self.time = time
        state = Mutex(State(app: app, since: time.now, random: SeededRandom(seed: seed, name: name)))
    }

    package var visits: Int { state.withLock { $0.visits } }

    /// Replaces the app and begins its script.
    package func run(_ app: SimulatedApp) {
        let now = time.now
        state.withLock {
            $0.app = app
            $0.since = now
        }
    }

    func answer(_ caller: SimulatedSpace.Caller) -> SimulatedSpace.Decision {
        let now = time.now
        return state.withLock { state in
            state.visits += 1
            let phase = state.app.phase(at: now - state.since)
            switch phase.behaviour {
            case .serves(let wait):
                let page =
                    phase.pages[caller.path] ?? state.app.pages[caller.path]
                    ?? .json(#"{"detail":"Not Found"}"#, status: 404)
                return .app(page, after: state.random.duration(in: wait))
            case .answers(let page): return .app(page, after: .zero)
            case .silent: return .silence
            case .broken: return .app(.init("Bad Gateway", status: 502, type: "text/plain"), after: .zero)
            }
        }
    }
}
