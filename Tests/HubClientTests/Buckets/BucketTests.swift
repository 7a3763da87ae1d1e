import HubClient
import NIOHTTP1
import StokerCore
import Synchronization
import Testing

@Suite struct BucketTests {
    @Test func bucketsAreMadeListedAndDeleted() async throws {
        let exists = Mutex(false)
        let server = try await ScriptedHub.start { asked, _ in
            let there = exists.withLock { $0 }
            switch (asked.method, asked.path) {
            case (.GET, "/api/buckets/maren/orbit-store"):
                return there
                    ? .json(
                        #"{"id":"maren/orbit-store","private":true,"createdAt":"2026-04-02T12:00:00.000Z","size":918273,"totalFiles":41}"#
                    ) : .json(#"{"error":"Bucket not found"}"#, status: 404)
            case (.POST, _):
                exists.withLock { $0 = true }
                return .hangUp
            case (.DELETE, _):
                exists.withLock { $0 = false }
                return there ? .text("OK") : .json("{}", status: 404)
            case (.GET, "/api/buckets/maren"): return .json(#"[{"id":"maren/orbit-store"},{"odd":1}]"#)
            default:
                return .json(
                    #"[{"type":"directory","path":"live"},{"type":"file","path":"live/state.json","size":2210,"mtime":"2026-05-28T11:40:00.000Z"}]"#
                )
            }
        }
        try await withHub(server) { hub in
            let made = try await hub.ensureBucket("maren", "orbit-store")
            #expect(made, "the answer was lost, the bucket is there")
            let again = try await hub.ensureBucket("maren", "orbit-store")
            #expect(!again)
            let bucket = try await hub.bucket("maren", "orbit-store")
            #expect(bucket?.files == 41)
            #expect(bucket?.isPrivate == true)
            var ids: [String] = []
            for try await bucket in hub.buckets(of: "maren") { ids.append(bucket.id) }
            #expect(ids == ["maren/orbit-store"])
            var paths: [String] = []
            for try await entry in hub.files(ofBucket: "maren", "orbit-store", below: "live/a b") {
                paths.append("\(entry.isFolder) \(entry.path) \(entry.size ?? 0)")
            }
            #expect(paths == ["true live 0", "false live/state.json 2210"])
            let deleted = [
                try await hub.deleteBucket("maren", "orbit-store"), try await hub.deleteBucket("maren", "orbit-store"),
            ]
            #expect(deleted == [true, false])
            await #expect(throws: HubFailure.self) { try await hub.bucket("maren", "../whoami-v2") }
        }
        let created = server.asked().filter { $0.method == .POST }
        #expect(created.map(\.text) == [#"{"visibility":"private"}"#])
        #expect(server.asked().contains { $0.uri == "/api/buckets/maren/orbit-store/tree/live/a%20b?recursive=true" })
    }
}
