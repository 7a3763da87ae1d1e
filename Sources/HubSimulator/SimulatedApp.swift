/// What runs inside a Space (or behind a plain address): pages, and a script of how it behaves.
package struct SimulatedApp: Sendable {
    package struct Page: Sendable, Equatable {
        package var status: Int
        package var type: String
        package var body: String
        package init(_ body: String, status: Int = 200, type: String = "text/html; charset=utf-8") {
            self.status = status
            self.type = type
            self.body = body
        }
        package static func json(_ body: String, status: Int = 200) -> Page {
            Page(body, status: status, type: "application/json")
        }
    }

    package enum Behaviour: Sendable, Equatable {
        /// Answers with its pages after a wait that is drawn from the range.
        case serves(after: ClosedRange<Duration>)
        /// Answers every request with this page.
        case answers(Page)
        /// Takes the request and never answers.
        case silent
        /// Nothing listens on the port, or the connection is cut before an answer.
        case broken

        package static let prompt = Behaviour.serves(after: .milliseconds(8) ... .milliseconds(45))
    }

    /// One part of the script; `lasts` nil goes on for ever.
    package struct Phase: Sendable, Equatable {
        package var lasts: Duration?
        package var behaviour: Behaviour
        /// Pages that replace the app's own during this phase.
        package var pages: [String: Page]
        package init(_ behaviour: Behaviour, lasts: Duration? = nil, pages: [String: Page] = [:]) {
            self.behaviour = behaviour
            self.lasts = lasts
            self.pages = pages
        }
    }

    /// Path to page; a path that is missing gets the app's own 404.
    package var pages: [String: Page]
    /// Followed from the start of the container, and then again from its first phase.
    package var script: [Phase]

    package init(pages: [String: Page] = Self.usualPages, script: [Phase] = [Phase(.prompt)]) {
        precondition(!script.isEmpty, "an app needs at least one behaviour")
        self.pages = pages
        self.script = script
    }

    /// The part of the script that holds so long after the container came up.
    package func phase(at age: Duration) -> Phase {
        var rest = age
        // A script without an endless phase repeats; one of no length at all stays in its last phase.
        let round =
            script.contains { $0.lasts == nil } ? nil : script.reduce(Duration.zero) { $0 + ($1.lasts ?? .zero) }
        if let round, round > .zero { rest = rest - round * Int((rest / round).rounded(.down)) }
        for phase in script {
            guard let lasts = phase.lasts, rest >= lasts else { return phase }
            rest -= lasts
        }
        return script[script.count - 1]
    }
}

extension SimulatedApp {
    package static let usualPages: [String: Page] = [
        "/": Page("<!doctype html><title>App</title><h1>It works</h1>"),
        "/health": .json(#"{"status":"alive"}"#),
        "/healthz/readiness": .json(#"{"status":"ok","database":"connected"}"#),
    ]

    package static let healthy = SimulatedApp()

    package static func slow(_ latency: ClosedRange<Duration>) -> SimulatedApp {
        SimulatedApp(script: [Phase(.serves(after: latency))])
    }

    /// Well for a time, then answering 500 for a time, and again.
    package static func flapping(good: Duration, bad: Duration) -> SimulatedApp {
        SimulatedApp(script: [
            Phase(.prompt, lasts: good),
            Phase(.answers(.json(#"{"detail":"Internal Server Error"}"#, status: 500)), lasts: bad),
        ])
    }

    /// The process is there and holds the port, but answers nobody.
    package static let dead = SimulatedApp(script: [Phase(.silent)])
    /// Well for a time after its start, then silent for good.
    package static func hanging(after wait: Duration) -> SimulatedApp {
        SimulatedApp(script: [Phase(.prompt, lasts: wait), Phase(.silent)])
    }
    /// The container runs, the port is closed.
    package static let portClosed = SimulatedApp(script: [Phase(.broken)])
    package static let failing = SimulatedApp(script: [
        Phase(.answers(.json(#"{"detail":"Internal Server Error"}"#, status: 500)))
    ])
    /// Alive, but its database comes and goes: `/health` is fine, `/healthz/readiness` is not during `lost`.
    package static func database(connected: Duration, lost: Duration) -> SimulatedApp {
        let trouble = ["/healthz/readiness": Page.json(#"{"status":"degraded","database":"lost"}"#, status: 503)]
        return SimulatedApp(script: [Phase(.prompt, lasts: connected), Phase(.prompt, lasts: lost, pages: trouble)])
    }
}
