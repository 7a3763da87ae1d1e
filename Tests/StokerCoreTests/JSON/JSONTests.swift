import Foundation
import StokerCore
import Testing

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "[]", "{}", "[1,-2,3.5,1e+20]", #"{"b":1,"a":{"c":[null]}}"#, #""tab\t quote\" back\\ line\n""#,
        #""\u0001é🚂""#, "[9223372036854775807,-9223372036854775808]",
    ]) func readAndWrittenIsTheSame(_ text: String) throws {
        #expect(try JSONValue(reading: text).text == text)
        #expect(try JSONValue(reading: text, .lenient).text == text)
        #expect(try JSONValue(reading: JSONValue(reading: text).prettyText).text == text)
    }

    @Test func escapesAreRead() throws {
        #expect(try JSONValue(reading: #""\ud83d\ude82\u00e9\/\b\f\r""#) == .string("🚂é/\u{8}\u{C}\r"))
    }

    @Test(arguments: [
        "", " ", "nul", "tru", "falsy", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{,}", "01", "-01", "1.", "-",
        "1e", "1e+",
        ".5", "0x1F", "NaN", "Infinity", "\"", "\"\\", "\"\\x\"", "\"\\u12g4\"", "\"\\u12\"", "\"\\u+123\"", "[1] 2",
        "[1]]",
        "\"\u{01}\"", "\"\n\"", "+1", "{a:1}", "{'a':1}", "1e999", "-1e999", "// no", "[", "{\"a\":",
    ]) func whatIsNotJSONIsRefused(_ text: String) {
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(reading: text) }
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(reading: text, .lenient) }
    }

    @Test(arguments: [
        ("[1,x]", "expected a value at byte 3"), ("[01]", "expected a number without leading zeros at byte 2"),
        ("{\"a\":1,\"a\":2}", "expected each name once, but \"a\" came again at byte 7"),
        ("[1 2]", "expected a comma or ] at byte 3"), ("{\"a\":1", "expected a comma or } at byte 6"),
        ("\"abc", "expected a closing quote at byte 4"), ("\"\\ud83d\"", "expected a whole surrogate pair at byte 7"),
        ("\"\\u00zz\"", "expected four hex digits at byte 3"), ("\"\\q\"", "expected an escape at byte 2"),
        ("nulx", "expected a value at byte 3"), ("1.x", "expected a digit at byte 2"),
        ("{} []", "expected the end at byte 3"),
    ]) func mistakesAreTold(_ text: String, _ expected: String) {
        let error = #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(reading: text) }
        #expect(error?.description == expected)
    }

    /// Strict for what is sent to us, lenient for what others answer.
    @Test(
        arguments: [
            (Array("{\"a\":1,\"a\":[2]}".utf8), #"{"a":1}"#), ([0xEF, 0xBB, 0xBF, 0x31], "1"),
            ([0x22, 0xFF, 0x22], "\"\u{FFFD}\""), ([0x22, 0xC3, 0x22], "\"\u{FFFD}\""),
            (Array(#""\ud83d""#.utf8), "\"\u{FFFD}\""), (Array(#""\ude82!""#.utf8), "\"\u{FFFD}!\""),
            (Array(#""\ud83d\u0041""#.utf8), "\"\u{FFFD}A\""), (Array(#""\ud83d\ud83d\ude82""#.utf8), "\"\u{FFFD}🚂\""),
            (Array(#""\ud83d\n""#.utf8), "\"\u{FFFD}\\n\""),
        ] as [([UInt8], String)]) func lenience(_ bytes: [UInt8], _ read: String) throws
    {
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(reading: bytes) }
        #expect(try JSONValue(reading: bytes, .lenient).text == read)
    }

    @Test(arguments: [(JSONValue.Strictness.strict, 64), (.lenient, 200)])
    func depthIsBounded(_ strictness: JSONValue.Strictness, _ limit: Int) throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        _ = try JSONValue(reading: nested(limit), strictness)
        for text in [nested(limit + 1), nested(100_000), String(repeating: #"{"a":"#, count: 100_000)] {
            let error = #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(reading: text, strictness) }
            #expect(error?.expected == "at most \(limit) levels")
        }
    }

    @Test(
        arguments: [
            ("9223372036854775808", JSONValue.number(9223372036854775808)), ("1e400", nil), ("-0", .integer(0)),
            ("1E2", .number(100)), ("4.0", .number(4)),
            ("123456789012345678901234567890", .number(1.2345678901234568e29)),
        ] as [(String, JSONValue?)]) func numbers(_ text: String, _ value: JSONValue?)
    {
        #expect((try? JSONValue(reading: text)) == value)
    }

    @Test func wholeNumbers() {
        #expect(JSONValue.number(4).integer == 4)
        #expect(JSONValue.number(4.5).integer == nil)
        #expect(JSONValue.number(1e300).integer == nil)
        #expect(JSONValue.integer(7).double == 7)
    }

    @Test func whatHasNoNumberIsNull() {
        #expect(
            JSONValue.array([.number(.nan), .number(.infinity), .number(2), .number(0.1)]).text == "[null,null,2,0.1]")
    }

    @Test(arguments: [
        "", "plain", "\"\\/\u{0}\u{1F}\u{7F}\u{80}\n\r\t", "é\u{301}🚂\u{2028}\u{2029}", "</script>", "<\u{301}",
    ])
    func quotedTextComesBack(_ text: String) throws {
        for quoted in [JSONValue.quoted(text), JSONValue.quotedForScripts(text)] {
            #expect(try JSONValue(reading: quoted) == .string(text))
            #expect(try JSONDecoder().decode(String.self, from: Data(quoted.utf8)) == text)
        }
        let script = JSONValue.quotedForScripts(text).unicodeScalars
        #expect(!script.contains { ["<", "\u{2028}", "\u{2029}"].contains($0) })
    }

    @Test func decodersReadTheSame() throws {
        let text = #"{"z":[1,2.5,"x",null,true,{}],"a":{"b":-9007199254740993}}"#
        let decoded = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(decoded.text == #"{"a":{"b":-9007199254740993},"z":[1,2.5,"x",null,true,{}]}"#)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        #expect(String(decoding: try encoder.encode(JSONValue(reading: text)), as: UTF8.self) == decoded.text)
    }

    /// Any bytes end in a value or an error; what was read is written and read again to the same.
    @Test func anyBytes() {
        var random = SplitMix64(seed: 8)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u00e9\"", "1", "-1.5e3", "true", "null", " ", "\\", "\u{FFFD}",
            "é",
        ]
        for _ in 0..<3_000 {
            var bytes = (0..<Int.random(in: 0...12, using: &random)).flatMap { _ in
                Array(pieces.randomElement(using: &random)?.utf8 ?? "".utf8)
            }
            if !bytes.isEmpty, Bool.random(using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let value = try? JSONValue(reading: bytes) {
                // `1.5e3` is written as `1500`, which is read as a whole number.
                #expect((try? JSONValue(reading: value.bytes))?.text == value.text, "\(bytes)")
                #expect((try? JSONValue(reading: bytes, .lenient)) == value, "\(bytes)")
            }
            _ = try? JSONValue(reading: bytes, .lenient)
        }
    }
}

@Suite struct JSONPathTests {
    static func find(_ path: String, _ text: String) throws -> JSONPath.Found {
        try #require(JSONPath(path)).find(in: text)
    }

    @Test(
        arguments: [
            ("$", []), ("$.a.b[0].c", [.key("a"), .key("b"), .index(0), .key("c")]),
            (#"$["a key"][2]"#, [.key("a key"), .index(2)]), ("$['it']", [.key("it")]), (#"$["a]b"]"#, [.key("a]b")]),
            ("$.ü", [.key("ü")]),
        ] as [(String, [JSONPath.Step])]) func paths(_ text: String, _ steps: [JSONPath.Step])
    {
        #expect(JSONPath(text)?.steps == steps)
    }

    @Test(arguments: [
        "", "a", ".a", "$.", "$..a", "$[", "$[]", "$[a]", "$[-1]", "$[1", #"$["a]"#, #"$["a"x"#, "$x", "$.*", "$.a]",
        "$[٣]",
        "$[99999999999999999999]",
    ]) func whatIsNoPath(_ text: String) { #expect(JSONPath(text) == nil) }

    @Test func values() throws {
        let text = #"{"a":{"b":[1,{"c":"x"}],"a key":null},"n":123456789012345678901234567890,"t":true,"a":0}"#
        #expect(try Self.find("$.a.b[1].c", text) == .scalar(.string("x")))
        #expect(try Self.find("$.a['a key']", text) == .scalar(.null))
        #expect(try Self.find("$.t", text) == .scalar(.bool(true)))
        #expect(try Self.find("$.n", text) == .scalar(.number(#require(JSONNumber("123456789012345678901234567890")))))
        #expect(try Self.find("$.a", text) == .container("an object"))
        #expect(try Self.find("$.a.b", text) == .container("an array"))
        #expect(try Self.find("$.a.x", text) == .missing(.key("x")))
        #expect(try Self.find("$.a.b[2]", text) == .missing(.index(2)))
        #expect(try Self.find("$.t.x", text) == .missing(.key("x")))
        #expect(try Self.find("$[0]", text) == .missing(.index(0)))
    }

    /// A body may have been cut behind the value; before it, it is malformed where it ends.
    @Test(arguments: [
        (#"{"a":1,"b":"#, JSONPath.Found.scalar(.number(1))), (#"{"z":"#, .malformed(at: 5)),
        (#"{"z":"x"#, .malformed(at: 7)),
        (#"{"z":1."#, .malformed(at: 7)), (#"{"z":tr"#, .malformed(at: 7)), (#"{"z":"\u00"#, .malformed(at: 10)),
        (#"{"z":[1,2"#, .malformed(at: 9)), ("{", .malformed(at: 1)), ("", .malformed(at: 0)),
        ("<p>", .malformed(at: 0)),
    ]) func cutBodies(_ text: String, _ found: JSONPath.Found) throws {
        #expect(try Self.find("$.a", text) == found)
    }

    @Test func hostileDepth() throws {
        let text = #"{"x":"# + String(repeating: "[", count: 100_000)
        guard case .malformed = try Self.find("$.a", text) else {
            Issue.record("depth without end")
            return
        }
    }
}

extension JSONPath {
    fileprivate func find(in text: String) -> Found { Array(text.utf8).withUnsafeBytes { find(in: $0) } }
}
