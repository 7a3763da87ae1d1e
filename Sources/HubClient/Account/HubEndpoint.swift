import FoundationEssentials
package import StokerCore

/// The address of a Hub as somebody wrote it.
///
/// A mistake in it is told and never mended by taking another Hub: the token would go to one that nobody named. (The official client
/// fails as well, with the words of its HTTP library.)
package enum HubEndpoint {
    package static let official = Fleet.Hub.official

    /// Without trailing slashes.
    /// - Parameter name: where it was written: `HF_ENDPOINT`, `--endpoint`.
    /// - Throws: `usage`, with what was read, what is wrong with it and how it is written.
    package static func read(_ written: String, from name: String) throws(Failure) -> String {
        var text = written[...]
        while text.hasSuffix("/") { text.removeLast() }
        let shown = shown(text)
        func wrong(_ because: String, hint: String) -> Failure {
            Failure(.usage, doing: "find the Hub", because: "\(name) is \"\(shown)\", \(because)", hint: hint)
        }
        func advice(_ address: String) -> String {
            name.hasPrefix("-") ? "write \(name) \(address)" : "write \(name)=\(address), or unset it for \(official)"
        }
        let separator = text.firstRange(of: "://")
        let rest = text[(separator?.upperBound ?? text.startIndex)...]
        let scheme = separator.map { text[..<$0.lowerBound].lowercased() }
        let mended =
            rest.contains("@")
            ? official : (HubOrigin.isLoopback(host(in: rest)) ? "http://" : "https://") + Self.shown(rest)
        guard let scheme else {
            throw wrong("which does not begin with http:// or https://", hint: advice(mended))
        }
        guard scheme == "http" || scheme == "https" else {
            throw wrong("which begins with neither http:// nor https://", hint: advice(mended))
        }
        guard !rest.contains("@") else {
            throw wrong(
                "which has a user or password in it",
                hint: "write the address alone; the token is given by HF_TOKEN or --token")
        }
        guard !rest.contains("?"), !rest.contains("#") else {
            throw wrong("which has a query or fragment behind the address", hint: advice(official))
        }
        guard let origin = HubOrigin(String(text)), (1...65_535).contains(origin.port),
            !text.contains(where: { $0.isWhitespace }), !rest.hasPrefix("/"), !rest.hasPrefix(":")
        else { throw wrong("which is no address", hint: advice(official)) }
        if origin.scheme == "http", official.hasSuffix("//" + origin.host) || origin.host == "hf.co" {
            throw wrong(
                "which is not encrypted: on the way there everybody could read the token",
                hint: advice("https" + text.dropFirst(4)))
        }
        return String(text)
    }

    /// Whether what is sent there can be read on the way: plain http, and not to this machine. A Hub of one's own network may be like
    /// that, and the official client says nothing of it; we say it each time.
    package static func isUnencrypted(_ endpoint: String) -> Bool {
        guard let origin = HubOrigin(endpoint) else { return false }
        return origin.scheme == "http" && !HubOrigin.isLoopback(origin.host)
    }

    private static func host(in rest: Substring) -> String {
        if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") { return String(rest[...end]) }
        return rest.prefix { !"/:?#".contains($0) }.lowercased()
    }

    /// Without what may be a password or a signature.
    private static func shown(_ text: Substring) -> String {
        var text = text
        if let at = text.lastIndex(of: "@") { text = "…" + text[at...] }
        return Redaction.quote(text.prefix { $0 != "?" && $0 != "#" }, limit: 120)
    }
}
