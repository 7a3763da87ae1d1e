import Foundation
import NIOPosix
import Runtime
import Safekeeping
import StokerCore

extension Operation.Parameter {
    /// The vault and its key. Of the caller's own machine: a server opens no place that a request names.
    static let vault: [Operation.Parameter] = [
        .init(
            "vault", .local, .text(upTo: 2_000),
            "Where the snapshots are: `folder:/path`, `bucket:owner/name`, `s3:https://host/bucket`, `dataset:owner/name`, `postgres:URL`, `git:URL`; STOKER_VAULT unless given"
        ),
        .init(
            "state", .local, .text(upTo: 200),
            "Which state of several in that place, as a rule its Space, `owner/name`; unless given STOKER_STATE, else SPACE_ID, else the only one that is there"
        ),
        .init(
            "key", .local, .secret(upTo: 1_000),
            "Key or passphrase; STOKER_KEY unless given. None for a vault that has none"),
        .init("key_file", .local, .text(upTo: 4_096), "A file with the key in its first line, in place of `key`"),
        .init(
            "space", .query, .text(upTo: 200),
            "A Space of the running fleet that keeps state, as the fleet file names it; its vault and key are those of the fleet file"
        ),
        .init("in", .query, .text(upTo: 100), "With `space`: which of its vaults, by its name; the first unless given"),
        .init(
            "from", .local, .text(upTo: 2_000),
            "Another vault that has copies, which is read in place of the first one; its address"),
    ]

    static let snapshot = Operation.Parameter(
        "id", .path, .text(upTo: 64), "Id of a snapshot, the beginning of one, or `newest`")
}

extension OperationContext {
    /// Opens the vault of the inputs, and shuts it down behind the work.
    func snapshots<Value: Sendable>(
        _ arguments: Arguments, doing: String, _ work: (SnapshotStore) async throws -> Value
    ) async throws -> Value {
        try await snapshotsOfState(arguments, doing: doing) { store, _ in try await work(store) }
    }

    /// The same, for work that needs the state's name.
    func snapshotsOfState<Value: Sendable>(
        _ arguments: Arguments, doing: String, _ work: (SnapshotStore, _ state: String) async throws -> Value
    ) async throws -> Value {
        if let space = arguments.text("space") {
            let board = try states
            let state = try board.state(space)
            return try await board.with(state, vault: arguments.text("in")) { try await work($0, state.name) }
        }
        let environment = ProcessInfo.processInfo.environment
        let address = try Self.vault(arguments, environment, doing: doing)
        let opening = VaultOpening(environment: environment, hub: try? hub)
        let key = try await Self.key(arguments, environment)
        let state = try await Self.state(arguments, environment, in: address, opening, doing: doing)
        let vault = try opening.open(address, state: state)
        let store = SnapshotStore(vault: vault, key: key, now: now, patience: .seconds(30))
        let result: Result<Value, any Error>
        do { result = .success(try await work(store, state)) } catch { result = .failure(error) }
        await vault.shutdown()
        return try result.get()
    }

    /// The vault that is meant: of several, the first one has the pen, and the others have copies.
    private static func vault(
        _ arguments: Arguments, _ environment: [String: String], doing: String
    ) throws(Failure) -> VaultAddress {
        let said = environment["STOKER_VAULT"]?.split(whereSeparator: \.isWhitespace).first.map(String.init)
        guard let text = arguments.text("from") ?? arguments.text("vault") ?? said else {
            throw Failure(
                .usage, doing: doing, because: "no vault is named",
                hint:
                    "name one with --vault or STOKER_VAULT: folder:/path, bucket:owner/name or s3:https://host/bucket; of a running server, name its Space with `space`"
            )
        }
        return try VaultAddress(reading: text)
    }

    /// The state that is meant; where nobody says one and `main` is not there, the only one that is.
    private static func state(
        _ arguments: Arguments, _ environment: [String: String], in address: VaultAddress, _ opening: VaultOpening,
        doing: String
    ) async throws -> String {
        let chosen = try StateName.chosen(arguments.text("state"), environment: environment)
        let isSaid =
            arguments.has("state") || ["STOKER_STATE", "SPACE_ID"].contains { environment[$0]?.isEmpty == false }
        guard !isSaid else { return chosen }
        let found = try await opening.states(in: address)
        if found.isEmpty || found.contains(chosen) { return chosen }
        guard found.count == 1 else {
            throw Failure(
                .usage, doing: doing, because: "\(address.name) has \(found.count) states, and none is named",
                hint: "say which one with --state: " + found.prefix(20).joined(separator: ", "))
        }
        return found[0]
    }

    /// - Throws: `usage` when the file cannot be read or holds no key.
    static func key(
        _ arguments: Arguments, _ environment: [String: String], secret: String = "key", file: String = "key_file",
        variable: String? = "STOKER_KEY"
    ) async throws -> VaultKey {
        if let path = arguments.text(file) {
            let bytes = try await NIOThreadPool.singleton.runIfActive {
                do { return try PlainFile.read(path, upTo: 4_096) } catch {
                    throw Failure(
                        .fileUnreadable, doing: "read the key file \(path)", because: "\(error)".cut(to: 200),
                        hint: "`stoker key new --out FILE` makes one")
                }
            }
            return try VaultKey(reading: String(decoding: bytes, as: UTF8.self))
        }
        if let given = arguments.secret(secret)?.reveal() ?? variable.flatMap({ environment[$0] }), !given.isEmpty {
            return try VaultKey(reading: given)
        }
        return .open
    }

    /// What the store tells of long work.
    func progress(_ total: Snapshot? = nil) -> @Sendable (StoreProgress) -> Void {
        { step in
            let verb =
                switch step.step {
                case .reading: "reading"
                case .sending: "sending"
                case .publishing: "publishing"
                case .fetching: "restoring"
                case .checking: "checking"
                case .deleting: "deleting"
                }
            self.tell(
                .init(
                    step.step.rawValue, "\(verb): \(step.files) files, \(Bytes.text(step.bytes))", done: step.bytes,
                    total: step.totalBytes, unit: .bytes, isFrequent: true))
        }
    }
}

extension Snapshot {
    func json(isNewest: Bool, held: String? = nil) -> JSONValue {
        [
            "id": .string(id), "time": .instant(time), "newest": .bool(isNewest), "epoch": .count(epoch),
            "number": .count(number), "parent": .text(parent), "tags": .array(tags.map { .string($0) }),
            "size_bytes": .count(size), "files": .count(files), "added_bytes": .count(added),
            "rows": rows.map { .count($0) } ?? .null, "doubtful": .count(doubtful),
            "verified_at": .instant(verified), "held_because": .text(held),
        ]
    }
}

extension Shape {
    static let snapshot = Shape(
        name: "Snapshot", summary: "A state of an app at one moment.",
        fields: [
            .init("id", .text, "16 hexadecimal digits"), .init("time", .instant, "When its capture began"),
            .init("newest", .flag, "It is the one that a restore takes"),
            .init("epoch", .integer, "Of the pen it was made with: each start of a container has a higher one"),
            .init("number", .integer, "Counts publications from 1"),
            .init("parent", .text, optional: true, "The snapshot it came from"),
            .init("tags", .list(.text), "Words given when it was made"),
            .init("size_bytes", .integer, "Of all contents"), .init("files", .integer, "How many"),
            .init("added_bytes", .integer, "What was sent for it"),
            .init("rows", .integer, optional: true, "Rows of its databases, when they were counted"),
            .init("doubtful", .integer, "Files that changed while they were read, or are no fresh copies"),
            .init("verified_at", .instant, optional: true, "When a restore of it was proven last"),
            .init("held_because", .text, optional: true, "Why it waits to be accepted; null for a kept one"),
        ])
}
