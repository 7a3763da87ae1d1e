import StokerCore
import Synchronization

/// All checks that text and group let pass, counted as the page shows them. Made at most twice a second of a large fleet, however many ask.
struct FleetDigest: Sendable {
    struct Group: Sendable {
        var name: String
        /// In the order of the fleet file.
        var items: [CheckStatus]
    }

    /// In the order of the fleet file.
    let items: [CheckStatus]
    /// By the name of a look; missing is zero.
    let counts: [String: Int]
    /// The whole fleet's state, as if it were only these.
    let overview: Overview
    let groups: [Group]

    init(_ items: [CheckStatus], overview whole: Overview, isPart: Bool) {
        self.items = items
        var counts: [String: Int] = [:]
        var verdicts: [Verdict: Int] = [:]
        var order: [String] = []
        var grouped: [String: [CheckStatus]] = [:]
        for item in items {
            counts[item.state.look, default: 0] += 1
            verdicts[item.state.verdict, default: 0] += 1
            let name = item.check.groupLabel
            if grouped[name] == nil { order.append(name) }
            grouped[name, default: []].append(item)
        }
        self.counts = counts
        groups = order.map { Group(name: $0, items: grouped[$0] ?? []) }
        var part = whole
        if isPart {
            part.counts = verdicts
            part.total = items.count
            part.flapping = items.count { $0.state.appearance == .flapping }
            part.moderated = counts[Look.moderated.name] ?? 0
        }
        overview = part
    }

    /// Somebody should look: the worst first, in the fleet file's order among equals.
    var sick: [CheckStatus] { Self.sorted(items.filter(\.state.isTrouble)) }
    /// Nothing to do yet.
    var unsteady: [CheckStatus] { Self.sorted(items.filter(\.isUnsteady)) }

    static func sorted(_ items: [CheckStatus]) -> [CheckStatus] {
        items.enumerated().sorted { ($0.element.state.urgency, $0.offset) < ($1.element.state.urgency, $1.offset) }
            .map(\.element)
    }
}

extension CheckStatus {
    /// Comes and goes, is slow or wakes: shown before those that are well.
    var isUnsteady: Bool {
        state.appearance.isUnsteady && !state.isTrouble
    }
}

/// The last digests that were asked for.
final class FleetDigests: Sendable {
    private struct Key: Hashable { var text, group: String }
    private struct Kept {
        var digest: FleetDigest
        var generation: UInt64
        var fleetNumber: UInt64
        var acts: UInt64
        var madeAt: ContinuousClock.Instant
    }
    private struct Shelf {
        var kept: [Key: Kept] = [:]
        var acts: UInt64 = 0
    }
    /// A digest of a small fleet is made in no time; of a large one it may be this old.
    private static let usable = Duration.milliseconds(500)
    private static let large = 500
    private let shelf = Mutex(Shelf())

    /// Somebody did something on a page: he is to see it on the next.
    func invalidate() { shelf.withLock { $0.acts += 1 } }

    func digest(_ view: View, _ monitor: any FleetMonitoring, _ overview: Overview) async -> FleetDigest {
        let key = Key(text: view.text, group: view.group)
        let now = ContinuousClock.now
        let (ready, acts): (FleetDigest?, UInt64) = shelf.withLock { shelf in
            guard let kept = shelf.kept[key], kept.acts == shelf.acts, kept.fleetNumber == overview.fleetNumber,
                now - kept.madeAt < .seconds(5),
                kept.generation == overview.generation && overview.total > Self.large
                    || kept.digest.items.count > Self.large && now - kept.madeAt < Self.usable
            else { return (nil, shelf.acts) }
            return (kept.digest, shelf.acts)
        }
        if let ready { return ready }
        let found = await monitor.statuses(
            StatusQuery(text: view.text, group: view.group.isEmpty ? nil : view.group))
        let digest = FleetDigest(found.items, overview: overview, isPart: !view.text.isEmpty || !view.group.isEmpty)
        shelf.withLock { shelf in
            if shelf.kept.count >= 16 { shelf.kept = [:] }
            shelf.kept[key] = Kept(
                digest: digest, generation: overview.generation, fleetNumber: overview.fleetNumber, acts: acts,
                madeAt: now)
        }
        return digest
    }
}
