import Ledger
import StokerCore
import TestSupport

/// Fleets to look at, with histories that could be real.
enum SampleFleet {
    static let now = Instant(milliseconds: 1_795_255_200_000)

    struct Whole {
        var monitor: ScriptedMonitor
        var ledger: ScriptedLedger
    }

    /// Twelve calls of a PRO account's window are used.
    static let hub = HubRateUsage(
        endpoint: "https://huggingface.co",
        windows: [
            HubRateUsage.Window(bucket: "api", quota: 2_500, remaining: 2_488, endsAt: now + .seconds(140), sent: 12)
        ],
        calls: 240, waited: .milliseconds(1_500), answeredAt: now - .seconds(20))

    /// A dozen checks in every state there is.
    static func dozen(
        now: @escaping @Sendable () -> Instant = { SampleFleet.now }, overview: (inout Overview) -> Void = { _ in },
        pingGate: @escaping @Sendable (String) async -> Void = { _ in }
    ) -> Whole {
        let moment = now()
        var made: [CheckStatus] = []
        func add(
            _ name: String, _ verdict: Verdict, _ cause: Cause = .none, space: String? = nil, address: String? = nil,
            every: Int = 300, latency: UInt32 = 140_000, kind: CheckPolicy.Kind = .http,
            role: CheckPolicy.Role = .alive,
            group: String? = nil, since: Int = 86_400, failures: UInt16 = 0, expect: Expectation = Expectation(),
            change: (inout CheckState) -> Void = { _ in }
        ) {
            let policy = CheckPolicy(
                kind: kind, every: .seconds(every), grace: .seconds(1_800), expect: expect, role: role, group: group)
            let place = address ?? "https://acme-\(name.replacing("/", with: "-")).hf.space/health"
            let check = Check(
                name: name, address: kind == .heartbeat ? "" : place, space: space, policy: policy)
            var state = CheckState()
            state.verdict = verdict
            state.cause = cause
            state.failures = failures
            state.attempts = failures > 0 ? 4 : 1
            state.latencyMicroseconds = latency
            state.lastPing = moment - .seconds(17 + made.count * 13)
            state.lastGood = verdict.isTrouble ? moment - .seconds(since) : state.lastPing
            state.since = moment - .seconds(since)
            state.code = cause == .status ? 503 : kind == .http ? 200 : 0
            state.certificateEndHours = UInt32(moment.milliseconds / 3_600_000 + 61 * 24)
            change(&state)
            made.append(
                CheckStatus(
                    check: check, id: Int32(made.count + 1), state: state,
                    nextDue: verdict == .paused ? nil : moment + .seconds(every - made.count * 13)))
        }
        add("discord-bot", .up, space: "acme/discord-bot", every: 120, latency: 88_000)
        add("llm-backend", .slow, .tooSlow, space: "acme/llm-backend", every: 180, latency: 2_310_000, since: 640)
        add(
            "llm-backend/ready", .down, .jsonMismatch, space: "acme/llm-backend", every: 3_600, role: .ready,
            since: 5_400,
            failures: 4,
            expect: Expectation(
                status: [200...200], json: [.init(path: "$.database", value: .string("connected"))], within: .seconds(2)
            ))
        add("rag", .up, space: "acme/rag", latency: 212_000)
        add("translate-demo", .waking, .spaceHeld, space: "acme/translate-demo", every: 2_700, latency: 0, since: 42)
        add("image-studio", .up, space: "acme/image-studio", every: 900, latency: 164_000) { $0.flapping = true }
        add("leaderboard", .paused, space: "acme/leaderboard", since: 7_200) { $0.pause = .byPerson }
        add("old-prototype", .paused, .spaceModerated, space: "acme/old-prototype") { $0.pause = .byModeration }
        add("gateway", .up, address: "https://api.example.com/health?token=hidden-value", every: 60, latency: 31_000)
        add("website", .down, .connectRefused, address: "https://www.example.com/", every: 300, since: 660, failures: 3)
        add("postgres", .up, address: "tcp://db.internal:5432", every: 60, latency: 900, kind: .tcp)
        add(
            "nightly-export", .silent, .heartbeatMissed, every: 86_400, latency: 0, kind: .heartbeat, since: 2_300,
            failures: 1)
        return fill(made, now: now, overview: overview, pingGate: pingGate)
    }

    /// `count` healthy checks in a handful of groups, one in fifty in trouble.
    static func many(_ count: Int, now: @escaping @Sendable () -> Instant = { SampleFleet.now }) -> Whole {
        let moment = now()
        let policies = ["bots", "backends", "demos", "customers"].map { CheckPolicy(every: .seconds(900), group: $0) }
        let made = (0..<count).map { index -> CheckStatus in
            var state = CheckState()
            state.verdict = index % 50 == 7 ? .down : index % 31 == 3 ? .slow : .up
            state.cause = state.verdict == .down ? .firstByteTimeout : state.verdict == .slow ? .tooSlow : .none
            state.failures = state.verdict == .down ? 3 : 0
            state.latencyMicroseconds = UInt32(60_000 + (index * 7_919) % 400_000)
            state.lastPing = moment - .seconds(index % 900)
            state.since = moment - .seconds(40_000)
            return CheckStatus(
                check: Check(
                    name: "service-\(index)", address: "https://acme-service-\(index).hf.space/",
                    space: "acme/service-\(index)",
                    policy: policies[index * 4 / max(count, 1)]),
                id: Int32(index + 1), state: state, nextDue: moment + .seconds(900 - index % 900))
        }
        return fill(made, now: now)
    }

    static func empty() -> Whole { fill([], now: { SampleFleet.now }) }

    /// Everything that is a string is an attack or a nuisance.
    static func hostile(_ text: String) -> Whole {
        let policy = CheckPolicy(
            hours: Hours(windows: [], zone: "UTC", text: text),
            expect: Expectation(text: text, regex: text, json: [.init(path: text, value: .string(text))]), group: text)
        var state = CheckState()
        state.verdict = .down
        state.cause = .status
        state.failures = 2
        state.lastPing = now
        state.since = now
        let status = CheckStatus(
            check: Check(
                name: text, address: "https://user:pass@example.com/\(text)?key=\(text)", space: text, policy: policy),
            id: 1, state: state, nextDue: now)
        var whole = fill([status], now: { now }) { overview in
            overview.fleetFile = .init(path: text, loadedAt: now, rejected: [text, text])
            overview.role = .standingIn(for: text, since: now)
            overview.ledger = .stalled(since: now, because: text, waiting: 1, limit: 2, dropped: 3)
            overview.demo = true
        }
        whole.ledger.events = [Event(id: 1, at: now, kind: "verdict", check: 1, text: text)]
        whole.monitor.set(
            transcripts: Transcripts(last: transcript(text), lastFailed: transcript(text + text)), of: text)
        return whole
    }

    static func transcript(_ text: String) -> Transcript {
        Transcript(
            at: now, attempt: 2, outcome: .down, cause: .jsonMismatch, detail: text,
            exchanges: [
                Transcript.Exchange(
                    sent: ["GET /\(text) HTTP/1.1", "Host: \(text)"], peer: text,
                    phases: [.init(name: text, microseconds: 3), .init(name: "body", microseconds: 1)],
                    received: ["HTTP/1.1 200 OK", "x: \(text)"], body: text, bodyBytes: 99_999)
            ], tls: [text])
    }

    private static func fill(
        _ statuses: [CheckStatus], now: @escaping @Sendable () -> Instant,
        overview change: (inout Overview) -> Void = { _ in },
        pingGate: @escaping @Sendable (String) async -> Void = { _ in }
    ) -> Whole {
        let moment = now()
        var overview = Overview(
            startedAt: moment - .seconds(266_400), now: moment, generation: 1,
            fleetFile: .init(path: "fleet.yaml", loadedAt: moment - .seconds(266_400)),
            work: .init(
                inFlight: 1, inFlightLimit: 500, pings: 48_213, attempts: 48_990, latenessP50: 400, latenessP99: 2_100))
        change(&overview)
        let monitor = ScriptedMonitor(statuses, overview: overview, now: now, pingGate: pingGate)
        var ledger = ScriptedLedger()
        var random = Noise(state: 42)
        for status in statuses {
            var samples: [Sample] = []
            let state = status.state
            let base = Double(max(state.latencyMicroseconds, 40_000))
            for index in 0..<40 {
                let last = 39 - index
                let outcome: Outcome
                switch state.verdict {
                case .down, .silent: outcome = last < Int(max(1, state.failures)) ? .down : .up
                case .slow: outcome = last < 4 || random.share < 0.1 ? .slow : .up
                case .waking: outcome = last == 0 || index == 12 ? .waking : .up
                default: outcome = state.flapping && random.share < 0.25 ? .down : random.share < 0.015 ? .slow : .up
                }
                let spike = outcome == .slow ? 2.4 : random.share < 0.06 ? 1.9 : 1
                let latency = UInt32(base * (0.75 + random.share * 0.5) * spike)
                samples.append(
                    Sample(
                        at: moment - .seconds(last * 300), outcome: outcome,
                        latencyMicroseconds: outcome.isGood ? latency : 0))
            }
            monitor.set(strip: samples, of: status.check.name)
        }
        // A history for some only: the sums are computed by looking at every observation.
        for status in statuses.prefix(12) where statuses.count < 100 {
            let base = Double(max(status.state.latencyMicroseconds, 40_000))
            for step in stride(from: 0, to: 90 * 24 * 2, by: 1) {
                let at = moment - .seconds((90 * 24 * 2 - step) * 1_800)
                let failing = step % 1_450 > 1_440 || (status.state.verdict.isTrouble && step > 4_316)
                let outcome: Outcome = failing ? .down : step % 700 == 0 ? .waking : random.share < 0.01 ? .slow : .up
                let wave = 1 + 0.3 * (Double(step % 48) / 48)
                ledger.observations.append(
                    Observation(
                        check: status.id, at: at, outcome: outcome, cause: outcome == .down ? .status : .none,
                        latencyMicroseconds: outcome.isGood ? UInt32(base * wave * (0.7 + random.share * 0.6)) : 0))
            }
            if status.state.verdict.isTrouble {
                ledger.incidents.append(
                    Incident(
                        id: 9, check: status.id, began: status.state.since, verdict: status.state.verdict,
                        cause: status.state.cause, code: status.state.code))
            }
            ledger.incidents.append(
                Incident(
                    id: 3, check: status.id, began: moment - .seconds(1_900_000), ended: moment - .seconds(1_888_000),
                    verdict: .down,
                    cause: .status, code: 502))
            ledger.events += [
                Event(
                    id: 8, at: status.state.since, kind: "verdict", check: status.id,
                    text: "\(Words8.verdict(status.state.verdict)): \(status.state.cause.sentence)"),
                Event(id: 7, at: moment - .seconds(266_400), kind: "started", check: status.id, text: "Stoker started"),
            ]
            monitor.set(transcripts: answer(status, at: status.state.lastPing), of: status.check.name)
        }
        return Whole(monitor: monitor, ledger: ledger)
    }

    private enum Words8 {
        static func verdict(_ verdict: Verdict) -> String { "is \(verdict.name)" }
    }

    private static func answer(_ status: CheckStatus, at: Instant) -> Transcripts {
        let good = Transcript(
            at: at, attempt: 1, outcome: .up, cause: .none, detail: "",
            exchanges: [
                Transcript.Exchange(
                    sent: [
                        "GET /health HTTP/1.1", "Host: acme-discord-bot.hf.space", "User-Agent: stoker",
                        "Authorization: ***", "Connection: close",
                    ],
                    peer: "52.0.12.7:443",
                    phases: [
                        .init(name: "resolve", microseconds: 1_900), .init(name: "connect", microseconds: 18_400),
                        .init(name: "tls", microseconds: 39_700), .init(name: "request", microseconds: 120),
                        .init(name: "first byte", microseconds: 27_800), .init(name: "body", microseconds: 300),
                    ],
                    received: [
                        "HTTP/1.1 200 OK", "content-type: application/json", "x-proxied-host: http://10.20.3.9",
                        "x-proxied-replica: 8k2l",
                    ], body: #"{"status":"ok","uptime":48211}"#, bodyBytes: 30)
            ], tls: ["subject: *.hf.space", "issuer: Amazon RSA 2048 M03", "ends: 2027-01-20", "TLSv1.3"])
        guard status.state.failures > 0 else { return Transcripts(last: good) }
        var bad = good
        bad.outcome = .down
        bad.cause = status.state.cause
        bad.attempt = 4
        bad.detail =
            status.state.cause == .jsonMismatch
            ? #"expected $.database to be "connected", found "lost""# : "connect to 93.184.215.14:443 was refused"
        return Transcripts(last: bad, lastFailed: bad)
    }

    /// Repeatable noise.
    private struct Noise {
        var state: UInt64
        var share: Double {
            mutating get {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Double(state >> 11) / Double(1 << 53)
            }
        }
    }
}
