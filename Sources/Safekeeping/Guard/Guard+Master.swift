import Glibc
import Logging
import Runtime
package import StokerCore

/// A master that remembers how far a state's vault was, and that is told of starts and of trouble.
package struct GuardMaster: Sendable {
    /// What it is told.
    package struct Report: Sendable, Equatable {
        /// Address of the vault, without passwords.
        package var vault: String
        package var epoch: UInt64
        /// The highest that this guard has seen.
        package var sequence: UInt64
        package var safeUntil: Instant?
        /// Why the last snapshot is not in the vault.
        package var trouble: String?
        /// With the first report of a start.
        package var recovery: RecoveryRecord?
    }

    /// The highest sequence that anybody saw of this state in that vault; 0 for none.
    package var recall: @Sendable (_ vault: String) async throws -> UInt64
    /// - Returns: whether a person wants a snapshot now.
    package var tell: @Sendable (Report) async throws -> Bool

    package init(
        recall: @escaping @Sendable (_ vault: String) async throws -> UInt64,
        tell: @escaping @Sendable (Report) async throws -> Bool
    ) {
        self.recall = recall
        self.tell = tell
    }
}

extension Guard {
    /// What the master remembers of the vault. One that does not answer keeps no app from starting: it is down more often than a vault is emptied.
    func remembered() async -> UInt64 {
        guard let master else { return 0 }
        let vault = store.vault.name
        for attempt in 1...2 {
            do {
                guard let known = try await withTimeout(.seconds(10), { try await master.recall(vault) }) else {
                    throw Failure(.vaultUnavailable, doing: "ask the master", because: "it did not answer within 10s")
                }
                return known
            } catch {
                if Task.isCancelled { return 0 }
                logger.warning(
                    attempt == 1
                        ? "the master does not say how far the vault was; it is asked once more"
                        : "the master does not say how far the vault was: an emptied one would not be noticed",
                    metadata: ["because": "\(error)"])
                if attempt == 1 { try? await Task.sleep(for: .seconds(2)) }  // cancelled: the next look says so
            }
        }
        return 0
    }

    /// Until it is cancelled: tells the master how far it is, and has the snapshot made that a person asked for there.
    func tellingMaster(_ record: RecoveryRecord) async {
        guard let master, claim != nil else { return }
        var isTold = false
        while !Task.isCancelled {
            let facts = status.current
            let report = GuardMaster.Report(
                vault: store.vault.name, epoch: claim?.epoch ?? 0, sequence: await store.highestSequence,
                safeUntil: facts.safeUntil, trouble: facts.trouble, recovery: isTold ? nil : record)
            do {
                guard let isWanted = try await withTimeout(.seconds(20), { try await master.tell(report) }) else {
                    throw Failure(
                        .vaultUnavailable, doing: "tell the master", because: "it did not answer within 20s")
                }
                isTold = true
                // What comes of it is told with the next word.
                if isWanted { take(SIGUSR1) }
            } catch {
                if Task.isCancelled { return }
                logger.warning("the master was not told how far the vault is", metadata: ["because": "\(error)"])
            }
            do { try await Task.sleep(for: settings.masterPoll) } catch { return }
        }
    }
}
