import NIOHTTP1
import StokerCore

/// Cookies that the answers of one redirect chain set: a login or a load balancer sets one and asks again. They end with
/// the attempt. Source: RFC 6265 section 5, as far as a chain of redirects needs it.
struct ProbeCookies {
    private struct Cookie {
        var name: String
        var value: String
        /// Lower case.
        var domain: String
        /// Subdomains get it, too.
        var isWide: Bool
        var path: String
        var isSecure: Bool
    }
    private var cookies: [Cookie] = []
    /// RFC 6265 section 6.1 asks for 50 a domain and 4,096 bytes each.
    private static let most = 50
    private static let longest = 4_096

    var isEmpty: Bool { cookies.isEmpty }

    mutating func take(_ headers: HTTPHeaders, from address: ProbeAddress) {
        for (name, value) in headers where name.utf8.count == 10 && name.isEqualIgnoringCase("set-cookie") {
            take(value, from: address)
        }
    }

    private mutating func take(_ text: String, from address: ProbeAddress) {
        // Sent back as it came: nothing that could end a line.
        guard text.utf8.count <= Self.longest, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            return
        }
        var parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        let pair = parts.removeFirst()
        guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else { return }
        let path = String(address.target.prefix { $0 != "?" })
        var cookie = Cookie(
            name: String(Self.trimmed(pair[..<equals])),
            value: String(Self.trimmed(pair[pair.index(after: equals)...])),
            domain: address.host, isWide: false, path: String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]),
            isSecure: false)
        if cookie.path.isEmpty { cookie.path = "/" }
        var isOver = false
        for part in parts {
            let name = part.prefix { $0 != "=" }.lowercased()
            let value = Self.trimmed(part.dropFirst(name.count + 1))
            switch name {
            case "domain":
                let domain = String(value.drop { $0 == "." }).lowercased()
                if domain.isEmpty { break }
                // Not for a whole top-level domain, and not for an address's parts.
                let isOwn = domain == address.host
                guard isOwn || address.literal == nil && address.host.hasSuffix("." + domain) && domain.contains(".")
                else {
                    return
                }
                (cookie.domain, cookie.isWide) = (domain, address.literal == nil)
            case "path": if value.hasPrefix("/") { cookie.path = String(value) }
            case "secure": cookie.isSecure = true
            case "max-age": isOver = Int(value).map { $0 <= 0 } ?? isOver
            // How servers take one back; a chain is over before any other time matters.
            case "expires": isOver = isOver || value.contains("1970")
            default: break
            }
        }
        cookies.removeAll { $0.name == cookie.name && $0.domain == cookie.domain && $0.path == cookie.path }
        if !isOver, cookies.count < Self.most { cookies.append(cookie) }
    }

    /// `a=1; b=2` for a request to this address; nil for none.
    func header(for address: ProbeAddress) -> String? {
        guard !cookies.isEmpty else { return nil }
        let path = address.target.prefix { $0 != "?" }
        let sent = cookies.filter { cookie in
            guard cookie.domain == address.host || cookie.isWide && address.host.hasSuffix("." + cookie.domain) else {
                return false
            }
            guard !cookie.isSecure || address.scheme == .https else { return false }
            return path == cookie.path
                || path.hasPrefix(cookie.path.hasSuffix("/") ? cookie.path : cookie.path + "/")
        }
        // Longer paths first. Source: RFC 6265 section 5.4.
        .sorted { $0.path.utf8.count > $1.path.utf8.count }
        return sent.isEmpty ? nil : sent.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
