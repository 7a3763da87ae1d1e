import Ledger
import Logging
import Runtime
package import StokerCore

/// Damage of the ledger, which somebody has to look at.
extension FleetMonitor {
    func lookForDamage() async {
        let found = writer.damages
        guard hasBegun, found != damagesFound else { return }
        damagesFound = found
        await readDamage()
    }

    func readDamage() async {
        do throws(Failure) {
            var found: [LedgerDamage] = []
            for incident in try await ledger.incidents(
                of: Incident.ofLedger, openOnly: true, before: nil, limit: 10)
            {
                let told = try await ledger.events(of: Incident.ofLedger, before: nil, limit: 100).first {
                    $0.at == incident.began
                }
                found.append(
                    LedgerDamage(
                        incident: incident.id, at: incident.began,
                        text: told?.text ?? "The ledger was damaged; what was written down of it cannot be read"))
            }
            guard found != damages else { return }
            damages = found
            feed.add(names: [], events: [], everything: true)
        } catch {
            logger.warning("Whether the ledger was damaged could not be read", metadata: ["error": "\(error)"])
        }
    }

    /// Damage that somebody has to look at before anything is restarted: earlier restarts may be forgotten.
    package var standingDamage: LedgerDamage? { damages.first }

    package func acknowledge(_ incident: Int64) async throws(Failure) {
        guard let index = damages.firstIndex(where: { $0.incident == incident }) else {
            throw .nothingToAcknowledge(incident, open: damages)
        }
        let damage = damages.remove(at: index)
        let now = clocks.wall()
        let ended = Incident(
            id: incident, check: Incident.ofLedger, began: damage.at, ended: max(now, damage.at), verdict: .down,
            cause: .ledgerDamaged)
        let event = Event(at: now, .ledgerAcknowledged(incident: incident))
        feed.add(names: [], events: [event], everything: true)
        writer.enqueue(Batch(incidents: [ended], events: [event]))
        try await ensureDurable("acknowledge incident \(incident)")
    }
}
