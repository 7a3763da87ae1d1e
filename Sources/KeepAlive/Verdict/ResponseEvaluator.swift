import Foundation
import NIOCore
package import StokerCore
import Synchronization

/// Says what an attempt means: is the answer the app's own, and is it as expected?
///
/// One instance serves all shards; it only keeps compiled patterns. The common good answer costs no allocation.
package final class ResponseEvaluator: Sendable {
    private let patterns = PatternCache()

    package init() {}

    /// - Parameter now: wall clock, for the days a certificate is still good for.
    package func examine(_ attempt: Attempt, check: Check, now: Instant) -> AttemptResult {
        switch attempt.result {
        case .connected:
            return warnings(attempt, code: 0, expect: check.policy.expect, now: now)
        case .judged(let finding):
            guard finding.outcome == .up else { return finding }
            return warnings(attempt, code: finding.code, expect: check.policy.expect, now: now)
        case .failed(.selfOverloaded, let detail):
            // Our own lack of sockets says nothing about them.
            return AttemptResult(outcome: .unknown, cause: .selfOverloaded, detail: detail)
        case .failed(.invalidAddress, _) where check.lacksAddress:
            // Nothing was asked: nothing is known.
            return AttemptResult(
                outcome: .unknown, cause: .invalidAddress,
                detail:
                    "the Hub has not told the Space's address; set `hub.address` to its pattern, such as http://{subdomain}.apps.example, or the Space's `url`"
            )
        case .failed(let cause, let detail):
            // The request went out and nothing came back: the edge holds requests to a sleeping Space until it serves.
            // Not documented; observed, read 2026-09 (docs/verdicts.md).
            if cause == .firstByteTimeout, check.space != nil, !check.isStatic, attempt.phases.requestSent {
                return AttemptResult(outcome: .waking, cause: .spaceHeld, detail: detail)
            }
            return AttemptResult(outcome: .down, cause: cause, detail: detail)
        case .answer(let answer):
            if check.space != nil, let finding = SpaceEdge.judge(answer, isStatic: check.isStatic) { return finding }
            var finding = expectations(answer, attempt, expect: check.policy.expect, now: now)
            switch finding.cause {
            case .textMissing, .regexMissing, .jsonMismatch:
                // What is quoted may say back what was sent.
                finding.detail = KnownSecrets(check.policy.request, addresses: [check.address]).text(finding.detail)
            default: break
            }
            return finding
        }
    }

    private func expectations(_ answer: Answer, _ attempt: Attempt, expect: Expectation, now: Instant) -> AttemptResult
    {
        let code = answer.status
        guard expect.status.contains(where: { $0.contains(Int(code)) }) else {
            return AttemptResult(
                // Asking again at once would make it worse; ``Judge/meaning(of:in:)`` says when it is trouble.
                outcome: code == 429 ? .unknown : .down, cause: .status, code: code,
                detail: "expected status \(expect.status.map(Self.text).joined(separator: ", ")), found \(code)")
        }
        if expect.readsBody, let finding = Self.bodyFinding(answer, expect: expect, matching: patterns.match(_:in:)) {
            return finding
        }
        // Browsers and `curl --compressed` show an error instead of such a page.
        if answer.isEncoded, case let body = AnswerBody(answer), body.isBroken {
            return AttemptResult(
                outcome: .down, cause: .notHTTP, code: code,
                detail: "the body is malformed: \(body.problem ?? "its coding is broken")")
        }
        return warnings(attempt, code: code, expect: expect, now: now)
    }

    /// Whether the body is as expected, so far as it came.
    static func isBodyMet(_ answer: Answer, expect: Expectation) -> Bool {
        bodyFinding(answer, expect: expect) { pattern, text in PatternCache.match(try? LinearPattern(pattern), text) }
            == nil
    }

    /// What is wrong with the body; nil when nothing is.
    private static func bodyFinding(
        _ answer: Answer, expect: Expectation, matching: (String, ByteBuffer) -> PatternCache.Match
    ) -> AttemptResult? {
        let code = answer.status
        // The bytes as they came first: nearly always they are the text, and nothing needs to be converted.
        let isThere = expect.text.map { answer.body.contains(bytesOf: $0) } ?? true
        if isThere, expect.regex == nil, expect.json.isEmpty { return nil }
        let body = AnswerBody(answer)
        let extent = extent(answer, body)
        if !isThere, let text = expect.text, !body.bytes.contains(bytesOf: text) {
            return AttemptResult(
                outcome: .down, cause: .textMissing, code: code,
                detail: "expected the text \(quoted(text)), not found in \(extent)")
        }
        if let pattern = expect.regex {
            switch matching(pattern, body.bytes) {
            case .found: break
            case .missing:
                return AttemptResult(
                    outcome: .down, cause: .regexMissing, code: code,
                    detail: "expected a match of \(quoted(pattern)), not found in \(extent)")
            case .tooMuchWork(let bytes):
                return AttemptResult(
                    outcome: .down, cause: .regexMissing, code: code,
                    detail:
                        "expected a match of \(quoted(pattern)), not found in the first \(bytes) bytes: further on it takes more work than one answer is worth; use smaller repetitions"
                )
            case .invalid:
                return AttemptResult(
                    outcome: .down, cause: .regexMissing, code: code,
                    detail: "the pattern \(quoted(pattern)) is not a regular expression")
            }
        }
        for rule in expect.json {
            guard var detail = rule.mismatch(in: body.bytes, truncated: body.truncated) else { continue }
            if let problem = body.problem { detail += "; \(problem)" }
            return AttemptResult(outcome: .down, cause: .jsonMismatch, code: code, detail: detail)
        }
        return nil
    }

    /// What makes a good answer a slow one.
    private func warnings(_ attempt: Attempt, code: UInt16, expect: Expectation, now: Instant) -> AttemptResult {
        if let within = expect.within {
            let latency = Duration.microseconds(Int64(attempt.phases.latency))
            if latency > within {
                return AttemptResult(
                    outcome: .slow, cause: .tooSlow, code: code,
                    detail: "expected an answer within \(within.text), it took \(latency.text)")
            }
        }
        if let days = expect.certificateDays, attempt.certificateEndHours > 0 {
            let left = Int64(attempt.certificateEndHours) - now.milliseconds / 3_600_000
            if left < Int64(days) * 24 {
                return AttemptResult(
                    outcome: .slow, cause: .tlsExpiresSoon, code: code,
                    detail: left < 0
                        ? "the certificate ended \(Self.days(-left)) ago"
                        : "the certificate ends in \(Self.days(left)); \(days.counted("day")) or more are expected")
            }
        }
        if attempt.staleName {
            return AttemptResult(
                outcome: .slow, cause: .dnsStale, code: code,
                detail: "stale name: no name server answers for it; its last known address does, and is used for "
                    + "\(ResolverConfiguration().staleFor.text) at most")
        }
        return AttemptResult(outcome: .up, cause: .none, code: code)
    }

    /// Whole days, or hours when there is none.
    private static func days(_ hours: Int64) -> String {
        hours < 24 ? hours.counted("hour") : (hours / 24).counted("day")
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }

    /// How much was looked at, and why it may not be what was meant.
    private static func extent(_ answer: Answer, _ body: AnswerBody) -> String {
        let count = "\(body.bytes.readableBytes) bytes"
        let extent =
            if let stopped = answer.stoppedAfter {
                "the \(count) that came within \(stopped.text)"
            } else {
                body.truncated ? "the first \(count)" : count
            }
        return body.problem.map { "\(extent) (\($0))" } ?? extent
    }
}

/// At most 80 characters of something we were told, on one line.
func quoted(_ text: some StringProtocol) -> String {
    var shown = ""
    for scalar in text.unicodeScalars.prefix(80) {
        shown.unicodeScalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
    }
    return text.unicodeScalars.count > 80 ? "\"\(shown)…\"" : "\"\(shown)\""
}

extension ByteBuffer {
    /// Searches bytes, not characters: a hundred times as fast as `String.contains` (docs/verdicts.md).
    func contains(bytesOf text: String) -> Bool {
        var text = text
        return text.withUTF8 { needle in
            withUnsafeReadableBytes { $0.contains(needle) }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// memchr for the first byte, memcmp for the rest; `memmem` is not visible from Swift on Linux.
    func contains(_ needle: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = needle.first, let wanted = needle.baseAddress else { return true }
        guard count >= needle.count, var at = baseAddress else { return false }
        var places = count - needle.count + 1
        while places > 0, let hit = memchr(at, Int32(first), places) {
            if memcmp(hit, wanted, needle.count) == 0 { return true }
            places -= UnsafeRawPointer(hit) - at + 1
            at = UnsafeRawPointer(hit) + 1
        }
        return false
    }
}

/// Compiled patterns by their text.
private final class PatternCache: Sendable {
    enum Match {
        case found, missing, invalid
        /// Given up after that many bytes.
        case tooMuchWork(Int)
    }

    private let compiled = Mutex<[String: LinearPattern?]>([:])

    func match(_ pattern: String, in body: ByteBuffer) -> Match { Self.match(compiled(pattern), body) }

    /// In bounded work: this runs on an event loop.
    static func match(_ pattern: LinearPattern?, _ body: ByteBuffer) -> Match {
        guard let pattern else { return .invalid }
        return switch pattern.search(String(buffer: body)) {
        case .found: .found
        case .missing: .missing
        case .tooMuchWork(let bytes): .tooMuchWork(bytes)
        }
    }

    private func compiled(_ pattern: String) -> LinearPattern? {
        compiled.withLock { known in
            if let found = known[pattern] { return found }
            // A reloaded fleet file may bring ever new patterns; old ones are cheap to make again.
            if known.count >= 1_024 { known.removeAll(keepingCapacity: true) }
            // A pattern that does not compile is told by the caller as such.
            let new = try? LinearPattern(pattern)
            known[pattern] = .some(new)
            return new
        }
    }
}
