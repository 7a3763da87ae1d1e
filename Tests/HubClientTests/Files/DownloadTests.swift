import Foundation
import NIOCore
import StokerCore
import Synchronization
import Testing

@testable import HubClient

@Suite struct DownloadTests {
    @Test(arguments: [true, false]) func goesOnAfterCuts(honoursRange: Bool) async throws {
        var rules = SmallHub.Rules()
        rules.cutDownloadAfter = honoursRange ? 30_000 : nil
        rules.honoursRange = honoursRange
        try await with(rules) { small, hub, repo, scratch, _ in
            var random = SplitMix64(seed: 1)
            let bytes = random.bytes(100_000)
            small.push("dir/data.bin", "")
            small.state.withLock { $0.files[RepoPath(unchecked: "dir/data.bin")] = .inline(bytes) }
            // What an earlier run left: the beginning of it.
            try scratch.write("dir/data.bin.\(SmallHub.blob(bytes).prefix(12)).part", bytes.prefix(7_000))
            let result = try await hub.download("dir/data.bin", from: repo, to: scratch.path)
            #expect(try scratch.read("dir/data.bin") == bytes)
            #expect(result.received == (honoursRange ? 93_000 : 100_000))
            #expect(try scratch.names() == ["dir", "dir/data.bin"])
            small.state.withLock { $0.calls = [] }
            let again = try await hub.download("dir/data.bin", from: repo, to: scratch.path)
            #expect(again.received == 0)
            #expect(small.calls("resolve").map(\.method) == ["HEAD"])
        }
    }

    @Test func aWrongBeginningIsThrownAway() async throws {
        try await with { small, hub, repo, scratch, _ in
            small.push("a", "the right content")
            try scratch.write("a.\(SmallHub.blob(Array("the right content".utf8)).prefix(12)).part", "wrong")
            _ = try await hub.download("a", from: repo, to: scratch.path)
            #expect(try scratch.read("a") == Array("the right content".utf8))
        }
    }

    @Test func snapshotFetchesWhatIsMissing() async throws {
        var rules = SmallHub.Rules()
        rules.pageOfTree = 7
        try await with(rules) { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 2)
            let source = try Scratch()
            for index in 0..<20 { try source.write("d\(index % 3)/f\(index)", random.bytes(random.below(3000))) }
            _ = try await hub.upload(folder: source.path, to: repo, options: options)
            small.state.withLock { $0.calls = [] }
            let first = try await hub.snapshot(of: repo, to: scratch.path)
            #expect(first.files == 20)
            #expect(try scratch.names() == (try source.names()))
            for name in try source.names() where name.contains("/") {
                #expect(try scratch.read(name) == (try source.read(name)))
            }
            #expect(small.calls("tree").count == 3)
            #expect(small.calls("resolve").allSatisfy { $0.method == "GET" })
            small.state.withLock { $0.calls = [] }
            let again = try await hub.snapshot(of: repo, to: scratch.path)
            #expect(again.received == 0)
            #expect(small.calls("resolve").count <= 1, "an empty file has no content to compare")
        }
    }

    @Test func onlySomeFiles() async throws {
        try await with { small, hub, repo, scratch, _ in
            for path in ["a.py", "b.md", "c/d.py"] { small.push(path, path) }
            let result = try await hub.snapshot(
                of: repo, to: scratch.path, filter: PathFilter(allow: ["*.py"], ignore: ["c/*"]))
            #expect(result.files == 1)
            #expect(try scratch.names() == ["a.py"])
        }
    }

    @Test(arguments: ["../x", "/etc/x", "a/../../x", "a//b", ".."]) func nothingIsWrittenOutside(path: String)
        async throws
    {
        try await with { small, hub, repo, scratch, _ in
            small.push(path, "evil")
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.snapshot(of: repo, to: scratch.path + "/in")
            }
            #expect(failure?.said.contains("leads out of the folder") == true)
        }
    }

    @Test func readsOnlyWhatIsNew() async throws {
        try await with { small, hub, repo, _, _ in
            small.push("README.md", "# Grüße")
            let first = try #require(try await hub.read("README.md", in: repo))
            #expect(String(buffer: first.bytes) == "# Grüße")
            #expect(try await hub.text(of: "README.md", in: repo) == "# Grüße")
            #expect(try await hub.read("README.md", in: repo, unless: first.etag) == nil)
            small.push("README.md", "new")
            #expect(try await hub.read("README.md", in: repo, unless: first.etag) != nil)
            let failure = await #expect(throws: HubFailure.self) { try await hub.read("none", in: repo) }
            #expect(failure?.kind == .notFound)
        }
    }

    @Test func whatIsNotWhatWasAnnouncedIsNotKept() async throws {
        try await with { small, hub, repo, scratch, _ in
            small.push("a", "content")
            let info = try await hub.info(of: "a", in: repo)
            #expect(info.content == .sha1(SmallHub.blob(Array("content".utf8))))
            #expect(info.size == 7)
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.fetch(
                    "a", of: repo, revision: "main", size: 7, content: .sha1(SmallHub.blob(Array("other!!".utf8))),
                    to: scratch.path
                ) { _ in }
            }
            #expect(failure?.kind == .unreadable)
            #expect(try scratch.names().isEmpty)
        }
    }
}

@Suite struct TransferMeterTests {
    @Test func ratesAndTimeLeft() {
        let now = Mutex(ContinuousClock.now)
        let seen = Mutex<[TransferProgress]>([])
        let meter = TransferMeter(files: 2, bytes: 1000, phase: .sending, now: { now.withLock { $0 } }) { step in
            seen.withLock { $0.append(step) }
        }
        meter.moved(100)
        now.withLock { $0 += .seconds(1) }
        meter.moved(100)
        #expect(seen.withLock { $0.last?.rate } == 100)
        #expect(seen.withLock { $0.last?.secondsLeft } == 8)
        now.withLock { $0 += .milliseconds(50) }
        meter.moved(100)
        #expect(seen.withLock { $0.count } == 2, "no more than ten reports a second")
        meter.moved(-100)
        meter.skipped(bytes: 800)
        meter.finishedFile()
        meter.end()
        let last = seen.withLock { $0.last }
        #expect(last?.phase == .done)
        #expect(last?.bytes == 1000)
        #expect(last?.files == 2)
        #expect(last?.secondsLeft == 0)
    }
}
