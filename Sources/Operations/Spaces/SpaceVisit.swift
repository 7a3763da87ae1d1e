import HubClient
import KeepAlive
import StokerCore

/// What a visitor of a Space's app gets, judged as the monitor judges it.
struct SpaceVisit: Sendable {
    var address: String
    var result: OneTimeCheck.Result?

    /// The app itself answered, and well.
    var isGood: Bool { result.map { $0.outcome == .up || $0.outcome == .slow } ?? false }
    /// The app is on its way.
    var isWaking: Bool { result?.outcome == .waking }

    var sentence: String {
        guard let result else { return "not visited" }
        if isGood {
            return
                "answers \(result.code) in \(OutputFormatting.latency(.number(Double(result.latencyMicroseconds) / 1_000)))"
        }
        return result.detail.isEmpty
            ? result.cause.sentence(code: result.code) : "\(result.cause.sentence(code: result.code)): \(result.detail)"
    }

    var json: JSONValue {
        guard let result else { return .null }
        return [
            "address": .string(Redaction.address(address)), "outcome": .string(result.outcome.name),
            "cause": result.cause == .none ? .null : .string(result.cause.code),
            "sentence": .string(result.cause.sentence(code: result.code)), "detail": .string(result.detail),
            "status_code": result.code == 0 ? .null : .integer(Int64(result.code)),
            "latency_ms": result.latencyMicroseconds == 0
                ? .null : .number(Double(result.latencyMicroseconds) / 1_000),
        ]
    }

    /// Visits the app once, `timeout` for all of it but finding its address. The token goes along only when the edge hides the Space without it and
    /// the Hub says that it is private or protected, and only to an address of the platform.
    /// - Parameter accepted: the status codes that are good; the platform's own pages never are.
    static func make(
        _ space: RepoID, path: String, runtime: SpaceRuntime, hub: Hub, timeout: Duration,
        accepted: [ClosedRange<Int>] = [200...399]
    ) async throws -> SpaceVisit {
        let host = try await hub.host(of: space)
        let end = ContinuousClock.now + timeout
        let address = host + (path.hasPrefix("/") ? path : "/" + path)
        func visit(_ headers: [Request.Header]) async -> OneTimeCheck.Result? {
            let policy = CheckPolicy(
                timeout: max(.milliseconds(100), end - .now), retry: [], request: Request(headers: headers),
                expect: Expectation(status: accepted))
            // A static Space is served as files: there is no container whose headers could tell the app from the platform.
            let check = Check(
                name: "\(space)", address: address, space: runtime.isStatic ? nil : "\(space)", policy: policy)
            return await OneTimeCheck(concurrency: 1).run([check]) { _ in }.first
        }
        var result = await visit([])
        if result?.cause == .spaceHidden, let token = hub.settings.token, isOurs(host, hub.settings.endpoint),
            await isClosed(space, hub, until: end)
        {
            result = await visit([
                Request.Header(name: "X-HF-Authorization", value: Secret("Bearer \(token.reveal())"))
            ])
        }
        return SpaceVisit(address: address, result: result.map { judged($0, runtime.stage) })
    }

    /// What was seen, in the light of what the Hub said before: a request that nobody answers means a start for a Space that sleeps,
    /// and a dead app for one that is said to run.
    static func judged(_ seen: OneTimeCheck.Result, _ stage: SpaceStage) -> OneTimeCheck.Result {
        guard !seen.outcome.isGood,
            let behaviour = SpaceVerdict.behaviour(
                of: AttemptResult(outcome: seen.outcome, cause: seen.cause, code: seen.code, detail: seen.detail))
        else { return seen }
        let cell = SpaceVerdict.cell(stage, behaviour)
        var result = seen
        if let cause = cell.cause, cause != .none { result.cause = cause }
        // The visit was not good, whatever the Hub says; and what is paused answers nobody.
        let outcome = cell.verdict == .paused ? .down : cell.verdict.traits.outcome
        if !outcome.isGood { result.outcome = outcome }
        return result
    }

    /// Whether the Hub says that not everybody may see the Space. Where it does not say so, an app may play the edge, and gets no token.
    private static func isClosed(_ space: RepoID, _ hub: Hub, until end: ContinuousClock.Instant) async -> Bool {
        do {
            let info = try await Deadline.run(until: end) { try await hub.info(of: space, expand: ["private"]) }
            return info?.isPrivate == true
        } catch {
            return false
        }
    }

    /// Whether a token may go there: an encrypted address under hf.space, or this machine for a Hub on this machine.
    static func isOurs(_ host: String, _ endpoint: String) -> Bool {
        guard let app = try? WebOrigin(host) else { return false }
        if app.scheme == .https, app.host.hasSuffix(".hf.space") { return true }
        return app.isLoopback && (try? WebOrigin(endpoint))?.isLoopback == true
    }
}
