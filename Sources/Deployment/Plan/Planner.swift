package import HubClient
package import StokerCore

/// Finds what differs between the fleet file and the Hub. Pure: all it needs was read before.
package struct Planner: Sendable {
    package var state: HubState
    /// By the name in the fleet file, without those that are as they should be.
    package var files: [RepoID: [FileChanges.File]] = [:]
    /// What the README of the wished files says, where there are some.
    package var sdks: [RepoID: String] = [:]
    package var notes: [RepoID: [String]] = [:]
    /// Values of secrets that are known here.
    package var secrets: [RepoID: [String: Secret]] = [:]
    package var prints: SecretFingerprints
    /// Only what is known to differ counts: a secret that was never sent from here may be right.
    package var isDrift = false

    package init(state: HubState, prints: SecretFingerprints) {
        self.state = state
        self.prints = prints
    }

    /// - Parameter deploys: in the order of the fleet file.
    package func plan(_ deploys: [Deploy], at now: Instant, endpoint: String, unnamed: [RepoID] = []) -> DeployPlan {
        let ids = Dictionary(deploys.map { ($0.target, $0.space) }) { first, _ in first }
        return DeployPlan(
            made: now, endpoint: endpoint,
            spaces: deploys.compactMap { deploy in
                guard let space = state.spaces[deploy.space] else { return nil }
                return plan(deploy, space, after: deploy.dependsOn.compactMap { ids[$0] })
            }, needs: state.missing, unnamed: unnamed)
    }

    private func plan(_ deploy: Deploy, _ space: HubState.Space, after: [RepoID]) -> SpacePlan {
        var plan = SpacePlan(space: space.id, target: deploy.target, after: after, fingerprint: space.seen.fingerprint)
        plan.notes = notes[deploy.space] ?? []
        let sdk = deploy.sdk ?? sdks[deploy.space] ?? space.sdk ?? space.template?.sdk
        if space.seen.exists {
            addSettings(deploy, space, &plan)
        } else {
            addCreation(deploy, space, sdk, &plan)
        }
        addVariables(deploy, space, &plan)
        addSecrets(deploy, space, sdk, &plan)
        addVolumes(deploy, space, &plan)
        if let changed = files[deploy.space], !changed.isEmpty {
            plan.changes.append(.files(FileChanges(files: changed)))
        }
        let isStatic = sdk == "static"
        let hardware = deploy.ignores("hardware") ? nil : deploy.hardware
        plan.costBefore = space.seen.exists ? cost(space.seen.hardware, isStatic: space.isStatic) : 0
        plan.costAfter = cost(
            hardware ?? (space.seen.exists ? space.seen.hardware : "cpu-basic"), isStatic: isStatic)
        plan.restarts = restarts(plan.changes, space)
        if isDrift { plan.obstacles = [] } else if !plan.changes.isEmpty { addObstacles(deploy, space, sdk, &plan) }
        return plan
    }

    // MARK: Settings

    private func addCreation(_ deploy: Deploy, _ space: HubState.Space, _ sdk: String?, _ plan: inout SpacePlan) {
        let hardware = sdk == "static" ? nil : deploy.hardware
        var sleep: Int?
        switch deploy.sleep {
        case .after(let seconds): sleep = seconds
        // As the Hub writes it. Source: huggingface_hub `create_repo(space_sleep_time=-1)`.
        case .never: sleep = -1
        case nil: break
        }
        if let source = deploy.duplicateOf {
            plan.changes.append(
                .duplicate(of: source, visibility: deploy.visibility, hardware: hardware, sleepSeconds: sleep))
            if space.template == nil {
                plan.obstacles.append(
                    PlanObstacle(
                        space: plan.space,
                        text: "\(source), which it is to be a copy of, is not there or not to be seen",
                        hint: "look at `duplicate_of` of \(deploy.place)"))
            }
        } else {
            plan.changes.append(
                .create(sdk: sdk ?? "docker", visibility: deploy.visibility, hardware: hardware, sleepSeconds: sleep))
            if sdk == nil {
                plan.obstacles.append(
                    PlanObstacle(
                        space: plan.space, text: "nothing says what runs it",
                        hint: "write `sdk: docker`, gradio or static below \(deploy.place)"))
            }
        }
    }

    private func addSettings(_ deploy: Deploy, _ space: HubState.Space, _ plan: inout SpacePlan) {
        let seen = space.seen
        if let wish = deploy.visibility, wish != seen.visibility, !deploy.ignores("visibility") {
            plan.changes.append(.visibility(from: seen.visibility, to: wish))
        }
        guard !space.isStatic else { return }
        if let wish = deploy.hardware, Self.flavor(wish) != seen.hardware, !deploy.ignores("hardware") {
            plan.changes.append(.hardware(from: seen.hardware, to: wish))
        }
        guard let sleep = deploy.sleep, !deploy.ignores("sleep") else { return }
        let wish: Int? = if case .after(let seconds) = sleep { seconds } else { nil }
        guard wish != seen.sleepSeconds else { return }
        plan.changes.append(.sleepTime(from: seen.sleepSeconds, to: wish))
        if (deploy.hardware ?? seen.hardware) == "cpu-basic" {
            plan.obstacles.append(
                PlanObstacle(
                    space: plan.space, text: "cpu-basic sleeps after 48h, whatever is asked",
                    hint: "leave `sleep` of \(deploy.place) out, or name paid hardware"))
        }
    }

    /// Two names of ZeroGPU. Source: hub-docs, `zerogpu` is accepted at creation.
    private static func flavor(_ name: String) -> String { name == "zerogpu" ? "zero-a10g" : name }

    private func addVariables(_ deploy: Deploy, _ space: HubState.Space, _ plan: inout SpacePlan) {
        let there = space.seen.exists ? space.seen.variables : space.template?.variables ?? [:]
        for key in Set(there.keys).union(deploy.variables.keys).sorted()
        where there[key] != deploy.variables[key] && !deploy.ignores("variables.\(key)") {
            plan.changes.append(.variable(key: key, from: there[key], to: deploy.variables[key]))
        }
    }

    private func addSecrets(_ deploy: Deploy, _ space: HubState.Space, _ sdk: String?, _ plan: inout SpacePlan) {
        let there = space.seen.secrets
        let known = secrets[deploy.space] ?? [:]
        for key in Set(there.keys).union(deploy.secrets.keys).sorted() where !deploy.ignores("secrets.\(key)") {
            guard let source = deploy.secrets[key] else {
                plan.changes.append(.secret(key: key, .remove))
                continue
            }
            let stamp = there[key]
            let change = change(of: key, known[key], in: plan.space, stamp)
            guard let change else { continue }
            plan.changes.append(.secret(key: key, change))
            guard known[key] == nil else { continue }
            let hint =
                switch source {
                case .environment: "set \(key), or put it into the file that --env-file names"
                case .command: "look at its command in \(deploy.place)"
                }
            plan.obstacles.append(
                PlanObstacle(space: plan.space, text: "the value of the secret \(key) is not known here", hint: hint))
        }
        if sdk == "static", !deploy.secrets.isEmpty {
            plan.obstacles.append(
                PlanObstacle(
                    space: plan.space, text: "every visitor of a static Space can read its secrets",
                    hint: "leave `secrets` of \(deploy.place) out"))
        }
    }

    private func change(
        of key: String, _ value: Secret?, in space: RepoID, _ stamp: String?
    ) -> PlannedChange.SecretChange? {
        guard let stamp else { return .add }
        let updatedAt = stamp.isEmpty ? nil : stamp
        guard let value else {
            // Without its value only what somebody else wrote after us is a difference.
            return prints.hasDrifted(key, in: space, updatedAt: updatedAt) == true ? .replaceUnknown : nil
        }
        return switch prints.comparison(of: key, value: value, in: space, updatedAt: updatedAt) {
        case .unchanged: nil
        case .different: .replace
        case .drifted: .replaceUnknown
        case .unknown: isDrift ? nil : .replaceUnknown
        }
    }

    private func addVolumes(_ deploy: Deploy, _ space: HubState.Space, _ plan: inout SpacePlan) {
        guard !deploy.ignores("volumes"), !space.isStatic else { return }
        let there = space.seen.volumes
        // What the Hub fills in, such as that a dataset is read-only, is no difference; nor is the order.
        let merged = Hub.merged(there, [.replaceAll(deploy.volumes)])
        guard Set(merged.map(\.notation)) != Set(there.map(\.notation)) || merged.count != there.count else { return }
        plan.changes.append(.volumes(from: there, to: deploy.volumes))
        if let hidden = there.first(where: \.isMasked) {
            plan.obstacles.append(
                PlanObstacle(
                    space: plan.space, text: "the source mounted at \(hidden.mountPath) is hidden from this token",
                    hint: "use a token that may read it, or add volumes to `ignore`"))
        }
    }

    // MARK: Costs and obstacles

    /// Hours of a month, for prices.
    private static let hours = 730.0

    private func cost(_ hardware: String?, isStatic: Bool) -> Double? {
        if isStatic { return 0 }
        guard let hardware else { return nil }
        let name = Self.flavor(hardware)
        if name == "cpu-basic" || name == "zero-a10g" { return 0 }
        return catalogue(name)?.dollarsPerHour.map { $0 * Self.hours }
    }

    private func catalogue(_ name: String) -> SpaceHardware? { state.catalogue?.first { $0.name == name } }

    /// Secrets, variables, hardware, volumes and files each restart a Space that runs or would when it is visited.
    private func restarts(_ changes: [PlannedChange], _ space: HubState.Space) -> Bool {
        guard space.seen.exists, !space.isStatic, space.seen.runtime?.stage != .paused else { return false }
        return changes.contains { change in
            switch change {
            case .hardware, .variable, .secret, .volumes, .files: true
            case .create, .duplicate, .visibility, .sleepTime: false
            }
        }
    }

    private func addObstacles(_ deploy: Deploy, _ space: HubState.Space, _ sdk: String?, _ plan: inout SpacePlan) {
        func add(_ text: String, _ hint: String) {
            plan.obstacles.append(PlanObstacle(space: plan.space, text: text, hint: hint))
        }
        guard let identity = state.identity else { return }
        if case .no(let reason) = identity.canWrite(plan.space) {
            add("this token may not write: \(reason)", "use a token with write access to \(plan.space.namespace)")
        }
        let owner = Owner(identity, plan.space.namespace)
        for change in plan.changes {
            switch change {
            case .create(let kind, let visibility, let hardware, _):
                let runs = hardware ?? "cpu-basic"
                if kind != "static", runs == "cpu-basic", owner.hasPlan == false {
                    add(
                        "the free plan does not host new Docker and Gradio Spaces on cpu-basic (402)",
                        "subscribe \(plan.space.namespace) to PRO or Team, or make it `sdk: static`")
                }
                checkHardware(hardware, owner, add)
                if visibility == .protected { checkProtected(owner, add) }
            case .duplicate(_, let visibility, let hardware, _):
                if sdk != "static", (hardware ?? "cpu-basic") == "cpu-basic", owner.hasPlan == false {
                    add(
                        "the free plan does not host new Docker and Gradio Spaces on cpu-basic (402)",
                        "subscribe \(plan.space.namespace) to PRO or Team")
                }
                checkHardware(hardware, owner, add)
                if visibility == .protected { checkProtected(owner, add) }
            case .visibility(_, .protected): checkProtected(owner, add)
            case .hardware(_, let name): checkHardware(name, owner, add)
            default: break
            }
        }
    }

    private func checkProtected(_ owner: Owner, _ add: (String, String) -> Void) {
        guard owner.hasPlan == false else { return }
        add("protected Spaces need a paid plan (402)", "make it public or private, or subscribe \(owner.name)")
    }

    private func checkHardware(_ name: String?, _ owner: Owner, _ add: (String, String) -> Void) {
        guard let name else { return }
        let flavor = Self.flavor(name)
        if flavor == "cpu-basic" { return }
        if flavor == "zero-a10g" { return }
        if let all = state.catalogue, !all.isEmpty, catalogue(flavor) == nil {
            let near = ClosestMatch.of(name, among: all.map(\.name))
            add(
                "the Hub has no hardware \(name)",
                near.map { "did you mean \($0)?" } ?? "`stoker space hardware` lists what there is")
        } else if owner.canPay == false {
            add(
                "\(owner.name) has no means of payment for \(name) (402)",
                "add one on the Hub's billing page, or choose cpu-basic")
        }
    }

    /// Who pays for a Space.
    private struct Owner {
        var name: String
        /// nil: not told.
        var hasPlan: Bool?
        var canPay: Bool?

        init(_ identity: HubIdentity, _ namespace: String) {
            name = namespace
            if identity.name.lowercased() == namespace.lowercased() {
                hasPlan = identity.isPro
                canPay = identity.canPay
            } else if let organization = identity.organizations.first(where: {
                $0.name.lowercased() == namespace.lowercased()
            }) {
                hasPlan = organization.plan.map { $0 != "free" }
                canPay = organization.canPay
            }
        }
    }
}
