import Deployment
import Foundation
import HubClient
import HubSimulator
import Logging
import NIOCore
import Runtime
import StokerCore
import Testing

@testable import Operations

/// A simulated Hub, an account on it, and a folder with a fleet file.
struct DeployScratch {
    let world: SimulatedWorld
    let hub: Hub
    let folder: String

    struct Local: OperationCaller {
        var isLocal: Bool { true }
    }

    static func with<Value>(
        token: String = "hf_maren", _ configuration: HubConfiguration = HubConfiguration(),
        clock: WaitClock = .real, _ work: (DeployScratch) async throws -> Value
    ) async throws -> Value {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let world = try await SimulatedWorld.start(configuration, logger: silent)
        let hub = Hub(
            .init(endpoint: world.endpoint, token: Secret(token)), pace: HubRateLimiter(clock: clock), logger: silent,
            jitter: { 0 })
        let folder = FileManager.default.temporaryDirectory.path + "/deploy-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // in the temporary folder anyway
        do {
            let value = try await work(DeployScratch(world: world, hub: hub, folder: folder))
            try await hub.shutdown()
            await world.shutdown()
            return value
        } catch {
            try await hub.shutdown()
            await world.shutdown()
            throw error
        }
    }

    func write(_ path: String, _ text: String) throws { try write(path, Data(text.utf8)) }

    func write(_ path: String, _ data: Data) throws {
        let url = URL(fileURLWithPath: folder + "/" + path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: url)
    }

    var context: OperationContext {
        OperationContext(
            now: { Instant(seconds: 1_790_000_000) }, hub: hub, dataFolder: folder + "/data", caller: Local())
    }

    func file(_ text: String, _ environment: [String: String] = [:]) -> JSONValue {
        FleetText(name: folder + "/fleet.yaml", text: text, variables: environment).json
    }

    /// Carries a plan out as `apply` does, without waiting for what a visitor gets.
    func carryOut(_ prepared: PreparedPlan) async throws {
        let ledger = try await ApplyLedger.open(context, endpoint: hub.settings.endpoint)
        let applier = Applier(
            hub: hub, memory: ledger, now: { Instant(seconds: Date().timeIntervalSince1970) },
            waits: [.milliseconds(100), .milliseconds(400), .seconds(2)])
        let result: Result<Void, any Error>
        do {
            for plan in prepared.plan.spaces where !plan.changes.isEmpty {
                _ = try await applier.apply(
                    plan,
                    ApplyInputs(
                        secrets: prepared.secrets[plan.target] ?? [:],
                        files: (prepared.wished[plan.target]?.contents.files ?? [:]).mapValues(\.source)))
            }
            result = .success(())
        } catch { result = .failure(error) }
        await ledger.close()
        try result.get()
    }

    /// A number of the environment, for tests that are made with many rounds by hand.
    static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    /// An operation on a fleet file.
    func call(
        _ operation: Operations.Operation, _ text: String, _ environment: [String: String] = [:],
        _ more: [(name: String, value: JSONValue)] = []
    ) async throws(Failure) -> JSONValue {
        try await operation.call([("fleet_file", file(text, environment))] + more, in: context)
    }

    func prepare(
        _ text: String, _ environment: [String: String] = [:], program: String? = nil
    ) async throws -> PreparedPlan {
        let arguments = try Arguments(
            [("fleet_file", file(text, environment))], for: .plan, now: context.now(), isLocal: true)
        var work = try await DeployWork(arguments, context)
        work.program = program
        return try await work.prepare(work.chosen([]))
    }

    /// Makes new Spaces as a plan says, by plain calls.
    func make(_ prepared: PreparedPlan) async throws {
        let before = try await context.secretPrints.begin()
        var prints = before
        for plan in prepared.plan.spaces {
            let values = prepared.secrets[plan.target] ?? [:]
            var files: [HubChange] = []
            for change in plan.changes {
                switch change {
                case .create(let sdk, let visibility, let hardware, let sleep):
                    var new = NewRepo(plan.space, sdk: sdk, visibility: visibility)
                    new.hardware = hardware
                    new.sleepSeconds = sleep
                    for case .variable(let key, _, let to?) in plan.changes {
                        new.variables.append(.init(key: key, value: Secret(to)))
                    }
                    for case .secret(let key, _) in plan.changes {
                        new.secrets.append(.init(key: key, value: try #require(values[key])))
                    }
                    for case .volumes(_, let to) in plan.changes { new.volumes = to }
                    _ = try await hub.ensure(new)
                case .files(let changes):
                    for file in changes.files {
                        let own = try #require(prepared.wished[plan.target]?.contents.files[file.path])
                        files.append(.add(path: file.path, own.source))
                    }
                default: break
                }
            }
            // What the Hub puts into a new static Space goes, as an apply has it.
            let named = Set(prepared.wished[plan.target]?.contents.files.keys.map { $0 } ?? [])
            for entry in try await hub.tree(of: plan.space).all()
            where entry.kind == .file && entry.path != ".gitattributes" && !named.contains(entry.path) {
                files.append(.delete(path: entry.path))
            }
            if !files.isEmpty { try await hub.commit(files, to: plan.space) }
            for secret in try await hub.secrets(of: plan.space) {
                guard let value = values[secret.key] else { continue }
                prints.note(secret.key, value: value, in: plan.space, updatedAt: secret.updatedAt ?? "")
            }
        }
        try await context.secretPrints.keep(from: before, to: prints)
    }

    /// Requests since the last call, without those for the account and the prices.
    func requests() -> [Journal.Entry] {
        defer { world.journal.clear() }
        return world.journal.entries
    }
}
