import Testing

/// Looks whether HTML or SVG is put together well: every element is closed in its order, every attribute quoted, no stray angle
/// bracket or ampersand, no control character, no attribute twice.
enum Markup {
    struct Problem: Error, CustomStringConvertible { var description: String }

    private static let void: Set<String> = ["meta", "link", "input", "br", "hr", "img", "wbr"]

    static func check(_ text: String) throws {
        var open: [String] = []
        var ids: Set<String> = []
        let scalars = Array(text.unicodeScalars)
        var at = 0
        func around() -> String {
            var part = String.UnicodeScalarView()
            part.append(contentsOf: scalars[max(0, at - 60)..<min(scalars.count, at + 60)])
            return String(part)
        }
        func fail(_ what: String) -> Problem { Problem(description: "\(what) near: \(around())") }
        func word() -> String {
            var word = String.UnicodeScalarView()
            while at < scalars.count,
                scalars[at].properties.isAlphabetic || scalars[at].properties.numericType != nil
                    || "-_:!".unicodeScalars.contains(scalars[at])
            {
                word.append(scalars[at])
                at += 1
            }
            return String(word)
        }
        while at < scalars.count {
            let scalar = scalars[at]
            if scalar.value < 0x20, !"\t\n\r".unicodeScalars.contains(scalar) {
                throw fail("control character \(scalar.value)")
            }
            guard scalar == "<" else {
                if scalar == ">" { throw fail("stray >") }
                if scalar == "&" {
                    at += 1
                    if at < scalars.count, scalars[at] == "#" { at += 1 }
                    guard !word().isEmpty, at < scalars.count, scalars[at] == ";" else { throw fail("stray &") }
                }
                at += 1
                continue
            }
            at += 1
            if at < scalars.count, scalars[at] == "/" {
                at += 1
                let name = word()
                guard open.popLast() == name else { throw fail("</\(name)> closes nothing") }
                guard at < scalars.count, scalars[at] == ">" else { throw fail("</\(name) is not closed") }
                at += 1
                continue
            }
            let name = word()
            guard !name.isEmpty else { throw fail("stray <") }
            var attributes: Set<String> = []
            var closed = false
            while true {
                while at < scalars.count, scalars[at].properties.isWhitespace { at += 1 }
                guard at < scalars.count else { throw fail("<\(name) is not closed") }
                if scalars[at] == ">" {
                    at += 1
                    break
                }
                if scalars[at] == "/" {
                    closed = true
                    at += 1
                    continue
                }
                let attribute = word()
                guard !attribute.isEmpty else { throw fail("strange attribute in <\(name)") }
                guard attributes.insert(attribute).inserted else { throw fail("attribute \(attribute) twice") }
                guard !attribute.hasPrefix("on"), attribute != "style" else {
                    throw fail("\(attribute) is against our own policy")
                }
                guard at < scalars.count, scalars[at] == "=" else { continue }
                at += 1
                guard at < scalars.count, scalars[at] == "\"" else {
                    throw fail("attribute \(attribute) is not quoted")
                }
                at += 1
                var value = String.UnicodeScalarView()
                while at < scalars.count, scalars[at] != "\"" {
                    if scalars[at] == "<" { throw fail("< in attribute \(attribute)") }
                    value.append(scalars[at])
                    at += 1
                }
                at += 1
                if attribute == "id", !ids.insert(String(value)).inserted { throw fail("id \(String(value)) twice") }
            }
            if !closed, !void.contains(name), name != "!doctype" { open.append(name) }
        }
        guard open.isEmpty else { throw Problem(description: "not closed: \(open)") }
    }

    @Suite struct MarkupTests {
        @Test(arguments: ["<p>a</p>", "<p class=\"x\">&lt;<br>é</p>", "<svg><path d=\"M0 0\"/></svg>"])
        func good(text: String) throws { try Markup.check(text) }

        @Test(arguments: [
            "<p>", "</p>", "<p><b></p></b>", "<p class=x></p>", "a < b", "a & b", "<p onclick=\"x\"></p>",
            "<p a=\"1\" a=\"2\"></p>",
            "<i id=\"x\"></i><b id=\"x\"></b>", "a\u{1}", "<p title=\"a<b\"></p>", "<p",
        ])
        func bad(text: String) { #expect(throws: Problem.self) { try Markup.check(text) } }
    }
}
