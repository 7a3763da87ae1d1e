import FoundationEssentials
import StokerCore

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
            (try? WebOrigin(target.absoluteString)) != nil
        else { return nil }
        return target.absoluteString
    }

    /// For errors and logs: no user and no query, which may be a password and a signature.
    static func shown(_ url: String) -> String {
        AddressParts(url)?.shown ?? String(url.prefix { $0 != "?" && $0 != "#" })
    }
}
