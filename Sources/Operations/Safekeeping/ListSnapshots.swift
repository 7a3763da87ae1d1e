import Safekeeping
import StokerCore

extension Operation {
    package static let listSnapshots = Operation(
        name: "list-snapshots",
        summary: "Lists the snapshots of a vault: kept ones, held ones, and what fenced containers left",
        doing: "list the snapshots", permission: .write, path: "/snapshots", parameters: Parameter.vault,
        answer: .snapshotList, paging: Paging("snapshots", by: "id")
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "list the snapshots") { store in
            let summary = try await store.summary()
            let kept = try await store.snapshots()
            let newest = try await store.newest()?.id
            let holder = try await store.holder()
            return [
                "vault": .string(store.vault.name), "epoch": summary.map { .count($0.epoch) } ?? .null,
                "sequence": summary.map { .count($0.sequence) } ?? .null,
                "sealed": .bool(summary?.isSealed ?? false),
                "holder": holder.map {
                    [
                        "name": .string($0.name), "since": .instant($0.since), "released": .bool($0.hasReleased),
                    ]
                } ?? .null,
                "snapshots": .array(kept.map { $0.json(isNewest: $0.id == newest) }),
                "held": .array(
                    try await store.heldSnapshots().map { $0.snapshot.json(isNewest: false, held: $0.because) }),
                "strays": .array(
                    try await store.strays().map {
                        [
                            "id": .string($0.snapshot.id), "time": .instant($0.snapshot.time),
                            "holder": .string($0.holder), "epoch": .count($0.snapshot.epoch),
                            "parent": .text($0.snapshot.parent), "size_bytes": .count($0.snapshot.size),
                            "files": .count($0.snapshot.files), "added_bytes": .count($0.snapshot.added),
                        ]
                    }),
            ]
        }
    }

    package static let showSnapshot = Operation(
        name: "show-snapshot", summary: "Shows one snapshot", doing: "show the snapshot", permission: .write,
        path: "/snapshots/{id}", parameters: [.snapshot] + Parameter.vault, answer: .snapshot
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "show the snapshot") { store in
            let snapshot = try await store.find(arguments.name("id"))
            let held = try await store.heldSnapshots().first { $0.snapshot.id == snapshot.id }
            return snapshot.json(isNewest: try await store.newest()?.id == snapshot.id, held: held?.because)
        }
    }
}

extension Shape {
    static let snapshotList = Shape(
        name: "SnapshotList", summary: "What a vault holds.",
        fields: [
            .init("vault", .text, "Its address, without passwords"),
            .init("epoch", .integer, optional: true, "Of the pen; null for an empty vault"),
            .init("sequence", .integer, optional: true, "Counts every write of its head"),
            .init("sealed", .flag, "A key is needed to read it"),
            .init(
                "holder",
                .shape(
                    Shape(
                        name: "PenHolder", summary: "Who may publish.",
                        fields: [
                            .init("name", .text, "As it called itself"),
                            .init("since", .instant, "By its own clock"),
                            .init("released", .flag, "It stopped in order after its last publication"),
                        ])), optional: true, "Who has the pen; null when nobody had it yet"),
            .init("snapshots", .list(.shape(.snapshot)), "Kept, newest first"), .nextCursor,
            .init("held", .list(.shape(.snapshot)), "Waiting to be accepted: they lost so much against the newest"),
            .init(
                "strays",
                .list(
                    .shape(
                        Shape(
                            name: "Stray", summary: "What a fenced container had not published.",
                            fields: [
                                .init("id", .text, "16 hexadecimal digits"),
                                .init("time", .instant, "When it was kept"),
                                .init("holder", .text, "Who left it"), .init("epoch", .integer, "Of its pen"),
                                .init("parent", .text, optional: true, "The snapshot it came from"),
                                .init("size_bytes", .integer, "Of all contents"), .init("files", .integer, "How many"),
                                .init("added_bytes", .integer, "What it has beside its parent"),
                            ]))), "Newest first"),
        ])
}
