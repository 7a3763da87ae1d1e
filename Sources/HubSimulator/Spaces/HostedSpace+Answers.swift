import Crypto
import FoundationEssentials
import Synchronization

/// The Space in the Hub's words.
extension HostedSpace {
    package var runtime: JSON { facts.json }

    /// What the runtime tells, as of now.
    package var facts: RuntimeFacts {
        settleQuietly()
        return state.withLock { facts($0) }
    }

    /// Brings logs and hardware up to date before an answer, without telling anybody.
    private func settleQuietly() {
        if state.withLock({ $0.live.machine.stage != .deleting }) { settle() }
    }

    func facts(_ state: borrowing State) -> RuntimeFacts {
        let machine = state.live.machine
        return RuntimeFacts(
            isStaticAndRuns: state.plan.sdk == "static" && machine.stage == .running && state.shown == nil,
            stage: state.shown?.stage ?? machine.stage.rawValue,
            errorMessage: state.shown?.errorMessage ?? (state.shown == nil ? machine.errorMessage : nil),
            current: state.current, requested: state.requested, sleepsAfter: sleepsAfter(state),
            replicas: state.replicas, serves: machine.stage.serves, devMode: state.devMode,
            subdomain: state.live.subdomain, domains: state.domains.map { .init(name: $0.0, stage: $0.1) },
            sha: shaNow(state), volumes: state.volumes, flaggedAt: state.flaggedAt)
    }

    private func sleepsAfter(_ state: borrowing State) -> Int? {
        if state.requested == HardwareCatalogue.free { return Int(rules.freeSleepAfter.components.seconds) }
        return state.sleepTime.flatMap { $0 > 0 ? $0 : nil }
    }

    // MARK: secrets and variables

    /// Write-only. Source: huggingface_hub `get_space_secrets`.
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

    /// `requested` changes at once, `current` when the new container serves. Source: huggingface_hub `request_space_hardware`.
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
    /// Repositories are mounted read-only whatever is asked; buckets read-write by default (huggingface_hub `Volume`).
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
