import Hummingbird
import NIOCore
import Operations
import StokerCore

/// The pages of settings: /settings (the configuration in force), /settings/access (tokens and sessions), /settings/activity. Each renders the answer of an
/// operation, and its forms call others.
extension Routes {
    /// Rows on a page of the activity log.
    private static let activityRows = 100
    private static let activityFileRows = 20_000
    private static let activityNames = ["actor", "result", "by", "target", "operation", "from", "to"]

    func addSettings(to router: Router<AppRequestContext>) {
        on(router, "/settings", .get, .write) { request, visit in try await settingsPage(request, visit) }
        on(router, "/settings/reload", .post, .write) { _, _ in
            _ = try await Operation.reload.call([], in: try settingsContext())
            return Reply.see("/settings")
        }
        on(router, "/settings/access", .get, .admin) { request, visit in try await accessPage(request, visit) }
        on(router, "/settings/tokens", .post, .scope(.read)) { request, visit in try await makeToken(request, visit) }
        on(router, "/settings/tokens/:name/revoke", .post, .scope(.read)) { _, visit in
            _ = try await Operation.revokeToken.call(
                [("name", .string(visit.parameters.get("name") ?? "")), ("confirm", true)], in: try settingsContext())
            return Reply.see("/settings/access")
        }
        on(router, "/settings/sessions/:id/end", .post, .scope(.read)) { _, visit in
            _ = try await Operation.endSession.call(
                [("id", .string(visit.parameters.get("id") ?? ""))], in: try settingsContext())
            return Reply.see("/settings/access")
        }
        on(router, "/settings/activity", .get, .write) { request, visit in try await activityPage(request, visit) }
        on(router, "/settings/activity.csv", .get, .write) { request, _ in try await activityFile(request) }
    }

    private func settingsContext() throws(Failure) -> OperationContext {
        guard let context else {
            throw Failure(.notFound, doing: "show settings", because: "this Stoker keeps no fleet")
        }
        return context
    }

    private func settingsFrame(_ visit: AppRequestContext, _ title: String, tab: String, _ overview: Overview)
        -> Pages.Frame
    {
        var frame = frame(
            visit, title: "\(title) · Stoker", kind: "plain", overview: overview, place: "settings", tab: tab)
        // Who gives access is an admin.
        if !visit.permission.admin { frame.hiddenTabs.insert("access") }
        return frame
    }

    // MARK: Configuration

    private func settingsPage(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let answer = try await Operation.configuration.call([], in: try settingsContext())
        let form = PageFormatting.form(request.uri.query ?? "")
        let q = (form["q"] ?? "").lowercased()
        let all = answer["items"]?.array ?? []
        let own = all.filter { $0["source"]?.string != "default" }
        let isAll = form["show"] == "all"
        let shown = (isAll ? all : own).filter { item in
            q.isEmpty || (item["key"]?.string ?? "").contains(q)
                || (item["summary"]?.string ?? "").lowercased().contains(q)
        }
        let changes = answer["changes"]?.array ?? []
        let checks = [("checks_added", "join"), ("checks_removed", "leave"), ("checks_changed", "change")].compactMap {
            name, verb -> String? in
            let count = answer[name]?.integer ?? 0
            guard count > 0 else { return nil }
            return "\(count.counted("check", as: Formatting.count(count))) would \(verb)"
        }
        let file = answer["file"]?.string.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        let overview = await monitor.overview()
        let model: [String: Any] = [
            "say": file.map {
                "What is in force, and where each value comes from. Changes are made in \($0); Stoker reads it again by itself."
            } ?? "What is in force, and where each value comes from. This fleet comes from no file.",
            "isRefused": answer["refused"]?.string != nil,
            "lines": (answer["refused"]?.string ?? "").split(separator: "\n").map(String.init),
            "hasChanges": !changes.isEmpty || !checks.isEmpty, "hasRows": !changes.isEmpty,
            "mayReload": visit.permission.write,
            "changes": changes.map { change in
                [
                    "key": change["key"]?.string ?? "", "from": Self.text(change["from"]),
                    "to": Self.text(change["to"]),
                    "note": change["needs_restart"]?.bool == true ? "holds after a restart" : "",
                ]
            },
            "hasChecks": !checks.isEmpty,
            "checks": Formatting.capitalized(checks.joined(separator: ", ")) + (checks.isEmpty ? "" : "."),
            "chips": [("", "Set by you", own.count), ("all", "All", all.count)].map { show, label, count in
                [
                    "label": label, "count": Formatting.count(count), "isHere": (show == "all") == isAll,
                    "href": show.isEmpty ? "/settings" : "/settings?show=all",
                ] as [String: Any]
            },
            "isAll": isAll, "q": form["q"] ?? "", "isEmpty": shown.isEmpty,
            "rows": shown.map { item in
                [
                    "key": item["key"]?.string ?? "", "value": item["value"]?.string ?? "–",
                    "place": item["place"]?.string ?? item["source"]?.string ?? "",
                    "note": Self.note(item),
                ]
            },
        ]
        return Reply.html(
            pages.page("settings", model, frame: settingsFrame(visit, "Settings", tab: "settings", overview)),
            to: request)
    }

    private static func note(_ item: JSONValue) -> String {
        var notes = item["note"]?.string.map { [$0] } ?? []
        if item["needs_restart"]?.bool == true { notes.append("needs a restart") }
        return notes.joined(separator: "; ")
    }

    private static func text(_ value: JSONValue?) -> String {
        guard let value, !value.isNull else { return "the default" }
        return Redaction.text(value.string ?? value.text)
    }

    // MARK: Access

    private func makeToken(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let form = try await RequestReading.form(of: request, upTo: visit.maxUploadSize)
        func text(_ name: String) -> JSONValue { form[name].flatMap { $0.isEmpty ? nil : .string($0) } ?? .null }
        do throws(Failure) {
            let answer = try await Operation.addToken.call(
                [("name", text("name")), ("scope", text("scope")), ("expires_in", text("expires_in"))],
                in: try settingsContext())
            return try await accessPage(request, visit, made: answer)
        } catch {
            if error.code == .forbidden || error.code == .unauthorized { throw error }
            return try await accessPage(request, visit, problem: error)
        }
    }

    /// - Parameter made: a token with its secret, which is shown on this page and never again.
    private func accessPage(
        _ request: Request, _ visit: AppRequestContext, made: JSONValue? = nil, problem: Failure? = nil
    ) async throws(Failure) -> Response {
        let context = try settingsContext()
        let tokens = try await Operation.listTokens.call([], in: context)["items"]?.array ?? []
        let sessions = try await Operation.listSessions.call([], in: context)["items"]?.array ?? []
        let overview = await monitor.overview()
        let now = overview.now
        let idle = tokens.count { Self.isIdle($0, now) }
        let own = request.cookies[Access.cookieName].flatMap { access.book.session(String($0.value))?.session.id }
        let people = Set(sessions.compactMap { $0["person"]?.string }).count
        let roles = access.book.signIn.roles.sorted { $0.key < $1.key }
        let model: [String: Any] = [
            "say":
                "\(tokens.count.counted("token", as: Formatting.count(tokens.count))) and \(people == 1 ? "1 person" : "\(people) people") have access."
                + (idle == 0
                    ? "" : " \(idle == 1 ? "One token has" : "\(idle) tokens have") not been used for 90 days."),
            "hasSecret": made != nil, "newName": made?["name"]?.string ?? "", "secret": made?["token"]?.string ?? "",
            "hasProblem": problem != nil, "problem": problem.map { "\(Formatting.capitalized($0.because))." } ?? "",
            "hasTokens": !tokens.isEmpty, "hasMain": access.hasToken,
            "tokens": tokens.enumerated().map { number, token in
                [
                    "number": "\(number)", "name": token["name"]?.string ?? "", "scope": token["scope"]?.string ?? "",
                    "tone": Self.tone(token["scope"]?.string), "loud": Self.isIdle(token, now),
                    "used": Self.moment(token["last_used"], now) ?? "never",
                    "from": token["last_address"]?.string ?? "",
                    "hasFrom": token["last_address"]?.string != nil,
                    "until": Self.moment(token["expires"], now) ?? "revoked",
                    "isOver": token["is_over"]?.bool == true, "by": token["by"]?.string ?? "",
                ] as [String: Any]
            },
            "hasSessions": !sessions.isEmpty,
            "sessions": sessions.map { session in
                [
                    "id": session["id"]?.string ?? "", "person": session["person"]?.string ?? "",
                    "scope": session["scope"]?.string ?? "", "tone": Self.tone(session["scope"]?.string),
                    "began": Self.moment(session["began"], now) ?? "",
                    "seen": Self.moment(session["last_used"], now) ?? "",
                    "via": session["via"]?.string == "huggingface" ? "Hugging Face" : "a token",
                    "address": session["address"]?.string ?? "",
                    "hasAddress": session["address"]?.string != nil,
                    "isOwn": own != nil && session["id"]?.string == own,
                ] as [String: Any]
            },
            "hasRoles": !roles.isEmpty, "hasApp": settings.signIn?(access.book.signIn) != nil,
            "roles": roles.enumerated().map { number, role in
                ["name": role.key, "scope": role.value.rawValue, "isLast": number == roles.count - 1] as [String: Any]
            },
        ]
        return Reply.html(
            pages.page("access", model, frame: settingsFrame(visit, "Access", tab: "access", overview)),
            status: problem.map { .init(code: $0.code.httpStatus) } ?? .ok, to: request)
    }

    /// Not used for 90 days, by anybody, since it was made.
    private static func isIdle(_ token: JSONValue, _ now: Instant) -> Bool {
        let last = OutputFormatting.instant(token["last_used"]) ?? OutputFormatting.instant(token["made"])
        return last.map { now - $0 > .seconds(90 * 86_400) } ?? false
    }

    private static func tone(_ scope: String?) -> String {
        switch scope {
        case "admin": "v-down"
        case "operate": "v-waking"
        default: "v-none"
        }
    }

    private static func moment(_ value: JSONValue?, _ now: Instant) -> String? {
        OutputFormatting.instant(value).map { PageFormatting.moment($0, now: now) }
    }

    // MARK: Activity

    private func chosen(_ request: Request) -> [(name: String, value: String)] {
        let form = PageFormatting.form(request.uri.query ?? "")
        return Self.activityNames.compactMap { name in
            form[name].flatMap { $0.isEmpty ? nil : (name: name, value: $0) }
        }
    }

    private static func address(_ path: String, _ given: [(name: String, value: String)]) -> String {
        given.isEmpty
            ? path : path + "?" + given.map { "\($0.name)=\(PercentCoding.encoded($0.value))" }.joined(separator: "&")
    }

    private func activityPage(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let given = chosen(request)
        let form = PageFormatting.form(request.uri.query ?? "")
        let page = try await Operation.activity.call(
            given.map { ($0.name, .string($0.value)) } + [
                ("limit", .integer(Int64(Self.activityRows))), ("cursor", form["cursor"].map { .string($0) } ?? .null),
            ], in: try settingsContext())
        let items = page["items"]?.array ?? []
        let overview = await monitor.overview()
        let days = Int((await monitor.fleet()).ledger.keepDays.seconds / 86_400)
        let value = Dictionary(given.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last })
        let kinds: [(name: String, value: String, label: String)] = [
            ("", "", "All"), ("actor", "person", "People"), ("actor", "token", "Tokens"), ("actor", "agent", "Agents"),
            ("actor", "stoker", "Stoker itself"), ("result", "refused", "Refused"), ("result", "failed", "Failed"),
        ]
        let others = given.filter { $0.name != "actor" && $0.name != "result" }
        let model: [String: Any] = [
            "say":
                "Every change, by whom, and what became of it. Kept as long as incidents, \(days.counted("day", as: Formatting.count(days))).",
            "chips": kinds.map { kind in
                let all = others + (kind.name.isEmpty ? [] : [(name: kind.name, value: kind.value)])
                let isHere =
                    kind.name.isEmpty
                    ? value["actor"] == nil && value["result"] == nil : value[kind.name] == kind.value
                return ["label": kind.label, "href": Self.address("/settings/activity", all), "isHere": isHere]
                    as [String: Any]
            },
            "hidden": given.filter { !["by", "target"].contains($0.name) }.map {
                ["name": $0.name, "value": $0.value]
            },
            "by": value["by"] ?? "", "target": value["target"] ?? "",
            "csv": Self.address("/settings/activity.csv", given), "isEmpty": items.isEmpty,
            "rows": items.map { Self.row($0, now: overview.now) },
            "hasNext": page["next_cursor"]?.string != nil,
            "next": page["next_cursor"]?.string.map {
                Self.address("/settings/activity", given + [(name: "cursor", value: $0)])
            } ?? "",
        ]
        return Reply.html(
            pages.page("activity", model, frame: settingsFrame(visit, "Activity", tab: "activity", overview)),
            to: request)
    }

    private static func row(_ item: JSONValue, now: Instant) -> [String: Any] {
        let kind = item["actor"]?.string ?? ""
        let (sign, word) =
            switch item["result"]?.string {
            case "done": ("up", "done")
            case "failed": ("down", "failed")
            case "refused": ("down", "refused")
            case "asked": ("slow", "asked first")
            default: ("unknown", "end not known")
            }
        var row: [String: Any] = [
            "at": moment(item["at"], now) ?? "", "did": item["doing"]?.string ?? "", "sign": sign, "result": word,
            "who": item["by"]?.string ?? "",
        ]
        // An empty text is something to a template.
        let isOwn = kind == "stoker" && item["because"]?.string != nil
        let inputs = item["inputs"].flatMap { $0.isNull || isOwn ? nil : $0.text }
        for (name, value) in [
            ("kind", kind == "agent" || kind == "token" ? kind : nil), ("address", item["address"]?.string),
            ("target", item["target"]?.string), ("inputs", inputs), ("because", item["because"]?.string),
        ] {
            row[name] = value ?? ""
            row["has" + Formatting.capitalized(name)] = value != nil
        }
        return row
    }

    private func activityFile(_ request: Request) async throws -> Response {
        let context = try settingsContext()
        let given = chosen(request).map { (name: $0.name, value: JSONValue.string($0.value)) }
        var text = CSV.row(OutputFormatting.activityColumns)
        var cursor: JSONValue = nil
        var count = 0
        repeat {
            let page = try await Operation.activity.call(
                given + [("limit", 1_000), ("cursor", cursor)], in: context)
            let items = page["items"]?.array ?? []
            count += items.count
            for item in items { text += OutputFormatting.csv(item, OutputFormatting.activityColumns) }
            cursor = page["next_cursor"] ?? nil
        } while !cursor.isNull && count < Self.activityFileRows
        var response = Reply.bytes(
            ByteBuffer(string: text), type: "text/csv; charset=utf-8; header=present", to: request)
        response.headers[HeaderName("Content-Disposition")!] = "attachment; filename=\"activity.csv\""
        return response
    }
}
