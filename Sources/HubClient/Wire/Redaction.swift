/// Makes foreign text fit to be quoted: no secrets, no control characters, no endless lines.
package enum Redaction {
    /// - Parameter limit: in characters; what is behind it is replaced by `…`.
    package static func quote(_ text: some StringProtocol, limit: Int = 500) -> String {
        var shown = String()
        var length = 0
        var space = false
        // Looking at little more than is shown bounds the work for hostile answers.
        for scalar in text.unicodeScalars.prefix(limit * 4) {
            let blank = scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
            if blank {
                space = !shown.isEmpty
                continue
            }
            // Marks that turn the direction of writing could make an error read as something else.
            if scalar.properties.generalCategory == .format { continue }
            if space {
                shown.unicodeScalars.append(" ")
                length += 1
                space = false
            }
            shown.unicodeScalars.append(scalar)
            length += 1
        }
        shown = secrets(in: shown)
        guard shown.unicodeScalars.count > limit else { return shown }
        return String(String.UnicodeScalarView(shown.unicodeScalars.prefix(limit))) + "…"
    }

    /// `text` without what looks like a token: `hf_…`, `api_org_…`, what follows `Bearer` or `Basic`, JSON web tokens, and signatures in
    /// addresses.
    package static func secrets(in text: String) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let atStart = index == 0 || !isWord(bytes[index - 1])
            if atStart, let hit = hits.lazy.compactMap({ match($0, bytes, index) }).first {
                out += bytes[index..<hit.kept]
                out += "***".utf8
                index = hit.end
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// `hf_…` and the last four characters, to tell tokens apart.
    package static func hint(of token: String) -> String {
        let head = ["hf_oauth_", "hf_jwt_", "hf_", "api_org_"].first(where: token.hasPrefix) ?? ""
        guard token.utf8.count >= head.utf8.count + 12 else { return head + "…" }
        return head + "…" + token.suffix(4)
    }

    private struct Pattern {
        var start: [UInt8]
        /// How many bytes at least must follow for it to be a secret.
        var atLeast: Int
        /// Skips blanks, `:` and quotes between the start and the secret.
        var gap = false
        init(_ start: String, atLeast: Int, gap: Bool = false) {
            self.start = Array(start.utf8)
            self.atLeast = atLeast
            self.gap = gap
        }
    }

    private static let hits: [Pattern] = [
        Pattern("hf_", atLeast: 6), Pattern("api_org_", atLeast: 6), Pattern("eyj", atLeast: 20),
        Pattern("bearer", atLeast: 4, gap: true), Pattern("basic ", atLeast: 8, gap: true),
        Pattern("signature=", atLeast: 1), Pattern("sig=", atLeast: 1), Pattern("token=", atLeast: 1),
        Pattern("x-amz-signature=", atLeast: 1), Pattern("x-amz-security-token=", atLeast: 1),
        Pattern("x-amz-credential=", atLeast: 1), Pattern("key-pair-id=", atLeast: 1), Pattern("policy=", atLeast: 8),
        Pattern("password=", atLeast: 1), Pattern("secret=", atLeast: 1),
    ]

    private static func match(_ pattern: Pattern, _ bytes: [UInt8], _ index: Int) -> (kept: Int, end: Int)? {
        guard bytes.count - index > pattern.start.count else { return nil }
        for (offset, byte) in pattern.start.enumerated() where lower(bytes[index + offset]) != byte { return nil }
        var start = index + pattern.start.count
        if pattern.gap {
            let from = start
            while start < bytes.count, [0x20, 0x3A, 0x22, 0x27, 0x09].contains(bytes[start]) { start += 1 }
            // "bearer" as a word of a sentence: what follows must stand apart, and look like no word.
            guard start > from || pattern.start.last == 0x20 else { return nil }
        }
        var end = start
        while end < bytes.count, isSecret(bytes[end]) { end += 1 }
        guard end - start >= pattern.atLeast else { return nil }
        if pattern.gap {
            let word = bytes[start..<end]
            let looksSecret = word.count >= 12 || word.contains { (0x30...0x39).contains($0) || $0 == 0x5F }
            guard looksSecret else { return nil }
        }
        return (start, end)
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(lower(byte)) || byte == 0x5F
    }
    private static func isSecret(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == 0x2D || byte == 0x2E || byte == 0x2B || byte == 0x2F || byte == 0x3D || byte == 0x25
            || byte == 0x7E
    }
}
