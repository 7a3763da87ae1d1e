import Hummingbird
import NIOCore
import Operations
import StokerCore

/// The page of maintenance: /maintenance. It renders the answer of the operation `list-maintenance`, and its forms call the two others.
extension Routes {
    /// Rows of what is over.
    private static let pastRows = 50
    /// More than this is no list to choose from.
    private static let maxChoices = 200
    private static let columns = [
        "id", "name", "state", "from", "until", "scope", "by_hand", "stopped", "by", "text",
    ]

    func addMaintenance(to router: Router<AppRequestContext>) {
        on(router, "/maintenance", .get, .read) { request, visit in try await maintenance(request, visit) }
        on(router, "/maintenance.csv", .get, .read) { request, _ in try await maintenanceFile(request) }
        on(router, "/maintenance/start", .post, .write) { request, visit in
            let form = try await maintenanceForm(request, visit)
            _ = try await Operation.startMaintenance.call(try Self.inputs(form), in: try maintenanceContext())
            return Reply.see("/maintenance")
        }
        on(router, "/maintenance/stop", .post, .write) { request, visit in
            let form = try await maintenanceForm(request, visit)
            _ = try await Operation.stopMaintenance.call(
                [("id", .string(form["id"] ?? ""))], in: try maintenanceContext())
            return Reply.see("/maintenance")
        }
    }

    private func maintenanceContext() throws(Failure) -> OperationContext {
        guard let context else {
            throw Failure(.notFound, doing: "show maintenance", because: "this Stoker keeps no fleet")
        }
        return context
    }

    private func maintenanceForm(_ request: Request, _ visit: AppRequestContext) async throws -> [String: String] {
        try await RequestReading.form(of: request, upTo: visit.maxUploadSize)
    }

    /// What the form asks of `start-maintenance`. Its times are UTC, as everywhere on a page; an end takes the place of a length.
    static func inputs(_ form: [String: String]) throws(Failure) -> [(name: String, value: JSONValue)] {
        func text(_ name: String) -> String? {
            form[name].flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        }
        func moment(_ name: String) throws(Failure) -> JSONValue {
            guard let given = text(name) else { return .null }
            // `datetime-local` sends 2026-12-01T05:30, or with seconds.
            for end in [":00Z", "Z"] {
                if let found = Instant(rfc3339: given + end) { return .string(found.description) }
            }
            throw Failure(
                .usage, doing: "begin maintenance", because: "\"\(given.prefix(40))\" is not a time",
                hint: "write 2026-12-01T05:30, in UTC")
        }
        let targets = (text("targets") ?? "").split { $0 == "," || $0.isWhitespace }.map {
            JSONValue.string(String($0))
        }
        let group = text("group")
        let until = try moment("until")
        let isEverything = form["what"] == "everything"
        return [
            ("targets", targets.isEmpty ? .null : .array(targets)),
            ("groups", group.map { .array([.string($0)]) } ?? .null), ("all", isEverything ? .bool(true) : .null),
            ("from", try moment("from")),
            ("for", until.isNull ? text("for").map { .string($0) } ?? .null : .null), ("until", until),
            ("name", text("name").map { .string($0) } ?? .null), ("text", text("text").map { .string($0) } ?? .null),
            ("by", text("by").map { .string($0) } ?? .null),
        ]
    }

    private func maintenanceFile(_ request: Request) async throws -> Response {
        let list = try await Operation.listMaintenance.call([("past", 1_000)], in: try maintenanceContext())
        var text = CSV.row(Self.columns)
        for part in ["planned", "active", "past"] {
            for item in list[part]?.array ?? [] { text += OutputFormatting.csv(item, Self.columns) }
        }
        var response = Reply.bytes(
            ByteBuffer(string: text), type: "text/csv; charset=utf-8; header=present", to: request)
        response.headers[HeaderName("Content-Disposition")!] = "attachment; filename=\"maintenance.csv\""
        return response
    }

    private func maintenance(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let list = try await Operation.listMaintenance.call(
            [("past", .integer(Int64(Self.pastRows)))], in: try maintenanceContext())
        let overview = await monitor.overview()
        let checks = await monitor.fleet().checks
        var groups: [String] = []
        for check in checks where !groups.contains(check.groupLabel) && groups.count < Self.maxChoices {
            groups.append(check.groupLabel)
        }
        let rules = list["rules"]?.array ?? []
        let active = list["active"]?.array ?? []
        let planned = Self.next(list["planned"]?.array ?? [])
        let rows = active + planned + (list["past"]?.array ?? [])
        func scope(_ item: JSONValue) -> String { item["scope"]?.string ?? "" }
        let now = overview.now
        let (title, say): (String, String)
        if let first = active.first {
            title =
                active.count == 1
                ? "Maintenance of \(scope(first))" : "\(active.count) times of maintenance go on"
            let end = active.compactMap { OutputFormatting.instant($0["until"]) }.max()
            say = end.map { "Until \(Formatting.time($0)), \(Formatting.relative($0, to: now))." } ?? ""
        } else {
            title = "No maintenance now"
            say =
                planned.first.flatMap { item in
                    OutputFormatting.instant(item["from"]).map {
                        "Next: \(scope(item)), \(Formatting.time($0)), \(Formatting.relative($0, to: now))."
                    }
                } ?? "None is planned."
        }
        let model: [String: Any] = [
            "title": title, "say": say, "sign": active.isEmpty ? "up" : "maintenance",
            "mayWrite": visit.permission.write,
            "rows": rows.map { Self.row($0, rules, mayWrite: visit.permission.write) },
            "isEmpty": rows.isEmpty, "groups": groups, "hasGroups": !groups.isEmpty,
            "count": Formatting.count(checks.count),
            "names": checks.count <= Self.maxChoices ? checks.map(\.name) : [String](),
            // A rule that comes later than what is listed would not be seen otherwise.
            "later": rules.compactMap { rule -> [String: Any]? in
                guard let name = rule["name"]?.string, !rows.contains(where: { $0["name"]?.string == name }),
                    let next = OutputFormatting.instant(rule["next"])
                else { return nil }
                return [
                    "name": name, "scope": scope(rule), "rhythm": rule["rhythm"]?.string ?? "",
                    "next": Formatting.time(next),
                ]
            },
        ]
        let frame = frame(
            visit, title: "Maintenance · Stoker", kind: "plain", overview: overview, place: "incidents",
            tab: "maintenance")
        return Reply.html(pages.page("maintenance", model, frame: frame), to: request)
    }

    /// Of a line of the file only what comes first: a nightly one would fill the page.
    private static func next(_ planned: [JSONValue]) -> [JSONValue] {
        var seen: Set<String> = []
        return planned.filter { item in
            item["by_hand"]?.bool == true || seen.insert(item["name"]?.string ?? "").inserted
        }
    }

    private static func row(_ item: JSONValue, _ rules: [JSONValue], mayWrite: Bool) -> [String: Any] {
        let state = item["state"]?.string ?? ""
        let isByHand = item["by_hand"]?.bool == true
        let name = item["name"]?.string ?? ""
        let rhythm = isByHand ? "once" : rules.first { $0["name"]?.string == name }?["rhythm"]?.string ?? "once"
        let by = item["by"]?.string
        return [
            "id": item["id"]?.string ?? "", "name": name, "state": state,
            "isActive": state == "active", "loud": state == "active",
            "sign": state == "over" ? "paused" : "maintenance",
            "from": moment(item["from"]), "until": moment(item["until"]), "scope": item["scope"]?.string ?? "",
            "text": item["text"]?.string ?? "", "hasText": item["text"]?.string?.isEmpty == false, "rhythm": rhythm,
            "source": isByHand ? "by hand" + (by.map { ", \($0)" } ?? "") : "fleet file",
            "stopped": item["stopped"]?.bool == true,
            "mayEnd": mayWrite && state == "active", "mayCallOff": mayWrite && state == "planned",
        ]
    }

    /// `2026-12-01 05:30`, for the eye and for programs.
    private static func moment(_ value: JSONValue?) -> String {
        guard let moment = OutputFormatting.instant(value) else { return "–" }
        return
            "<time datetime=\"\(moment)\" title=\"\(Formatting.time(moment))\">\(Formatting.bareTime(moment).prefix(16))</time>"
    }
}
