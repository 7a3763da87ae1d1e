import Foundation
import NIOCore
import StokerCore
import Testing

@testable import HubClient

@Suite struct PreuploadBodyTests {
    private struct Sent: Decodable {
        struct File: Decodable {
            var path: String
            var sample: String
            var size: Int
        }
        var files: [File]
        var gitIgnore: String?
        var gitAttributes: String?
    }

    /// More than one piece, every remainder of base64, names that need escapes, and the first 512 bytes only.
    @Test func itIsTheJSONItsLengthPromises() async throws {
        let contents = (0..<300).map { size in Array((0..<(size * 3)).map { UInt8(truncatingIfNeeded: $0 &+ size) }) }
        let items = try contents.enumerated().map { index, content in
            let path = try RepoPath(index % 3 == 0 ? "ü \"\(index)\".txt" : "a/\(index)")
            return try UploadItem(path: path, source: .bytes(ByteBuffer(bytes: content)))
        }
        let body = PreuploadBody(items[1...], gitIgnore: "*.log\n", gitAttributes: nil)
        for attempt in 1...2 {
            var bytes: [UInt8] = []
            var pieces = 0
            for try await piece in body.pieces() {
                bytes += piece.readableBytesView
                pieces += 1
            }
            #expect(pieces > 1 && Int64(bytes.count) == body.length, "attempt \(attempt)")
            let sent = try JSONDecoder().decode(Sent.self, from: Data(bytes))
            #expect(sent.files.map(\.path) == items[1...].map(\.path.text))
            #expect(sent.files.map(\.size) == contents[1...].map(\.count))
            #expect(sent.files.map { Data(base64Encoded: $0.sample) } == contents[1...].map { Data($0.prefix(512)) })
            #expect(sent.gitIgnore == "*.log\n" && sent.gitAttributes == nil)
        }
    }

    @Test func aFileThatChangesMeanwhileIsNamed() async throws {
        let path = NSTemporaryDirectory() + "preupload-\(UInt64.random(in: 0...UInt64.max))"
        try Data(repeating: 65, count: 400).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        let item = try UploadItem(path: RepoPath("a"), source: .file(path))
        let body = PreuploadBody([item], gitIgnore: nil, gitAttributes: nil)
        try Data(repeating: 65, count: 300).write(to: URL(fileURLWithPath: path))
        let trouble = await #expect(throws: LocalFile.Trouble.self) {
            for try await _ in body.pieces() {}
        }
        #expect(trouble?.path == path)
    }
}
