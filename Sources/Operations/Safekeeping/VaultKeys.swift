import Foundation
import NIOPosix
import Runtime
import Safekeeping
import StokerCore

extension Operation {
    package static let makeKey = Operation(
        name: "make-key",
        summary: "Makes a random key for vaults: 32 bytes, into a new file or the answer. Nothing keeps it",
        doing: "make a key", permission: .write, method: .post, path: "/keys/new",
        parameters: [
            .init("file", .local, .text(upTo: 4_096), "A file that is made for it, for its owner alone; must not exist")
        ], answer: .newKey
    ) { _, arguments in
        let key = VaultKey.make()
        guard let path = arguments.text("file") else { return ["key": .string(key.reveal()), "file": .null] }
        try await NIOThreadPool.singleton.runIfActive {
            guard !FileManager.default.fileExists(atPath: path) else {
                throw Failure(
                    .conflict, doing: "write the key to \(path)", because: "something is there already",
                    hint: "name a new file: a key that is overwritten opens nothing any more")
            }
            do { try AtomicFile.replace(path, with: Array((key.reveal() + "\n").utf8)) } catch {
                throw Failure(.fileUnwritable, doing: "write the key to \(path)", because: "\(error)".cut(to: 200))
            }
        }
        return ["key": .null, "file": .string(path)]
    }

    package static let listKeys = Operation(
        name: "list-keys", summary: "Lists the keys that open a vault", doing: "list the keys", permission: .write,
        path: "/keys", parameters: Parameter.vault, answer: .keyList, paging: Paging("keys", by: "id")
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "list the keys") { store in
            ["vault": .string(store.vault.name), "keys": .array(try await store.keys().map(\.json))]
        }
    }

    package static let addKey = Operation(
        name: "add-key", summary: "Lets another key or passphrase open a vault too", doing: "add the key",
        effect: .write, method: .post, path: "/keys",
        parameters: newKeyInputs + Parameter.vault, answer: .keyFacts
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "add the key") { store in
            let key = try await newKey(arguments, doing: "add the key")
            return try await store.add(key, label: arguments.text("label") ?? "added").json
        }
    }

    package static let rotateKeys = Operation(
        name: "rotate-keys",
        summary:
            "Begins a new master key that one key alone opens. Whoever kept an old head and an old key opens old packs until they are rewritten",
        doing: "rotate the keys", effect: .destructive, method: .post, path: "/keys/rotate",
        parameters: newKeyInputs + [
            .init("repack", .body, .flag, defaultValue: false, "Rewrites all packs with the new master key")
        ] + Parameter.vault, answer: .keyRotation
    ) { context, arguments in
        try await context.snapshots(arguments, doing: "rotate the keys") { store in
            let hasNew = arguments.has("new_key") || arguments.has("new_key_file")
            let key = hasNew ? try await newKey(arguments, doing: "rotate the keys") : nil
            let others = try await store.keys().filter { !$0.isOwn }.map(\.label)
            try await context.confirm(
                Question(
                    .destroys, doing: "rotate the keys",
                    "From now on only \(hasNew ? "the new key" : "your key") opens \(store.vault.name). Go on?",
                    because: "it would shut out \(others.isEmpty ? "the present keys" : others.joined(separator: ", "))"
                ))
            let dropped = try await store.rotate(
                to: key, label: arguments.text("label") ?? "rotated", repacking: arguments.flag("repack"),
                progress: context.progress())
            return ["dropped": .array(dropped.map { .string($0) }), "repacked": .bool(arguments.flag("repack"))]
        }
    }

    private static let newKeyInputs: [Parameter] = [
        .init("new_key", .local, .secret(upTo: 1_000), "The other key or passphrase"),
        .init("new_key_file", .local, .text(upTo: 4_096), "A file with it in its first line"),
        .init("label", .body, .text(upTo: 60), "A word for it, shown in the list. Not secret"),
    ]

    private static func newKey(_ arguments: Arguments, doing: String) async throws -> VaultKey {
        let key = try await OperationContext.key(
            arguments, [:], secret: "new_key", file: "new_key_file", variable: nil)
        if case .open = key {
            throw Failure(
                .usage, doing: doing, because: "no new key is given",
                hint: "give --new-key-file; `stoker key new` makes one")
        }
        return key
    }
}

extension KeyFacts {
    var json: JSONValue {
        ["id": .string(id), "kind": .string(kind), "label": .string(label), "own": .bool(isOwn)]
    }
}

extension Shape {
    static let newKey = Shape(
        name: "NewKey", summary: "A key that was made.",
        fields: [
            .init("key", .text, optional: true, "The key itself; null when it was written to a file"),
            .init("file", .text, optional: true, "Where it is"),
        ])
    static let keyFacts = Shape(
        name: "VaultKeyFacts", summary: "A key that opens a vault; the key itself is nowhere.",
        fields: [
            .init("id", .text, "Of its slot"),
            .init("kind", .choice(["random", "passphrase", "open"]), "`open`: no secret, anybody may read"),
            .init("label", .text, "The owner's word for it"),
            .init("own", .flag, "It is the one that was given for this call"),
        ])
    static let keyList = Shape(
        name: "VaultKeyList", summary: "The keys of a vault.",
        fields: [
            .init("vault", .text, "Its address"), .init("keys", .list(.shape(.keyFacts)), "In the order they came"),
            .nextCursor,
        ])
    static let keyRotation = Shape(
        name: "KeyRotation", summary: "What a rotation did.",
        fields: [
            .init("dropped", .list(.text), "Labels of keys that open the vault no more"),
            .init("repacked", .flag, "All packs were rewritten"),
        ])
}
