/// Addresses as they may be shown: without user names, passwords and what looks like a secret in the query.
package enum Redaction {
    /// Words that make a query parameter's value a secret, wherever they stand in its name.
    private static let secretWords = [
        "token", "key", "secret", "password", "passwd", "pwd", "auth", "sig", "credential", "session", "jwt", "code",
        "pass",
    ]

    package static func address(_ address: String) -> String {
        guard address.utf8.contains(where: { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "?") }) else {
            return address
        }
        var rest = Substring(address)
        var shown = ""
        if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
            let start = rest.index(colon, offsetBy: 3)
            shown += rest[..<start]
            rest = rest[start...]
            let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            if let at = authority.lastIndex(of: "@") {
                shown += "***@"
                rest = rest[rest.index(after: at)...]
            }
        }
        guard let mark = rest.firstIndex(of: "?") else { return shown + rest }
        shown += rest[...mark]
        let tail = rest[rest.index(after: mark)...]
        let query = tail.prefix { $0 != "#" }
        shown += query.split(separator: "&", omittingEmptySubsequences: false).map { pair -> String in
            guard let equals = pair.firstIndex(of: "=") else { return String(pair) }
            let name = pair[..<equals].lowercased()
            return secretWords.contains { name.contains($0) } ? "\(pair[..<equals])=***" : String(pair)
        }.joined(separator: "&")
        return shown + tail.dropFirst(query.count)
    }
}
