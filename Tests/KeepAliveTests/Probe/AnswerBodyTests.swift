import CZlib
import NIOCore
import NIOHTTP1
import StokerCore
import Testing

@testable import KeepAlive

@Suite struct AnswerBodyTests {
    /// - Parameter bits: 31 gzip, 15 zlib's frame, -15 none.
    static func compressed(_ bytes: [UInt8], bits: CInt = 31) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + 1_000)
        let size = output.count
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(size)
                deflate(&stream, Z_FINISH)
            }
        }
        return Array(output.prefix(size - Int(stream.avail_out)))
    }

    private func body(
        _ bytes: [UInt8], _ headers: HTTPHeaders, transferCodings: [String] = [], truncated: Bool = false
    ) -> AnswerBody {
        AnswerBody(
            ByteBuffer(bytes: bytes), headers: headers, transferCodings: transferCodings, truncated: truncated)
    }

    @Test func codingsAreUndone() {
        let text = Array("healthy".utf8)
        let gzip = Self.compressed(text)
        for (bytes, coding) in [
            (gzip, "gzip"), (gzip, "X-GZIP"), (gzip + gzip, "gzip"), (Self.compressed(text, bits: 15), "deflate"),
            (Self.compressed(text, bits: -15), "deflate"), (Self.compressed(gzip), "gzip, gzip"), (text, "identity"),
        ] {
            let read = body(bytes, ["Content-Encoding": coding])
            #expect(String(buffer: read.bytes).hasPrefix("healthy"), "\(coding)")
            #expect(read.problem == nil && !read.truncated)
        }
        #expect(String(buffer: body(gzip, [:], transferCodings: ["gzip"]).bytes) == "healthy")
        #expect(body(text, ["Content-Encoding": "br"]).problem?.contains("\"br\"") == true)
        #expect(body(text, ["Content-Encoding": "gzip"]).problem?.contains("broken") == true)
        #expect(body(Array(gzip.dropLast(9)), ["Content-Encoding": "gzip"]).problem?.contains("too early") == true)
        #expect(body(Array(gzip.dropLast(9)), ["Content-Encoding": "gzip"], truncated: true).problem == nil)
        #expect(body(text, ["Content-Encoding": "gzip,gzip,gzip,gzip"]).problem?.contains("4 times") == true)
    }

    /// A few KiB that would be many MiB.
    @Test func aBombIsCut() {
        let bomb = Self.compressed([UInt8](repeating: 0x20, count: 8 << 20))
        #expect(bomb.count < 20_000)
        let read = body(bomb, ["Content-Encoding": "gzip"])
        #expect(read.bytes.readableBytes == AnswerBody.limit && read.truncated && read.problem == nil)
        let twice = body(Self.compressed(bomb), ["Content-Encoding": "gzip, gzip"])
        #expect(twice.bytes.readableBytes == AnswerBody.limit && twice.truncated)
    }

    @Test func charsetsAreConverted() {
        func text(_ bytes: [UInt8], _ type: String) -> String {
            String(buffer: body(bytes, ["Content-Type": type]).bytes)
        }
        let latin: [UInt8] = [0x47, 0x72, 0xF6, 0xDF, 0x65, 0x80]
        #expect(text(latin, "text/html; charset=iso-8859-1") == "Größe€")
        #expect(text(latin, "text/html; charset=\"Windows-1252\"") == "Größe€")
        #expect(text(Array("<meta charset='latin1'>".utf8) + latin, "text/html").hasSuffix("Größe€"))
        #expect(text(latin, "text/html; charset=utf-8") == String(decoding: latin, as: UTF8.self))
        #expect(text([0xFF, 0xFE, 0x7B, 0, 0x7D, 0], "application/json; charset=utf-16") == "{}")
        #expect(text([0x7B, 0, 0x7D, 0], "application/json") == "{}")
        #expect(text([0, 0x7B, 0, 0x7D], "application/json") == "{}")
        #expect(text([0xFE, 0xFF, 0xD8, 0x3D, 0xDE, 0], "text/plain") == "\u{FEFF}😀".dropFirst().description)
        #expect(text([0xCF, 0xF0, 0xE8], "text/plain; charset=windows-1251") == "При")
        #expect(text([0x93, 0xFA, 0x96, 0x7B], "text/html; charset=Shift_JIS") == "日本")
        #expect(text(Array("grün".utf8), "text/plain") == "grün")
        #expect(text(Array("grün".utf8), "text/plain; charset=UTF-8") == "grün")
        let unknown = body([0x41], ["Content-Type": "text/plain; charset=x-klingon"])
        #expect(unknown.problem?.contains("\"x-klingon\"") == true && String(buffer: unknown.bytes) == "A")
    }

    /// Any bytes under any label: text within bounds, never a crash.
    @Test(arguments: 0..<4 as Range<UInt64>) func anyBytes(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let codings = ["gzip", "deflate", "br", "gzip, deflate", ""]
        let charsets = [
            "utf-16", "utf-32", "shift_jis", "gb18030", "euc-kr", "big5", "iso-8859-2", "iso-2022-kr", "utf-8", "",
        ]
        for _ in 0..<300 {
            var bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes = Self.compressed(bytes) }
            if !bytes.isEmpty { bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 4 }
            let read = body(
                bytes,
                [
                    "Content-Encoding": codings.randomElement(using: &random) ?? "",
                    "Content-Type": "text/html; charset=\(charsets.randomElement(using: &random) ?? "")",
                ])
            #expect(read.bytes.readableBytes <= 3 * AnswerBody.limit)
        }
    }
}
