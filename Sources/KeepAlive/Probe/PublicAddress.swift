import NIOCore

extension SocketAddress {
    /// Whether anybody on the internet can reach this address, going by the IANA special-purpose registries (RFC 6890): not
    /// this machine, its own network, a provider's inner one, or a cloud's metadata service. Addresses for documentation count as public.
    package var isPublic: Bool {
        switch self {
        case .v4(let address):
            // `sockaddr_in`: family, port, then the address; `sockaddr_in6` has the flow between.
            return withUnsafeBytes(of: address.address) { Self.isPublic(v4: Array($0[4..<8])) }
        case .v6(let address):
            let bytes = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            // ::/96 with :: and ::1, ::ffff:0:0/96, 64:ff9b::/96: an IPv4 address inside.
            let prefix = bytes.prefix(12)
            if prefix.allSatisfy({ $0 == 0 }) { return false }
            if prefix == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
                || prefix == [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]
            {
                return Self.isPublic(v4: Array(bytes.suffix(4)))
            }
            // fc00::/7 unique local, fe80::/10 link-local, fec0::/10 site-local, ff00::/8 multicast.
            return bytes[0] & 0xFE != 0xFC && bytes[0] != 0xFF && !(bytes[0] == 0xFE && bytes[1] & 0x80 != 0)
        case .unixDomainSocket: return false
        }
    }

    private static func isPublic(v4 bytes: [UInt8]) -> Bool {
        switch (bytes[0], bytes[1]) {
        case (0, _), (10, _), (127, _), (169, 254), (172, 16...31), (192, 168), (100, 64...127), (198, 18...19): false
        case (192, 0): bytes[2] != 0
        case (224..., _): false
        default: true
        }
    }
}
