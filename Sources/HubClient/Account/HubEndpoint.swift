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
        let parts = AddressParts(text)
        guard let parts, parts.scheme == "http" || parts.scheme == "https" else {
            let rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text
            // Read as one of them, to say how it is written.
            let guessed = try? WebOrigin("http://" + rest)
            let mended =
                rest.contains("@") || guessed == nil
                ? official : (guessed?.isLoopback == true ? "http://" : "https://") + Self.shown(rest)
            throw wrong(
                parts == nil
                    ? "which does not begin with http:// or https://"
                    : "which begins with neither http:// nor https://",
                hint: advice(mended))
        }
        guard parts.userinfo == nil else {
            throw wrong(
                "which has a user or password in it",
                hint: "write the address alone; the token is given by HF_TOKEN or --token")
        }
        guard parts.query == nil, parts.fragment == nil else {
            throw wrong("which has a query or fragment behind the address", hint: advice(official))
        }
        let origin: WebOrigin
        do throws(Address.Fault) {
            origin = try WebOrigin(text)
        } catch {
            throw wrong("which \(error.because)", hint: advice(official))
        }
        if origin.scheme == .http, knownOrigins.contains(where: { $0.host == origin.host }) {
            throw wrong(
                "which is not encrypted: on the way there everybody could read the token",
                hint: advice("https" + text.dropFirst(4)))
        }
        return String(text)
    }

    /// Whether what is sent there can be read on the way: plain http, and not to this machine. A Hub of one's own network may be like
    /// that, and the official client says nothing of it; we say it each time.
    package static func isUnencrypted(_ endpoint: String) -> Bool {
        (try? WebOrigin(endpoint))?.isReadableOnTheWay ?? false
    }

    /// Where a token is sent besides the configured endpoint. Source: huggingface_hub 2.4 `utils/_http.py`, `_HUB_ORIGINS` (without the
    /// staging Hub, which is reached by `HF_ENDPOINT`).
    static let knownOrigins = Set([official, "https://hf.co"].compactMap { try? WebOrigin($0) })

    /// Without what may be a password or a signature.
    private static func shown(_ text: Substring) -> String {
        var text = text
        if let at = text.lastIndex(of: "@") { text = "…" + text[at...] }
        return Redaction.quote(text.prefix { $0 != "?" && $0 != "#" }, limit: 120)
    }
}
