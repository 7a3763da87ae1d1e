import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import HubSimulator

/// Seeded nonsense at every endpoint of the simulator, over bare sockets so that no client tidies it up. The process lives on, and so do the endpoints.
@Suite struct FuzzTests {
    @Test(arguments: [1, 2, 3] as [UInt64]) func nonsenseEndsNothing(seed: UInt64) async throws {
        var configuration = HubConfiguration()
        configuration.limits.quotas = [.api: 1_000_000, .resolvers: 1_000_000, .pages: 1_000_000]
        configuration.limits.commitsPerHour = nil
        configuration.limits.whoamiPerWindow = 1_000_000
        let world = try await SimulatedWorld.start(scene: .small, configuration)
        try await world.hub.create("fuzz")
        var random = SeededRandom(seed: seed, name: "fuzz")
        let ports = [world.endpoint, world.hub.storageEndpoint].compactMap {
            $0.split(separator: ":").last.flatMap { Int($0) }
        }
        for number in 0..<400 {
            let port = number % 8 == 7 ? world.fleet.edgePort : ports[number % 5 == 4 ? 1 : 0]
            let request = Self.request(&random)
            await Self.throwAt(port, request)
            if number % 100 == 99 {
                #expect(try await world.hub.get("/api/whoami-v2").status == 200, "seed \(seed), request \(number)")
            }
        }
        #expect(try await world.hub.get("/api/spaces/maren/orbit-api").status < 500)
        await world.shutdown()
    }

    private static let nasty = [
        "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e309", "-1", "0", "%00", "%", "%zz",
        "%2e%2e", "..", ".git", "\u{0}",
        "é", "e\u{301}", "null", "[]", "{}", "true", "\"", "'", "\\", "main", "refs/heads/main", "refs%2Fpr%2F1",
        "HEAD", "*", "**", ":ns", "a b",
        "bytes=0-", "bytes=-9223372036854775808", "0000", "00", "ffff", String(repeating: "a", count: 300),
    ]

    private static let routes = [
        "/api/whoami-v2", "/api/repos/create", "/api/repos/move", "/api/repos/delete", "/api/datasets/maren/fuzz",
        "/api/datasets/maren/fuzz/tree/main",
        "/api/datasets/maren/fuzz/commit/main", "/api/datasets/maren/fuzz/preupload/main",
        "/api/datasets/maren/fuzz/paths-info/main",
        "/api/datasets/maren/fuzz/commits/main", "/api/datasets/maren/fuzz/compare/main..main",
        "/api/datasets/maren/fuzz/branch/x",
        "/api/datasets/maren/fuzz/tag/main", "/api/datasets/maren/fuzz/settings",
        "/api/datasets/maren/fuzz/discussions",
        "/api/datasets/maren/fuzz/discussions/1/comment", "/api/datasets/maren/fuzz/super-squash/main",
        "/api/datasets/maren/fuzz/lfs-files",
        "/api/datasets/maren/fuzz/user-access-request/grant", "/datasets/maren/fuzz/resolve/main/README.md",
        "/datasets/maren/fuzz/raw/main/x",
        "/datasets/maren/fuzz.git/info/lfs/objects/batch", "/datasets/maren/fuzz.git/info/lfs/verify",
        "/datasets/maren/fuzz.git/info/refs",
        "/datasets/maren/fuzz.git/git-receive-pack", "/datasets/maren/fuzz.git/git-upload-pack",
        "/api/spaces/maren/orbit-api/hardware",
        "/api/spaces/maren/orbit-api/sleeptime", "/api/spaces/maren/orbit-api/secrets",
        "/api/spaces/maren/orbit-api/variables",
        "/api/spaces/maren/orbit-api/volumes", "/api/spaces/maren/orbit-api/restart", "/api/spaces/maren/orbit-api/jwt",
        "/api/spaces/semantic-search",
        "/api/validate-yaml", "/api/settings/webhooks", "/api/buckets/maren/x", "/api/buckets/maren/x/batch",
        "/api/buckets/maren/x/tree",
        "/-/admin/time", "/-/admin/faults", "/-/admin/spaces", "/-/admin/incident", "/-/admin/tokens",
        "/-/admin/organisations",
        "/-/admin/spaces/maren/orbit-api/fate", "/-/admin/spaces/maren/orbit-api/stage", "/objects/a/b", "/parts/a/1",
        "/s3/maren/x/y",
        "/hooks/x", "/api/complete_multipart/x", "/",
    ]

    private static let names = [
        "name", "type", "path", "files", "content", "encoding", "summary", "key", "value", "oid", "size", "objects",
        "operation", "transfers", "p", "limit",
        "cursor", "advance", "seconds", "kind", "status", "after", "chance", "times", "skip", "flavor",
        "sleepTimeSeconds", "volumes", "paths", "expand",
        "title", "description", "pullRequest", "toRepo", "fromRepo", "stage", "next", "members", "url", "watched",
        "service", "Expires", "Signature",
        "recursive", "sort", "filter", "search", "full", "visibility", "sdk", "repoType",
    ]

    private static func pick<Value>(_ values: [Value], _ random: inout SeededRandom) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private static func json(_ depth: Int, _ random: inout SeededRandom) -> String {
        switch Int.random(in: 0..<(depth > 3 ? 4 : 7), using: &random) {
        case 0: return pick(["9223372036854775807", "-1", "0", "1e308", "-1e308", "1.5", "null", "true", "1"], &random)
        case 1, 2, 3:
            let text = pick(nasty, &random).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
                "\u{0}", with: "\\u0000")
            return "\"\(text)\""
        case 4: return "[" + (0..<3).map { _ in json(depth + 1, &random) }.joined(separator: ",") + "]"
        case 5: return String(repeating: "[", count: 600)
        default:
            let members = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                "\"\(pick(names, &random))\":\(json(depth + 1, &random))"
            }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    private static func request(_ random: inout SeededRandom) -> [UInt8] {
        var path = pick(routes, &random)
        if Int.random(in: 0..<3, using: &random) == 0 { path += "/" + pick(nasty, &random) }
        if Int.random(in: 0..<3, using: &random) == 0 { path = path.replacing("main", with: pick(nasty, &random)) }
        path = path.replacing(" ", with: "%20").replacing("\u{0}", with: "%00")
        if Bool.random(using: &random) {
            path += "?\(pick(names, &random))=\(pick(nasty, &random))&\(pick(names, &random))[]=\(pick(nasty, &random))"
            path = path.replacing(" ", with: "+").replacing("\u{0}", with: "%00")
        }
        var body: [UInt8]
        switch Int.random(in: 0..<5, using: &random) {
        case 0: body = []
        case 1: body = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 2:
            // Packet lines, more or less.
            body = Array(
                "00a40000000000000000000000000000000000000000 \(String(repeating: "1", count: 40)) refs/heads/x\0 report-status\n0000PACK"
                    .utf8)
            body += (0..<60).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 3:
            body = Array(
                "{\"key\":\"header\",\"value\":\(json(0, &random))}\n{\"key\":\"file\",\"value\":\(json(0, &random))}\n"
                    .utf8)
        default: body = Array(json(0, &random).utf8)
        }
        let method = pick(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"], &random)
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if Int.random(in: 0..<6, using: &random) > 0 { head += "Authorization: Bearer hf_maren\r\n" }
        head +=
            "Content-Type: \(pick(["application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "text/plain"], &random))\r\n"
        if Int.random(in: 0..<4, using: &random) == 0 {
            head += "Range: \(pick(["bytes=9-1", "bytes=-0", "bytes=9223372036854775807-", "bytes=--1"], &random))\r\n"
        }
        if Int.random(in: 0..<100, using: &random) == 0 {
            head += "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n"
        } else {
            head += "Content-Length: \(body.count)\r\n\r\n"
        }
        return Array(head.utf8) + body
    }

    /// Sends it and reads until the other side closes, or a second is over: an event stream has no end.
    private static func throwAt(_ port: Int, _ bytes: [UInt8]) async {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(
                host: "127.0.0.1", port: port
            ).get()
            let end = channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
            try await channel.closeFuture.get()
            end.cancel()
        } catch {
            // Being cut off is an answer, too.
        }
    }
}
