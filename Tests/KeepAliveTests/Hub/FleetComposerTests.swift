import StokerCore
import Testing

@testable import KeepAlive

@Suite struct FleetComposerTests {
    private static let now = Instant(seconds: 1_800_000_000)
    private func words(_ facts: SpaceFacts...) -> [String: SpaceVerdict.HubReading] {
        Dictionary(
            uniqueKeysWithValues: facts.map {
                (SpaceName.key($0.id), SpaceVerdict.HubReading(facts: $0, readAt: Self.now, stageSince: Self.now))
            })
    }
    private func fleet(_ text: String) throws -> Fleet {
        try FleetFile.read(text: text, name: "f", environment: [:]).get()
    }

    @Test func addressesAreTheHubsOwn() throws {
        let fleet = try fleet(
            "{ hub: { namespace: acme }, spaces: { Bot_One: { keep: { path: /health } }, own: { url: 'https://own.example' } } }"
        )
        let made = FleetComposer.compose(
            fleet,
            with: words(
                SpaceFacts(id: "acme/Bot_One", subdomain: "acme-bot-one-x1"),
                SpaceFacts(id: "acme/own", host: "https://acme-own.hf.space")))
        #expect(made.checks.map(\.address) == ["https://acme-bot-one-x1.hf.space/health", "https://own.example/"])
    }

    @Test(
        arguments: [
            ("x-hf-authorization", "X-HF-Authorization"), ("authorization", "Authorization"), ("off", nil),
        ] as [(String, String?)])
    func privateSpacesGetTheTokenAtTheirOwnHostOnly(key: String, header: String?) throws {
        let fleet = try fleet(
            """
            hub: { namespace: acme, token: hf_abc, private_header: \(key) }
            spaces:
              secret: { checks: { elsewhere: { url: "https://metrics.example.com" }, ready: { path: /ready } } }
              open:
              shielded:
            targets: { other: "https://acme-secret.hf.space/" }
            """)
        let made = FleetComposer.compose(
            fleet,
            with: words(
                SpaceFacts(id: "acme/secret", host: "https://acme-secret.hf.space", visibility: .private),
                SpaceFacts(id: "acme/open", host: "https://acme-open.hf.space"),
                SpaceFacts(id: "acme/shielded", host: "https://acme-shielded.hf.space", visibility: .protected)))
        func sent(to name: String) -> String? {
            made.checks.first { $0.name == name }?.policy.request.headers.first {
                $0.value.reveal() == "Bearer hf_abc"
            }?
            .name
        }
        #expect(sent(to: "secret") == header)
        #expect(sent(to: "secret/ready") == header)
        #expect(sent(to: "shielded") == header)
        #expect(sent(to: "secret/elsewhere") == nil)
        #expect(sent(to: "open") == nil)
        #expect(sent(to: "other") == nil)
    }

    /// `acme` of a Hub on this machine is somebody else under hf.space.
    @Test(
        arguments: [
            ("http://127.0.0.1:8800", nil, false), ("http://hub.localhost:8800/", nil, false),
            ("http://127.0.0.1:8800", "https://{subdomain}.apps.example", true),
            ("http://127.0.0.1:8800", "http://{subdomain}.localhost:9000", true), ("https://huggingface.co", nil, true),
            ("https://hub.example", nil, false), ("https://hub.example", "https://{subdomain}.apps.example", true),
        ] as [(String, String?, Bool)])
    func aGuessedAddressOfAHubOnThisMachineGetsNoToken(endpoint: String, pattern: String?, sent: Bool) throws {
        let address = pattern.map { ", address: '\($0)'" } ?? ""
        let fleet = try fleet(
            "{ hub: { namespace: acme, token: hf_abc, endpoint: '\(endpoint)'\(address) }, spaces: { secret: } }")
        let made = FleetComposer.compose(
            fleet, with: words(SpaceFacts(id: "acme/secret", subdomain: "acme-secret", visibility: .private)))
        #expect(made.checks[0].policy.request.headers.isEmpty == !sent)
    }

    /// What is called alike under hf.space is not the Space of another Hub.
    @Test(arguments: ["http://127.0.0.1:8800", "https://hub.example", "https://huggingface.co.example"])
    func noStrangerIsPinged(endpoint: String) throws {
        let fleet = try fleet(
            """
            hub: { namespace: acme, token: hf_abc, endpoint: "\(endpoint)", discover: true }
            spaces:
              bot: { keep: { path: /health }, checks: { ready: { path: /ready } } }
              own: { url: "https://own.example" }
            """)
        func addresses(_ facts: SpaceFacts...) -> [String] {
            FleetComposer.compose(
                fleet,
                with: Dictionary(
                    uniqueKeysWithValues: facts.map {
                        (
                            SpaceName.key($0.id),
                            SpaceVerdict.HubReading(facts: $0, readAt: Self.now, stageSince: Self.now)
                        )
                    })
            ).checks.map(\.address)
        }
        #expect(addresses() == ["", "", "https://own.example/"], "nothing is known yet")
        #expect(
            addresses(
                SpaceFacts(id: "acme/bot", subdomain: "acme-bot"), SpaceFacts(id: "acme/new", subdomain: "acme-new"))
                == ["", "", "https://own.example/", ""])
        #expect(
            addresses(SpaceFacts(id: "acme/bot", host: "https://acme-bot.apps.example"))
                == [
                    "https://acme-bot.apps.example/health", "https://acme-bot.apps.example/ready",
                    "https://own.example/",
                ])
        let finding = ResponseEvaluator().examine(
            attempt(.failed(.invalidAddress, detail: "")),
            check: Check(name: "bot", address: "", space: "acme/bot", policy: CheckPolicy()), now: Self.now)
        #expect(finding.outcome == .unknown)
        #expect(finding.detail.contains("hub.address"))
    }

    @Test(
        arguments: [
            ([], nil as String?), (["static"], "the only one that the Hub lists is static"),
            (["docker", "static"], nil), (["gradio"], nil),
        ] as [([String], String?)])
    func whatIsNotDiscoveredIsSaid(sdks: [String], because: String?) {
        let listed = sdks.enumerated().map { SpaceFacts(id: "acme/s\($0)", sdk: $1) }
        let nothing = Fleet.Discovery(namespaces: ["acme"]).nothingFound(among: listed)
        if sdks.isEmpty {
            #expect(nothing?.because == "the Hub lists none for this token")
        } else if let because {
            #expect(nothing?.because.contains(because) == true)
        } else {
            #expect(nothing == nil)
        }
        let named = Fleet.Discovery(namespaces: ["acme"], names: ["x*"]).nothingFound(among: listed)
        #expect(named != nil)
    }

    @Test(arguments: [
        "http://{subdomain}.example.com", "http://127.{subdomain}.example.com", "http://127.0.0.1.{subdomain}",
    ])
    func aTokenNeverLeavesUnencrypted(pattern: String) throws {
        let fleet = try fleet(
            "{ hub: { namespace: acme, token: hf_abc, address: '\(pattern)' }, spaces: { secret: } }")
        let made = FleetComposer.compose(fleet, with: words(SpaceFacts(id: "acme/secret", visibility: .private)))
        #expect(made.checks[0].policy.request.headers.isEmpty)
    }

    @Test func discoveredSpacesFollowTheListedOnes() throws {
        let fleet = try fleet(
            """
            hub: { namespace: acme, discover: { names: ["bot-*"], tags: [prod] } }
            keep: { every: 10m, path: /health }
            spaces: { acme/bot-a: , other/bot-b: }
            """)
        let made = FleetComposer.compose(
            fleet,
            with: words(
                SpaceFacts(id: "acme/bot-a", subdomain: "acme-bot-a", sdk: "docker", tags: ["prod"]),
                SpaceFacts(id: "acme/bot-b", subdomain: "acme-bot-b", sdk: "docker", tags: ["prod", "x"]),
                SpaceFacts(id: "acme/bot-c", subdomain: "acme-bot-c", sdk: "docker", tags: ["x"]),
                SpaceFacts(id: "acme/bot-d", subdomain: "acme-bot-d", sdk: "static", tags: ["prod"]),
                SpaceFacts(id: "acme/demo", subdomain: "acme-demo", sdk: "docker", tags: ["prod"])))
        #expect(made.checks.map(\.name) == ["bot-a", "bot-b", "acme.bot-b"])
        #expect(made.checks[2].address == "https://acme-bot-b.hf.space/health")
        #expect(made.checks[2].policy.every == .seconds(600))
        #expect(made.checks[2].space == "acme/bot-b")
    }

    @Test func aSpaceIsTheSameInWhateverCaseItIsWritten() throws {
        let fleet = try fleet(
            "{ hub: { namespace: Acme, discover: true }, spaces: { BOT: , other: }, keep: { path: /health } }")
        let made = FleetComposer.compose(
            fleet,
            with: words(
                SpaceFacts(id: "acme/Bot", subdomain: "acme-bot-x", sdk: "docker"),
                SpaceFacts(id: "acme/Other", subdomain: "acme-other-x", sdk: "docker"),
                SpaceFacts(id: "acme/Third", subdomain: "acme-third", sdk: "docker")))
        #expect(made.checks.map(\.name) == ["BOT", "other", "Third"])
        #expect(made.checks[0].address == "https://acme-bot-x.hf.space/health")
    }

    /// The plain host of a static Space answers 404, and private files want the token: observed, not documented.
    @Test func staticSpacesAnswerUnderTheirOwnDomain() throws {
        let fleet = try fleet(
            "{ hub: { namespace: acme, token: hf_abc, discover: { sdk: [static] } }, spaces: { page: } }")
        let made = FleetComposer.compose(
            fleet,
            with: words(
                SpaceFacts(id: "acme/page", subdomain: "acme-page", sdk: "static"),
                SpaceFacts(id: "acme/leaf", subdomain: "acme-leaf", visibility: .private, sdk: "static")))
        #expect(
            made.checks.map(\.address) == ["https://acme-page.static.hf.space/", "https://acme-leaf.static.hf.space/"])
        #expect(made.checks.map(\.space) == ["acme/page", "acme/leaf"])
        #expect(made.checks.map(\.isStatic) == [true, true])
        #expect(made.checks.map { !$0.policy.request.headers.isEmpty } == [false, true])
    }

    @Test(arguments: [
        ("bot-a", "bot-*", true), ("Bot-A", "bot-*", true), ("robot-a", "bot-*", false), ("robot", "*bot", true),
        ("a", "*", true), ("abcabd", "*ab?", false), ("abcabd", "a*b*d", true), ("abc", "abc", true),
        ("abc", "ab", false),
        ("", "*", true), ("aaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*c", false),
    ])
    func patterns(name: String, pattern: String, matches: Bool) {
        #expect(Fleet.Discovery.matches(name, pattern: pattern) == matches)
    }

    @Test func withoutAWordOfTheHubTheFleetIsAsWritten() throws {
        let fleet = try fleet("{ hub: { namespace: acme }, spaces: { bot: } }")
        #expect(FleetComposer.compose(fleet, with: [:]) == fleet)
    }
}
