import NIOCore
import NIOHTTP1
import StokerCore
import Testing

@testable import KeepAlive

/// `Testing` has an `Expectation` of its own.
typealias Wanted = StokerCore.Expectation

/// Attempts without a network.
func attempt(_ result: Attempt.Result, latency: UInt32 = 1_000, sent: Bool = true, certificate: UInt32 = 0) -> Attempt {
    var phases = Attempt.Phases()
    phases.latency = latency
    phases.requestSent = sent
    return Attempt(
        at: Instant(milliseconds: 0), result: result, phases: phases, certificateEndHours: certificate,
        transcript: {
            Transcript(at: Instant(milliseconds: 0), attempt: $0, outcome: $1, cause: $2, detail: $3, exchanges: [])
        })
}

func answer(
    _ status: UInt16, _ body: String = "", headers: HTTPHeaders = [:], redirects: Int = 0, truncated: Bool = false
) -> Attempt.Result {
    .answer(
        Answer(
            status: status, headers: headers, body: ByteBuffer(string: body), truncated: truncated, redirects: redirects
        ))
}

func check(_ expect: Wanted = Wanted(), space: Bool = false) -> Check {
    Check(
        name: "x", address: "https://x.example/", space: space ? "acme/x" : nil, policy: CheckPolicy(expect: expect))
}

@Suite struct ResponseEvaluatorTests {
    let evaluator = ResponseEvaluator()
    let now = Instant(milliseconds: 1_000 * 3_600_000)

    func examine(_ attempt: Attempt, _ check: Check) -> AttemptResult {
        evaluator.examine(attempt, check: check, now: now)
    }

    // MARK: Expectations

    @Test(arguments: [
        (UInt16(200), [200...399], Outcome.up), (204, [200...399], .up), (302, [200...399], .up),
        (404, [200...399], .down),
        (500, [200...399], .down), (404, [200...299, 404...404], .up), (201, [200...200], .down),
        (0, [200...399], .down),
    ])
    func status(code: UInt16, ranges: [ClosedRange<Int>], outcome: Outcome) {
        let finding = examine(attempt(answer(code)), check(Wanted(status: ranges)))
        #expect(finding.outcome == outcome && finding.code == code)
        #expect(finding.cause == (outcome == .up ? .none : .status))
        #expect(finding.detail.isEmpty == (outcome == .up))
    }

    @Test func aStatusNamesWhatWasExpected() {
        let finding = examine(attempt(answer(503)), check(Wanted(status: [200...299, 304...304])))
        #expect(finding.detail == "expected status 200-299, 304, found 503")
    }

    @Test(arguments: [
        ("hello world", "world", true), ("hello", "hello", true), ("hell", "hello", false), ("", "x", false),
        ("aaaaaaab", "aab", true), ("abababac", "abac", true), ("grün", "ün", true), ("x\u{0}y", "\u{0}y", true),
        ("abc", "", true),
        ("Hello", "hello", false),
    ])
    func text(body: String, wanted: String, found: Bool) {
        let finding = examine(attempt(answer(200, body)), check(Wanted(text: wanted)))
        #expect(finding.outcome == (found ? .up : .down))
        #expect(finding.cause == (found ? .none : .textMissing))
    }

    @Test func textAgainstASlowerSearch() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<5_000 {
            let body = (0..<Int.random(in: 0...40, using: &random)).map { _ in "abc".randomElement(using: &random)! }
            let wanted = (0..<Int.random(in: 1...5, using: &random)).map { _ in "abc".randomElement(using: &random)! }
            let naive = body.indices.contains { body[$0...].starts(with: wanted) }
            let finding = examine(attempt(answer(200, String(body))), check(Wanted(text: String(wanted))))
            #expect((finding.outcome == .up) == naive, "\(String(body)) \(String(wanted))")
        }
    }

    @Test(arguments: [
        ("version 1.23", #"version \d+\.\d+"#, Cause.none), ("version x", #"version \d+"#, .regexMissing),
        ("a", "(", .regexMissing), ("first\nsecond", "(?m)^second$", .none),
    ])
    func regex(body: String, pattern: String, cause: Cause) {
        for _ in 0..<2 {  // the second time from the cache
            let finding = examine(attempt(answer(200, body)), check(Wanted(regex: pattern)))
            #expect(finding.cause == cause)
        }
    }

    @Test func allOfALargeAnswerIsLookedAt() {
        let filler = String(repeating: ".", count: 200_000)
        #expect(examine(attempt(answer(200, filler + "end")), check(Wanted(text: "end", regex: "e.d"))).outcome == .up)
        let object = "{\"pad\":\"\(filler)\",\"ok\":true}"
        let rule = Wanted.JSONRule(path: "$.ok", value: .bool(true))
        #expect(examine(attempt(answer(200, object)), check(Wanted(json: [rule]))).outcome == .up)
    }

    @Test func aPatternThatIsTooMuchWorkSaysSo() {
        let finding = examine(
            attempt(answer(200, String(repeating: "a", count: 100_000))), check(Wanted(regex: "[a-c]{1,300}9")))
        #expect(finding.cause == .regexMissing && finding.detail.contains("more work than one answer is worth"))
    }

    @Test func encodedAnswersAreReadAndOthersNamed() {
        let utf16 = Array("{\"a\":1}".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        func attempt(_ bytes: [UInt8], _ headers: HTTPHeaders) -> Attempt {
            KeepAliveTests.attempt(.answer(Answer(status: 200, headers: headers, body: ByteBuffer(bytes: bytes))))
        }
        let rule = Wanted.JSONRule(path: "$.a", value: .number(1))
        let charset: HTTPHeaders = ["Content-Type": "application/json; charset=utf-16"]
        #expect(examine(attempt(utf16, charset), check(Wanted(json: [rule]))).outcome == .up)
        #expect(examine(attempt(utf16, charset), check(Wanted(text: "\"a\""))).outcome == .up)
        let brotli = examine(attempt([1, 2, 3], ["Content-Encoding": "br"]), check(Wanted(text: "ok")))
        #expect(
            brotli.detail
                == #"expected the text "ok", not found in 3 bytes (it is encoded as "br", which is not decoded here)"#)
    }

    /// Such pages are errors in browsers and with `curl --compressed`; what only ends too early is shown.
    @Test func aCodingThatIsNotThereIsABrokenAnswer() {
        func attempt(_ text: String, _ headers: HTTPHeaders) -> Attempt {
            KeepAliveTests.attempt(.answer(Answer(status: 200, headers: headers, body: ByteBuffer(string: text))))
        }
        for coding in ["gzip", "deflate", "x-gzip"] {
            let finding = examine(attempt("<p>plain text", ["Content-Encoding": coding]), check(Wanted(text: "plain")))
            #expect(
                finding.outcome == .down && finding.cause == .notHTTP && finding.detail.contains("\(coding) is broken"))
        }
        for (text, coding) in [("", "gzip"), ("\u{1F}", "gzip"), ("plain", "br"), ("plain", "identity"), ("plain", "")]
        {
            #expect(examine(attempt(text, ["Content-Encoding": coding]), check()).outcome == .up, "\(coding)")
        }
    }

    /// Exactly, whatever a double could hold.
    @Test(arguments: [
        ("9007199254740993", "9007199254740993", true), ("9007199254740993", "9007199254740992", false),
        ("123456789012345678901234567890", "123456789012345678901234567891", false),
        ("1.10", "1.1", true), ("100", "1e2", true), ("0.1", "1e-1", true), ("-0", "0", true), ("-0.0e7", "0", true),
        ("1e400", "1e401", false), ("1e400", "10e399", true), ("0.1", "0.10000000000000000001", false),
        ("-1", "1", false), ("12e4567", "12e4568", false), ("1e99999999999999999999", "1e99999999999999999998", false),
    ])
    func numbersAreExact(seen: String, expected: String, equal: Bool) throws {
        let rule = Wanted.JSONRule(path: "$.n", value: .number(try #require(JSONNumber(expected))))
        let finding = examine(attempt(answer(200, "{\"n\":\(seen)}")), check(Wanted(json: [rule])))
        #expect((finding.outcome == .up) == equal, "\(finding.detail)")
    }

    @Test func aNumberThatIsTextThereIsExplained() {
        let rule = Wanted.JSONRule(path: "$.v", value: .number(1.5))
        let finding = examine(attempt(answer(200, #"{"v":"1.5"}"#)), check(Wanted(json: [rule])))
        #expect(finding.detail.hasSuffix("put the value between quotes in the fleet file"))
    }

    /// And the other way round, also for numbers that YAML has and JSON has not.
    @Test(
        arguments: [
            ("16", "16", "it is a number there: write it without quotes, as 16"), ("0x10", "16", "as 16"),
            ("0o20", "16", "as 16"), ("16.0", "16", "as 16"),
            ("true", "true", "it is no text there: write it without quotes"),
            ("17", "16", nil),
            ("0x11", "16", nil), ("abc", "16", nil), ("16", "null", nil), ("", "0", nil),
        ] as [(String, String, String?)])
    func aTextThatIsANumberThereIsExplained(wanted: String, found: String, hint: String?) {
        let rule = Wanted.JSONRule(path: "$.v", value: .string(wanted))
        let detail = examine(attempt(answer(200, "{\"v\":\(found)}")), check(Wanted(json: [rule]))).detail
        #expect(detail.contains("; ") == (hint != nil) && detail.hasSuffix(hint ?? found), "\(detail)")
    }

    @Test func aStaleNameIsSlow() {
        var stale = attempt(answer(200))
        stale.staleName = true
        let finding = examine(stale, check())
        #expect(finding.outcome == .slow && finding.cause == .dnsStale && finding.detail.hasPrefix("stale name"))
        stale.result = answer(500)
        #expect(examine(stale, check()).cause == .status)
    }

    @Test(arguments: [
        (#"{"database":"connected"}"#, "$.database", JSONScalar.string("connected"), ""),
        (
            #"{"database":"lost"}"#, "$.database", .string("connected"),
            #"expected $.database to be "connected", found "lost""#
        ),
        (#"{"a":{"b":[{"c":1},{"c":2.5}]}}"#, "$.a.b[1].c", .number(2.5), ""),
        (#"{"a":{"b":[]}}"#, "$.a.b[0].c", .number(1), "expected $.a.b[0].c to be 1, but there is no [0]"),
        (#"{"a":1}"#, "$.b", .null, #"expected $.b to be null, but there is no "b""#),
        (#"{"a":null}"#, "$.a", .null, ""),
        (#"{"a":true}"#, "$.a", .bool(true), ""),
        (
            #"{"a":"true"}"#, "$.a", .bool(true),
            #"expected $.a to be true, found "true"; it is text there: put the value between quotes in the fleet file"#
        ),
        (#"{"a":{"b":1}}"#, "$.a", .number(1), "expected $.a to be 1, found an object"),
        ("[1,2,3]", "$[2]", .number(3), ""),
        ("42", "$", .number(42), ""),
        (#"{"a b":{"c.d":-1e2}}"#, #"$["a b"]['c.d']"#, .number(-100), ""),
        (#"{"\u00e9\n\ud83d\ude00":"\"\\\/"}"#, "$.é\n😀", .string("\"\\/"), ""),
        ("{\"a\":1", "$.b", .number(1), "expected JSON, but it is malformed at byte 6"),
        ("<html>", "$.a", .number(1), "expected JSON, but it is malformed at byte 0"),
        ("", "$.a", .number(1), "expected JSON, but it is malformed at byte 0"),
        (#"{"a":01}"#, "$.a", .number(1), "expected JSON, but it is malformed at byte 6"),
        (#"{"a":1}"#, "a", .number(1), #""a" is not a path such as $.a.b[0].c"#),
        ("\u{FEFF}{\"a\":1}", "$.a", .number(1), ""),
    ])
    func json(body: String, path: String, value: JSONScalar, detail: String) {
        let rule = Wanted.JSONRule(path: path, value: value)
        let finding = examine(attempt(answer(200, body)), check(Wanted(json: [rule])))
        #expect(finding.detail == detail)
        #expect(finding.cause == (detail.isEmpty ? .none : .jsonMismatch))
    }

    @Test func whatWasSentIsNotQuoted() {
        let request = Request(headers: [.init(name: "Authorization", value: Secret("Bearer s3same-open"))])
        let wanted = Wanted(json: [.init(path: "$.said", value: .string("hello"))])
        let policy = CheckPolicy(request: request, expect: wanted)
        let check = Check(name: "t", address: "https://a.test/?session=hunter22", policy: policy)
        for said in ["s3same-open", "hunter22", "https://b.test/?jwt=x.y"] {
            let finding = examine(attempt(answer(200, "{\"said\": \"\(said)\"}")), check)
            #expect(finding.cause == .jsonMismatch)
            #expect(finding.detail.contains("***") && !finding.detail.contains(said), "\(finding.detail)")
        }
    }

    @Test func aCutBodyIsNotCalledMalformed() {
        let rule = Wanted.JSONRule(path: "$.z", value: .number(1))
        let finding = examine(
            attempt(answer(200, #"{"a":"long"#, truncated: true)), check(Wanted(json: [rule])))
        #expect(finding.detail == "expected $.z to be 1, not found in the first 10 bytes")
    }

    @Test func deepNestingDoesNotExhaustTheStack() {
        let body = #"{"x":"# + String(repeating: "[", count: 60_000) + #","a":1}"#
        let rule = Wanted.JSONRule(path: "$.a", value: .number(1))
        #expect(examine(attempt(answer(200, body)), check(Wanted(json: [rule]))).cause == .jsonMismatch)
    }

    @Test(
        arguments: [
            (2_000_000, 0, Cause.none), (2_000_001, 0, .tooSlow), (1, 1_336, .none), (1, 1_335, .tlsExpiresSoon),
            (1, 900, .tlsExpiresSoon),
        ] as [(UInt32, UInt32, Cause)])
    func warnings(latency: UInt32, certificate: UInt32, cause: Cause) {
        let expect = Wanted(within: .seconds(2), certificateDays: 14)
        let finding = examine(attempt(answer(200), latency: latency, certificate: certificate), check(expect))
        #expect(finding.cause == cause)
        #expect(finding.outcome == (cause == .none ? .up : .slow))
    }

    @Test func certificatesAreCountedInDays() {
        let ends: [UInt32: String] = [
            1_030: "in 1 day;", 1_005: "in 5 hours;", 1_060: "in 2 days;", 999: "ended 1 hour ago",
        ]
        for (end, says) in ends {
            let finding = examine(attempt(answer(200), certificate: end), check(Wanted(certificateDays: 14)))
            #expect(finding.detail.contains(says), "\(finding.detail)")
        }
    }

    @Test func aConnectedPortIsUp() {
        #expect(examine(attempt(.connected), check()) == AttemptResult(outcome: .up, cause: .none))
        #expect(examine(attempt(.connected, latency: 3_000), check(Wanted(within: .milliseconds(2)))).outcome == .slow)
    }

    @Test(arguments: [
        Cause.dnsNoSuchName, .connectRefused, .connectTimeout, .tlsCertificate, .firstByteTimeout, .closedEarly,
    ])
    func aFailureKeepsItsCause(cause: Cause) {
        let finding = examine(attempt(.failed(cause, detail: "seen")), check())
        #expect(finding == AttemptResult(outcome: .down, cause: cause, detail: "seen"))
    }

    // MARK: Spaces

    static let app: HTTPHeaders = ["X-Proxied-Replica": "abc-1"]

    @Test(arguments: [
        (UInt16(503), "<h1>Your space is in error, check its status on hf.co</h1>", Outcome.down, Cause.spaceError),
        (503, "<title>Preparing Space</title>", .waking, .spaceStarting),
        (200, "<title>Preparing Space</title>", .waking, .spaceStarting),
        (503, "This Space is BUILDING", .waking, .spaceStarting),
        (503, "The space is waking up", .waking, .spaceStarting),
        (503, "", .waking, .spaceStarting),
        (503, "This Space has been paused by its owner", .down, .spacePaused),
        (503, "Flagged as abusive", .down, .spaceModerated),
        (404, "Not found", .down, .spaceHidden),
        (404, "nothing is building here", .down, .spaceHidden),
        (429, "slow down", .unknown, .spaceThrottled),
        (502, "Bad Gateway", .down, .spacePlatformPage),
        (504, "Gateway Time-out", .waking, .spaceHeld),
        (200, "Hugging Face", .down, .spacePlatformPage),
        (401, "who are you", .down, .spacePlatformPage),
    ])
    func thePlatformAnswered(code: UInt16, body: String, outcome: Outcome, cause: Cause) {
        let finding = examine(attempt(answer(code, body)), check(space: true))
        #expect(finding.outcome == outcome && finding.cause == cause && finding.code == code)
        #expect(!finding.detail.isEmpty)
    }

    /// An app that sends its visitors to a 404 of its own does not look like a Space that the edge hides.
    @Test func aNotFoundBehindARedirectHidesNothing() {
        let finding = examine(attempt(answer(404, "Not found", redirects: 1)), check(space: true))
        #expect(finding.outcome == .down && finding.cause == .status)
        var files = check(space: true)
        files.isStatic = true
        let page = "Sorry, we can't find the page you are looking for."
        #expect(examine(attempt(answer(404, page, redirects: 1)), files).cause == .status)
        #expect(examine(attempt(answer(404, page)), files).cause == .spaceHidden)
    }

    @Test(arguments: ["x-proxied-replica", "X-Proxied-Host", "x-proxied-path"])
    func theAppsOwnWordsAreNotSearched(header: String) {
        for body in ["Preparing Space", "Your space is in error", "Flagged as abusive", "building"] {
            let good = examine(attempt(answer(200, body, headers: [header: "1"])), check(space: true))
            #expect(good == AttemptResult(outcome: .up, cause: .none, code: 200))
            let bad = examine(attempt(answer(503, body, headers: [header: "1"])), check(space: true))
            #expect(bad.cause == .status && bad.outcome == .down)
        }
    }

    @Test(arguments: [UInt16(404), 429, 502, 504])
    func theAppsOwnErrorsAreTheApps(code: UInt16) {
        #expect(examine(attempt(answer(code, headers: Self.app)), check(space: true)).cause == .status)
    }

    /// Files: no container marks them, so what is no refusal of the platform's is their own.
    @Test(
        arguments: [
            (200, "<h1>We are building a bridge</h1>", Cause.none), (404, "<h1>No such file here</h1>", .status),
            (404, "Sorry, we can't find the page you are looking for.", .spaceHidden), (429, "", .spaceThrottled),
            (503, "Flagged as abusive", .spaceModerated), (503, "Your space is in error", .spaceError),
            (503, "", .status),
        ] as [(UInt16, String, Cause)])
    func staticSpacesAreJudgedLikeTargets(code: UInt16, body: String, cause: Cause) {
        var check = check(space: true)
        check.isStatic = true
        #expect(examine(attempt(answer(code, body)), check).cause == cause)
    }

    @Test func nobodyHoldsARequestForFiles() {
        var check = check(space: true)
        let silence = attempt(.failed(.firstByteTimeout, detail: "nothing"))
        #expect(examine(silence, check).cause == .spaceHeld)
        check.isStatic = true
        #expect(examine(silence, check).cause == .firstByteTimeout)
    }

    @Test func aTargetThatIsNoSpaceMaySayWhatItLikes() {
        #expect(examine(attempt(answer(200, "Preparing Space")), check()).outcome == .up)
        #expect(examine(attempt(answer(503, "Preparing Space")), check()).cause == .status)
    }

    @Test(arguments: [
        (UInt16(302), 0, "", [200...399], Outcome.up, Cause.none),
        (302, 0, "", [200...299], .down, .status),
        (200, 1, "<h1>Login</h1> starting", [200...399], .up, .none),
        (200, 1, "Preparing Space", [200...399], .waking, .spaceStarting),
        (503, 1, "", [200...399], .waking, .spaceStarting),
    ])
    func redirects(
        code: UInt16, followed: Int, body: String, expected: [ClosedRange<Int>], outcome: Outcome, cause: Cause
    ) {
        let finding = examine(
            attempt(answer(code, body, redirects: followed)), check(Wanted(status: expected), space: true))
        #expect(finding.outcome == outcome && finding.cause == cause)
    }

    @Test(arguments: [
        (Cause.firstByteTimeout, true, true, Outcome.waking, Cause.spaceHeld),
        (.firstByteTimeout, false, true, .down, .firstByteTimeout),
        (.firstByteTimeout, true, false, .down, .firstByteTimeout),
        (.connectTimeout, true, true, .down, .connectTimeout),
        (.bodyTimeout, true, true, .down, .bodyTimeout),
    ])
    func heldRequests(cause: Cause, sent: Bool, space: Bool, outcome: Outcome, found: Cause) {
        let finding = examine(attempt(.failed(cause, detail: ""), sent: sent), check(space: space))
        #expect(finding.outcome == outcome && finding.cause == found)
    }

    @Test func onlyWhatMayChangeIsRetried() {
        #expect(AttemptResult(outcome: .down, cause: .spacePlatformPage).isRetryable)
        #expect(AttemptResult(outcome: .down, cause: .status).isRetryable)
        for cause in [Cause.spaceModerated, .spaceHidden, .spacePaused, .invalidAddress] {
            #expect(!AttemptResult(outcome: .down, cause: cause).isRetryable)
        }
        #expect(!AttemptResult(outcome: .waking, cause: .spaceHeld).isRetryable)
        #expect(!AttemptResult(outcome: .unknown, cause: .spaceThrottled).isRetryable)
        #expect(!AttemptResult(outcome: .up, cause: .none).isRetryable)
    }

    // MARK: Anything at all

    @Test func anyBytesAreJudgedWithoutACrash() {
        var random = SplitMix64(seed: 0xF022)
        let seeds = [
            #"{"a":{"b":[{"c":"x"},null,true,-1.5e3]}}"#, #"{"\u00e9\ud83d":"\\"}"#, "[[[[1]]]]", "Preparing Space",
        ]
        let paths = [
            "$", "$.a", "$.a.b[0].c", "$[0][0]", "$['a']", "$.", "$[", "$[99999999999999999999]", "", "$.a[\"",
            "$\u{0}",
        ]
        for round in 0..<20_000 {
            var bytes = Array(seeds[round % seeds.count].utf8)
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let index = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0 where index < bytes.count: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1 where index < bytes.count: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            var headers = HTTPHeaders()
            if Bool.random(using: &random) { headers.add(name: "x-proxied-path", value: "") }
            let found = Attempt.Result.answer(
                Answer(
                    status: UInt16.random(in: 0...999, using: &random), headers: headers,
                    body: ByteBuffer(bytes: bytes),
                    truncated: Bool.random(using: &random), redirects: Int.random(in: 0...2, using: &random)))
            let expect = Wanted(
                status: [0...999], text: round % 3 == 0 ? "a" : nil,
                json: [.init(path: paths.randomElement(using: &random)!, value: .null)])
            let finding = examine(
                attempt(found, latency: UInt32.random(in: 0...UInt32.max, using: &random)),
                check(expect, space: Bool.random(using: &random)))
            #expect((finding.outcome == .up) == (finding.cause == .none))
        }
    }
}
