import NIOCore
import StokerCore

/// Questions and answers of the Domain Name System on the wire. Source: RFC 1035 section 4, RFC 3596, RFC 6891, RFC 2308.
enum DNSMessage {
    /// The type of a record, as IANA numbers them.
    struct Kind: RawRepresentable, Hashable {
        let rawValue: UInt16
        static let a = Kind(rawValue: 1)
        static let aaaa = Kind(rawValue: 28)
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

    /// What a server says of one name and type, as text.
    struct Records: Equatable {
        var id: UInt16
        /// RCODE: 0 is NOERROR, 2 SERVFAIL, 3 NXDOMAIN.
        var code: UInt8
        var truncated: Bool
        /// The server is neither an authority for the name nor a resolver, and says nothing.
        var isLame = false
        /// The data of each record as zone files have it, names in lower case and without the root's dot. At most 256.
        var texts: [String] = []
    }

    /// `NOERROR`, `SERVFAIL` … Source: IANA, DNS RCODEs.
    static func name(ofCode code: UInt8) -> String {
        let names = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
        return Int(code) < names.count ? names[Int(code)] : "RCODE \(code)"
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
            guard let head = reader.head(answering: name, kind) else { return nil }
            let code: Answer.Code =
                switch head.code {
                case 0: .ok
                case 1: .formatError
                case 2: .serverFailure
                case 3: .noSuchName
                default: .refused
                }
            var answer = Answer(id: head.id, code: code, truncated: head.truncated)
            if answer.truncated || !head.hasQuestion { return answer }
            if head.isLame { return Answer(id: head.id, code: .refused, truncated: false) }
            guard
                reader.read(
                    into: &answer, name: name, kind: kind, answers: head.answers, authorities: head.authorities)
            else { return nil }
            return answer
        }
    }

    /// The same for records of any type.
    static func records(_ message: ByteBuffer, to name: String, kind: Kind) -> Records? {
        message.withUnsafeReadableBytes { bytes -> Records? in
            var reader = Reader(bytes: bytes)
            guard let head = reader.head(answering: name, kind) else { return nil }
            var records = Records(id: head.id, code: head.code, truncated: head.truncated)
            records.isLame = head.isLame
            if records.truncated || !head.hasQuestion { return records }
            guard let texts = reader.texts(name: name, kind: kind, answers: head.answers) else { return nil }
            records.texts = texts
            return records
        }
    }

    private struct Head {
        var id: UInt16
        var code: UInt8
        var truncated: Bool
        /// Some servers leave the question out of an error; nothing else of such a message is read.
        var hasQuestion: Bool
        var answers: Int
        var authorities: Int
        /// Neither an authority nor a resolver, and nothing in it. Source: glibc `resolv/res_send.c`, `send_dg`.
        var isLame = false
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

        /// The head of an answer to exactly this question; nil when it is anything else.
        mutating func head(answering name: String, _ kind: Kind) -> Head? {
            guard let id = u16(), let flags = u16(), flags & 0x8000 != 0, let questions = u16(), let answers = u16(),
                let authorities = u16(), let additionals = u16()
            else { return nil }
            let code = UInt8(flags & 0x0F)
            if questions == 0 {
                return code == 0
                    ? nil : Head(id: id, code: code, truncated: false, hasQuestion: false, answers: 0, authorities: 0)
            }
            guard questions == 1, self.name() == name, u16() == kind.rawValue, u16() == 1 else { return nil }
            return Head(
                id: id, code: code, truncated: flags & 0x0200 != 0, hasQuestion: true, answers: Int(answers),
                authorities: Int(authorities),
                isLame: code == 0 && answers == 0 && flags & 0x0480 == 0 && additionals == 0)
        }

        /// The answers of that type for the name, or for what it is an alias of.
        mutating func texts(name: String, kind: Kind, answers: Int) -> [String]? {
            var aliases: [String: String] = [:]
            var found: [(owner: String, text: String)] = []
            for _ in 0..<answers {
                guard let owner = self.name(), let type = u16(), let zone = u16(), u32() != nil, let length = u16(),
                    index + Int(length) <= bytes.count
                else { return nil }
                let next = index + Int(length)
                if zone == 1, type == kind.rawValue, found.count < 256 {
                    guard let text = text(of: type, until: next), index <= next else { return nil }
                    found.append((owner, text))
                } else if zone == 1, type == 5 {
                    guard let target = self.name() else { return nil }
                    aliases[owner] = target
                }
                index = next
            }
            var owner = name
            for _ in 0..<16 {
                guard let target = aliases[owner] else { break }
                owner = target
            }
            return found.filter { $0.owner == owner }.map(\.text)
        }

        /// The data of one record. Source: RFC 1035 section 3.3, RFC 3596, RFC 2782 (SRV), RFC 8659 (CAA), RFC 3597 for all others.
        private mutating func text(of type: UInt16, until end: Int) -> String? {
            switch type {
            case 1:
                guard end - index == 4 else { return nil }
                return bytes[index..<end].map { String($0) }.joined(separator: ".")
            case 28:
                guard end - index == 16 else { return nil }
                return SocketAddress(ipv6Bytes: Array(bytes[index..<end]), port: 0)?.ipAddress
            case 2, 5, 12: return shownName()
            case 15:
                guard let preference = u16(), let name = shownName() else { return nil }
                return "\(preference) \(name)"
            case 33:
                guard let priority = u16(), let weight = u16(), let port = u16(), let name = shownName() else {
                    return nil
                }
                return "\(priority) \(weight) \(port) \(name)"
            case 6:
                guard let server = shownName(), let person = shownName(), let serial = u32(), let refresh = u32(),
                    let retry = u32(), let expire = u32(), let minimum = u32()
                else { return nil }
                return "\(server) \(person) \(serial) \(refresh) \(retry) \(expire) \(minimum)"
            case 16:
                var text: [UInt8] = []
                while index < end {
                    guard let length = u8(), index + Int(length) <= end else { return nil }
                    text += bytes[index..<(index + Int(length))]
                    index += Int(length)
                }
                return String(decoding: text, as: UTF8.self).printable
            case 257:
                guard let flags = u8(), let length = u8(), index + Int(length) <= end else { return nil }
                let tag = String(decoding: bytes[index..<(index + Int(length))], as: UTF8.self)
                let value = String(decoding: bytes[(index + Int(length))..<end], as: UTF8.self)
                return "\(flags) \(tag.lowercased()) \"\(value)\"".printable
            default:
                return "\\# \(end - index)"
            }
        }

        private mutating func shownName() -> String? {
            name().map { $0.isEmpty ? "." : $0.printable }
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
