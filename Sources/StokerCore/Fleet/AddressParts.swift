/// `scheme://user:password@host:port/path?query#fragment`, taken apart as in RFC 3986 section 3. Nothing is judged or decoded.
///
/// Every reader of addresses starts here and reads host and port with ``Address/Authority``, so that no two of them disagree about
/// where a request goes: ``Address`` for what is pinged, ``WebOrigin`` for whom a credential is for, and each place that knows
/// schemes of its own (proxies, vaults, repositories).
package struct AddressParts: Sendable, Equatable {
    /// In lower case.
    package var scheme: String
    /// What stands before the last `@` of the host's part, as curl and browsers take it. It may hold a password.
    package var userinfo: String?
    /// Host and port as written.
    package var hostAndPort: String
    /// Empty, or begins with `/`.
    package var path: String
    /// Behind the first `?`; nil where there is none.
    package var query: String?
    /// Behind the first `#`; nil where there is none.
    package var fragment: String?

    /// nil without `scheme://` at the beginning, where a scheme is a letter followed by letters, digits, `+`, `-` and `.`.
    package init?(_ text: some StringProtocol) {
        let text = Substring(text)
        guard let mark = text.firstRange(of: "://") else { return nil }
        let name = text[..<mark.lowerBound].utf8
        guard let first = name.first, (0x61...0x7A).contains(first | 0x20),
            name.allSatisfy({
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: true
                default: false
                }
            })
        else { return nil }
        scheme = String(decoding: name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
        var rest = text[mark.upperBound...].utf8
        if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
            fragment = String(decoding: rest[rest.index(after: hash)...], as: UTF8.self)
            rest = rest[..<hash]
        }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            query = String(decoding: rest[rest.index(after: mark)...], as: UTF8.self)
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
        path = String(decoding: rest[slash...], as: UTF8.self)
        var place = rest[..<slash]
        if let at = place.lastIndex(of: UInt8(ascii: "@")) {
            userinfo = String(decoding: place[..<at], as: UTF8.self)
            place = place[place.index(after: at)...]
        }
        hostAndPort = String(decoding: place, as: UTF8.self)
    }

    /// Host and port, read.
    package func authority() throws(Address.Fault) -> Address.Authority { try Address.Authority(hostAndPort) }

    /// The user's name, percent-decoded; nil where none is written.
    package var user: String? {
        userinfo.map { PercentCoding.lenientlyDecoded($0.prefix { $0 != ":" }) }
    }

    /// What follows the first `:` of the user's part, percent-decoded; nil without a colon.
    package var password: Secret? {
        guard let userinfo, let colon = userinfo.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        return Secret(PercentCoding.lenientlyDecoded(userinfo[userinfo.utf8.index(after: colon)...]))
    }

    /// Path and query as a request line has them; begins with `/`.
    package var target: String { (path.isEmpty ? "/" : path) + (query.map { "?" + $0 } ?? "") }

    /// The address for people: without user, query and fragment, each of which may hold a secret.
    package var shown: String { "\(scheme)://\(hostAndPort)\(path)" }
}
