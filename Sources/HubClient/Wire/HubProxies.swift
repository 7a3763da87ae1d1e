import AsyncHTTPClient
import FoundationEssentials
import NIOHTTP1
import StokerCore

/// Which calls go through a proxy: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the same in small letters, which go first.
///
/// Source: httpx `_utils.get_environment_proxies`, the official client's transport. As there, `NO_PROXY` is a list of hosts, each with the
/// names below it, and `*` means all. Unlike there, this machine itself is never asked for through a proxy.
package struct HubProxies: Sendable, Equatable {
    struct Proxy: Hashable, Sendable {
        var host: String
        var port: Int
        var isSocks: Bool
        var login: Secret?

        /// Of `http://name:password@host:port`; a scheme may be missing. Nil for what is none, and for a proxy that is spoken to by TLS.
        init?(_ text: String) {
            let whole = text.contains("://") ? text : "http://" + text
            guard let parts = AddressParts(whole), ["http", "socks5", "socks5h"].contains(parts.scheme),
                let place = try? parts.authority()
            else { return nil }
            host = place.host
            isSocks = parts.scheme != "http"
            port = place.port ?? (isSocks ? 1080 : 80)
            login = parts.user.map { name in Secret("\(name):\(parts.password?.reveal() ?? "")") }
        }

        var configuration: HTTPClient.Configuration.Proxy {
            if isSocks { return .socksServer(host: host, port: port) }
            return .server(
                host: host, port: port,
                authorization: login.map { .basic(credentials: Data($0.reveal().utf8).base64EncodedString()) })
        }
    }

    private var https: Proxy?
    private var http: Proxy?
    /// Hosts in small letters, without a dot before them.
    private var direct: [String]

    package init(_ environment: [String: String]) {
        func setting(_ name: String) -> String? {
            [name.lowercased(), name].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        let all = setting("ALL_PROXY").flatMap(Proxy.init)
        https = setting("HTTPS_PROXY").flatMap(Proxy.init) ?? all
        // Of a CGI program, HTTP_PROXY would be a header that a visitor sent.
        http = (environment["REQUEST_METHOD"] == nil ? setting("HTTP_PROXY") : nil).flatMap(Proxy.init) ?? all
        direct = (setting("NO_PROXY") ?? "").lowercased().split(separator: ",").map { item in
            let name = item.drop { $0 == " " }.prefix { $0 != " " }
            return String((AddressParts(name)?.hostAndPort ?? String(name)).drop { $0 == "." })
        }
        .filter { !$0.isEmpty }
    }

    func proxy(for origin: WebOrigin) -> Proxy? {
        let host = origin.host
        if origin.isLoopback { return nil }
        let isDirect = direct.contains { name in
            name == "*" || host == name || host.hasSuffix("." + name) || "\(host):\(origin.port)" == name
        }
        return isDirect ? nil : origin.scheme == .https ? https : http
    }
}
