import Crypto
import NIOCore
import StokerCore

/// What a file's content is called on the Hub: git's SHA-1 of a blob for small files, SHA-256 for LFS.
package enum ContentHash: Hashable, Sendable, CustomStringConvertible {
    case sha1(String)
    case sha256(String)

    /// From an ETag or `oid`: by its length. Nil for anything else.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        switch text.utf8.count {
        case 40: self = .sha1(text)
        case 64: self = .sha256(text)
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .sha1(let hex), .sha256(let hex): hex
        }
    }
}

/// Computes a ``ContentHash`` while the bytes pass by.
struct ContentHasher: Sendable {
    enum Kind: Sendable { case sha1, sha256 }
    private enum State {
        case sha1(Insecure.SHA1)
        case sha256(SHA256)
    }
    private var state: State

    /// - Parameter size: of the whole content: git's blob header names it (`blob <size>\0`).
    init(_ kind: Kind, size: Int64) {
        switch kind {
        case .sha1:
            var hash = Insecure.SHA1()
            hash.update(data: Array("blob \(size)\0".utf8))
            state = .sha1(hash)
        case .sha256:
            state = .sha256(SHA256())
        }
    }

    /// The hasher that yields a hash of the same kind as `hash`.
    init(like hash: ContentHash, size: Int64) {
        switch hash {
        case .sha1: self.init(.sha1, size: size)
        case .sha256: self.init(.sha256, size: size)
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .sha1(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha1(hash)
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha256(hash)
        }
    }

    mutating func update(_ buffer: ByteBuffer) { buffer.withUnsafeReadableBytes { update($0) } }

    func finish() -> ContentHash {
        switch state {
        case .sha1(let hash): .sha1(Hex.text(hash.finalize()))
        case .sha256(let hash): .sha256(Hex.text(hash.finalize()))
        }
    }

}

extension LocalFile {
    /// Hash of the whole file, read in pieces. Blocks.
    /// - Parameter counted: told the bytes of each piece; throw there to stop.
    func hash(_ kind: ContentHasher.Kind, size: Int64, counted: (Int) throws -> Void = { _ in }) throws -> ContentHash {
        var hasher = ContentHasher(kind, size: size)
        try forEachPiece(upTo: size) { bytes in
            hasher.update(bytes)
            try counted(bytes.count)
        }
        return hasher.finish()
    }

    /// Reads `size` bytes in pieces through one buffer. Throws when the file ends before, which means that it was changed.
    func forEachPiece(upTo size: Int64, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let space = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, Int(min(size, Int64(Disk.piece)))), alignment: 64)
        defer { space.deallocate() }
        var offset: Int64 = 0
        while offset < size {
            let wanted = Int(min(Int64(space.count), size - offset))
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: space.prefix(wanted)), at: offset)
            guard count == wanted else {
                throw Trouble(path: path, doing: "read", reason: "it became shorter while it was read")
            }
            try body(UnsafeRawBufferPointer(rebasing: space.prefix(count)))
            offset += Int64(count)
        }
    }
}
