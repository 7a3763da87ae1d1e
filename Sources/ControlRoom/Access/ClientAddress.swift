package import Hummingbird
package import NIOCore
import StokerCore

/// Whom a connection or a request comes from.
package enum ClientAddress: Hashable, Sendable {
    case v4(UInt32)
    /// The network of a subscriber: the first 64 bits.
    case v6(UInt64)
    case other

    package init(_ address: SocketAddress?) {
        guard let address, address.protocol == .inet || address.protocol == .inet6 else {
            self = .other
            return
        }
        let isV4 = address.protocol == .inet
        // `sin_addr` and `sin6_addr` stand at the same places on every system that we know.
        let bytes = address.withSockAddr { start, size in
            Array(UnsafeRawBufferPointer(start: start, count: size).dropFirst(isV4 ? 4 : 8).prefix(isV4 ? 4 : 16))
        }
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        if isV4 || bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] {
            self = .v4(UInt32(truncatingIfNeeded: number(bytes.suffix(4))))
        } else if bytes.prefix(15).allSatisfy({ $0 == 0 }), bytes.last == 1 {
            self = .v4(0x7F00_0001)
        } else {
            self = .v6(number(bytes.prefix(8)))
        }
    }

    /// `192.0.2.14`, `2001:db8::/64`; nil for a socket without an address.
    package var text: String? {
        switch self {
        case .v4(let number): [24, 16, 8, 0].map { "\(number >> UInt32($0) & 0xFF)" }.joined(separator: ".")
        case .v6(let network):
            [48, 32, 16, 0].map { String(network >> UInt64($0) & 0xFFFF, radix: 16) }.joined(separator: ":") + "::/64"
        case .other: nil
        }
    }

    /// From this machine or its own network (``HostAddress/isOfOwnNetwork``), and sockets without an address.
    var isLocal: Bool {
        switch self {
        case .v4(let number): HostAddress.v4(number).isOfOwnNetwork
        case .v6(let network): HostAddress.v6(network, 0).isOfOwnNetwork
        case .other: true
        }
    }

    init(_ address: HostAddress) {
        switch address {
        case .v4(let number): self = .v4(number)
        case .v6(0, let low) where low >> 32 == 0xFFFF: self = .v4(UInt32(truncatingIfNeeded: low))
        case .v6(0, 1): self = .v4(0x7F00_0001)
        case .v6(let high, _): self = .v6(high)
        }
    }

    /// The sender of a request. What a proxy says of it is believed from this machine and its private networks, where a proxy is: the last
    /// address in `X-Forwarded-For` that is none of theirs. Earlier ones may be invented.
    package init(of request: Request, peer: SocketAddress?) {
        let direct = ClientAddress(peer)
        self = direct
        guard direct.isLocal, let name = HeaderName("X-Forwarded-For"), let chain = request.headers[name] else {
            return
        }
        for part in chain.split(separator: ",").reversed() {
            guard let next = Self(text: Array(part.utf8)) else { return }
            self = next
            if !next.isLocal { return }
        }
    }

    /// `192.0.2.1`, `192.0.2.1:8080`, `2001:db8::1`, `[2001:db8::1]:8080`.
    private init?(text: [UInt8]) {
        var bytes = text.filter { $0 > 0x20 && $0 != UInt8(ascii: "\"") }[...]
        if bytes.first == UInt8(ascii: "[") {
            bytes = bytes.dropFirst().prefix { $0 != UInt8(ascii: "]") }
        } else if bytes.count(where: { $0 == UInt8(ascii: ":") }) == 1 {
            bytes = bytes.prefix { $0 != UInt8(ascii: ":") }
        }
        guard let address = HostAddress(v4: bytes) ?? HostAddress(v6: bytes) else { return nil }
        self.init(address)
    }
}
