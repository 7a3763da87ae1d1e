import Hummingbird
import Ledger
import Logging
import MCP
import NIOCore
import Operations
import StokerCore
import Synchronization
import Workshop

/// Every page and endpoint with the level of access it needs. A route cannot be added without one.
struct Routes: Sendable {
    let monitor: any FleetMonitoring
    let ledger: any Ledger
    let access: Access
    let settings: ControlRoomServer.Settings
    let pages: Pages
    let subscribers: EventSubscribers
    let backgroundPings: BackgroundPings
    let logger: Logger
    let digests: FleetDigests
    let histories: RowHistories
    /// What operations on Spaces work with; nil where only the fleet is known.
    let context: OperationContext?
    let deployRunner: DeployRunner
    /// What a browser keeps while it is on the way to the Hub.
    let seal = Seal()
    let deployUse = DeployUse()

    func add(to router: Router<AppRequestContext>) {
        let epoch = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let board = try? context?.workers
        let status = CachedPage(monitor: monitor, epoch: epoch) { [logger] monitor, overview in
            do {
                return await StatusJSON.make(monitor, overview, workers: try await board?.statuses() ?? [])
            } catch {
                logger.warning("workers cannot be read", metadata: ["error": "\(error)"])
                return await StatusJSON.make(monitor, overview, workers: [])
            }
        }
        let metrics = CachedPage(monitor: monitor, epoch: epoch) { [subscribers] monitor, overview in
            await MetricsText.make(monitor, overview, subscribers: subscribers.count)
        }
        let groups = GroupNames()
        let badges = BadgeCache()

        on(router, "/status", .get, .read) { request, _ in
            let packs = Reply.acceptsGzip(request)
            let copy = packs ? await status.packedCopy() : await status.copy()
            return Reply.tagged(copy.tag, request) {
                Reply.bytes(copy.body, packed: copy.packed, type: "application/json; charset=utf-8", to: request)
            }
        }
        on(router, "/metrics", .get, .read) { request, _ in
            let packs = Reply.acceptsGzip(request)
            let copy = packs ? await metrics.packedCopy() : await metrics.copy()
            return Reply.bytes(
                copy.body, packed: copy.packed, type: "text/plain; version=0.0.4; charset=utf-8", to: request)
        }
        on(router, "/events", .get, .read) { request, visit in
            // A browser that opens it wants to read; its scripts and other programs follow live.
            if Reply.wantsPage(request) { return try await events(request, visit) }
            return try subscribers.respond(to: request, channel: visit.channel)
        }
        addIncidents(to: router)
        addNotices(to: router)
        addMaintenance(to: router)
        addDeploys(to: router)
        addWorkers(to: router)
        addSettings(to: router)
        addSafekeeping(to: router)
        addStatusPages(to: router)
        on(router, "/", .get, .read) { request, visit in try await dashboard(request, visit, groups) }
        on(router, "/targets/**", .get, .read) { request, visit in try await target(request, visit) }
        on(router, "/fragments/log/**", .get, .write) { request, visit in
            let name = try self.name(in: request, after: "/fragments/log/")
            let log = await log(of: try await monitor.status(of: name), request)
            return Reply.html(pages.part("log", log.model), to: request)
        }
        on(router, "/badge/**", .get, .read) { request, _ in try await badge(request, badges) }
        // What a reader may not, the operation refuses, and the activity log has it.
        on(router, "/actions/:action", .post, .scope(.read)) { request, visit in try await act(request, visit) }
        addSignIn(to: router)
        on(router, "/assets/:file", .get, .open) { request, _ in
            guard let file = Assets.shared.served[request.uri.path] else { throw nothing() }
            return Reply.bytes(
                file.plain, packed: file.packed, type: file.type, cache: "public, max-age=31536000, immutable",
                to: request)
        }
        on(router, "/icons/:file", .get, .open) { request, visit in
            guard let name = visit.parameters.get("file"), name.hasSuffix(".svg"),
                let mood = FleetHealth.Mood(rawValue: String(name.dropLast(4)))
            else { throw nothing() }
            return Reply.bytes(
                ByteBuffer(string: Icon.svg(mood)), type: "image/svg+xml", cache: "public, max-age=86400", to: request)
        }
        on(router, "/favicon.ico", .get, .open) { request, visit in
            // Without the right to read, the icon says nothing about the fleet.
            let mood = visit.permission.read ? FleetHealth(await monitor.overview()).mood : .empty
            return Reply.bytes(
                ByteBuffer(string: Icon.svg(mood)), type: "image/svg+xml", cache: "no-cache", to: request)
        }
        on(router, "/robots.txt", .get, .open) { request, _ in
            Reply.bytes(
                ByteBuffer(string: "User-agent: *\nDisallow: /\n"), type: "text/plain; charset=utf-8", to: request)
        }
    }

    func on(
        _ router: Router<AppRequestContext>, _ path: RouterPath, _ method: HTTPRequest.Method, _ level: Access.Level,
        _ answer: @escaping @Sendable (Request, AppRequestContext) async throws -> Response
    ) {
        let access = access
        router.on(path, method: method) { request, visit in
            try access.authorize(level, request)
            return try await answer(request, visit)
        }
    }

    func nothing() -> Failure {
        Failure(.notFound, doing: "find this page", because: "there is nothing at this address")
    }

    func frame(
        _ visit: AppRequestContext, title: String, kind: String, overview: Overview? = nil, live: Bool = false,
        place: String = "fleet", tab: String = ""
    )
        -> Pages.Frame
    {
        Pages.Frame(
            title: title, icon: Icon.path(overview.map { FleetHealth($0).mood } ?? .good), kind: kind, live: live,
            login: access.hasLogin && !visit.permission.session && !visit.permission.write,
            logout: visit.permission.session,
            readOnly: !visit.permission.write, place: place, tab: tab,
            pips: overview.map { ["incidents": $0.troubles] } ?? [:],
            hidden: Set(
                (visit.permission.write && (deployUse.isUsed || place == "deploys") ? [] : ["deploys"])
                    + (visit.permission.write && hasStates ? [] : ["safekeeping"])
                    + (visit.permission.write && hasWorkers ? [] : ["workers"])
                    + (visit.permission.write && context != nil ? [] : ["settings"])))
    }

    // MARK: Pages

    private func dashboard(_ request: Request, _ visit: AppRequestContext, _ groups: GroupNames) async throws
        -> Response
    {
        let view = View(query: PageFormatting.form(request.uri.query ?? ""))
        let overview = await monitor.overview()
        await deployUse.look(monitor, overview)
        let digest = await digests.digest(view, monitor, overview)
        let page = DashboardPage(
            view: view, whole: overview, digest: digest, groups: await groups.names(monitor, overview),
            mayWrite: visit.permission.write, size: settings.pageSize)
        let uptimes = await histories.uptimes(of: digest, range: view.range, overview: overview, monitor)
        let strips = await histories.strips(of: page.shown, range: view.range, now: overview.now)
        let frame = frame(visit, title: page.health.title, kind: "fleet", overview: overview, live: true, tab: "fleet")
        var model = page.model(
            strips: strips, uptimes: uptimes, incidents: page.hasLoudRows ? await openIncidents() : [:])
        // Read with the page only: whoever may not act is not told where messages go.
        if visit.permission.write { model["banners"] = (model["banners"] as? [Any] ?? []) + failingChannels }
        let drifted = visit.permission.write ? (try? await DeployLooks(ledger.records).differing(.drift)) ?? 0 : 0
        model["hasDrifted"] = drifted > 0
        model["drifted"] = "\(drifted.counted("Space", as: Formatting.count(drifted))) not as the fleet file says"
        return Reply.html(pages.page("dashboard", model, frame: frame), to: request)
    }

    /// The newest thousand that last, by their check; of one check the newest.
    private func openIncidents() async -> [Int32: OpenIncident] {
        do throws(Failure) {
            let seen = try await IncidentRecords(ledger.records).acknowledgements()
            var found: [Int32: OpenIncident] = [:]
            for incident in try await ledger.incidents(of: nil, openOnly: true, before: nil, limit: 1_000)
            where found[incident.check] == nil {
                let by = seen[incident.id]
                found[incident.check] = OpenIncident(id: incident.id, isSeen: by != nil, by: by?.by)
            }
            return found
        } catch {
            logger.warning("incidents cannot be read", metadata: ["error": "\(error)"])
            return [:]
        }
    }

    private func target(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let name = try self.name(in: request, after: "/targets/")
        let status = try await monitor.status(of: name)
        let query = PageFormatting.form(request.uri.query ?? "")
        var range = query["range"].flatMap(Chart.Range.init(rawValue:)) ?? .day
        let overview = await monitor.overview()
        var history: TargetPage.History?
        do {
            var read = try await TargetPage.History.read(
                ledger, check: status.id, space: status.check.space, every: status.check.policy.every, range: range,
                now: overview.now)
            // A day with one dot at its end tells nobody anything: who is new is shown the hour.
            if query["range"] == nil, read.isShorter(than: .hour, now: overview.now) {
                range = .hour
                read = try await TargetPage.History.read(
                    ledger, check: status.id, space: status.check.space, every: status.check.policy.every,
                    range: range, now: overview.now)
            }
            history = read
        } catch {
            logger.warning("history cannot be read", metadata: ["check": "\(name)", "error": "\(error)"])
        }
        let siblings = await monitor.statuses(ofTarget: status.check.target)
        var page = TargetPage(
            status: status, siblings: siblings, samples: await monitor.samples(of: [name]).first ?? [],
            transcripts: try await monitor.transcripts(of: name), history: history, range: range,
            mayWrite: visit.permission.write, now: overview.now, base: base(request),
            key: visit.permission.write ? access.heartbeatKeys.key(of: name) : nil, needsKey: access.beatsNeedToken)
        page.hubEndpoint = overview.hub?.endpoint
        page.kinds = query["what"] ?? ""
        page.messages = await messages(about: name, visit)
        if let space = status.check.space {
            if visit.permission.write, let kept = try? context?.states.states.first(where: { $0.space == space }) {
                page.keptAt = "/safekeeping/\(PercentCoding.encoded(kept.target))"
            }
            page.offer = await SpaceOffer.of(
                space, hubStatus: status.hubStatus, isStatic: status.check.isStatic,
                isModerated: status.state.isModerated, mayWrite: visit.permission.write, in: context)
            if page.offer?.refusal == nil, query["log"] != nil { page.log = await log(of: status, request) }
        }
        let mark = status.state.isTrouble ? "(!) " : ""
        var frame = frame(visit, title: "\(mark)\(name) · Stoker", kind: "target", overview: overview, live: true)
        if status.state.isTrouble { frame.icon = Icon.path(.trouble) }
        return Reply.html(pages.page("target", page.model(), frame: frame), to: request)
    }

    /// Of the newest 200 messages those that name a check; nil for a visitor who may not know who is told.
    private func messages(about name: String, _ visit: AppRequestContext) async -> [ToldMessage]? {
        guard visit.permission.write, let context, (try? context.notices) != nil else { return nil }
        do throws(Failure) {
            let page = try await Operation.listMessages.call([("limit", 200)], in: context)
            return (page["items"]?.array ?? []).map(ToldMessage.init).filter { $0.targets.contains(name) }
        } catch {
            logger.warning("messages cannot be read", metadata: ["check": "\(name)", "error": "\(error)"])
            return nil
        }
    }

    /// The last lines of a Space's run or build log, as an operation reads them. What looks like a secret is hidden.
    private func log(of status: CheckStatus, _ request: Request) async -> SpaceLogPart {
        let kind = PageFormatting.form(request.uri.query ?? "")["log"] == "build" ? "build" : "run"
        var part = SpaceLogPart(check: status.check.name, kind: kind)
        do throws(Failure) {
            guard let space = status.check.space, let context else {
                throw Failure(.hubNoAccount, doing: "read the log", because: "there is no account on the Hub for it")
            }
            let answer = try await Operation.spaceLogs.call(
                try SpaceLogPart.inputs(space) + [("log", .string(kind)), ("lines", .integer(50))], in: context)
            part.lines = (answer["lines"]?.array ?? []).map {
                (at: $0["at"]?.string ?? "", text: Redaction.text($0["text"]?.string ?? ""))
            }
            part.readAt = Formatting.time(await monitor.overview().now)
        } catch {
            part.problem = error.because
            part.hint = error.hint
        }
        return part
    }

    private func badge(_ request: Request, _ cache: BadgeCache) async throws -> Response {
        var name = try self.name(in: request, after: "/badge/")
        guard let format = Badge.Format.allCases.first(where: { name.hasSuffix(".\($0.rawValue)") }) else {
            throw nothing()
        }
        name.removeLast(format.rawValue.utf8.count + 1)
        let wanted = PageFormatting.form(request.uri.query ?? "")["kind"] ?? "status"
        guard let kind = Badge.Kind(rawValue: wanted) else {
            throw Failure(
                .usage, doing: "draw the badge", because: "there is no kind \"\(wanted.prefix(40))\"",
                hint: "kinds are \(Badge.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let copy = try await cache.copy(of: .init(check: name, kind: kind, format: format)) { () throws(Failure) in
            try await Badge.make(
                kind, try await monitor.status(of: name), ledger: ledger, states: try? context?.states,
                now: await monitor.overview().now)
        }
        var response = Reply.tagged(copy.tag, request) {
            Reply.bytes(copy.body, type: format.mediaType, to: request)
        }
        response.headers[.cacheControl] =
            "\(access.privateReading ? "private" : "public"), max-age=\(Int(BadgeCache.fresh.seconds))"
        return response
    }

    private func name(in request: Request, after prefix: String) throws(Failure) -> String {
        guard let name = PercentCoding.decoded(request.uri.path.dropFirst(prefix.count)), !name.isEmpty else {
            throw nothing()
        }
        return name.hasSuffix("/") ? String(name.dropLast()) : name
    }

    /// Where the visitor reaches us, for examples he may copy.
    private func base(_ request: Request) -> String {
        if var url = settings.publicURL {
            while url.hasSuffix("/") { url.removeLast() }
            return url
        }
        let scheme = request.headers[.forwardedProto]?.lowercased() == "https" ? "https" : "http"
        return "\(scheme)://\(request.head.authority ?? "127.0.0.1:\(settings.port)")"
    }

    // MARK: Acting

    private func act(_ request: Request, _ visit: AppRequestContext) async throws -> Response {
        let form = try await RequestReading.form(of: request, upTo: visit.maxUploadSize)
        guard let name = form["name"] else {
            throw Failure(.usage, doing: "do this", because: "the form does not say with which check")
        }
        defer { digests.invalidate() }
        let status: CheckStatus?
        var message = ""
        switch visit.parameters.get("action") {
        case "ping": status = try await backgroundPings.ping(name)
        case "pause":
            let minutes = form["minutes"].flatMap { Int64($0) }.map { min(max($0, 1), 527_040) }
            status = try await perform(.pause, on: name, [("for", minutes.map { .string("\($0)m") } ?? .null)])
        case "resume": status = try await perform(.resume, on: name)
        case let action?:
            guard let action = SpaceOffer.Action(rawValue: action), let context else { throw nothing() }
            let check = try await monitor.status(of: name).check
            guard let space = check.space else {
                throw Failure(.conflict, doing: action.operation.doing, because: "\(name) is no Space")
            }
            _ = try await action.operation.call(try SpaceLogPart.inputs(space) + action.inputs, in: context)
            message = "The Hub took it: \(action.operation.doing)."
            status = try await monitor.status(of: name)
        default: throw nothing()
        }
        guard Reply.wantsPage(request) else {
            var text = JSONText()
            let now = await monitor.overview().now
            text.object { text in
                text.key("done")
                text.value(status != nil)
                text.key("message")
                text.value(message)
                text.key("row")
                if let status { CheckRow(status, now: now).write(&text) } else { text.null() }
            }
            return Reply.json(text.buffer, status: status == nil ? .accepted : .ok, to: request)
        }
        return Reply.see(Self.local(form["from"]))
    }

    /// What a form asks for is an operation, as in every interface. - Returns: how the check is afterwards.
    private func perform(
        _ operation: Operation, on name: String, _ more: [(name: String, value: JSONValue)] = []
    ) async throws(Failure) -> CheckStatus {
        let now = await monitor.overview().now
        _ = try await operation.call(
            [("name", .string(name))] + more, in: OperationContext(monitor: monitor, ledger: ledger, now: { now }))
        return try await monitor.status(of: name)
    }

    /// A place on this server, never another one: `//elsewhere` and `/\elsewhere` are addresses of other hosts to a browser.
    static func local(_ place: String?) -> String {
        guard let place, place.hasPrefix("/"), !place.hasPrefix("//"), !place.hasPrefix("/\\"),
            place.utf8.count < 2_000,
            place.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else { return "/" }
        return place
    }
}

/// Groups of the fleet's checks, found anew when checks have joined or left.
private final class GroupNames: Sendable {
    /// More than this is no list to choose from.
    private static let most = 60
    private let known = Mutex<(fleetNumber: UInt64, names: [String])?>(nil)

    func names(_ monitor: any FleetMonitoring, _ overview: Overview) async -> [String] {
        let ready = known.withLock { known in
            known.flatMap { $0.fleetNumber == overview.fleetNumber ? $0.names : nil }
        }
        if let ready { return ready }
        var seen: Set<String> = []
        var names: [String] = []
        for check in await monitor.fleet().checks {
            guard let group = check.policy.group, seen.insert(group).inserted else { continue }
            names.append(group)
            if names.count > Self.most { break }
        }
        if names.count > Self.most { names = [] }
        let found = names
        known.withLock { $0 = (overview.fleetNumber, found) }
        return found
    }
}
