import Hummingbird
import NIOCore
import Operations
import StokerCore

/// The pages of safekeeping: /safekeeping (every state) and /safekeeping/NAME. They render answers of operations, and their forms call operations.
/// No vault is read for them but where a person looks into a snapshot or tries rules (`?snapshot=`, `?forget=`).
extension Routes {
    func addSafekeeping(to router: Router<AppRequestContext>) {
        // Addresses of vaults and sizes of states are for those who may act.
        on(router, "/safekeeping", .get, .write) { request, visit in try await states(request, visit) }
        on(router, "/safekeeping", .post, .write) { request, visit in try await actOnState(request, visit) }
        on(router, "/safekeeping/**", .post, .write) { request, visit in try await actOnState(request, visit) }
        on(router, "/safekeeping/**", .get, .write) { request, visit in
            guard let name = PercentCoding.decoded(request.uri.path.dropFirst("/safekeeping/".count)), !name.isEmpty
            else { throw nothing() }
            let query = PageFormatting.form(request.uri.query ?? "")
            if query["snapshot"] != nil { return try await snapshotFiles(of: name, query, request, visit) }
            if query["forget"] != nil { return try await forgetting(name, query, request, visit) }
            return try await state(name, request, visit)
        }
    }

    /// Whether the fleet keeps states: only then their place is shown.
    var hasStates: Bool { ((try? context?.states.states.isEmpty) ?? true) == false }

    func stateContext() throws(Failure) -> OperationContext {
        guard let context else {
            throw Failure(.notFound, doing: "show states", because: "this Stoker keeps no fleet")
        }
        return context
    }

    private func actOnState(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        var request = request
        let form = PageFormatting.form(String(buffer: try await request.collectBody(upTo: visit.maxUploadSize)))
        let context = try stateContext()
        let name = form["name"] ?? ""
        @discardableResult
        func call(
            _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]
        ) async throws(Failure) -> JSONValue {
            try await operation.call(
                given, in: context.called(by: RequestCaller(principal: visit.principal, follows: nil)))
        }
        let id = JSONValue.string(form["id"] ?? "")
        if form["action"] == "snapshot-all" {
            let answer = try await call(.snapshotStates, [])
            let left = (answer["items"]?.array ?? []).filter { $0["asked"] != true }
            if left.isEmpty { return Reply.see("/safekeeping") }
            let said = left.prefix(5).map { "\($0["name"]?.string ?? ""): \($0["because"]?.string ?? "")" }
            let more = left.count > 5 ? "; and \(left.count - 5) more" : ""
            return try await states(
                request, visit,
                said: Redaction.text("Not asked for a snapshot: \(said.joined(separator: "; "))\(more)."))
        }
        do throws(Failure) {
            switch form["action"] {
            case "prove-all":
                for state in try context.states.states {
                    try await call(.drillState, [("name", .string(state.target))])
                }
                return Reply.see("/safekeeping")
            case "snapshot": try await call(.makeSnapshot, [("space", .string(name))])
            case "forget":
                try await call(
                    .forgetSnapshots, ForgetPage.rules(form) + [("space", .string(name)), ("confirm", true)])
                try await call(.lookAtState, [("name", .string(name))])
            case "prove": try await call(.drillState, [("name", .string(name))])
            case "look": try await call(.lookAtState, [("name", .string(name))])
            case "trust": try await call(.trustVault, [("name", .string(name))])
            case "accept":
                try await call(.acceptSnapshot, [("id", id), ("space", .string(name))])
                try await call(.lookAtState, [("name", .string(name))])
            case "reinstate":
                try await call(
                    .reinstateSnapshot,
                    [("id", id), ("space", .string(name)), ("restart", .bool(form["restart"] != nil))])
                try await call(.lookAtState, [("name", .string(name))])
            default: throw nothing()
            }
        } catch {
            guard Reply.wantsPage(request), !name.isEmpty else { throw error }
            return try await state(name, request, visit, said: Self.sentence(error))
        }
        return Reply.see("/safekeeping/\(PercentCoding.encoded(name))")
    }

    private func states(
        _ request: Request, _ visit: AppRequestContext, said: String? = nil
    ) async throws -> Response {
        let answer = try await Operation.listStates.call([], in: try stateContext())
        let overview = await monitor.overview()
        let spaces = Set(await monitor.fleet().checks.compactMap(\.space)).count
        var model = StatesPage(
            items: answer["items"]?.array ?? [], spaces: spaces, now: overview.now
        ).model
        model["mayWrite"] = visit.permission.write
        model["said"] = said
        let frame = frame(
            visit, title: "\(model["title"] as? String ?? "") · Stoker", kind: "plain", overview: overview, live: true,
            place: "safekeeping", tab: "safekeeping")
        return Reply.html(pages.page("safekeeping", model, frame: frame), to: request)
    }

    private func state(
        _ name: String, _ request: Request, _ visit: AppRequestContext, said: String? = nil
    ) async throws -> Response {
        let answer = try await Operation.showState.call([("name", .string(name))], in: try stateContext())
        let overview = await monitor.overview()
        var model = StateView(answer, now: overview.now).page(
            mayWrite: visit.permission.write, mayDelete: visit.permission.admin)
        model["said"] = said
        let frame = frame(
            visit, title: "\(answer["name"]?.string ?? "") · Stoker", kind: "plain", overview: overview, live: true,
            place: "safekeeping")
        return Reply.html(pages.page("state", model, frame: frame), to: request)
    }
}

/// All states.
struct StatesPage {
    var items: [JSONValue]
    /// Of the fleet.
    var spaces: Int
    var now: Instant

    var model: [String: Any] {
        let views = items.map { StateView($0, now: now) }
        let ill = views.filter { !$0.problems.isEmpty }
        let safe = views.count { $0.standing == "safe" }
        let dated = views.compactMap { view in view.newestAt.map { (view, $0) } }
        let oldest = dated.min { $0.1 < $1.1 }
        let proven = views.count { $0.isProven }
        let policies = Set(views.compactMap(\.policy))
        let growth = views.reduce(Int64(0)) { $0 + ($1.growth ?? 0) }
        let stored = views.reduce(Int64(0)) { $0 + Int64($1.answer["stored_bytes"]?.integer ?? 0) }
        let worst = ill.first
        let title =
            views.isEmpty
            ? "Nothing is kept"
            : ill.isEmpty
                ? (safe == views.count
                    ? "Everything kept is safe"
                    : "\(safe) of \(views.count.counted("state")) \(safe == 1 ? "is" : "are") safe")
                : ill.count == 1 ? "One state needs a look" : "\(ill.count) states need a look"
        return [
            "title": title, "sign": worst?.sign ?? (safe == views.count && !views.isEmpty ? "up" : "unknown"),
            "say": views.isEmpty
                ? "What a container writes to its own disk goes with the container."
                : worst.map {
                    "\(safe) of \(views.count.counted("state")) \(safe == 1 ? "is" : "are") safe. \($0.name): \($0.problems[0].because)."
                } ?? (safe == views.count ? "Each has a snapshot." : "The table says what the others lack."),
            "isEmpty": views.isEmpty, "count": "\(views.count)", "spaces": "\(spaces.counted("Space"))",
            "oldest": oldest.map { Formatting.relative($0.1, to: now) } ?? "–", "oldestName": oldest?.0.name ?? "",
            "proven": "\(proven)",
            "policy": policies.count == 1
                ? "within \(policies.first ?? "")"
                : policies.isEmpty ? "no policy says how often" : "by their policies",
            "stored": Bytes.text(stored),
            "growth": growth == 0 ? "steady" : "\(StateView.signed(growth)) a day",
            "problems": ill.prefix(5).enumerated().map { number, view in
                let problem = view.problems[0]
                return [
                    "n": "\(number)", "name": view.name, "href": view.href, "sign": StateView.sign(problem.standing),
                    "word": StateView.word(problem.standing).lowercased(),
                    "because": Formatting.capitalized(problem.because),
                    "hint": problem.hint,
                ] as [String: Any]
            },
            "rows": (ill + views.filter { $0.problems.isEmpty }).map(\.row),
            "strays": views.flatMap(\.strays), "hasStrays": views.contains { !$0.strays.isEmpty },
            "recoveries": recoveries(views), "hasRecoveries": views.contains { !$0.recoveries.isEmpty },
        ]
    }

    private func recoveries(_ views: [StateView]) -> [[String: Any]] {
        views.flatMap(\.recoveries).sorted { $0.at > $1.at }.prefix(8).map(\.model)
    }
}

/// A state's answer as its pages show it.
struct StateView {
    struct Problem {
        var standing: String
        var because: String
        var hint: String
    }

    struct Recovery {
        var at: Instant
        var model: [String: Any]
    }

    let answer: JSONValue
    let now: Instant

    init(_ answer: JSONValue, now: Instant) {
        self.answer = answer
        self.now = now
    }

    private func text(_ key: String) -> String { answer[key]?.string ?? "" }
    var name: String { text("name") }
    var standing: String { text("standing") }
    var href: String { "/safekeeping/\(PercentCoding.encoded(name))" }
    var newestAt: Instant? { OutputFormatting.instant(answer["newest_at"]) }
    var growth: Int64? { answer["growth_bytes"]?.integer.map { Int64($0) } }
    private var drill: JSONValue { answer["drill"] ?? .null }
    /// How often a restore is to be proven.
    var policy: String? {
        drill["every_seconds"]?.double.map { Formatting.interval(.seconds(Int64($0))) }
    }
    var isProven: Bool {
        drill["proven"]?.isNull == false && !problems.contains { $0.standing == "unproven" }
    }
    var problems: [Problem] {
        (answer["problems"]?.array ?? []).map {
            Problem(
                standing: $0["standing"]?.string ?? "", because: $0["because"]?.string ?? "",
                hint: $0["hint"]?.string ?? "")
        }
    }
    var sign: String { Self.sign(standing) }

    static func sign(_ standing: String) -> String {
        switch standing {
        case "safe": "up"
        case "held": "held"
        case "replaced": "down"
        case "failing", "unreachable", "unproven": "slow"
        default: "unknown"
        }
    }

    static func word(_ standing: String) -> String {
        switch standing {
        case "safe": "Safe"
        case "held": "A snapshot is held"
        case "replaced": "The vault shows less than before"
        case "failing": "Snapshots do not get through"
        case "unreachable": "The vault cannot be read"
        case "unproven": "No restore is proven"
        case "empty": "Nothing is kept yet"
        default: "Not looked at yet"
        }
    }

    static func signed(_ bytes: Int64) -> String { bytes < 0 ? "−\(Bytes.text(-bytes))" : "+\(Bytes.text(bytes))" }

    private func moment(_ moment: Instant?, none: String) -> String {
        guard let moment else { return none }
        return
            "<time datetime=\"\(moment)\" title=\"\(Formatting.time(moment))\">\(Formatting.relative(min(moment, now), to: now))</time>"
    }
    private func moment(_ value: JSONValue?, none: String = "–") -> String {
        moment(OutputFormatting.instant(value), none: none)
    }
    private func bytes(_ value: JSONValue?) -> String { value?.integer.map { Bytes.text(Int64($0)) } ?? "–" }

    var row: [String: Any] {
        let proven = drill["proven"] ?? .null
        let copies = (answer["copies"]?.members ?? []).map { "\($0.name): \($0.value.string ?? "")" }
        let isUnproven = problems.contains { $0.standing == "unproven" }
        return Self.filled([
            "name": name, "href": href, "sign": sign, "word": Self.word(standing), "isLoud": !problems.isEmpty,
            "newest": moment(newestAt, none: "none yet"), "isHeld": answer["held"]?.array?.isEmpty == false,
            "spark": spark, "size": bytes(answer["newest"]?["size_bytes"] ?? answer["stored_bytes"]),
            "grows": growth.map { $0 == 0 ? "" : "\(Self.signed($0)) a day" } ?? "",
            "vaults": (answer["vaults"]?.array ?? []).compactMap(\.string).joined(separator: ", "),
            "copyTrouble": copies.joined(separator: "; "),
            "provenSign": isUnproven ? "slow" : proven.isNull ? "unknown" : "up",
            "provenIcon": isUnproven ? "slow" : proven.isNull ? "unknown" : "proven", "provenText": provenText,
        ])
    }

    private var provenText: String {
        let proven = drill["proven"] ?? .null
        if drill["running"] == true { return "a drill is at work" }
        if drill["asked"] == true { return "a drill comes next" }
        guard !proven.isNull else { return "never" + (policy.map { ", policy \($0)" } ?? "") }
        let isUnproven = problems.contains { $0.standing == "unproven" }
        return moment(proven["at"])
            + (isUnproven
                ? policy.map { ", policy \($0)" } ?? "" : ", \(OutputFormatting.span(proven["seconds"]?.double ?? 0))")
    }

    /// Sizes over the days that are known, as a line.
    var spark: String {
        let days = (answer["days"]?.array ?? []).compactMap { $0["bytes"]?.double }
        guard days.count > 1, let most = days.max(), let least = days.min() else { return "–" }
        let range = max(most - least, 1)
        let points = days.enumerated().map { index, value in
            let x = Double(index) * 40 / Double(days.count - 1)
            let y = most == least ? 12 : 21 - (value - least) / range * 18
            return "\(OutputFormatting.tenths(x)) \(OutputFormatting.tenths(y))"
        }
        let label =
            "size over \(days.count.counted("day")): \(Bytes.text(Int64(days[0]))), now \(Bytes.text(Int64(days[days.count - 1])))"
        return
            "<svg class=\"spark\" viewBox=\"0 0 40 24\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"\(label)\"><path d=\"M\(points.joined(separator: " L"))\"/></svg>"
    }

    var strays: [[String: Any]] {
        (answer["strays"]?.array ?? []).map { stray in
            [
                "name": name, "href": href, "id": stray["id"]?.string ?? "", "time": moment(stray["time"]),
                "files": (stray["files"]?.integer ?? 0).counted("file"), "added": bytes(stray["added_bytes"]),
                "by": stray["because"]?.string ?? "",
            ] as [String: Any]
        }
    }

    var recoveries: [Recovery] {
        (answer["recoveries"]?.array ?? []).compactMap { one in
            guard let at = OutputFormatting.instant(one["at"]) else { return nil }
            let outcome = one["outcome"]?.string ?? ""
            let span = OutputFormatting.span(one["seconds"]?.double ?? 0)
            let size = one["bytes"]?.integer.map { "\(Bytes.text(Int64($0))) " } ?? ""
            let from = OutputFormatting.instant(one["from"]).map { "of \(Formatting.time($0)) " } ?? ""
            let what =
                switch outcome {
                case "first": "first start, the vault was empty"
                case "restored": "\(size)\(from)in \(span)"
                case "continued": "went on with what lay on its disk"
                case "older": "an older snapshot, \(size)\(from)in \(span)"
                case "empty": "began with nothing, by the owner's word"
                case "failed": "was not started: nothing could be restored"
                default: outcome
                }
            let lost =
                one["lost"]?.string.map { "lost: \($0)" }
                ?? (outcome == "first"
                    ? "nothing was there to lose"
                    : one["released"] == true
                        ? "the one before had stopped in order" : "the guard did not tell what was lost")
            let isGood = ["first", "restored", "continued"].contains(outcome)
            return Recovery(
                at: at,
                model: [
                    "name": name, "sign": isGood ? (one["released"] == true ? "up" : "slow") : "down", "what": what,
                    "lost": lost, "at": moment(at, none: ""),
                ])
        }
    }

    /// - Parameters:
    ///   - mayWrite: forms are offered.
    ///   - mayDelete: so is what deletes snapshots.
    func page(mayWrite: Bool, mayDelete: Bool) -> [String: Any] {
        var page = row
        let snapshots = answer["snapshots"]?.array ?? []
        let kept = answer["kept"]?.integer
        let last = drill["proven"] ?? .null
        page["path"] = answer["space"]?.isNull == false ? PercentCoding.encoded(name) : ""
        page["title"] = answer["space"]?.isNull == false ? name : "Stoker itself"
        page["mayWrite"] = mayWrite
        page["headIcon"] = standing == "safe" && isProven ? "proven" : sign
        page["say"] =
            newestAt.map { "Newest snapshot \(moment($0, none: "")); " } ?? ""
        page["say"] =
            (page["say"] as? String ?? "")
            + (last.isNull
                ? "no restore was proven yet."
                : "a restore was proven \(moment(last["at"])) in \(OutputFormatting.span(last["seconds"]?.double ?? 0)).")
        page["isSealed"] = answer["sealed"] == true
        page["every"] =
            answer["every_seconds"]?.double.map { "every " + Formatting.interval(.seconds(Int64($0))) }
            ?? "at its vault's interval"
        page["pen"] = answer["epoch"]?.integer.map { "epoch \($0)" } ?? ""
        page["isBusy"] = drill["running"] == true || drill["asked"] == true
        page["isReplaced"] = standing == "replaced"
        page["isAsked"] = answer["snapshot_asked"] == true
        // Only a guard that tells this server how it is hears of a wish.
        page["hasGuard"] = mayWrite && answer["space"]?.isNull == false && answer["guard"]?.isNull == false
        page["mayForget"] = mayDelete && snapshots.count > 1
        // What is held has a card of its own.
        page["problems"] = problems.filter { $0.standing != "held" }.enumerated().map { number, problem in
            [
                "n": "\(number)", "sign": Self.sign(problem.standing), "word": Self.word(problem.standing),
                "because": Formatting.capitalized(problem.because), "hint": problem.hint,
            ] as [String: Any]
        }
        page["held"] = (answer["held"]?.array ?? []).enumerated().map { number, held in
            [
                "n": "\(number)", "id": held["id"]?.string ?? "", "time": moment(held["time"]),
                "size": bytes(held["size_bytes"]), "files": (held["files"]?.integer ?? 0).counted("file"),
                "because": held["because"]?.string ?? "", "name": name, "mayWrite": mayWrite,
            ] as [String: Any]
        }
        page["kept"] = kept.map { "\($0) kept" } ?? ""
        page["hasSnapshots"] = !snapshots.isEmpty
        page["none"] =
            standing == "empty"
            ? "The vault has none yet. The guard in the container makes the first."
            : "They are listed after the next look, where the key is here."
        page["more"] = snapshots.count > Self.most ? "The newest \(Self.most) of \(snapshots.count)." : ""
        page["snapshots"] = snapshots.prefix(Self.most).enumerated().map { number, one in
            let isNewest = one["newest"] == true
            let isProven = one["id"]?.string != nil && one["id"]?.string == last["snapshot"]?.string
            let reasons =
                [isNewest ? "newest" : nil, isProven ? "last proven" : nil].compactMap { $0 }
                + (one["tags"]?.array ?? []).compactMap(\.string)
            return [
                "n": "\(number)", "id": one["id"]?.string ?? "", "short": String((one["id"]?.string ?? "").prefix(8)),
                "time": moment(one["time"]), "plain": OutputFormatting.time(one["time"]),
                "size": bytes(one["size_bytes"]), "added": bytes(one["added_bytes"]),
                "why": reasons.isEmpty ? "kept" : reasons.joined(separator: ", "),
                "proven": one["verified_at"]?.isNull == false ? moment(one["verified_at"]) : "",
                "mayPut": mayWrite && !isNewest, "name": name,
                "files": "\(href)?snapshot=\(PercentCoding.encoded(one["id"]?.string ?? ""))",
            ] as [String: Any]
        }.map(Self.filled)
        page["drillPolicy"] =
            (policy.map { "The newest snapshot is restored every \($0) into a scratch folder and checked." }
                ?? "No policy says how often: a drill is made when somebody asks for it.")
        let drills = answer["drills"]?.array ?? []
        page["hasDrills"] = !drills.isEmpty
        page["drills"] = drills.prefix(8).map { one in
            let failure = one["failure"]?.string
            let databases = one["databases"]?.integer ?? 0
            return [
                "sign": failure == nil ? "up" : "down", "icon": failure == nil ? "proven" : "down",
                "state": failure == nil ? "proven" : "not proven", "at": moment(one["at"]),
                "what": failure == nil
                    ? "Restored and checked in \(OutputFormatting.span(one["seconds"]?.double ?? 0))"
                    : "Proves nothing",
                "more": failure
                    ?? "\((one["files"]?.integer ?? 0).counted("file")), \(bytes(one["bytes"]))"
                    + (databases == 0 ? "" : ", \(databases.counted("database")) sound")
                    + (one["checked"] == true ? ", the owner's check agreed" : ""),
            ] as [String: Any]
        }
        page["recoveries"] = recoveries.prefix(8).map(\.model)
        page["hasRecoveries"] = !recoveries.isEmpty
        page["strays"] = strays
        page["hasStrays"] = !strays.isEmpty
        return Self.filled(page)
    }

    /// Without empty texts: a template shows what belongs to a text where there is one.
    private static func filled(_ model: [String: Any]) -> [String: Any] {
        model.filter { ($0.value as? String)?.isEmpty != true }
    }

    /// Snapshots that a page shows.
    static let most = 60
}
