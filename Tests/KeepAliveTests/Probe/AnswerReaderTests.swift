import NIOCore
import NIOHTTP1
import Testing

@testable import KeepAlive

/// Bytes of an answer, read in every cut: the pieces must make no difference.
@Suite struct AnswerReaderTests {
    struct Read: Equatable {
        var status: UInt = 0
        var headers: [String] = []
        var body = ""
        var ended = false
        var fault: String?
    }

    /// - Parameter size: bytes that arrive at once.
    static func read(_ text: String, pieces size: Int = .max, method: String = "GET") -> Read {
        read(Array(text.utf8), pieces: size, method: method)
    }

    static func read(_ bytes: [UInt8], pieces size: Int = .max, method: String = "GET") -> Read {
        var reader = AnswerReader(method: method)
        var result = Read()
        var rest = bytes[...]
        do throws(AnswerReader.Fault) {
            while !rest.isEmpty {
                reader.take(ByteBuffer(bytes: rest.prefix(size)))
                rest = rest.dropFirst(size)
                while let part = try reader.next() {
                    switch part {
                    case .head(let head):
                        result.status = head.status.code
                        result.headers = head.headers.map { "\($0.name)=\($0.value)" }
                    case .body(let bytes): result.body += String(buffer: bytes)
                    case .end: result.ended = true
                    }
                }
            }
            result.ended = result.ended || reader.endsWithConnection
        } catch {
            result.fault = error.detail
        }
        return result
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var status: UInt = 200
        var body = "ok"
        var method = "GET"
        var testDescription: String { name }
    }

    /// What curl 7.88 takes, and all of it but the empty line browsers, too.
    @Test(arguments: [
        Row(name: "usual", text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "bare LF", text: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
        Row(name: "one bare LF", text: "HTTP/1.1 200 OK\r\nX-A: a\nContent-Length: 2\r\n\r\nok"),
        Row(name: "control characters", text: "HTTP/1.1 200 OK\r\nX: a\u{1}b\u{b}c\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "UTF-8 in a name", text: "HTTP/1.1 200 OK\r\nX-ä: 1\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "a name with spaces", text: "HTTP/1.1 200 OK\r\nX Odd: 1\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "no name", text: "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "a space before the colon", text: "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok"),
        Row(name: "folded", text: "HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "twice the same length", text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "a list of the same length", text: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"),
        Row(
            name: "chunked beats the length",
            text: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        Row(
            name: "chunked twice",
            text:
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        ),
        Row(name: "chunks with LF", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n"),
        Row(
            name: "chunks with spaces, zeros and extensions",
            text:
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0001  \r\no\r\n1;a=\"b\"\r\nk\r\n0;x\r\nT: 1\r\n\r\n"
        ),
        Row(
            name: "identity",
            text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nokmore"),
        Row(name: "identity until the end", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok"),
        Row(name: "two spaces", text: "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "no space behind the status", text: "HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "no reason", text: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "a protocol in lower case", text: "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "HTTP/2 over this framing", text: "HTTP/2 200\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "an odd status", text: "HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nok", status: 999),
        Row(name: "empty lines first", text: "\r\n\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Row(name: "no headers", text: "HTTP/1.0 200 OK\r\n\r\nok"),
        Row(
            name: "interim answers",
            text:
                "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        ),
        Row(
            name: "no content, whatever it announces", text: "HTTP/1.1 204 Done\r\nContent-Length: 5\r\n\r\nhello",
            status: 204,
            body: ""),
        Row(name: "not modified", text: "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", status: 304, body: ""),
        Row(
            name: "to HEAD", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body: "", method: "HEAD"),
    ])
    func isTaken(_ row: Row) {
        for size in [1, 2, 3, 5, 8, 13, 40, Int.max] {
            let read = Self.read(row.text, pieces: size, method: row.method)
            #expect(read.status == row.status && read.body == row.body && read.ended, "\(read) in pieces of \(size)")
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nX: a\u{0}b\r\n\r\n", "NUL"),
        ("HTTP/1.1 200 OK\r\nBadHeader\r\n\r\n", "without a colon: \"BadHeader\""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "both 5 and 6"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", "both 5 and 6"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n 6\r\n\r\n", "Content-Length is not a number of bytes: \"5 6\""),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n", "\"+2\""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n", "\"0x2\""),
        ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "Content-Length is not a number"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "not a number"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n", "transfer coding \"xchunked\""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "last transfer coding"),
        ("HTTP/1.1 20 OK\r\n\r\n", "no status of three digits"), ("HTTP/1.1 2000 OK\r\n\r\n", "three digits"),
        ("HTTP/1.1 OK\r\n\r\n", "three digits"), ("HTTP/3.0 200 OK\r\n\r\n", "the version \"HTTP/3.0\""),
        ("HTTP/1 200 OK\r\n\r\n", "the version \"HTTP/1\""),
        ("ICY 200 OK\r\n\r\n", "begins with \"ICY 200 OK\""), ("hello nine\n", "begins with \"hello nine\""),
        ("\u{16}\u{3}\u{1}", "TLS"), ("\u{0}\u{0}\u{12}\u{4}\u{0}", "HTTP/2"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk's size is not a number"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "chunk's size is not a number"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "chunk's size is not a number"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n", "longer than its size"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "not a number"),
    ])
    func isRefusedByName(_ text: String, _ says: String) {
        for size in [1, 7, Int.max] {
            let fault = Self.read(text, pieces: size).fault
            // Of a stranger's protocol only what has arrived can be shown.
            if size == Int.max { #expect(fault?.contains(says) == true, "\(fault ?? "taken")") }
            #expect(fault != nil)
            #expect(fault?.contains("http_parser") != true && (fault?.utf8.count ?? 0) < 200)
        }
    }

    /// An endless line before a chunk, chunks that are nearly all extension, endless trailers.
    @Test func whatIsNoBodyIsBounded() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let line = Self.read(head + "1;" + String(repeating: "x", count: 5_000), pieces: 100)
        #expect(line.fault?.contains("longer than 4 KiB") == true)
        let small = String(repeating: "1;\(String(repeating: "x", count: 1_000))\r\na\r\n", count: 40)
        #expect(Self.read(head + small).fault?.contains("extension") == true)
        let honest = String(repeating: "1\r\na\r\n", count: 40_000) + "0\r\n\r\n"
        #expect(Self.read(head + honest, pieces: 4_096).body.utf8.count == 40_000)
        let trailers = "0\r\n" + String(repeating: "T: \(String(repeating: "y", count: 1_000))\r\n", count: 80)
        #expect(Self.read(head + trailers, pieces: 999).fault?.contains("after the last chunk") == true)
    }

    @Test func theLocationKeepsItsBytes() throws {
        var reader = AnswerReader(method: "GET")
        reader.take(
            ByteBuffer(bytes: Array("HTTP/1.1 302 Go\r\nLocation: /gr".utf8) + [0xFC, 0xDF] + Array("e\r\n\r\n".utf8)))
        _ = try reader.next()
        #expect(reader.location == Array("/gr".utf8) + [0xFC, 0xDF] + Array("e".utf8))
    }
}
