import Deployment
import HubClient
import Ledger
import Operations
import StokerCore
import TestSupport
import Testing

/// What was looked at last, and what was done, as pages and `stoker deploys` show it.
@Suite struct DeployLooksTests {
    private static let now = Instant(milliseconds: 1_764_500_400_000)

    private static func plan(at: Instant, spaces: Int, changed: Int, diff: String? = nil) throws -> DeployPlan {
        var plan = DeployPlan(made: at, endpoint: "https://hub.example.com", needs: [NeededRepo(.dataset, "acme/d")])
        plan.spaces = try (0..<spaces).map { number in
            let changes: [PlannedChange] = [
                .secret(key: "TOKEN", .replace),
                .files(FileChanges(files: [.init(.change, "app.py", sizeBefore: 1, sizeAfter: 2, diff: diff)])),
            ]
            return SpacePlan(
                space: try .space("acme/s\(number)"), target: "s\(number)", changes: number < changed ? changes : [],
                fingerprint: SpaceFingerprint(parts: ["commit": "abc"]), costBefore: 0, costAfter: 1.5, restarts: true)
        }
        return plan
    }

    @Test func theLastLookIsKept() async throws {
        let looks = DeployLooks(MemoryRecords())
        #expect(try await looks.last(.plan) == nil)
        let diff = "@@ -1 +1 @@\n-a\n+b\n"
        let plan = try Self.plan(at: Self.now, spaces: 14, changed: 12, diff: diff)
        try await looks.keep(plan, as: .plan)
        let found = try #require(try await looks.last(.plan))
        #expect(found.same == 2 && found.plan.needs == plan.needs && found.plan.made == plan.made)
        #expect(found.plan.spaces.map(\.target) == (0..<12).map { "s\($0)" }, "in their order")
        #expect(found.plan.spaces[3].changes == plan.spaces[3].changes)
        #expect(try await looks.last(.drift) == nil)
    }

    /// The next one takes its place as a whole.
    @Test func aLaterLookReplacesIt() async throws {
        let records = MemoryRecords()
        let looks = DeployLooks(records)
        try await looks.keep(try Self.plan(at: Self.now, spaces: 12, changed: 12), as: .drift)
        try await looks.keep(try Self.plan(at: Self.now + .seconds(60), spaces: 3, changed: 1), as: .drift)
        let found = try #require(try await looks.last(.drift))
        #expect(found.plan.spaces.map(\.target) == ["s0"] && found.same == 2)
        #expect(records.records(kind: "deploy-look", prefix: "", after: nil, limit: 100).count == 2)
    }

    /// The server looks at a few at a time: the others stay as they were found.
    @Test func aLookAtSomeLeavesTheOthers() async throws {
        let looks = DeployLooks(MemoryRecords())
        let all = (0..<5).map { "s\($0)" }
        try await looks.keep(try Self.plan(at: Self.now, spaces: 5, changed: 3), as: .drift)
        // Of the first two nothing differs any more.
        var part = try Self.plan(at: Self.now + .seconds(60), spaces: 2, changed: 0)
        try await looks.keep(part: part, among: all, as: .drift)
        var found = try #require(try await looks.last(.drift))
        #expect(found.plan.spaces.map(\.target) == ["s2"] && found.same == 4)
        #expect(try await looks.differing(.drift) == 1)
        // One that left the fleet file is forgotten.
        part.made = Self.now + .seconds(120)
        try await looks.keep(part: part, among: ["s0", "s1"], as: .drift)
        found = try #require(try await looks.last(.drift))
        #expect(found.plan.spaces.isEmpty && found.same == 2)
    }

    /// A record has a size: what is too large loses its diffs, and the rest stays.
    @Test func aLargePlanFits() async throws {
        let looks = DeployLooks(MemoryRecords())
        let long = "@@ -0,0 +1,4000 @@\n" + String(repeating: "+a line of text\n", count: 4_000)
        try await looks.keep(try Self.plan(at: Self.now, spaces: 1, changed: 1, diff: long + long), as: .plan)
        let space = try #require(try await looks.last(.plan)?.plan.spaces.first)
        guard case .files(let files) = space.changes.last else {
            Issue.record("the files are gone")
            return
        }
        #expect(files.files.map(\.path) == ["app.py"] && files.files[0].diff == nil && space.changes.count == 2)
    }

    /// Deploys with the Spaces of their time; one whose process is gone is not at work.
    @Test func deploysAreListedWithTheirSpaces() async throws {
        let fleet = FleetDouble()
        let actions = fleet.ledger.actions
        let endpoint = ["endpoint": "https://hub.example.com"]
        func begin(
            _ kind: Action.Kind, _ space: String, at: Instant, lease: Instant? = nil, owner: String? = nil
        ) async throws -> Action {
            try await actions.begin(
                NewAction(
                    kind, on: space, by: "`stoker apply`", because: space == "*" ? "2 Spaces" : "asked", began: at,
                    owner: owner, leaseUntil: lease, details: endpoint), within: .seconds(1))
        }
        let now = fleet.now
        let apply = Action.Kind(rawValue: "deploy.apply")
        let first = try await begin(apply, "*", at: now - .seconds(900))
        for (space, result) in [("acme/a", "done: runs and answers"), ("acme/b", "rolled-back: exited with 137")] {
            let part = try await begin(.asked(.deploy), space, at: now - .seconds(800))
            try await actions.end(
                part.id, fence: part.fence, as: .succeeded, result: result, now: now - .seconds(700))
        }
        try await actions.end(
            first.id, fence: first.fence, as: .succeeded, result: "Stopped: acme/b is not well",
            now: now - .seconds(600))
        _ = try await begin(apply, "*", at: now - .seconds(60), lease: now + .seconds(240))
        _ = try await begin(.asked(.deploy), "acme/c", at: now - .seconds(50))
        let items = try await fleet.call("deploys")["items"]?.array ?? []
        #expect(items.map { $0["state"]?.string } == ["running", "stopped"])
        #expect(items[0]["spaces"]?.array?.compactMap { $0["space"]?.string } == ["acme/c"])
        let parts = items[1]["spaces"]?.array ?? []
        #expect(parts.map { $0["state"]?.string } == ["done", "rolled-back"])
        #expect(parts.last?["sentence"]?.string == "exited with 137")
        let page = try await fleet.call("deploys", [("limit", 1)])
        let cursor = try #require(page["next_cursor"]?.string)
        let next = try await fleet.call("deploys", [("limit", 1), ("cursor", .string(cursor))])
        #expect(next["items"]?.array?.count == 1 && next["next_cursor"]?.isNull == true)
    }
}
