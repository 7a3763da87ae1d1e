import Deployment
package import StokerCore

/// Looks for drift again and again, a few Spaces at a time, and tells what is new.
package struct DriftWatch: Sendable {
    /// Spaces of one look: each takes three requests at most, so that a look stays below the 50 in five minutes of a fleet.
    package static let spacesAtOnce = 14

    private let context: OperationContext
    /// What differed when it was looked last, by Space. Of a Space that is not in it nothing was told.
    private var told: [RepoName: [String]] = [:]
    private typealias RepoName = String
    private static let most = 5

    package init(context: OperationContext) { self.context = context }

    /// The Spaces of the running fleet that are deployed, in groups that are looked at one after the other.
    package func groups() async throws -> [[String]] {
        let work = try await DeployWork(running: context)
        let names = work.all.map(\.target)
        return stride(from: 0, to: names.count, by: Self.spacesAtOnce).map {
            Array(names[$0..<min($0 + Self.spacesAtOnce, names.count)])
        }
    }

    /// One look.
    /// - Returns: events for what began to differ, differs in something else, or does not differ any more.
    package mutating func look(at names: [String]) async throws -> [EventPayload] {
        let work = try await DeployWork(running: context)
        let known = Set(work.all.map(\.target))
        // The fleet file may have changed between two groups.
        let deploys = work.all.filter { names.contains($0.target) && known.contains($0.target) }
        guard !deploys.isEmpty else { return [] }
        let plan = try await work.prepare(deploys, isDrift: true, isUnattended: true).plan
        var events: [EventPayload] = []
        for space in plan.spaces {
            let id = "\(space.space)"
            let what = space.changes.flatMap(\.names)
            if what == told[id] ?? [] { continue }
            told[id] = what.isEmpty ? nil : what
            events.append(
                what.isEmpty
                    ? .driftEnded(space: id, check: space.target)
                    : .drifted(
                        space: id, check: space.target, what: Array(what.prefix(Self.most)),
                        more: what.count > Self.most ? what.count - Self.most : nil))
        }
        return events
    }
}

extension PlannedChange {
    /// What is changed, for a sentence.
    var names: [String] {
        switch self {
        case .create, .duplicate: ["it is not there"]
        case .visibility: ["visibility"]
        case .hardware: ["hardware"]
        case .sleepTime: ["sleep"]
        case .variable(let key, _, _): ["variable \(key)"]
        case .secret(let key, _): ["secret \(key)"]
        case .volumes: ["volumes"]
        case .files(let changes): changes.files.map(\.path.printable)
        }
    }
}
