import Hummingbird
import NIOCore
import Operations
import StokerCore
import Workshop

/// The pages of workers: /workers (all of them), /workers/NAME, /workers/findings and /workers/findings/ID. They render answers of operations, and their buttons call
/// operations.
extension Routes {
    func addWorkers(to router: Router<AppRequestContext>) {
        // Findings name holes in private repositories: they are for those who may act.
        on(router, "/workers", .get, .write) { request, visit in try await workers(request, visit) }
        on(router, "/workers/findings", .get, .write) { request, visit in try await findings(request, visit) }
        on(router, "/workers/findings/:id", .get, .write) { request, visit in try await finding(request, visit) }
        on(router, "/workers/findings/:id/dismiss", .post, .write) { request, visit in
            let form = try await workerForm(request, visit)
            let id = visit.parameters.get("id") ?? ""
            _ = try await Operation.dismissFinding.call(
                [("name", .string(id)), ("for", .string(form["for"] ?? "90d"))], in: try workerContext())
            return Reply.see("/workers/findings/\(PercentCoding.encoded(id))")
        }
        on(router, "/workers/:name", .get, .write) { request, visit in try await worker(request, visit) }
        on(router, "/workers/:name/pause", .post, .write) { _, visit in try await act(.pauseWorker, visit) }
        on(router, "/workers/:name/resume", .post, .write) { _, visit in try await act(.resumeWorker, visit) }
    }

    /// Whether the fleet has workers: only then their place is shown.
    var hasWorkers: Bool { ((try? context?.workers.workers.isEmpty) ?? true) == false }

    private func workerContext() throws(Failure) -> OperationContext {
        guard let context else {
            throw Failure(.notFound, doing: "show workers", because: "this Stoker keeps no fleet")
        }
        return context
    }

    private func workerForm(_ request: Request, _ visit: AppRequestContext) async throws -> [String: String] {
        try await RequestReading.form(of: request, upTo: visit.maxUploadSize)
    }

    private func act(_ operation: Operations.Operation, _ visit: AppRequestContext) async throws -> Response {
        let name = visit.parameters.get("name") ?? ""
        _ = try await operation.call([("name", .string(name))], in: try workerContext())
        return Reply.see("/workers/\(PercentCoding.encoded(name))")
    }

    private func workers(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let context = try workerContext()
        let answer = try await Operation.listWorkers.call([], in: context)
        let items = answer["items"]?.array ?? []
        let found = try await Operation.listFindings.call([("limit", 1_000)], in: context)["items"]?.array ?? []
        let overview = await monitor.overview()
        let online = answer["online"]?.integer ?? 0
        let troubled = items.filter { ["trouble", "offline"].contains($0["state"]?.string ?? "") }
        var say =
            "\((answer["iterations"]?.integer ?? 0).counted("iteration")), \(found.count.counted("open finding"))."
        if let first = troubled.first?["name"]?.string {
            say += " \(Formatting.capitalized(first, except: [first])) needs a look."
        }
        let model: [String: Any] = [
            "title": "\(online) of \(items.count.counted("worker")) \(online == 1 ? "is" : "are") online", "say": say,
            "sign": !troubled.isEmpty ? "slow" : online == items.count ? "up" : "paused", "isEmpty": items.isEmpty,
            "rows": items.map { WorkerView($0, now: overview.now).model }, "openCount": "\(found.count)",
            "findings": Self.latest(found).map(FindingView.item), "hasFindings": !found.isEmpty,
            "insights": InsightsView.lists(answer["insights"]), "hasInsights": InsightsView.isAny(answer["insights"]),
        ]
        let frame = frame(
            visit, title: "Workers · Stoker", kind: "plain", overview: overview, live: true, place: "workers",
            tab: "workers")
        return Reply.html(pages.page("workers", model, frame: frame), to: request)
    }

    /// Those that were seen first most lately; of the same look the most important first.
    static func latest(_ findings: [JSONValue]) -> [JSONValue] {
        findings.enumerated().sorted { one, other in
            let (a, b) = (one.element["first_seen"]?.string ?? "", other.element["first_seen"]?.string ?? "")
            return a != b ? a > b : one.offset < other.offset
        }.prefix(6).map(\.element)
    }

    private func findings(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let found =
            try await Operation.listFindings.call([("limit", 1_000)], in: try workerContext())["items"]?.array ?? []
        let model: [String: Any] = [
            "title": found.count.counted("open finding"), "findings": found.map(FindingView.item),
            "hasFindings": !found.isEmpty,
        ]
        let frame = frame(
            visit, title: "Findings · Stoker", kind: "plain", overview: await monitor.overview(), place: "workers",
            tab: "findings")
        return Reply.html(pages.page("findings", model, frame: frame), to: request)
    }

    private func finding(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let answer = try await Operation.showFinding.call(
            [("name", .string(visit.parameters.get("id") ?? ""))], in: try workerContext())
        var model = FindingView.page(answer)
        model["mayWrite"] = visit.permission.write
        let frame = frame(
            visit, title: "\(answer["finding"]?["title"]?.string ?? "Finding") · Stoker", kind: "plain",
            overview: await monitor.overview(), place: "workers")
        return Reply.html(pages.page("finding", model, frame: frame), to: request)
    }

    private func worker(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let context = try workerContext()
        let name = visit.parameters.get("name") ?? ""
        let status = try await Operation.showWorker.call([("name", .string(name))], in: context)
        let rows = try await Operation.listIterations.call([("name", .string(name)), ("limit", 10)], in: context)
        let found = try await Operation.listFindings.call([("worker", .string(name)), ("limit", 5)], in: context)
        let asks = try await Operation.listAsks.call([("name", .string(name)), ("limit", 5)], in: context)
        let overview = await monitor.overview()
        var model = WorkerView(status, now: overview.now).page(
            rows["items"]?.array ?? [], findings: found["items"]?.array ?? [])
        model.merge(WorkerModelView(status["model"], now: overview.now).page(asks["items"]?.array ?? [])) { $1 }
        // What another Stoker runs is paused there.
        model["mayWrite"] = visit.permission.write && status["runs_at"]?.string == nil
        let frame = frame(
            visit, title: "\(name) · Stoker", kind: "plain", overview: overview, live: true, place: "workers")
        return Reply.html(pages.page("worker", model, frame: frame), to: request)
    }
}

/// A worker's answer as its pages show it.
struct WorkerView {
    let answer: JSONValue
    let now: Instant

    init(_ answer: JSONValue, now: Instant) {
        self.answer = answer
        self.now = now
    }

    private func text(_ key: String) -> String { answer[key]?.string ?? "" }
    private func number(_ key: String) -> Int { answer[key]?.integer ?? 0 }
    private var state: String { text("state") }
    private var open: Int { (answer["open"]?.members ?? []).reduce(0) { $0 + ($1.value.integer ?? 0) } }

    static func sign(_ state: String) -> String {
        switch state {
        case "working": "run"
        case "waiting", "complete": "up"
        case "paused": "paused"
        case "trouble", "offline": "slow"
        default: "unknown"
        }
    }

    private func moment(_ value: JSONValue?) -> String {
        guard let moment = OutputFormatting.instant(value) else { return "never" }
        return
            "<time datetime=\"\(moment)\" title=\"\(Formatting.time(moment))\">\(Formatting.relative(moment, to: now))</time>"
    }

    var model: [String: Any] {
        [
            "name": text("name"), "state": state, "sign": Self.sign(state),
            "loud": ["trouble", "offline"].contains(state),
            "text": text("text"), "hint": text("hint"), "hasHint": !text("hint").isEmpty,
            "iteration": Formatting.count(number("iteration")),
            "beat": moment(answer["beat"]), "open": "\(open)",
            "dataset": answer["dataset"]?.string ?? "none, kept here",
        ]
    }

    func page(_ rows: [JSONValue], findings: [JSONValue]) -> [String: Any] {
        var page = model
        let worst = (answer["open"]?.members ?? []).filter { ($0.value.integer ?? 0) > 0 }.prefix(2).map {
            "\($0.value.integer ?? 0) \($0.name)"
        }
        let waiting = number("iteration") - number("published")
        let last = text("perspective")
        let commits = number("commits_last_hour")
        page["repository"] = text("runs_at").isEmpty ? text("repository") : "runs at \(text("runs_at"))"
        page["dataset"] = text("dataset")
        page["visibility"] = answer["private"]?.bool == false ? "public" : "private"
        page["head"] = String(text("head").prefix(7))
        page["isPaused"] = state == "paused"
        page["every"] = Formatting.interval(.seconds(Int64(answer["every_seconds"]?.double ?? 60)))
        page["worst"] = worst.isEmpty ? "in what the rules look at" : worst.joined(separator: ", ")
        page["next"] =
            OutputFormatting.instant(answer["next"]).map {
                $0 > now ? "next \(Formatting.relative($0, to: now))" : "next now"
            }
            ?? ""
        page["published"] = Formatting.count(number("published"))
        page["waiting"] =
            text("dataset").isEmpty
            ? "kept here" : waiting > 0 ? "\(waiting.counted("row")) wait" : "all of them"
        page["perspectives"] = (answer["perspectives"]?.array ?? []).compactMap(\.string).map { one in
            [
                "name": one.replacing("_", with: " "), "isNow": one == last, "sign": one == last ? "run" : "note",
                "state": one == last ? "last" : "in turn",
            ] as [String: Any]
        }
        page["rows"] = rows.map { row in
            [
                "iteration": "\(row["iteration"]?.integer ?? 0)",
                "perspective": (row["perspective"]?.string ?? "").replacing("_", with: " "),
                "head": String((row["head"]?.string ?? "").prefix(7)), "summary": row["summary"]?.string ?? "",
                "when": moment(row["timestamp"]),
            ] as [String: Any]
        }
        page["hasRows"] = !rows.isEmpty
        let log = answer["log"]?.array ?? []
        page["log"] = log.enumerated().map { number, line in
            let at = OutputFormatting.instant(line["at"]).map { Formatting.bareTime($0).suffix(8) } ?? ""
            return ["n": "\(number + 1)", "text": "\(at) \(line["text"]?.string ?? "")"] as [String: Any]
        }
        page["hasLog"] = !log.isEmpty
        page["commits"] = "\(commits)"
        page["commitShare"] = "\(min(100, commits * 100 / 30))"
        page["findings"] = findings.map(FindingView.item)
        page["hasFindings"] = !findings.isEmpty
        return page
    }
}

/// A worker's model as its page shows it: what it may spend, and what it was asked.
struct WorkerModelView {
    let answer: JSONValue
    let now: Instant

    init(_ answer: JSONValue?, now: Instant) {
        self.answer = answer ?? .null
        self.now = now
    }

    private func meter(_ key: String, _ label: String, _ write: (Double) -> String) -> [String: Any]? {
        guard let spent = answer[key]?["spent"]?.double else { return nil }
        let limit = answer[key]?["limit"]?.double
        let resets = OutputFormatting.instant(answer[key]?["resets"]).map { Formatting.relative($0, to: now) } ?? ""
        return [
            "label": label, "said": limit.map { "\(write(spent)) of \(write($0))" } ?? write(spent),
            "share": "\(limit.map { min(100, Int(spent / max($0, 0.000_001) * 100)) } ?? 0)", "resets": resets,
        ]
    }

    func page(_ asks: [JSONValue]) -> [String: Any] {
        guard let name = answer["name"]?.string else { return ["hasModel": false] }
        let format = answer["format"]?.string
        let facts: [String?] = [
            format.map {
                "answers by \($0 == "schema" ? "JSON schema" : $0 == "object" ? "JSON" : $0 == "tool" ? "a tool's schema" : "the question's schema")"
            },
            answer["context"]?.integer.map { "\(Formatting.count($0)) tokens of context" },
            (answer["asked"]?.integer ?? 0).counted("question"),
        ]
        let waits = OutputFormatting.instant(answer["waits_until"])
        return [
            "hasModel": true, "modelName": name, "modelURL": answer["url"]?.string ?? "",
            "modelFacts": facts.compactMap(\.self).joined(separator: ", "),
            "meters": [
                meter("tokens", "Tokens") { Formatting.count(Int($0)) }, meter("usd", "Money") { Self.dollars($0) },
            ].compactMap(\.self),
            "modelWaits": waits.map {
                "Nothing is asked before \(Formatting.time($0)): \(answer["waits_because"]?.string ?? "")"
            }
                ?? "",
            "isModelWaiting": waits != nil, "hasAsks": !asks.isEmpty,
            "asks": asks.map { ask in
                [
                    "number": "\(ask["number"]?.integer ?? 0)", "purpose": ask["purpose"]?.string ?? "",
                    "outcome": ask["outcome"]?.string ?? "",
                    "tokens": Formatting.count(ask["tokens"]?.integer ?? 0), "question": ask["question"]?.string ?? "",
                    "answer": ask["answer"]?.string ?? "",
                ] as [String: Any]
            },
        ]
    }

    private static func dollars(_ value: Double) -> String { ModelMoney.text(Int64((value * 1e9).rounded())) }
}

/// What all workers learned, as their page shows it: the newest of each list first.
enum InsightsView {
    private static let titles = [
        ("failure_modes_identified", "How it fails"), ("integration_points", "Where it touches the world"),
        ("edge_cases_discovered", "Values on a boundary"),
    ]
    private static func texts(_ answer: JSONValue?, _ key: String) -> [String] {
        answer?[key]?.array?.compactMap(\.string) ?? []
    }

    static func isAny(_ answer: JSONValue?) -> Bool { titles.contains { !texts(answer, $0.0).isEmpty } }

    static func lists(_ answer: JSONValue?) -> [[String: Any]] {
        titles.compactMap { key, title in
            let all = texts(answer, key)
            guard !all.isEmpty else { return nil }
            return ["title": title, "items": Array(all.suffix(5).reversed())]
        }
    }
}

/// A finding as pages show it.
enum FindingView {
    static func item(_ finding: JSONValue) -> [String: Any] {
        [
            "id": finding["id"]?.string ?? "", "title": finding["title"]?.string ?? "",
            "perspective": (finding["perspective"]?.string ?? "").replacing("_", with: " "),
            "place": "\(finding["file"]?.string ?? ""):\(finding["line_start"]?.integer ?? 0)",
            "state": finding["state"]?.string ?? "", "level": level(finding["severity"]?.string ?? ""),
        ]
    }

    static func page(_ answer: JSONValue) -> [String: Any] {
        let finding = answer["finding"] ?? .null
        func text(_ key: String) -> String { finding[key]?.string ?? "" }
        let first = finding["line_start"]?.integer ?? 1
        var page = item(finding)
        page["why"] = text("why")
        page["severity"] = text("severity")
        page["rule"] = text("rule")
        page["confidence"] = finding["confidence"]?.double.map { "\($0)" } ?? "–"
        page["worker"] = answer["worker"]?.string ?? ""
        page["taken"] =
            answer["taken_by"]?.string.map { by in
                let state = answer["taken_state"]?.string ?? ""
                return state == "taken" ? "\(by) works on it" : "\(by) tried a change: \(state)"
            } ?? ""
        page["dismissed"] = OutputFormatting.instant(answer["dismissed_until"]).map { Formatting.time($0) } ?? ""
        page["file"] = text("file")
        page["first"] = "\(first)"
        page["last"] = "\(finding["line_end"]?.integer ?? first)"
        page["head"] = String(text("head").prefix(7))
        page["commit"] = text("head")
        page["lines"] = text("quote").split(separator: "\n", omittingEmptySubsequences: false).enumerated().map {
            ["n": "\(first + $0)", "text": String($1)] as [String: Any]
        }
        page["evidence"] = finding["evidence"]?.array?.compactMap(\.string) ?? []
        page["command"] = text("command")
        page["firstSeen"] = Instant(rfc3339: text("first_seen")).map { Formatting.time($0) } ?? text("first_seen")
        page["tools"] = (finding["tools"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
        page["sha"] = text("quote_sha")
        return page
    }

    /// Bars that rise with the severity.
    private static func level(_ severity: String) -> String {
        let rank = ["low": 1, "medium": 2, "high": 3, "critical": 4][severity] ?? 0
        let known = rank == 0 ? "unknown" : severity
        let bars = (0..<4).map { bar in
            "<rect\(bar < rank ? " class=\"on\"" : "") x=\"\(bar * 4)\" y=\"\([10, 7, 4, 0][bar])\" width=\"3\" height=\"\([4, 7, 10, 14][bar])\" rx=\"1\"/>"
        }.joined()
        return "<svg class=\"lvl l-\(known)\" viewBox=\"0 0 15 14\" role=\"img\" aria-label=\"\(known)\">\(bars)</svg>"
    }
}
