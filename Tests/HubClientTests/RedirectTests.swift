import HubClient
import NIOCore
import NIOHTTP1
import StokerCore
import Testing

private typealias Reply = ScriptedHub.Reply

@Suite struct RedirectTests {
    @Test(arguments: [301, 302, 307, 308]) func aRenamedRepoIsFollowedWithItsBodyAndToken(status: Int) async throws {
        let server = try await ScriptedHub.start { asked, _ in
            asked.path.contains("/old/") ? .redirect(status, to: "/api/spaces/maren/new/secrets") : .json("{}")
        }
        let answer = try await withHub(server) {
            try await $0.send(
                .init(.POST, "/api/spaces/maren/old/secrets", doing: "x", body: .json(encoding: ["key": "A"])))
        }
        #expect(answer.url == server.url + "/api/spaces/maren/new/secrets")
        #expect(answer.wasRedirected)
        let asked = server.asked()
        #expect(asked.map(\.method) == [.POST, .POST])
        #expect(asked[1].text == #"{"key":"A"}"#)
        #expect(asked[1].token == "Bearer hf_abcdefghijklmnop1234")
    }

    @Test func anotherHostGetsNoToken() async throws {
        let cdn = try await ScriptedHub.start([.text("bytes")])
        let target = cdn.url + "/file?Signature=abc"
        let server = try await ScriptedHub.start([.redirect(302, to: target)])
        let answer = try await withHub(server) {
            var request = HubRequest(.GET, "/spaces/maren/orbit-api/resolve/main/map.bin", doing: "read map.bin")
            request.headers = ["Range": "bytes=5-", "X-Own": "1", "Cookie": "session=1"]
            return try await $0.send(request)
        }
        #expect(String(buffer: answer.body) == "bytes")
        #expect(server.asked()[0].token != nil)
        let asked = try #require(cdn.asked().first)
        #expect(asked.token == nil)
        #expect(asked.headers.first(name: "Range") == "bytes=5-")
        #expect(asked.headers.first(name: "X-Own") == nil && asked.headers.first(name: "Cookie") == nil)
        #expect(asked.headers.first(name: "X-Amzn-Trace-Id") == nil)
        try await cdn.stop()
    }

    /// A token that was given as a header is one too.
    @Test func aHeaderOfTheCallersOwnStaysHome() async throws {
        let cdn = try await ScriptedHub.start([.text("bytes")])
        let server = try await ScriptedHub.start([.redirect(307, to: cdn.url + "/file")])
        _ = try await withHub(server) {
            try await $0.send(.init(.GET, "/x", doing: "x", headers: ["Authorization": "AWS4-HMAC-SHA256 secret"]))
        }
        #expect(server.asked()[0].token == "AWS4-HMAC-SHA256 secret")
        #expect(cdn.asked()[0].token == nil)
        try await cdn.stop()
    }

    @Test func aHostThatIsNotTheHubGetsNoTokenAtAll() async throws {
        let other = try await ScriptedHub.start([.text("ok")])
        let server = try await ScriptedHub.start([.text("")])
        _ = try await withHub(server) { try await $0.send(.init(.PUT, other.url + "/part/1", doing: "send a part")) }
        #expect(other.asked()[0].token == nil)
        try await other.stop()
    }

    /// Its body may be a secret.
    @Test(arguments: [301, 302, 307, 308]) func aChangeIsNotCarriedAway(status: Int) async throws {
        let other = try await ScriptedHub.start([.text("ok")])
        let server = try await ScriptedHub.start([.redirect(status, to: other.url + "/x")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) {
                try await $0.send(.init(.POST, "/x", doing: "x", body: .json(encoding: ["value": "s3cret"])))
            }
        }
        #expect(failure?.kind == .refusedByUs)
        #expect(other.asked().isEmpty)
        try await other.stop()
    }

    /// S3 points a part to the bucket's own region.
    @Test func aStorageMayPointToAnother() async throws {
        let second = try await ScriptedHub.start([.text("ok")])
        let first = try await ScriptedHub.start([.redirect(307, to: second.url + "/part")])
        let server = try await ScriptedHub.start([.text("")])
        _ = try await withHub(server) {
            try await $0.send(.init(.PUT, first.url + "/part", doing: "x", body: .json(encoding: ["a": 1])))
        }
        #expect(second.asked().map(\.text) == [#"{"a":1}"#])
        #expect(second.asked()[0].token == nil)
        try await first.stop()
        try await second.stop()
    }

    @Test func metadataStopsAtTheHubsDoor() async throws {
        let server = try await ScriptedHub.start { asked, count in
            count == 1
                ? .redirect(307, to: "/api/resolve-cache/x") : .redirect(302, to: "https://cdn.example.org/x?sig=1")
        }
        let answer = try await withHub(server) {
            var request = HubRequest(.HEAD, "/spaces/a/b/resolve/main/x", doing: "look at x")
            request.redirects = .withinHub
            return try await $0.send(request)
        }
        #expect(answer.status == 302)
        #expect(answer.headers.first(name: "Location") == "https://cdn.example.org/x?sig=1")
        #expect(server.asked().map(\.method) == [.HEAD, .HEAD])
    }

    @Test func noneIsFollowedWhenNoneIsWanted() async throws {
        let server = try await ScriptedHub.start([.redirect(307, to: "/y")])
        let answer = try await withHub(server) {
            var request = HubRequest(.GET, "/x", doing: "x")
            request.redirects = .none
            return try await $0.send(request)
        }
        #expect(answer.status == 307 && !answer.wasRedirected)
    }

    @Test func aCircleEnds() async throws {
        let server = try await ScriptedHub.start([.redirect(302, to: "/x")])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.send(.init(.GET, "/x", doing: "x")) }
        }
        #expect(failure?.said.contains("10 times") == true)
        #expect(server.asked().count == 11)
    }

    @Test(arguments: ["file:///etc/passwd", "javascript:alert(1)", "ftp://x/y"]) func strangeTargetsAreRefused(
        to: String
    )
        async throws
    {
        let server = try await ScriptedHub.start([.redirect(302, to: to)])
        let failure = await #expect(throws: HubFailure.self) {
            try await withHub(server) { try await $0.send(.init(.GET, "/x", doing: "x")) }
        }
        #expect(failure?.kind == .unreadable)
    }

    @Test func seeOtherIsReadWithGet() async throws {
        let server = try await ScriptedHub.start { asked, count in count == 1 ? .redirect(303, to: "/y") : .json("{}") }
        _ = try await withHub(server) {
            try await $0.send(.init(.POST, "/x", doing: "x", body: .json(encoding: ["a": 1])))
        }
        #expect(server.asked().map(\.method) == [.POST, .GET])
        #expect(server.asked()[1].text == "")
    }
}
