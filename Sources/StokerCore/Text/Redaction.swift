/// What people may see of addresses, messages and lines of a file. Every interface uses this one: pages, API, command line, logs,
/// transcripts, exports and events.
package enum Redaction {
    package static let mark = "***"

    /// An address without its user and password, the values of parameters whose names say that they are secret, and anything that
    /// looks like a token.
    package static func address(_ address: String) -> String { hide(address, .address) }

    /// Text that may hold addresses and tokens, such as a message or the first line of a request.
    package static func text(_ text: String) -> String { hide(text, .text) }

    /// A line of a fleet file, with a star for each character that is hidden, so that columns stay true.
    package static func source(_ line: String) -> String {
        let bytes = Array(line.utf8)
        let spans = spans(in: bytes, .source)
        guard !spans.isEmpty else { return line }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        for span in spans {
            out += bytes[index..<span.lowerBound]
            for byte in bytes[span] {
                switch byte {
                case _ where isBlank(byte), UInt8(ascii: "\""), UInt8(ascii: "'"): out.append(byte)
                // A character of several bytes has one star.
                case 0x80..<0xC0: break
                default: out.append(UInt8(ascii: "*"))
                }
            }
            index = span.upperBound
        }
        return String(decoding: out + bytes[index...], as: UTF8.self)
    }

    /// Foreign text fit to be quoted: redacted, without control characters and marks of direction, on one line.
    ///
    /// - Parameter limit: in characters; what is behind it is replaced by `…`.
    package static func quote(_ foreign: some StringProtocol, limit: Int = 500) -> String {
        let shown = text(isPlainLine(foreign.utf8, limit) ? String(foreign) : onOneLine(foreign, limit))
        guard shown.unicodeScalars.count > limit else { return shown }
        return String(String.UnicodeScalarView(shown.unicodeScalars.prefix(limit))) + "…"
    }

    private static func onOneLine(_ foreign: some StringProtocol, _ limit: Int) -> String {
        var shown = String()
        var space = false
        // Looking at little more than is shown bounds the work for hostile answers.
        for scalar in foreign.unicodeScalars.prefix(limit * 4) {
            let blank = scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
            if blank {
                space = !shown.isEmpty
                continue
            }
            // Marks that turn the direction of writing could make an error read as something else.
            if scalar.properties.generalCategory == .format { continue }
            if space {
                shown.unicodeScalars.append(" ")
                space = false
            }
            shown.unicodeScalars.append(scalar)
        }
        return shown
    }

    /// Printable ASCII on one line, single spaces between words, and not too long: nothing is to be taken out. Most texts are so.
    private static func isPlainLine(_ bytes: some Sequence<UInt8>, _ limit: Int) -> Bool {
        var length = 0
        var last = UInt8(ascii: " ")
        for byte in bytes {
            guard (0x20...0x7E).contains(byte), byte != 0x20 || last != 0x20, length < limit else { return false }
            last = byte
            length += 1
        }
        return length == 0 || last != 0x20
    }

    /// `hf_…` and the last four characters, to tell tokens apart.
    package static func hint(of token: String) -> String {
        let head = ["hf_oauth_", "hf_jwt_", "hf_", "api_org_"].first(where: token.hasPrefix) ?? ""
        guard token.utf8.count >= head.utf8.count + 12 else { return head + "…" }
        return head + "…" + token.suffix(4)
    }

    /// What ``address(_:)`` hides of an address, as it is written there and without its `%` escapes.
    package static func secrets(in address: String) -> [String] {
        let bytes = Array(address.utf8)
        return spans(in: bytes, .address).flatMap { span in
            let written = String(decoding: bytes[span], as: UTF8.self)
            let meant = PercentCoding.lenientlyDecoded(written)
            return meant == written ? [written] : [written, meant]
        }
    }

    private static func hide(_ text: String, _ mode: Mode) -> String {
        let bytes = Array(text.utf8)
        let spans = spans(in: bytes, mode)
        guard !spans.isEmpty else { return text }
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        for span in spans {
            out += bytes[index..<span.lowerBound]
            out += mark.utf8
            index = span.upperBound
        }
        return String(decoding: out + bytes[index...], as: UTF8.self)
    }
}

// MARK: - Names

extension Redaction {
    /// Whether a header, a cookie or a key of that name holds a secret, wherever it is seen.
    package static func isSecretName(_ name: some StringProtocol) -> Bool {
        if name.utf8.allSatisfy({ $0 < 0x80 }) { return isSecretName(ascii: name.utf8) }
        let squeezed = name.lowercased().filter { $0.isLetter || $0.isNumber }
        if marks.contains(where: squeezed.contains) { return true }
        return squeezed.contains("authori") || squeezed.replacing("author", with: "").contains("auth")
    }

    /// The same by bytes: nearly every name is ASCII, and every word before an `=` of a foreign answer is asked for.
    private static func isSecretName(ascii name: some Sequence<UInt8>) -> Bool {
        var squeezed: [UInt8] = []
        for byte in name where isWord(byte) && byte != UInt8(ascii: "_") { squeezed.append(lower(byte)) }
        if markBytes.contains(where: { squeezed.firstPlace(of: $0) != nil }) { return true }
        if squeezed.firstPlace(of: Array("authori".utf8)) != nil { return true }
        let author = Array("author".utf8)
        var rest: [UInt8] = []
        var index = 0
        while let found = squeezed.firstPlace(of: author, from: index) {
            rest += squeezed[index..<found]
            index = found + author.count
        }
        rest += squeezed[index...]
        return rest.firstPlace(of: Array("auth".utf8)) != nil
    }

    /// Whether a query parameter of that name does; a short word such as `code` or `sign` is enough there. `name` as it is written,
    /// with its `%` escapes.
    package static func isSecretParameter(_ name: some StringProtocol) -> Bool {
        let name = PercentCoding.lenientlyDecoded(name)
        if isSecretName(name) { return true }
        return parts(of: name).contains { word in
            words.contains(word)
                || endings.contains { word.hasSuffix($0) } && !harmlessEndings.contains { word.hasSuffix($0) }
        }
    }

    /// `accessKey2` is `access` and `key`.
    private static func parts(of name: String) -> [String] {
        var parts: [String] = []
        var part = ""
        var last: Character?
        for character in name {
            if !character.isLetter || last?.isLowercase == true && character.isUppercase {
                if !part.isEmpty { parts.append(part.lowercased()) }
                part = ""
            }
            if character.isLetter { part.append(character) }
            last = character
        }
        if !part.isEmpty { parts.append(part.lowercased()) }
        return parts
    }

    /// Wherever they stand in a name, its separators left out.
    private static let marks = [
        "token", "secret", "passw", "passphrase", "passcode", "pwd", "signature", "credential", "session", "sessid",
        "cookie", "jwt", "apikey", "accesskey", "privatekey", "bearer", "csrf", "xsrf", "saml",
    ]
    private static let markBytes = marks.map { Array($0.utf8) }
    /// As a whole word of a parameter's name.
    private static let words: Set<String> = [
        "assertion", "challenge", "connectionstring", "cred", "creds", "crumb", "digest", "dsn", "hash", "hdnea",
        "hdnts",
        "hmac", "invite", "keys", "licence", "license", "mac", "magic", "mfa", "nonce", "otc", "otp", "ott", "pin",
        "policy", "psw", "pswd", "pw", "refresh", "salt", "sas", "sess", "sid", "sig", "signed", "sigv", "sk", "state",
        "ticket",
        "tok", "totp", "verifier", "webhook",
    ]
    private static let endings = ["key", "code", "pass", "sign", "sig", "pw"]
    private static let harmlessEndings = ["encode", "decode", "unicode", "bypass", "compass", "design", "assign"]
}

// MARK: - Places

extension Redaction {
    private enum Mode { case address, text, source }

    /// What is to be hidden, in order and apart from each other. Linear in the text.
    /// - Parameter looksInside: whether escaped values of parameters are looked into.
    private static func spans(in bytes: [UInt8], _ mode: Mode, looksInside: Bool = true) -> [Range<Int>] {
        var spans: [Range<Int>] = []
        var index = 0
        while index < bytes.count {
            if mode == .source, bytes[index...].starts(with: "${".utf8) {
                // A variable's name is no name of a secret behind it.
                index = bytes[(index + 2)...].firstIndex { !isWord($0) } ?? bytes.count
                if bytes[index...].starts(with: ":-".utf8) { index += 2 }
                continue
            }
            let hit: Range<Int>? =
                if bytes[index] == UInt8(ascii: "/"), index > 0, bytes[index - 1] == UInt8(ascii: "/") {
                    user(bytes, from: index + 1)
                } else if isQueryMark(bytes[index]) {
                    parameter(bytes, from: index + 1, mode, looksInside)
                } else if isWord(bytes[index]), index == 0 || !isWord(bytes[index - 1]) {
                    token(bytes, index) ?? named(bytes, index, mode)
                } else {
                    nil
                }
            if let hit {
                spans += tokens(in: bytes, from: index, to: hit.lowerBound - 1)
                spans.append(hit)
                index = hit.upperBound
            } else {
                index += 1
            }
        }
        return spans
    }

    /// What stands before a hit, such as the name of a parameter, may be a token itself.
    private static func tokens(in bytes: [UInt8], from begin: Int, to end: Int) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = max(1, begin)
        while index < end {
            if isWord(bytes[index]), !isWord(bytes[index - 1]), let hit = token(bytes, index), hit.lowerBound < end {
                found.append(hit.lowerBound..<min(hit.upperBound, end))
                index = max(index + 1, hit.upperBound)
            } else {
                index += 1
            }
        }
        return found
    }

    /// `user:password` in front of a host.
    private static func user(_ bytes: [UInt8], from start: Int) -> Range<Int>? {
        func end(from: Int, to most: Int, _ stops: String) -> Int {
            bytes[from..<most].firstIndex { isBlank($0) || stops.utf8.contains($0) } ?? most
        }
        let host = end(from: start, to: bytes.count, "/?#\"'<>`")
        if let at = bytes[start..<host].lastIndex(of: UInt8(ascii: "@")) { return at > start ? start..<at : nil }
        // A password with a slash in it, which should have been escaped: what follows the colon is no port.
        guard let colon = bytes[start..<host].lastIndex(of: UInt8(ascii: ":")), bytes[start] != UInt8(ascii: "["),
            bytes[(colon + 1)..<host].contains(where: { !isDigit($0) }),
            // The bound keeps the work linear.
            let at = bytes[host..<end(from: host, to: min(bytes.count, host + 512), "\"'<>`")].firstIndex(
                of: UInt8(ascii: "@"))
        else { return nil }
        return start..<at
    }

    /// The value of a parameter in a query or a fragment.
    private static func parameter(
        _ bytes: [UInt8], from start: Int, _ mode: Mode, _ looksInside: Bool
    ) -> Range<Int>? {
        // A longer name is none.
        guard let equals = bytes[start..<min(bytes.count, start + 200)].firstIndex(where: { isEndOfName($0) }),
            bytes[equals] == UInt8(ascii: "="), equals > start
        else { return nil }
        let value = equals + 1
        guard isSecretParameter(String(decoding: bytes[start..<equals], as: UTF8.self)) else {
            guard looksInside else { return nil }
            // As far as the next parameter: no byte is looked into twice.
            let end = bytes[value...].firstIndex { isQueryMark($0) || isBlank($0) || "\"'<>".utf8.contains($0) }
            let whole = value..<(end ?? bytes.count)
            return holdsSecret(bytes[whole]) ? whole : nil
        }
        // A variable's name is not a secret, and helps.
        if mode == .source, bytes[value...].starts(with: "${".utf8) { return nil }
        let end =
            bytes[value...].firstIndex { byte in
                if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "#") || isBlank(byte) { return true }
                switch mode {
                case .address: return false
                case .text: return "\"<>".utf8.contains(byte)
                case .source: return "\"'".utf8.contains(byte)
                }
            } ?? bytes.count
        return value..<end
    }

    /// Whether the value of a parameter is itself an address or a document with a secret in it, behind `%` escapes: `?next=%2F%3Ftoken%3D…`.
    private static func holdsSecret(_ value: ArraySlice<UInt8>) -> Bool {
        guard value.contains(UInt8(ascii: "%")) else { return false }
        var text = String(decoding: value, as: UTF8.self)
        // An address in an address in an address.
        for _ in 0..<3 {
            let meant = PercentCoding.lenientlyDecoded(text)
            if meant == text { return false }
            if !spans(in: Array(meant.utf8), .text, looksInside: false).isEmpty { return true }
            text = meant
        }
        return false
    }

    /// `password=…`, `"token": "…"` and in a file `token: …`.
    private static func named(_ bytes: [UInt8], _ start: Int, _ mode: Mode) -> Range<Int>? {
        guard mode != .address else { return nil }
        func skip(_ index: inout Int, _ set: String) {
            while index < bytes.count, set.utf8.contains(bytes[index]) { index += 1 }
        }
        var index = start
        while index < bytes.count, isWord(bytes[index]) || bytes[index] == UInt8(ascii: "-") { index += 1 }
        let name = start..<index
        // What follows is looked at first: it is rare, and names cost more.
        let quote = index < bytes.count && bytes[index] == UInt8(ascii: "\"")
        if mode == .source { skip(&index, "\"' ") } else if quote { index += 1 }
        if quote { skip(&index, " ") }
        guard index < bytes.count else { return nil }
        let isPair =
            bytes[index] == UInt8(ascii: "=") || bytes[index] == UInt8(ascii: ":") && (quote || mode == .source)
        guard isPair else { return nil }
        let word = String(decoding: bytes[name], as: UTF8.self)
        let isShort = word.lowercased() == "sig" || mode == .source && (parts(of: word).last?.hasSuffix("key") ?? false)
        guard isSecretName(word) || isShort else { return nil }
        index += 1
        if mode == .source {
            skip(&index, " ")
            if bytes[index...].starts(with: "${".utf8) { return nil }
            let end = bytes[index...].firstIndex { ",}&".utf8.contains($0) } ?? bytes.count
            return index < end ? index..<end : nil
        }
        if quote {
            skip(&index, " ")
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
            index += 1
            var end = index
            while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
                end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            return index < end ? index..<min(end, bytes.count) : nil
        }
        let end =
            bytes[index...].firstIndex { isBlank($0) || $0 >= 0x80 || "\"'&#,;<>)]}".utf8.contains($0) } ?? bytes.count
        return index < end ? index..<end : nil
    }

    private struct Pattern {
        var start: [UInt8]
        /// How many bytes at least must follow for it to be a secret.
        var atLeast: Int
        /// A word of any case; skips blanks, `:` and quotes between it and the secret.
        var gap = false
        init(_ start: String, atLeast: Int, gap: Bool = false) {
            self.start = Array(start.utf8)
            self.atLeast = atLeast
            self.gap = gap
        }
    }

    /// What tokens begin with (`HF_ENDPOINT` is none), as their makers document it; the last four are addresses that are themselves the key.
    private static let patterns: [Pattern] = [
        Pattern("hf_", atLeast: 6), Pattern("api_org_", atLeast: 6), Pattern("eyJ", atLeast: 20),
        Pattern("bearer", atLeast: 4, gap: true), Pattern("basic ", atLeast: 8, gap: true),
        Pattern("ghp_", atLeast: 16), Pattern("gho_", atLeast: 16), Pattern("ghs_", atLeast: 16),
        Pattern("github_pat_", atLeast: 16), Pattern("glpat-", atLeast: 16), Pattern("xoxb-", atLeast: 10),
        Pattern("xoxp-", atLeast: 10), Pattern("sk-", atLeast: 20), Pattern("sk_live_", atLeast: 10),
        Pattern("sk_test_", atLeast: 10), Pattern("whsec_", atLeast: 10), Pattern("npm_", atLeast: 20),
        Pattern("hooks.slack.com/services/", atLeast: 8), Pattern("discord.com/api/webhooks/", atLeast: 8),
        Pattern("discordapp.com/api/webhooks/", atLeast: 8), Pattern("api.telegram.org/bot", atLeast: 8),
    ]
    /// Behind `hf_`: keys of a Space's README, no tokens. Source: hub-docs `spaces-config-reference`.
    private static let readmeKeys = ["oauth_scopes", "oauth_expiration_minutes", "oauth_authorized_org"].map(\.utf8)
    /// By the byte they begin with: nearly every word begins no token.
    private static let patternsByStart: [[Pattern]] = {
        var table = [[Pattern]](repeating: [], count: 256)
        for pattern in patterns { if let first = pattern.start.first { table[Int(first)].append(pattern) } }
        return table
    }()

    private static func token(_ bytes: [UInt8], _ index: Int) -> Range<Int>? {
        for pattern in patternsByStart[Int(lower(bytes[index]))] {
            if let hit = match(pattern, bytes, index) { return hit }
        }
        return nil
    }

    private static func match(_ pattern: Pattern, _ bytes: [UInt8], _ index: Int) -> Range<Int>? {
        guard bytes.count - index > pattern.start.count else { return nil }
        for (offset, byte) in pattern.start.enumerated() {
            let seen = bytes[index + offset]
            guard seen == byte || pattern.gap && lower(seen) == byte else { return nil }
        }
        var start = index + pattern.start.count
        if pattern.gap {
            let from = start
            while start < bytes.count, [0x20, 0x3A, 0x22, 0x27, 0x09].contains(bytes[start]) { start += 1 }
            // "bearer" as a word of a sentence: what follows must stand apart, and look like no word.
            guard start > from || pattern.start.last == 0x20 else { return nil }
        }
        var end = start
        while end < bytes.count, isSecret(bytes[end], before: end + 1 < bytes.count ? bytes[end + 1] : 0) { end += 1 }
        guard end - start >= pattern.atLeast else { return nil }
        if pattern.start.first == UInt8(ascii: "h"),
            readmeKeys.contains(where: { bytes[start..<end].elementsEqual($0) })
        {
            return nil
        }
        if pattern.gap {
            let word = bytes[start..<end]
            let looksSecret =
                word.count >= 16 || word.contains { isDigit($0) || $0 == 0x5F }
                || word.dropFirst().contains { (0x41...0x5A).contains($0) }
            guard looksSecret else { return nil }
        }
        return start..<end
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || (0x61...0x7A).contains(lower(byte)) || byte == 0x5F
    }
    private static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F }
    private static func isQueryMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "?") || byte == UInt8(ascii: "&") || byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")
    }
    private static func isEndOfName(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "=") || isQueryMark(byte) || isBlank(byte) || "\"'<>/".utf8.contains(byte)
    }
    private static func isSecret(_ byte: UInt8, before next: UInt8) -> Bool {
        isWord(byte) || "-.+/=%~".utf8.contains(byte) || byte == UInt8(ascii: ":") && isWord(next)
    }
}

extension [UInt8] {
    fileprivate func firstPlace(of part: [UInt8], from start: Int = 0) -> Int? {
        guard let head = part.first else { return start }
        var place = start
        while place + part.count <= count {
            if self[place] == head, self[place..<(place + part.count)].elementsEqual(part) { return place }
            place += 1
        }
        return nil
    }
}

extension Check {
    /// The address as people may see it; nil for a heartbeat. Scheme, host and port are as they are; behind them, what came out of a variable
    /// is `***`, and so is what looks like a secret.
    package var shownAddress: String? {
        guard !address.isEmpty else { return nil }
        let hidden = policy.request.hidden
        guard !hidden.isEmpty, let parts = AddressParts(address) else { return Redaction.address(address) }
        let front = "\(parts.scheme)://\(parts.hostAndPort)"
        let rest = String(address.dropFirst(front.count))
        return Redaction.address(front + Redaction.hide(hidden, in: rest))
    }

    /// Whether something of the address is kept from people.
    package var isAddressHidden: Bool { !address.isEmpty && shownAddress != address }

    /// Whether what people may see of the address has `text`, in lower case, in it: searching must not find out a secret by guesses.
    package func isFound(byAddress text: String) -> Bool {
        address.lowercased().contains(text) && shownAddress?.lowercased().contains(text) == true
    }
}
