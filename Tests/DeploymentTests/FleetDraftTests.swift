import Deployment
import StokerCore
import Testing

@Suite struct FleetDraftTests {
    func checks(_ draft: FleetDraft) throws -> [String] {
        try fleet(draft.text).checks.map { "\($0.name) \($0.address) \($0.policy.every.text)" }
    }

    @Test func fromAddresses() throws {
        let draft = try FleetDraft(addresses: [
            "acme/bot", "https://huggingface.co/spaces/acme/rag", "https://foo-bar.hf.space/health",
            "tcp://db.example.com:5432",
            "https://example.com/a?x=${Y}&z={}", " acme/bot ", "https://example.com/other",
        ])
        #expect(
            try checks(draft) == [
                "bot https://acme-bot.hf.space/ 45m", "rag https://acme-rag.hf.space/ 45m",
                "bar https://foo-bar.hf.space/health 45m",
                "db.example.com tcp://db.example.com:5432 45m", "example.com https://example.com/a?x=${Y}&z={} 45m",
                "example.com-2 https://example.com/other 45m",
            ])
        #expect(draft.text.contains("guessed from the address"))
    }

    @Test func fromAListOfPings() throws {
        let draft = try FleetDraft(
            json: """
                [
                  {"url": "https://acme-bot.hf.space/health", "interval_minutes": 2, "space_id": "acme/bot"},
                  {"url": "https://my-team-web.hf.space", "interval_minutes": 30, "space_id": "my-team/web"},
                  {"url": "https://moved.hf.space-example.com/x", "interval_minutes": 0.5, "space_id": "acme/moved"},
                  {"space_id": "acme/plain"}, {"url": "https://example.com/health", "interval_minutes": 1}
                ]
                """)
        #expect(
            try checks(draft) == [
                "bot https://acme-bot.hf.space/health 2m", "web https://my-team-web.hf.space/ 30m",
                "moved https://moved.hf.space-example.com/x 30s", "plain https://acme-plain.hf.space/ 45m",
                "example.com https://example.com/health 1m",
            ])
        #expect(!draft.text.contains("guessed"))
    }

    /// A label of the DNS has 63 characters: one Space whose address does not follow from its name must not spoil the file.
    @Test(arguments: [nil, "https://acme-a1b2c3.hf.space"] as [String?]) func aNameThatIsTooLong(host: String?) throws {
        let long = "acme/" + String(repeating: "long-", count: 14) + "name"
        let other = "other/" + String(repeating: "x", count: 96)
        let draft = FleetDraft(spaces: [
            SpaceFacts(id: long, host: host), SpaceFacts(id: "acme/bot"), SpaceFacts(id: "acme/bad--name"),
            SpaceFacts(id: other, host: "https://o1.hf.space"),
            SpaceFacts(id: other.replacing("other", with: "third"), host: "https://o2.hf.space"),
        ])
        let read = try fleet(draft.text)
        #expect(read.checks.compactMap(\.space).contains(long) == (host != nil))
        #expect(read.checks.contains { $0.address == "https://acme-bot.hf.space/" })
        #expect(read.checks.first { $0.space == long }?.address == host.map { $0 + "/" })
        #expect(read.checks.count { $0.space?.hasSuffix("xxx") == true } == 2)
        for id in [long, "acme/bad--name"] { #expect(draft.text.contains(id) || draft.text.contains(id.dropFirst(5))) }
        #expect(try fleet(FleetDraft(spaces: [SpaceFacts(id: "acme/bad--name")]).text).checks.isEmpty)
    }

    @Test func anEmptyDraftPassesToo() throws { #expect(try fleet(FleetDraft().text).checks.isEmpty) }

    @Test func namesThatYAMLWouldMisread() throws {
        let draft = try FleetDraft(addresses: [
            "acme/null", "acme/1e3", "acme/on", "other/on", "acme/0x1F", "https://true/",
        ])
        let read = try fleet(draft.text)
        #expect(read.checks.compactMap(\.space) == ["acme/null", "acme/1e3", "acme/on", "other/on", "acme/0x1F"])
        #expect(Set(read.checks.map(\.name)).count == 6)
    }

    @Test(arguments: ["", "word", "ftp://x", "https://huggingface.co/spaces/acme", "http://a b", "a/b/c"])
    func whatIsNoAddressIsRefused(text: String) {
        #expect(throws: Failure.self) { try FleetDraft(addresses: [text]) }
    }

    @Test(arguments: [
        "", "{}", "[1]", "[{}]", #"[{"url": 5}]"#, #"[{"url": "x"}]"#, #"[{"url": "https://a", "space_id": "b"}]"#,
        #"[{"url": "https://a", "interval_minutes": 0}]"#, #"[{"url": "https://a", "interval_minutes": 1e300}]"#,
    ]) func listsThatAreNone(json: String) {
        #expect {
            try FleetDraft(json: json)
        } throws: {
            ($0 as? Failure)?.code == .usage
        }
    }
}
