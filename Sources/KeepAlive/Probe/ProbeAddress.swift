package import NIOCore
import StokerCore

/// Where a probe goes, read from `https://host:port/path?query`, `http://…` or `tcp://host:port`.
///
/// Read by hand because it is read for each probe: nothing is kept per host. Userinfo is refused, since it would put a
/// password into pages and logs; names outside ASCII are refused with a hint, since IDNA needs tables we do not carry.
package struct ProbeAddress: Equatable {
    package enum Scheme: String, Equatable { case http, https, tcp }

    package var scheme: Scheme
    /// Lower case, without brackets and without the root's dot.
    package var host: String
    package var port: Int
    /// The host as an address when it is one; such a host needs no lookup.
    package var literal: SocketAddress?
    /// Path and query as they go on the request line; `/` at least. The fragment is dropped.
    package var target: String

    /// Why an address cannot be used; one clause without the address's secrets.
    package struct Problem: Error, Equatable { package var text: String }

    package init(_ text: String) throws(Problem) {
        let bytes = Array(text.utf8)
        let (scheme, start) = try Self.scheme(of: bytes)
        let end = bytes[start...].firstIndex { $0 == .slash || $0 == .question || $0 == .hash } ?? bytes.endIndex
        try self.init(scheme: scheme, authority: bytes[start..<end], rest: bytes[end...])
    }

    private init(scheme: Scheme, authority: ArraySlice<UInt8>, rest: ArraySlice<UInt8>) throws(Problem) {
        self.scheme = scheme
        (host, literal, port) = try Self.authority(authority, scheme: scheme)
        target = try Self.target(rest)
        if scheme == .tcp, target != "/" { throw Problem(text: "a tcp address has no path") }
    }

    /// Resolves a `Location` against this address: absolute, `//host/…`, `/path`, `?query` or a relative path
    /// (RFC 3986 section 5.2, without removal of dot segments inside the given path: servers do that).
    package func following(_ location: String) throws(Problem) -> ProbeAddress {
        let bytes = Array(location.utf8)[...].trimmed
        guard let first = bytes.first else { throw Problem(text: "the Location header is empty") }
        if let colon = bytes.firstIndex(of: .colon), bytes[..<colon].allSatisfy({ $0.isSchemeByte }), first.isLetter {
            let next = try ProbeAddress(String(decoding: bytes, as: UTF8.self))
            guard next.scheme != .tcp else { throw Problem(text: "the redirect leads to neither http nor https") }
            return next
        }
        if first == .slash, bytes.dropFirst().first == .slash {
            return try ProbeAddress("\(scheme.rawValue):\(String(decoding: bytes, as: UTF8.self))")
        }
        var next = self
        if first == .slash {
            next.target = try Self.target(bytes)
        } else {
            let path = target.utf8.prefix { $0 != .question }
            if first == .question {
                next.target = try Self.target(Array(path)[...] + bytes)
            } else if first != .hash {
                let base = path[..<(path.lastIndex(of: .slash).map { path.index(after: $0) } ?? path.startIndex)]
                next.target = try Self.target(Array(base)[...] + bytes)
            }
        }
        return next
    }

    /// As in the Host header: brackets around IPv6, the port only when it is not the scheme's own.
    package var authority: String {
        let name = host.utf8.contains(.colon) ? "[\(host)]" : host
        return port == scheme.defaultPort ? name : "\(name):\(port)"
    }

    /// Whether a secret meant for `other` may go here too: the same host, and not from TLS to plain text.
    /// Another port is another service, except for the step from http to https.
    package func mayShareSecrets(with other: ProbeAddress) -> Bool {
        guard host == other.host else { return false }
        if scheme == other.scheme { return port == other.port }
        return other.scheme == .http && other.port == 80 && scheme == .https && port == 443
    }

    // MARK: Parts

    private static func scheme(of bytes: [UInt8]) throws(Problem) -> (Scheme, Int) {
        guard let colon = bytes.firstIndex(of: .colon), bytes.count > colon + 2, bytes[colon + 1] == .slash,
            bytes[colon + 2] == .slash
        else { throw Problem(text: "an address begins with https://, http:// or tcp://") }
        switch colon {
        case 5 where bytes[..<5].elementsEqual("https".utf8, by: { $0.lowercased == $1 }): return (.https, 8)
        case 4 where bytes[..<4].elementsEqual("http".utf8, by: { $0.lowercased == $1 }): return (.http, 7)
        case 3 where bytes[..<3].elementsEqual("tcp".utf8, by: { $0.lowercased == $1 }): return (.tcp, 6)
        default: throw Problem(text: "an address begins with https://, http:// or tcp://")
        }
    }

    private static func authority(
        _ bytes: ArraySlice<UInt8>, scheme: Scheme
    ) throws(Problem) -> (String, SocketAddress?, Int) {
        guard !bytes.contains(.at) else {
            throw Problem(text: "a user name or password in the address is not taken; send an Authorization header")
        }
        var hostBytes = bytes
        var portBytes: ArraySlice<UInt8>?
        let bracketed = bytes.first == .openBracket
        if bracketed {
            guard let close = bytes.firstIndex(of: .closeBracket) else { throw Problem(text: "a ] is missing") }
            hostBytes = bytes[(bytes.startIndex + 1)..<close]
            let after = bytes[(close + 1)...]
            if let first = after.first {
                guard first == .colon else { throw Problem(text: "only :port may follow the ]") }
                portBytes = after.dropFirst()
            }
        } else if let colon = bytes.lastIndex(of: .colon) {
            guard bytes.firstIndex(of: .colon) == colon else { throw Problem(text: "an IPv6 address needs [ and ]") }
            hostBytes = bytes[..<colon]
            portBytes = bytes[(colon + 1)...]
        }
        let port = try port(portBytes, scheme: scheme)
        if bracketed {
            let text = String(decoding: hostBytes, as: UTF8.self)
            guard let address = SocketAddress(ipv6: text, port: port) else {
                throw Problem(text: "what stands in [ ] is not an IPv6 address (zones are not taken)")
            }
            return (text.lowercased(), address, port)
        }
        if let address = SocketAddress(ipv4: hostBytes, port: port) {
            return (String(decoding: hostBytes, as: UTF8.self), address, port)
        }
        return (try name(hostBytes), nil, port)
    }

    private static func port(_ bytes: ArraySlice<UInt8>?, scheme: Scheme) throws(Problem) -> Int {
        guard let bytes, !bytes.isEmpty else {
            guard let port = scheme.defaultPort else { throw Problem(text: "a tcp address needs a port") }
            return port
        }
        var port = 0
        for byte in bytes {
            guard byte.isDigit, port < 65_536 else { throw Problem(text: "the port is not a number from 1 to 65535") }
            port = port * 10 + Int(byte - .zero)
        }
        guard (1...65_535).contains(port) else { throw Problem(text: "the port is not a number from 1 to 65535") }
        return port
    }

    private static func name(_ bytes: ArraySlice<UInt8>) throws(Problem) -> String {
        let bytes = bytes.last == .dot ? bytes.dropLast() : bytes
        guard !bytes.isEmpty else { throw Problem(text: "the host is missing") }
        guard bytes.count <= 253 else { throw Problem(text: "the host is longer than 253 letters") }
        var label = 0
        var onlyDigits = true
        var lower: [UInt8] = []
        lower.reserveCapacity(bytes.count)
        for byte in bytes {
            guard byte < 0x80 else {
                throw Problem(text: "the host has letters outside ASCII; write its xn-- form")
            }
            if byte == .dot {
                guard label > 0 else { throw Problem(text: "the host has an empty part") }
                label = 0
                onlyDigits = true
            } else {
                guard byte.isLetter || byte.isDigit || byte == .hyphen || byte == .underscore else {
                    throw Problem(text: "the host has a character that no host name has")
                }
                label += 1
                onlyDigits = onlyDigits && byte.isDigit
                guard label <= 63 else { throw Problem(text: "a part of the host is longer than 63 letters") }
            }
            lower.append(byte.lowercased)
        }
        guard label > 0 else { throw Problem(text: "the host has an empty part") }
        // A name whose last part is a number is no name (WHATWG URL, "ends in a number").
        guard !onlyDigits else { throw Problem(text: "the host is neither a name nor an IPv4 address") }
        return String(decoding: lower, as: UTF8.self)
    }

    private static func target(_ bytes: ArraySlice<UInt8>) throws(Problem) -> String {
        let bytes = bytes.prefix { $0 != .hash }
        guard let first = bytes.first else { return "/" }
        if first == .slash, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        var out: [UInt8] = first == .slash ? [] : [.slash]
        for byte in bytes {
            guard byte > 0x20, byte != 0x7F else { throw Problem(text: "the path has a space or a control character") }
            if byte < 0x80 {
                out.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                out += [.percent, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

extension ProbeAddress.Scheme {
    package var defaultPort: Int? {
        switch self {
        case .http: 80
        case .https: 443
        case .tcp: nil
        }
    }
}

extension SocketAddress {
    /// A dotted quad, as ``HostAddress`` reads it.
    init?(ipv4 bytes: some Collection<UInt8>, port: Int) {
        guard case .v4(let value)? = HostAddress(v4: bytes) else { return nil }
        self.init(ipv4: value, port: port)
    }

    /// `value` in host byte order.
    init?(ipv4 value: UInt32, port: Int) {
        var bytes = ByteBufferAllocator().buffer(capacity: 4)
        bytes.writeInteger(value)
        self.init(packed: bytes, port: port)
    }

    init?(ipv6 text: String, port: Int) {
        // The library also takes zones and IPv4 here; neither belongs between brackets.
        guard text.utf8.contains(.colon), !text.utf8.contains(.percent),
            let address = try? SocketAddress(ipAddress: text, port: port), address.isIPv6
        else { return nil }
        self = address
    }

    /// 16 bytes in network order.
    init?(ipv6Bytes bytes: [UInt8], port: Int) {
        self.init(packed: ByteBuffer(bytes: bytes), port: port)
    }

    /// nil for anything but 4 or 16 bytes.
    private init?(packed bytes: ByteBuffer, port: Int) {
        guard let address = try? SocketAddress(packedIPAddress: bytes, port: port) else { return nil }
        self = address
    }

    var isIPv6: Bool { if case .v6 = self { true } else { false } }

    /// `192.0.2.1:80`, `[2001:db8::1]:80`.
    var text: String {
        let address = ipAddress ?? "?"
        return isIPv6 ? "[\(address)]:\(port ?? 0)" : "\(address):\(port ?? 0)"
    }
}

extension UInt8 {
    static let slash = UInt8(ascii: "/")
    static let question = UInt8(ascii: "?")
    static let hash = UInt8(ascii: "#")
    static let colon = UInt8(ascii: ":")
    static let at = UInt8(ascii: "@")
    static let dot = UInt8(ascii: ".")
    static let hyphen = UInt8(ascii: "-")
    static let underscore = UInt8(ascii: "_")
    static let percent = UInt8(ascii: "%")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let zero = UInt8(ascii: "0")

    var isDigit: Bool { self >= .zero && self <= UInt8(ascii: "9") }
    var isLetter: Bool { (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z") }
    var isSchemeByte: Bool { isLetter || isDigit || self == .dot || self == .hyphen || self == UInt8(ascii: "+") }
    var lowercased: UInt8 { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") ? self | 0x20 : self }
}

extension ArraySlice<UInt8> {
    var trimmed: ArraySlice<UInt8> {
        let start = firstIndex { $0 != 0x20 && $0 != 0x09 } ?? endIndex
        let end = lastIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 + 1 } ?? start
        return self[start..<Swift.max(start, end)]
    }
}
