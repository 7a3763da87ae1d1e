package import Deployment
package import Ledger
package import StokerCore

/// The plan and the drift that were looked at last, kept as records of the ledger so that a page shows them: one record for the whole and one for each
/// Space that differs. What is too large for a record loses its diffs, then its list of files.
package struct DeployLooks: Sendable {
    package enum Kind: String, Sendable, CaseIterable { case plan, drift }

    /// What is known of the last look.
    package struct Look: Sendable, Equatable {
        /// Only the Spaces that differ.
        package var plan: DeployPlan
        /// Spaces that are as the fleet file says.
        package var same: Int
        /// ``DeployPlan/digest`` of the whole plan as it was looked at.
        package var digest: String?
    }

    /// Key: `plan` or `drift`; for its Spaces a slash, when it was made and a number of four digits behind it.
    static let record = "deploy-look"
    /// Spaces that are kept.
    private static let mostSpaces = 500
    /// Nobody acts on what is older.
    private static let keptFor = Duration.seconds(90 * 86_400)

    private let records: any RecordStore

    package init(_ records: any RecordStore) { self.records = records }

    /// - Parameter all: how many Spaces are deployed; as many as the plan has unless given.
    package func keep(_ plan: DeployPlan, as kind: Kind, outOf all: Int? = nil) async throws(Failure) {
        let changed = plan.spaces.filter { !$0.changes.isEmpty || !$0.obstacles.isEmpty }
        let prefix = "\(kind.rawValue)/\(plan.made.milliseconds)/"
        func record(_ key: String, _ body: JSONValue) -> NewRecord {
            NewRecord(
                kind: Self.record, key: key, body: body.text, at: plan.made, expires: plan.made + Self.keptFor)
        }
        for (number, space) in changed.prefix(Self.mostSpaces).enumerated() {
            let digits = "\(number)"
            try await records.put(
                record(
                    prefix + String(repeating: "0", count: 4 - digits.count) + digits, Self.fitting(space, plan).json))
        }
        var whole = plan
        whole.spaces = []
        whole.unnamed = Array(plan.unnamed.prefix(200))
        whole.needs = Array(plan.needs.prefix(200))
        // Only now: who reads meanwhile finds the one before.
        try await records.put(
            record(
                kind.rawValue,
                [
                    "plan": whole.json, "digest": .string(plan.digest),
                    "same": .integer(Int64((all ?? plan.spaces.count) - changed.count)),
                    "differing": .integer(Int64(changed.count)),
                    "spaces": .string(prefix),
                ]))
        for old in try await records.records(kind: Self.record, prefix: kind.rawValue + "/", after: nil, limit: 10_000)
        where !old.key.hasPrefix(prefix) {
            try await records.remove(kind: Self.record, key: old.key)
        }
    }

    /// Keeps what was found of some Spaces; of the others what was found before.
    /// - Parameter all: names of all Spaces of the fleet file that are deployed, in its order.
    package func keep(part plan: DeployPlan, among all: [String], as kind: Kind) async throws(Failure) {
        let before = try await last(kind)?.plan.spaces ?? []
        let looked = Dictionary(plan.spaces.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
        let known = Dictionary(before.map { ($0.target, $0) }, uniquingKeysWith: { first, _ in first })
        var whole = plan
        whole.spaces = all.compactMap { looked[$0] ?? known[$0] }
        try await keep(whole, as: kind, outOf: all.count)
    }

    /// How many Spaces differed when it was looked last.
    package func differing(_ kind: Kind) async throws(Failure) -> Int {
        guard let head = try await records.record(kind: Self.record, key: kind.rawValue) else { return 0 }
        return (try? JSONValue(reading: Array(head.body.utf8)))?["differing"]?.integer ?? 0
    }

    /// nil when nobody has looked, or what was kept is of another version.
    package func last(_ kind: Kind) async throws(Failure) -> Look? {
        guard let head = try await records.record(kind: Self.record, key: kind.rawValue),
            let body = try? JSONValue(reading: Array(head.body.utf8)), let json = body["plan"],
            let prefix = body["spaces"]?.string,
            var plan = try? DeployPlan(reading: json, name: "of the last look")
        else { return nil }
        for record in try await records.records(
            kind: Self.record, prefix: prefix, after: nil, limit: Self.mostSpaces)
        {
            guard let json = try? JSONValue(reading: Array(record.body.utf8)),
                let part = try? DeployPlan(reading: json, name: "of the last look")
            else { continue }
            plan.spaces += part.spaces
        }
        return Look(plan: plan, same: body["same"]?.integer ?? 0, digest: body["digest"]?.string)
    }

    /// Of the fleet's own ledger, or of the data folder's where there is one: what cannot be kept is not shown, and that is all.
    /// - Parameter all: of a look at some Spaces, the names of all.
    static func keep(
        _ plan: DeployPlan, among all: [String]? = nil, as kind: Kind, in context: OperationContext
    ) async {
        _ = try? await context.withStores { (stores) async throws(Failure) in
            let looks = DeployLooks(stores.records)
            if let all {
                try await looks.keep(part: plan, among: all, as: kind)
            } else {
                try await looks.keep(plan, as: kind)
            }
        }
    }

    /// As a plan of its own that fits a record.
    private static func fitting(_ space: SpacePlan, _ plan: DeployPlan) -> DeployPlan {
        var part = DeployPlan(made: plan.made, endpoint: plan.endpoint, spaces: [space])
        // What a page does not need: what it was found on.
        part.spaces[0].fingerprint = SpaceFingerprint()
        func size() -> Int { part.json.text.utf8.count }
        func files(_ change: (inout FileChanges) -> Void) {
            part.spaces[0].changes = part.spaces[0].changes.map { one in
                guard case .files(var changes) = one else { return one }
                change(&changes)
                return .files(changes)
            }
        }
        var left = 1 << 15
        while size() > Record.maxBody, left >= 256 {
            // The largest diffs go first.
            files { changes in
                for index in changes.files.indices where (changes.files[index].diff?.utf8.count ?? 0) > left {
                    changes.files[index].diff = nil
                }
            }
            left /= 2
        }
        if size() > Record.maxBody { files { $0.files = Array($0.files.prefix(100)) } }
        if size() > Record.maxBody { part.spaces[0].changes = Array(part.spaces[0].changes.prefix(20)) }
        if size() > Record.maxBody { part.spaces[0].changes = [] }
        return part
    }
}
