import Foundation
import NIOHTTP1
import StokerCore
import Testing

@testable import HubClient

@Suite struct SecretTests {
    private let space: RepoID
    init() throws { space = try RepoID.space("maren/orbit-api") }

    @Test(arguments: [
        ("TOKEN", "abcdefgh"), ("OPENAI_API_KEY", "whatever-it-is"), ("X", "hf_abcdefghijkl"),
        ("X", "sk-proj-0123456789abcd"),
        ("X", "ghp_0123456789abcdef"), ("X", "AKIAIOSFODNN7EXAMPLE"), ("DB_PASSWORD", "123456"), ("MY_SECRET", "x"),
        ("DATABASE_URL", "postgres://user:pw@host:5432/db"), ("REDIS", "redis://:pw@host"),
        ("X", "eyJhbGciOi.eyJzdWIiOiIx.c2ln"),
        ("X", "-----BEGIN RSA PRIVATE KEY-----\nMII\n"), ("SESSION", "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1v"),
        ("db_passwd", "changeme"),
    ]) func looksLikeASecret(name: String, value: String) {
        let reason = SecretHeuristic.reason(name: name, value: Secret(value))
        #expect(reason != nil, "\(name)")
        #expect(reason?.contains(value) != true, "the value is not told")
    }

    @Test(arguments: [
        ("MODE", "live"), ("MAX_TOKENS", "512"), ("TOKENIZER", "bert-base-uncased"), ("PASSWORD_MIN_LENGTH", "8"),
        ("PUBLIC_KEY", "ssh-ed25519 AAAA"),
        ("USE_TOKEN", "true"), ("DATABASE_URL", "postgres://host/db"), ("MODEL", "meta-llama/Llama-3.1-8B-Instruct"),
        ("REVISION", "9d1cc67a5e8cf4d78e1484e05ab75c9a96f931b4"), ("API_URL", "https://api.example.com/v1?x=a@b:c"),
        ("PWD", "/app"), ("KEY", ""),
        ("CACHE_KEY", "prompt-version-12"), ("REGION", "eu"), ("HF_HOME", "/data/.huggingface"), ("SECRET", ""),
        ("DEBUG_SECRET", "false"),
    ]) func looksLikeNone(name: String, value: String) {
        #expect(SecretHeuristic.reason(name: name, value: Secret(value)) == nil)
    }

    @Test(arguments: [
        ("s3cr3t-value", "Invalid value s3cr3t-value for K", "Invalid value *** for K"),
        ("s3cr3t-value", "bad: S3CR3T-VAL…", "bad: ***…"), ("abcdefghij", "cut ...cdefghi", "cut ...***"),
        ("pw", "the pw is bad, power", "the *** is bad, power"), ("", "nothing", "nothing"),
        ("secret-1", "short", "short"),
        ("long-multi\nline", "it said long-multi line", "it said *** line"), ("a", "", ""),
    ]) func theHubsWordsWithoutWhatWasSent(value: String, said: String, shown: String) {
        #expect(Redaction.hide([Secret(value)], in: said) == shown)
    }

    @Test func aRefusalThatQuotesTheValueDoesNotShowIt() async throws {
        let server = try await ScriptedHub.start { _, _ in
            .json(
                #"{"error":"Invalid value SENTINEL-value for key K"}"#, status: 400,
                ["X-Error-Message": "no SENTINEL-value"])
        }
        try await withHub(server) { hub in
            for kind in SpaceValueKind.allCases {
                let failure = await #expect(throws: HubFailure.self) {
                    try await hub.set(kind, "K", to: Secret("SENTINEL-value"), of: space)
                }
                #expect(failure.map { "\($0)".contains("***") && !"\($0)".contains("SENTINEL") } == true)
            }
        }
    }

    /// Both ways, also between the wishes of one plan; what is deleted by the same plan does not count.
    @Test func oneNameIsNotASecretAndAVariable() async throws {
        let server = try await ScriptedHub.start { asked, _ in
            switch asked.path.split(separator: "/").last {
            case "secrets": .json(#"{"TOKEN":{"key":"TOKEN"}}"#)
            case "variables": .json(#"{"MODE":{"value":"live"}}"#)
            default: .json(#"{"stage":"RUNNING"}"#)
            }
        }
        try await withHub(server) { hub in
            let prints = SecretFingerprints()
            func set(_ kind: SpaceValueKind, _ key: String) -> EnvironmentChange {
                EnvironmentChange(kind, key, .set(Secret("hidden-value"), description: nil))
            }
            for wishes in [
                [set(.secret, "MODE")], [set(.variable, "TOKEN")], [set(.secret, "A"), set(.variable, "A")],
            ] {
                let failure = await #expect(throws: HubFailure.self) {
                    try await hub.plan(wishes, for: space, prints: prints)
                }
                #expect(failure?.kind == .conflict)
                #expect(failure?.said.contains("CONFIG_ERROR") == true)
                #expect(failure?.hint?.contains("delete") == true)
            }
            let moved = try await hub.plan(
                [EnvironmentChange(.variable, "MODE", .delete), set(.secret, "MODE")], for: space, prints: prints)
            #expect(moved.writes.count == 2)
            var new = NewRepo(space, sdk: "docker")
            new.secrets = [.init(key: "A", value: Secret("1"))]
            new.variables = [.init(key: "A", value: Secret("2"))]
            let other = try await ScriptedHub.start { _, _ in .json(#"{"error":"Repository not found"}"#, status: 404) }
            try await withHub(other) { hub in
                let wanted = new
                let failure = await #expect(throws: HubFailure.self) { try await hub.ensure(wanted) }
                #expect(failure?.kind == .conflict)
            }
            #expect(other.asked().allSatisfy { $0.method == .GET })
        }
        #expect(server.asked().allSatisfy { $0.method == .GET })
    }

    @Test func whatACommandNotedAndForgotIsKnown() throws {
        var start = SecretFingerprints()
        start.note("A", value: Secret("1"), in: space, updatedAt: "t")
        start.note("B", value: Secret("2"), in: space, updatedAt: "u")
        var after = start
        #expect(after.changes(since: start).isEmpty)
        after.forget("A", in: space)
        after.note("C", value: Secret("3"), in: space, updatedAt: "v")
        let changes = after.changes(since: start)
        #expect(Set(changes.keys) == ["\(space)/A", "\(space)/C"])
        #expect(changes["\(space)/A"] == .some(.none))
        #expect(changes["\(space)/C"] == .some(after.entries["\(space)/C"]))
        #expect(SecretFingerprints().changes(since: start).isEmpty, "another key")
        #expect(SecretFingerprints(key: Data(count: 8)) == nil)
        let read = try #require(SecretFingerprints(key: after.key, entries: after.entries))
        #expect(read == after && read.keyName == start.keyName && read.keyName != SecretFingerprints().keyName)
    }

    /// In the text of a program, where most long words are names.
    @Test func tokensInATextAreToldByTheirLine() {
        let text = [
            "KEY = 'ghp_" + "z9Y8x7W6v5U4t3S2r1Q0p9O8n7M6l5K4j3H2'", "x = 'hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
            "from huggingface_hub import hf_hub_download_with_cache2", "sk-your-api-key-goes-here-1234",
            "t = hf_" + "AbCdEfGhIjKlMnOpQrStUvWx", "npm_config_cache_dir2_folder",
            "HF_TOKEN=hf_YourTokenGoesHereAndNowhereElse",
        ].joined(separator: "\r\n")
        #expect(SecretHeuristic.tokens(in: text).map(\.line) == [1, 5])
        #expect(SecretHeuristic.tokens(in: text).map(\.reason) == ["a token of GitHub", "a token of Hugging Face"])
    }
}
