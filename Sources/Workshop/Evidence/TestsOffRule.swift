import StokerCore

extension EvidenceRule {
    /// Tests that somebody switched off without a condition, more than two and a half years ago.
    static let testsOff = EvidenceRule(id: "tests_off") {
        context in
        guard !context.head.isShallow else {
            return .blind("The age of lines needs the past, and the clone is shallow.")
        }
        var result = RuleResult()
        let tests = context.view.files.filter { $0.role == .test && $0.language != nil }
        for file in tests {
            guard let language = file.language else { continue }
            let plain = file.lines
            let masked = CodeMask.masked(file.text, language).split(separator: "\n", omittingEmptySubsequences: false)
            let places = masked.indices.filter { $0 < plain.count && OffMark.isOff(masked[$0], plain[$0], language) }
            guard !places.isEmpty else { continue }
            let said = try await context.mirror.run(
                ["blame", "-w", "-M", "--line-porcelain", context.head.commit, "--", file.path],
                doing: "see since when tests of \(file.path) are off")
            let owners = BlameLine.parse(said)
            let old = places.filter {
                $0 < owners.count && context.head.time - owners[$0].time > leastAge
            }
            guard let first = old.first else { continue }
            let years = (context.head.time - owners[first].time) / .seconds(365.25 * 86_400)
            result.seen.append(
                FindingCandidate(
                    file: file.path, lines: (first + 1)...min(first + 2, plain.count), symbol: "tests_off",
                    title:
                        "\(old.count.counted("test")) of \(file.path) \(old.count == 1 ? "has" : "have") been off for \(Formatting.tenths(years)) years",
                    why:
                        "It looks like a test and checks nothing. Switch it on, or delete it with what it was to guard.",
                    evidence: old.prefix(10).map {
                        "\(file.path):\($0 + 1) since \(Formatting.time(owners[$0].time).prefix(10)): \(Redaction.quote(plain[$0].trimmingPrefix { $0.isWhitespace }, limit: 120))"
                    }, command: "git blame -L \(first + 1),+1 -- \(Quote.shell(file.path))", severity: .low))
        }
        return result
    }

    /// What is off for a shorter time often waits for somebody else.
    private static let leastAge = Duration.seconds(900 * 86_400)
}

/// How tests are switched off for good.
enum OffMark {
    /// - Parameters:
    ///   - code: the line without texts and comments.
    ///   - line: the line as it is.
    static func isOff(_ code: Substring, _ line: Substring, _ language: SourceLanguage) -> Bool {
        let text = code.trimmingPrefix { $0.isWhitespace }
        switch language {
        case .python:
            let marks = ["@pytest.mark.skip", "@pytest.mark.xfail", "@unittest.skip", "@unittest.expectedFailure"]
            guard let mark = marks.first(where: { text.hasPrefix($0) }) else { return false }
            let rest = text.dropFirst(mark.count)
            // `skipif`, `skipIf`, and xfail with a condition in front depend on something.
            guard rest.first.map({ !$0.isLetter }) ?? true else { return false }
            let inside = rest.drop { $0 == "(" || $0 == " " }
            return inside.isEmpty || inside.hasPrefix(")") || inside.hasPrefix("reason") || inside.hasPrefix("strict")
        case .javascript, .typescript:
            let isSkipped = ["it.skip(", "test.skip(", "describe.skip(", "xit(", "xdescribe(", "xtest("].contains {
                text.hasPrefix($0)
            }
            // `test.skip(condition, …)` of Playwright has no text first.
            let inside = line.trimmingPrefix { $0.isWhitespace }.drop { $0 != "(" }.dropFirst()
            return isSkipped && ["\"", "'", "`"].contains(inside.first.map(String.init) ?? "")
        case .rust: return text.hasPrefix("#[ignore")
        case .java, .kotlin: return text == "@Disabled" || text.hasPrefix("@Disabled(") || text == "@Ignore"
        default: return false
        }
    }
}
