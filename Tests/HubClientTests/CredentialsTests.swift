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

    private static func find(_ environment: [String: String], explicit: String? = nil) -> HubCredentials {
        var all = ["HOME": "/home/maren"]
        all.merge(environment) { $1 }
        return HubCredentials.find(explicit: explicit, environment: all) { files[$0] }
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
    func areFoundInOrder(environment: [String: String], origin: String, token: String) {
        let found = Self.find(environment)
        #expect(found.origin == origin)
        #expect(found.token?.reveal() == token)
    }

    @Test func theExplicitOneWins() {
        let found = Self.find(
            ["HF_TOKEN": "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"], explicit: "hf_explicit_token_9999")
        #expect(found.token?.reveal() == "hf_explicit_token_9999" && found.origin == "--token")
        #expect(found.description == "hf_…9999 from --token")
    }

    @Test(arguments: ["1", "ON", "yes", "True"]) func anImplicitOneCanBeSwitchedOff(value: String) {
        let found = Self.find(["HF_TOKEN": "hf_env", "HF_HUB_DISABLE_IMPLICIT_TOKEN": value])
        #expect(found.token == nil && found.description == "no token")
        #expect(found.remarks.first?.contains("HF_HUB_DISABLE_IMPLICIT_TOKEN") == true)
    }

    @Test func theStoredNameIsKnown() {
        let found = Self.find(["HF_HOME": "/hf"])
        #expect(found.storedName == "fleet prod")
        #expect(found.expiresAt == 1_798_761_599)
        #expect(found.description == "hf_…2222 from /hf/token (\"fleet prod\")")
    }

    @Test func anEmptyFileIsNoToken() {
        let found = Self.find(["HF_HOME": "/empty"])
        #expect(found.token == nil && found.remarks.isEmpty)
    }

    @Test func aFileThatCannotBeReadIsSaid() {
        struct Denied: Error {}
        let found = HubCredentials.find(environment: ["HF_HOME": "/x"]) { _ in throw Denied() }
        #expect(found.token == nil)
        #expect(found.remarks == ["the token file /x/token cannot be read"])
    }

    @Test func aTokenWithOddCharactersIsNotSent() {
        let found = Self.find(["HF_TOKEN": "hf_abc\u{7}def"])
        #expect(found.token == nil && found.remarks.count == 1)
        #expect(!found.remarks.joined().contains("abc"))
    }

    @Test func theEndpointAndOfflineAreHonoured() {
        #expect(Self.find([:]).endpoint == "https://huggingface.co")
        let own = Self.find(["HF_ENDPOINT": "http://127.0.0.1:9//", "TRANSFORMERS_OFFLINE": "ON"])
        #expect(own.endpoint == "http://127.0.0.1:9" && own.isEndpointOwn && own.isOffline)
        let bad = Self.find(["HF_ENDPOINT": "huggingface.co", "HF_HUB_OFFLINE": "0"])
        #expect(bad.endpoint == "https://huggingface.co" && !bad.isOffline && bad.remarks.count == 1)
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
        #expect(Redaction.secrets(in: text) == clean)
    }
}
