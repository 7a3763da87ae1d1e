import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HubSimulator

/// What strangers send: nothing of it ends the process, leaves this machine, or gets a name that a file system would choke on.
@Suite struct HostileTests {
    private func alive(_ hub: SimulatedHub) async throws {
        #expect(try await hub.get("/api/whoami-v2").status == 200)
    }

    @Test func hugeNumbersAreOnlyNumbers() async throws {
        let world = try await SimulatedWorld.start(scene: .small, HubConfiguration(time: SimulatedTime(.manual)))
        let hub = world.hub
        let most = Int.max
        let space = "/api/spaces/maren/orbit-api"
        let cursor = Data("\(most)".utf8).base64EncodedString()
        for path in [
            "\(space)/commits/main?p=\(most)", "\(space)/commits/main?p=\(most / 50)&limit=1000",
            "\(space)/discussions?p=\(most)", "/api/spaces?cursor=\(cursor)",
            "\(space)/tree/main?cursor=\(cursor)&limit=\(most)",
            "\(space)/jwt?expiration=\(most)", "\(space)/logs/run?tail=-\(most)", "/-/admin/journal?after=-\(most)",
        ] {
            let seen = try await hub.get(path)
            #expect(seen.status < 500, "\(path): \(seen.status) \(seen.body)")
        }
        for (path, body) in [
            ("/-/admin/time", #"{"advance":1e300}"#), ("/-/admin/time", #"{"advance":-1}"#),
            ("/-/admin/tokens", #"{"secret":"hf_x","account":"maren","expiresIn":1e300}"#),
            ("/-/admin/faults", #"{"kind":"slow","seconds":1e200}"#),
            ("/-/admin/faults", #"{"kind":"status","status":99999}"#),
            ("/-/admin/faults", #"{"kind":"html","status":-1}"#), ("/-/admin/faults", #"{"kind":"cut","chance":-3}"#),
            ("/-/admin/incident", #"{"kind":"edge","status":-5}"#),
            ("/-/admin/spaces/maren/orbit-api/fate", #"{"next":["crash"],"after":1e300}"#),
            ("\(space)/sleeptime", "{\"seconds\":\(most)}"), ("\(space)/replicas", "{\"replicas\":\(most)}"),
        ] {
            let seen = try await hub.send(.POST, path, body)
            #expect((400...422).contains(seen.status), "\(path) \(body): \(seen.status) \(seen.body)")
        }
        // As far as the clock goes, and then no further.
        for _ in 0..<3 { #expect(try await hub.send(.POST, "/-/admin/time", #"{"advance":3155760000}"#).status == 200) }
        try await alive(hub)
        #expect(try await hub.get(space).status == 200)
        await world.shutdown()
    }

    private func line(_ hub: SimulatedHub, saying text: String = "") async throws -> any Channel {
        let port = try #require(Int(hub.endpoint.split(separator: ":").last ?? ""))
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
            host: "127.0.0.1", port: port
        ).get()
        if !text.isEmpty { try await channel.writeAndFlush(ByteBuffer(string: text)) }
        return channel
    }

    /// Connections that ask nothing give their places to the next one.
    @Test func idleConnectionsLockNobodyOut() async throws {
        var configuration = HubConfiguration()
        configuration.connections = 8
        let world = try await SimulatedWorld.start(scene: .small, configuration)
        var lines: [any Channel] = []
        for _ in 0..<60 { lines.append(try await line(world.hub)) }
        try await eventually { lines.count { $0.isActive } <= 6 }
        for _ in 0..<3 { #expect(try await get(world.endpoint + "/api/spaces/maren/orbit-api").status == 200) }
        for line in lines { try? await line.close() }  // most are closed already
        await world.shutdown()
    }

    /// While every place is taken by somebody who is being answered, scenes can still be arranged.
    @Test func theAdminAreaHasPlacesOfItsOwn() async throws {
        var configuration = HubConfiguration()
        configuration.connections = 8
        let world = try await SimulatedWorld.start(scene: .small, configuration)
        let fault = try await world.hub.send(
            .POST, "/-/admin/faults", #"{"kind":"held","path":"/api/spaces/**","times":null}"#)
        #expect(fault.status == 200, "\(fault.body)")
        func asking() async throws -> any Channel {
            try await line(world.hub, saying: "GET /api/spaces/maren/orbit-api HTTP/1.1\r\nHost: x\r\n\r\n")
        }
        var lines: [any Channel] = []
        for _ in 0..<6 { lines.append(try await asking()) }
        try await eventually {
            // One whose request was not read yet counts as idle, and may have given its place to the next.
            for index in lines.indices where !lines[index].isActive { lines[index] = try await asking() }
            return try await get(world.endpoint + "/api/whoami-v2").status == 503
        }
        #expect(try await get(world.endpoint + "/-/admin/spaces/maren/orbit-api").status == 200)
        #expect(lines.allSatisfy { $0.isActive }, "who is being answered stays")
        for line in lines { try await line.close() }
        await world.shutdown()
    }

    @Test func aCardMayBeAnything() async throws {
        let world = try await SimulatedWorld.start(scene: .empty, HubConfiguration())
        let hub = world.hub
        let bomb =
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + zip("bcdefghi", "abcdefgh").map {
                "\($0): &\($0) [*\($1),*\($1),*\($1),*\($1),*\($1),*\($1),*\($1),*\($1)]\n"
            }
            .joined()
        let cards = [
            "title: 1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1\nsdk: docker\n",
            "sdk: docker\nstartup_duration_timeout: \(Int.max)d\n",
            "sdk: docker\nstartup_duration_timeout: \(Int.max)m\napp_port: \(Int.max)\n", bomb,
            "sdk: docker\nx: " + String(repeating: "[", count: 20_000), String(repeating: "- ", count: 5_000) + "a",
            "sdk: docker\nx: .inf\ny: -.nan\nz: 0x\(String(repeating: "f", count: 40))\n",
            "? [a, b]\n: c\nsdk: docker\n",
        ]
        for (number, card) in cards.enumerated() {
            let content = "---\n\(card)\n---\n"
            let json = try #require(String(bytes: try JSONEncoder().encode(content), encoding: .utf8))
            let seen = try await hub.send(.POST, "/api/validate-yaml", #"{"repoType":"space","content":\#(json)}"#)
            #expect([200, 400].contains(seen.status), "\(number): \(seen.status)")
            _ = try await hub.send(
                .POST, "/-/admin/spaces",
                #"{"id":"maren/card-\#(number)","stage":"BUILDING","files":{"README.md":\#(json),"Dockerfile":"FROM scratch"}}"#
            )
            #expect(try await hub.get("/api/spaces/maren/card-\(number)").status < 500)
        }
        #expect(try await hub.get("/api/spaces?full=true").status == 200)
        try await alive(hub)
        await world.shutdown()
    }

    /// Two pointers whose sizes have no sum.
    @Test func pointersMayTellAnySize() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("sizes")
            for name in ["a", "b"] {
                let pointer = LFSPointer(sha256: String(repeating: name, count: 64), size: Int.max)
                #expect(
                    try await hub.commit("maren/sizes", "\(name).txt", pointer.text.replacing("\n", with: "\\n")).status
                        == 200)
            }
            let size = try await hub.get("/api/datasets/maren/sizes/treesize/main")
            #expect(size.body.contains("\(Int.max)"))
            let info = try await hub.get("/api/datasets/maren/sizes?expand=usedStorage&expand=siblings")
            #expect(info.status == 200)
            for size in ["-1", "\(Int.max)"] {
                let batch = try await hub.send(
                    .POST, "/datasets/maren/sizes.git/info/lfs/objects/batch",
                    "{\"operation\":\"upload\",\"transfers\":[\"multipart\"],\"objects\":[{\"oid\":\"\(String(repeating: "a", count: 64))\",\"size\":\(size)}]}"
                )
                #expect(batch.status == 200 && batch.body.contains("\"code\":422"))
            }
        }
    }

    // MARK: names

    static let badPaths = [
        "../x", "a/../x", "a//x", "/x", "x/", "", ".", ".git/config", "a/.GIT/hooks", "git~1/config", ".git./x",
        ".git /x",
        ".g\u{200c}it/x", ".git:x/y", "..\\ddd", "a\u{7}b", "a\nb", "a\u{0}b",
        String(repeating: "a/", count: 501) + "b",
    ]

    @Test(arguments: badPaths) func noDoorTakesABadPath(path: String) async throws {
        #expect(PathRules.problem(path) != nil)
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("paths")
            #expect(try await hub.commit("maren/paths", "good.txt", "good").status == 200)
            func tree() async throws -> JSON {
                try JSON(
                    decoding: .init(
                        string: try await hub.get("/api/datasets/maren/paths/tree/main?recursive=true").body))
            }
            let before = try await tree()
            let name = try #require(String(bytes: try JSONEncoder().encode(path), encoding: .utf8))
            let header = #"{"key":"header","value":{"summary":"s","description":""}}"#
            for line in [
                #"{"key":"file","value":{"path":\#(name),"content":"eA==","encoding":"base64"}}"#,
                #"{"key":"file","value":{"path":\#(name),"oldPath":"good.txt"}}"#,
                #"{"key":"file","value":{"path":"new.txt","oldPath":\#(name)}}"#,
                #"{"key":"deletedFile","value":{"path":\#(name)}}"#,
                #"{"key":"lfsFile","value":{"path":\#(name),"algo":"sha256","oid":"\#(String(repeating: "a", count: 64))","size":1}}"#,
            ] {
                let seen = try await hub.ndjson("/api/datasets/maren/paths/commit/main", header + "\n" + line)
                #expect(seen.status == 422, "\(line): \(seen.status) \(seen.body)")
            }
            let preupload = try await hub.send(
                .POST, "/api/datasets/maren/paths/preupload/main",
                #"{"files":[{"path":\#(name),"size":1,"sample":""}]}"#)
            #expect(preupload.status == 422)
            let made = try await hub.send(
                .POST, "/api/repos/create",
                #"{"name":"made","type":"dataset","files":[{"path":\#(name),"content":"x"}]}"#)
            #expect(made.status == 422)
            #expect(try await tree() == before)
        }
    }

    @Test func goodPathsPass() {
        for path in [
            "a", ".gitignore", ".gitattributes", "a/.gitkeep", "..a", "a..", "a b/ü", "git", "e\u{301}.txt",
            ".github/x",
        ] {
            #expect(PathRules.problem(path) == nil, "\(path)")
        }
    }

    @Test func namesOfReposAreChecked() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("one")
            for name in ["..", ".", ".git", "a/b", "", "a\u{0}b", "a b", "-a", "x.git", "é"] {
                let json = try #require(String(bytes: try JSONEncoder().encode("maren/" + name), encoding: .utf8))
                let seen = try await hub.send(
                    .POST, "/api/repos/move", #"{"fromRepo":"maren/one","toRepo":\#(json),"type":"dataset"}"#)
                #expect(seen.status == 400, "\(name): \(seen.body)")
            }
            for branch in ["..", "a..b", "a%00b", "a%0Ab", ".lock", "a.lock", "%7E"] {
                let seen = try await hub.send(.POST, "/api/datasets/maren/one/branch/\(branch)", "{}")
                #expect(seen.status == 400, "\(branch): \(seen.status)")
            }
        }
    }

    /// git itself takes such trees unless it is told to look.
    @Test(arguments: ["..", ".git", ".GIT", "git~1", ".", "a\u{7}b", ".git\\x", ""])
    func noPushBringsABadName(name: String) async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("pushed")
            let folder = NSTemporaryDirectory() + "hostile-push-\(UInt64.random(in: 0...UInt64.max))"
            // A leftover in the temporary folder harms nobody.
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await Git.run(["init", "--quiet", folder])
            func git(_ arguments: [String], _ input: [UInt8] = []) async throws -> String {
                try await Git.text(["-C", folder] + arguments, input: input)
            }
            func tree(_ name: String, _ mode: String, _ id: String) async throws -> String {
                let entry =
                    Array("\(mode) \(name)\0".utf8)
                    + stride(from: 0, to: 40, by: 2).map { place in
                        UInt8(id.dropFirst(place).prefix(2), radix: 16) ?? 0
                    }
                return try await git(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], entry)
            }
            let blob = try await git(["hash-object", "-w", "--stdin"], Array("x".utf8))
            let inner = try await tree(name, "100644", blob)
            let root = try await tree("folder", "40000", inner)
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
            let bad = try await git(who + ["commit-tree", root, "-m", "bad"])
            // Also when it is only in the past.
            let clean = try await tree("good", "100644", blob)
            let later = try await git(who + ["commit-tree", clean, "-p", bad, "-m", "good"])
            let url = "\(hub.endpoint.replacing("://", with: "://maren:hf_maren@"))/datasets/maren/pushed"
            for (commit, reference) in [
                (bad, "refs/heads/bad"), (later, "refs/heads/later"), (bad, "refs/tags/bad"), (bad, "refs/pr/9"),
            ] {
                await #expect(throws: GitFailure.self) {
                    try await git(["push", "--quiet", url, "\(commit):\(reference)"])
                }
            }
            let good = try await git(who + ["commit-tree", clean, "-m", "good"])
            _ = try await git(["push", "--quiet", url, "\(good):refs/heads/good"])
            let refs = try await hub.get("/api/datasets/maren/pushed/refs")
            #expect(refs.body.contains("refs/heads/good"))
            // By whole names: a commit may be called `…bad…`.
            for reference in ["heads/bad", "heads/later", "tags/bad", "pr/9"] {
                #expect(!refs.body.contains("refs/\(reference)"), "\(reference)")
            }
        }
    }

    /// A commit may claim any date.
    @Test func aCommitOfAFarTimeIsShown() async throws {
        try await withHub(HubConfiguration()) { hub async throws in
            try await hub.create("late")
            let folder = NSTemporaryDirectory() + "hostile-date-\(UInt64.random(in: 0...UInt64.max))"
            // A leftover in the temporary folder harms nobody.
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try await Git.run(["init", "--quiet", folder])
            let tree = try await Git.text(["-C", folder, "hash-object", "-t", "tree", "-w", "--stdin"])
            let text =
                "tree \(tree)\nauthor t <t@example.org> 99999999999999999 +0000\ncommitter t <t@example.org> 99999999999999999 +0000\n\nlate\n"
            let commit = try await Git.text(
                ["-C", folder, "hash-object", "-t", "commit", "-w", "--stdin"], input: Array(text.utf8))
            let url = "\(hub.endpoint.replacing("://", with: "://maren:hf_maren@"))/datasets/maren/late"
            try await Git.run(["-C", folder, "push", "--quiet", url, "\(commit):refs/heads/late"])
            let seen = try await hub.get("/api/datasets/maren/late/commits/late")
            #expect(seen.status == 200 && seen.body.contains("9999-12-31"))
        }
    }

    // MARK: who arranges scenes

    @Test func aWebPageArrangesNothing() async throws {
        let world = try await SimulatedWorld.start(scene: .empty, HubConfiguration(time: SimulatedTime(.manual)))
        let port = try #require(world.endpoint.split(separator: ":").last)
        func ask(_ headers: [String: String], _ path: String = "/-/admin/time", _ method: HTTPMethod = .POST)
            async throws -> Int
        {
            var request = HTTPClientRequest(url: world.endpoint + path)
            request.method = method
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            if method == .POST { request.body = .bytes(ByteBuffer(string: #"{"advance":10}"#)) }
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            _ = try await answer.body.collect(upTo: 1 << 20)
            return Int(answer.status.code)
        }
        for headers in [
            ["origin": "http://evil.example"], ["origin": "null"], ["origin": "http://127.0.0.1:1"],
            ["host": "evil.example:\(port)"],
            ["host": "localhost.evil.example"], ["host": "127.0.0.1.nip.io"], ["sec-fetch-site": "cross-site"],
            ["host": "128.0.0.1"], ["host": "127.0.0.256"],
        ] {
            #expect(try await ask(headers) == 403, "\(headers)")
            #expect(try await ask(headers, "//-/admin/time") == 403, "\(headers)")
            #expect(try await ask(headers, "/-/admin/journal", .GET) == 403, "\(headers)")
        }
        #expect(world.time.now == .zero)
        for headers in [
            [:], ["host": "localhost:\(port)"], ["host": "127.0.0.1:\(port)", "origin": "http://127.0.0.1:\(port)"],
            ["host": "[::1]:\(port)"], ["sec-fetch-site": "same-origin"],
        ] { #expect(try await ask(headers) == 200, "\(headers)") }
        #expect(world.time.now == .seconds(50))
        await world.shutdown()
    }

    @Test func webhooksStayOnThisMachine() {
        for (url, target) in [
            ("http://127.0.0.1:81/hook?a=1", "http://127.0.0.1:81/hook?a=1"),
            ("http://localhost:81/x", "http://127.0.0.1:81/x"),
            ("http://app.localhost/x", "http://127.0.0.1/x"), ("http://[::1]:81/x", "http://[::1]:81/x"),
        ] { #expect(LoopbackTarget(url)?.url == target, "\(url)") }
        #expect(LoopbackTarget("http://app.localhost:81/x")?.host == "app.localhost:81")
        for url in [
            "http://example.org/", "https://webhook.site/x", "http://127.0.0.1.nip.io/",
            "http://localhost.evil.example/", "http://10.0.0.1/",
            "http://169.254.169.254/", "http://0.0.0.0/", "http://127.1/", "http://2130706433/", "ftp://127.0.0.1/",
            "http://user@127.0.0.1/",
            "http://[::ffff:10.0.0.1]/", "http:///x", "http://",
        ] { #expect(LoopbackTarget(url) == nil, "\(url)") }
    }

    // MARK: the folder

    @Test func onlyFoldersOfTheDeadAreSwept() throws {
        let parent = NSTemporaryDirectory() + "sweep-\(UInt64.random(in: 0...UInt64.max))"
        let files = FileManager.default
        defer { try? files.removeItem(atPath: parent) }  // a leftover in the temporary folder harms nobody
        for name in ["stoker-hub-dead00", "stoker-hub-alive0", "stoker-hub-nolock", "other-dead", "target"] {
            try files.createDirectory(atPath: "\(parent)/\(name)/repos", withIntermediateDirectories: true)
        }
        for name in ["stoker-hub-dead00", "other-dead", "target"] {
            _ = files.createFile(atPath: "\(parent)/\(name)/lock", contents: Data())
        }
        try files.createSymbolicLink(atPath: "\(parent)/stoker-hub-link00", withDestinationPath: "\(parent)/target")
        let lock = try #require(FolderLock.mark("\(parent)/stoker-hub-alive0"))
        FolderLock.sweep(parent)
        withExtendedLifetime(lock) {}
        let left = try Set(files.contentsOfDirectory(atPath: parent))
        #expect(left == ["stoker-hub-alive0", "stoker-hub-nolock", "stoker-hub-link00", "other-dead", "target"])
        #expect(files.fileExists(atPath: "\(parent)/target/repos"))
    }
}

extension SimulatedHub {
    fileprivate func ndjson(_ path: String, _ body: String) async throws -> Seen {
        var request = HTTPClientRequest(url: endpoint + path)
        request.method = .POST
        request.headers.add(name: "authorization", value: "Bearer hf_maren")
        request.headers.add(name: "content-type", value: "application/x-ndjson")
        request.body = .bytes(ByteBuffer(string: body))
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let content = try await answer.body.collect(upTo: 1 << 20)
        return Seen(status: Int(answer.status.code), headers: answer.headers, body: String(buffer: content))
    }
}
