import StokerCore

/// The path below which a proxy shows this server, as `serve.public_url` names it: `/stoker`, or nothing.
///
/// Pages write it before every place of their own. Requests are understood with it and without it, because some proxies
/// take it away and some do not.
package struct BasePath: Sendable, Equatable {
    /// Begins with a slash and does not end with one; empty without a sub-path.
    package let prefix: String

    /// First parts of our own addresses: what follows the prefix of a request that carries it. Where a path of ours is also the prefix (`/status`),
    /// this tells `/status/status` from `/status`.
    private var roots: Set<Substring> = ["", "health"]

    /// - Parameter publicURL: `https://example.org/stoker`, checked by the fleet file's reader. One that cannot be read has no sub-path.
    package init(publicURL: String? = nil) {
        let path = publicURL.flatMap { AddressParts($0)?.path } ?? ""
        prefix = path.split(separator: "/").map { "/" + $0 }.joined()
    }

    /// Takes over the first parts of these routes, as the router has them: `/targets/**`.
    mutating func learn(roots routes: [String]) {
        for route in routes {
            let first = route.drop { $0 == "/" }.prefix { $0 != "/" }
            if !first.contains(where: { "*:{".contains($0) }) { roots.insert(Substring(first)) }
        }
    }

    /// The place without the prefix, as the routes know it.
    /// - Parameter place: path and query of a request.
    package func inside(_ place: String) -> String {
        guard !prefix.isEmpty, place.hasPrefix(prefix) else { return place }
        let rest = place.dropFirst(prefix.count)
        guard let next = rest.first else { return "/" }
        if next == "?" { return "/" + rest }
        guard next == "/", roots.contains(rest.dropFirst().prefix { $0 != "/" && $0 != "?" }) else { return place }
        return String(rest)
    }

    /// The place as a browser must ask for it.
    func outside(_ place: String) -> String {
        guard !prefix.isEmpty, place.hasPrefix("/"), !place.hasPrefix("//") else { return place }
        return prefix + inside(place)
    }

    /// A page with the prefix before every place of its own. Texts of others cannot look like one: their quotes are escaped.
    func apply(to page: String) -> String {
        guard !prefix.isEmpty else { return page }
        let escaped = Array(Markup.escape(prefix).utf8)
        let (mark, names) = (Array("=\"/".utf8), ["href", "src", "action"].map { Array($0.utf8) })
        let text = Array(page.utf8)
        var out: [UInt8] = []
        out.reserveCapacity(text.count + text.count / 16)
        var at = 0
        while at < text.count {
            let isMark =
                text[at] == mark[0] && at + 2 < text.count && text[at + 1] == mark[1] && text[at + 2] == mark[2]
            if isMark, at + 3 >= text.count || text[at + 3] != mark[2],
                names.contains(where: { text[..<at].suffix($0.count).elementsEqual($0) })
            {
                out += mark.prefix(2)
                out += escaped
                at += 2
            } else {
                out.append(text[at])
                at += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
