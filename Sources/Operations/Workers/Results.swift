import Foundation
import HubClient
import StokerCore
import Workshop

extension Operation {
    package static let latestResult = Operation(
        name: "latest-result", summary: "The newest iteration of a dataset, read from its `latest.json`",
        doing: "read the newest iteration", permission: .write, path: "/results/latest",
        parameters: [.dataset(required: true)], answer: .iteration
    ) { (context, arguments) throws(Failure) in
        let hub = try context.hub
        let dataset = try RepoID(.dataset, arguments.text("dataset") ?? "")
        do throws(HubFailure) {
            let text = try await hub.text(of: "latest.json", in: dataset)
            guard let json = try? JSONValue(reading: text), let row = Iteration(json) else {
                throw HubFailure(
                    .unreadable, doing: "read the newest iteration of \(dataset)", said: "latest.json is no iteration",
                    hint: "only datasets that a worker writes have one")
            }
            return row.json
        } catch { throw error.failure }
    }

    package static let listFindings = Operation(
        name: "list-findings", summary: "Findings of a dataset or of the fleet's workers, the most important first",
        doing: "list the findings", permission: .write, path: "/results/findings",
        parameters: [
            .dataset(required: false), .init("worker", .query, .text(upTo: 40), "Only of this worker of the fleet"),
            .init("severity", .query, .choice(Finding.Severity.allCases.map(\.rawValue)), "From this severity on"),
            .init(
                "state", .query, .choices(Finding.State.allCases.map(\.rawValue)),
                "Only these states; those that are open unless given"),
        ], answer: .findingList, paging: Paging(by: "id", defaultValue: 100)
    ) { (context, arguments) throws(Failure) in
        let source = try await ResultSource.read(context, arguments)
        return ["items": .array(source.findings(arguments).map(\.json)), "from": .string(source.name)]
    }

    package static let showFinding = Operation(
        name: "show-finding", summary: "One finding of the fleet's workers", doing: "look at the finding",
        permission: .write, needsFleet: true, path: "/results/findings/{name}",
        parameters: [.init("name", .path, .text(upTo: 64), "Its id")], answer: .findingPage
    ) { (context, arguments) throws(Failure) in
        let id = arguments.name()
        guard let found = try await context.workers.finding(id) else {
            throw Failure(
                .notFound, doing: "look at the finding", because: "no worker has a finding \(id.shortened)",
                hint: "`stoker results list` shows their ids")
        }
        let claim = try await context.workers.claim(of: id)
        return [
            "worker": .string(found.worker), "finding": found.entry.finding.json,
            "dismissed_until": .instant(found.entry.dismissedUntil), "taken_by": .text(claim?.worker),
            "taken_state": .text(claim?.state),
        ]
    }

    package static let dismissFinding = Operation(
        name: "dismiss-finding", summary: "Nobody is told of a finding for a time", doing: "dismiss the finding",
        effect: .write, needsFleet: true, method: .post, path: "/results/findings/{name}/dismiss",
        parameters: [
            .init("name", .path, .text(upTo: 64), "Its id"),
            .init("for", .body, .duration, defaultValue: "90d", "For how long, 1d to 3650d"),
        ], answer: .finding
    ) { (context, arguments) throws(Failure) in
        let span = arguments.duration("for") ?? .seconds(90 * 86_400)
        guard span >= .seconds(86_400), span <= .seconds(3_650 * 86_400) else {
            throw Failure(
                .usage, doing: "dismiss the finding", because: "\"for\" is \(span.text)", hint: "write 1d to 3650d")
        }
        return try await context.workers.dismiss(arguments.name(), until: context.now() + span).finding.json
    }

    package static let gateResults = Operation(
        name: "gate-results",
        summary:
            "Whether open findings of a severity are there, or planned cases without a test, for a CI job that shall fail then",
        doing: "ask whether findings are open", permission: .write, path: "/results/gate",
        parameters: [
            .dataset(required: false), .init("worker", .query, .text(upTo: 40), "Only of this worker of the fleet"),
            .init(
                "severity", .query, .choice(Finding.Severity.allCases.map(\.rawValue)), defaultValue: "high",
                "From this severity on"),
            .init(
                "cases", .query, .integer(0...10_000),
                "Cases of the newest plans that may lack a test; more do not pass. Plans are not looked at without it"),
        ], answer: .gate
    ) { (context, arguments) throws(Failure) in
        let source = try await ResultSource.read(context, arguments)
        let mostCases = arguments.integer("cases")
        let cases = mostCases == nil ? [] : PlannedCase.newest(of: source.rows)
        if mostCases != nil, !source.rows.contains(where: { $0.body["cases"] != nil }) {
            throw Failure(
                .notFound, doing: "look at the plans of \(source.name)", because: "no plan is among its rows",
                hint: "name a dataset or a worker of the kind test-planning")
        }
        let lacking = cases.count > mostCases ?? .max
        let severity = arguments.text("severity") ?? "high"
        let least = Finding.Severity(rawValue: severity) ?? .high
        let open = source.all.filter { $0.severity >= least && ResultSource.openStates.contains($0.state) }
        return [
            "passed": .bool(open.isEmpty && !lacking), "severity": .string(severity), "open": .count(open.count),
            "items": .array(open.prefix(100).map(\.json)), "cases_without_test": .count(cases.count),
            "cases": .array(cases.prefix(100).map(\.json)), "from": .string(source.name),
        ]
    }

    package static let exportResults = Operation(
        name: "export-results", summary: "Open findings as SARIF 2.1.0, for code scanning",
        doing: "export the findings",
        permission: .write, path: "/results/sarif",
        parameters: [
            .dataset(required: false), .init("worker", .query, .text(upTo: 40), "Only of this worker of the fleet"),
        ], answer: .sarif
    ) { (context, arguments) throws(Failure) in
        let source = try await ResultSource.read(context, arguments)
        return ["document": FindingSARIF.document(source.findings(arguments))]
    }
}

extension Operation.Parameter {
    static func dataset(required: Bool) -> Operation.Parameter {
        .init(
            "dataset", .query, .text(upTo: 200), required: required, form: idForm,
            "A dataset that a worker writes, owner/name\(required ? "" : "; without one, the workers of the running fleet are asked")"
        )
    }
}

/// Findings, from a dataset or from the ledger of a running fleet.
struct ResultSource {
    /// Each once, as the newest row that tells of it has it; the most important first.
    var all: [Finding]
    var name: String
    /// Oldest first.
    var rows: [Iteration] = []

    static let openStates: Set<Finding.State> = [.new, .open, .returned]

    func findings(_ arguments: Arguments) -> [Finding] {
        let wanted = Set(arguments.texts("state").compactMap(Finding.State.init(rawValue:)))
        let states = wanted.isEmpty ? Self.openStates : wanted
        let least = arguments.text("severity").flatMap(Finding.Severity.init(rawValue:)) ?? .low
        return all.filter { states.contains($0.state) && $0.severity >= least }
    }

    static func read(_ context: OperationContext, _ arguments: Arguments) async throws(Failure) -> ResultSource {
        if let name = arguments.text("dataset") {
            let dataset = try RepoID(.dataset, name)
            do throws(HubFailure) {
                let rows = try await DatasetReader(hub: try hub(of: context), dataset: dataset).rows()
                return ResultSource(all: folded(rows), name: "\(dataset)", rows: rows)
            } catch { throw error.failure }
        }
        let board = try context.workers
        if let worker = arguments.text("worker") {
            let book = try await board.book(of: worker)
            return ResultSource(
                all: sorted(book.entries.values.map(\.finding)), name: worker,
                rows: try await board.rows(of: worker, limit: WorkerStore.keptRows).reversed())
        }
        var all: [Finding] = []
        var rows: [Iteration] = []
        for worker in board.workers {
            all += try await board.book(of: worker.name).entries.values.map(\.finding)
            guard worker.value.kind == .testPlanning else { continue }
            rows += try await board.rows(of: worker.name, limit: WorkerStore.keptRows).reversed()
        }
        return ResultSource(all: sorted(all), name: "the fleet's workers", rows: rows)
    }

    private static func hub(of context: OperationContext) throws(HubFailure) -> Hub {
        do throws(Failure) { return try context.hub } catch {
            throw HubFailure(.refusedByUs, doing: error.doing, said: error.because, hint: error.hint)
        }
    }

    /// - Parameter rows: oldest first.
    static func folded(_ rows: [Iteration]) -> [Finding] {
        var newest: [String: Finding] = [:]
        for finding in rows.flatMap(\.findings) { newest[finding.id] = finding }
        return sorted(Array(newest.values))
    }

    private static func sorted(_ findings: [Finding]) -> [Finding] {
        findings.sorted { ($0.priority, $1.id) > ($1.priority, $0.id) }
    }
}

/// A case of a plan. Plans have only cases that no test names.
struct PlannedCase: Sendable, Equatable {
    var id: String
    var perspective: String
    var text: String
    var evidence: [String]
    var json: JSONValue {
        [
            "id": .string(id), "perspective": .string(perspective), "text": .string(text),
            "evidence": .array(evidence.map { .string($0) }),
        ]
    }

    /// Cases of the newest plan of each perspective, each once.
    /// - Parameter rows: oldest first.
    static func newest(of rows: [Iteration]) -> [PlannedCase] {
        var plans: [String: Iteration] = [:]
        for row in rows where row.body["cases"] != nil { plans[row.perspective] = row }
        var seen: Set<String> = []
        return plans.sorted { $0.key < $1.key }.flatMap { perspective, row in
            (row.body["cases"]?.array ?? []).compactMap { one -> PlannedCase? in
                guard let id = one["id"]?.string, seen.insert(id).inserted else { return nil }
                let parts = ["given", "when", "then"].compactMap { key in
                    one[key]?.string.map { "\(key) \($0)" }
                }
                return PlannedCase(
                    id: id, perspective: perspective, text: parts.joined(separator: ", "),
                    evidence: one["evidence"]?.array?.compactMap(\.string) ?? [])
            }
        }
    }
}

/// Findings for code scanning. Source: OASIS SARIF 2.1.0.
enum FindingSARIF {
    static func document(_ findings: [Finding]) -> JSONValue {
        var rules: [String] = []
        var results: [JSONValue] = []
        for finding in findings {
            if !rules.contains(finding.rule) { rules.append(finding.rule) }
            let region: JSONValue = [
                "startLine": .count(finding.lineStart), "endLine": .count(finding.lineEnd),
                "snippet": ["text": .string(finding.quote)],
            ]
            results.append([
                "ruleId": .string(finding.rule), "ruleIndex": .count(rules.firstIndex(of: finding.rule) ?? 0),
                "level": .string(
                    finding.severity >= .high ? "error" : finding.severity == .medium ? "warning" : "note"),
                "message": ["text": .string("\(finding.title). \(finding.why)")],
                "locations": [
                    [
                        "physicalLocation": [
                            "artifactLocation": ["uri": .string(uri(finding.file))], "region": region,
                        ]
                    ]
                ], "partialFingerprints": ["stoker/v1": .string(finding.id)],
            ])
        }
        let driver: JSONValue = [
            "name": "stoker workers", "version": .string(Version.current),
            "rules": .array(rules.map { ["id": .string($0)] }),
        ]
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [["tool": ["driver": driver], "results": .array(results)]],
        ]
    }

    private static func uri(_ file: String) -> String {
        file.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? "file"
    }
}
