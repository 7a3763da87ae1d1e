import NIOCore
import NIOHTTP1
import StokerCore

/// Reads the one HTTP/1 answer of a connection from bytes as they come.
///
/// The library's codec is made for servers that share a connection between strangers, and refuses what curl and browsers
/// take. A probe makes one request on a connection of its own, so most sloppiness cannot smuggle anything. Taken are: bare LF,
/// folded lines, spaces before a colon, control and UTF-8 bytes in headers, equal Content-Lengths, a Content-Length
/// beside `chunked`, `identity`, a sloppy status line. Refused, and named, is what leaves the body's end in doubt:
/// different or odd Content-Lengths, unknown transfer codings, NUL, a line without a colon.
/// Source: RFC 9112; held against curl 7.88.
struct AnswerReader {
    enum Part {
        case head(HTTPResponseHead)
        case body(ByteBuffer)
        case end
    }

    /// Why the bytes are no answer that can be read.
    struct Fault: Error, Equatable {
        var cause: Cause
        var detail: String

        static func head(_ text: String) -> Fault { Fault(cause: .notHTTP, detail: "not an HTTP answer: \(text)") }
        static func body(_ text: String) -> Fault {
            Fault(cause: .notHTTP, detail: "the body is malformed: \(text)")
        }
    }

    /// Most bytes of all heads of an answer together: as curl. Source: `lib/http.h`, `MAX_HTTP_RESP_HEADER_SIZE`.
    static let headLimit = 300 * 1_024
    static let maxHeaders = 5_000
    private static let trailerLimit = 65_536
    /// Most bytes of the line before a chunk.
    private static let chunkLineLimit = 4_096

    private enum State {
        case head
        case length(Int)
        case untilClose
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailers
        case end
    }

    private let toHead: Bool
    private var state = State.head
    private var pending = ByteBuffer()
    /// Bytes at the front of `pending` that were searched for the end of a line, and where that line begins.
    private var searched = 0
    private var lineStart = 0
    private var headBytes = 0
    private var trailerBytes = 0
    /// Bytes that a chunked body spent on anything but data.
    private var chunkExcess = 0

    /// Transfer codings beside `chunked`, in the order they were applied; the body is still encoded so.
    private(set) var codings: [String] = []
    /// The first `Location` of a redirect, byte by byte: it need not be UTF-8.
    private(set) var location: [UInt8]?

    /// - Parameter method: the request's; an answer to HEAD has no body.
    init(method: String) { toHead = method == "HEAD" }

    /// Whether the end of the connection is the end of the body.
    var endsWithConnection: Bool { if case .untilClose = state { true } else { false } }

    /// Whether the body was not told to end and nothing that was announced is missing: it may be a stream.
    var mayBeEndless: Bool {
        switch state {
        case .untilClose, .chunkSize: true
        default: false
        }
    }

    /// Whether more of the body was announced or is here already.
    var hasMore: Bool {
        switch state {
        case .length(let left): left > 0
        case .chunk: true
        default: pending.readableBytes > 0
        }
    }

    /// Lets go of the bytes that were not read.
    mutating func forget() { pending = ByteBuffer() }

    mutating func take(_ bytes: ByteBuffer) {
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.discardReadBytes()
            pending.writeImmutableBuffer(bytes)
        }
    }

    /// The next part; nil when more bytes are needed.
    mutating func next() throws(Fault) -> Part? {
        while true {
            switch state {
            case .head:
                guard let head = try head() else { return nil }
                if (100..<200).contains(head.status.code), head.status.code != 101 {
                    state = .head
                    continue
                }
                return .head(head)
            case .length(let left):
                if left == 0 {
                    state = .end
                    return .end
                }
                guard let bytes = slice(left) else { return nil }
                state = .length(left - bytes.readableBytes)
                return .body(bytes)
            case .untilClose:
                guard let bytes = slice(.max) else { return nil }
                return .body(bytes)
            case .chunkSize:
                guard let size = try chunkSize() else { return nil }
                state = size == 0 ? .trailers : .chunk(size)
            case .chunk(let left):
                guard let bytes = slice(left) else { return nil }
                state = left == bytes.readableBytes ? .chunkEnd : .chunk(left - bytes.readableBytes)
                return .body(bytes)
            case .chunkEnd:
                guard let first: UInt8 = pending.getInteger(at: pending.readerIndex) else { return nil }
                guard first == .lineFeed || first == .carriageReturn else {
                    throw .body("a chunk is longer than its size")
                }
                if first == .carriageReturn {
                    guard let second: UInt8 = pending.getInteger(at: pending.readerIndex + 1) else { return nil }
                    guard second == .lineFeed else { throw .body("a chunk is longer than its size") }
                    pending.moveReaderIndex(forwardBy: 1)
                }
                pending.moveReaderIndex(forwardBy: 1)
                state = .chunkSize
            case .trailers:
                guard let length = lineLength() else {
                    guard trailerBytes + pending.readableBytes <= Self.trailerLimit else {
                        throw .body("more than \(Self.trailerLimit / 1_024) KiB after the last chunk")
                    }
                    return nil
                }
                trailerBytes += length
                guard trailerBytes <= Self.trailerLimit else {
                    throw .body("more than \(Self.trailerLimit / 1_024) KiB after the last chunk")
                }
                let isEmpty = pending.withUnsafeReadableBytes { Self.line($0, 0..<length).isEmpty }
                consume(length)
                if isEmpty {
                    state = .end
                    return .end
                }
            case .end: return nil
            }
        }
    }

    // MARK: Lines

    /// Length of the first line of `pending` with its end; nil while there is none.
    private mutating func lineLength() -> Int? {
        let from = searched
        let found = pending.withUnsafeReadableBytes { bytes in
            bytes[from...].firstIndex(of: .lineFeed)
        }
        searched = found == nil ? pending.readableBytes : 0
        return found.map { $0 + 1 }
    }

    private mutating func consume(_ count: Int) {
        pending.moveReaderIndex(forwardBy: count)
        searched = 0
        lineStart = 0
    }

    private mutating func slice(_ most: Int) -> ByteBuffer? {
        guard pending.readableBytes > 0 else { return nil }
        guard pending.readableBytes > most else {
            // Let go of what was read: it is as large as the socket's buffer.
            defer { pending = ByteBuffer() }
            return pending
        }
        return pending.readSlice(length: most)
    }

    /// A line without its CR LF or LF.
    private static func line(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Slice<UnsafeRawBufferPointer> {
        var end = range.upperBound
        if end > range.lowerBound, bytes[end - 1] == .lineFeed { end -= 1 }
        if end > range.lowerBound, bytes[end - 1] == .carriageReturn { end -= 1 }
        return bytes[range.lowerBound..<end]
    }

    // MARK: Chunks

    private mutating func chunkSize() throws(Fault) -> Int? {
        guard let length = lineLength() else {
            guard pending.readableBytes <= Self.chunkLineLimit else {
                throw .body("a chunk's first line is longer than \(Self.chunkLineLimit / 1_024) KiB")
            }
            return nil
        }
        guard length <= Self.chunkLineLimit else {
            throw .body("a chunk's first line is longer than \(Self.chunkLineLimit / 1_024) KiB")
        }
        let size = pending.withUnsafeReadableBytes { bytes -> Int? in
            var digits = Self.line(bytes, 0..<length)[...]
            if let end = digits.firstIndex(of: UInt8(ascii: ";")) { digits = digits[..<end] }
            while let last = digits.last, last.isBlank { digits.removeLast() }
            while let first = digits.first, first.isBlank { digits.removeFirst() }
            guard !digits.isEmpty else { return nil }
            var size = 0
            for byte in digits {
                guard let digit = Hex.value(of: byte), size <= Int.max >> 5 else { return nil }
                size = size << 4 | Int(digit)
            }
            return size
        }
        guard let size else { throw .body("a chunk's size is not a number") }
        consume(length)
        // As much as 16 bytes of lines a chunk, and as much again as its data, are what an honest server spends.
        // Source: Go `net/http/internal/chunked.go`.
        chunkExcess = max(0, chunkExcess + length - 16 - 2 * min(size, 1 << 20))
        guard chunkExcess <= 16_384 else { throw .body("its chunks are nearly all extension and hardly any data") }
        return size
    }

    // MARK: Head

    private mutating func head() throws(Fault) -> HTTPResponseHead? {
        // Some send an empty line before the status line.
        while lineStart == 0, let byte: UInt8 = pending.getInteger(at: pending.readerIndex),
            byte == .carriageReturn || byte == .lineFeed
        {
            headBytes += 1
            consume(1)
        }
        if lineStart == 0 { try refuseOtherProtocols() }
        guard let length = headLength() else {
            guard headBytes + pending.readableBytes <= Self.headLimit else { throw Self.tooLarge }
            return nil
        }
        headBytes += length
        guard headBytes <= Self.headLimit else { throw Self.tooLarge }
        var fault: Fault?
        let head = pending.withUnsafeReadableBytes { bytes -> HTTPResponseHead? in
            do throws(Fault) {
                return try parse(bytes, length)
            } catch {
                fault = error
                return nil
            }
        }
        if let fault { throw fault }
        consume(length)
        if let head { try frame(head) }
        return head
    }

    private static let tooLarge = Fault(
        cause: .headersTooLarge, detail: "more than \(headLimit / 1_024) KiB before the body")

    /// Up to and with the empty line; nil while it is not there.
    private mutating func headLength() -> Int? {
        var searched = searched
        var lineStart = lineStart
        let found = pending.withUnsafeReadableBytes { bytes -> Int? in
            while let end = bytes[searched...].firstIndex(of: .lineFeed) {
                let isEmpty = end == lineStart || end == lineStart + 1 && bytes[lineStart] == .carriageReturn
                searched = end + 1
                lineStart = searched
                if isEmpty { return searched }
            }
            searched = bytes.count
            return nil
        }
        self.searched = searched
        self.lineStart = lineStart
        return found
    }

    /// At the first byte that no status line has: a server that speaks first and waits would be waited for otherwise.
    private func refuseOtherProtocols() throws(Fault) {
        let fits = pending.withUnsafeReadableBytes { bytes in
            zip(bytes, "http/".utf8).allSatisfy { $0.lowercased == $1 }
        }
        if fits { return }
        throw pending.withUnsafeReadableBytes { bytes -> Fault in
            switch bytes[0] {
            case 0x15 where bytes.count > 1 && bytes[1] == 3, 0x16 where bytes.count > 1 && bytes[1] == 3:
                return .head("the port speaks TLS; write https://")
            case 0 where bytes.count > 3 && bytes[3] == 4: return .head("it is HTTP/2, which is not spoken here")
            default:
                let line = bytes.prefix(60).prefix { $0 != .lineFeed && $0 != .carriageReturn }
                let shown = line.map { $0 < 0x20 || $0 >= 0x7F ? UInt8(ascii: ".") : $0 }
                return .head("it begins with \"\(String(decoding: shown, as: UTF8.self))\", and no status line")
            }
        }
    }

    private mutating func parse(_ bytes: UnsafeRawBufferPointer, _ length: Int) throws(Fault) -> HTTPResponseHead {
        var start = 0
        var end = Self.lineEnd(bytes, start, length)
        let (version, status) = try Self.status(Self.line(bytes, start..<end))
        var headers: [(String, String)] = []
        headers.reserveCapacity(12)
        let mayRedirect = (300..<400).contains(status.code)
        start = end
        while start < length {
            end = Self.lineEnd(bytes, start, length)
            let line = Self.line(bytes, start..<end)
            start = end
            if line.isEmpty { break }
            guard !line.contains(0) else { throw .head("there is a NUL byte in a header") }
            guard let first = line.first, !first.isBlank else {
                // Folded: the value goes on. Before the first header it belongs to nothing.
                if let last = headers.indices.last { headers[last].1 += " " + Self.text(Self.trimmed(line)) }
                continue
            }
            guard let colon = line.firstIndex(of: .colon) else {
                throw .head("there is a header line without a colon: \(quoted(Self.text(line.prefix(60))))")
            }
            let name = Self.trimmed(line[..<colon])
            if name.isEmpty { continue }
            guard headers.count < Self.maxHeaders else {
                throw Fault(cause: .headersTooLarge, detail: "more than 5,000 headers")
            }
            let value = Self.trimmed(line[(colon + 1)...])
            headers.append((Self.text(name), Self.text(value)))
            if mayRedirect, location == nil, name.count == 8,
                name.elementsEqual("location".utf8, by: { $0.lowercased == $1 })
            {
                location = Array(value)
            }
        }
        return HTTPResponseHead(version: version, status: status, headers: HTTPHeaders(headers))
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ length: Int) -> Int {
        bytes[start..<length].firstIndex(of: .lineFeed).map { $0 + 1 } ?? length
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        var bytes = bytes
        while let first = bytes.first, first.isBlank { bytes.removeFirst() }
        while let last = bytes.last, last.isBlank || last == .carriageReturn { bytes.removeLast() }
        return bytes
    }

    private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes), as: UTF8.self)
    }

    /// `HTTP/1.1 200 OK`; the caller has seen `HTTP/`.
    private static func status(
        _ line: Slice<UnsafeRawBufferPointer>
    ) throws(Fault) -> (HTTPVersion, HTTPResponseStatus) {
        var rest = line.dropFirst(5)
        let version = rest.prefix { !$0.isBlank }
        rest = rest.dropFirst(version.count)
        let digits = Array(version)
        let known: HTTPVersion
        switch digits.count {
        case 3 where digits[0] == UInt8(ascii: "1") && digits[1] == .dot && digits[2].isDigit:
            known = digits[2] == .zero ? .http1_0 : .http1_1
        // Some gateways write it before an answer that is framed like 1.1.
        case 1 where digits[0] == UInt8(ascii: "2"), 3 where digits.elementsEqual("2.0".utf8): known = .http1_1
        default: throw .head("the version \(quoted("HTTP/" + text(version.prefix(20)))) is not spoken here")
        }
        while let first = rest.first, first.isBlank { rest.removeFirst() }
        let code = rest.prefix { $0.isDigit }
        let number = code.reduce(0) { min(10_000, $0 * 10 + Int($1 - .zero)) }
        guard code.count == 3, number >= 100 else {
            throw .head("it has no status of three digits: \(quoted(text(line.prefix(60))))")
        }
        let reason = trimmed(rest.dropFirst(3))
        let status = HTTPResponseStatus(statusCode: number)
        // The usual reason makes no string.
        return (
            known,
            reason.elementsEqual(status.reasonPhrase.utf8)
                ? status : .custom(code: UInt(number), reasonPhrase: text(reason))
        )
    }

    /// What tells where the body ends. Source: RFC 9112 section 6.3.
    private mutating func frame(_ head: HTTPResponseHead) throws(Fault) {
        codings = []
        // By number: a status with a phrase of its own is not equal to the usual one.
        let code = head.status.code
        guard code != 101 else {
            state = .untilClose
            return
        }
        guard !toHead, code >= 200, code != 204, code != 304 else {
            state = .length(0)
            return
        }
        var length: Int?
        var isEncoded = false
        var isChunked = false
        for (name, value) in head.headers where name.utf8.count == 17 && name.isEqualIgnoringCase("transfer-encoding") {
            for item in value.utf8.split(separator: UInt8(ascii: ",")) {
                let coding = String(decoding: item.filter { !$0.isBlank }.map(\.lowercased), as: UTF8.self)
                switch coding {
                case "", "identity": break
                case "chunked": isChunked = true
                case "gzip", "x-gzip", "deflate":
                    guard !isChunked else { throw .head("chunked is not its last transfer coding") }
                    codings.append(coding)
                default: throw .head("the transfer coding \(quoted(coding)) is not known")
                }
                isEncoded = isEncoded || !codings.isEmpty
            }
        }
        if isChunked {
            state = .chunkSize
            return
        }
        for (name, value) in head.headers where name.utf8.count == 14 && name.isEqualIgnoringCase("content-length") {
            for item in value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                guard let number = Self.number(item) else {
                    throw .head("Content-Length is not a number of bytes: \(quoted(value))")
                }
                guard length == nil || length == number else {
                    throw .head("Content-Length says both \(length ?? 0) and \(number)")
                }
                length = number
            }
        }
        state = isEncoded ? .untilClose : length.map(State.length) ?? .untilClose
    }

    private static func number(_ item: Substring.UTF8View) -> Int? {
        var digits = item[...]
        while let first = digits.first, first.isBlank { digits = digits.dropFirst() }
        while let last = digits.last, last.isBlank { digits = digits.dropLast() }
        guard !digits.isEmpty else { return nil }
        var value = 0
        for byte in digits {
            guard byte.isDigit else { return nil }
            let (tenfold, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = tenfold.addingReportingOverflow(Int(byte - .zero))
            guard !over, !more else { return nil }
            value = sum
        }
        return value
    }
}

extension UInt8 {
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")

    var isBlank: Bool { self == 0x20 || self == 0x09 }
}

extension String {
    /// `other` in lower case ASCII.
    func isEqualIgnoringCase(_ other: StaticString) -> Bool {
        other.withUTF8Buffer { utf8.elementsEqual($0) { $0.lowercased == $1 } }
    }
}
