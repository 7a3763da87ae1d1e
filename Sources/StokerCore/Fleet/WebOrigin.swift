/// Scheme, host and port of a web address: whom a request goes to, and for whom a credential is meant (RFC 6454).
package struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    package var scheme: Address.Scheme
    /// Lower case; an IPv6 address without its brackets. The root's dot stays: such a name is another origin.
    package var host: String
    /// The scheme's own where none is written.
    package var port: Int

    /// Of an address, whatever path and query follow.
    /// - Throws: ``Address/Fault``, in words that fit behind the text that was read: no http or https address, a host or port that is
    ///   none, a space or control character anywhere.
    package init(_ text: some StringProtocol) throws(Address.Fault) {
        guard let parts = AddressParts(text),
            let scheme = [Address.Scheme.https, .http].first(where: { $0.rawValue == parts.scheme })
        else { throw Address.Fault(because: "does not begin with http:// or https://") }
        guard !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw Address.Fault(because: "has a space or a control character in it")
        }
        // Others take such a character for the end of the host.
        guard parts.userinfo?.contains("\\") != true else {
            throw Address.Fault(because: "has a backslash before its host")
        }
        let authority = try parts.authority()
        self.scheme = scheme
        host = authority.host
        port = authority.port ?? (scheme == .https ? 443 : 80)
    }

    /// This machine: see ``HostAddress/isLoopback(host:)``.
    package var isLoopback: Bool { HostAddress.isLoopback(host: host) }

    /// What is sent there can be read on its way: plain http to another machine.
    package var isReadableOnTheWay: Bool { scheme == .http && !isLoopback }

    /// As in a Host header: brackets around IPv6, the port only when it is not the scheme's own.
    package var authority: String { port == scheme.defaultPort ? name : "\(name):\(port)" }

    /// Host and port for people: `127.0.0.1:8800`.
    package var shown: String { "\(name):\(port)" }

    /// `https://host`, as in an Origin header.
    package var description: String { "\(scheme)://\(authority)" }

    private var name: String { host.contains(":") ? "[\(host)]" : host }
}
