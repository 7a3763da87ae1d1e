import Deployment
import HubClient
import Ledger
package import StokerCore

/// Looks for drift again and again, a few Spaces at a time, and tells what is new. Only reads.
package struct DriftWatch: Sendable {
    /// Times of it.
    package struct Schedule: Sendable {
        /// After a start: the fleet's own readings come first.
        package var first = Duration.seconds(600)
        /// Between the ends of two rounds.
        package var every = Duration.seconds(6 * 3_600)
        /// Between two looks, so that each has five minutes of the fleet's requests.
        package var pause = Duration.seconds(300)
        /// Behind a round that could not look at all of them.
        package var retry = Duration.seconds(1_800)
        package init() {}
    }

    /// Requests of one look: half of what a fleet takes in five minutes, so that its readings on schedule go on.
    package static let requestsAtOnce = 25

    private let context: OperationContext
    private let schedule: Schedule
    private var told = ToldDrift()
    private var isRestored = false
    private static let most = 5

    package init(context: OperationContext, schedule: Schedule = Schedule()) {
        self.context = context
        self.schedule = schedule
    }

    /// Looks until `sleep` throws.
    /// - Parameters:
    ///   - mayAct: whether this master is the one at work, and sure of its own network.
    ///   - emit: takes events for what began to differ, differs in something else, or does not differ any more.
    ///   - failed: takes what kept a look from being made, with the names of its Spaces.
    package mutating func run(
        mayAct: () async -> Bool, emit: (EventPayload) async -> Void,
        failed: (_ names: [String], any Error) async -> Void, sleep: (Duration) async throws -> Void
    ) async throws {
        var wait = schedule.first
        /// Those that could not be looked at; nil: all are due.
        var left: [[String]]?
        var sinceRound = Duration.zero
        while true {
            try await sleep(wait)
            sinceRound += wait
            if sinceRound >= schedule.every { left = nil }
            if left == nil { sinceRound = .zero }
            var open: [[String]] = []
            do {
                let due = if let left { left } else { try await groups() }
                for (number, names) in due.enumerated() {
                    if number > 0 { try await sleep(schedule.pause) }
                    while await !mayAct() { try await sleep(schedule.pause) }
                    do {
                        for event in try await look(at: names) { await emit(event) }
                        await keepTold()
                    } catch let error as CancellationError { throw error } catch {
                        // The Hub's client has its own word for being called off.
                        try Task.checkCancellation()
                        open.append(names)
                        await failed(names, error)
                    }
                }
            } catch let error as CancellationError { throw error } catch {
                await failed([], error)
            }
            left = open.isEmpty ? nil : open
            wait = open.isEmpty ? schedule.every : schedule.retry
        }
    }

    /// The Spaces of the running fleet that are deployed, in groups that are looked at one after the other.
    package func groups() async throws -> [[String]] {
        var groups: [[String]] = []
        var cost = Self.requestsAtOnce
        var namespaces: [String: Int] = [:]
        for deploy in try await DeployWork(running: context).all {
            // A namespace is asked for its Spaces one by one, and from some on in a listing.
            let isAsked = namespaces[deploy.space.namespace.lowercased(), default: 0] < 3
            // Variables, secrets and files, and what else is named.
            let own =
                3 + (deploy.visibility == .protected ? 1 : 0) + deploy.needs.count
                + (deploy.duplicateOf == nil ? 0 : 3)
            if cost + own + (isAsked ? 1 : 0) > Self.requestsAtOnce {
                groups.append([])
                (cost, namespaces) = (0, [:])
            }
            cost += own + (namespaces[deploy.space.namespace.lowercased(), default: 0] < 3 ? 1 : 0)
            namespaces[deploy.space.namespace.lowercased(), default: 0] += 1
            groups[groups.count - 1].append(deploy.target)
        }
        return groups
    }

    /// One look.
    /// - Returns: events for what began to differ, differs in something else, or does not differ any more.
    package mutating func look(at names: [String]) async throws -> [EventPayload] {
        await restore()
        let work = try await DeployWork(running: context)
        // The fleet file may have changed between two groups.
        told.forget(except: Set(work.all.map { "\($0.space)" }))
        let deploys = work.all.filter { names.contains($0.target) }
        guard !deploys.isEmpty else { return [] }
        let plan = try await work.prepare(deploys, isDrift: true, isUnattended: true).plan
        await DeployLooks.keep(plan, among: work.all.map(\.target), as: .drift, in: context)
        let names = Dictionary(deploys.map { ($0.target, "\($0.space)") }, uniquingKeysWith: { first, _ in first })
        var events: [EventPayload] = []
        for space in plan.spaces {
            let what = space.changes.flatMap(\.names)
            let id = "\(space.space)"
            guard told.note(what, of: names[space.target] ?? id) else { continue }
            events.append(
                what.isEmpty
                    ? .driftEnded(space: id, check: space.target)
                    : .drifted(
                        space: id, check: space.target, what: Array(what.prefix(Self.most)),
                        more: what.count > Self.most ? what.count - Self.most : nil))
        }
        return events
    }

    // MARK: What was told, also by an earlier process

    private mutating func restore() async {
        guard !isRestored else { return }
        isRestored = true
        // Unread, it is told once more.
        if let records = try? context.ledger.records, let known = try? await ToldDrift(records) { told = known }
    }

    private mutating func keepTold() async {
        guard let records = try? context.ledger.records else { return }
        // Unwritten, it is told once more after a start.
        try? await told.keep(in: records, now: context.now())
    }
}

/// Of which Spaces it was told that they are otherwise than the fleet file says, and in what.
private struct ToldDrift: Sendable {
    /// Digests of what was told, by the Space's name in the fleet file.
    private var spaces: [String: String] = [:]
    private var changed: Set<String> = []
    private static let record = "drift-told"

    init() {}

    init(_ records: any RecordStore) async throws(Failure) {
        for record in try await records.records(kind: Self.record) {
            guard let body = try? JSONValue(reading: Array(record.body.utf8)), let space = body["space"]?.string,
                let what = body["what"]?.string
            else { continue }
            spaces[space] = what
        }
    }

    /// - Returns: whether it is news.
    mutating func note(_ what: [String], of space: String) -> Bool {
        let digest = what.isEmpty ? nil : SecretFingerprints.digest(of: what.joined(separator: "\n"))
        guard spaces[space] != digest else { return false }
        spaces[space] = digest
        changed.insert(space)
        return true
    }

    /// What left the fleet file has nothing to differ from.
    mutating func forget(except known: Set<String>) {
        for space in spaces.keys.filter({ !known.contains($0) }) {
            spaces[space] = nil
            changed.insert(space)
        }
    }

    mutating func keep(in records: any RecordStore, now: Instant) async throws(Failure) {
        for space in changed.sorted() {
            let key = SecretFingerprints.digest(of: space.lowercased())
            if let what = spaces[space] {
                let body: JSONValue = ["space": .string(space), "what": .string(what)]
                try await records.put(NewRecord(kind: Self.record, key: key, body: body.text, at: now))
            } else {
                try await records.remove(kind: Self.record, key: key)
            }
            changed.remove(space)
        }
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
