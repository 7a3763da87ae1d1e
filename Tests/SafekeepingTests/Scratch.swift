import Foundation

@testable import Safekeeping

/// A folder for one test, removed at its end.
final class Scratch: Sendable {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/safekeeping-" + UUID().uuidString
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Every file below a folder with its bytes, links by their target.
    static func contents(_ folder: String) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [] {
            var isFolder: ObjCBool = false
            let path = folder + "/" + name
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
                found[name] = Array("-> \(target)".utf8)
            } else if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
                found[name] = FileManager.default.contents(atPath: path).map { Array($0) }
            }
        }
        return found
    }
}

/// A tree that is only told: a capture without a disk.
struct ToldTree: Sendable {
    var entries: [CapturedEntry] = []

    mutating func folder(_ path: String, mode: UInt32 = 0o755) {
        entries.append(CapturedEntry(path: Array(path.utf8), kind: .folder, facts: Self.facts(mode)))
    }
    mutating func link(_ path: String, to target: String) {
        entries.append(CapturedEntry(path: Array(path.utf8), kind: .link(Array(target.utf8)), facts: Self.facts(0o777)))
    }
    mutating func file(_ path: String, _ bytes: [UInt8], changed: Int64 = 0, mode: UInt32 = 0o644) {
        entries.append(
            CapturedEntry(
                path: Array(path.utf8), kind: .file(ToldContent(bytes: bytes)),
                facts: Self.facts(mode, changed: changed)))
    }
    mutating func database(_ path: String, _ bytes: [UInt8], pageSize: Int = 4096) {
        entries.append(
            CapturedEntry(
                path: Array(path.utf8), kind: .database(ToldContent(bytes: bytes), pageSize: pageSize),
                facts: Self.facts(0o644)))
    }

    static func facts(_ mode: UInt32, changed: Int64 = 0) -> FileFacts {
        FileFacts(mode: mode, modified: 1_700_000_000_123_456_789, uid: 0, gid: 0, changed: changed, inode: 7)
    }

    var stream: AsyncThrowingStream<CapturedEntry, any Error> {
        let sorted = entries.sorted { TreePath.isBefore($0.path, $1.path) }
        return AsyncThrowingStream { stream in
            for entry in sorted { stream.yield(entry) }
            stream.finish()
        }
    }
}

struct ToldContent: ContentSource {
    var bytes: [UInt8]
    var size: Int64 { Int64(bytes.count) }
    func open() throws -> any ContentReader { ToldReader(bytes) }
}

final class ToldReader: ContentReader {
    private var rest: ArraySlice<UInt8>
    init(_ bytes: [UInt8]) { rest = bytes[...] }
    func next(into buffer: UnsafeMutableRawBufferPointer) throws -> ContentPiece {
        guard !rest.isEmpty else { return .end }
        let piece = rest.prefix(min(buffer.count, 100_000))
        buffer.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        return .bytes(piece.count)
    }
    func end() throws -> ContentEnd { .whole }
}

/// Numbers that look random and are the same on every run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
    mutating func bytes(_ count: Int) -> [UInt8] {
        var made: [UInt8] = []
        made.reserveCapacity(count + 8)
        while made.count < count { withUnsafeBytes(of: next()) { made.append(contentsOf: $0) } }
        return Array(made.prefix(count))
    }
}
