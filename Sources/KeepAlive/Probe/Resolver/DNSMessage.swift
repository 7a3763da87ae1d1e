import NIOCore

/// Questions and answers of the Domain Name System on the wire. Source: RFC 1035 section 4, RFC 3596, RFC 6891, RFC 2308.
enum DNSMessage {
    enum Kind: UInt16 {
        case a = 1
        case aaaa = 28
    }

    struct Answer: Equatable {
        enum Code: Equatable {
            case ok, noSuchName, formatError, serverFailure
            /// The server does not answer such questions, or knows nothing of this zone.
            case refused
        }
        var id: UInt16
        var code: Code
        var truncated: Bool
        var addresses: [SocketAddress] = []
        /// Seconds: the shortest of the records used, or for "none" what the zone's SOA says; nil when unknown.
        var ttl: UInt32?
    }

    static func question(id: UInt16, name: String, kind: Kind, extended: Bool) -> ByteBuffer {
        var out = ByteBufferAllocator().buffer(capacity: 48 + name.utf8.count)
        out.writeInteger(id)
        out.writeInteger(UInt16(0x0100))  // recursion desired
        out.writeInteger(UInt16(1))
        out.writeInteger(UInt32(0))
        out.writeInteger(UInt16(extended ? 1 : 0))
        for label in name.utf8.split(separator: .dot) {
            out.writeInteger(UInt8(truncatingIfNeeded: label.count))
            out.writeBytes(label)
        }
        out.writeInteger(UInt8(0))
        out.writeInteger(kind.rawValue)
        out.writeInteger(UInt16(1))
        if extended {
            // OPT: we take 1,232 bytes over UDP, which passes every path unfragmented (DNS flag day 2020).
            out.writeInteger(UInt8(0))
            out.writeInteger(UInt16(41))
            out.writeInteger(UInt16(1_232))
            out.writeInteger(UInt32(0))
            out.writeInteger(UInt16(0))
        }
        return out
    }

    /// The number a message answers, before anything else of it is believed.
    static func id(of message: ByteBuffer) -> UInt16? {
        message.getInteger(at: message.readerIndex)
    }

    /// Reads an answer to exactly this question; nil when it is anything else or malformed.
    static func answer(_ message: ByteBuffer, to name: String, kind: Kind) -> Answer? {
        message.withUnsafeReadableBytes { bytes -> Answer? in
            var reader = Reader(bytes: bytes)
            guard let id = reader.u16(), let flags = reader.u16(), flags & 0x8000 != 0, let questions = reader.u16(),
                let answers = reader.u16(), let authorities = reader.u16(), let additionals = reader.u16()
            else { return nil }
            let code: Answer.Code =
                switch flags & 0x0F {
                case 0: .ok
                case 1: .formatError
                case 2: .serverFailure
                case 3: .noSuchName
                default: .refused
                }
            // Some servers leave the question out of an error.
            if questions == 0 { return code == .ok ? nil : Answer(id: id, code: code, truncated: false) }
            guard questions == 1, reader.name() == name, reader.u16() == kind.rawValue, reader.u16() == 1 else {
                return nil
            }
            var answer = Answer(id: id, code: code, truncated: flags & 0x0200 != 0)
            if answer.truncated { return answer }
            // "Lame": neither an authority nor a resolver, and nothing in it. Source: glibc `resolv/res_send.c`, `send_dg`.
            if code == .ok, answers == 0, flags & 0x0480 == 0, additionals == 0 {
                return Answer(id: id, code: .refused, truncated: false)
            }
            guard
                reader.read(into: &answer, name: name, kind: kind, answers: Int(answers), authorities: Int(authorities))
            else { return nil }
            return answer
        }
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var index = 0

        mutating func u8() -> UInt8? {
            guard index < bytes.count else { return nil }
            defer { index += 1 }
            return bytes[index]
        }

        mutating func u16() -> UInt16? {
            guard let high = u8(), let low = u8() else { return nil }
            return UInt16(high) << 8 | UInt16(low)
        }

        mutating func u32() -> UInt32? {
            guard let high = u16(), let low = u16() else { return nil }
            return UInt32(high) << 16 | UInt32(low)
        }

        /// In lower case. Pointers may only lead backwards, so a loop cannot be built.
        mutating func name() -> String? {
            var out: [UInt8] = []
            var position = index
            var end: Int?
            var floor = Int.max
            while true {
                guard position < bytes.count else { return nil }
                let length = Int(bytes[position])
                if length & 0xC0 == 0xC0 {
                    guard position + 1 < bytes.count else { return nil }
                    let target = (length & 0x3F) << 8 | Int(bytes[position + 1])
                    if end == nil { end = position + 2 }
                    guard target < min(position, floor) else { return nil }
                    floor = target
                    position = target
                } else {
                    guard length < 64, position + 1 + length <= bytes.count else { return nil }
                    if length == 0 {
                        index = end ?? position + 1
                        return String(decoding: out, as: UTF8.self)
                    }
                    guard out.count + length < 255 else { return nil }
                    if !out.isEmpty { out.append(.dot) }
                    for byte in bytes[(position + 1)..<(position + 1 + length)] { out.append(byte.lowercased) }
                    position += 1 + length
                }
            }
        }

        mutating func read(
            into answer: inout Answer, name: String, kind: Kind, answers: Int, authorities: Int
        ) -> Bool {
            var aliases: [String: (target: String, ttl: UInt32)] = [:]
            var found: [(owner: String, address: SocketAddress, ttl: UInt32)] = []
            for record in 0..<(answers + authorities) {
                guard let owner = self.name(), let type = u16(), let zone = u16(), let ttl = u32(), let length = u16(),
                    index + Int(length) <= bytes.count
                else { return false }
                let next = index + Int(length)
                if zone == 1, record < answers {
                    switch type {
                    case 1 where length == 4 && kind == .a:
                        guard let value = u32() else { return false }
                        if let address = SocketAddress(ipv4: value, port: 0) { found.append((owner, address, ttl)) }
                    case 28 where length == 16 && kind == .aaaa:
                        if let address = SocketAddress(ipv6Bytes: Array(bytes[index..<next]), port: 0) {
                            found.append((owner, address, ttl))
                        }
                    case 5:
                        guard let target = self.name() else { return false }
                        aliases[owner] = (target, ttl)
                    default: break
                    }
                } else if zone == 1, type == 6 {
                    // SOA: two names, then serial, refresh, retry, expire, minimum.
                    guard self.name() != nil, self.name() != nil, u32() != nil, u32() != nil, u32() != nil,
                        u32() != nil,
                        let minimum = u32()
                    else { return false }
                    answer.ttl = min(ttl, minimum)
                }
                index = next
            }
            var owner = name
            var least = UInt32.max
            for _ in 0..<16 {
                guard let alias = aliases[owner] else { break }
                owner = alias.target
                least = min(least, alias.ttl)
            }
            let mine = found.filter { $0.owner == owner }
            guard !mine.isEmpty else { return true }
            answer.addresses = mine.prefix(16).map(\.address)
            answer.ttl = mine.reduce(least) { min($0, $1.ttl) }
            return true
        }
    }
}
