import AsyncHTTPClient
import HubSimulator
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What a visitor gets, by real requests over loopback. Simulated time stands still unless a test moves it.
@Suite struct EdgeTests {
    static let life = SpaceLifecycle(sleepAfter: .seconds(100), startTakes: .seconds(10), buildTakes: .seconds(30))
    /// Answers without any wait, so that a clock that stands still does not hold it up.
    static let instant = SimulatedApp(script: [.init(.serves(after: .zero ... .zero))])

    static func space(
        _ stage: SpaceStage = .running, visibility: SpaceBlueprint.Visibility = .public, errorMessage: String? = nil,
        app: SimulatedApp = instant, edge: EdgeRules? = nil
    ) -> SpaceBlueprint {
        SpaceBlueprint(
            "acme/demo", visibility: visibility, stage: stage, errorMessage: errorMessage, lifecycle: life, app: app,
            edge: edge)
    }

    @Test func aRunningAppAnswersWithTheEdgesHeaders() async throws {
        try await withSpace(Self.space()) { fleet, space, address in
            let answer = try await get(address + "/health?deep=1")
            #expect(answer.status == 200)
            #expect(answer.body == #"{"status":"alive"}"#)
            #expect(answer.headers.first(name: "x-proxied-host")?.hasPrefix("http://10.") == true)
            #expect(answer.headers.first(name: "x-proxied-replica")?.isEmpty == false)
            #expect(answer.headers.first(name: "x-proxied-path") == "/health?deep=1")
            #expect(answer.headers.first(name: "x-request-id")?.count == 32)
            #expect(
                answer.headers.first(name: "link") == #"<https://huggingface.co/spaces/acme/demo>;rel="canonical""#)
        }
    }

    @Test(arguments: [SpaceStage.running, .runningBuilding, .runningAppStarting])
    func theOldContainerGoesOnServing(stage: SpaceStage) async throws {
        try await withSpace(Self.space(stage)) { _, _, address in
            let answer = try await get(address)
            #expect(answer.status == 200)
            #expect(answer.isTheApps)
        }
    }

    @Test(arguments: [SpaceStage.runtimeError, .configError, .buildError, .noAppFile])
    func errorStagesGetThePlatformsPage(stage: SpaceStage) async throws {
        try await withSpace(Self.space(stage)) { _, _, address in
            let answer = try await get(address)
            #expect(answer.status == 503)
            #expect(answer.body == "Your space is in error, check its status on hf.co")
            #expect(!answer.isTheApps)
        }
    }

    @Test(arguments: [nil, "Flagged as abusive"])
    func pausedIsNotWoken(message: String?) async throws {
        try await withSpace(Self.space(.paused, errorMessage: message)) { fleet, space, address in
            let answer = try await get(address)
            #expect(answer.status == 503)
            #expect(!answer.isTheApps)
            #expect(answer.body.contains("flagged") == (message != nil))
            try await fleet.time.advance(by: .seconds(1_000))
            #expect(space.stage == .paused)
        }
    }

    @Test(arguments: [SpaceStage.building, .appStarting])
    func aStartIs503ForScriptsAndAPageForBrowsers(stage: SpaceStage) async throws {
        try await withSpace(Self.space(stage)) { _, _, address in
            let script = try await get(address)
            #expect(script.status == 503)
            #expect(script.body == "Preparing Space")
            #expect(!script.isTheApps)
            let browser = try await get(address, ["accept": "text/html,application/xhtml+xml"])
            #expect(browser.status == 503)
            #expect(browser.headers.first(name: "content-type")?.hasPrefix("text/html") == true)
            #expect(browser.body.contains("<h1>Preparing Space</h1>"))
            #expect(!browser.isTheApps)
        }
    }

    @Test func buildingBecomesRunning() async throws {
        try await withSpace(Self.space(.building)) { fleet, space, address in
            try await fleet.time.advance(by: .seconds(30))
            #expect(space.stage == .appStarting)
            try await fleet.time.advance(by: .seconds(10))
            #expect(try await get(address).status == 200)
        }
    }

    @Test(arguments: [SpaceStage.sleeping, .stopped])
    func aVisitorOfASleepingSpaceIsHeldUntilTheAppServes(stage: SpaceStage) async throws {
        try await withSpace(Self.space(stage)) { fleet, space, address in
            async let first = get(address)
            async let second = get(address + "/health")
            // The second may come while the Space is already starting: then it gets the page.
            try await Wait.until("both visits") { space.visits == 2 }
            try await Wait.until("a held visitor") { space.held >= 1 }
            #expect(space.stage == .appStarting)
            try await fleet.time.advance(by: .seconds(10))
            let answers = try await [first, second]
            #expect(answers.contains { $0.status == 200 && $0.isTheApps })
            #expect(answers.allSatisfy { $0.status == 200 || !$0.isTheApps })
            #expect(space.held == 0)
        }
    }

    @Test(arguments: [EdgeRules.WakeStyle.refused, .page])
    func whereNobodyIsHeldTheVisitStillWakes(style: EdgeRules.WakeStyle) async throws {
        try await withSpace(Self.space(.sleeping, edge: EdgeRules(wake: style))) { fleet, space, address in
            let answer = try await get(address)
            #expect(answer.status == 503)
            #expect(!answer.isTheApps)
            #expect(answer.body.contains("Preparing Space"))
            try await fleet.time.advance(by: .seconds(10))
            #expect(try await get(address).isTheApps)
        }
    }

    @Test func theEdgeGivesUpHoldingAtItsLimit() async throws {
        var blueprint = Self.space(.sleeping, edge: EdgeRules(limit: .seconds(60)))
        blueprint.lifecycle.startTakes = .seconds(300)
        try await withSpace(blueprint) { fleet, space, address in
            async let answer = get(address)
            try await Wait.until("a held visitor") { space.held == 1 }
            try await fleet.time.advance(by: .seconds(61))
            let seen = try await answer
            #expect(seen.status == 504)
            #expect(space.held == 0)
            #expect(space.stage == .appStarting)
        }
    }

    @Test func whoHangsUpWhileHeldIsForgottenAndTheWakeGoesOn() async throws {
        try await withSpace(Self.space(.sleeping)) { fleet, space, address in
            let visitor = Task { try await get(address) }
            try await Wait.until("a held visitor") { space.held == 1 }
            visitor.cancel()
            try await Wait.until("the visitor is forgotten") { space.held == 0 }
            try await fleet.time.advance(by: .seconds(10))
            #expect(space.stage == .running)
        }
    }

    @Test func aSpaceFallsAsleepWithoutVisits() async throws {
        try await withSpace(Self.space()) { fleet, space, address in
            try await fleet.time.advance(by: .seconds(90))
            #expect(try await get(address).status == 200)
            try await fleet.time.advance(by: .seconds(90))
            #expect(space.stage == .running)
            try await fleet.time.advance(by: .seconds(11))
            #expect(space.stage == .sleeping)
        }
    }

    @Test func runningButDeadIsGivenUpByTheEdge() async throws {
        try await withSpace(Self.space(app: .dead)) { fleet, space, address in
            let answer = Task { try await get(address) }
            try await Wait.until("the visit") { space.visits == 1 }
            // The limit is set right after the visit is counted, on the same loop: step until it is reached.
            let seen = try await stepping(fleet.time) { try await answer.value }
            #expect(seen.status == 504)
            #expect(!seen.isTheApps)
            #expect(space.stage == .running)
        }
    }

    @Test func aClosedPortIsABadGateway() async throws {
        try await withSpace(Self.space(app: .portClosed)) { _, _, address in
            let answer = try await get(address)
            #expect(answer.status == 502)
            #expect(!answer.isTheApps)
        }
    }

    @Test func aFailingAppIsStillTheApp() async throws {
        try await withSpace(Self.space(app: .failing)) { _, _, address in
            let answer = try await get(address)
            #expect(answer.status == 500)
            #expect(answer.isTheApps)
        }
    }

    @Test func aMissingRouteIsTheAppsOwn404() async throws {
        try await withSpace(Self.space()) { _, _, address in
            let answer = try await get(address + "/no/such/route")
            #expect(answer.status == 404)
            #expect(answer.isTheApps)
        }
    }

    @Test func theReadinessPageFollowsTheDatabase() async throws {
        var app = SimulatedApp.database(connected: .seconds(60), lost: .seconds(30))
        app.script = app.script.map { .init(.serves(after: .zero ... .zero), lasts: $0.lasts, pages: $0.pages) }
        try await withSpace(Self.space(app: app)) { fleet, _, address in
            let well = try await get(address + "/healthz/readiness")
            #expect(well.status == 200)
            #expect(well.body.contains(#""database":"connected""#))
            try await fleet.time.advance(by: .seconds(61))
            let ill = try await get(address + "/healthz/readiness")
            #expect(ill.status == 503)
            #expect(ill.body.contains(#""database":"lost""#))
            #expect(ill.isTheApps)
            #expect(try await get(address + "/health").status == 200)
        }
    }

    @Test(
        arguments: [
            ([:], 404), (["authorization": "Bearer hf_right"], 200), (["x-hf-authorization": "Bearer hf_right"], 200),
            (["authorization": "Bearer hf_wrong"], 404), (["x-api-key": "hf_right"], 404),
            (["authorization": "Bearer hf_apps_own", "x-hf-authorization": "Bearer hf_right"], 200),
        ] as [([String: String], Int)])
    func aPrivateSpaceIsHiddenWithoutAToken(headers: [String: String], status: Int) async throws {
        try await withSpace(Self.space(visibility: .private), tokens: ["hf_right"]) { _, _, address in
            let answer = try await get(address, headers)
            #expect(answer.status == status)
            #expect(answer.isTheApps == (status == 200))
        }
    }

    @Test func aStrangerDoesNotWakeAPrivateSpace() async throws {
        try await withSpace(Self.space(.sleeping, visibility: .private), tokens: ["hf_right"]) { _, space, address in
            let answer = try await get(address)
            #expect(answer.status == 404)
            #expect(space.stage == .sleeping)
        }
    }

    @Test func aProtectedSpaceIsOpen() async throws {
        try await withSpace(Self.space(visibility: .protected)) { _, _, address in
            let answer = try await get(address)
            #expect(answer.isTheApps)
        }
    }

    @Test func tooManyAnonymousVisitsAreThrottledUntilTheWindowIsOver() async throws {
        let rules = EdgeRules(anonymousLimit: 2, window: .seconds(60))
        try await withSpace(Self.space(edge: rules), tokens: ["hf_right"]) { fleet, _, address in
            #expect(try await get(address).status == 200)
            #expect(try await get(address).status == 200)
            let third = try await get(address)
            #expect(third.status == 429)
            #expect(third.headers.first(name: "retry-after") == "60")
            #expect(!third.isTheApps)
            #expect(try await get(address, ["authorization": "Bearer hf_right"]).status == 200)
            try await fleet.time.advance(by: .seconds(60))
            #expect(try await get(address).status == 200)
        }
    }

    @Test func sporadicBadGatewaysComeBySeed() async throws {
        func statuses(seed: UInt64) async throws -> [Int] {
            var seen: [Int] = []
            try await withSpace(Self.space(edge: EdgeRules(sporadic502: 0.3)), seed: seed) { _, _, address in
                for _ in 0..<40 { seen.append(try await get(address).status) }
            }
            return seen
        }
        let first = try await statuses(seed: 7)
        #expect(Set(first) == [200, 502])
        #expect(try await statuses(seed: 7) == first)
        #expect(try await statuses(seed: 8) != first)
    }

    @Test func theEdgeAnswersPreflightsAndReflectsTheOrigin() async throws {
        try await withSpace(Self.space(.sleeping)) { _, space, address in
            let answer = try await get(
                address, ["origin": "https://evil.example", "access-control-request-method": "POST"], method: .OPTIONS)
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "access-control-allow-origin") == "https://evil.example")
            #expect(!answer.isTheApps)
            #expect(space.stage == .sleeping)
        }
    }

    @Test func theCallersAddressIsAppendedToForwardedFor() async throws {
        try await withSpace(Self.space()) { _, space, address in
            _ = try await get(address, ["x-forwarded-for": "203.0.113.9", "user-agent": "a visitor"])
            let visit = try #require(space.recentVisits.last)
            #expect(visit.forwardedFor == "203.0.113.9, 127.0.0.1")
            #expect(visit.userAgent == "a visitor")
        }
    }

    @Test func headGetsHeadersOnly() async throws {
        try await withSpace(Self.space()) { _, _, address in
            let answer = try await get(address + "/health", method: .HEAD)
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
            #expect(answer.headers.first(name: "content-length") == "18")
        }
    }
}
