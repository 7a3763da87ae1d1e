import Foundation
import Safekeeping
import StokerCore

extension Operation {
    package static let forgetSnapshots = Operation(
        name: "forget-snapshots",
        summary:
            "Drops snapshots by keep rules, or those that are named, and deletes what only they needed. The newest and the last verified one always stay",
        doing: "forget snapshots", effect: .destructive, method: .post, path: "/snapshots/forget",
        parameters: [
            .init("ids", .body, .list(.text(upTo: 64), upTo: 500), "Snapshots to drop, or strays; in place of rules"),
            .init("keep_last", .body, .integer(1...10_000), "So many of the newest"),
            .init("keep_hourly", .body, .integer(1...10_000), "The last one of each of so many hours that have any"),
            .init("keep_daily", .body, .integer(1...10_000), "The same by days (UTC)"),
            .init("keep_weekly", .body, .integer(1...10_000), "By weeks from Monday"),
            .init("keep_monthly", .body, .integer(1...10_000), "By months"),
            .init("keep_yearly", .body, .integer(1...10_000), "By years"),
            .init("keep_within", .body, .duration, "Everything so long before the newest"),
            .init("keep_tag", .body, .list(.text(upTo: 100), upTo: 100), "Everything with one of these tags"),
            .init("dry_run", .body, .flag, defaultValue: false, "Only tells what would stay and go, and why"),
        ] + Parameter.vault, answer: .forgetReport
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "forget snapshots") { store in
            var rules = KeepRules()
            rules.last = arguments.integer("keep_last") ?? 0
            rules.hourly = arguments.integer("keep_hourly") ?? 0
            rules.daily = arguments.integer("keep_daily") ?? 0
            rules.weekly = arguments.integer("keep_weekly") ?? 0
            rules.monthly = arguments.integer("keep_monthly") ?? 0
            rules.yearly = arguments.integer("keep_yearly") ?? 0
            rules.within = arguments.duration("keep_within")
            rules.tags = arguments.texts("keep_tag")
            let named = arguments.texts("ids")
            guard named.isEmpty != rules.isEmpty else {
                throw Failure(
                    .usage, doing: "forget snapshots",
                    because: named.isEmpty
                        ? "neither a rule nor a snapshot is given" : "both rules and snapshots are given",
                    hint: "give rules such as --keep-daily 7, or name snapshots")
            }
            let kept = try await store.snapshots()
            let newest = try await store.newest()?.id
            var decisions = rules.isEmpty ? [] : rules.decide(kept, newest: newest)
            var dropping = Set(decisions.filter { !$0.isKept }.map(\.snapshot.id))
            var strays: [String] = []
            if !named.isEmpty {
                let known = try await store.strays().map(\.snapshot.id)
                for name in named {
                    if let stray = known.first(where: { $0 == name }) {
                        strays.append(stray)
                    } else {
                        dropping.insert(try await store.find(name).id)
                    }
                }
                decisions = KeepRules.decide(kept, dropping: dropping, newest: newest)
            }
            var report = CollectionReport()
            if !arguments.flag("dry_run") {
                let going = decisions.count { !$0.isKept } + strays.count
                if going > 0 {
                    try await context.confirm(
                        Question(
                            .destroys, doing: "forget snapshots",
                            "Delete \(going) snapshot\(going == 1 ? "" : "s") of \(store.vault.name) for good?",
                            because: "it would delete \(going) of \(kept.count) snapshots",
                            hint: "see what with --dry-run"))
                }
                for stray in strays { try await store.forget(stray: stray) }
                report = try await store.collect(dropping: dropping, progress: context.progress())
            }
            return [
                "dry_run": .bool(arguments.flag("dry_run")),
                "snapshots": .array(
                    decisions.map {
                        [
                            "id": .string($0.snapshot.id), "time": .instant($0.snapshot.time), "kept": .bool($0.isKept),
                            "reasons": .array($0.reasons.map { .string($0) }),
                        ]
                    }),
                "dropped": .array((report.dropped + strays).map { .string($0) }), "packs": .count(report.packs),
                "freed_bytes": .count(report.bytes), "rewritten": .count(report.rewritten),
                "orphans": .count(report.orphans),
            ]
        }
    }

    package static let acceptSnapshot = Operation(
        name: "accept-snapshot",
        summary: "Makes a held snapshot the newest. A container that runs on an older one starts anew from it",
        doing: "accept the snapshot", effect: .write, method: .post, path: "/snapshots/{id}/accept",
        parameters: [.snapshot] + Parameter.vault, answer: .snapshot
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "accept the snapshot") { store in
            try await store.accept(arguments.name("id")).json(isNewest: true)
        }
    }

    package static let reinstateSnapshot = Operation(
        name: "reinstate-snapshot",
        summary:
            "Makes a kept snapshot the newest once more. Who runs on a later one is fenced, keeps what it had not published as a stray, and starts anew from it; nothing is deleted",
        doing: "put the snapshot back", effect: .write, method: .post, path: "/snapshots/{id}/reinstate",
        parameters: [
            .snapshot,
            .init(
                "restart", .body, .flag, defaultValue: false,
                "With `space`: restarts the Space, so that it begins with it"),
        ] + Parameter.vault, answer: .snapshot
    ) { context, arguments in
        let answer = try await context.snapshots(arguments, doing: "put the snapshot back") { store in
            try await store.reinstate(arguments.name("id"), as: "stoker snapshots reinstate").json(isNewest: true)
        }
        if arguments.flag("restart"), let name = arguments.text("space") {
            guard let space = try context.states.state(name).space else { return answer }
            let parts = space.split(separator: "/", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return answer }
            _ = try await Operation.restartSpace.call(
                [("owner", .string(parts[0])), ("name", .string(parts[1]))], in: context)
        }
        return answer
    }

    package static let repairVault = Operation(
        name: "repair-vault",
        summary: "Makes a lost or damaged head anew from the packs; refused while the head is whole",
        doing: "repair the vault", effect: .write, method: .post, path: "/snapshots/repair",
        parameters: [.init("dry_run", .body, .flag, defaultValue: false, "Only tells what is found")] + Parameter.vault,
        answer: .vaultRepair
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "repair the vault") { store in
            let report = try await store.repair(writes: !arguments.flag("dry_run"))
            return [
                "dry_run": .bool(arguments.flag("dry_run")), "packs": .count(report.packs),
                "damaged": .array(report.damaged.map { .string($0) }),
                "snapshots": .array(
                    report.snapshots.map { $0.json(isNewest: $0.id == report.snapshots.last?.id) }),
                "lost": .array(report.lost.map { .string($0) }),
            ]
        }
    }

    package static let copySnapshots = Operation(
        name: "copy-snapshots", summary: "Copies a snapshot into another vault, with a key of its own",
        doing: "copy the snapshot", effect: .write, method: .post, path: "/snapshots/{id}/copy",
        parameters: [
            .snapshot,
            .init("to", .local, .text(upTo: 2_000), required: true, "The other vault's address"),
            .init("to_state", .local, .text(upTo: 200), "Its state; the same one unless given"),
            .init("to_key", .local, .secret(upTo: 1_000), "Its key; the same one unless given"),
            .init("to_key_file", .local, .text(upTo: 4_096), "A file with its key"),
        ] + Parameter.vault, answer: .snapshot
    ) { context, arguments in
        try await context.snapshotsOfState(arguments, doing: "copy the snapshot") { store, state in
            let environment = ProcessInfo.processInfo.environment
            let address = try VaultAddress(reading: arguments.name("to"))
            let vault = try VaultOpening(environment: environment, hub: try? context.hub).open(
                address, state: arguments.text("to_state") ?? state)
            let hasOwnKey = arguments.has("to_key") || arguments.has("to_key_file")
            let key =
                hasOwnKey
                ? try await OperationContext.key(
                    arguments, environment, secret: "to_key", file: "to_key_file", variable: nil)
                : try await OperationContext.key(arguments, environment)
            let target = SnapshotStore(vault: vault, key: key, now: context.now, patience: .seconds(30))
            let result: Result<JSONValue, any Error>
            do {
                let snapshot = try await store.find(arguments.name("id"))
                let copy = try await store.copy(
                    snapshot, to: target, as: "stoker snapshots copy", progress: context.progress(snapshot))
                result = .success(copy.json(isNewest: true))
            } catch {
                result = .failure(error)
            }
            await vault.shutdown()
            return try result.get()
        }
    }
}

extension Shape {
    static let forgetReport = Shape(
        name: "ForgetReport", summary: "What stays and what went.",
        fields: [
            .init("dry_run", .flag, "Nothing was changed"),
            .init(
                "snapshots",
                .list(
                    .shape(
                        Shape(
                            name: "KeepDecision", summary: "What happens to a snapshot, and why.",
                            fields: [
                                .init("id", .text, "Its id"), .init("time", .instant, "When it was made"),
                                .init("kept", .flag, "It stays"),
                                .init("reasons", .list(.text), "Why it stays: `daily`, `last verified`"),
                            ]))), "Newest first"),
            .init("dropped", .list(.text), "Ids that are gone"), .init("packs", .integer, "Objects that were deleted"),
            .init("freed_bytes", .integer, "Their size"),
            .init("rewritten", .integer, "Packs that were made anew, since less than half of each was needed"),
            .init("orphans", .integer, "Packs that nobody had published, among the deleted"),
        ])

    static let vaultRepair = Shape(
        name: "VaultRepair", summary: "What a repair found.",
        fields: [
            .init("dry_run", .flag, "Nothing was changed"), .init("packs", .integer, "Packs that are readable"),
            .init("damaged", .list(.text), "Packs that are not"),
            .init("snapshots", .list(.shape(.snapshot)), "Snapshots that are complete, oldest first"),
            .init("lost", .list(.text), "Ids of those that miss something"),
        ])
}
