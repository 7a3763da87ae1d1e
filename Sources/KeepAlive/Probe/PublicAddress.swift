import NIOCore

extension SocketAddress {
    /// Whether anybody on the internet can reach this address, going by the IANA special-purpose registries (RFC 6890): not
    /// this machine, its own network, a provider's inner one, or a cloud's metadata service. Addresses for documentation count as public.
    package var isPublic: Bool {
        if isNeverRedirectedTo { return false }
        let bytes = bytes
        if bytes.count == 4 { return Self.isPublic(v4: bytes) }
        guard bytes.count == 16 else { return false }
        if let inner = Self.embedded(in: bytes) { return Self.isPublic(v4: inner) }
        // ::/96 with :: and ::1.
        if bytes.prefix(12).allSatisfy({ $0 == 0 }) { return false }
        // fc00::/7 unique local, fe80::/10 link-local, fec0::/10 site-local, ff00::/8 multicast, 5f00::/16 segment routing.
        return bytes[0] & 0xFE != 0xFC && bytes[0] != 0xFF && !(bytes[0] == 0xFE && bytes[1] & 0x80 != 0)
            && !bytes.starts(with: [0x5F, 0])
    }

    /// Whether no redirect may lead here, wherever it comes from: addresses that a tunnel or translator turns into others, which a list
    /// of private networks would miss, and where clouds hand their machines' keys out.
    var isNeverRedirectedTo: Bool {
        let bytes = bytes
        if bytes.count == 4 { return Self.isMetadata(v4: bytes) }
        guard bytes.count == 16 else { return false }
        if let inner = Self.embedded(in: bytes) {
            // NAT64 in front of the internet is how a network without IPv4 reaches it (RFC 6052); of private addresses it is a way around.
            return bytes.starts(with: Self.nat64) ? !Self.isPublic(v4: inner) : Self.isMetadata(v4: inner)
        }
        return Self.tunnels.contains { bytes.starts(with: $0) } || Self.metadata.contains(bytes)
            // ISATAP (RFC 5214): an IPv4 address behind 0:5efe or 200:5efe.
            || bytes[8] & 0xFD == 0 && bytes[9...11].elementsEqual([0, 0x5E, 0xFE])
    }

    /// 4 or 16 bytes in network order; none of a socket's path.
    var bytes: [UInt8] {
        switch self {
        // `sockaddr_in`: family, port, then the address; `sockaddr_in6` has the flow between.
        case .v4(let address): withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
        case .v6(let address): withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
        case .unixDomainSocket: []
        }
    }

    /// The IPv4 address that an IPv6 address stands for: mapped (::ffff:0:0/96), translated (::ffff:0:0:0/96, RFC 2765), NAT64.
    private static func embedded(in bytes: [UInt8]) -> [UInt8]? {
        let prefix = bytes.prefix(12)
        let mapped = prefix == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        let translated = prefix == [0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0]
        return mapped || translated || prefix.elementsEqual(nat64) ? Array(bytes.suffix(4)) : nil
    }
    private static let nat64: [UInt8] = [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]

    private static let tunnels: [[UInt8]] = [
        [0x20, 0x02],  // 6to4, 2002::/16 (RFC 3056)
        [0x20, 0x01, 0, 0],  // Teredo, 2001::/32 (RFC 4380)
        [0, 0x64, 0xFF, 0x9B, 0, 1],  // NAT64 of a network's own, 64:ff9b:1::/48 (RFC 8215)
        [0x01, 0, 0, 0, 0, 0, 0, 0],  // discarded, 100::/64 (RFC 6666)
    ]

    /// Beyond link-local addresses. Sources: the providers' documentation of their instance metadata.
    private static func isMetadata(v4 bytes: [UInt8]) -> Bool {
        bytes.starts(with: [169, 254])
            || [[168, 63, 129, 16], [100, 100, 100, 200], [192, 0, 0, 192]].contains(bytes)  // Azure, Alibaba, Oracle
    }
    private static let metadata: [[UInt8]] = [
        [0xFD, 0, 0x0E, 0xC2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54],  // AWS, fd00:ec2::254
        [0xFD, 0x20, 0, 0xCE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54],  // Google, fd20:ce::254
    ]

    private static func isPublic(v4 bytes: [UInt8]) -> Bool {
        if isMetadata(v4: bytes) { return false }
        return switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (172, 16...31), (192, 168), (100, 64...127), (198, 18...19): false
        case (192, 0): bytes[2] != 0
        case (224..., _): false
        default: true
        }
    }
}
