import FoundationEssentials
import Safekeeping
import StokerCore
import Synchronization

extension Operation {
    package static let listSnapshotFiles = Operation(
        name: "list-snapshot-files", summary: "Lists the files of a snapshot", doing: "list the files of the snapshot",
        permission: .write, path: "/snapshots/{id}/files",
        parameters: [
            .snapshot, .init("path", .query, .text(upTo: 4_096), "Only this file or folder and what is below it"),
            .init("limit", .query, .integer(1...100_000), defaultValue: 10_000, "How many at most"), .cursor,
        ] + Parameter.vault, answer: .snapshotFiles
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "list the files of the snapshot") { store in
            let snapshot = try await store.find(arguments.name("id"))
            let limit = arguments.integer("limit") ?? 10_000
            // A snapshot never changes: a place is a cursor.
            let start = Int(try arguments.cursor(doing: "list the files of the snapshot") ?? 0)
            let found = Mutex<(entries: [JSONValue], total: Int)>(([], 0))
            try await store.list(snapshot, below: Array((arguments.text("path") ?? "").utf8)) { entry in
                found.withLock { found in
                    found.total += 1
                    if found.total > start, found.entries.count < limit { found.entries.append(entry.json) }
                }
            }
            return found.withLock { found in
                [
                    "snapshot": .string(snapshot.id), "entries": .array(found.entries), "total": .count(found.total),
                    "next_cursor": .place(start + found.entries.count, of: found.total),
                ]
            }
        }
    }

    package static let readSnapshotFile = Operation(
        name: "read-snapshot-file", summary: "Reads one file of a snapshot, at most 16 MiB",
        doing: "read the file of the snapshot", permission: .write, path: "/snapshots/{id}/content",
        parameters: [.snapshot, .init("path", .query, .text(upTo: 4_096), required: true, "Its path in the snapshot")]
            + Parameter.vault, answer: .snapshotContent
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "read the file of the snapshot") { store in
            let snapshot = try await store.find(arguments.name("id"))
            let path = arguments.name("path")
            let bytes = Mutex<[UInt8]>([])
            try await store.contents(of: Array(path.utf8), in: snapshot) { piece in
                try bytes.withLock { bytes in
                    guard bytes.count + piece.count <= 16 << 20 else {
                        throw Failure(
                            .tooLarge, doing: "read \(path)", because: "it is larger than 16 MiB",
                            hint:
                                "`stoker snapshots restore \(snapshot.id) --only \(path) --to FOLDER` writes it to a disk"
                        )
                    }
                    bytes += piece
                }
            }
            let all = bytes.withLock { $0 }
            return [
                "snapshot": .string(snapshot.id), "path": .string(path), "size_bytes": .count(all.count),
                "content": .string(Data(all).base64EncodedString()),
            ]
        }
    }

    package static let diffSnapshots = Operation(
        name: "diff-snapshots", summary: "Tells what differs between two snapshots", doing: "compare the snapshots",
        permission: .write, path: "/snapshots/{id}/diff",
        parameters: [
            .snapshot, .init("against", .query, .text(upTo: 64), "The older one; the snapshot's parent unless given"),
            .init("limit", .query, .integer(1...100_000), defaultValue: 10_000, "How many at most"), .cursor,
        ] + Parameter.vault, answer: .snapshotDiff
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "compare the snapshots") { store in
            let snapshot = try await store.find(arguments.name("id"))
            guard let other = arguments.text("against") ?? snapshot.parent else {
                throw Failure(
                    .usage, doing: "compare the snapshots", because: "\(snapshot.id) is the first: it has no parent",
                    hint: "name another one")
            }
            let old = try await store.find(other)
            let limit = arguments.integer("limit") ?? 10_000
            let start = Int(try arguments.cursor(doing: "compare the snapshots") ?? 0)
            let found = Mutex<(changes: [JSONValue], total: Int)>(([], 0))
            try await store.difference(from: old, to: snapshot) { change in
                found.withLock { found in
                    found.total += 1
                    guard found.total > start, found.changes.count < limit else { return }
                    found.changes.append([
                        "kind": .string(change.kind.rawValue), "path": .string(TreePath.text(change.path)),
                        "before_bytes": change.before.map { .count($0) } ?? .null,
                        "after_bytes": change.after.map { .count($0) } ?? .null,
                    ])
                }
            }
            return found.withLock { found in
                [
                    "before": .string(old.id), "after": .string(snapshot.id), "changes": .array(found.changes),
                    "total": .count(found.total),
                    "next_cursor": .place(start + found.changes.count, of: found.total),
                ]
            }
        }
    }
}

extension JSONValue {
    /// The cursor of what begins at a place; null at the end.
    fileprivate static func place(_ next: Int, of total: Int) -> JSONValue {
        next < total ? .string("\(next)") : .null
    }
}

extension TreeEntry {
    fileprivate var json: JSONValue {
        var target: [UInt8]?
        let word: String
        switch kind {
        case .folder: word = "folder"
        case .link(let other): (word, target) = ("link", other)
        case .hardLink(let other): (word, target) = ("hard-link", other)
        case .file: word = "file"
        case .database: word = "database"
        }
        let modified = facts.modified / 1_000_000
        return [
            "path": .string(TreePath.text(path)), "kind": .string(word), "size_bytes": .count(size),
            "mode": .string(String(facts.mode, radix: 8)), "modified_at": .instant(Instant(milliseconds: modified)),
            "target": .text(target.map { TreePath.text($0) }), "torn": .bool(isTorn), "note": .text(note),
        ]
    }
}

extension Shape {
    static let snapshotFiles = Shape(
        name: "SnapshotFiles", summary: "The files of a snapshot.",
        fields: [
            .init("snapshot", .text, "Its id"),
            .init(
                "entries",
                .list(
                    .shape(
                        Shape(
                            name: "SnapshotEntry", summary: "A file, folder or link of a snapshot.",
                            fields: [
                                .init("path", .text, "Bytes that are no UTF-8, and control characters, as `\\xff`"),
                                .init(
                                    "kind", .choice(["folder", "link", "hard-link", "file", "database"]), "What it is"),
                                .init("size_bytes", .integer, "Of its content"),
                                .init("mode", .text, "Permissions, octal"),
                                .init("modified_at", .instant, optional: true, "When its content changed last"),
                                .init("target", .text, optional: true, "Where a link leads"),
                                .init("torn", .flag, "It changed while it was read, again and again"),
                                .init("note", .text, optional: true, "Why it is no fresh copy"),
                            ]))), "In the order of a tree"),
            .init("total", .integer, "How many there are; more than `entries` when the limit cut them"), .nextCursor,
        ])

    static let snapshotContent = Shape(
        name: "SnapshotContent", summary: "One file of a snapshot.",
        fields: [
            .init("snapshot", .text, "Its id"), .init("path", .text, "As it was asked for"),
            .init("size_bytes", .integer, "Of the content"), .init("content", .text, "Base64"),
        ])

    static let snapshotDiff = Shape(
        name: "SnapshotDiff", summary: "What differs between two snapshots.",
        fields: [
            .init("before", .text, "Id of the older one"), .init("after", .text, "Id of the newer one"),
            .init(
                "changes",
                .list(
                    .shape(
                        Shape(
                            name: "SnapshotChange", summary: "One difference.",
                            fields: [
                                .init(
                                    "kind", .choice(["added", "removed", "changed", "facts"]),
                                    "`facts`: owner, permissions, times or attributes alone"),
                                .init("path", .text, "Where"),
                                .init("before_bytes", .integer, optional: true, "Size in the older one"),
                                .init("after_bytes", .integer, optional: true, "Size in the newer one"),
                            ]))), "In the order of a tree"),
            .init("total", .integer, "How many there are; more than `changes` when the limit cut them"), .nextCursor,
        ])
}
