package import NIOCore
package import StokerCore

/// What a name stands for.
package enum Resolution: Sendable, Equatable {
    /// At least one address, in the order they should be tried, with port 0.
    /// `stale`: the name server was silent or failed, and these are its answer of earlier.
    case found([SocketAddress], stale: Bool)
    /// `.dnsNoSuchName`, `.dnsFailed`, `.dnsTimeout` or `.selfOverloaded`.
    case failed(Cause, detail: String)
}

/// How names are looked up. The defaults are for a server; tests set their own servers.
package struct ResolverConfiguration: Sendable {
    package enum IPv6: Sendable {
        /// IPv6 addresses are asked for and tried first when this machine has a route to them, else only for names
        /// that have no IPv4 address.
        case automatic
        case first
        case never
    }
    /// Name servers to ask; nil takes those of `resolvConf`.
    package var servers: [SocketAddress]?
    /// Read at the first lookup and again when it changed; nil reads none.
    package var resolvConf: String? = "/etc/resolv.conf"
    package var hosts: String? = "/etc/hosts"
    /// Names remembered at most; the least recently used go first (approximately: second chance).
    package var cacheLimit = 16_384
    /// Longest time one lookup may take, over all its names, tries and servers; `timeout` and `attempts` of `resolvConf` may shorten it.
    package var limit: Duration = .seconds(5)
    /// Wait before a question is sent again, doubled with each round over the servers.
    package var firstRetry: Duration = .milliseconds(400)
    /// How long an answer may be used after its time when the servers fail (RFC 8767, which allows days). Short: whoever has
    /// nothing remembered cannot reach a name that nobody can look up, so it is told and soon counted as trouble.
    package var staleFor: Duration = .seconds(300)
    /// Longest time an "it does not exist" is believed; the zone may ask for less.
    package var negativeFor: Duration = .seconds(30)
    /// Longest time an answer is believed, whatever its record says.
    package var positiveFor: Duration = .seconds(24 * 3_600)
    /// Lookups under way at most; further ones fail as `.selfOverloaded`.
    package var maxInFlight = 20_000
    package var ipv6 = IPv6.automatic

    package init() {}
}

/// `/etc/resolv.conf` and `/etc/hosts` as far as we use them. Source: resolv.conf(5), hosts(5).
struct ResolverFiles: Sendable, Equatable {
    var servers: [SocketAddress] = []
    /// nil while no line says it: then the machine's own domain, as in glibc.
    var search: [String]?
    var dots = 1
    /// Seconds that one server is waited for in the first round, and how many rounds there are.
    var timeout = 5
    var attempts = 2
    /// Begin with another server each time.
    var rotates = false
    /// Ask over TCP only.
    var usesTCP = false
    /// Never ask for IPv6 addresses.
    var asksNoIPv6 = false
    var hosts: [String: [SocketAddress]] = [:]

    mutating func readResolvConf(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" && $0 != ";" }.split { $0 == " " || $0 == "\t" }
            guard words.count > 1 else { continue }
            switch words[0] {
            case "nameserver":
                if servers.count < 3, let address = Self.address(words[1], port: 53) { servers.append(address) }
            case "search", "domain":
                // `.` is the root: the name as it is, at that place.
                search = words.dropFirst().prefix(32).map { Self.canonical(String($0)) }
            case "options": readOptions(words.dropFirst())
            default: break
            }
        }
    }

    /// Bounds as in glibc `resolv/res_init.c`, `res_setoptions`. Options that are not listed do not change what a name stands for.
    private mutating func readOptions(_ options: some Sequence<Substring>) {
        for option in options {
            let parts = option.split(separator: ":", maxSplits: 1)
            let number = parts.count == 2 ? Int(parts[1]) : nil
            switch (parts.first, number) {
            case ("ndots", let number?): dots = min(max(number, 0), 15)
            case ("timeout", let number?): timeout = min(max(number, 1), 30)
            case ("attempts", let number?): attempts = min(max(number, 1), 5)
            case ("rotate", _): rotates = true
            case ("use-vc", _): usesTCP = true
            case ("no-aaaa", _): asksNoIPv6 = true
            default: break
            }
        }
    }

    /// What the environment says about the system's resolver. Source: resolv.conf(5).
    /// - Parameters:
    ///   - domains: `LOCALDOMAIN`: replaces the search list.
    ///   - options: `RES_OPTIONS`: added to those of the file.
    mutating func readEnvironment(domains: String?, options: String?) {
        if let domains {
            search = domains.split { $0 == " " || $0 == "\t" }.prefix(32).map { Self.canonical(String($0)) }
        }
        if let options { readOptions(options.split { $0 == " " || $0 == "\t" }) }
    }

    /// How long one name is waited for: `timeout` seconds for the first server, twice as long shared between all for the second, and so on, in
    /// each of `attempts` rounds. Source: glibc `resolv/res_send.c`, `send_dg`.
    func patience(servers count: Int) -> Duration {
        let round = (0..<max(1, count)).reduce(0) { $0 + ($1 == 0 ? timeout : max(1, (timeout << $1) / count)) }
        return .seconds(round * attempts)
    }

    mutating func readHosts(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
            guard words.count > 1, let address = Self.address(words[0], port: 0) else { continue }
            for word in words.dropFirst() {
                let name = Self.canonical(String(word))
                if hosts[name, default: []].contains(address) == false { hosts[name, default: []].append(address) }
            }
        }
    }

    /// Names to ask for, in order, each until one has an address. A name with at least `ndots` dots is first asked as it is, any other
    /// last; one that ends with the root's dot only so. Source: glibc `resolv/res_query.c`, `__res_context_search`.
    func candidates(for host: String) -> [String] {
        if host.utf8.last == .dot { return [String(host.dropLast())] }
        var names = isFirstAsItIs(host) ? [host] : []
        for domain in search ?? [] {
            let name = domain.isEmpty ? host : "\(host).\(domain)"
            if name.utf8.count <= 253, !names.contains(name) { names.append(name) }
        }
        if !names.contains(host) { names.append(host) }
        return names
    }

    /// Whether a name is asked as it is before any search domain is put behind it.
    func isFirstAsItIs(_ host: String) -> Bool { host.utf8.count { $0 == .dot } >= dots }

    static func address(_ text: some StringProtocol, port: Int) -> SocketAddress? {
        let bytes = Array(text.utf8)
        return (HostAddress(v4: bytes) ?? HostAddress(v6: bytes)).flatMap { SocketAddress($0, port: port) }
    }

    static func canonical(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
