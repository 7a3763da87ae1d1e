import Foundation
import Ledger
import Logging
import StokerCore

/// A folder that goes away with the test.
final class Scratch: Sendable {
    let folder: String
    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("ledger-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    deinit {
        // What is left of it is the system's temporary folder's business.
        try? FileManager.default.removeItem(atPath: folder)
    }
    func path(_ name: String = "ledger.sqlite") -> String { folder + "/" + name }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func openLedger(_ scratch: Scratch, layout: SQLiteLedger.Layout = .small) async throws -> SQLiteLedger {
    try await SQLiteLedger(path: scratch.path(), layout: layout, logger: quiet)
}

extension SQLiteLedger.Layout {
    /// So small that a few hundred rows go through every level.
    static let small = SQLiteLedger.Layout(tail: 24, slice: 10, fanOut: 3)
}

extension Ledger {
    func compactAll() async throws { while try await compact() {} }
}

/// 2026-11-21 08:00 UTC.
let morning = Instant(milliseconds: 1_795_248_000_000)

func observation(_ check: Int32, _ seconds: Double, _ outcome: Outcome = .up, latency: UInt32 = 1_000) -> Observation {
    Observation(
        check: check, at: morning + .milliseconds(Int64(seconds * 1_000)), outcome: outcome,
        cause: outcome == .down ? .status : .none, code: outcome == .down ? 503 : 200, latencyMicroseconds: latency)
}

func randomObservation(_ random: inout SplitMix64, checks: Int32, at: Instant) -> Observation {
    let outcome = Outcome.allCases.randomElement(using: &random) ?? .up
    return Observation(
        check: Int32.random(in: 1...checks, using: &random), at: at, outcome: outcome,
        cause: Bool.random(using: &random) ? .none : Cause.allCases.randomElement(using: &random) ?? .none,
        code: [0, 200, 204, 404, 503, 65_535].randomElement(using: &random) ?? 0,
        attempts: UInt8.random(in: 1...255, using: &random),
        latencyMicroseconds: Bool.random(using: &random)
            ? UInt32.random(in: 0...3_000_000, using: &random) : [0, .max].randomElement(using: &random) ?? 0)
}

func randomState(_ random: inout SplitMix64) -> CheckState {
    var state = CheckState()
    state.verdict = Verdict.allCases.randomElement(using: &random) ?? .up
    state.cause = Cause.allCases.randomElement(using: &random) ?? .none
    state.flapping = Bool.random(using: &random)
    state.pause = .byHours
    state.code = UInt16.random(in: 0...(.max), using: &random)
    state.attempts = UInt8.random(in: 0...(.max), using: &random)
    state.failures = UInt16.random(in: 0...(.max), using: &random)
    state.successes = UInt16.random(in: 0...(.max), using: &random)
    state.recentFailures = UInt32.random(in: 0...(.max), using: &random)
    state.recentFlips = UInt32.random(in: 0...(.max), using: &random)
    state.recentCount = UInt8.random(in: 0...32, using: &random)
    state.latencyMicroseconds = UInt32.random(in: 0...(.max), using: &random)
    state.lastPing = Instant(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random))
    state.lastGood = Instant(milliseconds: Int64.random(in: -1_000...4_000_000_000_000, using: &random))
    state.since = morning
    state.pausedUntil = Instant(milliseconds: Instant.range.upperBound)
    state.certificateEndHours = UInt32.random(in: 0...(.max), using: &random)
    state.wakingSince = morning
    state.incidentOpen = Bool.random(using: &random)
    state.incidentCause = Cause.allCases.randomElement(using: &random) ?? .none
    state.incidentCode = UInt16.random(in: 0...(.max), using: &random)
    state.incidentFlips = UInt16.random(in: 0...(.max), using: &random)
    state.slowdown = UInt8.random(in: 0...2, using: &random)
    state.wasBad = Bool.random(using: &random)
    state.troubleSince = morning
    state.failingSince = morning
    state.goodSince = Instant(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random))
    state.isBlind = Bool.random(using: &random)
    return state
}

func transcript(_ seconds: Double, body: String = "Bad gateway", headers: Int = 3) -> Transcript {
    Transcript(
        at: morning + .milliseconds(Int64(seconds * 1_000)), attempt: 4, outcome: .down, cause: .status,
        detail: "expected 200, found 502",
        exchanges: [
            Transcript.Exchange(
                sent: ["GET / HTTP/1.1", "Host: example.org"], peer: "192.0.2.1:443",
                phases: [Transcript.Phase(name: "connect", microseconds: 1_200)],
                received: ["HTTP/1.1 502 Bad Gateway"]
                    + (0..<headers).map { "X-Header-\($0): \(String(repeating: "v", count: 60))" },
                body: body, bodyBytes: body.utf8.count)
        ])
}
