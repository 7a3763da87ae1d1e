package import Hummingbird

/// Control of Spaces: runtime, hardware, sleep time, pause, restart, dev mode, replicas, volumes, secrets, variables.
///
/// Paths, bodies and answers: huggingface_hub 2.4.0 `hf_api.py` (method named at each route) and the Hub's OpenAPI document; errors: the
/// "Raises" of the same methods (400 static, 403 not the owner).
package struct SpaceControlArea: HubArea {
    package init() {}

    package func add(to router: Router<HubContext>, hub: SimulatedHub) {
        guard let engine = hub.spaces as? SpaceEngine else { return }
        engine.attach(hub)
        let desk = SpaceLookup(hub: hub, engine: engine)
        let base = "/api/spaces/:ns/:name"
        addRuntime(router, base, desk)
        addSettings(router, base, desk)

        // get_space_secrets, add_space_secret, delete_space_secret. Recorded: `{}`, also for unknown keys.
        router.get("\(base)/secrets") { request, context in
            try Response.json(await desk.owned(request, context).space.secretsAnswer)
        }
        router.post("\(base)/secrets") { request, context in
            let space = try await desk.owned(request, context).space
            space.set(secret: try await Self.setting(request))
            return try Response.json([:])
        }
        router.delete("\(base)/secrets") { request, context in
            let space = try await desk.owned(request, context).space
            space.remove(secret: try await Self.key(request))
            return try Response.json([:])
        }
        // get_space_variables, add_space_variable, delete_space_variable. Recorded: the whole map each time. Variables of public
        // Spaces are public (hub-docs `spaces-overview.md`).
        router.get("\(base)/variables") { request, context in
            try Response.json(await desk.seen(request, context).space.variablesAnswer)
        }
        router.post("\(base)/variables") { request, context in
            let space = try await desk.owned(request, context).space
            space.set(variable: try await Self.setting(request))
            return try Response.json(space.variablesAnswer)
        }
        router.delete("\(base)/variables") { request, context in
            let space = try await desk.owned(request, context).space
            space.remove(variable: try await Self.key(request))
            return try Response.json(space.variablesAnswer)
        }
    }

    private func addRuntime(_ router: Router<HubContext>, _ base: String, _ desk: SpaceLookup) {
        // get_space_runtime
        router.get("\(base)/runtime") { request, context in
            try Response.json(await desk.seen(request, context).space.runtime)
        }
        // pause_space
        router.post("\(base)/pause") { request, context in
            let space = try await desk.container(request, context).space
            space.pause()
            return try Response.json(space.runtime)
        }
        // restart_space; `factory=true` rebuilds. OAuth tokens: huggingface_hub issue 4972.
        router.post("\(base)/restart") { request, context in
            try desk.refuseOAuth(context)
            let space = try await desk.container(request, context).space
            if space.isFlagged, desk.engine.rules.restartOfFlagged >= 400 {
                throw HubError(.init(code: desk.engine.rules.restartOfFlagged), "This Space was flagged as abusive")
            }
            if space.isOverSpendLimit { throw desk.engine.planMissing("The spending limit of this Space is reached") }
            space.restart(factory: request.flag("factory"))
            return try Response.json(space.runtime)
        }
    }

    private func addSettings(_ router: Router<HubContext>, _ base: String, _ desk: SpaceLookup) {
        // request_space_hardware
        router.post("\(base)/hardware") { request, context in
            try desk.refuseOAuth(context)
            let (repo, space) = try await desk.container(request, context)
            let body = try await request.json()
            guard let name = body["flavor"]?.string else { throw HubError.bad("\"flavor\" is required") }
            try await desk.engine.checkHardware(name, namespace: repo.namespace, sdk: nil)
            let seconds = try body["sleepTimeSeconds"].map { try Self.sleepTime($0, "sleepTimeSeconds") }
            space.request(hardware: HardwareCatalogue.flavor(name)?.name ?? name, sleepTime: seconds)
            return try Response.json(space.runtime)
        }
        // set_space_sleep_time. ZeroGPU: text quoted in hf.co/spaces/zero-gpu-explorers/README/discussions/31.
        router.post("\(base)/sleeptime") { request, context in
            try desk.refuseOAuth(context)
            let space = try await desk.container(request, context).space
            let seconds = try Self.sleepTime(await request.json()["seconds"] ?? .null, "seconds")
            if space.requestedHardware == HardwareCatalogue.zero {
                throw HubError.bad("Cannot change the sleep time for zero-a10g Spaces.")
            }
            space.set(sleepTime: seconds)
            return try Response.json(space.runtime)
        }
        // enable_space_dev_mode, disable_space_dev_mode: enabling needs a plan, disabling is always allowed.
        router.post("\(base)/dev-mode") { request, context in
            let (repo, space) = try await desk.container(request, context)
            guard let enabled = try await request.json()["enabled"]?.bool else {
                throw HubError.bad("\"enabled\" must be a boolean")
            }
            if enabled, !(await desk.engine.owner(repo.namespace).hasPlan) {
                throw desk.engine.planMissing("Dev Mode is part of the PRO, Team and Enterprise plans")
            }
            space.set(devMode: enabled)
            return try Response.json(space.runtime)
        }
        // hub-docs `spaces-gpus.md`: paid hardware only. The answer is not documented.
        router.post("\(base)/replicas") { request, context in
            let space = try await desk.container(request, context).space
            guard let replicas = try await request.json()["replicas"]?.int, (1...1_000).contains(replicas) else {
                throw HubError.bad("\"replicas\" must be a positive integer")
            }
            guard replicas == 1 || HardwareCatalogue.isPaid(space.requestedHardware) else {
                throw HubError.bad("Replicas need upgraded hardware")
            }
            space.set(replicas: replicas)
            return try Response.json(space.runtime)
        }
        // set_space_volumes, delete_space_volumes
        router.put("\(base)/volumes") { request, context in
            let space = try await desk.container(request, context).space
            guard let volumes = try await request.json()["volumes"]?.array, !volumes.isEmpty else {
                throw HubError.bad("\"volumes\" must contain at least 1 item")
            }
            for volume in volumes { try SpaceEngine.check(volume: volume) }
            space.set(volumes: volumes)
            return try Response.json(space.runtime)
        }
        router.delete("\(base)/volumes") { request, context in
            let space = try await desk.container(request, context).space
            guard space.hasVolumes else { throw HubError.bad("This Space has no volumes") }
            space.set(volumes: [])
            return try Response.json(space.runtime)
        }
    }

    private static func sleepTime(_ value: JSON, _ name: String) throws -> Int {
        guard let seconds = value.int, SpaceEngine.isSleepTime(seconds) else {
            throw HubError.bad("\"\(name)\" must be -1 or more than 0")
        }
        return seconds
    }

    private static func key(_ request: Request) async throws -> String {
        guard let key = try await request.json()["key"]?.string else { throw HubError.bad("\"key\" is required") }
        return key
    }

    private static func setting(_ request: Request) async throws -> SpaceSetting {
        let body = try await request.json()
        guard let key = body["key"]?.string else { throw HubError.bad("\"key\" is required") }
        try SpaceEngine.check(key: key)
        return SpaceSetting(key: key, value: body["value"]?.string ?? "", description: body["description"]?.string)
    }
}

/// How routes find the Space they are about.
struct SpaceLookup: Sendable {
    let hub: SimulatedHub
    let engine: SpaceEngine
    typealias Found = (repo: HubRepo, space: HostedSpace)

    /// - Throws: 404 or 401 when it may not be seen.
    func seen(_ request: Request, _ context: HubContext) async throws -> Found {
        try await find(request, context, right: .read)
    }
    /// - Throws: 403 without the right to write, too.
    func owned(_ request: Request, _ context: HubContext) async throws -> Found {
        try await find(request, context, right: .write)
    }
    /// - Throws: 400 for static Spaces, too, which have no container.
    func container(_ request: Request, _ context: HubContext) async throws -> Found {
        let found = try await owned(request, context)
        if found.space.isStatic { throw HubError.bad("This operation is not available for static Spaces") }
        return found
    }

    private func find(_ request: Request, _ context: HubContext, right: RepoRight) async throws -> Found {
        let repo = try await hub.repo(.space, request, context, right: right)
        guard let space = engine.space(id: repo.id) else { throw HubError.noRepo(anonymous: context.caller == nil) }
        return (repo, space)
    }

    /// Tokens of "Sign in with HF" are refused by some control routes. Source: huggingface_hub issue 4972, September 2026.
    func refuseOAuth(_ context: HubContext) throws {
        if case .oauth = try context.requireCaller().token.role { throw HubError.needsToken }
    }
}
