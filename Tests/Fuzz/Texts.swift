import NIOCore
import NIOHTTP1
import StokerCore

@testable import KeepAlive

/// Bytes as a fleet file and as a `.env` file.
enum FleetFileFuzz {
    static func take(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.unicodeScalars.count + 1
        let source = SourceText(text)
        for result in [
            FleetFile.read(text: text, name: "f", environment: ["X": "1"]).map { fleet in
                // What was taken can be monitored: names are unique, intervals are not nothing.
                must(Set(fleet.checks.map(\.name)).count == fleet.checks.count, "two checks of one name")
                must(fleet.checks.allSatisfy { $0.policy.every > .zero }, "an interval of nothing")
            },
            DotEnv.read(text: text, name: "e").map { _ in () },
        ] {
            guard case .failure(let problems) = result else { continue }
            must(!problems.list.isEmpty, "refused without a reason")
            for problem in problems.list {
                must(problem.line >= 1 && problem.line <= lines && problem.column >= 1, "a place outside the text")
                must(!problem.text.isEmpty, "a problem without words")
                _ = source.snippet(line: problem.line, column: problem.column)
            }
        }
    }
}

/// An answer and what is expected of it: the first three lines are a text, a pattern and a JSON path; then a status byte, a
/// header line and the body.
enum ExaminerFuzz {
    private static let evaluator = ResponseEvaluator()
    private static let now = Instant(milliseconds: 1_800_000_000_000)

    static func take(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 10, maxSplits: 4, omittingEmptySubsequences: false)
        guard lines.count == 5 else { return }
        let words = lines.prefix(4).map { String(decoding: $0, as: UTF8.self) }
        let status = UInt16(lines[3].first.map { 100 + Int($0) * 2 } ?? 200)
        let header = words[3].dropFirst().split(separator: ":", maxSplits: 1)
        var headers = HTTPHeaders()
        // The parser lets only ASCII through as a name, and NIO insists on it.
        if header.count == 2, header[0].utf8.allSatisfy({ $0 < 0x80 }) {
            headers.add(name: String(header[0]), value: String(header[1]))
        }
        let answer = Answer(
            status: status, headers: headers, body: ByteBuffer(bytes: lines[4]), truncated: status % 3 == 0)
        let attempt = Attempt(at: now, result: .answer(answer), phases: Attempt.Phases()) {
            number, outcome, cause, detail in
            Transcript(at: now, attempt: number, outcome: outcome, cause: cause, detail: detail, exchanges: [])
        }
        let expectations = [
            Expectation(),
            Expectation(
                status: [100...999], text: words[0].isEmpty ? nil : words[0], regex: words[1].isEmpty ? nil : words[1],
                json: words[2].isEmpty ? [] : [.init(path: words[2], value: .string("ok"))]),
        ]
        for expect in expectations {
            for space in [nil, "acme/bot"] {
                let check = Check(
                    name: "c", address: "https://acme-bot.hf.space/", space: space, policy: CheckPolicy(expect: expect))
                let finding = evaluator.examine(attempt, check: check, now: now)
                must(finding == evaluator.examine(attempt, check: check, now: now), "two opinions of one answer")
                must(
                    (finding.outcome == .up) == (finding.cause == .none), "\(finding.outcome) because \(finding.cause)")
                must(finding.detail.utf8.count < 4_096, "a detail as long as a page")
            }
        }
        if let pattern = try? LinearPattern(words[1]) {
            _ = pattern.search(String(decoding: lines[4].prefix(1_024), as: UTF8.self))
        }
    }
}

/// Bytes as a name server's answer.
enum DNSFuzz {
    static func take(_ bytes: [UInt8]) {
        let message = ByteBuffer(bytes: bytes)
        _ = DNSMessage.id(of: message)
        for (name, kind) in [("a.example", DNSMessage.Kind.a), ("a.example", .aaaa), ("www.example.com", .a)] {
            guard let answer = DNSMessage.answer(message, to: name, kind: kind) else { continue }
            must(answer.id == DNSMessage.id(of: message), "an answer to another question")
        }
    }
}
