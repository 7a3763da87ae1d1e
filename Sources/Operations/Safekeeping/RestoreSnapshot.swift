import Foundation
import Safekeeping
import StokerCore

extension Operation {
    package static let restoreSnapshot = Operation(
        name: "restore-snapshot",
        summary:
            "Writes a snapshot, or a stray, into a new or empty folder; every hash is checked, and the folder is whole or not there",
        doing: "restore the snapshot", effect: .write, method: .post, path: "/snapshots/{id}/restore",
        parameters: [
            .snapshot,
            .init("folder", .local, .text(upTo: 4_096), required: true, "Where to; must not exist, or be empty"),
            .init("only", .body, .list(.text(upTo: 4_096), upTo: 1_000), "Only these files and folders"),
            .init("skip_damaged", .body, .flag, defaultValue: false, "Leaves out what is damaged and tells it"),
        ] + Parameter.vault, answer: .snapshotRestore
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "restore the snapshot") { store in
            var options = RestoreOptions()
            options.skipsDamaged = arguments.flag("skip_damaged")
            let (id, folder) = (arguments.name("id"), arguments.name("folder"))
            guard !folder.isEmpty else {
                throw Failure(
                    .usage, doing: "restore the snapshot",
                    because: "a server writes into no folder that a request names",
                    hint: "`reinstate-snapshot` makes it the newest, which the Space brings back when it starts")
            }
            let report: RestoreReport
            let strays = try await store.strays().filter { !id.isEmpty && $0.snapshot.id.hasPrefix(id) }
            if let stray = strays.first, strays.count == 1 {
                report = try await store.restore(
                    stray: stray.snapshot.id, to: folder, options: options, progress: context.progress())
            } else {
                let snapshot = try await store.find(id)
                report = try await store.restore(
                    snapshot, to: folder, only: arguments.texts("only").map { Array($0.utf8) }, options: options,
                    progress: context.progress(snapshot))
            }
            return [
                "snapshot": .string(report.snapshot.id), "folder": .string(folder), "files": .count(report.files),
                "bytes": .count(report.bytes), "fetched_bytes": .count(report.fetched),
                "seconds": .seconds(report.duration),
                "damaged": .array(report.damaged.map { .string(TreePath.text($0)) }),
                "warnings": .array(report.warnings.map { .string($0) }),
                "databases": .array(report.databases.map { .string(TreePath.text($0)) }),
            ]
        }
    }

    package static let proveSnapshot = Operation(
        name: "prove-snapshot",
        summary:
            "Restores the newest snapshot into a scratch folder and checks it: hashes, databases, a check of your own. A proof is noted in the vault",
        doing: "prove the newest snapshot", effect: .write, isCancellable: true, method: .post,
        path: "/snapshots/prove",
        parameters: [
            .init("check", .local, .text(upTo: 4_096), "A shell command that ends with 0 in the restored folder"),
            .init(
                "scratch", .local, .text(upTo: 4_096),
                "A folder with room for it; that for temporary files unless given"),
        ] + Parameter.vault, answer: .restoreDrill
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "prove the newest snapshot") { store in
            let folder = arguments.text("scratch") ?? NSTemporaryDirectory()
            let here = FileManager.default.currentDirectoryPath
            let drill = RestoreDrill(
                state: arguments.text("state") ?? arguments.text("space") ?? "",
                scratch: (folder.hasPrefix("/") ? folder : here + "/" + folder) + "/stoker-drills",
                check: arguments.text("check"))
            return try await drill.run(store, now: context.now, progress: context.progress()).json
        }
    }

    package static let verifySnapshot = Operation(
        name: "verify-snapshot", summary: "Reads everything a snapshot needs and checks it against its hashes",
        doing: "verify the snapshot", permission: .write, method: .post, path: "/snapshots/{id}/verify",
        parameters: [.snapshot] + Parameter.vault, answer: .snapshotProof
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "verify the snapshot") { store in
            let snapshot = try await store.find(arguments.name("id"))
            let proof = try await store.verify(snapshot, progress: context.progress(snapshot))
            return [
                "snapshot": .string(snapshot.id), "whole": .bool(proof.isWhole), "files": .count(proof.files),
                "chunks": .count(proof.chunks), "bytes": .count(proof.bytes),
                "damaged": .array(proof.damaged.map { .string(TreePath.text($0)) }),
                "troubles": .array(proof.troubles.map { .string($0) }),
            ]
        }
    }
}

extension Shape {
    static let snapshotRestore = Shape(
        name: "SnapshotRestore", summary: "What a restore did.",
        fields: [
            .init("snapshot", .text, "Its id"), .init("folder", .text, "Where it is"),
            .init("files", .integer, "How many were written"), .init("bytes", .integer, "Their contents"),
            .init("fetched_bytes", .integer, "What was read from the vault"),
            .init("seconds", .number, "How long it took"),
            .init("damaged", .list(.text), "Files that were left out"),
            .init("warnings", .list(.text), "What could not be set or restored"),
            .init("databases", .list(.text), "SQLite databases among the files"),
        ])

    static let snapshotProof = Shape(
        name: "SnapshotProof", summary: "What a check of a snapshot found.",
        fields: [
            .init("snapshot", .text, "Its id"), .init("whole", .flag, "All of it can be restored as it was"),
            .init("files", .integer, "How many were looked at"), .init("chunks", .integer, "Pieces that are good"),
            .init("bytes", .integer, "In these pieces"),
            .init("damaged", .list(.text), "Files that cannot be restored; at most 1,000"),
            .init("troubles", .list(.text), "What is wrong with which pack; at most 100"),
        ])
}
