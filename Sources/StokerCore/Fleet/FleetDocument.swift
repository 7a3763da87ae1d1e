internal import Yams

/// The text of a fleet file as a tree of nodes with positions, or the reasons why it is none.
///
/// YAML is a generous format; a fleet file needs little of it. What could hurt is bounded before the parser sees it:
/// size, depth (by libyaml, 1,000 levels), and what aliases multiply to ("billion laughs").
struct FleetDocument {
    /// The largest file that is read: some 500,000 Spaces.
    static let sizeLimit = 64 << 20
    /// How many nodes aliases may stand for, all together.
    static let aliasLimit = 1_000_000

    /// nil when the file has nothing in it but comments.
    var root: Node?
    /// Keys that were renamed because their mapping has them twice, by the character that marks them.
    var renamed: [Unicode.Scalar: String] = [:]

    static func compose(_ text: String, file: String) -> Result<FleetDocument, FleetProblems> {
        func failed(_ line: Int, _ column: Int, _ rule: Problem.Rule, _ text: String) -> Result<
            FleetDocument, FleetProblems
        > {
            .failure(FleetProblems([Problem(file: file, line: line, column: column, path: "", text: text, rule: rule)]))
        }
        guard text.utf8.count <= sizeLimit else {
            return failed(
                1, 1, .limit, "the file has \(text.utf8.count >> 20) MiB; at most \(sizeLimit >> 20) MiB are read")
        }
        if let trouble = AliasBound.problem(in: text) {
            return failed(trouble.line, trouble.column, .limit, trouble.text)
        }

        var document = FleetDocument()
        var current = VariableEscaping.raise(over: joiningSurrogates(text))
        // Yams stops at the first mapping with a key that is there twice. The first of the two is renamed and the parser
        // asked again, so that one slip does not hide all other problems; a large file is not read twenty times for it.
        let attempts = text.utf8.count > 1 << 20 ? 2 : 20
        while true {
            do {
                // The basic resolver leaves scalars as they are written: YAML 1.1 would turn `on` into true and 1:30 into 90.
                document.root = try Yams.compose(yaml: current, .basic, .default, .utf8)
                return .success(document)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let mark = context.mark
                let key = keys.first ?? ""
                guard document.renamed.count < attempts,
                    let marker = Unicode.Scalar(0xE000 + UInt32(document.renamed.count)),
                    let changed = replacing(key: key, at: mark, by: marker, in: current)
                else {
                    return failed(
                        mark.line, mark.column, .duplicateKey, "`\(key)` is there twice; a key may be given once")
                }
                document.renamed[marker] = key
                current = changed
            } catch let error as YamlError {
                let (line, column, words) = explain(error, in: text)
                return failed(line, column, .syntax, words)
            } catch {
                return failed(1, 1, .syntax, "the text is not YAML: \(error)")
            }
        }
    }

    /// The name a renamed key had, or nil for keys as written.
    func original(of key: String) -> String? {
        guard !renamed.isEmpty, let first = key.unicodeScalars.first else { return nil }
        return renamed[first]
    }

    /// Puts `marker` in place of the first character of the key, so that all columns stay true.
    private static func replacing(key: String, at mark: Mark, by marker: Unicode.Scalar, in text: String) -> String? {
        var scalars = Array(text.unicodeScalars)
        var index = 0
        var line = 1
        while line < mark.line, index < scalars.count {
            let scalar = scalars[index]
            if scalar == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { index += 1 }
            if "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains(scalar) { line += 1 }
            index += 1
        }
        index += mark.column - 1
        guard index < scalars.count, let first = key.unicodeScalars.first else { return nil }
        if scalars[index] == "\"" || scalars[index] == "'" { index += 1 }
        // An escape, an anchor or a tag: not worth the trouble.
        guard index < scalars.count, scalars[index] == first else { return nil }
        scalars[index] = marker
        var changed = ""
        changed.unicodeScalars.append(contentsOf: scalars)
        return changed
    }

    /// JSON writes characters beyond U+FFFF as two escapes, which libyaml refuses; YAML has an escape of eight digits.
    private static func joiningSurrogates(_ text: String) -> String {
        guard text.utf8.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }) == UInt8(ascii: "{"),
            text.contains("\\ud") || text.contains("\\uD")
        else { return text }
        let pair = #/\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/#
        return text.replacing(pair) { match in
            guard let high = UInt32(match.1, radix: 16), let low = UInt32(match.2, radix: 16) else {
                return String(match.0)
            }
            let hex = String(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00), radix: 16)
            return "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
        }
    }

    /// Where the parser stopped and why, in words for somebody who does not know its grammar.
    private static func explain(_ error: YamlError, in text: String) -> (line: Int, column: Int, text: String) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            return (mark.line, mark.column, words(for: problem, context: context, at: mark, in: text))
        case .reader(let problem, let offset, _, _):
            let before = text.utf8.prefix(max(0, offset ?? 0))
            let line = before.count { $0 == 0x0A } + 1
            let column =
                before.count
                - (before.lastIndex(of: 0x0A).map { before.distance(from: before.startIndex, to: $0) + 1 } ?? 0) + 1
            return (line, column, "a character that no text file should have (\(problem))")
        case .memory:
            return (1, 1, "there is not enough memory to read the file")
        default:
            return (1, 1, "the text is not YAML: \(error)")
        }
    }

    private static func words(for problem: String, context: YamlError.Context?, at mark: Mark, in text: String)
        -> String
    {
        let lines = text.split(omittingEmptySubsequences: false) { "\n\r\r\n\u{85}\u{2028}\u{2029}".contains($0) }
        let line = mark.line <= lines.count ? lines[mark.line - 1] : ""
        if line.prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") {
            return "the line is indented with a tab; YAML wants spaces"
        }
        if problem.contains("another document") { return "a second document begins here; a fleet file is one document" }
        if problem.contains("Maximum nesting level") { return "nested more than 1,000 levels deep" }
        if problem.contains("undefined alias") {
            return "the alias `*…` names an anchor (`&…`) that no earlier line defines"
        }
        if problem.contains("mapping values are not allowed") {
            return "a second `:` on one line, or a line that is indented too far; put text with `: ` in it in quotes"
        }
        if problem.contains("could not find expected ':'") {
            return "a key without its `:`, here or in the line before"
        }
        if problem.contains("did not find expected key") || problem.contains("expected <block end>") {
            return
                "the line does not fit the lines before it: check its indentation, and brackets and quotes that stay open"
        }
        if problem.contains("cannot start any token") {
            let scalars = line.unicodeScalars.dropFirst(mark.column - 1)
            let seen =
                scalars.first.map { "`\($0)` cannot begin a value" }
                ?? "a value begins with a character that cannot begin one"
            return "\(seen); put it in quotes"
        }
        if problem.contains("unexpected end of stream") || problem.contains("<stream end>") {
            return
                "the file ends inside quotes or brackets that were opened\(context.map { " in line \($0.mark.line)" } ?? "")"
        }
        if problem.contains("expected ',' or") {
            return "a `,` or the closing bracket is missing\(context.map { " (opened in line \($0.mark.line))" } ?? "")"
        }
        return "the text is not YAML: \(problem)"
    }
}

/// Keeps `${NAME:-default}` whole through the YAML parser: in `{ token: ${TOKEN:-} }` the first `}` would end the mapping, and a
/// comma in a default the value. The characters that mean something to YAML are replaced, one for one so that columns stay
/// true, by private ones that mean nothing.
enum VariableEscaping {
    private static let base: UInt32 = 0xE200

    static func raise(over text: String) -> String {
        guard text.contains("${") else { return text }
        var result = String.UnicodeScalarView()
        result.reserveCapacity(text.utf8.count)
        let scalars = text.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let next = scalars.index(after: index)
            guard scalars[index] == "$", next < scalars.endIndex, scalars[next] == "{" else {
                result.append(scalars[index])
                index = next
                continue
            }
            let inside = scalars[next...].prefix { $0 != "}" && $0 != "\n" && $0 != "\r" && $0 != "\"" && $0 != "'" }
            guard inside.endIndex < scalars.endIndex, scalars[inside.endIndex] == "}" else {
                result.append(scalars[index])
                index = next
                continue
            }
            result.append("$")
            for scalar in scalars[next...inside.endIndex] {
                let isSpecial = "{}[],:# ".unicodeScalars.contains(scalar)
                result.append(isSpecial ? Unicode.Scalar(base + scalar.value) ?? scalar : scalar)
            }
            index = scalars.index(after: inside.endIndex)
        }
        return String(result)
    }

    static func lower(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value >= base && $0.value < base + 0x80 }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isShielded = scalar.value >= base && scalar.value < base + 0x80
            result.append(isShielded ? Unicode.Scalar(scalar.value - base) ?? scalar : scalar)
        }
        return String(result)
    }
}

/// Says, before anything is expanded, whether aliases would multiply beyond reason.
///
/// Reads every `&name` and `*name`, also those in comments and quotes, so the number it finds can only be too high. What
/// an anchor stands for ends before its first alias (an alias inside its own anchor is an error), which bounds its weight.
enum AliasBound {
    /// Anchors that may wait for their first alias at one time; keeps the work linear.
    private static let openLimit = 1_000

    static func problem(in text: String) -> (line: Int, column: Int, text: String)? {
        struct Anchor {
            var weight = 1
            var open = true
        }
        var anchors: [String: Anchor] = [:]
        var openNames: [String] = []
        var twice = Set<String>()
        var total = 0
        var line = 1
        var lineStart = 0
        let bytes = Array(text.utf8)
        func isName(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x0A {
                line += 1
                lineStart = index + 1
            }
            guard byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") else {
                index += 1
                continue
            }
            let start = index
            index += 1
            // A token begins after white space or an indicator; `?a=1&b=2` has no anchors.
            if start > 0, isName(bytes[start - 1]) || bytes[start - 1] >= 0x80 { continue }
            while index < bytes.count, isName(bytes[index]) { index += 1 }
            guard index > start + 1 else { continue }
            let name = String(decoding: bytes[(start + 1)..<index], as: UTF8.self)
            if byte == UInt8(ascii: "&") {
                if anchors[name] != nil { twice.insert(name) }
                if anchors[name]?.open != true { openNames.append(name) }
                anchors[name] = Anchor()
                if openNames.count > openLimit {
                    return (
                        line, start - lineStart + 1,
                        "more than \(openLimit) anchors (`&name`) that no alias has used yet"
                    )
                }
                continue
            }
            guard var target = anchors[name] else { continue }
            if twice.contains(name) {
                return (
                    line, start - lineStart + 1, "the anchor `&\(name)` is defined twice, so `*\(name)` may mean either"
                )
            }
            if target.open {
                target.open = false
                anchors[name] = target
                openNames.removeAll { $0 == name }
            }
            for other in openNames {
                let (sum, overflow) = (anchors[other]?.weight ?? 0).addingReportingOverflow(target.weight)
                anchors[other]?.weight = overflow ? .max : sum
            }
            let (sum, overflow) = total.addingReportingOverflow(target.weight)
            total = sum
            if overflow || total > FleetDocument.aliasLimit {
                return (
                    line, start - lineStart + 1,
                    "aliases repeat more than 1,000,000 nodes; write the values out, or use fewer levels of `*`"
                )
            }
        }
        return nil
    }
}
