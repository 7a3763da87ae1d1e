import Logging
import Runtime
import StokerCore

extension SnapshotStore {
    /// Before a claim: time for politeness only. A holder that lives publishes and stops; one that is known to be dead is not waited for, and
    /// one that does not answer is fenced by the claim.
    /// - Parameters:
    ///   - wait: the longest.
    ///   - most: how often a vault that does not answer is asked, each time for as long as this store is patient.
    package func askForPen(as name: String, within wait: Duration, most: Int = 6) async throws {
        guard let holder = try await patiently(most: most, { try await self.holder() }), !holder.hasReleased,
            !(GuardHolder(reading: holder.name)?.isDead ?? false)
        else { return }
        logger.notice(
            "another has the pen; it is asked to hand over", metadata: ["holder": "\(GuardHolder.shown(holder.name))"])
        do { try await requestPen(as: name) } catch {
            logger.warning("the holder could not be asked", metadata: ["because": "\(error)"])
        }
        let end = ContinuousClock.now + wait
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(500))
            guard let now = try? await self.holder() else { continue }
            if now.hasReleased || now.epoch != holder.epoch { return }
        }
        logger.warning(
            "it did not hand over within \(wait.text): it is fenced",
            metadata: ["holder": "\(GuardHolder.shown(holder.name))"])
    }

    /// Calls again what may succeed the next time.
    /// - Parameter most: how often in all.
    nonisolated func patiently<Value: Sendable>(
        most: Int = 6, _ call: () async throws -> Value
    ) async throws -> Value {
        var tries = 0
        while true {
            do { return try await call() } catch {
                tries += 1
                let retry = (error as? Failure)?.retry ?? .never
                guard retry != .never, tries < most else { throw error }
                var wait = Duration.seconds(1 << tries)
                if case .after(let asked) = retry { wait = min(max(wait, asked), .seconds(120)) }
                logger.warning("the vault is asked again in \(wait.text)", metadata: ["because": "\(error)"])
                try await Task.sleep(for: wait)
            }
        }
    }
}
