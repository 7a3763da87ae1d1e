import Foundation
import Deployment
import HubClient
import Ledger
import Operations
import StokerCore
import Testing

@testable import ControlRoom

/// Plans and drift as pages show them.
@Suite struct DeployPagesTests {
    static let now = SampleFleet.now

    static func space(_ name: String) throws -> RepoID { try .space("acme/\(name)") }

    /// With every kind of change, and text that is not ours.
    static func plan(hostile: String = "<b>&\"'\u{202e}") throws -> DeployPlan {
        let diff = """
            --- a/app.py
            +++ b/app.py
            @@ -15,4 +15,5 @@ def main():
             import os
            -CMD = "\(hostile)"
            +CMD = "uvicorn"
            +PORT = 7860
             main()
            \\ No newline at end of file
            """
        return try DeployPlan(
            made: now - .seconds(90), endpoint: "https://hub.example.com",
            spaces: [
                SpacePlan(
                    space: space("backend"), target: "backend",
                    changes: [
                        .visibility(from: .private, to: .public), .hardware(from: "cpu-basic", to: "cpu-upgrade"),
                        .sleepTime(from: 172_800, to: nil), .variable(key: "WORKERS", from: "2", to: hostile),
                        .variable(key: "OLD", from: "hf_abcdefghijklmnopqrstuvwxyz0123", to: nil),
                        .secret(key: "DATABASE_URL", .replace), .secret(key: "OLD_TOKEN", .remove),
                        .secret(key: "NEW", .add), .secret(key: "ODD", .replaceUnknown),
                        .volumes(
                            from: [],
                            to: [SpaceVolume(type: "bucket", source: "acme/data", mountPath: "/data", readOnly: true)]),
                        .files(
                            FileChanges(files: [
                                .init(.change, "app.py", sizeBefore: 100, sizeAfter: 120, diff: diff),
                                .init(.add, "\(hostile).bin", sizeAfter: 2_048), .init(.delete, "gone", sizeBefore: 1),
                            ])),
                    ], fingerprint: SpaceFingerprint(), costBefore: 0, costAfter: 21.9, restarts: true),
                SpacePlan(
                    space: space("web"), target: "web", after: [space("backend")],
                    changes: [.create(sdk: "static", visibility: .public, hardware: nil, sleepSeconds: nil)],
                    fingerprint: SpaceFingerprint()),
                SpacePlan(space: space("same"), target: "same", fingerprint: SpaceFingerprint()),
            ], needs: [NeededRepo(.bucket, "acme/data")], unnamed: [space("left")])
    }

    static func page(_ plan: DeployPlan, _ sense: PlanView.Sense) throws -> String {
        let model = DeploysPage(plan: plan, sense: sense, mayLook: true, said: nil, now: now).model
        let text = try Pages(version: "1").page("deploys", model, frame: Pages.Frame(title: "Deploys", kind: "plain"))
        try Markup.check(text)
        return text
    }

    @Test func aPlanSaysWhatWillHappen() throws {
        let text = try Self.page(Self.plan(), .plan)
        #expect(text.contains("2 Spaces will change"))
        #expect(text.contains("One restarts, once. The cost a month rises from $0 to $21.90."))
        #expect(text.contains("restarts once</span>") && text.contains("no restart</span>"))
        #expect(text.contains("+$21.90 a month") && text.contains("1 Space stays as it is"))
        #expect(text.contains("<dt>hardware</dt><dd class=\"old\"><bdi>cpu-basic</bdi></dd>"))
        #expect(text.contains("<bdi>2 d</bdi>") && text.contains("<bdi>never</bdi>"))
        #expect(text.contains("bucket acme/data at /data, read only"))
        #expect(text.contains("after <bdi>backend</bdi>") && text.contains("acme/left"))
        // By name, and never what it is.
        #expect(text.contains("secret <code>DATABASE_URL</code>") && text.contains("what was sent last"))
        #expect(text.contains("<span class=\"v-down\"><bdi>deleted</bdi></span>"))
        #expect(!text.contains("hf_abcdefghijklmnopqrstuvwxyz0123"))
    }

    // MARK: To apply it

    static func offered(_ plan: DeployPlan, mayApply: Bool = true, _ change: (inout Rollout) -> Void = { _ in }) throws
        -> String
    {
        var rollout = Rollout()
        change(&rollout)
        var page = DeploysPage(plan: plan, sense: .plan, mayLook: true, now: now)
        page.offer = ApplyOffer(plan: plan, digest: plan.digest, rollout: rollout, mayApply: mayApply)
        let text = try Pages(version: "1").page(
            "deploys", page.model, frame: Pages.Frame(title: "Deploys", kind: "plain"))
        try Markup.check(text)
        return text
    }

    @Test func applyingSaysWhatItMeans() throws {
        let plan = try Self.plan()
        let text = try Self.offered(plan)
        #expect(text.contains("name=\"digest\" value=\"\(plan.digest)\""))
        #expect(
            text.contains("2 Spaces change; one restarts, once.") && text.contains("It costs up to $22 more a month."))
        #expect(text.contains("Everybody will see backend.") && text.contains("acme/data will be made, private."))
        #expect(text.contains("It goes in 2 waves") && text.contains("<h3>1 · canary</h3>"))
        #expect(text.contains("name=\"allow:backend\" value=\"yes\" required"))
        #expect(text.contains("backend: it removes the secret OLD_TOKEN"))
        #expect(text.contains("name=\"rollback\""))
        let back = try Self.offered(plan) { $0.onFailure = .rollback }
        #expect(!back.contains("name=\"rollback\"") && back.contains("last good commit again"))
    }

    @Test func whereItCannotBeAppliedThatIsSaid() throws {
        let far = try Self.offered(Self.plan(), mayApply: false)
        #expect(!far.contains("c-apply") && far.contains("needs the scope admin"), "\(far)")
        var plan = try Self.plan()
        plan.spaces[0].obstacles = [PlanObstacle(space: plan.spaces[0].space, text: "no card", hint: nil)]
        #expect(try !Self.offered(plan).contains("c-apply"))
    }

    @Test func theDigestIsThatOfWhatChanges() throws {
        let plan = try Self.plan()
        var other = plan
        other.made = plan.made + .seconds(60)
        other.spaces[2].notes = ["left out: .env"]
        #expect(other.digest == plan.digest)
        other.spaces[0].fingerprint = SpaceFingerprint(parts: ["commit": "abc"])
        #expect(other.digest != plan.digest)
        other = plan
        other.spaces[0].changes.removeLast()
        #expect(other.digest != plan.digest)
    }

    /// Waves, the cause, the log and the way back of one that is at work.
    @Test func aRunningDeployShowsItsWaves() throws {
        func part(_ space: String, _ state: String, _ more: [JSONValue.Member] = []) -> JSONValue {
            .object(
                [
                    .init("space", .string(space)), .init("state", .string(state)),
                    .init("began", .string("2026-11-21T11:59:00Z")),
                ] + more)
        }
        let item: JSONValue = [
            "id": 7, "state": "running", "began": "2026-11-21T11:58:00Z", "by": "a request to this server",
            "what": "3 Spaces", "wave": 2, "waves": [["acme/a"], ["acme/b", "acme/c"], ["acme/d"]],
            "spaces": .array([
                part("acme/a", "done"),
                part("acme/b", "running", [.init("goes_back_to", "0123456789abcdef")]),
                part(
                    "acme/c", "ill",
                    [
                        .init("cause", "OOM-KILLED <b>"), .init("hint", "take more memory"),
                        .init("last_lines", ["Killed <script>"]),
                    ]),
            ]),
        ]
        let run = DeployRunView(item)
        #expect(run.title == "Wave 2 of 3 is at work")
        let model: [String: Any] = [
            "title": run.title, "say": run.say(now: Self.now), "sign": run.sign, "isEmpty": false, "isRunning": true,
            "mayStop": true, "runs": [run.model(now: Self.now)], "hasNext": false, "next": "",
        ]
        let text = try Pages(version: "1").page(
            "past-deploys", model, frame: Pages.Frame(title: "Deploys", kind: "plain"))
        try Markup.check(text)
        #expect(text.contains("goes back to the files of 0123456") && text.contains("Stop the deploy"))
        #expect(
            text.contains("Cause: <b><bdi>OOM-KILLED &lt;b&gt;</bdi></b>") && text.contains("Killed &lt;script&gt;"))
        #expect(text.contains("aria-current=\"step\"") && text.contains("acme/b, acme/c") && text.contains("not begun"))
    }

    @Test func filesAreADiff() throws {
        let text = try Self.page(Self.plan(), .plan)
        #expect(text.contains("<span class=\"ln del\" data-n=\"16\">-CMD = &quot;&lt;b&gt;&amp;"))
        #expect(text.contains("<span class=\"ln add\" data-n=\"17\">+PORT = 7860</span>"))
        #expect(text.contains("+2 −1") && text.contains("3 files"))
        #expect(text.contains("new, <span class=\"nowrap\">2.0 KiB</span>"), "of what has no diff the size")
        #expect(!text.contains("--- a/app.py"))
    }

    @Test func driftReadsTheOtherWay() throws {
        let text = try Self.page(Self.plan(), .drift)
        #expect(text.contains("2 Spaces are not as the fleet file says"))
        #expect(text.contains("First stands what the fleet file says") && !text.contains("Nobody has changed"))
        #expect(text.contains("not at the Hub, <span class=\"nowrap\">2.0 KiB") && text.contains("only at the Hub, "))
        // First what the file says, then what the Hub has.
        #expect(
            text.contains(
                "<bdi>cpu-upgrade</bdi></dd><dd class=\"arrow\" aria-hidden=\"true\">→</dd><dd class=\"new\"><span class=\"hide\">becomes </span><bdi>cpu-basic</bdi>"
            ))
        #expect(!text.contains("restarts once") && !text.contains("Cost a month"))
    }

    @Test func obstaclesComeFirst() throws {
        var plan = try Self.plan()
        plan.spaces[0].obstacles = [
            PlanObstacle(space: plan.spaces[0].space, text: "the plan has to be paid (402)", hint: "add a card")
        ]
        let text = try Self.page(plan, .plan)
        #expect(text.contains("One thing stands in the way: nothing is applied before that is settled."))
        let obstacle = try #require(text.range(of: "the plan has to be paid (402)</bdi>. <bdi>Add a card</bdi>."))
        let card = try #require(text.range(of: "class=\"change\""))
        #expect(obstacle.lowerBound < card.lowerBound)
    }

    @Test func nothingToDoIsSaid() throws {
        var plan = try Self.plan()
        plan.needs = []
        for index in plan.spaces.indices { plan.spaces[index].changes = [] }
        let text = try Self.page(plan, .plan)
        #expect(text.contains("Nothing will change") && text.contains("The Hub is as the fleet file says."))
        #expect(text.contains("3 Spaces stay as they are"))
        #expect(try Self.page(plan, .drift).contains("Nothing has drifted"))
    }

    /// What was looked at last and what was done, for those who may act.
    @Test func thePagesShowTheLastLookAndDeploys() async throws {
        let whole = SampleFleet.dozen()
        let access = Access(token: Secret("s3cret-token"), now: { SampleFleet.now })
        let bearer = [("Authorization", "Bearer s3cret-token")]
        let actions = whole.ledger.actions
        let lease = try await actions.begin(
            NewAction(
                Action.Kind(rawValue: "deploy.apply"), on: "*", by: "`stoker apply`", because: "2 <b>Spaces",
                began: Self.now - .seconds(60), leaseUntil: Self.now + .seconds(240)), within: .seconds(1))
        let part = try await actions.begin(
            NewAction(.asked(.deploy), on: "acme/backend", by: "x", because: "x", began: Self.now - .seconds(50)),
            within: .seconds(1))
        try await actions.end(
            part.id, fence: part.fence, as: .succeeded, result: "rolled-back: exited with 137", now: Self.now)
        try await Served.run(whole, access: access) { served in
            for path in ["/deploys", "/deploys/drift", "/deploys/past"] {
                #expect(try await served.get(path).status == 401, "\(path)")
            }
            #expect(try await served.get("/deploys", headers: bearer).text.contains("No plan yet"))
            try await DeployLooks(whole.ledger.records).keep(try Self.plan(), as: .plan)
            let page = try await served.get("/deploys", headers: bearer).text
            try Markup.check(page)
            #expect(page.contains("2 Spaces will change") && page.contains("1 Space stays as it is"))
            #expect(page.contains("A deploy is at work.") && page.contains("data-poll") && page.contains("id=\"live\""))
            #expect(try await served.get("/deploys/drift", headers: bearer).text.contains("Nobody has looked yet"))
            #expect(!(try await served.get("/", headers: bearer).text.contains("/deploys/drift")))
            try await DeployLooks(whole.ledger.records).keep(try Self.plan(), as: .drift)
            #expect(
                try await served.get("/", headers: bearer).text.contains("2 Spaces not as the fleet file says</a>"))
            #expect(!(try await served.get("/").text.contains("not as the fleet file says")))
            let past = try await served.get("/deploys/past", headers: bearer).text
            try Markup.check(past)
            #expect(
                past.contains("2 &lt;b&gt;Spaces") && past.contains("exited with 137") && past.contains("went back"))
            try await actions.end(
                lease.id, fence: lease.fence, as: .succeeded, result: "Stopped: acme/backend is not well", now: Self.now
            )
            let over = try await served.get("/deploys/past", headers: bearer).text
            #expect(over.contains("stopped") && over.contains("is not well") && !over.contains("data-poll"))
            // Without an account on the Hub nobody can look, and that is said on the page.
            let refused = try await served.get("/deploys", method: "POST", headers: bearer, body: "x=1")
            #expect(refused.status == 200 && refused.text.contains("role=\"status\""))
        }
    }

    /// A plan of any size is a page of a bounded one.
    @Test func aLargePlanIsCut() throws {
        let diff = "@@ -0,0 +1,3000 @@\n" + (1...3_000).map { "+line \($0)\n" }.joined()
        let files = (1...150).map { FileChanges.File(.add, "f\($0)", sizeAfter: 1, diff: $0 < 4 ? diff : nil) }
        var plan = DeployPlan(made: Self.now, endpoint: "https://hub.example.com")
        plan.spaces = try (1...120).map { number in
            SpacePlan(
                space: try Self.space("s\(number)"), target: "s\(number)",
                changes: number == 1
                    ? [.files(FileChanges(files: files))] : [.variable(key: "A", from: nil, to: "1")],
                fingerprint: SpaceFingerprint(), restarts: true)
        }
        let text = try Self.page(plan, .plan)
        #expect(text.matches(of: #/class="ln add"/#).count < 4_000 && text.contains("more lines are not shown"))
        #expect(text.contains("50 more.") && text.contains("20 more Spaces are not shown"))
        #expect(text.utf8.count < 1_000_000)
    }
}
