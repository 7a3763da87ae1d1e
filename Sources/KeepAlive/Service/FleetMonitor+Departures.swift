import Ledger
import Logging
import Runtime
import StokerCore

/// Checks that left the fleet.
extension FleetMonitor {
    func depart(_ one: Shard.CarriedState) {
        var saved = SavedState(
            state: one.core.state, nextDue: one.core.due.map(Instant.init(milliseconds:)) ?? .never)
        if let open = Judge.openIncident(saved.state, check: one.core.id) {
            saved = Self.withoutIncident(saved)
            endOrphan(open, .left, of: one.name, saved)
        }
        saved.state.isBlind = true
        unsee(one.core.id, saved)
        departed.add(one.core.id, saved, space: one.space)
    }

    /// So that it begins anew should it come back; only a pause stays.
    static func withoutIncident(_ saved: SavedState?) -> SavedState {
        guard var saved, saved.state.verdict == .paused else {
            return SavedState(state: CheckState(), nextDue: .never)
        }
        saved.state.incidentOpen = false
        saved.state.wasBad = false
        return saved
    }

    /// Nobody looks at a check any more: uptime counts neither way until somebody does.
    func unsee(_ check: Int32, _ saved: SavedState? = nil) {
        guard check >= 0 else { return }
        let now = clocks.wall()
        writer.enqueue(
            Batch(
                states: saved.map { [(check: check, state: $0)] } ?? [],
                timeline: [.change(StandingChange(check: check, at: now, seen: now, standing: .blind))]))
    }

    /// The check is not in the fleet any more: nobody would ever end its incident.
    func endOrphan(
        _ incident: Incident, _ how: EventPayload.IncidentEnd, of name: String?, _ saved: SavedState? = nil
    ) {
        let now = clocks.wall()
        var ended = incident
        ended.ended = max(now, incident.began)
        let event = Event(
            at: now, check: incident.check, .incidentEnded(check: name, how: how, lastedMilliseconds: nil))
        feed.add(names: [], events: [event])
        guard incident.check >= 0 else { return }
        let states = saved.map { [(check: incident.check, state: $0)] } ?? []
        writer.enqueue(Batch(states: states, incidents: [ended], events: [event]))
    }

    /// Ends what checks left open that the fleet lost while no Stoker was running. Spaces that discovery may still bring are not lost.
    func endOrphans() async {
        guard hasOrphans, isDiscovered else { return }
        do throws(Failure) {
            var known = Set(try await ledger.register(current.checks.map(\.name)))
            // Their incidents were ended when they left.
            known.formUnion(departed.ids)
            var states: [Int32: SavedState]?
            var before: Int64?
            while true {
                let page = try await ledger.incidents(of: nil, openOnly: true, before: before, limit: 500)
                for incident in page
                where incident.check != Incident.ofLedger && !known.contains(incident.check) {
                    if states == nil { states = try await ledger.savedStates() }
                    endOrphan(
                        incident, .left, of: nil, Self.withoutIncident(states?[incident.check]))
                }
                guard page.count == 500, let last = page.last?.id, last != before else { break }
                before = last
            }
            // What else left while no Stoker ran has been out of sight since then.
            for (check, var saved) in lost where !known.contains(check) {
                saved.state.isBlind = true
                unsee(check, saved.state.incidentOpen ? Self.withoutIncident(saved) : saved)
            }
            lost = [:]
            hasOrphans = false
        } catch {
            // The next reading of the Hub, reload or start tries again.
            logger.warning("Incidents of checks that left could not be ended", metadata: ["error": "\(error)"])
        }
    }

    /// Whether everything that the Hub is to bring into the fleet has been listed once.
    var isDiscovered: Bool {
        guard hub.isWatched, let discovery = written.hub.discovery else { return true }
        return discovery.namespaces.allSatisfy(hub.hasListed)
    }
}
