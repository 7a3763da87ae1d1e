import Foundation
import NIOCore
import Testing

@testable import HubSimulator

/// Objects that come in parts: in any order, some of them more than once.
@Suite struct PartUploadsTests {
    private static let content = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* ($0 >> 7)) }
    private static let partSize = 1_000_000
    private static func part(_ number: Int) -> [UInt8] {
        Array(content[(number - 1) * partSize..<min(number * partSize, content.count)])
    }
    /// As `sha256sum` says.
    private static let oid = "95f25cf8148cd96dcbe8b3fb3bb882fbf26e0eb4e123a48bbb762791ef2948e9"

    /// One upload of ``content`` that was begun.
    private struct Begun {
        let folder: String
        let objects: ObjectStore
        let uploads: PartUploads
        let id: String

        func send(_ bytes: [UInt8], _ number: Int) async throws -> String {
            let (stream, source) = AsyncStream<ByteBuffer>.makeStream()
            for start in stride(from: 0, to: bytes.count, by: 60_000) {
                source.yield(ByteBuffer(bytes: bytes[start..<min(start + 60_000, bytes.count)]))
            }
            source.finish()
            return try await uploads.receive(stream, upload: id, part: number)
        }
        func complete(_ etags: [Int: String]) async throws {
            try await uploads.complete(
                id, oid: PartUploadsTests.oid, parts: etags.map { (number: $0.key, etag: "\"\($0.value)\"") },
                date: Date())
        }
        func stored() throws -> [UInt8] {
            Array(try Data(contentsOf: URL(fileURLWithPath: objects.path(PartUploadsTests.oid))))
        }
    }

    private func withUpload(_ body: (Begun) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "/parts-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder + "/incoming", withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        let objects = ObjectStore(folder: folder + "/objects", incoming: folder + "/incoming")
        let uploads = PartUploads(objects: objects, incoming: folder + "/incoming")
        let (id, count) = try #require(
            uploads.begin(repo: "repo", sha256: Self.oid, size: Self.content.count, partSize: Self.partSize))
        #expect(count == 3)
        try await body(Begun(folder: folder, objects: objects, uploads: uploads, id: id))
    }

    @Test(arguments: [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 1, 2, 3, 2]]) func comeInAnyOrder(_ order: [Int])
        async throws
    {
        try await withUpload { upload in
            var etags: [Int: String] = [:]
            for number in order { etags[number] = try await upload.send(Self.part(number), number) }
            try await upload.complete(etags)
            #expect(try upload.stored() == Self.content)
            #expect(upload.objects.object(Self.oid, of: "repo")?.size == Self.content.count)
        }
    }

    @Test func comeAtTheSameTime() async throws {
        try await withUpload { upload in
            let etags = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 1...3 { group.addTask { (number, try await upload.send(Self.part(number), number)) } }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            try await upload.complete(etags)
            #expect(try upload.stored() == Self.content)
        }
    }

    /// A part that was hashed already counts no more when it is sent again.
    @Test(arguments: 1...3) func areHashedAnewWhenSentAgain(_ wrong: Int) async throws {
        try await withUpload { upload in
            var etags: [Int: String] = [:]
            for number in 1...3 {
                let bytes = Self.part(number)
                etags[number] = try await upload.send(number == wrong ? bytes.reversed() : bytes, number)
            }
            let early = etags
            await #expect(throws: HubError.self) { try await upload.complete(early) }
            #expect(upload.objects.object(Self.oid, of: "repo") == nil)
            etags[wrong] = try await upload.send(Self.part(wrong), wrong)
            // The name of the earlier attempt is worth nothing.
            await #expect(throws: HubError.self) { try await upload.complete(early) }
            try await upload.complete(etags)
            #expect(try upload.stored() == Self.content)
        }
    }

    @Test func haveTheirLength() async throws {
        try await withUpload { upload in
            await #expect(throws: ObjectStore.Refusal.self) { try await upload.send(Self.part(1) + [0], 1) }
            await #expect(throws: HubError.self) { try await upload.send(Array(Self.part(2).dropLast()), 2) }
            await #expect(throws: HubError.self) { try await upload.send(Self.part(3), 4) }
            let etag = try await upload.send(Self.part(3), 3)
            await #expect(throws: HubError.self) { try await upload.complete([3: etag]) }
        }
    }
}
