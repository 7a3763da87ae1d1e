import NIOHTTP1
import StokerCore
import Testing

@testable import HubClient

private typealias Reply = ScriptedHub.Reply

@Suite struct RateLimitHeaderTests {
    @Test(arguments: [
        (#""api";r=742;t=131"#, #""fixed window";"api";q=1000;w=300"#),
        (#" "api" ; r = 742 ; t = 131 "#, #""fixed window" ; "api" ; q = 1000 ; w = 300"#),
        ("api;R=742;T=131", "api;q=1000;w=300"),
        (
            #""api";t=131;r=742;x=1, "pages";r=1;t=2"#,
            #""fixed window";"pages";q=5;w=9, "fixed window";"api";q=1000;w=300"#
        ),
    ]) func areReadTolerantly(limit: String, policy: String) throws {
        let read = try #require(RateLimitHeaders(["RateLimit": limit, "RateLimit-Policy": policy]))
        #expect(read.bucket == "api" && read.remaining == 742 && read.seconds == 131)
        #expect(read.quota == 1_000 && read.window == 300)
    }

    @Test(arguments: [
        "", ";;;", "api", #""api";r=-1;t=3"#, #""api";r=1"#, "\"api\";r=99999999999999999999;t=1", "r=1;t=1",
        "\"api\";r=1;t=99999999",
    ])
    func nonsenseIsNothing(text: String) {
        #expect(RateLimitHeaders(["RateLimit": text]) == nil)
    }

    @Test func withoutPolicyTheQuotaIsUnknown() throws {
        let read = try #require(RateLimitHeaders(["ratelimit": #""resolvers";r=0;t=55"#]))
        #expect(read.quota == nil && read.remaining == 0)
    }

    @Test(arguments: [("120", 120), (" 7 ", 7)]) func retryAfterInSeconds(text: String, seconds: Int) {
        #expect(RateLimitHeaders.retryAfter(["Retry-After": text]) == .seconds(seconds))
    }

    @Test(arguments: ["", "soon", "-3", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999999999999"])
    func retryAfterElseIsNothing(text: String) {
        #expect(RateLimitHeaders.retryAfter(["Retry-After": text]) == nil)
    }

    @Test func actionQuotasAreReadFromTheText() {
        let text = "Rate limit for repository commits exceeded (128 per hour). Try this action again in about 1 hour."
        #expect(ActionQuota(text) == ActionQuota(number: 128, wait: .seconds(3_600)))
        #expect(ActionQuota("wait, retry in 5 minutes")?.wait == .seconds(300))
        #expect(ActionQuota("again in about an hour")?.wait == .seconds(3_600))
        #expect(ActionQuota("You have exceeded 20 per day")?.number == 20)
        #expect(ActionQuota("no numbers here") == nil)
        #expect(ActionQuota("") == nil)
    }
}

/// The governor's decisions, without a network: the Hub is played by a counter.
@Suite struct RateLimiterStateTests {
    /// A Hub with one window, and a client that wants `rate` calls a second at most.
    struct Play {
        var state = RateLimiterState(limits: .init())
        var quota: Int
        var used = 0
        var end: Duration = .seconds(300)
        var now: Duration = .zero
        var refused = 0

        mutating func call(urgent: Bool = false) -> Duration {
            let wait = state.admit("api", urgent: urgent, now: now)
            guard wait == .zero else { return wait }
            while now >= end {
                end += .seconds(300)
                used = 0
            }
            if used < quota { used += 1 } else { refused += 1 }
            let left = Int((end - now).seconds)
            let headers: HTTPHeaders = [
                "RateLimit": "\"api\";r=\(quota - used);t=\(left)",
                "RateLimit-Policy": "\"fixed window\";\"api\";q=\(quota);w=300",
            ]
            state.heard(RateLimitHeaders(headers), bucket: "api", status: 200, now: now)
            return .zero
        }
    }

    @Test(arguments: [20, 500, 1_000, 2_500]) func aWindowNeverRunsDry(quota: Int) {
        var play = Play(quota: quota)
        var made = 0
        var waits = 0
        // Wants as much as it can get for four windows.
        while play.now < .seconds(1_200), waits < 200_000 {
            let wait = play.call()
            if wait == .zero {
                made += 1
                play.now += .milliseconds(20)
            } else {
                play.now += min(wait, .seconds(1))
                waits += 1
            }
            #expect(play.used <= quota)
        }
        #expect(play.refused == 0)
        // Nearly all of four quotas is used, less the reserve.
        #expect(Double(made) >= 4 * Double(quota) * 0.85, "\(made)")
        #expect(made <= 4 * quota)
    }

    @Test func aBurstOfHalfTheQuotaIsNotHeldBack() {
        var play = Play(quota: 1_000)
        var made = 0
        while made < 450 {
            #expect(play.call() == .zero)
            made += 1
        }
        #expect(play.now == .zero)
    }

    @Test func urgentCallsUseTheReserve() {
        var play = Play(quota: 100)
        play.state.heard(
            RateLimitHeaders([
                "RateLimit": #""api";r=4;t=200"#, "RateLimit-Policy": #""fixed window";"api";q=100;w=300"#,
            ]), bucket: "api", status: 200, now: .zero)
        play.used = 96
        #expect(play.call() > .seconds(150))
        #expect(play.call(urgent: true) == .zero)
    }

    @Test func anEmptyWindowIsWaitedFor() {
        var state = RateLimiterState(limits: .init())
        state.heard(RateLimitHeaders(["RateLimit": #""api";r=0;t=97"#]), bucket: "api", status: 429, now: .seconds(10))
        #expect(state.admit("api", urgent: true, now: .seconds(10)) == .seconds(98))
        #expect(state.admit("resolvers", urgent: false, now: .seconds(10)) == .zero)
        #expect(state.admit("api", urgent: false, now: .seconds(108)) == .zero)
    }

    @Test func aLongWaitIsToldOnceAndAShortOneNotAtAll() async throws {
        let pace = HubRateLimiter(clock: FastClock().hubClock)
        var told: [Duration] = []
        func wait(_ seconds: Int) async throws {
            pace.heard(
                RateLimitHeaders(["RateLimit": "\"api\";r=0;t=\(seconds)"]), bucket: "api", status: 429)
            try await pace.admit("api", urgent: true, until: .seconds(10_000), doing: "look") { told.append($1) }
        }
        try await wait(97)
        #expect(told == [.seconds(98)])
        try await wait(1)
        #expect(told.count == 1)
    }

    @Test func aWindowWithoutAKnownQuotaOpensAgain() {
        var state = RateLimiterState(limits: .init())
        func say(_ text: String, _ status: Int, _ now: Duration) {
            state.heard(RateLimitHeaders(["RateLimit": text]), bucket: "api", status: status, now: now)
        }
        say(#""api";r=0;t=97"#, 429, .zero)
        #expect(state.admit("api", urgent: false, now: .seconds(98)) == .zero)
        // One looks; what it hears counts, though the window seems the same.
        #expect(state.admit("api", urgent: false, now: .seconds(98)) > .zero)
        say(#""api";r=999;t=300"#, 200, .seconds(99))
        #expect(state.admit("api", urgent: false, now: .seconds(99)) == .zero)
    }

    @Test func anAnswerOvertakenByANewerOneDoesNotGiveBack() {
        var state = RateLimiterState(limits: .init())
        func say(_ rest: Int, _ time: Int, _ now: Duration) {
            state.heard(
                RateLimitHeaders(["RateLimit": "\"api\";r=\(rest);t=\(time)"]), bucket: "api", status: 200, now: now)
        }
        say(10, 100, .seconds(0))
        say(14, 101, .seconds(0))
        #expect(state.windows["api"]?.remaining == 10)
        // The next window is another matter.
        say(999, 300, .seconds(102))
        #expect(state.windows["api"]?.remaining == 999)
    }

    @Test func commitsHaveABudgetPerRepo() throws {
        var state = RateLimiterState(limits: .init(commitsPerHour: 3))
        let repo = try RepoID.space("maren/orbit-api")
        let other = try RepoID.space("maren/other")
        for minute in 0..<3 { #expect(state.reserve(.commit(repo: repo), now: .seconds(60 * minute)) == nil) }
        #expect(state.reserve(.commit(repo: repo), now: .seconds(200))?.time == .seconds(3_400))
        #expect(state.reserve(.commit(repo: other), now: .seconds(200)) == nil)
        #expect(state.reserve(.commit(repo: repo), now: .seconds(3_601)) == nil)
        state.giveBack(.commit(repo: repo))
        #expect(state.reserve(.commit(repo: repo), now: .seconds(3_602)) == nil)
    }

    @Test func theAccountCanHaveABudgetToo() throws {
        var state = RateLimiterState(limits: .init(commitsPerHour: 10, commitsPerHourInAll: 2))
        for name in ["a/b", "a/c"] { #expect(state.reserve(.commit(repo: try .space(name)), now: .zero) == nil) }
        #expect(state.reserve(.commit(repo: try .space("a/d")), now: .seconds(10))?.time == .seconds(3_590))
    }

    @Test func refusedActionsStopForLongerEachTime() throws {
        var state = RateLimiterState(limits: .init())
        let action = HubRequest.Action.restart(space: try .space("a/b"))
        #expect(state.stop(action.name, said: "no", retryAfter: nil, now: .zero) == .seconds(60))
        #expect(state.reserve(action, now: .seconds(20))?.time == .seconds(40))
        #expect(state.reserve(.restart(space: try .space("a/c")), now: .seconds(20)) == nil)
        #expect(state.stop(action.name, said: "no", retryAfter: nil, now: .seconds(60)) == .seconds(120))
        #expect(
            state.stop(action.name, said: "in about 1 hour", retryAfter: nil, now: .seconds(200)) == .seconds(3_600))
        state.succeeded(action.name)
        #expect(state.stop(action.name, said: "no", retryAfter: .seconds(7), now: .seconds(4_000)) == .seconds(8))
    }
}

@Suite struct PaceTests {
    private static let rate = #""fixed window";"api";q=1000;w=300"#

    @Test func theWindowsAreReadOnEveryAnswer() async throws {
        let server = try await ScriptedHub.start([
            .json("{}", ["RateLimit": #""api";r=742;t=131"#, "RateLimit-Policy": Self.rate])
        ])
        let report = try await withHub(server) { hub async throws in
            _ = try await hub.send(.init(.GET, "/api/x", doing: "x"))
            return hub.pace.report
        }
        let window = try #require(report.windows.first)
        #expect(window.bucket == "api" && window.remaining == 742 && window.quota == 1_000 && window.used == 258)
        #expect(window.endsIn == .seconds(132))
        #expect(report.calls == 1 && report.refusals == 0)
    }

    @Test func anEmptyWindowIsWaitedOutEvenByAChange() async throws {
        let server = try await ScriptedHub.start([
            .json(#"{"error":"quota"}"#, status: 429, ["RateLimit": #""api";r=0;t=97"#]), .json("{}"),
        ])
        let clock = FastClock()
        try await withHub(server, clock: clock) { hub async throws in
            _ = try await hub.send(.init(.POST, "/api/spaces/a/b/restart", doing: "restart"))
            #expect(hub.pace.report.refusals == 1)
        }
        #expect(clock.slept.reduce(.zero, +) == .seconds(98))
        #expect(server.asked().count == 2)
    }

    @Test func longWaitsAreRefusedToTheImpatient() async throws {
        let server = try await ScriptedHub.start([
            .json(#"{"error":"quota"}"#, status: 429, ["RateLimit": #""api";r=0;t=97"#])
        ])
        let clock = FastClock()
        try await withHub(server, clock: clock) { hub async throws in
            var request = HubRequest(.GET, "/api/x", doing: "x")
            request.patience = .seconds(10)
            for _ in 0..<2 {
                let failure = await #expect(throws: HubFailure.self) { try await hub.send(request) }
                #expect(failure?.kind == .throttled && failure?.retry == .after(.seconds(98)))
            }
        }
        #expect(server.asked().count == 1)
        #expect(clock.slept.isEmpty)
    }

    @Test func anActionQuotaStopsThatActionThere() async throws {
        let text =
            #"{"error": "Rate limit for repository commits exceeded (128 per hour). Try this action again in about 1 hour."}"#
        let server = try await ScriptedHub.start { asked, _ in
            asked.path.contains("/a/b/")
                ? .json(text, status: 429, ["RateLimit": #""api";r=1641;t=63"#]) : .json("{}")
        }
        let clock = FastClock()
        try await withHub(server, clock: clock) { hub async throws in
            func commit(_ id: String) async throws {
                _ = try await hub.send(
                    .init(.POST, "/api/spaces/\(id)/commit/main", doing: "commit", action: .commit(repo: .space(id))))
            }
            for _ in 0..<2 {
                let failure = await #expect(throws: HubFailure.self) { try await commit("a/b") }
                #expect(failure?.kind == .throttled && failure?.retry == .after(.seconds(3_600)))
            }
            try await commit("a/c")
            let report = hub.pace.report
            #expect(report.stops.map(\.what) == ["commits to space a/b"])
            #expect(report.stops.first?.said.contains("128 per hour") == true)
            // What was refused did not happen.
            #expect(report.commits.map(\.repo.description) == ["a/c"])
            clock.advance(.seconds(3_601))
            _ = await #expect(throws: HubFailure.self) { try await commit("a/b") }
        }
        #expect(server.asked().filter { $0.path.contains("/a/b/") }.count == 2)
    }

    @Test func readsWaitAsRetryAfterSays() async throws {
        let server = try await ScriptedHub.start([
            .json("{}", status: 429, ["RateLimit": #""api";r=100;t=63"#, "Retry-After": "7"]),
            .json("{}", status: 503, ["Retry-After": "3"]), .json("{}", status: 429), .json("{}"),
        ])
        let clock = FastClock()
        _ = try await withHub(server, clock: clock) { try await $0.send(.init(.GET, "/api/x", doing: "x")) }
        #expect(clock.slept == [.seconds(8), .seconds(4), .seconds(240)])
    }

    @Test func creationsGoOneByOne() async throws {
        let busy = Peak()
        let server = try await ScriptedHub.start([.json("{}")])
        try await withHub(server) { hub async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await hub.pace.begin(.createRepo, until: .seconds(1_000_000), doing: "x")
                        await busy.enter()
                        await Task.yield()
                        await busy.leave()
                        hub.pace.finish(.createRepo, happened: true)
                    }
                }
                try await group.waitForAll()
            }
            #expect(await busy.most == 1)
            #expect(hub.pace.report.waiting == 0)
        }
    }

    @Test func aPenIsForOneAtATimeAndPerRepo() async throws {
        let pace = HubRateLimiter(clock: FastClock().hubClock)
        let busy = Peak()
        let repo = try RepoID.space("a/b")
        let other = try RepoID.space("a/c")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    try await pace.writing(to: repo) {
                        await busy.enter()
                        await Task.yield()
                        await busy.leave()
                    }
                }
            }
            // Not behind those of another repo, even while this one is held.
            group.addTask { try await pace.writing(to: repo) { try await pace.writing(to: other) {} } }
            try await group.waitForAll()
        }
        #expect(await busy.most == 1)
    }

    @Test func whoIsCancelledLeavesTheLine() async throws {
        let turns = HubSerialQueues()
        try await turns.take("x")
        let waiting = Task { try await turns.take("x") }
        while turns.waiting == 0 { await Task.yield() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(turns.waiting == 0)
        turns.give("x")
        // Free again, and a cancelled task does not take it.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await turns.take("x")
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        try await turns.take("x")
    }

    private actor Peak {
        var now = 0
        var most = 0
        func enter() {
            now += 1
            most = max(most, now)
        }
        func leave() { now -= 1 }
    }
}
