import FoundationEssentials
import HubClient
import NIOCore
import NIOHTTP1
import StokerCore
import Synchronization
import Testing

@Suite struct S3Tests {
    /// The key of AWS's own examples; 24 May 2013, midnight.
    static let example = SigV4(
        accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    static let date = Date(timeIntervalSince1970: 1_369_353_600)

    struct Vector: Sendable {
        var method = "GET"
        var path = "/"
        var query: [(String, String)] = []
        var headers: [(String, String)] = []
        var payload = ""
        var signature: String
    }

    static let vectors = [
        Vector(
            path: "/test.txt", headers: [("Range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Vector(
            method: "PUT", path: "/test%24file.text",
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            payload: "Welcome to Amazon S3.",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Vector(
            query: [("lifecycle", "")], signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Vector(
            query: [("max-keys", "2"), ("prefix", "J")],
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    @Test(arguments: vectors.indices) func signsAsTheDocumentationDoes(index: Int) {
        let vector = Self.vectors[index]
        let headers = Self.example.headers(
            method: vector.method, path: vector.path, query: vector.query,
            headers: [("Host", "examplebucket.s3.amazonaws.com")] + vector.headers, payload: Data(vector.payload.utf8),
            at: Self.date)
        let authorization = headers.first { $0.0 == "Authorization" }?.1 ?? ""
        #expect(authorization.hasSuffix("Signature=\(vector.signature)"), "\(authorization)")
        #expect(!authorization.contains("wJalr"))
    }

    static func gateway(_ hub: Hub, _ server: ScriptedHub) -> S3Gateway {
        S3Gateway(hub: hub, address: server.url + "/maren", bucket: "orbit-store", signer: example, now: { date })
    }

    @Test func objectsAreWrittenOnACondition() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            if let wanted = asked.headers.first(name: "If-Match"), wanted != "\"one\"" {
                return .text("<Error><Code>PreconditionFailed</Code></Error>", status: 412)
            }
            return .text("", ["ETag": "\"two\""])
        }
        try await withHub(server) { hub in
            let store = Self.gateway(hub, server)
            let tag = try await store.write(
                ByteBuffer(string: "{}"), to: "live/état 1.json", if: .unchanged(etag: "\"one\""))
            #expect(tag == "\"two\"")
            try await store.write(ByteBuffer(string: "{}"), to: "new", if: .absent)
            let failure = await #expect(throws: HubFailure.self) {
                try await store.write(ByteBuffer(string: "{}"), to: "new", if: .unchanged(etag: "\"old\""))
            }
            #expect(failure?.kind == .stale)
        }
        let asked = server.asked()
        #expect(asked.map(\.uri).first == "/maren/orbit-store/live/%C3%A9tat%201.json")
        #expect(asked[1].headers.first(name: "If-None-Match") == "*")
        #expect(asked.allSatisfy { $0.token?.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIA") == true })
        #expect(asked.count == 3, "a conditional write is sent once")
    }

    @Test func readingFollowsWithoutTheSignature() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            switch asked.path {
            case "/maren/orbit-store/state": .redirect(302, to: "http://localhost:\(asked.port)/cdn/abc?sig=1")
            case "/cdn/abc": .text("bytes", ["ETag": "\"x\""])
            default: .text("<Error><Code>NoSuchKey</Code></Error>", status: 404)
            }
        }
        try await withHub(server) { hub in
            let store = Self.gateway(hub, server)
            let object = try await store.read("state")
            #expect(object.map { String(buffer: $0.bytes) } == "bytes")
            #expect(object?.etag == "\"x\"")
            #expect(try await store.read("nothing") == nil)
            try await store.delete("nothing")
        }
        let followed = server.asked().first { $0.path == "/cdn/abc" }
        #expect(followed != nil)
        #expect(followed?.headers.contains(name: "Authorization") == false)
    }

    @Test func listsAreReadToTheirEnd() async throws {
        func page(_ keys: [String], next: String?) -> String {
            "<?xml version=\"1.0\"?><ListBucketResult><Name>orbit-store</Name>"
                + keys.map {
                    "<Contents><Key>\($0)</Key><ETag>&quot;t&quot;</ETag><Size>7</Size></Contents>"
                }.joined()
                + (next.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? "") + "</ListBucketResult>"
        }
        let first = page(["live/a%26b.json", "live/c%20d"], next: "a+/&amp;=")
        let second = page(["live/e"], next: nil)
        let server = try await ScriptedHub.start { asked, _ in
            asked.uri.contains("continuation-token=a%2B%2F%26%3D") ? .text(second) : .text(first)
        }
        try await withHub(server) { hub in
            let entries = try await Self.gateway(hub, server).list(prefix: "live/")
            #expect(entries.map(\.key) == ["live/a&b.json", "live/c d", "live/e"])
            #expect(entries.map(\.size) == [7, 7, 7])
            #expect(entries.first?.etag == "\"t\"")
        }
        #expect(server.asked().count == 2)
        #expect(server.asked()[0].uri.contains("list-type=2&prefix=live%2F"))
    }
}

extension ScriptedHub.Asked {
    fileprivate var port: Int { headers.first(name: "Host")?.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
}
