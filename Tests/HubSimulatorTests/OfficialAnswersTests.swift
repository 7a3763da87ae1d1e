import Foundation
import NIOCore
import NIOHTTP1
import Testing

@testable import HubSimulator

/// What the real Hub was seen to answer by the official client's own tests, where the simulator answered otherwise once.
@Suite struct OfficialAnswersTests {
    @Test func aNameOfOnePartIsARepoThatIsNotThere() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            for path in [
                "/api/models/gpt2", "/api/datasets/squad", "/api/spaces/nobody", "/api/kernels/k",
                "/api/models/gpt2/tree/main",
                "/gpt2/resolve/main/f", "/datasets/squad/resolve/main/f",
            ] {
                let known = try await hub.get(path)
                #expect(known.status == 404 && known.headers.first(name: "x-error-code") == "RepoNotFound", "\(path)")
                let stranger = try await hub.get(path, token: nil)
                #expect(
                    stranger.status == 401 && stranger.headers.first(name: "x-error-code") == "RepoNotFound", "\(path)")
            }
            let nowhere = try await hub.get("/api/nothing")
            #expect(nowhere.status == 404 && !nowhere.headers.contains(name: "x-error-code"))
        }
    }

    @Test func movesAndBranchesSayWhy() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            for name in ["a", "b"] { try await hub.create(name, type: "model") }
            let taken = try await hub.send(
                .POST, "/api/repos/move", #"{"fromRepo":"maren/a","toRepo":"maren/b","type":"model"}"#)
            #expect(taken.body.contains("A model repository called maren/b already exists"))
            let branch = try await hub.send(.DELETE, "/api/models/maren/a/branch/cool", "")
            #expect(branch.status == 404 && branch.body.contains("Invalid rev id: cool"))
            let tag = try await hub.send(.POST, "/api/models/maren/a/tag/nowhere", #"{"tag":"not good"}"#)
            #expect(tag.status == 404 && tag.headers.first(name: "x-error-code") == "RevisionNotFound")
            #expect(try await hub.send(.POST, "/api/models/maren/a/tag/main", #"{"tag":"not good"}"#).status == 400)
            #expect(try await hub.send(.POST, "/api/repos/create", #"{"name":"k","type":"kernel"}"#).status == 200)
            #expect(try await hub.get("/api/kernels/maren/k").status == 200)
        }
    }

    @Test func bucketsMove() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            for name in ["one", "two"] {
                #expect(try await hub.send(.POST, "/api/buckets/me/\(name)", "{}").status == 200)
            }
            func move(_ from: String, _ to: String, token: String = "hf_maren") async throws -> Int {
                try await hub.send(
                    .POST, "/api/repos/move", #"{"fromRepo":"\#(from)","toRepo":"\#(to)","type":"bucket"}"#,
                    token: token
                ).status
            }
            #expect(try await move("maren/one", "maren/two") == 409)
            #expect(try await move("maren/one", "maren/three", token: "hf_tobi") == 403)
            #expect(try await move("maren/none", "maren/three") == 404)
            #expect(try await move("maren/one", "kestrel-labs/three") == 200)
            #expect(try await hub.get("/api/buckets/maren/one").status == 404)
            #expect(try await hub.get("/api/buckets/kestrel-labs/three").body.contains("kestrel-labs/three"))
        }
    }

    @Test func discussionsAreListedRenamedAndEdited() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("talk")
            let base = "/api/datasets/maren/talk/discussions"
            #expect(
                try await hub.send(.POST, base, #"{"title":"a pull request","description":"x","pullRequest":true}"#)
                    .status == 200)
            #expect(try await hub.get("\(base)?status=open").body.contains("a pull request"))
            #expect(try await hub.get("\(base)?status=closed").body.contains("a pull request") == false)
            let renamed = try await hub.send(.POST, "\(base)/1/title", #"{"title":"New title"}"#)
            #expect(renamed.body.contains(#""from":"a pull request""#) && renamed.body.contains(#""to":"New title""#))
            #expect(
                try await hub.send(.POST, "\(base)/1/title", #"{"title":"New title"}"#, token: "hf_tobi").status == 403)
            let details = try JSON(decoding: .init(string: try await hub.get("\(base)/1").body))
            #expect(details["title"] == "New title")
            let comment = try #require(details["events"]?.array?.first { $0["type"] == "comment" }?["id"]?.string)
            let edited = try await hub.send(.POST, "\(base)/1/comment/\(comment)/edit", #"{"content":"better"}"#)
            #expect(edited.body.contains("better") && edited.body.contains(#""edited":true"#))
            #expect(
                try await hub.send(.POST, "\(base)/1/comment/\(comment)/edit", #"{"content":"x"}"#, token: "hf_tobi")
                    .status
                    == 403)
            #expect(try await hub.send(.POST, "\(base)/1/comment/\(comment)/hide", "").body.contains(#""hidden":true"#))
            let squashed = try await hub.send(
                .POST, "/api/datasets/maren/talk/super-squash/refs%2Fpr%2F1", #"{"message":"m"}"#)
            #expect(squashed.status == 200 && squashed.body.contains("commitId"))
        }
    }

    @Test func aFolderWithoutItsSlashIsDeletedToo() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("folders")
            for path in ["1/a.txt", "1/b.txt", "2/a.txt"] {
                #expect(try await hub.commit("maren/folders", path, "x").status == 200)
            }
            let deleted = try await hub.send(
                .POST, "/api/datasets/maren/folders/commit/main", #"{"summary":"s","deletedEntries":[{"path":"1"}]}"#)
            #expect(deleted.status == 200)
            let tree = try await hub.get("/api/datasets/maren/folders/tree/main?recursive=true").body
            #expect(!tree.contains("1/a.txt") && tree.contains("2/a.txt"))
            let history = try await hub.get("/api/datasets/maren/folders/commits/main?expand%5B%5D=formatted")
            #expect(history.body.contains(#""formatted":{"#))
        }
    }

    @Test func aGatedRepoShowsItselfAndKeepsItsFiles() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("gated", type: "model")
            #expect(try await hub.commit("maren/gated", "a.txt", "secret", type: "model").status == 200)
            #expect(try await hub.send(.PUT, "/api/models/maren/gated/settings", #"{"gated":"manual"}"#).status == 200)
            func code(_ path: String, _ token: String?) async throws -> (Int, String?) {
                let seen = try await hub.get(path, token: token)
                return (seen.status, seen.headers.first(name: "x-error-code"))
            }
            let closed = [
                "/api/models/maren/gated/auth-check", "/maren/gated/resolve/main/a.txt", "/maren/gated/raw/main/a.txt",
                "/api/resolve-cache/models/maren/gated/main/a.txt", "/maren/gated/info/refs?service=git-upload-pack",
            ]
            for path in closed {
                #expect(try await code(path, "hf_tobi") == (403, "GatedRepo"), "\(path)")
                #expect(try await code(path, nil) == (401, "GatedRepo"), "\(path)")
                #expect(try await code(path, "hf_maren").0 < 400, "\(path)")
            }
            for path in ["/api/models/maren/gated", "/api/models/maren/gated/tree/main"] {
                #expect(try await code(path, nil).0 == 200, "\(path)")
            }
            let base = "/api/models/maren/gated/user-access-request"
            #expect(try await hub.send(.POST, "/maren/gated/ask-access", "", token: "hf_tobi").status == 200)
            #expect(try await code(closed[1], "hf_tobi").0 == 403)
            #expect(try await hub.get("\(base)/pending").body.contains(#""user":"tobi""#))
            #expect(try await hub.get("\(base)/pending", token: "hf_tobi").status == 403)
            let accept = #"{"user":"tobi","status":"accepted"}"#
            #expect(try await hub.send(.POST, "\(base)/handle", accept).status == 200)
            #expect(try await hub.send(.POST, "\(base)/handle", accept).status == 404)
            for path in closed { #expect(try await code(path, "hf_tobi").0 < 400, "\(path)") }
            #expect(try await hub.send(.POST, "\(base)/grant", #"{"user":"nobody"}"#).status == 404)
        }
    }

    @Test(arguments: [
        ("model", "\n---\nmodel-index: foo\n---\n", false), ("model", "---\nlicense: asdf\n---\n", false),
        ("space", "---\nsdk: docker\nlicense: asdf\n---\n", false),
        ("model", "---\nlicense: mit\nmodel-index: []\n---\n", true),
        ("dataset", "---\nlicense: [mit, cc-by-4.0]\n---\n", true),
        ("dataset", "---\nlicense: [mit, no]\n---\n", false),
        ("space", "\r\n \n---\nsdk: foo\n---\n", false),
        ("space", "---\nsdk: docker\nsuggested_hardware: nope\n---\n", false),
        ("space", "---\nsdk: docker\nsuggested_hardware: a100x8\n---\n", true),
        ("model", "text\n---\nlicense: asdf\n---\n", true),
    ]) func cardsAreJudgedAsOnTheHub(kind: String, card: String, isGood: Bool) async throws {
        let kind = try #require(RepoKind(rawValue: kind))
        #expect(CardRules.judge(card, kind: kind).errors.isEmpty == isGood)
    }

    /// huggingface_hub `SpaceHardware`, read from the installed client: a flavour that is new there is missing here.
    @Test func everyHardwareOfTheClientIsKnown() throws {
        let packages = "\(ConformanceTests.root)/.build/venv/lib"
        let folder = try #require(
            FileManager.default.contentsOfDirectory(atPath: packages).first { $0.hasPrefix("python3") })
        let source = try String(
            contentsOfFile: "\(packages)/\(folder)/site-packages/huggingface_hub/_space_api.py", encoding: .utf8)
        let body = try #require(
            source.components(separatedBy: "class SpaceHardware").last?.components(separatedBy: "\nclass ").first)
        let names = body.split(separator: "\n").compactMap { line -> String? in
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            return parts.count == 3 && parts[0].hasSuffix(" = ") ? String(parts[1]) : nil
        }
        #expect(names.count >= 21)
        #expect(names.filter { HardwareCatalogue.flavor($0) == nil } == [])
    }

    // MARK: names that look alike

    /// A Mac's name and a Linux name of one look are two files.
    @Test func namesThatLookAlikeAreTwo() async throws {
        let (nfc, nfd) = ("\u{e9}.txt", "e\u{301}.txt")
        #expect(nfc == nfd, "Swift takes them for one")
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("alike")
            #expect(try await hub.commit("maren/alike", nfc, "one").status == 200)
            func oids() async throws -> [String?] {
                let asked = try await hub.send(
                    .POST, "/api/datasets/maren/alike/preupload/main",
                    #"{"files":[{"path":"\#(nfc)","size":3,"sample":""},{"path":"\#(nfd)","size":3,"sample":""}]}"#)
                let answer = try JSON(decoding: .init(string: asked.body))
                return (answer["files"]?.array ?? []).map { $0["oid"]?.string }
            }
            #expect(try await oids().map { $0 != nil } == [true, false])
            #expect(try await hub.commit("maren/alike", nfd, "two").status == 200)
            let both = try await oids()
            #expect(both.count == 2 && both[0] != nil && both[1] != nil && both[0] != both[1])
            let (one, two) = ("%C3%A9.txt", "e%CC%81.txt")
            #expect(try await hub.get("/datasets/maren/alike/raw/main/\(one)").body == "one")
            #expect(try await hub.get("/datasets/maren/alike/raw/main/\(two)").body == "two")
            let info = try await hub.send(
                .POST, "/api/datasets/maren/alike/paths-info/main", #"{"paths":["\#(nfd)"],"expand":true}"#)
            #expect(info.body.utf8.count(where: { $0 == UInt8(ascii: "[") }) == 1 && info.body.utf8.contains(0xcc))
            let deleted = try await hub.send(
                .POST, "/api/datasets/maren/alike/commit/main",
                #"{"summary":"s","deletedEntries":[{"path":"\#(nfc)"}]}"#)
            #expect(deleted.status == 200)
            #expect(try await oids().map { $0 != nil } == [false, true])
            // Branches are names, too.
            #expect(try await hub.send(.POST, "/api/datasets/maren/alike/branch/%C3%A9", "{}").status == 200)
            #expect(try await hub.get("/api/datasets/maren/alike/revision/e%CC%81").status == 404)
            #expect(try await hub.send(.POST, "/api/datasets/maren/alike/branch/e%CC%81", "{}").status == 200)
        }
    }
}
