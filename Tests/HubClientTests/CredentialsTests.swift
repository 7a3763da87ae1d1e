import StokerCore
import Testing

@testable import HubClient

@Suite struct CredentialsTests {
    private static let files = [
        "/home/maren/.cache/huggingface/token": " hf_fromDefaultFile1111\n",
        "/hf/token": "hf_fromHome22222222\r\n", "/cache/huggingface/token": "hf_fromCache3333333",
        "/own/path": "hf_fromPath44444444", "/empty/token": " \n",
        "/hf/stored_tokens": """
        # made by hf auth login
        [other]
        hf_token = hf_else
        [fleet prod]
        hf_token = hf_fromHome22222222
        refresh_token = hf_refresh_secret
        expires_at = 1798761599
        """,
    ]

    private static func find(
        _ environment: [String: String], explicit: String? = nil, endpoint: String? = nil
    ) throws -> HubCredentials {
        var all = ["HOME": "/home/maren"]
        all.merge(environment) { $1 }
        return try HubCredentials.find(explicit: explicit, endpoint: endpoint, environment: all) { files[$0] }
    }

    @Test(
        arguments: [
            ([:], "/home/maren/.cache/huggingface/token", "hf_fromDefaultFile1111"),
            (["HF_TOKEN": " hf_fromEnvironment\n"], "HF_TOKEN", "hf_fromEnvironment"),
            (["HF_TOKEN": "  ", "HUGGING_FACE_HUB_TOKEN": "hf_legacy"], "HUGGING_FACE_HUB_TOKEN", "hf_legacy"),
            (["HF_TOKEN": "hf_first", "HUGGING_FACE_HUB_TOKEN": "hf_legacy"], "HF_TOKEN", "hf_first"),
            (["HF_HOME": "/hf"], "/hf/token", "hf_fromHome22222222"),
            (["XDG_CACHE_HOME": "/cache"], "/cache/huggingface/token", "hf_fromCache3333333"),
            (["HF_TOKEN_PATH": "/own/path", "HF_HOME": "/hf"], "/own/path", "hf_fromPath44444444"),
            (["HF_HOME": "~/.cache/huggingface"], "/home/maren/.cache/huggingface/token", "hf_fromDefaultFile1111"),
        ] as [([String: String], String, String)])
    func areFoundInOrder(environment: [String: String], origin: String, token: String) throws {
        let found = try Self.find(environment)
        #expect(found.origin == origin)
        #expect(found.token?.reveal() == token)
    }

    @Test func theExplicitOneWins() throws {
        let found = try Self.find(
            ["HF_TOKEN": "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"], explicit: "hf_explicit_token_9999")
        #expect(found.token?.reveal() == "hf_explicit_token_9999" && found.origin == "--token")
        #expect(found.description == "hf_…9999 from --token")
    }

    @Test(arguments: ["1", "ON", "yes", "True"]) func anImplicitOneCanBeSwitchedOff(value: String) throws {
        let found = try Self.find(["HF_TOKEN": "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN": value])
        #expect(found.token == nil && found.description == "no token")
        #expect(found.remarks.first?.contains("HF_HUB_DISABLE_IMPLICIT_TOKEN") == true)
    }

    @Test func theStoredNameIsKnown() throws {
        let found = try Self.find(["HF_HOME": "/hf"])
        #expect(found.storedName == "fleet prod")
        #expect(found.expiresAt == 1_798_761_599)
        #expect(found.description == "hf_…2222 from /hf/token (\"fleet prod\")")
    }

    @Test func anEmptyFileIsNoToken() throws {
        let found = try Self.find(["HF_HOME": "/empty"])
        #expect(found.token == nil && found.remarks.isEmpty)
    }

    @Test func aFileThatCannotBeReadIsSaid() throws {
        struct Denied: Error {}
        let found = try HubCredentials.find(environment: ["HF_HOME": "/x"]) { _ in throw Denied() }
        #expect(found.token == nil)
        #expect(found.remarks == ["the token file /x/token cannot be read"])
    }

    @Test func aTokenWithOddCharactersIsNotSent() throws {
        let failure = try #require(
            #expect(throws: Failure.self) { try Self.find(["HF_TOKEN": "hf_abc\u{7}def"]) })
        #expect(failure.code == .usage)
        #expect(!failure.description.contains("abc"))
    }

    @Test func theEndpointAndOfflineAreHonoured() throws {
        #expect(try Self.find([:]).endpoint == "https://huggingface.co")
        let own = try Self.find(["HF_ENDPOINT": "http://127.0.0.1:9//", "TRANSFORMERS_OFFLINE": "ON"])
        #expect(own.endpoint == "http://127.0.0.1:9" && own.isEndpointOwn && own.isOffline)
        let named = try Self.find(["HF_ENDPOINT": "wrong"], endpoint: "https://hub.example.org/")
        #expect(named.endpoint == "https://hub.example.org", "the option wins")
    }

    @Test(arguments: [
        "huggingface.co", "htp://hub.example.org", "https://", "https:///x", "http://:80", "http://127.0.0.1:0",
        "http://127.0.0.1:70000", "https://a b", "https://me:pw@hub.example.org", "https://hub.example.org?x=1",
        "https://hub.example.org#x", "http://huggingface.co", "http://hf.co/", "file:///etc/passwd", "://x", "x",
    ]) func aWrongEndpointIsNeverAnother(written: String) throws {
        let failure = try #require(
            #expect(throws: Failure.self) { try Self.find(["HF_ENDPOINT": written, "HF_TOKEN": "hf_x"]) })
        #expect(failure.code == .usage && failure.hint != nil)
        #expect(failure.because.contains("HF_ENDPOINT") && !failure.because.contains("pw"))
    }

    @Test(arguments: [
        ("https://hub.example.org/base/", "https://hub.example.org/base", false),
        ("http://[::1]:80", "http://[::1]:80", false),
        ("HTTP://localhost:1", "HTTP://localhost:1", false), ("http://a.localhost", "http://a.localhost", false),
        ("http://10.0.0.7:8800", "http://10.0.0.7:8800", true), ("http://hub.internal", "http://hub.internal", true),
    ]) func anOpenLineIsSaidEachTime(written: String, endpoint: String, isOpen: Bool) throws {
        let found = try Self.find(["HF_ENDPOINT": written, "HF_TOKEN": "hf_x"])
        #expect(found.endpoint == endpoint)
        #expect(found.remarks.contains { $0.contains("not encrypted") } == isOpen)
        let alone = try Self.find(["HF_ENDPOINT": written, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"])
        #expect(!alone.remarks.contains { $0.contains("not encrypted") }, "without a token nothing can be read")
    }

    @Test(arguments: ["0", "off", "No", "FALSE", " "]) func offlineCanBeOff(value: String) throws {
        #expect(try !Self.find(["HF_HUB_OFFLINE": value]).isOffline)
    }

    @Test(arguments: ["y", "2", "offline", "tru"]) func aSwitchThatIsNeitherIsTold(value: String) throws {
        for name in ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN"] {
            let failure = try #require(#expect(throws: Failure.self) { try Self.find([name: value]) })
            #expect(failure.code == .usage && failure.description.contains("\(name)=1"))
        }
    }

    @Test(arguments: [
        ("hf_abcdefghijklmnop1234", "hf_…1234"), ("hf_short", "hf_…"), ("hf_oauth_abcdefghijkl9876", "hf_oauth_…9876"),
        ("whatever", "…"),
    ]) func littleIsShown(token: String, shown: String) {
        #expect(Redaction.hint(of: token) == shown)
    }

    @Test(arguments: [
        ("token hf_abcdefgh is bad", "token hf_*** is bad"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("the bearer of news", "the bearer of news"),
        ("https://s3/x?X-Amz-Signature=abc&x=1", "https://s3/x?X-Amz-Signature=***&x=1"),
        ("half_hf_life", "half_hf_life"), ("hf_", "hf_"), ("", ""),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.sig", "eyJ***"),
    ]) func secretsAreCutOut(text: String, clean: String) {
        #expect(Redaction.text(text) == clean)
    }
}
