import HubClient
import NIOCore
import NIOHTTP1
import StokerCore
import Testing

private typealias Reply = ScriptedHub.Reply

@Suite struct ReposTests {
    private static let id = "maren/orbit-api"
    private static let repo: RepoID = {
        guard let repo = try? RepoID.space(id) else { preconditionFailure("a good id") }
        return repo
    }()
    private static let missing = Reply.json(
        #"{"error": "Repository not found"}"#, status: 404, ["X-Error-Code": "RepoNotFound"])
    private static let created = Reply.json(
        #"{"url": "https://huggingface.co/spaces/maren/orbit-api", "name": "maren/orbit-api", "id": "68a0f1e2d3c4b5a697887766"}"#
    )
    private static func info(_ id: String = id, key: String = "68a0", extra: String = "") -> Reply {
        .json(#"{"_id": "\#(key)", "id": "\#(id)", "sdk": "docker", "private": true\#(extra)}"#)
    }

    // MARK: Creating

    @Test func ensureLooksFirstAndThenCreates() async throws {
        let server = try await ScriptedHub.start([Self.missing, Self.created])
        var new = NewRepo(Self.repo, sdk: "docker", visibility: .private)
        new.hardware = "cpu-basic"
        new.secrets = [.init(key: "ORBIT_TOKEN", value: Secret("s3cr3t"), description: "call-back token")]
        new.volumes = [SpaceVolume(type: "bucket", source: "maren/orbit-store", mountPath: "/data")]
        new.files = [.init(path: "Dockerfile", content: "FROM x")]
        let made = try await withHub(server) { try await $0.ensure(new) }
        #expect(made.wasCreated && made.url == "https://huggingface.co/spaces/maren/orbit-api")
        let asked = server.asked()
        #expect(asked.map(\.method) == [.GET, .POST])
        #expect(
            asked[1].text
                == #"{"files":[{"content":"FROM x","encoding":"utf-8","path":"Dockerfile"}],"hardware":"cpu-basic","name":"orbit-api","organization":"maren","sdk":"docker","secrets":[{"description":"call-back token","key":"ORBIT_TOKEN","value":"s3cr3t"}],"type":"space","visibility":"private","volumes":[{"mountPath":"/data","source":"maren/orbit-store","type":"bucket"}]}"#
        )
    }

    @Test func whatExistsIsLeftAndItsDifferencesTold() async throws {
        let server = try await ScriptedHub.start([Self.info()])
        let made = try await withHub(server) {
            try await $0.ensure(NewRepo(Self.repo, sdk: "gradio", visibility: .public))
        }
        #expect(!made.wasCreated)
        #expect(made.differences.map(\.what) == ["sdk", "visibility"])
        #expect(made.differences.map(\.found) == ["docker", "private"])
        #expect(server.asked().count == 1)
    }

    @Test func twoCreationsAtOnceAreToldApart() async throws {
        let busy = Reply.json(
            #"{"error": "Cannot create repo: another conflicting operation is in progress"}"#, status: 409)
        let there = Reply.json(#"{"error":"You already created this space repo","url":"x"}"#, status: 409)
        let server = try await ScriptedHub.start([Self.missing, busy, busy, there, Self.info()])
        let clock = FastClock()
        let made = try await withHub(server, clock: clock) {
            try await $0.ensure(NewRepo(Self.repo, sdk: "docker"))
        }
        #expect(!made.wasCreated)
        #expect(clock.slept == [.seconds(2), .seconds(4)])
        #expect(server.asked().map(\.method) == [.GET, .POST, .POST, .POST, .GET])
    }

    @Test func aCreationWhoseAnswerIsLostIsFound() async throws {
        let server = try await ScriptedHub.start([Self.missing, .hangUp, Self.info()])
        let made = try await withHub(server) { try await $0.ensure(NewRepo(Self.repo, sdk: "docker")) }
        #expect(made.wasCreated)
        #expect(server.asked().map(\.method) == [.GET, .POST, .GET])
    }

    /// By the Hub's own clock: ours is years away here.
    @Test(arguments: [
        ("2026-05-28T11:41:19.250Z", "docker", true), ("2026-05-28T10:00:00.000Z", "docker", false),
        ("2026-05-28T11:41:19.250Z", "static", false),
    ]) func whatSomebodyElseMadeIsNotCreatedByUs(at: String, sdk: String, isOurs: Bool) async throws {
        let found = Reply.json(
            #"{"_id": "68a0", "id": "\#(Self.id)", "sdk": "\#(sdk)", "private": true, "createdAt": "\#(at)"}"#,
            ["Date": "Thu, 28 May 2026 11:41:20 GMT"])
        let server = try await ScriptedHub.start([Self.missing, .hangUp, found])
        let made = try await withHub(server) { try await $0.ensure(NewRepo(Self.repo, sdk: "docker")) }
        #expect(made.wasCreated == isOurs && made.wasSettledByLooking)
        #expect(server.asked().last?.uri.contains("expand=createdAt") == true)
    }

    @Test func aCreationThatNeverHappenedIsMadeAgain() async throws {
        let server = try await ScriptedHub.start([Self.missing, .text("", status: 502), Self.missing, Self.created])
        let made = try await withHub(server) { try await $0.ensure(NewRepo(Self.repo, sdk: "docker")) }
        #expect(made.wasCreated)
        #expect(server.asked().map(\.method) == [.GET, .POST, .GET, .POST])
    }

    @Test func aPlanThatIsMissingIsSaid() async throws {
        let server = try await ScriptedHub.start([Self.missing, .json(#"{"error":"needs PRO"}"#, status: 402)])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.ensure(NewRepo(Self.repo, sdk: "docker")) }
        }
        #expect(failure?.kind == .plan)
    }

    @Test func aCopyNamesItsSourceAndTellsWhatIsPending() async throws {
        let server = try await ScriptedHub.start([
            Self.missing, .json(#"{"url":"https://huggingface.co/spaces/maren/copy","filesCopyPending":true}"#),
        ])
        let made = try await withHub(server) {
            var copy = NewRepo(try .space("maren/copy"), visibility: .private)
            copy.variables = [.init(key: "MODE", value: Secret("staging"))]
            return try await $0.duplicate(Self.repo, as: copy)
        }
        #expect(made.filesPending)
        #expect(server.asked()[1].path == "/api/spaces/maren/orbit-api/duplicate")
        #expect(
            server.asked()[1].text
                == #"{"repository":"maren/copy","variables":[{"key":"MODE","value":"staging"}],"visibility":"private"}"#
        )
    }

    // MARK: Deleting, moving, settings

    @Test func deletingSendsABodyAndTakesPlainText() async throws {
        let server = try await ScriptedHub.start([.text("OK"), Self.missing, Self.missing])
        try await withHub(server) { hub async throws in
            #expect(try await hub.delete(Self.repo))
            #expect(try await hub.delete(Self.repo, missingOK: true) == false)
            await #expect(throws: HubFailure.self) { try await hub.delete(Self.repo) }
        }
        #expect(server.asked()[0].text == #"{"name":"orbit-api","organization":"maren","type":"space"}"#)
        #expect(server.asked()[0].method == .DELETE)
    }

    @Test func aMoveWhoseAnswerIsLostIsRecognised() async throws {
        let server = try await ScriptedHub.start([
            Self.info(), .hangUp, Self.info("kestrel-labs/orbit-api", key: "68a0"),
        ])
        try await withHub(server) { try await $0.move(Self.repo, to: try .space("kestrel-labs/orbit-api")) }
        #expect(
            server.asked()[1].text
                == #"{"fromRepo":"maren/orbit-api","toRepo":"kestrel-labs/orbit-api","type":"space"}"#)
        #expect(server.asked().count == 3)
    }

    @Test func aMoveToATakenNameIsNoSuccess() async throws {
        let server = try await ScriptedHub.start([Self.info(), .hangUp, Self.info("maren/new", key: "other")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.move(Self.repo, to: try .space("maren/new")) }
        }
        #expect(failure?.kind == .unreachable)
    }

    @Test func aMoveThatIsDoneIsDone() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            asked.path == "/api/spaces/maren/orbit-api"
                ? .redirect(307, to: "/api/spaces/maren/new?expand=sha") : Self.info("maren/new")
        }
        try await withHub(server) { try await $0.move(Self.repo, to: try .space("maren/new")) }
        #expect(server.asked().allSatisfy { $0.method == .GET })
    }

    /// The Hub finds a repo whatever its capitals are.
    @Test(arguments: [true, false]) func aChangeOfCapitalsIsAMove(isLost: Bool) async throws {
        let server = try await ScriptedHub.start(
            isLost
                ? [Self.info(), .hangUp, Self.info(), .json("{}")] : [Self.info(), .json("{}")])
        try await withHub(server) { try await $0.move(Self.repo, to: try .space("Maren/Orbit-API")) }
        #expect(server.asked().map(\.method) == (isLost ? [.GET, .POST, .GET, .POST] : [.GET, .POST]))
        #expect(server.asked().last?.text.contains("Maren/Orbit-API") == true)
    }

    @Test(arguments: RepoID.Kind.allCases) func onlySpacesAreAskedForTheirSDK(kind: RepoID.Kind) async throws {
        let server = try await ScriptedHub.start([Self.info()])
        _ = try await withHub(server) { try await $0.ensure(NewRepo(try RepoID(kind, Self.id))) }
        #expect(server.asked()[0].uri.contains("expand=sdk") == (kind == .space))
    }

    @Test func settingsAreEchoed() async throws {
        let server = try await ScriptedHub.start([
            .json(#"{"private": true, "visibility": "protected", "discussionsDisabled": true, "gated": false}"#)
        ])
        let echo = try await withHub(server) {
            try await $0.change(
                Self.repo, .init(visibility: .protected, discussionsDisabled: true, gated: ""))
        }
        #expect(echo["visibility"]?.string == "protected")
        #expect(server.asked()[0].text == #"{"discussionsDisabled":true,"gated":false,"visibility":"protected"}"#)
    }

    @Test func resourceGroups() async throws {
        let server = try await ScriptedHub.start([
            .json("null"), .json(#"{"id":"66f3","name":"production"}"#), .json("{}"),
        ])
        try await withHub(server) { hub async throws in
            #expect(try await hub.resourceGroup(of: Self.repo) == nil)
            #expect(try await hub.resourceGroup(of: Self.repo)?.name == "production")
            try await hub.setResourceGroup(of: Self.repo, to: nil)
        }
        #expect(server.asked()[2].text == #"{"resourceGroupId":null}"#)
    }

    // MARK: Reading

    @Test func infoIsReadWithAllItHas() async throws {
        let body = """
            {"_id": "68a0f1e2d3c4b5a697887766", "id": "maren/orbit-api", "author": "maren",
             "sha": "3f1c9a7e5b2d4860c1e7f9a3b5d7082461ace9bd", "private": true, "gated": false, "disabled": false,
             "host": "https://maren-orbit-api.hf.space", "subdomain": "maren-orbit-api", "tags": ["docker", "region:us"],
             "likes": 3, "sdk": "docker", "siblings": [{"rfilename": "README.md", "size": 377, "blobId": "9d1e"},
              {"rfilename": "assets/map.bin", "size": 18350080, "blobId": "5c4d", "lfs": {"sha256": "2f6b", "size": 1}}, 7],
             "cardData": {"title": "Orbit API", "app_port": 8080}, "usedStorage": 18502144, "novel": {"a": 1},
             "runtime": {"stage": "MIGRATING", "hardware": {"current": null, "requested": "cpu-basic"}}}
            """
        let server = try await ScriptedHub.start([.json(body)])
        let info = try await withHub(server) { try await $0.info(of: Self.repo, blobs: true) }
        #expect(server.asked()[0].uri == "/api/spaces/maren/orbit-api?blobs=true")
        #expect(info.internalID == "68a0f1e2d3c4b5a697887766" && info.isPrivate == true && info.sdk == "docker")
        #expect(info.files?.map(\.path) == ["README.md", "assets/map.bin"])
        #expect(info.files?.last?.sha256 == "2f6b")
        #expect(info.runtime?.stage == SpaceStage(rawValue: "MIGRATING"))
        #expect(info.card?["app_port"]?.integer == 8080)
        #expect(info.raw["novel"]?["a"]?.integer == 1)
    }

    @Test func littleIsEnough() async throws {
        let server = try await ScriptedHub.start([.json(#"{"id":"maren/orbit-api"}"#), Self.missing])
        try await withHub(server) { hub async throws in
            let info = try await hub.info(of: Self.repo, revision: "refs/pr/1", expand: ["sha", "runtime"])
            #expect(info.sha == nil && info.files == nil && info.runtime == nil)
            #expect(try await hub.find(Self.repo) == nil)
        }
        #expect(
            server.asked()[0].uri == "/api/spaces/maren/orbit-api/revision/refs%2Fpr%2F1?expand=sha&expand=runtime")
    }

    @Test func pagesAreFollowed() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            if asked.uri.contains("cursor=two") { return .json(#"[{"id":"maren/c"}, {"noid": 1}, {"id":"maren/d"}]"#) }
            // The Hub names itself by its own address even behind another.
            let next = "<https://huggingface.co/api/spaces?author=maren&limit=2&cursor=two%3D>; rel=\"next\""
            return .json(#"[{"id":"maren/a"},{"id":"maren/b"}]"#, ["Link": next])
        }
        try await withHub(server) { hub async throws in
            let all = try await hub.list(.space, author: "maren", expand: ["runtime"], pageSize: 2).all()
            #expect(all.map(\.id) == ["maren/a", "maren/b", "maren/c", "maren/d"])
            let three = try await hub.list(.space, author: "maren", limit: 3).all()
            #expect(three.count == 3)
            let one = try await hub.list(.space, author: "maren", limit: 1).all()
            #expect(one.count == 1)
        }
        let asked = server.asked()
        #expect(asked[0].uri == "/api/spaces?author=maren&expand=runtime&limit=2")
        #expect(asked[1].uri == "/api/spaces?author=maren&limit=2&cursor=two%3D")
        #expect(asked.count == 5)
        #expect(asked.allSatisfy { $0.token != nil })
    }

    @Test(arguments: ["https://evil.example.org/api/spaces?p=2", "/api/spaces"]) func pagesElsewhereAndCirclesEnd(
        next: String
    ) async throws {
        let server = try await ScriptedHub.start([.json(#"[{"id":"maren/a"}]"#, ["Link": "<\(next)>; rel=\"next\""])])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.list(.space).all() }
        }
        #expect(failure?.kind == .refusedByUs || failure?.said.contains("circle") == true)
        #expect(server.asked().count <= 2)
    }

    @Test(arguments: ["https://evil.example.org/tree?p=2", "/api/spaces/maren/a/tree/main"]) func soDoThoseOfATree(
        next: String
    ) async throws {
        let server = try await ScriptedHub.start([
            .json(#"[{"type":"file","path":"a","oid":"1","size":1}]"#, ["Link": "<\(next)>; rel=\"next\""])
        ])
        let repo = try RepoID.space("maren/a")
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.tree(of: repo).all() }
        }
        #expect(failure?.kind == .refusedByUs || failure?.said.contains("circle") == true)
        #expect(server.asked().count <= 3)
    }

    @Test func refsHistoryAndCounts() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            if asked.path.hasSuffix("/refs") {
                return .json(
                    #"{"branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": "3f1c"}], "tags": [{"name": "v1", "targetCommit": "b4a1"}, {}], "pullRequests": [{"name": "1", "ref": "refs/pr/1", "targetCommit": "c5b2"}]}"#
                )
            }
            return .json(
                #"[{"id": "3f1c", "title": "Deploy 1.4.1", "message": "", "authors": [{"user": "maren"}], "date": "2026-05-28T11:40:02.000Z"}, {"id": "b4a1"}]"#,
                ["X-Total-Count": "2"])
        }
        try await withHub(server) { hub async throws in
            let refs = try await hub.refs(of: Self.repo, pullRequests: true)
            #expect(refs.branches.first?.commit == "3f1c" && refs.tags.count == 1 && refs.pullRequests.count == 1)
            let history = try await hub.history(of: Self.repo).all()
            #expect(history.map(\.id) == ["3f1c", "b4a1"])
            #expect(history.first?.authors == ["maren"])
            #expect(try await hub.commitCount(of: Self.repo) == 2)
        }
    }

    @Test func branchesAndTags() async throws {
        let exists = Reply.json(#"{"error":"Reference refs/heads/x already exists"}"#, status: 409)
        let gone = Reply.json(#"{"error":"nope"}"#, status: 404, ["X-Error-Code": "RevisionNotFound"])
        let server = try await ScriptedHub.start([.text("OK"), exists, .text("OK"), gone, .text("OK"), Self.missing])
        try await withHub(server) { hub async throws in
            let repo = Self.repo
            #expect(try await hub.createBranch("feat/x", in: repo, at: "b4a1"))
            #expect(try await hub.createBranch("feat/x", in: repo, existsOK: true) == false)
            #expect(try await hub.createTag("v1", in: repo, message: "one"))
            #expect(try await hub.deleteTag("v1", of: repo, missingOK: true) == false)
            #expect(try await hub.deleteBranch("feat/x", of: repo))
            await #expect(throws: HubFailure.self) { try await hub.deleteBranch("x", of: repo, missingOK: true) }
        }
        let asked = server.asked()
        #expect(asked[0].path.hasSuffix("/branch/feat%2Fx"))
        #expect(asked[0].text == #"{"startingPoint":"b4a1"}"# && asked[1].text == "{}")
        #expect(asked[2].text == #"{"message":"one","tag":"v1"}"# && asked[2].path.hasSuffix("/tag/main"))
    }

    @Test func aSquashKnowsItsHead() async throws {
        let server = try await ScriptedHub.start { asked, count in
            switch asked.method {
            case .POST: return count < 4 ? .json(#"{"commitId":"new1"}"#) : .hangUp
            default:
                if asked.path.contains("/commits/") { return .json(#"[{"id":"new2"}]"#) }
                return .json(#"{"id":"maren/orbit-api","sha":"old"}"#)
            }
        }
        try await withHub(server) { hub async throws in
            let repo = Self.repo
            #expect(try await hub.superSquash(repo, message: "one") == "new1")
            #expect(try await hub.superSquash(repo, message: "one", head: "old") == "new1")
            #expect(try await hub.superSquash(repo, message: "one", head: "old") == "new2")
            let stale = await #expect(throws: HubFailure.self) {
                try await hub.superSquash(repo, message: "one", head: "other")
            }
            #expect(stale?.kind == .stale)
        }
    }

    @Test func largeFilesAreDeletedInParts() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            asked.method == .GET
                ? .json(
                    #"[{"fileOid":"f1","filename":"map.bin","oid":"2f6b","size":5,"pushedAt":"2026-01-01","ref":null}]"#
                )
                : .json("{}")
        }
        try await withHub(server) { hub async throws in
            let files = try await hub.lfsFiles(of: Self.repo).all()
            #expect(files.first?.path == "map.bin" && files.first?.fileOID == "f1")
            try await hub.deleteLFSFiles((0..<2_500).map { "sha\($0)" }, of: Self.repo)
        }
        #expect(server.asked().filter { $0.method == .POST }.count == 3)
    }

    @Test func cardsAreReviewed() async throws {
        let server = try await ScriptedHub.start([
            .json(#"{"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]}"#),
            .json(#"{"errors": [{"message": "\"colorFrom\" must be one of [red]"}], "warnings": []}"#, status: 400),
            .json(#"{"error": "malformed"}"#, status: 400),
        ])
        try await withHub(server) { hub async throws in
            let good = try await hub.review(card: "---\n---\n", of: .space)
            #expect(good.isGood && good.warnings.count == 1)
            let bad = try await hub.review(card: "x", of: .space)
            #expect(bad.errors == [#""colorFrom" must be one of [red]"#])
            let failure = await #expect(throws: HubFailure.self) { try await hub.review(card: "x", of: .space) }
            #expect(failure?.said == "malformed")
        }
        #expect(server.asked()[0].text == #"{"content":"---\n---\n","repoType":"space"}"#)
    }

    @Test func webhooksAreMatchedBeforeTheyAreMade() async throws {
        let hook =
            #"{"id": "69c0", "url": "https://x/hook", "watched": [{"type": "user", "name": "maren"}], "domains": ["repo"], "disabled": "suspended-after-failure"}"#
        let server = try await ScriptedHub.start { asked, count in
            if asked.method == .GET { return .json(count == 1 ? "[]" : "[\(hook)]") }
            return .json(#"{"webhook": \#(hook)}"#)
        }
        try await withHub(server) { hub async throws in
            let watched = [HubWebhook.Watched(type: "user", name: "maren")]
            let first = try await hub.ensureWebhook(url: "https://x/hook", watched: watched, secret: Secret("abc"))
            #expect(first.isNew)
            let second = try await hub.ensureWebhook(url: "https://x/hook", watched: watched)
            #expect(!second.isNew && second.webhook.state == .suspended("suspended-after-failure"))
            #expect(try await hub.setWebhook("69c0", enabled: true).id == "69c0")
            #expect(try await hub.deleteWebhook("69c0"))
        }
        #expect(
            server.asked()[1].text
                == #"{"domains":["repo"],"secret":"abc","url":"https://x/hook","watched":[{"name":"maren","type":"user"}]}"#
        )
        #expect(server.asked()[3].path == "/api/settings/webhooks/69c0/enable")
    }

    @Test func templates() async throws {
        let server = try await ScriptedHub.start([
            .json(
                #"{"templates": [{"name": "JupyterLab", "repoId": "SpacesExamples/jupyterlab", "sdk": "docker", "preferredPrivate": true}, {}]}"#
            )
        ])
        let templates = try await withHub(server) { try await $0.spaceTemplates() }
        #expect(templates.map(\.repo) == ["SpacesExamples/jupyterlab"])
    }
}
