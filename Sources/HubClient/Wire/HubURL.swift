import FoundationEssentials
import StokerCore

/// Who is spoken to: a token may travel within an origin, and between those of the Hub.
struct HubOrigin: Hashable, Sendable {
    var scheme: String
    var host: String
    var port: Int

    init?(_ url: String) {
        guard let url = URL(string: url), let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = url.host()?.lowercased(), !host.isEmpty
        else { return nil }
        self.scheme = scheme
        self.host = host
        port = url.port ?? (scheme == "https" ? 443 : 80)
    }

    /// This machine.
    static func isLoopback(_ host: String) -> Bool {
        HostAddress.isLoopback(host: host)
    }

    /// For people: `127.0.0.1:8800`.
    var shown: String { "\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host):\(port)" }

    /// Where a token is sent besides the configured endpoint. Source: huggingface_hub 2.4 `utils/_http.py`, `_HUB_ORIGINS` (without the
    /// staging Hub, which is reached by `HF_ENDPOINT`).
    static let known: Set<HubOrigin> = Set([HubEndpoint.official, "https://hf.co"].compactMap(HubOrigin.init))
}

/// Writing and resolving addresses.
package enum HubURL {
    /// `text` as one path segment or query value: everything but unreserved characters is encoded, `/` too.
    package static func segment(_ text: some StringProtocol) -> String { PercentCoding.encoded(text) }

    /// A path inside a repo, as `/resolve/` wants it: each segment encoded, `/` kept.
    package static func path(_ text: some StringProtocol) -> String {
        PercentCoding.encoded(text, keepingSlash: true)
    }

    /// `?a=b&c=d`, or nothing.
    static func query(_ pairs: [(String, String)], after path: String) -> String {
        guard !pairs.isEmpty else { return "" }
        return (path.contains("?") ? "&" : "?")
            + pairs.map { "\(segment($0.0))=\(segment($0.1))" }.joined(separator: "&")
    }

    /// `a=b&c=d`, with a plus for a space, as forms are written (URL standard, 5.2).
    static func form(_ pairs: [(String, String)]) -> String {
        func field(_ text: String) -> String { segment(text).replacing("%20", with: "+") }
        return pairs.map { "\(field($0.0))=\(field($0.1))" }.joined(separator: "&")
    }

    /// Where `location` leads, seen from `url`.
    static func resolve(_ location: String, from url: String) -> String? {
        guard let base = URL(string: url), let target = URL(string: location, relativeTo: base)?.absoluteURL,
            HubOrigin(target.absoluteString) != nil
        else { return nil }
        return target.absoluteString
    }

    /// For errors and logs: no query, which may be a signature.
    static func shown(_ url: String) -> String {
        let end = url.firstIndex { $0 == "?" || $0 == "#" } ?? url.endIndex
        var shown = String(url[..<end])
        if let scheme = shown.firstRange(of: "://"), let at = shown[scheme.upperBound...].firstIndex(of: "@") {
            shown.removeSubrange(scheme.upperBound...at)
        }
        return shown
    }
}
