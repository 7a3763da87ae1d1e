import Foundation
import Logging
import NIOCore
import Runtime
import StokerCore
import Synchronization
import Testing

@testable import HubClient

/// A Hub whose waits take no time.
func hub(at small: SmallHub) -> Hub {
    let passed = Mutex(Duration.zero)
    var clock = WaitClock.real
    clock.now = { passed.withLock { $0 } }
    clock.sleep = { duration in
        try Task.checkCancellation()
        passed.withLock { $0 += duration }
    }
    return Hub(
        Hub.Settings(endpoint: small.address, token: Secret("hf_test")),
        pace: HubRateLimiter(limits: HubRateLimiter.Limits(commitsPerHour: 10_000), clock: clock),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, jitter: { 0 })
}

func with(
    _ rules: SmallHub.Rules = SmallHub.Rules(),
    _ body: (SmallHub, Hub, RepoID, Scratch, UploadOptions) async throws -> Void
) async throws {
    let small = try await SmallHub.start(rules)
    let client = hub(at: small)
    let scratch = try Scratch()
    let notes = try Scratch()
    var options = UploadOptions(summary: "Deploy")
    options.stateFolder = notes.path
    do {
        try await body(small, client, RepoID.space(SmallHub.repo), scratch, options)
    } catch {
        try await client.shutdown()
        try await small.stop()
        throw error
    }
    try await client.shutdown()
    try await small.stop()
    #expect(try notes.names().isEmpty, "what was finished leaves no notes")
}

@Suite struct UploadTests {
    @Test func oneCommitAndThenNothing() async throws {
        try await with { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 1)
            try scratch.write("README.md", "---\nsdk: docker\n---\n")
            try scratch.write("empty", "")
            try scratch.write("sub/ä \"quoted\".txt", "text")
            try scratch.write("big.bin", random.bytes(5000))
            let progress = Mutex<[TransferProgress]>([])
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options) { step in
                progress.withLock { $0.append(step) }
            }
            #expect(result.commits.count == 1)
            #expect(result.written == 4)
            #expect(small.content.count == 4)
            #expect(small.content[RepoPath(unchecked: "big.bin")] == (try scratch.read("big.bin")))
            #expect(small.content[RepoPath(unchecked: "sub/ä \"quoted\".txt")] == Array("text".utf8))
            #expect(small.content[RepoPath(unchecked: "empty")] == [])
            let last = try #require(progress.withLock { $0.last })
            #expect(last.phase == .done)
            #expect(last.files == 4)
            #expect(last.bytes == last.bytesTotal)
            let again = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(again.commits.isEmpty)
            #expect(again.unchanged == 4)
            #expect(again.sent == 0)
            #expect(again.commit == result.commit)
            #expect(small.calls("commit").count == 1)
            #expect(small.calls("put").count == 1)
        }
    }

    @Test func onlyWhatChangedIsSent() async throws {
        try await with { small, hub, repo, scratch, options in
            for index in 0..<600 { try scratch.write("f\(index)", "content \(index)") }
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.calls("preupload").count == 2)
            try scratch.write("f7", "new")
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.written == 1)
            #expect(result.unchanged == 599)
            #expect(small.calls("commit").last?.body.split(separator: 10).count == 2)
        }
    }

    @Test func deletesWhatThePatternsName() async throws {
        var rules = SmallHub.Rules()
        rules.pageOfTree = 2
        try await with(rules) { small, hub, repo, scratch, options in
            for path in ["a.txt", "b.txt", "logs/1", "logs/2", ".gitattributes"] { small.push(path, path) }
            try scratch.write("a.txt", "a.txt")
            var options = options
            options.delete = ["logs/*"]
            var result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.deleted == 2)
            #expect(Set(small.content.keys.map(\.text)) == ["a.txt", "b.txt", ".gitattributes"])
            options.delete = ["*"]
            result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(Set(small.content.keys.map(\.text)) == ["a.txt", ".gitattributes"])
        }
    }

    @Test func partsAreSentOnceAndPutTogether() async throws {
        var rules = SmallHub.Rules()
        rules.chunk = 1000
        try await with(rules) { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 2)
            let bytes = random.bytes(12_345)
            try scratch.write("one.bin", bytes)
            try scratch.write("same.bin", bytes)
            try scratch.write("exact.bin", random.bytes(3000))
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.content[RepoPath(unchecked: "one.bin")] == bytes)
            #expect(small.content[RepoPath(unchecked: "same.bin")] == bytes)
            #expect(small.calls("put").count == 13 + 3)
            #expect(small.calls("complete").count == 2)
            #expect(small.calls("verify").count == 2)
            #expect(result.sent == 15_345)
            #expect(small.calls("put").allSatisfy { $0.headers["content-length"] != nil })
        }
    }

    @Test func goesOnWhereItStopped() async throws {
        var rules = SmallHub.Rules()
        rules.chunk = 1000
        try await with(rules) { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 3)
            let bytes = random.bytes(20_000)
            try scratch.write("big.bin", bytes)
            var options = options
            options.lanes = 1
            // From the eleventh part on the storage takes no more, as when the program is ended there.
            small.breaks { call, _ in
                call.name == "put" && (Int(call.path.split(separator: "/").last ?? "") ?? 0) > 10 ? .status(501) : .none
            }
            await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            small.breaks { _, _ in .none }
            small.state.withLock { $0.calls = [] }
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.calls("put").count == 10)
            #expect(result.sent == 10_000)
            #expect(small.content[RepoPath(unchecked: "big.bin")] == bytes)
        }
    }

    /// The addresses of yesterday's run are refused: the object is sent from its start, in the same run.
    @Test func beginsAnewWhenTheAddressesAreOld() async throws {
        var rules = SmallHub.Rules()
        rules.chunk = 1000
        try await with(rules) { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 4)
            let bytes = random.bytes(9_500)
            try scratch.write("big.bin", bytes)
            // One part after the other: five are noted before the sixth is refused.
            var options = options
            options.lanes = 1
            small.breaks { call, _ in
                call.name == "put" && (Int(call.path.split(separator: "/").last ?? "") ?? 0) > 5 ? .status(501) : .none
            }
            await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            small.breaks { _, _ in .none }
            small.state.withLock { $0.uploads = [:] }
            // Notes are told apart from this run's by their second.
            let note = try #require(try FileManager.default.contentsOfDirectory(atPath: options.stateFolder!).first)
            let path = options.stateFolder! + "/" + note
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            var text = try String(contentsOfFile: path, encoding: .utf8)
            let made = try #require(text.firstMatch(of: /"made":(\d+)/))
            text.replace("\"made\":\(made.1)", with: "\"made\":\(Int(made.1)! - 60)")
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.content[RepoPath(unchecked: "big.bin")] == bytes)
            #expect(small.calls("batch").count == 3)
        }
    }

    @Test func aRefusedObjectNamesItsFile() async throws {
        var random = SplitMix64(seed: 5)
        let bytes = random.bytes(2000)
        var rules = SmallHub.Rules()
        rules.refusedObjects = [SmallHub.sha256(bytes)]
        try await with(rules) { small, hub, repo, scratch, options in
            try scratch.write("ok.bin", random.bytes(2000))
            try scratch.write("huge.bin", bytes)
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            #expect(failure?.said.contains("huge.bin: Object too large") == true)
            #expect(small.calls("commit").isEmpty)
        }
    }

    @Test func theReadmeIsCheckedFirst() async throws {
        var rules = SmallHub.Rules()
        rules.readmeErrors = ["\"sdk\" must be one of [gradio, docker, static]"]
        try await with(rules) { small, hub, repo, scratch, options in
            try scratch.write("README.md", "---\nsdk: x\n---\n")
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            #expect(failure?.kind == .invalid)
            #expect(failure?.said.contains("\"sdk\" must be one of") == true)
            #expect(small.calls("preupload").isEmpty)
        }
    }

    @Test func whatTheRepositoryIgnoresStaysOut() async throws {
        var rules = SmallHub.Rules()
        rules.ignored = ["b"]
        try await with(rules) { small, hub, repo, scratch, options in
            try scratch.write("a", "a")
            try scratch.write("b", "b")
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.ignored == 1)
            #expect(small.content.keys.map(\.text) == ["a"])
        }
    }

    @Test func changesByName() async throws {
        try await with { small, hub, repo, scratch, options in
            for path in ["old.txt", "legacy/a", "legacy/b"] { small.push(path, path) }
            try scratch.write("local", "from a file")
            let result = try await hub.commit(
                [
                    .delete(path: "old.txt"), .deleteFolder(path: "legacy"),
                    .add(path: "legacy/a", .bytes(ByteBuffer(string: "legacy/a"))),
                    .add(path: "x", .file(scratch.path + "/local")),
                ], to: repo, options: options)
            #expect(result.deleted == 2)
            #expect(result.written == 2)
            #expect(
                small.content == [
                    RepoPath(unchecked: "legacy/a"): Array("legacy/a".utf8),
                    RepoPath(unchecked: "x"): Array("from a file".utf8),
                ])
            await #expect(throws: HubFailure.self) {
                try await hub.commit([.add(path: "../x", .bytes(ByteBuffer()))], to: repo, options: options)
            }
            await #expect(throws: HubFailure.self) {
                try await hub.commit(
                    [.add(path: "y", .bytes(ByteBuffer())), .add(path: "y", .bytes(ByteBuffer()))], to: repo,
                    options: options)
            }
        }
    }

    @Test func aMovedBranchIsComparedAnew() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write("a", "mine")
            try scratch.write("b", "mine")
            let pushed = Mutex(false)
            small.breaks { call, _ in
                // Just before the commit comes, somebody else writes the same `b`.
                if call.name == "commit",
                    pushed.withLock({ was in
                        defer { was = true }; return !was
                    })
                {
                    return .status(412)
                }
                return .none
            }
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.commits.count == 1)
            #expect(small.calls("preupload").count == 2)
            var fixed = options
            fixed.parent = SmallHub.sha("0")
            try scratch.write("a", "again")
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: fixed)
            }
            #expect(failure?.kind == .stale)
            #expect(small.calls("commit").count == 2)
        }
    }

    /// The answer is lost after the commit was made: it is recognised, not made again.
    @Test(arguments: [SmallHub.Fault.cutAfter, .statusAfter(502), .statusAfter(504)])
    func aLostAnswerIsFound(fault: SmallHub.Fault) async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write("a", "mine")
            small.breaks { call, _ in call.name == "commit" ? fault : .none }
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.calls("commit").count == 1)
            #expect(small.state.withLock { $0.commits.count } == 2)
            #expect(result.commit == small.state.withLock { $0.commits[0].id })
        }
    }

    @Test func limitsSplitAndSaySo() async throws {
        try await with { small, hub, repo, scratch, options in
            for index in 0..<10 { try scratch.write("f\(index)", String(repeating: "x", count: 600)) }
            let scan = try FolderScan(scratch.path, options: options)
            var upload = Upload(
                hub: hub, repo: repo, revision: "main", options: options,
                meter: TransferMeter(phase: .scanning) { _ in },
                items: scan.items, deletions: [])
            upload.limits.body = 8_000
            let result = try await upload.run(doing: "test")
            #expect(result.commits.count == 3)
            #expect(result.notes.first?.contains("3 commits were needed") == true)
            #expect(small.content.count == 10)
            #expect(
                small.state.withLock { $0.commits.map(\.title) }.prefix(3) == [
                    "Deploy (part 3)", "Deploy (part 2)", "Deploy",
                ])
        }
    }

    @Test func aFileThatChangesMeanwhileIsNoCommit() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write("a", "before")
            let path = scratch.path + "/a"
            small.breaks { call, _ in
                if call.name == "preupload" {
                    _ = FileManager.default.createFile(atPath: path, contents: Data("after, longer".utf8))
                }
                return .none
            }
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: options)
            }
            #expect(failure?.kind == .local)
            #expect(small.state.withLock { $0.commits.count } == 1)
        }
    }
}

@Suite struct CommitBodyTests {
    @Test(arguments: [0, 1, 2, 3, 4, 511, 196_607, 196_608, 196_609, 700_001]) func lengthIsRight(size: Int)
        async throws
    {
        let scratch = try Scratch()
        var random = SplitMix64(seed: UInt64(size))
        let bytes = random.bytes(size)
        try scratch.write("a", bytes)
        let item = try UploadItem(path: RepoPath("dir/\"ä\"\u{2028}.bin"), source: .file(scratch.path + "/a"))
        let body = CommitBody(
            summary: "s\n\"", description: "", parent: "p",
            lines: [.deletedFolder(try RepoPath("x")), .file(item), .lfs(path: try RepoPath("y"), oid: "o", size: 5)])
        var all: [UInt8] = []
        var most = 0
        let counted = Mutex(Int64(0))
        for try await piece in body.pieces(counted: { count in counted.withLock { $0 += count } }) {
            all += piece.readableBytesView
            most = max(most, piece.readableBytes)
        }
        #expect(Int64(all.count) == body.length)
        #expect(most <= 300_000)
        #expect(counted.withLock { $0 } == Int64(size))
        let lines = try all.split(separator: 10).map {
            try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any]
        }
        #expect(lines.map { $0?["key"] as? String } == ["header", "deletedFolder", "file", "lfsFile"])
        let value = lines[2]?["value"] as? [String: Any]
        #expect(value?["path"] as? String == "dir/\"ä\"\u{2028}.bin")
        #expect((value?["content"] as? String).flatMap { Data(base64Encoded: $0) } == Data(bytes))
    }
}
