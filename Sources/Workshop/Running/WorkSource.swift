package import Ledger
package import StokerCore

/// Something that another worker left: a finding that is open, or a case of a plan that lacks its test.
package struct WorkItem: Sendable, Equatable {
    package enum Kind: String, Sendable { case finding, plan }
    package var kind: Kind
    /// Of the finding, or of the case.
    package var id: String
    /// The worker or dataset that has it.
    package var from: String
    /// The newest row that tells of it; 0 when it is in none yet.
    package var iteration: Int
    package var perspective: String
    package var title: String
    package var why: String
    package var file: String
    package var line: Int
    package var lineEnd: Int
    package var symbol: String
    /// Greater is earlier.
    package var priority: Double
    /// A finding is looked at again at head.
    package var finding: Finding?

    /// As rows have it.
    var json: JSONValue {
        [
            "from": .string(from), "iteration": .integer(Int64(iteration)), "kind": .string(kind.rawValue),
            "id": .string(id),
        ]
    }

    /// What rows of one worker leave, the most important first.
    /// - Parameter rows: oldest first.
    package static func items(of rows: [Iteration], from: String) -> [WorkItem] {
        var findings: [String: WorkItem] = [:]
        var plans: [String: [WorkItem]] = [:]
        for row in rows {
            for finding in row.findings {
                findings[finding.id] =
                    [.new, .open, .returned].contains(finding.state)
                    ? item(of: finding, from: from, iteration: row.iteration) : nil
            }
            let cases = Self.cases(of: row, from: from)
            // The newest plan of a perspective stands for it.
            if !cases.isEmpty { plans[row.perspective] = cases }
        }
        return sorted(Array(findings.values) + plans.values.flatMap(\.self))
    }

    package static func item(of finding: Finding, from: String, iteration: Int) -> WorkItem {
        WorkItem(
            kind: .finding, id: finding.id, from: from, iteration: iteration, perspective: finding.perspective,
            title: finding.title, why: finding.why, file: finding.file, line: finding.lineStart,
            lineEnd: finding.lineEnd, symbol: finding.symbol, priority: finding.priority, finding: finding)
    }

    private static func cases(of row: Iteration, from: String) -> [WorkItem] {
        let targets = row.body["targets"]?.array ?? []
        return zip(row.body["cases"]?.array ?? [], targets).compactMap { one, target in
            guard let id = one["id"]?.string, let file = target["file"]?.string,
                let line = target["lines"]?.string.flatMap({ Int($0.prefix { $0.isNumber }) }), line >= 1
            else { return nil }
            func text(_ key: String) -> String { Redaction.quote(one[key]?.string ?? "", limit: 300) }
            return WorkItem(
                kind: .plan, id: id, from: from, iteration: row.iteration, perspective: row.perspective,
                title: "No test has \(text("given")), when \(text("when"))", why: "Then \(text("then")).", file: file,
                line: line, lineEnd: line, symbol: target["symbol"]?.string ?? "",
                // Behind every finding: whether a case shows a fault is not known.
                priority: 0.1, finding: nil)
        }
    }

    package static func sorted(_ items: [WorkItem]) -> [WorkItem] {
        items.sorted { ($0.priority, $1.id) > ($1.priority, $0.id) }
    }
}

/// Who is at which of them: records of the ledger, so that no two workers take the same.
package struct WorkClaims: Sendable {
    let records: any RecordStore
    let worker: String

    static let kind = "work-taken"

    package struct Claim: Sendable, Equatable {
        package var worker: String
        /// `taken`, and then the verdict.
        package var state: String
        package var at: Instant
    }

    package static func claim(of id: String, in records: any RecordStore) async throws(Failure) -> Claim? {
        guard let found = try await records.record(kind: kind, key: id), let body = try? JSONValue(reading: found.body),
            let worker = body["worker"]?.string, let state = body["state"]?.string
        else { return nil }
        return Claim(worker: worker, state: state, at: found.at)
    }

    /// - Returns: whether it is this worker's now, and not done yet.
    func take(_ id: String, at now: Instant) async throws(Failure) -> Bool {
        if let claim = try await Self.claim(of: id, in: records) {
            return claim.worker == worker && claim.state == Self.taken
        }
        return try await records.put(record(id, Self.taken, now), ifVersion: 0) != nil
    }

    /// - Parameter verdict: what became of it.
    func finish(_ id: String, _ verdict: String, at now: Instant) async throws(Failure) {
        try await records.put(record(id, verdict, now))
    }

    static let taken = "taken"

    private func record(_ id: String, _ state: String, _ now: Instant) -> NewRecord {
        let body: JSONValue = ["worker": .string(worker), "state": .string(state)]
        return NewRecord(kind: Self.kind, key: id, body: body.text, at: now)
    }
}
