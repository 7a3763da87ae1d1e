import Foundation
import NIOCore
package import StokerCore
import Synchronization

/// Says what an attempt means: is the answer the app's own, and is it as expected?
///
/// One instance serves all shards; it only keeps compiled patterns. The common good answer costs no allocation.
package final class Examiner: Sendable {
    private let patterns = PatternCache()

    package init() {}

    /// - Parameter now: wall clock, for the days a certificate is still good for.
    package func examine(_ attempt: Attempt, check: Check, now: Instant) -> Finding {
        switch attempt.result {
        case .connected:
            return warnings(attempt, code: 0, expect: check.policy.expect, now: now)
        case .failed(.selfOverloaded, let detail):
            // Our own lack of sockets says nothing about them.
            return Finding(outcome: .unknown, cause: .selfOverloaded, detail: detail)
        case .failed(let cause, let detail):
            // The request went out and nothing came back: the edge holds requests to a sleeping Space until it serves.
            // Source: spaces-behaviour 1.2, 1.4.
            if cause == .firstByteTimeout, check.space != nil, !check.isStatic, attempt.phases.requestSent {
                return Finding(outcome: .waking, cause: .spaceHeld, detail: detail)
            }
            return Finding(outcome: .down, cause: cause, detail: detail)
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

    private func expectations(_ answer: Answer, _ attempt: Attempt, expect: Expectation, now: Instant) -> Finding {
        let code = answer.status
        guard expect.status.contains(where: { $0.contains(Int(code)) }) else {
            return Finding(
                // Asking again at once would make it worse; ``Judge/meaning(of:in:)`` says when it is trouble.
                outcome: code == 429 ? .unknown : .down, cause: .status, code: code,
                detail: "expected status \(expect.status.map(Self.text).joined(separator: ", ")), found \(code)")
        }
        if let text = expect.text, !answer.body.contains(bytesOf: text) {
            return Finding(
                outcome: .down, cause: .textMissing, code: code,
                detail: "expected the text \(quoted(text)), not found in \(extent(answer))")
        }
        if let pattern = expect.regex {
            switch patterns.firstMatch(of: pattern, in: answer.body) {
            case .found: break
            case .missing:
                return Finding(
                    outcome: .down, cause: .regexMissing, code: code,
                    detail: "expected a match of \(quoted(pattern)), not found in \(extent(answer))")
            case .invalid:
                return Finding(
                    outcome: .down, cause: .regexMissing, code: code,
                    detail: "the pattern \(quoted(pattern)) is not a regular expression")
            }
        }
        for rule in expect.json {
            if let detail = rule.mismatch(in: answer.body, truncated: answer.truncated) {
                return Finding(outcome: .down, cause: .jsonMismatch, code: code, detail: detail)
            }
        }
        return warnings(attempt, code: code, expect: expect, now: now)
    }

    /// What makes a good answer a slow one.
    private func warnings(_ attempt: Attempt, code: UInt16, expect: Expectation, now: Instant) -> Finding {
        if let within = expect.within {
            let latency = Duration.microseconds(Int64(attempt.phases.latency))
            if latency > within {
                return Finding(
                    outcome: .slow, cause: .tooSlow, code: code,
                    detail: "expected an answer within \(within.text), it took \(latency.text)")
            }
        }
        if let days = expect.certificateDays, attempt.certificateEndHours > 0 {
            let left = Int64(attempt.certificateEndHours) - now.milliseconds / 3_600_000
            if left < Int64(days) * 24 {
                return Finding(
                    outcome: .slow, cause: .tlsExpiresSoon, code: code,
                    detail: left < 0
                        ? "the certificate ended \(Self.days(-left)) ago"
                        : "the certificate ends in \(Self.days(left)); \(days.counted("day")) or more are expected")
            }
        }
        return Finding(outcome: .up, cause: .none, code: code)
    }

    /// Whole days, or hours when there is none.
    private static func days(_ hours: Int64) -> String {
        hours < 24 ? hours.counted("hour") : (hours / 24).counted("day")
    }

    private static func text(_ range: ClosedRange<Int>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }

    private func extent(_ answer: Answer) -> String {
        answer.truncated ? "the first \(answer.body.readableBytes) bytes" : "\(answer.body.readableBytes) bytes"
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
    enum Match { case found, missing, invalid }

    private let compiled = Mutex<[String: LinearPattern?]>([:])

    /// Looks at the first 64 KiB at most, in time linear in them: this runs on an event loop.
    func firstMatch(of pattern: String, in body: ByteBuffer) -> Match {
        guard let compiled = compiled(pattern) else { return .invalid }
        return compiled.matches(String(decoding: body.readableBytesView.prefix(65_536), as: UTF8.self))
            ? .found : .missing
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
