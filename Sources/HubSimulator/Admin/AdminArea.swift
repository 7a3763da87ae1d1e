package import Hummingbird

/// `/-/admin/…`: scenes over HTTP, for tests and people outside this process. Not part of any real Hub; needs no token, and refuses web
/// pages (``LocalOnly``).
/// Described in docs/simulator-scenes.md.
package struct AdminArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        // No part of the admin routes: anybody reads it, as the real one.
        router.get("/-/status/index.json") { _, _ in
            hub.statusPage.noteReading()
            return try Response.json(hub.statusPage.document(at: hub.date))
        }
        guard let engine = hub.spaces as? SpaceEngine else { return }
        let local = router.group().add(middleware: LocalOnly())
        addSpaces(local, hub, engine)
        addFates(local, engine)
        addWorld(local, hub, engine)
        if let board = hub.configuration.faults as? FaultBoard { addFaults(local, board) }
    }

    private func addSpaces(_ router: RouterGroup<HubContext>, _ hub: SimulatedHub, _ engine: SpaceEngine) {
        router.post("/-/admin/spaces") { request, _ in
            let space = try await hub.make(SceneSpace(scene: try await request.json()))
            return try Response.json(space.endState)
        }
        router.get("/-/admin/spaces") { _, _ in
            let spaces = engine.spaces.map(\.endState).sorted { ($0["id"]?.string ?? "") < ($1["id"]?.string ?? "") }
            return try Response.json(.array(spaces))
        }
        router.get("/-/admin/spaces/:ns/:name") { _, context in
            let space = try Self.space(engine, context)
            var state = space.endState.object ?? [:]
            state["host"] = .string(engine.host(of: space))
            return try Response.json(.object(state))
        }
    }

    private func addFates(_ router: RouterGroup<HubContext>, _ engine: SpaceEngine) {
        // {"next": ["build-error", …], "always": "well", "message"?, "after"?}
        router.post("/-/admin/spaces/:ns/:name/fate") { request, context in
            let space = try Self.space(engine, context)
            let body = try await request.json()
            let fates = try (body["next"]?.array ?? []).map { try Self.fate($0.string, body) }
            space.meet(fates, standing: try body["always"].map { try Self.fate($0.string, body) } ?? .well)
            return try Response.json(space.endState)
        }
        // {"stage": "RUNTIME_ERROR", "errorMessage"?}: any word; one that no Space reaches is only shown.
        router.post("/-/admin/spaces/:ns/:name/stage") { request, context in
            let space = try Self.space(engine, context)
            let body = try await request.json()
            guard let name = body["stage"]?.string else { throw HubError.bad("\"stage\" is required") }
            let message = body["errorMessage"]?.string
            if let stage = SpaceStage(rawValue: name) {
                space.live.set(stage, errorMessage: message)
            } else {
                space.show(stage: name, errorMessage: message)
            }
            return try Response.json(space.endState)
        }
        // {"action": "flag" | "spend-limit" | "clear" | "pause" | "restart" | "cut-logs"}
        router.post("/-/admin/spaces/:ns/:name/action") { request, context in
            let space = try Self.space(engine, context)
            switch try await request.json()["action"]?.string {
            case "flag": space.flag()
            case "spend-limit": space.reachSpendLimit()
            case "clear": space.clear()
            case "pause": space.pause()
            case "restart": space.restart()
            case "cut-logs": space.cutLogs()
            default:
                throw HubError.bad("\"action\" must be one of [flag, spend-limit, clear, pause, restart, cut-logs]")
            }
            return try Response.json(space.endState)
        }
        // {"text": "line\n", "build"?: true}
        router.post("/-/admin/spaces/:ns/:name/log") { request, context in
            let space = try Self.space(engine, context)
            let body = try await request.json()
            guard let text = body["text"]?.string else { throw HubError.bad("\"text\" is required") }
            space.say(text, inBuild: body["build"]?.bool ?? false)
            return try Response.json([:])
        }
        // {"app": "usual" | "slow" | "dead" | "closed" | "failing" | "flapping"}
        router.post("/-/admin/spaces/:ns/:name/app") { request, context in
            let space = try Self.space(engine, context)
            let app: SimulatedApp
            switch try await request.json()["app"]?.string {
            case "usual": app = SpaceEngine.usualApp
            case "slow":
                app = SimulatedApp(
                    pages: SpaceEngine.usualApp.pages, script: [.init(.serves(after: .seconds(1) ... .seconds(3)))])
            case "dead": app = .dead
            case "closed": app = .portClosed
            case "failing": app = .failing
            case "flapping": app = .flapping(good: .seconds(25), bad: .seconds(15))
            default: throw HubError.bad("\"app\" must be one of [usual, slow, dead, closed, failing, flapping]")
            }
            space.live.run(app)
            return try Response.json(space.endState)
        }
        // {"name": "api.orbit.example", "stage"?: "PENDING"}
        router.post("/-/admin/spaces/:ns/:name/domain") { request, context in
            let space = try Self.space(engine, context)
            let body = try await request.json()
            guard let name = body["name"]?.string else { throw HubError.bad("\"name\" is required") }
            let stage = body["stage"]?.string ?? "READY"
            space.addDomain(name, stage: stage)
            if stage == "READY" { engine.fleet.name(space.live, domain: name) }
            return try Response.json(space.endState)
        }
    }

    private func addWorld(_ router: RouterGroup<HubContext>, _ hub: SimulatedHub, _ engine: SpaceEngine) {
        // {"kind": "edge", "status"?: 503} | {"kind": "stuck"} | {"kind": null}
        router.post("/-/admin/incident") { request, _ in
            let body = try await request.json()
            switch body["kind"] {
            case .string("edge"): engine.meet(.edge(status: try body["status"]?.status("status") ?? 503))
            case .string("stuck"): engine.meet(.stuck)
            case .null?: engine.meet(nil)
            default: throw HubError.bad("\"kind\" must be edge, stuck or null")
            }
            return try Response.json([:])
        }
        // The platform's status page. {"title": "Spaces are slow", "state"?: "downtime"} | {"title": null}
        router.post("/-/admin/status-page") { request, _ in
            let body = try await request.json()
            switch body["title"] {
            case .string(let title):
                let report = StatusPage.Report(
                    title: title, state: body["state"]?.string ?? "downtime", since: hub.date)
                hub.statusPage.set(report)
            case .null?: hub.statusPage.set(nil)
            default: throw HubError.bad("\"title\" must be a text or null")
            }
            return try Response.json([:])
        }
        router.get("/-/admin/time") { _, _ in try Response.json(Self.time(hub)) }
        // {"advance": 3600}: seconds; only a clock that is moved by hand moves, and in all a hundred years at most.
        router.post("/-/admin/time") { request, _ in
            try await hub.time.advance(by: try (try await request.json()["advance"] ?? .null).time("advance"))
            return try Response.json(Self.time(hub))
        }
        // {"secret", "account", "role"?: "read" | "write" | "oauth", "scopes"?: […], "expiresIn"?: seconds}
        router.post("/-/admin/tokens") { request, _ in
            let body = try await request.json()
            guard let secret = body["secret"]?.string, let account = body["account"]?.string else {
                throw HubError.bad("\"secret\" and \"account\" are required")
            }
            let role: HubToken.Role
            switch body["role"]?.string ?? "write" {
            case "read": role = .read
            case "write": role = .write
            case "oauth": role = .oauth((body["scopes"]?.array ?? []).compactMap(\.string))
            default: throw HubError.bad("\"role\" must be read, write or oauth")
            }
            let expires = try body["expiresIn"].map { hub.time.now + (try $0.time("expiresIn")) }
            await hub.state.add(HubToken(secret, account: account, role: role, expires: expires))
            return try Response.json([:])
        }
        router.delete("/-/admin/tokens") { request, _ in
            guard let secret = try await request.json()["secret"]?.string else {
                throw HubError.bad("\"secret\" is required")
            }
            await hub.state.revoke(secret)
            return try Response.json([:])
        }
        // {"name", "fullName"?, "plan"?: "free", "canPay"?: false}
        router.post("/-/admin/accounts") { request, _ in
            let body = try await request.json()
            guard let name = body["name"]?.string, let plan = HubPlan(rawValue: body["plan"]?.string ?? "free") else {
                throw HubError.bad("\"name\" is required, \"plan\" is free or pro")
            }
            let fullName = body["fullName"]?.string
            await hub.state.add(HubAccount(name, fullName: fullName, plan: plan, canPay: body["canPay"]?.bool ?? false))
            return try Response.json([:])
        }
        // {"name", "fullName"?, "members": {account: "admin" | "write" | "contributor" | "read"}, "plan"?, "canPay"?, "defaultVisibility"?: "private"}
        router.post("/-/admin/organisations") { request, _ in
            let body = try await request.json()
            guard let name = body["name"]?.string, let sent = body["members"]?.object else {
                throw HubError.bad("\"name\" and \"members\" are required")
            }
            let members = try sent.mapValues { role in
                guard let role = role.string.flatMap(HubOrganisation.Role.init) else {
                    throw HubError.bad("a role is one of [admin, write, contributor, read, no_access]")
                }
                return role
            }
            let plan = body["plan"]?.string
            guard plan == nil || plan.flatMap(HubPlan.init) != nil,
                let visibility = RepoVisibility(rawValue: body["defaultVisibility"]?.string ?? "public")
            else { throw HubError.bad("\"plan\" or \"defaultVisibility\" is not known") }
            var organisation = HubOrganisation(
                name, fullName: body["fullName"]?.string, plan: plan.flatMap(HubPlan.init),
                canPay: body["canPay"]?.bool ?? false, members: members)
            organisation.defaultVisibility = visibility
            await hub.state.add(organisation)
            return try Response.json([:])
        }
    }

    private func addFaults(_ router: RouterGroup<HubContext>, _ board: FaultBoard) {
        router.post("/-/admin/faults") { request, _ in
            let fault = try Fault(scene: await request.json())
            guard board.faults.count < Bounds.entries else { throw HubError.bad("There are too many faults") }
            return try Response.json(["id": .int(board.add(fault))])
        }
        router.get("/-/admin/faults") { _, _ in
            try Response.json(
                .array(
                    board.faults.map {
                        [
                            "id": .int($0.id), "name": .string($0.fault.name), "path": .string($0.fault.path),
                            "met": .int($0.met),
                        ]
                    }))
        }
        router.delete("/-/admin/faults") { _, _ in
            board.clear()
            return try Response.json([:])
        }
        router.get("/-/admin/journal") { request, _ in
            let all = request.query("host") == "storage" ? board.journal.storageEntries : board.journal.entries
            let entries = Journal.picked(all, request.query("method"), path: request.query("path") ?? "/**")
            let after = request.query("after").flatMap(Int.init) ?? 0
            return try Response.json(.array(entries.filter { $0.number > after }.map(\.json)))
        }
        router.delete("/-/admin/journal") { _, _ in
            board.journal.clear()
            return try Response.json([:])
        }
    }

    private static func time(_ hub: SimulatedHub) -> JSON {
        ["seconds": .double(hub.time.now / .seconds(1)), "date": .date(hub.date)]
    }

    private static func space(_ engine: SpaceEngine, _ context: HubContext) throws -> HostedSpace {
        let name = try "\(context.parameters.require("ns"))/\(context.parameters.require("name"))"
        guard let space = engine.space(name) else { throw HubError.noRepo(anonymous: false) }
        return space
    }

    private static func fate(_ name: String?, _ body: JSON) throws -> SpaceFate {
        let after = try body["after"]?.time("after")
        guard let name, let fate = SpaceFate(name: name, message: body["message"]?.string, after: after) else {
            throw HubError.bad("a fate is one of [\(SpaceFate.names.joined(separator: ", "))]")
        }
        return fate
    }
}
