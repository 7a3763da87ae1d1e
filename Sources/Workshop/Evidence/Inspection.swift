import Foundation
import StokerCore

/// What one perspective sees at one commit.
struct Inspection: Sendable, Equatable {
    var findings: [Finding] = []
    /// What rules saw whose findings are not published, by rule; empty for one that saw nothing.
    var leads: [String: [Lead]] = [:]
    /// Rules that could look.
    var looked: Set<String> = []
    /// What was not looked at, a sentence each.
    var notLookedAt: [String] = []
    /// Sightings whose lines are not at the commit; a fault of ours, so it is counted.
    var dropped = 0
    var tools: [String] = []

    static func take(_ perspective: Perspective, _ context: EvidenceContext) async throws -> Inspection {
        var look = Inspection()
        for rule in perspective.rules.compactMap(EvidenceRule.named) where rule.depth == .reading {
            try Task.checkCancellation()
            let result = try await rule.gather(context)
            look.notLookedAt += result.notLookedAt.map { Redaction.text($0) }
            look.tools += result.tools
            if !result.isBlind { look.looked.insert(rule.id) }
            look.add(result, rule, perspective, context)
        }
        if !context.tools.runsTests, perspective.rules.contains(where: { EvidenceRule.named($0)?.depth != .reading }) {
            look.notLookedAt.append("The tests are not run: \(context.tools.reason(.pytest)).")
        }
        try await look.confirm(context)
        return look
    }

    /// What a rule saw: findings when its figure lets it publish, leads else.
    mutating func add(
        _ result: RuleResult, _ rule: EvidenceRule, _ perspective: Perspective, _ context: EvidenceContext
    ) {
        guard context.rules.standing(of: rule.id).tier == .finding else {
            if !result.isBlind {
                leads[rule.id, default: []] += result.seen.map { Lead(of: $0, rule: rule.id, tools: result.tools) }
            }
            return
        }
        for sighting in result.seen {
            if let finding = Self.finding(of: sighting, rule, perspective, context, result.tools) {
                findings.append(finding)
            } else {
                dropped += 1
            }
        }
    }

    /// What rules saw that do not publish, as a sentence; nil for nothing.
    var keptBack: String? {
        let kept = leads.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        guard !kept.isEmpty else { return nil }
        let parts = kept.map { "\($0.value.count.counted("place")) by \($0.key)" }.joined(separator: ", ")
        return "Seen and not published, as too little of what these rules saw elsewhere was of use: \(parts)."
    }

    /// Reads what is cited once more from the commit itself: what is not there is not published.
    mutating func confirm(_ context: EvidenceContext) async throws {
        findings = try await Self.confirmed(findings, context, &self)
    }

    private static func finding(
        of one: FindingCandidate, _ rule: EvidenceRule, _ perspective: Perspective, _ context: EvidenceContext,
        _ tools: [String]
    ) -> Finding? {
        guard let file = context.view.file(one.file) else { return nil }
        let lines = file.lines
        guard one.lines.lowerBound >= 1, one.lines.upperBound <= lines.count else { return nil }
        let cited = Array(lines[(one.lines.lowerBound - 1)..<one.lines.upperBound])
        let path = one.isOfRepository ? "" : context.firstNames[one.file] ?? one.file
        let precision = context.rules.standing(of: rule.id).precision
        return Finding(
            id: Finding.fingerprint(rule: rule.id, path: path, symbol: one.symbol, lines: cited), rule: rule.id,
            perspective: perspective.id, title: one.title, why: one.why, file: one.file,
            lineStart: one.lines.lowerBound, lineEnd: one.lines.upperBound, symbol: one.symbol,
            quote: cited.map { Redaction.source(String($0)) }.joined(separator: "\n").cut(toBytes: 2_000),
            quoteSHA: Finding.hash(of: cited), evidence: one.evidence.map { Redaction.text($0) },
            command: one.command, severity: one.severity,
            priority: (Double(one.severity.rank) * max(one.weight, 0.1) * precision * 1_000).rounded() / 1_000,
            confidence: (precision * 100).rounded() / 100, state: .new, firstSeen: "", head: context.head.commit,
            tools: (tools + ["git"]).sorted(), source: "evidence")
    }

    private static func confirmed(
        _ findings: [Finding], _ context: EvidenceContext, _ look: inout Inspection
    ) async throws -> [Finding] {
        let names = findings.map { "\(context.head.commit):\($0.file)" }
        // A path with a line end cannot be asked for in this way.
        guard !names.contains(where: { $0.contains("\n") }) else {
            look.dropped += findings.count
            return []
        }
        let blobs = try await context.mirror.blobs(names)
        var kept: [Finding] = []
        for (finding, blob) in zip(findings, blobs) {
            let text = blob.map { String(decoding: $0, as: UTF8.self) } ?? ""
            if finding.isTrue(of: text.split(separator: "\n", omittingEmptySubsequences: false)) {
                kept.append(finding)
            } else {
                look.dropped += 1
            }
        }
        return kept
    }
}

extension String {
    /// At most so many bytes, cut between characters.
    func cut(toBytes most: Int) -> String {
        guard utf8.count > most else { return self }
        var text = self[...]
        while text.utf8.count > most - 3 { text = text.dropLast(max(1, (text.utf8.count - most) / 4)) }
        return text + "…"
    }
}
