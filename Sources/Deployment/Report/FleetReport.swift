internal import Foundation
import HubClient
package import StokerCore

/// What `stoker check-config` tells about a fleet that could be read.
package struct FleetReport {
    private let fleet: Fleet
    private let file: String
    private let budget: Budget

    package init(_ fleet: Fleet, file: String) {
        self.fleet = fleet
        self.file = file
        budget = Budget.compute(fleet)
    }

    /// At most so many checks are listed for people; JSON has them all.
    private static let listed = 200

    // MARK: For people

    package var text: String { text(for: .plain) }

    /// The report, its tables no wider than that.
    package func text(for look: TextLook) -> String {
        let spaces = Set(fleet.checks.compactMap(\.space)).count
        let heartbeats = fleet.checks.count { $0.policy.kind == .heartbeat }
        let targets = fleet.checks.count { $0.space == nil && $0.policy.kind != .heartbeat }
        var text =
            "\(file): \(fleet.checks.count.counted("check")) (\(spaces.counted("Space")), \(targets.counted("target")), \(heartbeats.counted("heartbeat")))\n\n"
        guard !fleet.checks.isEmpty else { return text + budget.text(wakeEvery: .seconds(300), look: look) }
        let rows = fleet.checks.prefix(Self.listed).map { check in
            [check.name, when(check.policy), what(check), Budget.number(requestsPerDay(check))].map {
                TextTable.Cell($0)
            }
        }
        text += TextTable(
            columns: [
                .init(title: "CHECK", shrinksTo: 16), .init(title: "WHEN", shrinksTo: 12),
                .init(title: "WHAT", shrinksTo: 16),
                .init(title: "A DAY", isRight: true),
            ], rows: rows, indent: 2
        ).text(for: look)
        if fleet.checks.count > Self.listed {
            text += "  … and \(fleet.checks.count - Self.listed) more (--format json lists all)\n"
        }
        text +=
            "\n\(Budget.requests(budget.master.perDay)) a day, at most \(Budget.number(budget.master.perFiveMinutes)) per 5 min while all is well.\n"
        text += "\nWarmth\n" + warmth(for: look)
        return text
    }

    private func requestsPerDay(_ check: Check) -> Double {
        check.policy.kind == .heartbeat || !check.policy.enabled ? 0 : Budget.rate(check.policy).perDay
    }

    private func when(_ policy: CheckPolicy) -> String {
        guard policy.enabled else { return "paused" }
        if policy.kind == .heartbeat { return "expected every \(policy.every.text), \(policy.grace.text) late at most" }
        let level = policy.warmth.map { " (\($0.rawValue))" } ?? ""
        return "every \(policy.every.text)\(level)\(policy.hours.map { ", \($0.text)" } ?? "")"
    }

    private func what(_ check: Check) -> String {
        let policy = check.policy
        switch policy.kind {
        case .heartbeat: return "/api/heartbeats/\(check.name)"
        case .tcp: return "connect \(check.address)"
        case .http:
            var text = "\(policy.request.method) \(check.shownAddress ?? "")"
            let expect = policy.expect
            var wants: [String] = []
            if expect.status != [200...399] {
                wants.append(
                    "status "
                        + expect.status.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
                        .joined(separator: ", "))
            }
            if expect.text != nil { wants.append("text") }
            if expect.regex != nil { wants.append("regex") }
            if !expect.json.isEmpty { wants.append("json \(expect.json.map(\.path).joined(separator: ", "))") }
            if let within = expect.within { wants.append("within \(within.text)") }
            if let days = expect.certificateDays { wants.append("certificate good for \(days) days") }
            if !wants.isEmpty { text += " → " + wants.joined(separator: ", ") }
            return text
        }
    }

    /// What level suits which service (requirement KA10).
    package static let warmthAdvice: [(level: Warmth, services: String)] = [
        (.hot, "a bot that must answer at once (Discord, Telegram, webhooks)"),
        (.warm, "an LLM backend or an API whose first answer after a start takes minutes"),
        (.cool, "RAG and search, used through the day, where a slow first answer is accepted"),
        (.alive, "demos and everything else: never asleep on free hardware, hardly a request"),
    ]

    private func warmth(for look: TextLook) -> String {
        var rows: [[TextTable.Cell]] = []
        for (level, services) in Self.warmthAdvice {
            let here = fleet.checks.filter {
                $0.space != nil && $0.policy.role == .alive && $0.policy.enabled
                    && Self.level(of: $0.policy.every) == level
            }
            let names =
                here.prefix(4).map(\.name).joined(separator: ", ")
                + (here.count > 4 ? " and \(here.count - 4) more" : "")
            rows.append([level.rawValue, level.interval.text, services, names].map { .init($0) })
        }
        return TextTable(
            columns: [
                .init(title: "LEVEL"), .init(title: "EVERY"), .init(title: "GOOD FOR", shrinksTo: 20),
                .init(title: "HERE", shrinksTo: 10),
            ], rows: rows, indent: 2
        ).text(for: look)
    }

    /// The level an interval amounts to.
    static func level(of every: Duration) -> Warmth {
        if every <= Warmth.hot.interval { return .hot }
        if every <= Warmth.warm.interval { return .warm }
        return every <= Warmth.cool.interval ? .cool : .alive
    }

    // MARK: For scripts

    /// One document; the shape is described in docs/fleet-file.md and only ever grows.
    package func json() throws -> String {
        try JSONText.of(
            Document(
                file: file, valid: true, problems: [],
                warnings: fleet.advice.map(Note.init),
                checks: fleet.checks.map { check in
                    let policy = check.policy
                    return Row(
                        name: check.name, kind: policy.kind.rawValue, role: policy.role.rawValue, space: check.space,
                        address: check.shownAddress,
                        group: policy.group,
                        everySeconds: policy.every.seconds,
                        timeoutSeconds: policy.kind == .heartbeat ? nil : policy.timeout.seconds,
                        retrySeconds: policy.retry.map(\.seconds), hours: policy.hours?.text, enabled: policy.enabled,
                        requestsPerDay: requestsPerDay(check))
                },
                requestsPerDay: budget.master.perDay, requestsPerFiveMinutes: budget.master.perFiveMinutes))
    }

    /// The same document for a file with problems.
    package static func json(_ problems: FleetProblems, file: String) throws -> String {
        try JSONText.of(
            Document(
                file: file, valid: false, problems: problems.list.map(Note.init), warnings: [], checks: [],
                requestsPerDay: 0,
                requestsPerFiveMinutes: 0))
    }

    private struct Document: Encodable {
        var file: String
        var valid: Bool
        var problems: [Note]
        var warnings: [Note]
        var checks: [Row]
        var requestsPerDay: Double
        var requestsPerFiveMinutes: Double
    }
    private struct Note: Encodable {
        var line: Int?
        var column: Int?
        var path: String
        var text: String
        var rule: String?
        init(_ problem: Problem) {
            (line, column, path, text, rule) = (
                problem.line, problem.column, problem.path, problem.text, problem.rule.rawValue
            )
        }
        init(_ advice: Fleet.Advice) {
            (line, column) = advice.line > 0 ? (advice.line, advice.column) : (nil, nil)
            (path, text) = (advice.path, advice.text)
        }
    }
    private struct Row: Encodable {
        var name: String
        var kind: String
        var role: String
        var space: String?
        var address: String?
        var group: String?
        var everySeconds: Double
        var timeoutSeconds: Double?
        var retrySeconds: [Double]
        var hours: String?
        var enabled: Bool
        var requestsPerDay: Double
    }
}

/// Problems and advice as a compiler shows them: file, line, column, and the line with a caret.
package struct ProblemText {
    private let source: SourceText
    private let name: String
    private let colour: Bool

    package init(source: String, name: String, colour: Bool) {
        self.source = SourceText(source)
        self.name = name
        self.colour = colour
    }

    private func paint(_ text: String, _ code: String) -> String { colour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }

    package func text(_ problems: FleetProblems) -> String {
        var text = ""
        for problem in problems.list {
            text += head("error", "31", problem.line, problem.column, problem.path, problem.text)
        }
        let count = problems.list.count
        return text + "\(name): \(count) problem\(count == 1 ? "" : "s")\n"
    }

    package func text(_ advice: [Fleet.Advice]) -> String {
        advice.map { head("warning", "33", $0.line, $0.column, $0.path, $0.text) }.joined()
    }

    private func head(_ kind: String, _ code: String, _ line: Int, _ column: Int, _ path: String, _ words: String)
        -> String
    {
        let place = line > 0 ? "\(name):\(line):\(column)" : name
        let head =
            "\(paint(place, "1")): \(paint(kind + ":", "1;" + code)) \(path.isEmpty ? "" : path + ": ")\(words)\n"
        return head + (source.snippet(line: line, column: column).map { $0 + "\n" } ?? "")
    }
}

/// JSON documents of commands: keys in snake case and sorted, so that two runs can be compared.
package enum JSONText {
    package static func of(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}

extension Budget {
    /// One document; the shape is described in docs/fleet-file.md and only ever grows.
    package func json(wakeEvery: Duration, allowance: HubAllowance? = nil) throws -> String {
        struct Rates: Encodable {
            var perDay: Double
            var perFiveMinutes: Double
            init(_ rate: Rate) { (perDay, perFiveMinutes) = (rate.perDay, rate.perFiveMinutes) }
        }
        struct Quota: Encodable {
            var plan: String
            var api: Int
            var pages: Int?
        }
        struct Left: Encodable {
            var bucket: String
            var left: Int
            var quota: Int?
            var endsInSeconds: Int
        }
        struct Document: Encodable {
            var checks: Int
            var wakeEverySeconds: Double
            var direct: Rates
            var throughMaster: Rates
            var saving: Double?
            var master: Rates
            var masterAtWorst: Rates
            var hubApi: Rates
            var hubWatch: Rates
            var hubPages: Rates
            var hubLeft: [Left]?
            var quotasPerFiveMinutes: [Quota]
        }
        return try JSONText.of(
            Document(
                checks: checks, wakeEverySeconds: wakeEvery.seconds, direct: Rates(direct),
                throughMaster: Rates(throughMaster),
                saving: saving, master: Rates(master), masterAtWorst: Rates(masterAtWorst), hubApi: Rates(hubAPI),
                hubWatch: Rates(hubWatch), hubPages: Rates(hubPages),
                hubLeft: allowance?.report.windows.map {
                    Left(
                        bucket: $0.bucket, left: $0.remaining, quota: $0.quota,
                        endsInSeconds: Int($0.endsIn.seconds.rounded(.up)))
                },
                quotasPerFiveMinutes: Self.plans.map { Quota(plan: $0.name, api: $0.api, pages: $0.pages) }))
    }
}
