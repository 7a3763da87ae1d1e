import Crypto
import FoundationEssentials
import Synchronization

/// The Space in the Hub's words.
extension HostedSpace {
    /// Shape: recorded answers of `GET /runtime` (huggingface_hub tests, March 2025) and hub-api.md 7.1; fields that are absent
    /// there are absent here.
    package var runtime: JSON {
        settleQuietly()
        return state.withLock { answer($0) }
    }

    /// Brings logs and hardware up to date before an answer, without telling anybody.
    private func settleQuietly() {
        if state.withLock({ $0.live.machine.stage != .deleting }) { settle() }
    }

    func answer(_ state: borrowing State) -> JSON {
        let machine = state.live.machine
        if state.plan.sdk == "static" && machine.stage == .running && state.shown == nil {
            // Recorded: nothing else is said about static Spaces.
            return [
                "stage": "RUNNING", "hardware": ["current": nil, "requested": nil], "storage": nil,
                "replicas": ["requested": 1, "current": 1],
            ]
        }
        let serves = machine.stage.serves
        var domains: [JSON] = [["domain": .string(state.live.subdomain + ".hf.space"), "stage": "READY"]]
        for (name, stage) in state.domains {
            domains.append(["domain": .string(name), "isCustom": true, "stage": .string(stage)])
        }
        var replicas: [String: JSON] = ["requested": .int(state.replicas)]
        if serves { replicas["current"] = .int(state.replicas) }
        var answer: [String: JSON] = [
            "stage": .string(state.shown?.stage ?? machine.stage.rawValue),
            "hardware": ["current": serves ? .text(state.current) : .null, "requested": .string(state.requested)],
            "storage": nil, "gcTimeout": gcTimeout(state), "replicas": .object(replicas),
            "devMode": .bool(state.devMode), "domains": .array(domains),
        ]
        if let message = state.shown?.errorMessage ?? (state.shown == nil ? machine.errorMessage : nil) {
            answer["errorMessage"] = .string(message)
        }
        if serves, let sha = shaNow(state) { answer["sha"] = .string(sha) }
        if !state.volumes.isEmpty { answer["volumes"] = .array(state.volumes) }
        if let flagged = state.flaggedAt {
            answer["abuse"] = ["flaggedAt": .date(flagged), "detector": "abuse-handler", "reason": "Proxy"]
        }
        return .object(answer)
    }

    private func gcTimeout(_ state: borrowing State) -> JSON {
        if state.requested == HardwareCatalogue.free { return .int(Int(rules.freeSleepAfter.components.seconds)) }
        return state.sleepTime.flatMap { $0 > 0 ? .int($0) : nil } ?? .null
    }

    // MARK: secrets and variables

    /// Write-only. Source: hub-api.md 7.5 (huggingface_hub `get_space_secrets`).
    var secretsAnswer: JSON {
        state.withLock { state in
            .object(
                state.secrets.reduce(into: [:]) { map, secret in
                    map[secret.key] = .object(dropping: [
                        "key": .string(secret.key), "description": secret.value.description.map(JSON.string),
                        "updatedAt": .date(secret.value.updatedAt),
                    ])
                })
        }
    }

    /// Recorded: the whole map after every change.
    var variablesAnswer: JSON {
        state.withLock { state in
            .object(
                state.variables.mapValues { variable in
                    .object(dropping: [
                        "value": .string(variable.value), "description": variable.description.map(JSON.string),
                        "updatedAt": .date(variable.updatedAt),
                    ])
                })
        }
    }

    /// Adds or replaces, and restarts.
    func set(secret: SpaceSetting) {
        state.withLock { $0.secrets[secret.key] = Setting(secret, at: Date()) }
        renew()
    }
    /// Nothing happens when there is none. Recorded: unknown keys are answered alike.
    func remove(secret key: String) {
        if state.withLock({ $0.secrets.removeValue(forKey: key) }) != nil { renew() }
    }
    func set(variable: SpaceSetting) {
        state.withLock { $0.variables[variable.key] = Setting(variable, at: Date()) }
        renew()
    }
    func remove(variable key: String) {
        if state.withLock({ $0.variables.removeValue(forKey: key) }) != nil { renew() }
    }

    /// What a duplicate takes over. Source: hub-docs `spaces-overview.md`, "Duplicating a Space": variables, never secrets.
    var inheritance: SpaceWishes {
        state.withLock { state in
            var wishes = SpaceWishes()
            wishes.variables = state.variables.sorted { $0.key < $1.key }.map {
                SpaceSetting(key: $0.key, value: $0.value.value, description: $0.value.description)
            }
            return wishes
        }
    }

    // MARK: hardware, sleep, dev mode, replicas, volumes

    /// `requested` changes at once, `current` when the new container serves. Source: hub-api.md 7.4.
    func request(hardware: String, sleepTime: Int?) {
        let changed = state.withLock { state in
            defer { state.requested = hardware }
            if let sleepTime { state.sleepTime = sleepTime }
            return state.requested != hardware
        }
        refreshLifecycle()
        if changed { renew() }
    }

    /// Without effect on free hardware, where the server keeps its own value.
    func set(sleepTime seconds: Int) {
        state.withLock { $0.sleepTime = seconds }
        refreshLifecycle()
    }

    private func refreshLifecycle() {
        let (live, free, after) = state.withLock { state in
            (
                state.live, state.requested == HardwareCatalogue.free,
                state.sleepTime.flatMap { $0 > 0 ? Duration.seconds($0) : nil }
            )
        }
        let rules = rules
        live.move { machine, now in
            machine.advance(to: now)
            machine.lifecycle.sleepAfter = free ? rules.freeSleepAfter : after
        }
    }

    func set(devMode: Bool) {
        let changed = state.withLock { state in
            defer { state.devMode = devMode }
            return state.devMode != devMode
        }
        if changed { renew() }
    }

    func set(replicas: Int) { state.withLock { $0.replicas = replicas } }

    var hasVolumes: Bool { state.withLock { !$0.volumes.isEmpty } }
    /// The complete new list.
    func set(volumes: [JSON]) {
        state.withLock { $0.volumes = volumes.map(Self.normal) }
        renew()
    }
    /// Repositories are mounted read-only whatever is asked; buckets read-write by default (hub-api.md 7.9).
    static func normal(_ volume: JSON) -> JSON {
        guard case .object(var members) = volume else { return volume }
        let isBucket = members["type"]?.string == "bucket"
        members["readOnly"] = .bool(isBucket ? members["readOnly"]?.bool ?? false : true)
        return .object(members)
    }

    // MARK: what a test reads at the end

    /// Everything that was asked for, with secrets as SHA-256 of their values: enough to compare, too little to leak.
    package var endState: JSON {
        let runtime = runtime
        return state.withLock { state in
            let machine = state.live.machine
            return [
                "id": .string(state.name), "runtime": runtime, "stage": .string(machine.stage.rawValue),
                "head": .string(state.source.head), "serving": .text(machine.serving), "boots": .int(machine.boots),
                "restarts": .int(state.restarts), "visits": .int(state.live.visits), "sdk": .text(state.plan.sdk),
                "secrets": .object(
                    state.secrets.mapValues { secret in
                        let digest = SHA256.hash(data: Data(secret.value.utf8))
                        return .string(digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
                    }),
                "variables": .object(state.variables.mapValues { .string($0.value) }),
                "volumes": .array(state.volumes),
            ]
        }
    }
}

extension HostedSpace {
    package var isFlagged: Bool { state.withLock { $0.flaggedAt != nil } }
    package var isOverSpendLimit: Bool { state.withLock { $0.overSpendLimit } }
    var requestedHardware: String { state.withLock { $0.requested } }
    /// The log of the current build and of the current container; also where a scene's program writes.
    package func say(_ text: String, inBuild: Bool = false) {
        state.withLock { inBuild ? $0.buildLog : $0.runLog }.append(text)
    }
    /// Breaks every open log stream in the middle of a line.
    package func cutLogs() {
        for log in state.withLock({ [$0.buildLog, $0.runLog] }) { log.cut() }
    }
}
