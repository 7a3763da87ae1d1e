import FoundationEssentials
import NIOCore
import NIOHTTP1
import StokerCore
import Testing

@testable import HubClient

extension SplitMix64 {
    /// `text` with bytes turned, cut out, doubled and put in.
    mutating func spoil(_ text: String) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<(1 + roll(6)) {
            let place = bytes.isEmpty ? 0 : roll(bytes.count)
            switch roll(6) {
            case 0 where !bytes.isEmpty: bytes[place] = UInt8(truncatingIfNeeded: next())
            case 1 where !bytes.isEmpty: bytes.remove(at: place)
            case 2: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
            case 3 where !bytes.isEmpty: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            case 4 where !bytes.isEmpty: bytes.removeSubrange(place..<min(bytes.count, place + roll(20)))
            default:
                bytes.insert(
                    contentsOf: Array(["\"", "{", "[", ";", "=", "999999999999", "\\u0000", "<"][roll(8)].utf8),
                    at: place)
            }
        }
        return bytes
    }
}

@Suite struct FuzzTests {
    @Test func rateLimitHeaders() {
        var dice = SplitMix64(seed: 1)
        for _ in 0..<4_000 {
            let limit = String(decoding: dice.spoil(#""api";r=742;t=131"#), as: UTF8.self)
            let policy = String(decoding: dice.spoil(#""fixed window";"api";q=1000;w=300"#), as: UTF8.self)
            guard let read = RateLimitHeaders(["RateLimit": limit, "RateLimit-Policy": policy]) else { continue }
            #expect(read.remaining >= 0 && (0...86_400).contains(read.seconds) && (read.quota ?? 1) > 0)
            // Whatever is read, the governor goes on, and its waits end.
            var state = RateLimiterState(limits: .init())
            state.heard(read, bucket: read.bucket, status: 200, now: .zero)
            let wait = state.admit(read.bucket, urgent: dice.roll(2) == 0, now: .seconds(dice.roll(100_000)))
            #expect(wait >= .zero && wait <= .seconds(86_500))
        }
    }

    @Test func governorUnderAWildHub() throws {
        var dice = SplitMix64(seed: 2)
        var state = RateLimiterState(limits: .init(commitsPerHour: 5))
        var now = Duration.zero
        let repo = try RepoID.space("a/b")
        for _ in 0..<20_000 {
            now += .milliseconds(dice.roll(3_000))
            let bucket = ["api", "resolvers", "pages"][dice.roll(3)]
            switch dice.roll(5) {
            case 0:
                let headers = RateLimitHeaders([
                    "RateLimit": "\"\(bucket)\";r=\(dice.roll(50));t=\(dice.roll(300))",
                    "RateLimit-Policy": "q=\(1 + dice.roll(50));w=\(1 + dice.roll(300))",
                ])
                state.heard(headers, bucket: bucket, status: dice.roll(20) == 0 ? 429 : 200, now: now)
            case 1: state.lost(bucket)
            case 2: _ = state.reserve(.commit(repo: repo), now: now)
            case 3: if dice.roll(10) == 0 { _ = state.stop("x\(dice.roll(3))", said: "", retryAfter: nil, now: now) }
            default: #expect(state.admit(bucket, urgent: false, now: now) >= .zero)
            }
            #expect(state.windows.values.allSatisfy { $0.remaining >= 0 && $0.sent >= 0 })
            #expect((state.commits[repo]?.count ?? 0) <= 5)
        }
    }

    @Test func links() {
        var dice = SplitMix64(seed: 3)
        let good = #"<https://huggingface.co/api/spaces?cursor=a%3D>; rel="next", </x>; rel=last"#
        #expect(HubLink.next(good) == "https://huggingface.co/api/spaces?cursor=a%3D")
        #expect(HubLink.next(#"</a>; rel="prev", </b>; title="x"; rel=next"#) == "/b")
        #expect(HubLink.next("") == nil && HubLink.next("<>; rel=next") == nil)
        for _ in 0..<4_000 {
            let text = String(decoding: dice.spoil(good), as: UTF8.self)
            if let next = HubLink.next(text) { #expect(!next.isEmpty && !next.contains(">")) }
        }
    }

    @Test func errorBodies() {
        var dice = SplitMix64(seed: 4)
        let shapes = [
            #"{"error": "Repository not found"}"#, #"{"error": ["a", "b"]}"#,
            #"{"errors": [{"message": "x \"y\"", "type": "error"}], "httpStatusCode": 400}"#,
            #"{"error": "invalid_grant", "error_description": "expired"}"#, "plain",
            "<html><title>502 Bad Gateway</title></html>", "",
        ]
        for _ in 0..<3_000 {
            let body = dice.spoil(shapes[dice.roll(shapes.count)])
            let type = ["application/json", "text/html", "text/plain"][dice.roll(3)]
            let text = HubErrorText(headers: ["Content-Type": type], body: ByteBuffer(bytes: body)).text
            #expect(text.unicodeScalars.count <= 501)
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F })
        }
    }

    @Test func redactionLetsNoTokenThrough() {
        var dice = SplitMix64(seed: 5)
        let noise = Array("abc _\"':;=/?&{}[]\n,.-")
        for _ in 0..<3_000 {
            let secret =
                "hf_" + String((0..<20).map { _ in Array("abcdefghijklmnopqrstuvwxyzABCDEF0123456789")[dice.roll(42)] })
            let before = String((0..<dice.roll(12)).map { _ in noise[dice.roll(noise.count)] })
            let after = String((0..<dice.roll(12)).map { _ in noise[dice.roll(noise.count)] })
            // Glued to a word it is no token of its own: `half_hf_…` is a name.
            let glue = before.last.map { $0.isLetter || $0 == "_" } == true ? " " : ""
            let shown = Redaction.quote(before + glue + secret + after)
            #expect(!shown.contains(secret.dropFirst(3)), "\(shown)")
        }
    }

    @Test func json() {
        var dice = SplitMix64(seed: 6)
        let fixtures = [
            #"{"name":"maren","orgs":[{"name":"kestrel-labs","roleInOrg":"write"}],"auth":{"type":"access_token","accessToken":{"role":"write"}}}"#,
            #"{"_id":"68","id":"maren/x","siblings":[{"rfilename":"a","lfs":{"sha256":"2f"}}],"runtime":{"stage":"RUNNING","hardware":{"current":null}},"tags":["a"],"private":true}"#,
            #"{"branches":[{"name":"main","targetCommit":"3f"}],"tags":[]}"#,
            #"{"webhook":{"id":"69","watched":[{"type":"user","name":"m"}],"domains":["repo"],"disabled":false}}"#,
        ]
        var read = 0
        for _ in 0..<3_000 {
            let data = Data(dice.spoil(fixtures[dice.roll(fixtures.count)]))
            _ = try? JSONDecoder().decode(HubIdentity.self, from: data)
            guard let raw = try? JSONValue(reading: data, .lenient) else { continue }
            read += 1
            _ = RepoInfo(raw)
            _ = RepoRefs(raw)
            _ = RepoCommit(raw)
            _ = LFSFile(raw)
            _ = HubWebhook(raw["webhook"] ?? raw)
        }
        #expect(read > 100)
    }

    /// Deep nesting is an attack, not an answer.
    @Test func deepNestingIsRefused() {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(throws: (any Error).self) { try JSONValue(reading: deep, .lenient) }
    }

    @Test func storedTokens() {
        var dice = SplitMix64(seed: 7)
        let text = "[a]\nhf_token = hf_x\nexpires_at = 5\n\n[b c]\nhf_token: y\n"
        #expect(names(text) == ["a", "b c"])
        for _ in 0..<2_000 { _ = StoredTokens.read(String(decoding: dice.spoil(text), as: UTF8.self)) }
    }
    private func names(_ text: String) -> [String] { StoredTokens.read(text).map(\.name) }
}
