/// Code without its comments and texts: each of their bytes is a space, so that lines and columns stay.
enum CodeMask {
    static func masked(_ text: String, _ language: SourceLanguage) -> String {
        let bytes = Array(text.utf8)
        var out = bytes
        var at = 0
        func starts(_ mark: StaticString, at place: Int) -> Bool {
            place + mark.utf8CodeUnitCount <= bytes.count
                && (0..<mark.utf8CodeUnitCount).allSatisfy { bytes[place + $0] == mark.utf8Start[$0] }
        }
        func blank(_ range: Range<Int>) { for index in range where out[index] != 10 { out[index] = 32 } }
        let hasHash = [.python, .ruby, .shell].contains(language) || language == .php
        let hasSlashes = ![.python, .ruby, .shell].contains(language)
        let hasBackticks = [.javascript, .typescript, .go].contains(language)
        let hasApostrophes = ![.swift, .rust].contains(language)
        let hasTriple = [.python, .swift, .kotlin, .java].contains(language)
        while at < bytes.count {
            let start = at
            if hasHash, bytes[at] == 0x23 {
                while at < bytes.count, bytes[at] != 10 { at += 1 }
                blank(start..<at)
            } else if hasSlashes, starts("//", at: at) {
                while at < bytes.count, bytes[at] != 10 { at += 1 }
                blank(start..<at)
            } else if hasSlashes, starts("/*", at: at) {
                at += 2
                while at < bytes.count, !starts("*/", at: at) { at += 1 }
                at = min(bytes.count, at + 2)
                blank(start..<at)
            } else if hasTriple, starts("\"\"\"", at: at) || (language == .python && starts("'''", at: at)) {
                let quote = bytes[at]
                at += 3
                while at < bytes.count,
                    !(at + 2 < bytes.count && bytes[at] == quote && bytes[at + 1] == quote && bytes[at + 2] == quote)
                {
                    at += bytes[at] == 0x5C ? 2 : 1
                }
                at = min(bytes.count, at + 3)
                blank(start..<at)
            } else if bytes[at] == 0x22 || (hasApostrophes && bytes[at] == 0x27) || (hasBackticks && bytes[at] == 0x60)
            {
                let quote = bytes[at]
                let isLong = quote == 0x60
                at += 1
                while at < bytes.count, bytes[at] != quote, isLong || bytes[at] != 10 {
                    at += bytes[at] == 0x5C && !(isLong && language == .go) ? 2 : 1
                }
                at = min(bytes.count, at + (at < bytes.count && bytes[at] == 10 ? 0 : 1))
                blank(start..<at)
            } else {
                at += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
