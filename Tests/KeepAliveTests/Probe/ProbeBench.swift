import NIOCore
import NIOPosix
import StokerCore
import TestSupport

@testable import KeepAlive

/// A lane on a real loop, with everything it needs, closed when the test ends.
struct ProbeBench {
    let group: MultiThreadedEventLoopGroup
    let lane: ProbeLane
    let resolver: NameResolver

    /// - Parameter body: gets the bench; the bench is closed whatever comes of it.
    static func run<R>(
        tls: ProbeTLS = ProbeTLS(), resolver configuration: ResolverConfiguration? = nil, loops: Int = 2,
        _ body: (ProbeBench) async throws -> R
    ) async throws -> R {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        var settings = ResolverConfiguration()
        settings.resolvConf = nil
        settings.hosts = nil
        settings.servers = []
        let resolver = NameResolver(eventLoop: group.next(), configuration: configuration ?? settings)
        let lane = ProbeLane(
            eventLoop: group.next(), resolver: resolver, tls: tls, userAgent: "Stoker/test",
            now: { Instant(milliseconds: 1_700_000_000_000) })
        let bench = ProbeBench(group: group, lane: lane, resolver: resolver)
        do {
            let result = try await body(bench)
            try await bench.stop()
            return result
        } catch {
            try await bench.stop()
            throw error
        }
    }

    private func stop() async throws {
        try await lane.eventLoop.submit { [lane] in lane.shutdown() }.get()
        await resolver.shutdown()
        try await group.shutdownGracefully()
    }

    func attempt(_ address: String, _ policy: CheckPolicy = CheckPolicy()) async -> Seen {
        await attempt(Check(name: "t", address: address, policy: policy))
    }

    func attempt(_ check: Check) async -> Seen {
        await withCheckedContinuation { continuation in
            lane.eventLoop.execute {
                var started = false
                lane.start(check) { attempt in
                    precondition(started, "reported before start returned")
                    continuation.resume(returning: Seen(attempt, check))
                }
                started = true
            }
        }
    }
}

/// What of an attempt may leave its loop.
struct Seen: Sendable {
    var status: UInt16?
    var connected = false
    var headers: [String: String] = [:]
    var body = ""
    var truncated = false
    var redirects = 0
    var cause = Cause.none
    var detail = ""
    var phases: Attempt.Phases
    var certificateEndHours: UInt32
    var transcript: Transcript
    var finding = AttemptResult(outcome: .unknown, cause: .none)

    init(_ attempt: Attempt, _ check: Check? = nil) {
        if let check { finding = ResponseEvaluator().examine(attempt, check: check, now: attempt.at) }
        switch attempt.result {
        case .answer(let answer):
            status = answer.status
            for (name, value) in answer.headers { headers[name.lowercased()] = value }
            body = String(buffer: answer.body)
            truncated = answer.truncated
            redirects = answer.redirects
        case .connected, .judged: connected = true
        case .failed(let cause, let detail):
            self.cause = cause
            self.detail = detail
        }
        phases = attempt.phases
        certificateEndHours = attempt.certificateEndHours
        transcript = attempt.transcript(1, .up, cause, detail)
    }
}

extension CheckPolicy {
    /// Short limits, so that a test of a limit takes as long as that limit only.
    static func quick(
        kind: Kind = .http, timeout: Duration = .seconds(20), connect: Duration = .seconds(10),
        tls: Duration = .seconds(10), request: Request = Request(), expect: Expectation = Expectation()
    ) -> CheckPolicy {
        CheckPolicy(
            kind: kind, timeout: timeout, connectTimeout: connect, tlsTimeout: tls, request: request, expect: expect)
    }
}
