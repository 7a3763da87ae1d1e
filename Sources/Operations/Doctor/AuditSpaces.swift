import Deployment
import Foundation
import HubClient
import Ledger
import Safekeeping
import StokerCore

extension Operation {
    package static let audit = Operation(
        name: "audit",
        summary:
            "The persistence protocol's checklist per Space: health address, kept alive, state elsewhere, restart, recovery seen. What nothing shows is unknown",
        doing: "audit the Spaces", permission: .write, path: "/audit",
        parameters: [
            .init(
                "spaces", .query, .list(.text(upTo: 300), upTo: 1_000),
                "Spaces to look at, `owner/name`; those of the fleet unless given"),
            .init(
                "visit", .query, .flag, defaultValue: true,
                "Asks each app that runs for its health address, a request each; one that sleeps is left alone"),
            .fleetFile(.local, "The fleet; the running one unless given"),
        ], answer: .audit
    ) { context, arguments in
        let fleet: Fleet? =
            arguments.has("fleet_file") || context.hasFleet ? try await context.fleet(arguments) : nil
        let hub: Hub? = try? context.hub
        var spaces: [RepoID] = []
        let named = arguments.texts("spaces")
        let wanted = named.isEmpty ? (fleet?.checks ?? []).compactMap(\.space) : named
        guard !wanted.isEmpty else {
            throw Failure(
                .usage, doing: "audit the Spaces", because: "none is named, and the fleet has none",
                hint: "name one: stoker audit owner/name")
        }
        for name in wanted {
            let id = try await hub?.space(named: name) ?? RepoID.space(name)
            if !spaces.contains(id) { spaces.append(id) }
        }
        // A server's own record counts only for the fleet that it tends.
        let isTended = context.hasFleet && !arguments.has("fleet_file")
        var answers: [JSONValue] = []
        for id in spaces {
            context.tell(.init("auditing", "looking at \(id)", done: Int64(answers.count), total: Int64(spaces.count)))
            let auditor = Auditor(id: id, hub: hub, fleet: fleet, visits: arguments.flag("visit"))
            let audit = PersistenceAudit(try await auditor.facts(context, isTended: isTended))
            answers.append(audit.json(id))
        }
        return [
            "ill": .bool(answers.contains { ($0["failed"]?.integer ?? 0) > 0 }), "spaces": .array(answers),
        ]
    }
}

extension Shape {
    static let audit = Shape(
        name: "Audit", summary: "The persistence protocol's checklist.",
        fields: [
            .init("ill", .flag, "Whether a point of any Space failed"),
            .init(
                "spaces",
                .list(
                    .shape(
                        Shape(
                            name: "AuditedSpace", summary: "The checklist of one Space.",
                            fields: [
                                .init("space", .text, "`owner/name`"),
                                .init("failed", .integer, "Points that failed"),
                                .init("unknown", .integer, "Points of which nothing is known"),
                                .init("points", .list(.shape(point)), "In the order of the protocol"),
                            ]))), "In the order in which they were named"),
        ])

    private static let point = Shape(
        name: "AuditPoint", summary: "One point of the checklist.",
        fields: [
            .init("point", .choice(PersistenceAudit.Name.allCases.map(\.rawValue)), "Which one"),
            .init(
                "standing", .choice(PersistenceAudit.Standing.allCases.map(\.rawValue)),
                "`unknown` where nothing shows it"),
            .init("because", .text, "What shows it"),
            .init("fix", .text, optional: true, "What to do about it"),
        ])
}

extension PersistenceAudit {
    fileprivate func json(_ id: RepoID) -> JSONValue {
        [
            "space": .string("\(id)"), "failed": .count(points.count { $0.standing == .failed }),
            "unknown": .count(points.count { $0.standing == .unknown }),
            "points": .array(
                points.map {
                    [
                        "point": .string($0.name.rawValue), "standing": .string($0.standing.rawValue),
                        "because": .string($0.because), "fix": .text($0.fix),
                    ]
                }),
        ]
    }
}

/// Reads what is known of one Space.
private struct Auditor {
    let id: RepoID
    let hub: Hub?
    let fleet: Fleet?
    let visits: Bool

    func facts(_ context: OperationContext, isTended: Bool) async throws -> PersistenceAudit.Facts {
        var facts = PersistenceAudit.Facts()
        // The main check counts; `ready` checks tell more and keep nothing warm.
        let check = fleet?.checks.first { $0.space?.lowercased() == "\(id)".lowercased() && $0.policy.role == .alive }
        facts.watch = check.map {
            .init(
                check: $0.name, path: PersistenceAudit.path(of: $0.address), every: $0.policy.every,
                isEnabled: $0.policy.enabled)
        }
        try await read(&facts)
        facts.keep = try await keep(context, isTended: isTended)
        if isTended, let check { facts.record = try await record(check, context) }
        return facts
    }

    /// What a running server remembers of its state, else what its vault tells now.
    private func keep(
        _ context: OperationContext, isTended: Bool
    ) async throws -> PersistenceAudit.Facts.Keep? {
        guard let fleet,
            fleet[PersistSection.ofSpaces].contains(where: { $0.space.lowercased() == "\(id)".lowercased() })
        else { return nil }
        let board: StateBoard
        let memory: StateMemory
        let state: StateBoard.State
        if isTended, let running = context.stateBoard {
            board = running
            state = try board.state("\(id)")
            memory = try await board.memory(state.name)
        } else {
            // Nothing is written: what was seen is forgotten with this look.
            board = StateBoard(
                fleet: fleet, ledger: MemoryLedger(), hub: hub, dataFolder: NSTemporaryDirectory(),
                base: FileManager.default.currentDirectoryPath, environment: ProcessInfo.processInfo.environment,
                now: context.now)
            state = try board.state("\(id)")
            memory = try await board.look(state)
        }
        var keep = PersistenceAudit.Facts.Keep(vault: board.place(of: state))
        let health = board.health(state, memory)
        if let trouble = memory.trouble {
            keep.trouble = "its vault cannot be read: \(trouble.because)"
        } else if memory.facts == nil {
            keep.trouble = "its vault was not looked at yet"
        }
        if let problem = health.problems.first(where: { [.replaced, .held, .failing].contains($0.standing) }) {
            keep.problem = (problem.because, problem.hint)
        }
        keep.newest = memory.facts?.newestTime
        keep.proven = [
            memory.proven?.at, board.reading(state)?.inside?.snapshots.compactMap(\.verified).max(),
        ].compactMap { $0 }.max()
        if let last = memory.drills.first, !last.isProven { keep.drillFailure = last.failure }
        keep.start = memory.recoveries.first.map { .init(at: $0.at, outcome: $0.outcome, lost: $0.lost) }
        return keep
    }

    private func read(_ facts: inout PersistenceAudit.Facts) async throws {
        guard let hub else {
            facts.hubTrouble = "there is no account on it here"
            return
        }
        do {
            let runtime = try await hub.runtime(of: id)
            // Names of secrets need the right to write.
            let secrets = try? await hub.secrets(of: id).map(\.key)
            facts.hub = .init(
                isStatic: runtime.isStatic, isPaused: runtime.stage == .paused,
                hardware: runtime.hardware ?? runtime.requestedHardware, sleepSeconds: runtime.sleepSeconds,
                writableMounts: runtime.volumes?.filter { $0.type == "bucket" && $0.readOnly != true }.map(\.mountPath),
                secrets: secrets)
            guard visits else {
                facts.notVisited = "that was not wanted"
                return
            }
            guard runtime.stage.isServing else {
                facts.notVisited = "it does not run (\(runtime.stage))"
                return
            }
            if runtime.isStatic { return }
            let wanted = facts.watch.map(\.path) ?? "/"
            let path = wanted == "/" ? "/health" : wanted
            let visit = try await SpaceVisit.make(id, path: path, runtime: runtime, hub: hub, timeout: .seconds(15))
            guard let result = visit.result, result.code != 0 else {
                facts.notVisited = "nobody answered"
                return
            }
            facts.visit = .init(
                path: path, status: Int(result.code), isOfApp: visit.isGood || result.cause == .status)
        } catch let failure as HubFailure {
            // Without the Hub nothing can be told of any Space.
            if failure.failure.code == .hubUnreachable { throw failure }
            facts.hubTrouble = failure.failure.because
        }
    }

    private func record(_ check: Check, _ context: OperationContext) async throws -> PersistenceAudit.Facts.Record {
        let status = try await context.monitor.status(of: check.name)
        let incidents = try await context.ledger.incidents(of: status.id, openOnly: false, before: nil, limit: 100)
        let events = try await context.ledger.events(of: nil, before: nil, limit: 1_000)
        let space = "\(id)".lowercased()
        let restart = events.first { event in
            switch event.payload {
            case .healed(let step, let name, _, _, _, _): name == check.name && step != .wake
            case .spaceAsked(let deed, let name, _):
                name.lowercased() == space && (deed == .restart || deed == .factoryRestart)
            default: false
            }
        }
        let lastAnswer: Instant? = status.state.lastPing.isNever ? nil : status.state.lastPing
        return .init(
            verdict: status.state.verdict, lastAnswer: lastAnswer, incidents: incidents.count,
            lastRecovery: incidents.compactMap(\.ended).max(),
            restart: restart.map { event in
                // Up now and pinged since, or an incident that ended behind it.
                let isUp = status.state.verdict == .up || status.state.verdict == .slow
                let cameBack =
                    isUp && (lastAnswer.map { $0 > event.at } ?? false)
                    || incidents.contains { ($0.ended ?? .never) > event.at }
                return .init(at: event.at, cameBack: cameBack)
            })
    }
}
