@testable import Deployment
import HubClient
import StokerCore
import Testing

@Suite struct ReadmeEditTests {
    @Test func keysAreReplacedAndAllElseStays() {
        let readme = """
            ---
            # kept
            title: Old
            tags:
            - a
            - b
            custom: 1
            sdk: gradio
            ---
            # Text

            ---
            """
        let text = ReadmeEdit.text(
            readme,
            setting: [
                .init("title", "New: one"), .init("sdk", "docker"), .init("tags", ["c"]), .init("app_port", 8000),
            ])
        #expect(
            text == """
                ---
                # kept
                title: "New: one"
                tags: ["c"]
                custom: 1
                sdk: docker
                app_port: 8000
                ---
                # Text

                ---
                """)
        #expect(ReadmeEdit.text(text, setting: [.init("sdk", "docker")]) == text)
        let header = ReadmeHeader(text)
        #expect(header.sdk == "docker" && header.appPort == 8000 && header.values["title"]?.text == "New: one")
    }

    @Test func aReadmeWithoutAHeaderGetsOne() {
        #expect(ReadmeEdit.text(nil, setting: [.init("sdk", "docker")]) == "---\nsdk: docker\n---\n")
        #expect(ReadmeEdit.text("Hi\n", setting: [.init("title", "yes")]) == "---\ntitle: \"yes\"\n---\n\nHi\n")
        #expect(ReadmeEdit.text("Hi\n", setting: []) == "Hi\n")
        let crlf = ReadmeEdit.text("---\r\ntitle: a\r\n---\r\nHi\r\n", setting: [.init("title", "b")])
        #expect(crlf == "---\r\ntitle: b\r\n---\r\nHi\r\n")
    }
}

@Suite struct UnifiedDiffTests {
    @Test func isAsDiffWritesIt() {
        let old = (1...20).map { "line \($0)\n" }.joined()
        let new = old.replacing("line 2\n", with: "line two\n").replacing("line 19\n", with: "")
        #expect(
            UnifiedDiff.text(from: old, to: new, hiding: []) == """
                @@ -1,5 +1,5 @@
                 line 1
                -line 2
                +line two
                 line 3
                 line 4
                 line 5
                @@ -16,5 +16,4 @@
                 line 16
                 line 17
                 line 18
                -line 19
                 line 20

                """)
        #expect(UnifiedDiff.text(from: "", to: "a\n", hiding: []) == "@@ -0,0 +1 @@\n+a\n")
    }

    @Test func secretsAreHidden() throws {
        let token = "hf_" + String(repeating: "aB3", count: 12)
        let text = try #require(
            UnifiedDiff.text(from: "a\n", to: "token = \"\(token)\"\nown = SENTINEL1\n", hiding: [Secret("SENTINEL1")]))
        #expect(!text.contains(token) && !text.contains("SENTINEL1"))
        #expect(UnifiedDiff.text(from: "", to: String(repeating: "x\n", count: 5_000), hiding: []) == nil)
    }
}

@Suite struct DeployPlanJSONTests {
    @Test func whatIsWrittenIsReadAsTheSame() throws {
        let space = try RepoID.space("acme/a")
        var one = SpacePlan(
            space: space, target: "a", after: [try RepoID.space("acme/b")],
            changes: [
                .create(sdk: "docker", visibility: .private, hardware: nil, sleepSeconds: -1),
                .duplicate(of: space, visibility: nil, hardware: "t4-small", sleepSeconds: 60),
                .visibility(from: nil, to: .protected), .hardware(from: "cpu-basic", to: "l4x1"),
                .sleepTime(from: 5, to: nil), .variable(key: "A", from: nil, to: ""),
                .variable(key: "B", from: "x", to: nil), .secret(key: "C", .replaceUnknown),
                .volumes(from: [], to: [try SpaceVolume(notation: "hf://buckets/a/b:/d:ro")]),
                .files(
                    FileChanges(files: [
                        .init(.change, "app.py", sizeBefore: 1, sizeAfter: 2, content: "sha1:ab", diff: "@@"),
                        .init(.delete, "b", sizeBefore: 3),
                    ])),
            ], fingerprint: SpaceFingerprint(parts: ["exists": "no"]),
            obstacles: [PlanObstacle(space: space, text: "no", hint: "yes")], costBefore: 0, costAfter: 12.5,
            restarts: true)
        one.notes = ["left out: .env"]
        let plan = DeployPlan(
            made: Instant(seconds: 1_790_000_000), endpoint: "https://huggingface.co", spaces: [one],
            needs: [NeededRepo(.bucket, "acme/state")], unnamed: [space])
        let again = try DeployPlan(reading: JSONValue(reading: Array(plan.json.prettyText.utf8)), name: "plan.json")
        #expect(again == plan)
        #expect(plan.json["create"] == 1 && plan.json["obstacles"] == 1)
    }

    @Test(arguments: [
        ("{}", "it is no plan"), (#"{"kind":"stoker-plan","version":2}"#, "version 2"),
        (#"{"kind":"stoker-plan","version":1}"#, "`made` is missing"),
        (
            #"{"kind":"stoker-plan","version":1,"made":"2026-05-20T10:00:00Z","endpoint":"x","spaces":[{"space":"a/b","target":"b","after":[],"fingerprint":{},"obstacles":[],"changes":[{"kind":"rename"}]}],"needs":[],"unnamed":[]}"#,
            "a change \"rename\""
        ),
        (
            #"{"kind":"stoker-plan","version":1,"made":"2026-05-20T10:00:00Z","endpoint":"x","spaces":[{"space":"a/b","target":"b","after":[],"fingerprint":{},"obstacles":[],"changes":[{"kind":"files","files":[{"change":"add","path":"../x"}]}]}],"needs":[],"unnamed":[]}"#,
            "../x"
        ),
    ])
    func whatIsNoPlanIsRefused(_ text: String, _ said: String) throws {
        let json = try JSONValue(reading: Array(text.utf8))
        let failure = #expect(throws: Failure.self) { try DeployPlan(reading: json, name: "plan.json") }
        #expect(failure?.because.contains(said) == true, "\(String(describing: failure))")
        #expect(failure?.doing.contains("plan.json") == true)
    }
}
