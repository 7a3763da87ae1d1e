package import StokerCore

/// What one look at a vault told of a state. Nothing is written by it.
package struct StateReading: Sendable, Equatable {
    package var vault: String
    package var at: Instant
    /// nil: the vault is empty. Known without the key, as the next three.
    package var epoch: UInt64?
    package var sequence: UInt64?
    package var newestTime: Instant?
    package var isSealed = false
    /// With the key.
    package var inside: Inside?
    /// Why there is nothing inside, though it is sealed: the key is missing or wrong.
    package var keyTrouble: String?
    /// Bytes of all packs.
    package var stored: Int64 = 0
    /// Recovery records that were not known before, oldest first.
    package var recoveries: [JSONValue] = []

    package struct Inside: Sendable, Equatable {
        package var holder: Holder?
        package var newest: Snapshot?
        /// Newest first.
        package var snapshots: [Snapshot]
        package var held: [HeldSnapshot]
        package var strays: [Stray]
    }

    package init(vault: String, at: Instant) {
        self.vault = vault
        self.at = at
    }

    /// - Parameter known: epochs of recovery records that need not be read again.
    /// - Throws: when the vault cannot be reached or its head not be read. A key that does not fit is told in the reading.
    package static func read(
        _ store: SnapshotStore, now: Instant, knowing known: Set<UInt64> = []
    ) async throws -> StateReading {
        var reading = StateReading(vault: store.vault.name, at: now)
        guard let summary = try await store.summary() else { return reading }
        (reading.epoch, reading.sequence) = (summary.epoch, summary.sequence)
        (reading.newestTime, reading.isSealed) = (summary.newest, summary.isSealed)
        do {
            reading.stored = try await store.vault.list("v1/p/").reduce(0) { $0 + Int64($1.size) }
            reading.recoveries = try await RecoveryRecords.list(of: store.vault, except: known)
        } catch { throw Failure(error) }
        do {
            reading.inside = Inside(
                holder: try await store.holder(), newest: try await store.newest(),
                snapshots: try await store.snapshots(), held: try await store.heldSnapshots(),
                strays: try await store.strays())
        } catch let failure as Failure where failure.code == .vaultKey {
            reading.keyTrouble = failure.because
        }
        return reading
    }
}
