import Foundation
import HubClient
import Ledger
import Logging
import Runtime
import StokerCore

/// Where the hashes of secrets are kept: records of the ledger in the data folder, one a secret and one for the key of the hashes.
///
/// Several commands may run at once, also beside a server: each writes the records of the secrets that it wrote. A hash tells by which key it was
/// made; one of another key counts as unknown. Earlier versions kept `secret-prints.json`: it is carried over once and moved aside.
struct SecretFingerprintStore: Sendable {
    /// Data folder, where the ledger is and earlier versions kept their file.
    let folder: String
    let now: @Sendable () -> Instant
    /// Told when something damaged was put aside.
    let tell: @Sendable (String) -> Void

    /// Key: SHA-256 of `owner/name/SECRET`, since names of secrets may be longer than a record's key.
    static let printKind = "secret-print"
    static let keyKind = "secret-print-key"
    static let keyName = "hmac-sha256"

    private var older: String { folder + "/secret-prints.json" }

    /// What is kept; an empty list when nothing is, and then nothing is made.
    func read() async throws -> SecretFingerprints {
        let found = try await look()
        return try await withRecords(making: found != .nothing) { (records) async throws(Failure) in
            if found != .nothing { try await carry(found, into: records) }
            guard let key = try await key(in: records, making: false) else { return SecretFingerprints() }
            return try await prints(of: key, in: records)
        } ?? SecretFingerprints()
    }

    /// The same, and makes the key when there is none: commands that begin together must have the same one.
    func begin() async throws -> SecretFingerprints {
        try makeFolder()
        let found = try await look()
        let prints = try await withRecords(making: true) { (records) async throws(Failure) in
            try await carry(found, into: records)
            guard let key = try await key(in: records, making: true) else { return SecretFingerprints() }
            return try await self.prints(of: key, in: records)
        }
        return prints ?? SecretFingerprints()
    }

    /// Writes what a command noted and forgot between two states of the list; what others wrote meanwhile stays.
    func keep(from before: SecretFingerprints, to after: SecretFingerprints) async throws {
        let changes = after.changes(since: before).sorted { $0.key < $1.key }
        guard !changes.isEmpty else { return }
        _ = try await withRecords(making: true) { (records) async throws(Failure) in
            for (place, entry) in changes {
                if let entry {
                    try await records.put(record(of: place, entry, after))
                } else {
                    try await records.remove(kind: Self.printKind, key: Self.key(of: place))
                }
            }
        }
    }

    // MARK: Records

    private func withRecords<T: Sendable>(
        making: Bool, _ body: (any RecordStore) async throws(Failure) -> T
    ) async throws(Failure) -> T? {
        do throws(Failure) {
            return try await SharedStores.using(
                folder + "/stoker.sqlite", making: making,
                logger: Logger(label: "stoker") { _ in SwiftLogNoOpLogHandler() }
            ) { (stores) async throws(Failure) in try await body(stores.records) }
        } catch {
            throw Failure(
                error.code, doing: "remember which secrets were written", because: "\(error.doing): \(error.because)",
                hint:
                    "secrets that were written stay written, and are written again next time; STOKER_DATA names another folder",
                retry: error.retry, cause: error)
        }
    }

    private func key(in records: any RecordStore, making: Bool) async throws(Failure) -> Data? {
        let kept = try await records.record(kind: Self.keyKind, key: Self.keyName)
        if let kept, let key = Self.key(in: kept) { return key }
        guard making || kept != nil else { return nil }
        if kept != nil {
            tell(
                "the key of the hashes of secrets was damaged and is made anew; what was written before is not known any more, so secrets are written once more than needed"
            )
        }
        let new = SecretFingerprints().key
        // Another command may make one at the same moment: the first one stays.
        if try await put(key: new, into: records, ifVersion: kept?.version ?? 0) { return new }
        return try await records.record(kind: Self.keyKind, key: Self.keyName).flatMap { Self.key(in: $0) }
    }

    private func put(key: Data, into records: any RecordStore, ifVersion version: Int64) async throws(Failure) -> Bool {
        let body: JSONValue = ["key": .string(key.base64EncodedString())]
        let record = NewRecord(kind: Self.keyKind, key: Self.keyName, body: body.text, at: now())
        return try await records.put(record, ifVersion: version) != nil
    }

    private static func key(in record: Record) -> Data? {
        guard let text = (try? JSONValue(reading: Array(record.body.utf8)))?["key"]?.string,
            let key = Data(base64Encoded: text), key.count >= SecretFingerprints.leastKey
        else { return nil }
        return key
    }

    private func prints(of key: Data, in records: any RecordStore) async throws(Failure) -> SecretFingerprints {
        guard let empty = SecretFingerprints(key: key) else { return SecretFingerprints() }
        var entries: [String: SecretFingerprints.Entry] = [:]
        for record in try await records.records(kind: Self.printKind) {
            // What cannot be read is unknown, and so is what another key made.
            guard let body = try? JSONValue(reading: Array(record.body.utf8)), let place = body["secret"]?.string,
                body["key"]?.string == empty.keyName, let print = body["print"]?.string,
                let updatedAt = body["updated_at"]?.string
            else { continue }
            entries[place] = .init(print: print, updatedAt: updatedAt)
        }
        return SecretFingerprints(key: key, entries: entries) ?? empty
    }

    private func record(
        of place: String, _ entry: SecretFingerprints.Entry, _ prints: SecretFingerprints
    ) -> NewRecord {
        let body: JSONValue = [
            "secret": .string(place), "print": .string(entry.print), "updated_at": .string(entry.updatedAt),
            "key": .string(prints.keyName),
        ]
        return NewRecord(kind: Self.printKind, key: Self.key(of: place), body: body.text, at: now())
    }

    private static func key(of place: String) -> String { SecretFingerprints.digest(of: place) }

    // MARK: The file of earlier versions

    private enum Older: Equatable, Sendable {
        case nothing, damaged
        case prints(SecretFingerprints)
    }

    private func look() async throws -> Older {
        try await FileLane().run("read \(older)", within: .seconds(10)) { [older] in
            guard FileManager.default.fileExists(atPath: older) else { return .nothing }
            let data: Data
            do { data = try PlainFile.read(older, upTo: 32 << 20) } catch {
                // Another command may have moved it aside since we looked.
                guard FileManager.default.fileExists(atPath: older) else { return .nothing }
                throw Failure(
                    .fileUnreadable, doing: "read \(older)", because: "it cannot be opened or read",
                    hint: "look at its owner and rights, or name another folder with STOKER_DATA", cause: error)
            }
            let prints = try? JSONDecoder().decode(SecretFingerprints.self, from: data)
            guard let prints, prints.key.count >= SecretFingerprints.leastKey else { return .damaged }
            return .prints(prints)
        }
    }

    /// Repeated after a kill in between it changes nothing: what is in the ledger already is newer and stays.
    private func carry(_ found: Older, into records: any RecordStore) async throws(Failure) {
        switch found {
        case .nothing: return
        case .damaged:
            if try await moveAside("damaged") {
                tell(
                    "\(older) was damaged and is now \(older).damaged; what only it knew is lost, so those secrets are written once more than needed"
                )
            }
        case .prints(let prints):
            if try await !put(key: prints.key, into: records, ifVersion: 0),
                try await key(in: records, making: true) != prints.key
            {
                if try await moveAside("moved") {
                    tell(
                        "\(older) was written by an older Stoker after a newer one had begun to keep hashes of secrets in the ledger; it is now \(older).moved, and its secrets are written once more than needed"
                    )
                }
                return
            }
            for (place, entry) in prints.entries.sorted(by: { $0.key < $1.key }) {
                try await records.put(record(of: place, entry, prints), ifVersion: 0)
            }
            _ = try await moveAside("moved")
        }
    }

    /// - Returns: false when another command did it meanwhile.
    private func moveAside(_ ending: String) async throws(Failure) -> Bool {
        do {
            return try await FileLane().run("move \(older) aside", within: .seconds(10)) { [older] in
                guard rename(older, "\(older).\(ending)") == 0 else {
                    let error = SystemError()
                    guard FileManager.default.fileExists(atPath: older) else { return false }
                    throw error
                }
                unlink(older + ".lock")
                return true
            }
        } catch {
            throw Failure(
                .fileUnwritable, doing: "move \(older) aside", because: "\(error)",
                hint: "its hashes are kept in the ledger now: look at the folder's rights, or remove the file",
                cause: error)
        }
    }

    private func makeFolder() throws(Failure) {
        do { try PrivateFolder.make(folder) } catch {
            throw Failure(
                .fileUnwritable, doing: "remember which secrets were written",
                because: "the folder \(folder) cannot be made",
                hint: "let STOKER_DATA name a folder that can be written", cause: error)
        }
    }
}
