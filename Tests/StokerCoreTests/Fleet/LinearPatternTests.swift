import Testing

@testable import StokerCore

@Suite struct LinearPatternTests {
    /// Against Swift's own engine, which backtracks.
    @Test(arguments: [
        "abc", "a.c", "^abc$", "a+b*c?", "(ab|cd)+e", "[a-c]+[^a-c]", #"\d{2,3}-\d+"#, #"\bfoo\b"#, "a{2}", "a{2,}b",
        "(?i)hello", "x*",
        "(a|b|)c", "(?:ab)*$", #"\w+@\w+\.com"#, "(?m)^b$", "(?s)a.b", #"\s\S"#, "(a*)*b", #"[\d.]+%"#, "a??b",
        "ab{,2}", "ä+",
        "[[:digit:]]+x", "(?i:AB)c", "(?<year>\\d{4})", #"\x41\u0042"#, "^$", "a$",
    ])
    func agreesWithTheBacktrackingEngine(pattern: String) throws {
        let texts = [
            "", "abc", "xabcx", "aXc", "a\nc", "abcde", "cde", "ababe", "12-3", "123-45", "1-2", "foo", "a foo b",
            "food", "aa", "aab",
            "HeLLo", "c", "ab", "abab", "joe@example.com", "a\nb\nc", "a b", "]", "b", "aaaab", "99.5%", "abb", "ÄäÄ",
            "7x", "aBc", "ABc",
            "in 2026", "AB", "a\n", "\n",
        ]
        let reference = try Regex(pattern).matchingSemantics(.unicodeScalar)
        let ours = try LinearPattern(pattern)
        for text in texts {
            #expect(
                (ours.search(text) == .found) == (try reference.firstMatch(in: text) != nil),
                "\(pattern) in \(text.debugDescription)")
        }
    }

    @Test(arguments: 0..<300) func agreesOnPatternsByChance(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        func pattern(_ depth: Int) -> String {
            switch Int.random(in: 0..<(depth > 2 ? 3 : 8), using: &random) {
            case 0: "a"
            case 1: "b"
            case 2: "[ab]"
            case 3: pattern(depth + 1) + pattern(depth + 1)
            case 4: "(" + pattern(depth + 1) + "|" + pattern(depth + 1) + ")"
            case 5: "(" + pattern(depth + 1) + ")?"
            case 6: "(" + pattern(depth + 1) + "){1,2}"
            default: "(?:" + pattern(depth + 1) + ")$"
            }
        }
        let text = pattern(0)
        let reference = try Regex(text).matchingSemantics(.unicodeScalar)
        let ours = try LinearPattern(text)
        for length in 0..<6 {
            for bits in 0..<(1 << length) {
                let sample = String((0..<length).map { bits >> $0 & 1 == 0 ? "a" : "b" })
                #expect(
                    (ours.search(sample) == .found) == (try reference.firstMatch(in: sample) != nil),
                    "\(text) in \(sample)")
            }
        }
    }

    /// Each would keep a backtracking engine busy for longer than anybody waits.
    @Test(arguments: ["(a+)+b", "(a|aa)+$b", "(a|a)*b", "(.*)*x", "(a?){60}a{60}b"])
    func cannotBeKeptBusy(pattern: String) throws {
        #expect(try LinearPattern(pattern).search(String(repeating: "a", count: 4_096)) == .missing)
    }

    /// Every step alive at every character, and a class of 1,500 ranges: bounded by work, not by time.
    @Test func workIsBounded() throws {
        let ranges = String(String.UnicodeScalarView((0..<1_500).compactMap { Unicode.Scalar(0x4E00 + 2 * $0) }))
        let text = String(repeating: "\u{4E00}", count: 30_000)
        guard case .tooMuchWork(let bytes) = try LinearPattern("[\(ranges)]{1,300}9").search(text) else {
            Issue.record("searched to the end")
            return
        }
        #expect(bytes > 3_000 && bytes < 89_000)
        #expect(try LinearPattern("[\(ranges)]{1,3}9").search(text + "9") == .found)
        #expect(try LinearPattern("(?i)[\u{4E00}-\u{4E0F}ä]+9").search("Ä9") == .found)
        #expect(try LinearPattern(#"status\W+ok"#).search(String(repeating: ".", count: 1 << 20)) == .missing)
    }

    @Test(arguments: [
        #"(a)\1"#, "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(?>a)", "a++", "(a{500}){500}", "a{2000}", "[a[b]]",
        #"\p{L}"#, "(", ")", "[a",
        "*a", #"\"#, String(repeating: "(", count: 200) + String(repeating: ")", count: 200), "[b-a]", "a{3,2}",
    ])
    func refusesWhatItCannotBound(pattern: String) {
        #expect(throws: LinearPattern.Refused.self) { try LinearPattern(pattern) }
    }

    @Test(arguments: 0..<200) func anyTextIsReadOrRefused(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let pieces = Array("()[]{}*+?|^$\\.-,:=!<>ab01dwsbBAzZxukimPQ&~ä\n")
        let text = String(
            (0..<Int.random(in: 0..<24, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "a" })
        do {
            _ = try LinearPattern(text).search("abäb01\nab")
        } catch {
            #expect(!error.because.isEmpty)
        }
    }
}
