import Foundation
@testable import HubClient
import HubSimulator
import NIOCore
import NIOHTTP1
import Runtime
import StokerCore
import Testing

/// The client against the simulated Hub, which was written from the official sources and knows nothing of it.
@Suite struct SimulatorTests {
    private static func withHub<Value>(
        _ configuration: HubConfiguration = HubConfiguration(), token: String? = "hf_maren",
        clock: WaitClock = FastClock().hubClock, _ work: (Hub, SimulatedHub) async throws -> Value
    ) async throws -> Value {
        let server = try await SimulatedHub.start(configuration, logger: LogNotes().logger)
        let hub = Hub(
            .init(endpoint: server.endpoint, token: token.map { Secret($0) }), pace: HubRateLimiter(clock: clock),
            logger: LogNotes().logger, jitter: { 0 })
        do {
            let value = try await work(hub, server)
            try await hub.shutdown()
            await server.shutdown()
            return value
        } catch {
            try await hub.shutdown()
            await server.shutdown()
            throw error
        }
    }

    @Test func theStatusPageIsReadWithoutTheToken() async throws {
        try await Self.withHub { hub, server async throws in
            let page = server.endpoint + "/-/status/"
            let now = Instant(seconds: server.date.timeIntervalSince1970)
            #expect(try await hub.reports(onStatusPage: page, now: now, within: .seconds(5)).isEmpty)
            server.statusPage.set(.init(title: "Spaces do not start", state: "downtime", since: server.date))
            let reports = try await hub.reports(onStatusPage: page, now: now + .seconds(60), within: .seconds(5))
            #expect(reports.map(\.title) == ["Spaces do not start"])
            #expect(reports.first?.page == server.endpoint + "/-/status")
            #expect(server.statusPage.readings == 2)
        }
        // Nobody listens there: that is said, quickly and once.
        try await Self.withHub { hub, _ async throws in
            _ = await #expect(throws: HubFailure.self) {
                try await hub.reports(onStatusPage: "http://127.0.0.1:1", now: Self.now, within: .seconds(5))
            }
        }
    }

    private static let now = Instant(milliseconds: 1_795_000_000_000)

    @Test func theLifeOfARepo() async throws {
        try await Self.withHub { hub, _ async throws in
            let repo = try RepoID.space("maren/orbit-api")
            let me = try await hub.whoami()
            #expect(me.name == "maren" && me.canWrite(repo).isLikely)

            var new = NewRepo(repo, sdk: "static", visibility: .private)
            new.files = [.init(path: "index.html", content: "<h1>orbit</h1>")]
            #expect(try await hub.ensure(new).wasCreated)
            #expect(try await hub.ensure(new).wasCreated == false)
            #expect(try await hub.checkAccess(to: repo, write: true).isGranted)

            let info = try await hub.info(of: repo, blobs: true)
            #expect(info.isPrivate == true && info.sdk == "static")
            #expect(info.files?.contains { $0.path == "index.html" } == true)
            #expect(try await hub.list(.space, author: "maren").all().map(\.id) == ["maren/orbit-api"])

            try await hub.change(repo, .init(visibility: .public))
            #expect(try await hub.info(of: repo, expand: ["private"]).isPrivate == false)

            let head = try #require(info.sha)
            #expect(try await hub.createBranch("feat/x", in: repo, at: head))
            #expect(try await hub.createBranch("feat/x", in: repo, existsOK: true) == false)
            #expect(try await hub.createTag("v1", in: repo, message: "one"))
            #expect(try await hub.createTag("v1", in: repo, existsOK: true) == false)
            let refs = try await hub.refs(of: repo)
            #expect(Set(refs.branches.map(\.name)) == ["main", "feat/x"] && refs.tags.map(\.name) == ["v1"])
            #expect(refs.branches.allSatisfy { $0.commit == head })
            #expect(try await hub.hasRevision("v1", in: repo))
            #expect(try await hub.hasRevision("v2", in: repo) == false)
            #expect(try await hub.deleteTag("v1", of: repo))
            #expect(try await hub.deleteTag("v1", of: repo, missingOK: true) == false)
            #expect(try await hub.deleteBranch("feat/x", of: repo))
            // Each says what to do, and none of them blames the token.
            let main = await #expect(throws: HubFailure.self) { try await hub.deleteBranch("main", of: repo) }
            #expect(main?.kind == .invalid && main?.status == 0 && main?.description.contains("token") == false)
            let gone = await #expect(throws: HubFailure.self) { try await hub.deleteBranch("feat/x", of: repo) }
            #expect(gone?.hint?.contains("--missing-ok") == true)
            let there = await #expect(throws: HubFailure.self) { try await hub.createBranch("main", in: repo) }
            #expect(there?.hint?.contains("--exist-ok") == true)

            let count = try await hub.history(of: repo).all().count
            #expect(count >= 1)
            #expect(try await hub.commitCount(of: repo) == count)
            let squashed = try await hub.superSquash(repo, message: "one", head: head)
            #expect(squashed != nil && squashed != head)
            #expect(try await hub.history(of: repo).all().map(\.id) == [squashed])

            let moved = try RepoID.space("kestrel-labs/orbit-api")
            try await hub.move(repo, to: moved)
            try await hub.move(repo, to: moved)
            // The old name points to the new one, with the token.
            #expect(try await hub.info(of: repo).id == "kestrel-labs/orbit-api")

            let copy = try RepoID.space("maren/copy")
            #expect(try await hub.duplicate(moved, as: NewRepo(copy, visibility: .private)).wasCreated)
            #expect(try await hub.delete(copy))
            #expect(try await hub.delete(copy, missingOK: true) == false)
            #expect(try await hub.find(copy) == nil)
        }
    }

    @Test func refusalsAreNamed() async throws {
        try await Self.withHub { hub, server async throws in
            let repo = try RepoID.space("maren/hidden")
            _ = try await hub.ensure(NewRepo(repo, sdk: "static", visibility: .private))
            func failure(_ token: String?, _ work: (Hub) async throws -> Void) async throws -> HubFailure? {
                let other = Hub(
                    .init(endpoint: server.endpoint, token: token.map { Secret($0) }),
                    pace: HubRateLimiter(clock: FastClock().hubClock), logger: LogNotes().logger)
                let failure = await #expect(throws: HubFailure.self) { try await work(other) }
                try await other.shutdown()
                return failure
            }
            // Nobody learns that it exists.
            #expect(try await failure(nil) { _ = try await $0.info(of: repo) }?.kind == .notFound)
            #expect(try await failure("hf_tobi") { _ = try await $0.info(of: repo) }?.kind == .notFound)
            #expect(try await failure("hf_wrong") { _ = try await $0.whoami() }?.kind == .badToken)
            #expect(try await failure("hf_maren_read") { try await $0.delete(repo) }?.kind == .forbidden)
            let plan = try await failure("hf_tobi") {
                _ = try await $0.ensure(NewRepo(try .space("tobi/app"), sdk: "docker"))
            }
            #expect(plan?.kind == .plan)
        }
    }

    @Test func commitsAreCompared() async throws {
        try await Self.withHub { hub, _ async throws in
            let repo = try RepoID(.dataset, "maren/rows")
            _ = try await hub.ensure(NewRepo(repo))
            var heads: [String] = []
            for text in ["one\n", "two\n"] {
                let change = HubChange.add(path: "a b.txt", .bytes(ByteBuffer(string: text)))
                heads.append(try await hub.commit([change], to: repo).commit)
            }
            let difference = try await hub.compare(heads[0], "main", in: repo)
            #expect(difference.contains("-one") && difference.contains("+two"))
            #expect(try await hub.compare(heads[1], heads[1], in: repo).isEmpty)
            let failure = await #expect(throws: HubFailure.self) { try await hub.compare("v9", "main", in: repo) }
            #expect(failure?.kind == .notFound)
        }
    }

    @Test func reposGoIntoResourceGroupsAndOut() async throws {
        try await Self.withHub { hub, _ async throws in
            let repo = try RepoID.space("kestrel-labs/landing")
            _ = try await hub.ensure(NewRepo(repo, sdk: "static"))
            #expect(try await hub.resourceGroup(of: repo) == nil)
            let me: JSONValue = try await hub.value(HubRequest(.GET, "/api/whoami-v2", doing: "look"))
            let group = try #require(me["orgs"]?.array?.first?["resourceGroups"]?.array?.first?["id"]?.string)
            try await hub.setResourceGroup(of: repo, to: group)
            #expect(try await hub.resourceGroup(of: repo)?.id == group)
            #expect(try await hub.resourceGroup(of: repo)?.name == "production")
            try await hub.setResourceGroup(of: repo, to: nil)
            #expect(try await hub.resourceGroup(of: repo) == nil)
            await #expect(throws: HubFailure.self) {
                try await hub.setResourceGroup(of: repo, to: String(repeating: "0", count: 24))
            }
        }
    }

    /// Windows writes its lines with a carriage return; a card is read all the same.
    @Test func aCardWithCarriageReturnsIsRead() async throws {
        try await Self.withHub { hub, _ async throws in
            let card = "---\ntitle: Orbit\nemoji: 🛰️\ncolorFrom: mauve\ncolorTo: gray\nsdk: docker\n---\n"
            let review = try await hub.review(card: card.replacing("\n", with: "\r\n"), of: .space)
            #expect(!review.isGood && review.errors.contains { $0.contains("colorFrom") })
            let good = card.replacing("mauve", with: "red").replacing("\n", with: "\r\n")
            #expect(try await hub.review(card: "\u{feff}" + good, of: .space).isGood)
        }
    }

    @Test func cardsAreReviewedAsTheHubWould() async throws {
        try await Self.withHub { hub, _ async throws in
            let good = try await hub.review(
                card: "---\ntitle: Orbit\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: docker\n---\n", of: .space)
            #expect(good.isGood)
            let bad = try await hub.review(
                card: "---\ntitle: Orbit\nemoji: 🛰️\ncolorFrom: mauve\ncolorTo: gray\nsdk: docker\n---\n", of: .space)
            #expect(!bad.isGood)
        }
    }

    /// The governor keeps 300 calls within a window of 100 without one refusal: time is the simulator's.
    @Test func aSmallQuotaIsNeverOverrun() async throws {
        let time = SimulatedTime(.manual)
        var configuration = HubConfiguration(time: time)
        configuration.limits.quotas = [.api: 100]
        var clock = WaitClock(ContinuousClock())
        clock.now = { time.now }
        clock.sleep = { try await time.advance(by: $0) }
        try await Self.withHub(configuration, clock: clock) { hub, _ async throws in
            _ = try await hub.ensure(NewRepo(try .space("maren/x"), sdk: "static"))
            for _ in 0..<300 { _ = try await hub.info(of: try .space("maren/x"), expand: ["sha"]) }
            let report = hub.pace.report
            #expect(report.refusals == 0)
            #expect(report.calls == 302)
            #expect(report.waited > .seconds(300))
        }
    }
}

/// The platform's status page.
@Suite struct StatusPageTests {
    private static let now = Instant(milliseconds: 1_795_000_000_000)

    private static func reports(_ included: String) throws -> [PlatformReport] {
        let text = """
            {"data": {"type": "status_page", "attributes": {"aggregate_state": "downtime"}}, "included": [
              {"id": "1", "type": "status_page_resource", "attributes": {"public_name": "Hugging Face Hub", "status": "operational"}},
              {"id": "2", "type": "status_page_resource", "attributes": {"public_name": "Spaces", "status": "operational"}}
              \(included)]}
            """
        return StatusPageDocument.reports(
            try JSONValue(reading: text), page: "https://status.example.com", now: now)
    }

    private static func report(
        _ title: String, state: String = "downtime", type: String = "manual",
        starts: String = "2026-11-18T10:00:00.000Z",
        ends: String = "null", affects: [String] = ["2"]
    ) -> String {
        let affected = affects.map { "{\"status_page_resource_id\": \"\($0)\", \"status\": \"downtime\"}" }
        return """
            , {"id": "9\(title.count)", "type": "status_report", "attributes": {"title": "\(title)", "report_type": "\(type)",
              "starts_at": "\(starts)", "ends_at": \(ends), "aggregate_state": "\(state)", "affected_resources": [\(affected.joined(separator: ", "))]}}
            """
    }

    @Test func onlyWhatIsOpenAndAboutSpacesCounts() throws {
        #expect(try Self.reports("").isEmpty)
        let open = try Self.reports(Self.report("Spaces are down"))
        #expect(open.map(\.title) == ["Spaces are down"])
        #expect(open.first?.since == Instant(rfc3339: "2026-11-18T10:00:00Z"))
        #expect(try Self.reports(Self.report("All is slow", state: "degraded", affects: [])).count == 1)
        #expect(try Self.reports(Self.report("The Hub", affects: ["1"])).isEmpty)
        #expect(try Self.reports(Self.report("Over", state: "resolved")).isEmpty)
        #expect(try Self.reports(Self.report("Over", ends: "\"2026-11-18T10:30:00.000Z\"")).isEmpty)
        #expect(try Self.reports(Self.report("Planned", type: "maintenance")).isEmpty)
        #expect(try Self.reports(Self.report("Later", starts: "2027-01-01T00:00:00.000Z")).isEmpty)
        let failing =
            #", {"id": "3", "type": "status_page_resource", "attributes": {"public_name": "Spaces Proxy", "status": "degraded"}}"#
        #expect(try Self.reports(failing).map(\.title) == ["Spaces Proxy: degraded"])
        // What is no such page says nothing.
        #expect(StatusPageDocument.reports(["a": 1], page: "x", now: Self.now).isEmpty)
        #expect(
            StatusPageDocument.reports(["included": [1, .null, ["type": "status_report"]]], page: "x", now: Self.now)
                .isEmpty)
    }
}
