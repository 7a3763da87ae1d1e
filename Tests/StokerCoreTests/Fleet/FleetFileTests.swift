import Foundation
import StokerCore
import Testing

@Suite struct FleetFileTests {
    func fleet(_ text: String, _ environment: [String: String] = [:]) throws -> Fleet {
        try FleetFile.read(text: text, name: "fleet.yaml", environment: environment).get()
    }
    func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
        switch FleetFile.read(text: text, name: "f", environment: environment) {
        case .success: []
        case .failure(let problems): problems.list.map(\.description)
        }
    }

    @Test func theExampleOfTheDocumentationIsRead() throws {
        let fleet = try fleet(try Files.text(Files.examples.appending(path: "fleet.yaml")))
        #expect(
            fleet.checks.map(\.name) == [
                "discord-bot", "llm-backend", "llm-backend/ready", "rag", "gateway", "nightly-export",
            ])
        let ready = fleet.checks[2]
        #expect(ready.address == "https://acme-llm-backend.hf.space/healthz/readiness")
        #expect(ready.space == "acme/llm-backend")
        #expect(ready.policy.every == .seconds(3_600))
        #expect(ready.policy.expect.status == [200...200])
        #expect(ready.policy.expect.json == [.init(path: "$.database", value: .string("connected"))])
        #expect(ready.policy.expect.within == .seconds(2))
        #expect(ready.policy.role == .ready)
        #expect(fleet.checks[0].policy.every == .seconds(120))
        #expect(fleet.checks[0].policy.warmth == .hot)
        #expect(fleet.checks[3].policy.hours?.zone == "Europe/Berlin")
        #expect(fleet.checks[5].policy.kind == .heartbeat)
        #expect(fleet.checks[5].policy.grace == .seconds(1_800))
        #expect(fleet.serve.port == 7860)
        #expect(fleet.serve.publicURL == nil)
        #expect(fleet.hub.token == nil)
        #expect(
            fleet.checks.first { $0.name == "llm-backend" }?.policy.heal == HealRule(mode: .act, factoryRestarts: 0))
        #expect(ready.policy.heal.mode == .off, "a ready check heals only when it says so")
    }

    @Test func oldNamesAreFollowedToTheirChecks() throws {
        let text = """
            spaces:
              acme/bot:
                was: [acme/old-bot, older]
                checks: { ready: { was: readiness }, plain: {} }
            targets: { web: { url: https://a.test, was: site }, api: { url: https://b.test, was: svc/api } }
            heartbeats: { job: { every: 1h, was: nightly } }
            """
        let renames = try fleet(text).renames
        #expect(
            Set(renames) == [
                .init(from: "old-bot", to: "bot"), .init(from: "older", to: "bot"),
                .init(from: "bot/readiness", to: "bot/ready"), .init(from: "old-bot/readiness", to: "bot/ready"),
                .init(from: "older/readiness", to: "bot/ready"), .init(from: "old-bot/ready", to: "bot/ready"),
                .init(from: "older/ready", to: "bot/ready"), .init(from: "old-bot/plain", to: "bot/plain"),
                .init(from: "older/plain", to: "bot/plain"), .init(from: "site", to: "web"),
                .init(from: "svc/api", to: "api"), .init(from: "nightly", to: "job"),
            ])
        let first = try #require(renames.firstIndex(of: .init(from: "old-bot", to: "bot")))
        let second = try #require(renames.firstIndex(of: .init(from: "older", to: "bot")))
        #expect(first < second, "the latest name is asked for first")
    }

    @Test func healingDiscoveryAndWatchingArriveWhereTheyBelong() throws {
        let fleet = try fleet(try Files.text(Files.examples.appending(path: "everything.yaml")))
        let byName = Dictionary(uniqueKeysWithValues: fleet.checks.map { ($0.name, $0.policy) })
        let top = HealRule(
            mode: .act, after: 5, restarts: 1, factoryRestarts: 1, within: .seconds(12 * 3_600), wait: .seconds(1_200))
        #expect(byName["demo"]?.heal == top)
        #expect(byName["demo"]?.awake == .onDemand)
        #expect(byName["search-engine"]?.heal.mode == .suggest)
        #expect(byName["search-engine"]?.awake == .hours)
        #expect(byName["search-engine/ready"]?.heal.after == 10)
        #expect(byName["search-engine/metrics"]?.heal.mode == .off)
        #expect(byName["search-engine"]?.ownAddress == true)
        #expect(byName["demo"]?.ownAddress == false)
        let discovery = try #require(fleet.hub.discovery)
        #expect(discovery.namespaces == ["acme"])
        #expect(discovery.sdks == ["docker", "gradio"])
        #expect(discovery.policy.heal == top)
        #expect(discovery.policy.every == .seconds(45 * 60))
        #expect(fleet.hub.privateHeader == .authorization)
        #expect(fleet.hub.isWatched)
    }

    @Test func theHubIsAskedOnlyWithAReason() throws {
        func hub(_ text: String, _ environment: [String: String] = [:]) throws -> Fleet.Hub {
            try FleetFile.read(text: text, name: "f", environment: environment).get().hub
        }
        #expect(try !hub("spaces: { a/b: }").isWatched)
        #expect(try hub("spaces: { a/b: }", ["HF_TOKEN": "hf_x"]).isWatched)
        #expect(try hub("spaces: { a/b: }", ["HF_TOKEN": "hf_x"]).token == Secret("hf_x"))
        #expect(try hub("{ hub: { token: hf_y }, spaces: { a/b: } }", ["HF_TOKEN": "hf_x"]).token == Secret("hf_y"))
        #expect(try !hub("{ hub: { token: hf_y, watch: false }, spaces: { a/b: } }").isWatched)
        #expect(try hub("hub: { namespace: a, discover: true }").isWatched)
        #expect(try hub("hub: { namespace: a, discover: false }").discovery == nil)
    }

    @Test(arguments: [("off", HealRule.Mode.off), ("suggest", .suggest), ("act", .act), ("{ mode: off }", .off)])
    func healingIsOneWordOrMore(text: String, mode: HealRule.Mode) throws {
        #expect(try fleet("{ heal: \(text), spaces: { a/b: } }").checks[0].policy.heal.mode == mode)
    }

    @Test func aSpaceThatIsNeverToBeAwakeIsNotPinged() throws {
        #expect(try !fleet("spaces: { a/b: { awake: never } }").checks[0].policy.enabled)
    }

    @Test func everyKeyArrivesInThePolicy() throws {
        let fleet = try fleet(try Files.text(Files.examples.appending(path: "everything.yaml")))
        let byName = Dictionary(uniqueKeysWithValues: fleet.checks.map { ($0.name, $0) })
        let gateway = try #require(byName["gateway"]).policy
        #expect(gateway.request.method == "POST")
        #expect(gateway.request.headers.map(\.name) == ["Content-Type", "Authorization"])
        #expect(gateway.request.headers[1].value.reveal() == "Bearer none")
        #expect(gateway.request.body == #"{"ping": true}"#)
        #expect(gateway.request.redirects == 0)
        #expect(gateway.expect.status == [200...200, 202...202, 300...399, 410...412])
        #expect(gateway.expect.text == "pong")
        #expect(gateway.expect.regex == "po+ng")
        #expect(gateway.expect.within == .milliseconds(800))
        #expect(gateway.expect.certificateDays == 14)
        #expect(gateway.timeout == .seconds(30))
        #expect(gateway.connectTimeout == .seconds(5))
        #expect(gateway.retry == [.seconds(2), .seconds(4)])
        #expect(gateway.recheck == .seconds(30))
        let search = try #require(byName["search-engine"])
        #expect(search.address == "https://search.example.com/health")
        #expect(search.policy.paidHardware)
        #expect(search.policy.group == "production")
        #expect(search.policy.downAfter == Threshold(failures: 2, of: 3))
        #expect(search.policy.jitter == 0.1)
        #expect(search.policy.request.headers.map(\.name) == ["Accept"])
        #expect(byName["search-engine/ready"]?.policy.expect.json.count == 2)
        #expect(byName["search-engine/ready"]?.policy.hours != nil, "a further check is spoken to as its Space is")
        #expect(byName["search-engine/metrics"]?.address == "https://metrics.example.com/search")
        #expect(byName["mirror"]?.policy.enabled == false)
        #expect(byName["database"]?.policy.kind == .tcp)
        #expect(byName["website"]?.policy.request.headers == [], "headers of Spaces never go to other addresses")
        #expect(byName["retired"]?.policy.enabled == false)
        #expect(fleet.serve.selfPing == nil)
        #expect(fleet.ledger.keepHours == .seconds(730 * 86_400))
        #expect(fleet.ledger.keepDays == .seconds(3_000 * 86_400))
    }

    @Test func anEmptyFileIsAFleetWithAWordOfAdvice() throws {
        for text in ["", "# nothing\n", "version: 1\n", "{}"] {
            let fleet = try fleet(text)
            #expect(fleet.checks.isEmpty)
            #expect(fleet.advice.map(\.text).contains { $0.hasPrefix("nothing is looked at yet") })
        }
    }

    @Test func variablesAreFilledInAndNeverShown() throws {
        let text = """
            targets:
              web: { url: ${SCHEME:-https}://${HOST}/${PATH_PART:-a,b}, headers: { Authorization: "Bearer ${KEY}" }, body: "5 $$ ${KEY}" }
            """
        let check = try #require(try fleet(text, ["HOST": "example.com", "KEY": "s3cret"]).checks.first)
        #expect(check.address == "https://example.com/a,b")
        #expect(check.policy.request.headers[0].value.reveal() == "Bearer s3cret")
        #expect(check.policy.request.body == "5 $ s3cret")
        let wrong = """
            keep: { every: "${KEY}", path: "${KEY}", retry: ["${KEY}"], expect: { status: "${KEY}", regex: "${KEY}(" }, hours: "${KEY}", method: "${KEY} ", jitter: "${KEY}", down_after: "${KEY}", warmth: "${KEY}" }
            targets: { web: { url: "${KEY}" }, ftp: { url: "ftp://${KEY}" } }
            hub: { namespace: "${KEY}/", endpoint: "${KEY}" }
            serve: { port: "${KEY}", host: "${KEY} x", private: "${KEY}" }
            """
        let all = problems(wrong, ["KEY": "s3cret"])
        #expect(all.count == 18)
        #expect(!all.contains { $0.contains("s3cret") })
        // The other two say what cannot be meant together, and nothing of the value.
        #expect(all.count { $0.contains("${KEY}") } >= 15)
    }

    @Test func aVariableCannotAddStructure() throws {
        let fleet = try fleet(
            "targets:\n  web: { url: \"https://example.com\", body: ${X} }\n", ["X": "a }\nevil: { url: https://x }"])
        #expect(fleet.checks.count == 1)
        #expect(fleet.checks[0].policy.request.body == "a }\nevil: { url: https://x }")
    }

    @Test func anEmptyVariableTakesItsDefault() throws {
        #expect(try fleet("serve: { port: ${PORT:-1234} }", ["PORT": ""]).serve.port == 1234)
        #expect(try fleet("serve: { port: ${PORT:-1234} }", ["PORT": "80"]).serve.port == 80)
    }

    @Test func checksThatAreConfiguredAlikeShareOnePolicy() throws {
        let names = (0..<500).map { "  acme/s\($0): { keep: { path: /health } }\n" }.joined()
        let checks = try fleet("spaces:\n" + names).checks
        #expect(checks.count == 500)
        #expect(Set(checks.map { ObjectIdentifier($0.policy) }).count == 1)
    }

    @Test func nearerSettingsWin() throws {
        let fleet = try fleet(
            """
            keep: { every: 10m, timeout: 20s, headers: { A: top, B: top } }
            spaces:
              a/one: { keep: { warmth: cool, headers: { a: near } } }
              a/two: { keep: { every: 3m } }
              a/three:
            """)
        #expect(fleet.checks.map(\.policy.every) == [.seconds(900), .seconds(180), .seconds(600)])
        #expect(fleet.checks.allSatisfy { $0.policy.timeout == .seconds(20) })
        #expect(
            fleet.checks[0].policy.request.headers.map { "\($0.name)=\($0.value.reveal())" } == ["B=top", "a=near"])
        #expect(fleet.checks[0].policy.warmth == .cool)
        #expect(fleet.checks[1].policy.warmth == nil)
    }

    @Test func mergeKeysFollowYAML() throws {
        let fleet = try fleet(
            """
            x-a: &a { every: 5m, timeout: 10s }
            x-b: &b { every: 7m, redirects: 1 }
            targets:
              web: { <<: [*a, *b], url: https://example.com, timeout: 11s }
            """)
        let policy = fleet.checks[0].policy
        #expect(policy.every == .seconds(300))
        #expect(policy.timeout == .seconds(11))
        #expect(policy.request.redirects == 1)
    }

    @Test func aMistakeInAnAnchorIsToldOnceWhereItIs() {
        let all = problems(
            """
            x-a: &a { every: soon }
            targets:
              one: { <<: *a, url: https://one.example.com }
              two: { <<: *a, url: https://two.example.com }
            """)
        #expect(all.count == 1)
        #expect(all[0].hasPrefix("f:1:18: "))
    }

    @Test func jsonKeepsItsPositions() {
        let all = problems(
            "{\n\t\"targets\": {\n\t\t\"web\": {\"url\":\"https://example.com\",\"every\":\"5sec\"}\n\t}\n}\n")
        #expect(all == ["f:3:47: error: targets.web.every: \"5sec\" is not a duration; write 2m, 45m or 12h"])
    }

    @Test func jsonEscapesAreRead() throws {
        let body = try fleet(#"{"targets":{"web":{"url":"https:\/\/example.com","body":"\ud83d\ude00 \u00e4"}}}"#)
            .checks[0].policy.request.body
        #expect(body == "😀 ä")
    }

    @Test func positionsCountWhatEditorsCount() {
        #expect(problems("x-ä: 😀\r\nserve: { host: ä }\r\n").map { $0.prefix(6) } == ["f:2:16"])
    }

    @Test func deepAndLargeFilesAreRefused() {
        #expect(problems(String(repeating: "[", count: 5_000)).first?.contains("nested more than 1,000") == true)
        #expect(problems(String(repeating: "- ", count: 5_000)).count == 1)
        let deep = "x-deep: &a " + String(repeating: "[", count: 300) + String(repeating: "]", count: 300)
        #expect(problems(deep) == [])
    }

    @Test func problemsAreLimited() {
        let text = "targets:\n" + (0..<2_000).map { "  t\($0): { url: x }\n" }.joined()
        #expect(problems(text).count == 500)
    }

    /// Plain YAML that looks like a number: what is one in JSON is compared as one, and what may be meant as text is remarked on.
    @Test(
        arguments: [
            ("1.10", JSONNumber("1.1"), "is read as a number"),
            ("12e4567", JSONNumber("12e4567"), "is read as a number"),
            ("007", nil, "is no number as JSON writes them"), ("0x1F", nil, "is no number as JSON writes them"),
            ("1.5", JSONNumber("1.5"), nil), ("-3", JSONNumber("-3"), nil), ("1.10.3", nil, nil),
            ("\"1.10\"", nil, nil),
            ("9007199254740993", JSONNumber("9007199254740993"), nil),
        ] as [(String, JSONNumber?, String?)])
    func expectedNumbers(written: String, number: JSONNumber?, advice: String?) throws {
        let fleet = try fleet("targets: { t: { url: 'http://a.test/', expect: { json: { $.v: \(written) } } } }")
        let value = fleet.checks.first?.policy.expect.json.first?.value
        #expect(value == number.map { .number($0) } ?? .string(written.filter { $0 != "\"" }))
        #expect(fleet.advice.contains { $0.text.contains("number") } == (advice != nil))
        if let advice { #expect(fleet.advice.contains { $0.text.contains(advice) }, "\(fleet.advice)") }
    }

    @Test func adviceNamesWhatIsWorthAWord() throws {
        let fleet = try fleet(
            """
            heal: act
            spaces:
              a/often: { keep: { every: 5m } }
              a/paid: { hardware: t4-small }
              a/late: { keep: { every: 3d } }
              a/odd: { hardware: cpu-basik }
            targets:
              web: { url: "https://x.example.com", every: 10s, timeout: 30s }
              again: { url: "https://X.example.com:443/" }
              slow: { url: "https://y.example.com", every: 1m, timeout: 20s }
              never: { url: "https://z.example.com", timeout: 2s, expect: { within: 5s } }
              plain: { url: "http://p.example.com", headers: { Authorization: x }, expect: { certificate_days: 3 }, body: b }
            """)
        let expected = [
            "heal: needs the Hub's word",
            "spaces.a/often.keep.every: often is pinged every 5m, more often than every 15m",
            "spaces.a/paid.hardware: paid runs on t4-small", "spaces.a/late.keep.every: late is pinged every 3d",
            "spaces.a/odd.hardware: is hardware this version does not know; did you mean cpu-basic?",
            "targets.web.timeout: web may wait 30s for an answer, longer than its interval of 10s",
            "targets.again.url: again has the same address as web",
            "targets.slow.timeout: a ping of slow that fails may take 1m55s",
            "targets.never.expect: never is slow after 5s but given up after 2s",
            "targets.plain.expect: plain has no certificate", "targets.plain.body: plain sends a body with GET",
            "targets.plain.headers: plain sends a credential over http://",
        ]
        let advice = fleet.advice.map { "\($0.path): \($0.text)" }
        for line in expected { #expect(advice.contains { $0.hasPrefix(line) }, "\(line)") }
        #expect(fleet.advice.allSatisfy { $0.line > 0 && $0.column > 0 })
    }

    @Test func anExampleFleetNeedsNoAdviceAboutItsDefaults() throws {
        #expect(try fleet("spaces: { a/b: }").advice == [])
    }

    @Test(arguments: [
        ("Space-Name_1.x/Y", "space-name-1-x-y"), ("user/tmp_test_space", "user-tmp-test-space"),
    ]) func subdomains(id: String, expected: String) { #expect(SpaceName.subdomain(of: id) == expected) }

    @Test(arguments: ["a", "a/b/c", "/b", "a/", "a/-b", "a/b-", "a/b--c", "a/b..c", "a/b.git", "a b/c", "ä/b"])
    func idsThatAreNone(id: String) { #expect(!SpaceName.isID(id)) }
}

@Suite struct AddressTests {
    @Test(arguments: [
        ("HTTPS://Example.COM", "https://example.com/"), ("http://a:80/x?y", "http://a/x?y"),
        ("https://[::1]:8443", "https://[::1]:8443/"),
        ("tcp://db:5432/", "tcp://db:5432"), ("http://a?x", "http://a/?x"),
        ("http://127.0.0.1:7860/a", "http://127.0.0.1:7860/a"), ("http://127.example.com", "http://127.example.com/"),
        ("http://a_b.x-1/", "http://a_b.x-1/"), ("http://[::FFFF:1.2.3.4]/", "http://[::ffff:1.2.3.4]/"),
        ("http://[1:2:3:4:5:6:7::]/", "http://[1:2:3:4:5:6:7::]/"),
        ("http://4.3.2.1.example/", "http://4.3.2.1.example/"),
        ("http://h.test./", "http://h.test./"),
    ]) func spellings(text: String, expected: String) throws { #expect(try Address(text).description == expected) }

    @Test(arguments: [
        "", "http://", "http://:80", "http://a:b", "http://a:0", "http://a b", "http://[::1", "http://[x]",
        "http://a:1:2", "http://ä",
        "http://1.2.3.999/", "http://[::::]/", "http://1.2.3/", "http://1.2.3.4.5/", "http://256.1.1.1/",
        "http://0x7f.1",
        "http://a.0x7F/", "http://[1:2]/", "http://[1::2::3]/", "http://[::1%25eth0]/", "http://[1:2:3:4:5:6:7:8:9]/",
        "http://.a/", "http://01.2.3.4/", "http://[::1.2.3]/", "http://[12345::]/", "http://./",
        "tcp://a", "tcp://a:1/b", "http://a..b", "http://a/\u{7}", "http://a:+1",
    ]) func notAddresses(text: String) { #expect(throws: Address.Fault.self) { try Address(text) } }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST.", true), ("app.localhost", true), ("127.0.0.1", true), ("127.255.0.9", true),
        ("::1", true), ("[::1]", true), ("0:0:0:0:0:0:0:1", true), ("::ffff:127.0.0.1", true),
        ("[::FFFF:7f00:1]", true),
        ("127.example.com", false), ("127.0.0.1.example.com", false), ("127.0.0.999", false), ("127.1", false),
        ("localhost.example.com", false), ("mylocalhost", false), ("", false), ("::", false), ("0.0.0.0", false),
        ("10.0.0.1", false), ("::2", false),
    ]) func loopback(host: String, is expected: Bool) { #expect(HostAddress.isLoopback(host: host) == expected) }
}

@Suite struct HoursTextTests {
    @Test func partsAndZones() throws {
        let hours = try Hours(text: "Mon,Wed 9:00-12:00, Sat 22:00-04:00 Europe/Berlin")
        #expect(
            hours.windows == [.init(days: 0b101, start: 540, end: 720), .init(days: 0b100000, start: 1_320, end: 240)])
        #expect(hours.zone == "Europe/Berlin")
        #expect(try Hours(text: "00:00-24:00").windows == [.init(days: 0x7F, start: 0, end: 1_440)])
        #expect(try Hours(text: "Fri-Mon 07:00-08:00").windows[0].days == 0b1110001)
        #expect(try Hours(text: "monday 07:00-08:00 UTC").windows[0].days == 1)
    }

    @Test func shareOfTheWeek() throws {
        #expect(try Hours(text: "00:00-24:00").shareOfWeek == 1)
        #expect(try Hours(text: "Mon-Fri 08:00-20:00").shareOfWeek == 60.0 / 168)
        #expect(try Hours(text: "Sun 22:00-02:00").shareOfWeek == 4.0 / 168)
        #expect(try Hours(text: "Mon 08:00-10:00, Mon 09:00-11:00").shareOfWeek == 3.0 / 168)
    }
}

@Suite struct DotEnvTests {
    @Test func linesThatAreVariables() throws {
        let text = """
            \u{FEFF}# comment
            A=1
            export B = two words   # comment
              C='single # $x \\n'
            D="a\\n\\"b\\" $x"  # after
            E=
            F=a#b
            G="two
            lines"
            A=3
            """
        let expected = [
            "A": "3", "B": "two words", "C": "single # $x \\n", "D": "a\n\"b\" $x", "E": "", "F": "a#b",
            "G": "two\nlines",
        ]
        #expect(try DotEnv.read(text: text, name: ".env").get() == expected)
        #expect(try DotEnv.read(text: text.replacing("\n", with: "\r\n"), name: ".env").get() == expected)
    }

    @Test func linesThatAreNone() {
        let result = DotEnv.read(
            text: "A=1\n=hidden\nB hidden\n1C=hidden\nD=\"hidden\" hidden\nE='hidden\n", name: ".env")
        guard case .failure(let problems) = result else {
            Issue.record("was read without a problem")
            return
        }
        #expect(
            problems.list.map { "\($0.line):\($0.column)" } == ["2:1", "3:1", "4:1", "5:3", "6:3"])
        #expect(!problems.description.contains("hidden"))
    }

    /// What is no name may be a secret: a key pasted without quotes, a token on the line below its name.
    @Test func problemsShowNoWordOfTheFile() throws {
        for text in [
            "KEY=-----BEGIN PRIVATE KEY-----\nMIIhiddenA\nhiddenB==\n-----END PRIVATE KEY-----\n", "T=\nghp_hidden12\n",
            "export hidden\n", "9hidden=1\n", "a-hidden=1\n", "A='x' hidden\n", "A=\"hidden\n", "A=${hidden}\n",
            "A=\"\\$hidden\"\n",
            "Mhidden0hiddenAhiddenBhiddenChiddenDhiddenE=\n", "ä=hidden\n", "hidden==\n",
        ] {
            guard case .failure(let problems) = DotEnv.read(text: text, name: ".env") else {
                Issue.record("\(text.debugDescription) was read without a problem")
                continue
            }
            #expect(!problems.description.contains("hidden"), "\(problems)")
        }
    }
}

@Suite struct VariableTests {
    /// Where a thing is may be seen. What a variable puts behind the host, into the body or into what is expected is not.
    @Test(arguments: [
        ("t: { url: 'https://a.test/hook/${KEY}/x?v=1' }", "https://a.test/hook/***/x?v=1", ["k3y-of-mine"]),
        ("t: 'https://a.test/?q=${KEY}&r=${SHORT}'", "https://a.test/?q=***&r=***", ["k3y-of-mine", "eu"]),
        ("t: { url: 'https://${HOST}:${PORT}/x' }", "https://h.test:81/x", []),
        ("t: { url: '${WHOLE}' }", "https://h.test/***", ["p4th?a=b"]),
        ("t: { url: '${WHOLE}/${SHORT}' }", "https://h.test/***/***", ["p4th?a=b", "eu"]),
        ("t: { url: '${BASE}/health' }", "https://h.test/health", []),
        ("t: { url: 'https://${HOST}/${HOST}' }", "https://h.test/***", ["h.test"]),
        ("t: 'https://a.test/${NONE:-plain}/${SHORT:-us}'", "https://a.test/plain/***", ["eu"]),
        ("t: { url: 'https://a.test/', body: 'x${KEY}', method: POST }", "https://a.test/", ["k3y-of-mine"]),
        (
            "t: { url: 'https://a.test/', expect: { text: '${KEY}', regex: '${SHORT}', json: { $.a: '${HOST}', $.b: null } } }",
            "https://a.test/", ["k3y-of-mine", "eu", "h.test"]
        ),
        ("t: { url: 'tcp://${HOST}:${PORT}' }", "tcp://h.test:81", []),
        ("t: { url: 'https://a.test/$${KEY}' }", "https://a.test/${KEY}", []),
    ])
    func valuesAreNotShown(_ target: String, _ shown: String, _ hidden: [String]) throws {
        let environment = [
            "KEY": "k3y-of-mine", "SHORT": "eu", "HOST": "h.test", "PORT": "81", "WHOLE": "https://h.test/p4th?a=b",
            "BASE": "https://h.test/", "NONE": "",
        ]
        let fleet = try FleetFile.read(text: "targets:\n  \(target)\n", name: "f", environment: environment).get()
        let check = try #require(fleet.checks.first)
        #expect(check.shownAddress?.replacing("//health", with: "/health") == shown)
        #expect(check.policy.request.hidden.map { $0.reveal() } == hidden)
        #expect(check.isAddressHidden == shown.contains("***"))
    }

    /// A Space's path is its own; what its checks take over and what they do not.
    @Test func aSpacesChecksHaveTheirOwn() throws {
        let text = """
            keep: { path: "/${A}", headers: { X: "${B}" } }
            spaces:
              a/b:
                checks: { deep: { path: "/d/${C}" }, plain: { path: /p } }
            """
        let fleet = try FleetFile.read(
            text: text, name: "f", environment: ["A": "aaaaaa1", "B": "bbbbbb2", "C": "cccccc3"]
        ).get()
        let shown = fleet.checks.map { $0.shownAddress ?? "" }
        #expect(shown.map { String($0.split(separator: "/", maxSplits: 2)[2]) } == ["***", "d/***", "p"])
        #expect(fleet.checks.map { $0.policy.request.hidden.count } == [1, 1, 0])
        #expect(!fleet.checks[0].isFound(byAddress: "aaa") && !fleet.checks[1].isFound(byAddress: "cccccc3"))
    }
}

@Suite struct SourceTextTests {
    @Test func theCaretStandsUnderTheColumn() {
        #expect(SourceText("a\n  bc: x\n").snippet(line: 2, column: 7) == " 2 |   bc: x\n   |       ^")
        #expect(SourceText("a").snippet(line: 7, column: 1) == nil)
    }

    @Test func longLinesAreCutAroundIt() throws {
        let line = String(repeating: "a", count: 300) + "X" + String(repeating: "b", count: 300)
        let lines = try #require(SourceText(line).snippet(line: 1, column: 301)).split(separator: "\n")
        let caret = try #require(lines[1].firstIndex(of: "^"))
        #expect(
            lines[0][
                lines[0].index(lines[0].startIndex, offsetBy: lines[1].distance(from: lines[1].startIndex, to: caret))]
                == "X")
        #expect(lines[0].count < 120)
    }

    @Test(arguments: [
        "token: hf_abcDEF123", "{ token: s3cret, port: x }", "Authorization: \"Bearer s3cret\"", "x: hf_s3cret",
        "passphrase: s3cret",
        "https://user:s3cret@host/", "url: https://h/?api_key=s3cret&x=1", "{\"token\":\"s3cret\"}",
    ]) func credentialsAreMasked(line: String) throws {
        let snippet = try #require(SourceText(line).snippet(line: 1, column: 1))
        #expect(!snippet.contains("s3cret") && !snippet.contains("abcDEF123"))
        #expect(snippet.contains("*"))
    }

    @Test func namesOfVariablesStay() throws {
        let snippet = try #require(SourceText("token: ${HF_TOKEN}").snippet(line: 1, column: 1))
        #expect(snippet.contains("${HF_TOKEN}"))
    }
}

@Suite struct ClosestMatchTests {
    @Test(arguments: [
        ("intervall", "interval"), ("evrey", "every"), ("Timeout", "timeout"), ("connect-timeout", "connect_timeout"),
        ("xyz", nil),
        ("", nil),
    ]) func nearest(name: String, expected: String?) {
        #expect(ClosestMatch.of(name, among: ["every", "interval", "timeout", "connect_timeout"]) == expected)
    }
}
