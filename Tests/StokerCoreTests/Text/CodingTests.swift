import StokerCore
import Testing

@Suite struct PercentCodingTests {
    @Test(arguments: ["a b/c", "ü%&=+", "", "../x", "\u{202e}", "\u{0}\u{7F}", "🚂", "~-._", "\r\n"])
    func encodingComesBack(text: String) {
        for keepingSlash in [false, true] {
            let encoded = PercentCoding.encoded(text, keepingSlash: keepingSlash)
            #expect(encoded.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
            #expect(PercentCoding.decoded(encoded) == text)
            #expect(PercentCoding.decoded(encoded, plusIsSpace: true) == text)
            #expect(PercentCoding.lenientlyDecoded(encoded) == text)
        }
    }

    @Test func whatIsEncoded() {
        #expect(PercentCoding.encoded("a/b c+d~é") == "a%2Fb%20c%2Bd~%C3%A9")
        #expect(PercentCoding.encoded("a/b", keepingSlash: true) == "a/b")
        #expect(PercentCoding.encoded(Array("/a b?c=é".utf8)) { $0 > 0x20 && $0 < 0x7F } == "/a%20b?c=%C3%A9")
    }

    @Test(arguments: [
        ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%+1", "%+1"), ("%-1", "%-1"), ("% 1", "% 1"), ("%ff", "\u{FFFD}"),
        ("%C3", "\u{FFFD}"), ("%C3%", "\u{FFFD}%"), ("%٣1", "%٣1"), ("%ed%a0%80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ("100%", "100%"), ("%%41", "%A"),
    ]) func brokenEncodings(text: String, lenient: String) {
        #expect(PercentCoding.decoded(text) == nil)
        #expect(PercentCoding.lenientlyDecoded(text) == lenient)
    }

    @Test func plus() {
        #expect(PercentCoding.decoded("a+b%2B") == "a+b+")
        #expect(PercentCoding.decoded("a+b%2B", plusIsSpace: true) == "a b+")
    }
}

@Suite struct HexTests {
    @Test func thereAndBack() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Hex.bytes(Hex.text(bytes)) == bytes)
        #expect(Hex.bytes(Hex.text(bytes).uppercased()) == bytes)
        #expect(Hex.text([0x00, 0x0F, 0xF0]) == "000ff0")
        #expect(Hex.text(UInt64(0xAB)) == "00000000000000ab")
        #expect(Hex.text(UInt16.max) == "ffff")
    }

    @Test(arguments: ["0", "abc", "0g", "+1", " 1", "٣٣", "0x"]) func whatIsNotHex(_ text: String) {
        #expect(Hex.bytes(text) == nil)
    }
}

@Suite struct CSVTests {
    @Test(arguments: [
        ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("say \"x\"", "\"say \"\"x\"\"\""), ("a\nb", "\"a\nb\""),
        ("a\r\nb", "\"a\r\nb\""), ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("@x", "'@x"), ("\tx", "'\tx"),
        ("-a,b", "\"'-a,b\""),
        ("\rx", "\"'\rx\""), ("-5", "-5"), ("-0.25", "-0.25"), ("+5", "'+5"), ("-1+1", "'-1+1"),
        ("\"\u{301}", "\"\"\"\u{301}\""), ("=\u{301}1", "'=\u{301}1"),
    ]) func fields(_ value: String, _ written: String) { #expect(CSV.field(value) == written) }

    @Test func rows() { #expect(CSV.row(["a", "b,c", ""]) == "a,\"b,c\",\r\n") }
}
