import Deployment
import HubClient
import StokerCore

extension Operation {
    package static let rollback = Operation(
        name: "rollback",
        summary:
            "Gives a Space the files of an earlier commit, by a new commit, and waits until it runs and answers. Settings and secrets stay",
        doing: "roll the Space back", effect: .destructive, method: .post, path: "/spaces/{owner}/{name}/rollback",
        parameters: Parameter.space + [
            .init(
                "to", .body, .text(upTo: 64), form: Parameter.commitForm,
                "The commit whose files it gets, 7 to 64 hex digits; the last one that is known to have run and answered, else the one before the head"
            ),
            .init("path", .body, Parameter.hubText, defaultValue: "/", "Path of the app that has to answer"),
            .init("within", .body, .duration, defaultValue: "10m", "Longest time until it runs and answers"),
            .init("no_wait", .body, .flag, "The commit is enough; whether it runs is not waited for"),
        ], answer: .rolledBack
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let ledger = try await ApplyLedger.open(context, endpoint: hub.settings.endpoint)
        let result: Result<JSONValue, any Error>
        do {
            result = .success(
                try await SpaceRollback(hub: hub, id: id, ledger: ledger, context: context).run(arguments))
        } catch { result = .failure(error) }
        await ledger.close()
        return try result.get()
    }

    package static let destroy = Operation(
        name: "destroy",
        summary: "Deletes a Space of the fleet file from the Hub for good. The file, its datasets and buckets stay",
        doing: "destroy the Space", effect: .destructive, method: .delete, path: "/deploys/{name}",
        parameters: [
            .init("name", .path, .text(upTo: 200), "Its name in the fleet file, or owner/name"),
            .fleetFile(.local, "The fleet file; that of the running fleet unless given"),
        ], answer: .destroyed
    ) { context, arguments in
        let hub = try context.hub
        let work = try await DeployWork(arguments, context)
        let deploy = try work.destroyed(arguments.name())
        let id = deploy.space
        guard let there = try await hub.find(id, expand: ["sha"]) else {
            throw Failure(
                .notFound, doing: "destroy \(id)", because: "the Hub has no such Space, or this token may not see it",
                hint: "take it out of the fleet file")
        }
        let needs = deploy.needs.map { "\($0.kind.rawValue) \($0.id)" }
        let volumes = deploy.volumes.filter { $0.type == "bucket" }.map { "bucket \($0.source)" }
        let stays = Array(Set(needs + volumes)).sorted() + ["its entry in the fleet file"]
        try await context.confirm(
            Question(
                .destroys, doing: "destroy \(id)",
                "Delete \(id) with its files, history, secrets and variables? This cannot be undone. What stays: \(NameList.text(stays))."
            ))
        let ledger = try await ApplyLedger.open(context, endpoint: hub.settings.endpoint)
        let result: Result<Bool, any Error>
        do {
            result = .success(
                try await ApplyLease.holding(
                    ledger.actions, endpoint: hub.settings.endpoint, what: "destroys \(id)", context: context
                ) {
                    let was = try await hub.delete(id, missingOK: true)
                    // It is deleted, whether that can be written down or not.
                    try? await ledger.forget(id)
                    return was
                })
        } catch { result = .failure(error) }
        await ledger.close()
        _ = try result.get()
        return [
            "space": .string("\(id)"), "commit": .maybe(there.sha), "stays": .strings(stays),
            "sentence": .string("\(id) is deleted. What stays: \(NameList.text(stays))."),
        ]
    }
}

extension DeployWork {
    /// The one that is meant.
    func destroyed(_ name: String) throws(Failure) -> Deploy {
        guard let deploy = try chosen([name]).first else {
            throw Failure(.notFound, doing: "destroy \(name.shortened)", because: "the fleet file has no such Space")
        }
        return deploy
    }
}

/// One way back, from the choice of a commit to what a visitor gets.
private struct SpaceRollback: Sendable {
    let hub: Hub
    let id: RepoID
    let ledger: ApplyLedger
    let context: OperationContext

    private var doing: String { "roll \(id) back" }

    func run(_ arguments: Arguments) async throws -> JSONValue {
        let id = try await hub.canonical(id)
        let history = try await hub.history(of: id, pageSize: 1_000, limit: 1_000).all()
        guard let head = history.first?.id else {
            throw Failure(.notFound, doing: doing, because: "it has no commit")
        }
        let target = try await target(arguments.text("to"), history)
        context.tell(.init("comparing", "comparing \(head.prefix(7)) with \(target.id.prefix(7))"))
        let restore = try await FileRestore(of: id, to: target.id, hub: hub, head: head)
        let within = context.limited(arguments.duration("within") ?? .seconds(600))
        var commit = head
        if !restore.files.isEmpty {
            let names = NameList.text(restore.files.map(\.path))
            try await context.confirm(
                Question(
                    .destroys, doing: doing,
                    "Give \(id) the files of \(target.id.prefix(7)) \"\(Redaction.text(target.title).shortened)\" again? A new commit changes \(names); the history stays, and so do settings and secrets."
                ))
            context.tell(.init("committing", "restoring the files of \(target.id.prefix(7))"))
            commit = try await context.recording(.rollback, on: id, as: "rollback", of: "", within: within) {
                try await ApplyLease.holding(
                    ledger.actions, endpoint: hub.settings.endpoint, what: "rolls \(id) back", context: context
                ) { try await restore.run(hub) }
            }
        }
        var gate: RolloutRun.GateResult?
        if !arguments.flag("no_wait") {
            let isPaused = try await hub.runtime(of: id).stage == .paused
            if !isPaused {
                let found = await ApplyGate(
                    space: id, path: arguments.name("path"), within: within, hub: hub, context: context
                ).wait(for: commit)
                if found.isGood { try await ledger.keep(good: commit, of: id) }
                gate = found
            }
        }
        let said =
            restore.files.isEmpty
            ? "\(id) has the files of \(target.id.prefix(7)) already; nothing was committed"
            : "\(id) has the files of \(target.id.prefix(7)) again, by the new commit \(commit.prefix(7))"
        return [
            "space": .string("\(id)"), "to": .string(target.id), "commit": .string(commit),
            "committed": .bool(!restore.files.isEmpty),
            "files": .array(
                restore.files.map { ["kind": .string($0.kind.rawValue), "path": .string($0.path)] }),
            "ready": gate.map { .bool($0.isGood) } ?? .null,
            "sentence": .string(said + (gate.map { "; \($0.sentence)." } ?? ".")),
            "hint": .maybe(gate?.hint), "diagnosis": gate?.diagnosis ?? .null,
        ]
    }

    private func target(_ named: String?, _ history: [RepoCommit]) async throws -> RepoCommit {
        if let named = named?.lowercased() {
            guard (7...64).contains(named.count), named.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
                throw Failure(.usage, doing: doing, because: "a commit has 7 to 64 hexadecimal digits")
            }
            let fits = history.filter { $0.id.hasPrefix(named) }
            guard fits.count == 1, let only = fits.first else {
                throw Failure(
                    .notFound, doing: doing,
                    because: fits.isEmpty
                        ? "\(id) has no commit \(named) among its last \(history.count)"
                        : "\(fits.count) commits of \(id) begin with \(named)",
                    hint: fits.isEmpty ? "its page on the Hub lists them" : "give more digits")
            }
            return only
        }
        let good = try await ledger.lastGood(id)
        if let known = history.dropFirst().first(where: { $0.id == good }) { return known }
        guard let before = history.dropFirst().first else {
            throw Failure(
                .conflict, doing: doing, because: "it has one commit only: there is nothing to go back to")
        }
        return before
    }
}

extension Shape {
    static let rolledBack = Shape(
        name: "RolledBack", summary: "What became of a way back.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("to", .text, "The commit whose files it has"),
            .init("commit", .text, "Head of `main` now"),
            .init("committed", .flag, "False when it had these files already"),
            .init(
                "files",
                .list(
                    .shape(
                        Shape(
                            name: "RestoredFile", summary: "A file that was restored.",
                            fields: [
                                .init(
                                    "kind", .choice(FileChanges.File.Kind.allCases.map(\.rawValue)),
                                    "What happened to it"),
                                .init("path", .text, "In the repository"),
                            ]))), "What was changed"),
            .init("ready", .flag, optional: true, "It runs and answers; null when that was not waited for"),
            .init("sentence", .text, "All of it for a person"), .init("hint", .text, optional: true, "What to do"),
            .init("diagnosis", .any, optional: true, "Of a Space that is not well: as `stoker doctor` answers"),
        ])

    static let destroyed = Shape(
        name: "Destroyed", summary: "A Space that was deleted.",
        fields: [
            .init("space", .text, "`owner/name`"), .init("commit", .text, optional: true, "Its last head"),
            .init("stays", .list(.text), "What was not deleted"), .init("sentence", .text, "The same for a person"),
        ])
}
