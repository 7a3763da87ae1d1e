import Foundation
import NIOCore
import NIOHTTP1
import StokerCore
import Synchronization
import Testing

@testable import HubClient

/// What a Hub, or somebody in its place, must not be able to do to this machine.
@Suite struct DownloadGuardTests {
    @Test func noMoreIsWrittenThanWasAnnounced() async throws {
        try await with { small, hub, repo, scratch, _ async throws in
            var random = SplitMix64(seed: 1)
            small.push("a", "")
            let bytes = random.bytes(200_000)
            small.state.withLock { $0.files[RepoPath(unchecked: "a")] = .inline(bytes) }
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.fetch(
                    "a", of: repo, revision: "main", size: 1_000, content: .sha1(SmallHub.blob(bytes)),
                    to: scratch.path
                ) { _ in }
            }
            #expect(failure?.said.contains("more came than the 1000 bytes") == true)
            #expect(try scratch.names().isEmpty)
        }
    }

    @Test(arguments: [
        #"{"type":"file","path":"x","oid":"1","size":-1}"#,
        #"{"type":"file","path":"x","oid":"1","size":9223372036854775807}"#,
        #"{"type":"file","path":"x","oid":"1","lfs":{"oid":"2","size":9223372036854775807}}"#,
        #"{"type":"file","oid":"1","size":1}"#, "null", "7", "[]",
    ]) func anEntryThatMakesNoSenseHidesNoOther(entry: String) async throws {
        let good = #"{"type":"file","path":"good","oid":"1","size":3}"#
        let server = try await ScriptedHub.start([.json("[\(entry),\(good),\(entry)]")])
        try await withHub(server) { hub async throws in
            let repo = try RepoID.space("maren/orbit-api")
            #expect(try await hub.tree(of: repo).all().map(\.path) == ["good"])
            #expect(try await hub.entries(at: ["good"], in: repo).map(\.path) == ["good"])
        }
    }

    @Test(arguments: [100, 237, 238, 250, 255]) func longNamesAreFetched(length: Int) async throws {
        try await with { small, hub, repo, scratch, _ in
            let name = String(repeating: "n", count: length)
            small.push("d/" + name, "content")
            _ = try await hub.download("d/" + name, from: repo, to: scratch.path)
            #expect(try scratch.names() == ["d", "d/" + name])
        }
    }

    @Test func twoDownloadsOfOneFileDoNotMix() throws {
        let scratch = try Scratch()
        let content = ContentHash.sha1(SmallHub.blob(Array("abc".utf8)))
        func begin() throws -> PartialFile {
            try PartialFile(target: scratch.path + "/a", named: "\(content)", size: 3, content: content)
        }
        var first: PartialFile? = try begin()
        let trouble = #expect(throws: LocalFile.Trouble.self) { try begin() }
        #expect(trouble?.reason == "another download is writing it")
        try first?.append(ByteBuffer(string: "abc"))
        #expect(try first?.finish() == true)
        // The other one does not write into what is finished.
        first = nil
        #expect(try begin().length == 0)
        #expect(try scratch.read("a") == Array("abc".utf8))
    }
}
