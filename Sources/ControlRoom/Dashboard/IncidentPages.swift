import Hummingbird
import Ledger
import NIOCore
import Notices
import Operations
import StokerCore

/// The pages of what was wrong and what happened: /incidents, /incidents/{id}, /events, and links of messages that acknowledge.
/// Each renders the answer of an operation.
extension Routes {
    /// Rows on a page.
    private static let pageRows = 100
    /// Rows of a file of comma-separated values.
    private static let fileRows = 20_000

    func addIncidents(to router: Router<AppRequestContext>) {
        on(router, "/incidents", .get, .read) { request, visit in try await incidents(request, visit) }
        on(router, "/incidents.csv", .get, .read) { request, _ in
            try await file(request, .incidents, Self.incidentNames, OutputFormatting.incidentColumns)
        }
        on(router, "/events.csv", .get, .read) { request, _ in
            try await file(request, .events, Self.eventNames, OutputFormatting.eventColumns)
        }
        on(router, "/incidents/:id", .get, .read) { request, visit in
            try await incident(visit.parameters.get("id") ?? "", request, visit)
        }
        on(router, "/incidents/:id/:action", .post, .write) { request, visit in
            try await changeIncident(request, visit)
        }
        // The link is the right to do it. A GET only asks: scanners of mail open every link.
        on(router, "/acknowledge/:id/:seal", .get, .open) { request, visit in
            try await acknowledgeByLink(request, visit, done: false)
        }
        on(router, "/acknowledge/:id/:seal", .post, .open) { request, visit in
            try await acknowledgeByLink(request, visit, done: true)
        }
    }

    func incidentContext() async -> OperationContext {
        let now = await monitor.overview().now
        return OperationContext(monitor: monitor, ledger: ledger, now: { now })
    }

    // MARK: Lists

    private static let incidentNames = ["target", "group", "cause", "state", "acknowledged", "longer", "from", "to"]
    private static let eventNames = ["target", "group", "kind", "from", "to"]

    /// What a form sends is in the query even where nothing was chosen.
    private func given(_ request: Request, _ names: [String]) -> [(name: String, value: String)] {
        let form = PageFormatting.form(request.uri.query ?? "")
        return names.compactMap { name in
            form[name].flatMap { $0.isEmpty ? nil : (name: name, value: $0) }
        }
    }

    private func query(_ given: [(name: String, value: String)]) -> String {
        given.map { "\($0.name)=\(PercentCoding.encoded($0.value))" }.joined(separator: "&")
    }

    private func incidents(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let chosen = given(request, Self.incidentNames)
        let context = await incidentContext()
        let form = PageFormatting.form(request.uri.query ?? "")
        let page = try await Operation.incidents.call(
            chosen.map { ($0.name, .string($0.value)) } + [
                ("limit", .integer(Int64(Self.pageRows))), ("cursor", form["cursor"].map { .string($0) } ?? .null),
            ], in: context)
        let overview = await monitor.overview()
        let items = page["items"]?.array ?? []
        func link(_ changes: [(String, String)]) -> String {
            let names = Set(changes.map(\.0))
            let all = chosen.filter { !names.contains($0.name) } + changes.filter { !$0.1.isEmpty }
            return all.isEmpty ? "/incidents" : "/incidents?\(query(all))"
        }
        let value = Dictionary(chosen.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
        let chips: [[String: Any]] = [
            ("All", [("state", ""), ("acknowledged", ""), ("longer", "")]),
            ("Open", [("state", "open"), ("acknowledged", ""), ("longer", "")]),
            ("Not acknowledged", [("state", "open"), ("acknowledged", "false"), ("longer", "")]),
            ("Closed", [("state", "closed"), ("acknowledged", ""), ("longer", "")]),
            ("Over 10 min", [("state", ""), ("acknowledged", ""), ("longer", "10m")]),
        ].map { label, changes in
            [
                "label": label, "href": link(changes),
                "isHere": changes.allSatisfy { (value[$0.0] ?? "") == $0.1 },
            ]
        }
        // Of the last 30 days, and of the same targets and causes.
        let month = try await Operation.incidents.call(
            chosen.filter { ["target", "group", "cause"].contains($0.name) }.map { ($0.name, .string($0.value)) } + [
                ("from", .string("\(overview.now - .seconds(30 * 86_400))")), ("limit", 1_000),
            ], in: context)
        let sums = IncidentSums(month)
        let here = chosen.isEmpty ? "/incidents" : "/incidents?\(query(chosen))"
        let told = try await told(of: items, visit)
        let model: [String: Any] = [
            "say": sums.sentence, "tiles": sums.tiles,
            "chips": chips, "hasTold": told != nil,
            "rows": items.map { item in
                row(item, now: overview.now).merging([
                    "from": here, "told": told?(item, overview.now) ?? "",
                    "mayAcknowledge": visit.permission.write && item["ended"]?.isNull ?? true
                        && Self.acknowledgement(of: item) == nil,
                ]) { own, _ in own }
            }, "isEmpty": items.isEmpty,
            "csv": chosen.isEmpty ? "/incidents.csv" : "/incidents.csv?\(query(chosen))",
            "target": value["target"] ?? "", "group": value["group"] ?? "",
            "hidden": ["state", "acknowledged", "longer"].compactMap { name in
                value[name].map { ["name": name, "value": $0] as [String: Any] }
            },
            "causes": Cause.allCases.filter { $0 != .none }.map {
                ["code": $0.code, "label": $0.sentence, "chosen": value["cause"] == $0.code] as [String: Any]
            },
            "next": page["next_cursor"]?.string.map { "/incidents?\(query(chosen + [("cursor", $0)]))" } ?? "",
            "hasNext": page["next_cursor"]?.string != nil,
        ]
        let frame = frame(
            visit, title: "Incidents · Stoker", kind: "plain", overview: overview, place: "incidents",
            tab: "incidents")
        return Reply.html(pages.page("incidents", model, frame: frame), to: request)
    }

    /// Says of an incident who heard of it; nil for a visitor who may not know who is told, and where no rule tells anybody.
    private func told(
        of items: [JSONValue], _ visit: AppRequestContext
    ) async throws -> ((JSONValue, Instant) -> String)? {
        guard visit.permission.write, let board = context.flatMap({ try? $0.notices }) else { return nil }
        let told = try await board.told(of: Set(items.compactMap(Self.key)))
        return { item, now in
            guard let key = Self.key(item) else { return "–" }
            if let channels = told[key] {
                return channels.map { $0.channel + (Self.outcomes[$0.state].map { ": \($0)" } ?? "") }
                    .joined(separator: ", ")
            }
            // What is older may have been told by messages that are forgotten.
            return now - key.began < Job.keptFor ? "nobody" : "–"
        }
    }

    /// Of what did not arrive.
    private static let outcomes: [MessageState: String] = [
        .givenUp: "given up", .dropped: "not sent", .failing: "not taken yet", .waiting: "on its way",
        .sending: "on its way",
    ]

    private static func key(_ item: JSONValue) -> IncidentKey? {
        guard let check = item["check_id"]?.integer.flatMap({ Int32(exactly: $0) }),
            let began = OutputFormatting.instant(item["began"])
        else { return nil }
        return IncidentKey(check: check, began: began)
    }

    /// nil when nobody has acknowledged it.
    private static func acknowledgement(of item: JSONValue) -> JSONValue? {
        guard let seen = item["acknowledged"], !seen.isNull else { return nil }
        return seen
    }

    private func row(_ item: JSONValue, now: Instant) -> [String: Any] {
        let isOpen = item["ended"]?.isNull ?? true
        let seen = Self.acknowledgement(of: item)
        let name = item["check"]?.string
        return [
            "id": item["id"]?.text ?? "", "name": name ?? "Stoker itself",
            "verdict": IncidentPage.look(item["verdict"]?.string, cause: item["cause"]?.string).name,
            "loud": isOpen && seen == nil,
            "sentence": Markup.sentence(Sentence(reading: Formatting.capitalized(item["sentence"]?.string ?? ""))),
            "began": OutputFormatting.instant(item["began"]).map { Markup.time($0, now: now) } ?? "",
            "length": OutputFormatting.span(item["seconds"]?.double ?? 0) + (isOpen ? " so far" : ""),
            "state": isOpen
                ? (seen.map { "open, acknowledged" + ($0["by"]?.string.map { " by \($0)" } ?? "") }
                    ?? "open, not acknowledged") : "closed",
        ]
    }

    /// The whole choice as a file, as far as it goes.
    private func file(
        _ request: Request, _ operation: Operation, _ names: [String], _ columns: [String]
    ) async throws -> Response {
        let chosen = given(request, names).map { (name: $0.name, value: JSONValue.string($0.value)) }
        let context = await incidentContext()
        var text = CSV.row(columns)
        var cursor: JSONValue = nil
        var count = 0
        repeat {
            let page = try await operation.call(
                chosen + [("limit", 1_000), ("cursor", cursor)], in: context)
            let items = page["items"]?.array ?? []
            count += items.count
            for item in items { text += OutputFormatting.csv(item, columns) }
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull && count < Self.fileRows
        var response = Reply.bytes(
            ByteBuffer(string: text), type: "text/csv; charset=utf-8; header=present", to: request)
        response.headers[HeaderName("Content-Disposition")!] = "attachment; filename=\"\(operation.name).csv\""
        return response
    }

    func events(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let chosen = given(request, Self.eventNames)
        let form = PageFormatting.form(request.uri.query ?? "")
        let page = try await Operation.events.call(
            chosen.map { ($0.name, .string($0.value)) } + [
                ("limit", .integer(Int64(Self.pageRows))), ("cursor", form["cursor"].map { .string($0) } ?? .null),
            ], in: await incidentContext())
        let overview = await monitor.overview()
        let items = page["items"]?.array ?? []
        let value = Dictionary(chosen.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
        let kinds = [
            ("", "All"), ("verdict,flapping", "Verdicts"), ("incident", "Incidents"), ("hub,space", "Hub"),
            ("heal", "Healing"), ("paused,resumed,check", "Pauses"), ("fleet,master,self,started,stopped", "Stoker"),
            ("ledger", "Ledger"),
        ]
        let others = chosen.filter { $0.name != "kind" }
        let model: [String: Any] = [
            "chips": kinds.map { kind, label in
                let all = others + (kind.isEmpty ? [] : [(name: "kind", value: kind)])
                return [
                    "label": label, "href": all.isEmpty ? "/events" : "/events?\(query(all))",
                    "isHere": (value["kind"] ?? "") == kind,
                ] as [String: Any]
            },
            "rows": items.map { item in
                let name = item["check"]?.string
                return [
                    "at": OutputFormatting.instant(item["at"]).map { PageFormatting.moment($0, now: overview.now) }
                        ?? "",
                    "kind": item["kind"]?.string ?? "", "name": name ?? "", "hasName": name != nil,
                    "about": (item["kind"]?.string ?? "").hasPrefix("space.") ? "Hub" : "Stoker",
                    "sign": TargetTimeline.sign(kind: item["kind"]?.string ?? "", verdict: item["verdict"]?.string),
                    "href": name.map { PageFormatting.path($0) } ?? "",
                    "text": Markup.sentence(
                        Sentence(reading: TargetTimeline.without(name ?? "", item["text"]?.string ?? ""))),
                ] as [String: Any]
            },
            "isEmpty": items.isEmpty, "target": value["target"] ?? "", "group": value["group"] ?? "",
            "kind": value["kind"] ?? "",
            "csv": chosen.isEmpty ? "/events.csv" : "/events.csv?\(query(chosen))",
            "next": page["next_cursor"]?.string.map { "/events?\(query(chosen + [("cursor", $0)]))" } ?? "",
            "hasNext": page["next_cursor"]?.string != nil,
        ]
        let frame = frame(
            visit, title: "Events · Stoker", kind: "plain", overview: overview, place: "incidents", tab: "events")
        return Reply.html(pages.page("events", model, frame: frame), to: request)
    }

    // MARK: One

    private func changeIncident(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        var request = request
        let form = PageFormatting.form(String(buffer: try await request.collectBody(upTo: visit.maxUploadSize)))
        let id = visit.parameters.get("id") ?? ""
        func text(_ name: String) -> JSONValue { form[name].flatMap { $0.isEmpty ? nil : .string($0) } ?? .null }
        let name: (name: String, value: JSONValue) = ("name", .string(id))
        switch visit.parameters.get("action") {
        case "acknowledge":
            _ = try await Operation.acknowledge.call(
                [name, ("by", text("by")), ("text", text("text"))], in: await incidentContext())
        case "withdraw": _ = try await Operation.withdrawAcknowledgement.call([name], in: await incidentContext())
        case "note":
            _ = try await Operation.noteIncident.call(
                [name, ("by", text("by")), ("text", text("text")), ("internal", .bool(form["internal"] != nil))],
                in: await incidentContext())
        default: throw nothing()
        }
        // Back to the list, where its button was pressed.
        let page = "/incidents/\(PercentCoding.encoded(id))"
        return Reply.see(form["from"] == nil ? page : Self.local(form["from"]))
    }

    /// - Parameter done: it was asked for by the button.
    private func acknowledgeByLink(
        _ request: Request, _ visit: AppRequestContext, done: Bool
    ) async throws -> Response {
        let number = try access.acknowledgeLinks.incident(
            visit.parameters.get("id") ?? "", seal: visit.parameters.get("seal") ?? "")
        let context = await incidentContext()
        let name: (name: String, value: JSONValue) = ("name", .string("\(number)"))
        var item = try await Operation.showIncident.call([name], in: context)
        let isOver = !(item["ended"]?.isNull ?? true)
        let wasSeen = !(item["acknowledged"]?.isNull ?? true)
        if done, !isOver, !wasSeen {
            // Who has the link may do this one thing.
            let reader = Principal(.person, "link in a message", scope: .operate, address: visit.principal.address)
            _ = try await Operation.acknowledge.call(
                [name, ("by", "link in a message")], in: context.called(by: SilentCaller(reader)))
            item = try await Operation.showIncident.call([name], in: context)
        }
        let overview = await monitor.overview()
        var model = row(item, now: overview.now)
        model["ask"] = !done && !isOver && !wasSeen
        model["done"] = !isOver && (done || wasSeen)
        model["over"] = isOver
        model["action"] = request.uri.path
        let frame = Pages.Frame(title: "Acknowledge · Stoker", kind: "plain")
        return Reply.html(pages.page("acknowledge", model, frame: frame), to: request)
    }
}
