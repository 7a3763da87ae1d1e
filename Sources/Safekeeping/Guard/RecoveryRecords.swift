import NIOCore
package import StokerCore

/// Recovery records beside the snapshots, for who looks at a vault: `v1/records/<epoch>`.
///
/// They are not sealed, so that a master without the key can show them: they say what a vault's observer knows already (epochs, times), and how
/// long it took. Nothing of the state is in them, and no reason: reasons name files.
package enum RecoveryRecords {
    static let prefix = "v1/records/"
    static let kept = 50

    static func name(of epoch: UInt64) -> String {
        let digits = String(epoch)
        return prefix + String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }

    static func add(_ record: RecoveryRecord, to vault: any Vault) async throws(VaultFailure) {
        let document: JSONValue = [
            "outcome": .string(record.outcome.rawValue), "at": .string(record.at.description),
            "epoch": .integer(Int64(clamping: record.epoch)), "released": .bool(record.wasReleased),
            "from": record.from.map { .string($0.description) } ?? .null, "seconds": .number(record.duration.seconds),
        ]
        try await vault.put(ByteBuffer(string: document.text), as: name(of: record.epoch), .atOnce)
        let all = try await vault.list(prefix)
        if all.count > kept { try await vault.delete(all.prefix(all.count - kept).map(\.name)) }
    }

    /// Those of epochs that are not known yet, oldest first.
    static func list(of vault: any Vault, except known: Set<UInt64>) async throws(VaultFailure) -> [JSONValue] {
        var records: [JSONValue] = []
        for object in try await vault.list(prefix).suffix(kept) {
            if let epoch = UInt64(object.name.dropFirst(prefix.count)), known.contains(epoch) { continue }
            guard let bytes = try await vault.read(object.name, 0..<4_096) else { continue }
            if let record = try? JSONValue(reading: String(buffer: bytes)) { records.append(record) }
        }
        return records
    }

    /// Newest first.
    package static func list(of vault: any Vault, upTo limit: Int = kept) async throws(VaultFailure) -> [JSONValue] {
        var records: [JSONValue] = []
        for object in try await vault.list(prefix).suffix(limit).reversed() {
            guard let bytes = try await vault.read(object.name) else { continue }
            if let record = try? JSONValue(reading: String(buffer: bytes)) { records.append(record) }
        }
        return records
    }
}
