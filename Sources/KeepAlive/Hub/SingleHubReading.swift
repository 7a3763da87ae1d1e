package import StokerCore

/// The Hub's word for commands that look once: addresses, private Spaces' tokens and discovered Spaces, as a server has them after its
/// first reading.
package struct SingleHubReading: Sendable {
    /// The fleet, completed with what could be read.
    package var fleet: Fleet
    /// Checks whose Space is not public.
    package var hidden: Set<String> = []
    /// What could not be read.
    package var failures: [Failure] = []

    /// Spaces that a listing does not have are asked for one by one; so many at most.
    private static let maxSingles = 20

    /// One reading of all that the fleet names.
    package static func take(_ fleet: Fleet, of hub: any HubGateway, now: Instant) async -> SingleHubReading {
        let knowledge = HubReadings()
        var glance = SingleHubReading(fleet: fleet)
        var (namespaces, singles) = ReadingPlan.divide(fleet)
        for namespace in namespaces {
            do throws(Failure) {
                let listing = try await hub.spaces(of: namespace).spaces
                _ = knowledge.take(listing, of: namespace, now: now)
                let listed = Set(listing.map { SpaceName.key($0.id) })
                let own = Set(fleet.checks.compactMap(\.space)).filter {
                    SpaceName.key($0).hasPrefix(namespace.lowercased() + "/")
                }
                singles += own.filter { !listed.contains(SpaceName.key($0)) }.sorted()
            } catch {
                glance.failures.append(error)
            }
        }
        for space in singles.prefix(maxSingles) {
            do throws(Failure) {
                if let facts = try await hub.space(space) { _ = knowledge.take(facts, as: space, now: now) }
            } catch {
                glance.failures.append(error)
            }
        }
        let words = knowledge.words
        glance.fleet = FleetComposer.compose(fleet, with: words)
        glance.hidden = Set(
            glance.fleet.checks.filter { check in
                let facts = check.space.flatMap { words[SpaceName.key($0)]?.facts }
                return facts.map { $0.visibility != .public } ?? false
            }.map(\.name))
        return glance
    }
}
