import Foundation
package import NIOCore
package import StokerCore

/// Where a probe goes, read from `https://host:port/path?query`, `http://…`, `tcp://host:port` and the like.
///
/// Host and port are read by the fleet file's grammar (``Address/Authority``); nothing is kept per host.
package struct ProbeAddress: Equatable {
    package typealias Scheme = Address.Scheme

    package var scheme: Scheme
    /// Lower case, without brackets and without the root's dot.
    package var host: String
    /// The root's dot was written: no search domain is tried.
    package var isRooted = false
    package var port: Int
    /// The host as an address when it is one; such a host needs no lookup.
    package var literal: SocketAddress?
    /// Path and query as they go on the request line; `/` at least. The fragment is dropped.
    package var target: String
    /// `user:password` in base64 of a redirect's address, as browsers send it. Never from a fleet file.
    package var credentials: String?

    /// Why an address cannot be used; one clause without the address's secrets.
    package struct Problem: Error, Equatable { package var text: String }

    package init(_ text: String) throws(Problem) {
        let bytes = Array(text.utf8)
        let (scheme, start) = try Self.scheme(of: bytes)
        let end = Self.authorityEnd(bytes, start)
        try self.init(scheme: scheme, authority: bytes[start..<end], target: try Self.target(bytes[end...]))
    }

    private init(scheme: Scheme, authority: ArraySlice<UInt8>, target: String) throws(Problem) {
        let place: Address.Authority
        do throws(Address.Fault) {
            place = try Address.Authority(authority)
        } catch {
            throw Problem(text: "the address \(error.because)")
        }
        self.scheme = scheme
        self.target = target
        host = place.host
        if host.utf8.last == .dot {
            host.removeLast()
            isRooted = true
        }
        guard let port = place.port ?? scheme.defaultPort else {
            throw Problem(text: "a \(scheme.rawValue) address needs a port")
        }
        self.port = port
        literal = place.literal.flatMap { SocketAddress($0, port: port) }
        if scheme.kind != .http, target != "/" { throw Problem(text: "a \(scheme.rawValue) address has no path") }
    }

    /// Resolves a `Location` against this address as curl and browsers do: absolute, `//host/…`, `/path`, `?query` or a relative
    /// path, with dot segments removed (RFC 3986 section 5.2), spaces and other bytes encoded, a user, and a host in any script.
    package func following(_ location: [UInt8]) throws(Problem) -> ProbeAddress {
        var bytes = location[...].trimmed
        if bytes.contains(where: { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) {
            bytes = bytes.filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }[...]
        }
        guard let first = bytes.first else { throw Problem(text: "the Location header is empty") }
        if first.isLetter, let colon = bytes.firstIndex(of: .colon), bytes[..<colon].allSatisfy({ $0.isSchemeByte }) {
            guard let scheme = Scheme(rawValue: String(decoding: bytes[..<colon].map(\.lowercased), as: UTF8.self)),
                scheme.kind == .http
            else { throw Problem(text: "the redirect leads to neither http nor https") }
            return try keepingCredentials(Self.absolute(scheme, bytes[(colon + 1)...]))
        }
        if first == .slash, bytes.dropFirst().first == .slash {
            return try keepingCredentials(Self.absolute(scheme, bytes))
        }
        var next = self
        if first == .slash {
            next.target = Self.redirected(bytes)
        } else if first == .question {
            next.target = Self.redirected(Array(target.utf8.prefix { $0 != .question })[...] + bytes)
        } else if first != .hash {
            let path = target.utf8.prefix { $0 != .question }
            let base = path[..<(path.lastIndex(of: .slash).map { path.index(after: $0) } ?? path.startIndex)]
            next.target = Self.redirected(Array(base)[...] + bytes)
        }
        return next
    }

    /// A redirect's user goes on to the same scheme, host and port only, as in curl; a new one takes its place.
    private func keepingCredentials(_ address: ProbeAddress) -> ProbeAddress {
        guard address.credentials == nil, address.scheme == scheme, address.host == host, address.port == port else {
            return address
        }
        var next = address
        next.credentials = credentials
        return next
    }

    /// `//host/path`, with one to three slashes.
    private static func absolute(_ scheme: Scheme, _ bytes: ArraySlice<UInt8>) throws(Problem) -> ProbeAddress {
        let slashes = bytes.prefix(3).prefix { $0 == .slash }.count
        guard slashes > 0 else { throw Problem(text: "the redirect has no host") }
        let bytes = Array(bytes.dropFirst(slashes))
        let end = authorityEnd(bytes, 0)
        var authority = bytes[..<end]
        var credentials: String?
        if let at = authority.lastIndex(of: .at) {
            let user = authority[..<at]
            authority = authority[(at + 1)...]
            let plain = (PercentCoding.bytes(user, .lenient) ?? []) + (user.contains(.colon) ? [] : [.colon])
            credentials = Data(plain).base64EncodedString()
        }
        if authority.last == .colon { authority = authority.dropLast() }
        if authority.contains(where: { $0 >= 0x80 || $0 == .percent }) {
            authority = try asciiHost(authority)
        }
        var address = try ProbeAddress(scheme: scheme, authority: authority, target: redirected(bytes[end...]))
        address.credentials = credentials
        return address
    }

    /// A host with other letters than ASCII in its xn-- form, the port as it was.
    private static func asciiHost(_ authority: ArraySlice<UInt8>) throws(Problem) -> ArraySlice<UInt8> {
        let colon = authority.lastIndex(of: .colon) ?? authority.endIndex
        let decoded = PercentCoding.bytes(authority[..<colon], .lenient) ?? []
        guard let name = String(validating: decoded, as: UTF8.self), let ascii = InternationalName.ascii(name) else {
            throw Problem(text: "the host has characters that no name has")
        }
        return Array(ascii.utf8)[...] + authority[colon...]
    }

    private static func authorityEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        bytes[start...].firstIndex { $0 == .slash || $0 == .question || $0 == .hash } ?? bytes.endIndex
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
        else { throw Problem(text: "an address begins with \(CheckKinds.schemes(joinedBy: "or"))") }
        for scheme in CheckKinds.schemes
        where bytes[..<colon].elementsEqual(scheme.rawValue.utf8, by: { $0.lowercased == $1 }) {
            return (scheme, colon + 3)
        }
        throw Problem(text: "an address begins with \(CheckKinds.schemes(joinedBy: "or"))")
    }

    /// Path and query of the fleet file; what is not ASCII is encoded.
    private static func target(_ bytes: ArraySlice<UInt8>) throws(Problem) -> String {
        let bytes = bytes.prefix { $0 != .hash }
        guard let first = bytes.first else { return "/" }
        if first == .slash, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            return String(decoding: bytes, as: UTF8.self)
        }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw Problem(text: "the path has a space or a control character")
        }
        return encoded(bytes)
    }

    /// Path and query of a redirect: without dot segments, and with everything encoded that cannot stand on a request line.
    private static func redirected(_ bytes: ArraySlice<UInt8>) -> String {
        let bytes = bytes.prefix { $0 != .hash }
        let path = bytes.prefix { $0 != .question }
        return encoded(withoutDots(path) + bytes[path.endIndex...])
    }

    private static func encoded(_ bytes: ArraySlice<UInt8>) -> String {
        (bytes.first == .slash ? "" : "/") + PercentCoding.encoded(bytes) { $0 > 0x20 && $0 < 0x7F }
    }

    /// RFC 3986 section 5.2.4; `%2e` is a dot, too, as in browsers.
    private static func withoutDots(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let parts = path.split(separator: .slash, omittingEmptySubsequences: false)
        let dots = parts.map { part -> Int in
            var dots = 0
            var rest = part
            while !rest.isEmpty {
                if rest.first == .dot {
                    rest = rest.dropFirst()
                } else if rest.count >= 3, rest.starts(with: "%2".utf8),
                    rest[rest.startIndex + 2] | 0x20 == UInt8(ascii: "e")
                {
                    rest = rest.dropFirst(3)
                } else {
                    return 0
                }
                dots += 1
            }
            return dots
        }
        guard dots.contains(where: { $0 == 1 || $0 == 2 }) else { return path }
        var kept: [ArraySlice<UInt8>] = []
        for (index, part) in parts.enumerated() where index > 0 || !part.isEmpty {
            switch dots[index] {
            case 1, 2:
                if dots[index] == 2, !kept.isEmpty { kept.removeLast() }
                // The folder itself is meant.
                if index == parts.count - 1 { kept.append([]) }
            default: kept.append(part)
            }
        }
        return kept.reduce(into: [UInt8]()) { $0 += [.slash] + $1 }[...]
    }
}

extension SocketAddress {
    init?(_ host: HostAddress, port: Int) {
        switch host {
        case .v4(let value): self.init(ipv4: value, port: port)
        case .v6(let high, let low):
            var bytes = ByteBufferAllocator().buffer(capacity: 16)
            bytes.writeInteger(high)
            bytes.writeInteger(low)
            self.init(packed: bytes, port: port)
        }
    }

    /// `value` in host byte order.
    init?(ipv4 value: UInt32, port: Int) {
        var bytes = ByteBufferAllocator().buffer(capacity: 4)
        bytes.writeInteger(value)
        self.init(packed: bytes, port: port)
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
