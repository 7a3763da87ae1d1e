/// An IP address written out, as the host of an address.
package enum HostAddress: Sendable, Hashable {
    /// In host byte order.
    case v4(UInt32)
    /// 16 bytes in network order, as two halves.
    case v6(UInt64, UInt64)

    /// A dotted quad, strictly: four decimal numbers from 0 to 255 without leading zeros (0177 is octal to some, decimal to others).
    package init?(v4 bytes: some Collection<UInt8>) {
        var value: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | part
                part = 0
                digits = 0
                dots += 1
            } else {
                guard (0x30...0x39).contains(byte), digits < 3, !(digits > 0 && part == 0) else { return nil }
                part = part * 10 + UInt32(byte - 0x30)
                digits += 1
                guard part < 256 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        self = .v4(value << 8 | part)
    }

    /// An IPv6 address without brackets and zone. Source: RFC 4291 section 2.2.
    package init?(v6 bytes: some Collection<UInt8>) {
        var groups: [UInt16] = []
        var gap: Int?
        var rest = Array(bytes)[...]
        if rest.starts(with: "::".utf8) {
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            guard groups.count < 8 else { return nil }
            let word = rest.prefix { $0 != UInt8(ascii: ":") }
            if word.contains(UInt8(ascii: ".")) {
                // The last four bytes may be written as IPv4.
                guard word.count == rest.count, groups.count <= 6, case .v4(let value)? = HostAddress(v4: word) else {
                    return nil
                }
                groups.append(UInt16(value >> 16))
                groups.append(UInt16(value & 0xFFFF))
                break
            }
            guard (1...4).contains(word.count) else { return nil }
            var group: UInt16 = 0
            for byte in word {
                let digit: UInt8
                switch byte {
                case 0x30...0x39: digit = byte - 0x30
                case 0x41...0x46, 0x61...0x66: digit = (byte | 0x20) - 0x61 + 10
                default: return nil
                }
                group = group << 4 | UInt16(digit)
            }
            groups.append(group)
            rest = rest.dropFirst(word.count)
            if rest.isEmpty { break }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        self = .v6(
            groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }

    /// 127.0.0.0/8, ::1, and the former inside the latter's family (::ffff:127.0.0.1).
    package var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(0, 1): true
        case .v6(0, let low): low >> 32 == 0xFFFF && (low & 0xFFFF_FFFF) >> 24 == 127
        case .v6: false
        }
    }

    /// Only this machine or its own network reaches it: loopback, "this network" (0.0.0.0/8, ::), private, shared and link-local
    /// addresses. Source: RFC 1122, 1918, 3927, 4193, 4291, 6598.
    package var isOfOwnNetwork: Bool {
        if isLoopback { return true }
        switch self {
        case .v4(let value):
            return value >> 24 == 0 || value >> 24 == 10 || value >> 20 == 0xAC1 || value >> 16 == 0xC0A8
                || value >> 22 == 0x191 || value >> 16 == 0xA9FE
        case .v6(0, let low) where low >> 32 == 0xFFFF:
            return HostAddress.v4(UInt32(truncatingIfNeeded: low)).isOfOwnNetwork
        case .v6(let high, let low):
            // fc00::/7, fe80::/10 and ::
            return high >> 57 == 0x7E || high >> 54 == 0x3FA || high == 0 && low == 0
        }
    }

    /// Whether a host, as it stands in an address or a Host header (without its port), is this machine: `localhost` and the
    /// names below it, 127.0.0.0/8, `::1`, with or without brackets and the root's dot. `127.example.com` is anybody's.
    package static func isLoopback(host: some StringProtocol) -> Bool {
        var name = Array(host.utf8)[...]
        if name.first == UInt8(ascii: "["), name.last == UInt8(ascii: "]") { name = name.dropFirst().dropLast() }
        if name.contains(UInt8(ascii: ":")) { return HostAddress(v6: name)?.isLoopback ?? false }
        if name.last == UInt8(ascii: ".") { name = name.dropLast() }
        if let address = HostAddress(v4: name) { return address.isLoopback }
        let lower = String(decoding: name, as: UTF8.self).lowercased()
        return lower == "localhost" || lower.hasSuffix(".localhost")
    }
}
