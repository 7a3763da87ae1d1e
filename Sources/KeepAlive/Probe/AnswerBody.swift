import CZlib
import NIOCore
import NIOHTTP1

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A body as UTF-8: its codings (gzip, deflate) undone, its characters converted.
///
/// We ask for neither (no `Accept-Encoding` is sent), but many servers answer so all the same. What cannot be read is named.
struct AnswerBody {
    /// Most bytes of a body that expectations look at, as it came and after decoding: what a few bytes of gzip
    /// can grow to has no end.
    static let limit = 1 << 20

    var bytes: ByteBuffer
    /// More was to come than was kept or decoded.
    var truncated: Bool
    /// Why the text may not be what the server meant: "it is encoded as br, which is not decoded here".
    var problem: String?
    /// The bytes are not what the headers say: no program that undoes the coding can show them.
    var isBroken = false

    init(_ answer: Answer) {
        self.init(
            answer.body, headers: answer.headers, transferCodings: answer.transferCodings, truncated: answer.truncated)
    }

    /// - Parameter limit: most bytes of the result of a decoding.
    init(
        _ body: ByteBuffer, headers: HTTPHeaders, transferCodings: [String], truncated: Bool, limit: Int = Self.limit
    ) {
        bytes = body
        self.truncated = truncated
        var codings: [String] = []
        for value in headers[canonicalForm: "content-encoding"] { codings.append(value.lowercased()) }
        codings.removeAll { $0.isEmpty || $0 == "identity" }
        codings += transferCodings
        if codings.count > 3 {
            problem = "it is encoded \(codings.count) times over"
            return
        }
        for coding in codings.reversed() {
            guard coding == "gzip" || coding == "x-gzip" || coding == "deflate" else {
                problem = "it is encoded as \(quoted(coding.prefix(20))), which is not decoded here"
                return
            }
            var inflated = Inflation(bytes, limit: limit)
            if inflated.isBroken, coding == "deflate", inflated.bytes.readableBytes == 0 {
                // Some leave the frame away. Source: RFC 9110 section 8.4.1.2.
                inflated = Inflation(bytes, limit: limit, raw: true)
            }
            if inflated.isBroken {
                isBroken = true
                problem = "its \(coding) is broken after \(inflated.bytes.readableBytes) bytes"
            } else if inflated.isCut, !self.truncated, !inflated.isLimited {
                problem = "its \(coding) ends too early"
            }
            self.truncated = self.truncated || inflated.isLimited
            bytes = inflated.bytes
        }
        let type = headers.first(name: "content-type") ?? ""
        guard let charset = Charset.of(bytes, contentType: type) else { return }
        guard let converted = Charset.utf8(bytes, from: charset) else {
            problem = problem ?? "it is written in the charset \(quoted(charset.prefix(30))), which is not known here"
            return
        }
        bytes = converted
    }
}

extension Answer {
    /// Whether the body has a coding that must be undone before it is text.
    var isEncoded: Bool { !transferCodings.isEmpty || headers.contains(name: "content-encoding") }
}

/// What zlib makes of some bytes: gzip of any number of members, zlib's own frame, or none.
private struct Inflation {
    var bytes = ByteBuffer()
    var isBroken = false
    /// The end is missing.
    var isCut = false
    /// There was more than is wanted.
    var isLimited = false

    init(_ body: ByteBuffer, limit: Int, raw: Bool = false) {
        var stream = z_stream()
        let opened = inflateInit2_(
            &stream, raw ? -15 : 15 + 32, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else {
            isBroken = true
            return
        }
        defer { inflateEnd(&stream) }
        var input = Array(body.readableBytesView)
        var output = [UInt8](repeating: 0, count: 32_768)
        var code = Z_OK
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(clamping: input.count)
            while code == Z_OK, bytes.readableBytes < limit {
                let room = min(output.count, limit - bytes.readableBytes)
                code = output.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(room)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                let made = room - Int(stream.avail_out)
                bytes.writeBytes(output[..<made])
                // gzip may go on with a further member; anything else behind the end is not looked at.
                if code == Z_STREAM_END, stream.avail_in >= 2, stream.next_in[0] == 0x1F, stream.next_in[1] == 0x8B {
                    code = inflateReset(&stream)
                }
            }
        }
        switch code {
        case Z_STREAM_END: break
        case Z_OK: isLimited = true
        case Z_BUF_ERROR: isCut = true
        default: isBroken = true
        }
    }
}

/// Which characters bytes stand for.
private enum Charset {
    /// The charset that must be converted from; nil when the bytes are UTF-8 already, or are to be taken as such.
    static func of(_ bytes: ByteBuffer, contentType: String) -> String? {
        let first = Array(bytes.readableBytesView.prefix(4))
        // A mark at the beginning comes before what is said. Source: WHATWG Encoding, "decode".
        if first.starts(with: [0xEF, 0xBB, 0xBF]) { return nil }
        if first.starts(with: [0xFF, 0xFE, 0, 0]) || first.starts(with: [0, 0, 0xFE, 0xFF]) { return "utf-32" }
        if first.starts(with: [0xFE, 0xFF]) || first.starts(with: [0xFF, 0xFE]) { return "utf-16" }
        var label = parameter("charset", in: contentType.utf8[...])
        if label == nil, first.count == 4 {
            // JSON without a mark. Source: RFC 4627 section 3.
            if first[0] == 0, first[1] != 0, first[2] == 0 { return "utf-16be" }
            if first[0] != 0, first[1] == 0, first[2] != 0, first[3] == 0 { return "utf-16le" }
        }
        if label == nil, isMarkup(contentType), !bytes.withUnsafeReadableBytes(isUTF8) {
            // `<meta charset=…>`, `<meta content="…; charset=…">`, `<?xml encoding=…?>`: browsers look at as much.
            let head = String(decoding: bytes.readableBytesView.prefix(1_024), as: UTF8.self)
            label = parameter("charset", in: head.utf8[...]) ?? parameter("encoding", in: head.utf8[...])
        }
        guard let label, !["utf-8", "utf8", "us-ascii", "ascii", ""].contains(label) else { return nil }
        return label
    }

    private static func isMarkup(_ contentType: String) -> Bool {
        let type = contentType.lowercased()
        return type.isEmpty || type.contains("html") || type.contains("xml")
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // What was cut may end inside a character.
        (0...3).contains { String(validating: bytes.dropLast($0), as: UTF8.self) != nil }
    }

    /// The value behind `name=`, in lower case, with or without quotes.
    private static func parameter(_ name: StaticString, in text: Substring.UTF8View) -> String? {
        var rest = text
        while !rest.isEmpty {
            let matches = name.withUTF8Buffer { name in
                rest.prefix(name.count).elementsEqual(name) { $0.lowercased == $1 }
            }
            guard matches else {
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(name.utf8CodeUnitCount)
            var value = rest.drop { $0.isBlank }
            guard value.first == UInt8(ascii: "=") else { continue }
            value = value.dropFirst().drop { $0.isBlank }
            if let quote = value.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                value = value.dropFirst().prefix { $0 != quote }
            } else {
                value = value.prefix { $0.isToken || $0 == .colon }
            }
            return String(decoding: value.prefix(60).map(\.lowercased), as: UTF8.self)
        }
        return nil
    }

    /// nil when the charset is not known here.
    static func utf8(_ bytes: ByteBuffer, from label: String) -> ByteBuffer? {
        switch label {
        // What the web means by them. Source: WHATWG Encoding, section 4.2.
        case "iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "windows-1252", "cp1252", "x-cp1252":
            return windows1252(bytes)
        case "utf-16", "utf16", "utf-16le", "utf-16be", "ucs-2", "unicode": return utf16(bytes, label)
        default:
            guard let name = names[label] ?? (plain.contains(label) ? label : nil) else { return nil }
            return converted(bytes, name)
        }
    }

    private static func windows1252(_ bytes: ByteBuffer) -> ByteBuffer {
        // 0x80…0x9F; the rest is Latin-1. Source: WHATWG index-windows-1252.
        let special: [UInt16] = [
            0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
            0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
            0x0153, 0x9D, 0x017E, 0x0178,
        ]
        let units = bytes.readableBytesView.map { (0x80...0x9F).contains($0) ? special[Int($0) - 0x80] : UInt16($0) }
        return ByteBuffer(string: String(decoding: units, as: UTF16.self))
    }

    private static func utf16(_ bytes: ByteBuffer, _ label: String) -> ByteBuffer {
        let all = Array(bytes.readableBytesView)
        var isBig = label == "utf-16be"
        var start = 0
        if all.starts(with: [0xFE, 0xFF]) { (isBig, start) = (true, 2) }
        if all.starts(with: [0xFF, 0xFE]) { (isBig, start) = (false, 2) }
        let units = stride(from: start, to: all.count - 1, by: 2).map { place -> UInt16 in
            let (high, low) = isBig ? (all[place], all[place + 1]) : (all[place + 1], all[place])
            return UInt16(high) << 8 | UInt16(low)
        }
        return ByteBuffer(string: String(decoding: units, as: UTF16.self))
    }

    /// Only these are given to the system: a stranger chooses the name, and some converters have had holes (CVE-2024-2961).
    private static let plain: Set<String> = [
        "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-10",
        "iso-8859-13", "iso-8859-14", "iso-8859-15", "iso-8859-16", "koi8-r", "koi8-u", "gb18030", "big5", "euc-jp",
        "euc-kr", "utf-32", "utf-32le", "utf-32be", "macintosh",
    ]
    private static let names: [String: String] = [
        "windows-1250": "CP1250", "windows-1251": "CP1251", "cp1251": "CP1251", "windows-1253": "CP1253",
        "windows-1254": "CP1254", "iso-8859-9": "CP1254", "windows-1255": "CP1255", "windows-1256": "CP1256",
        "windows-1257": "CP1257", "windows-1258": "CP1258", "windows-874": "CP874", "tis-620": "CP874",
        "ibm866": "CP866", "cp866": "CP866", "shift_jis": "CP932", "shift-jis": "CP932", "sjis": "CP932",
        "windows-31j": "CP932", "gbk": "GB18030", "gb2312": "GB18030", "ks_c_5601-1987": "CP949",
        "latin2": "iso-8859-2",
        "latin9": "iso-8859-15", "utf32": "utf-32",
    ]

    private static func converted(_ bytes: ByteBuffer, _ name: String) -> ByteBuffer? {
        guard let converter = iconv_open("UTF-8", name), converter != iconv_t(bitPattern: -1) else { return nil }
        defer { iconv_close(converter) }
        var input = bytes.readableBytesView.map { CChar(bitPattern: $0) }
        var output = [CChar](repeating: 0, count: 16_384)
        var result = ByteBuffer()
        input.withUnsafeMutableBufferPointer { input in
            var next = input.baseAddress
            var left = input.count
            while left > 0 {
                var made = 0
                var code: CInt = 0
                output.withUnsafeMutableBufferPointer { output in
                    var place = output.baseAddress
                    var room = output.count
                    if iconv(converter, &next, &left, &place, &room) == -1 { code = errno }
                    made = output.count - room
                }
                result.writeBytes(output[..<made].lazy.map { UInt8(bitPattern: $0) })
                if code == E2BIG { continue }
                guard code == EILSEQ, left > 0 else { break }
                // As browsers show it: a mark for what stands for nothing.
                result.writeString("\u{FFFD}")
                next = next?.advanced(by: 1)
                left -= 1
            }
        }
        return result
    }
}
