import Crypto
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file that is written while its bytes come. Its calls block: only inside ``run(_:)``.
final class DraftFile: Sendable {
    private let descriptor: CInt

    /// Made when it is not there.
    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    }

    deinit { close(descriptor) }

    /// On NIO's blocking threads, so that neither loops nor the cooperative pool wait for a disk or a hash.
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(work)
    }

    func write(_ pieces: [ByteBuffer], at offset: Int) throws {
        var offset = offset
        for piece in pieces {
            try piece.withUnsafeReadableBytes { try write($0, at: offset) }
            offset += piece.readableBytes
        }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws { try bytes.withUnsafeBytes { try write($0, at: offset) } }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var (rest, offset) = (bytes, offset)
        while let start = rest.baseAddress, !rest.isEmpty {
            let count = pwrite(descriptor, start, rest.count, off_t(offset))
            if count < 0 {
                if errno == EINTR { continue }
                throw IOError(errnoCode: errno, reason: "pwrite")
            }
            offset += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Nothing there is fine.
    static func remove(_ path: String) { unlink(path) }

    /// What is there under the new name is replaced at once.
    static func rename(_ from: String, to: String) throws {
        guard fileRename(from, to) == 0 else { throw IOError(errnoCode: errno, reason: "rename") }
    }

    static func renamed(_ from: String, to: String) -> Bool { fileRename(from, to) == 0 }

    /// Nobody ever sees half of it.
    static func replace(_ path: String, with bytes: [UInt8]) throws {
        let draft = "\(path).\(UInt64.random(in: 0...UInt64.max)).lock"
        do {
            try DraftFile(draft).write(bytes, at: 0)
            try rename(draft, to: path)
        } catch {
            unlink(draft)
            throw error
        }
    }

    /// Ends where the file does, if that is before the range does.
    func hash(_ range: Range<Int>, into hash: inout some HashFunction) throws {
        let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { space.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = pread(descriptor, space.baseAddress, min(space.count, range.upperBound - offset), off_t(offset))
            if count < 0 {
                if errno == EINTR { continue }
                throw IOError(errnoCode: errno, reason: "pread")
            }
            if count == 0 { return }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: space[..<count]))
            offset += count
        }
    }
}

private func fileRename(_ from: String, _ to: String) -> CInt { rename(from, to) }

extension AsyncSequence where Element == ByteBuffer {
    /// Hands the bytes on about a megabyte at a time: a hop between threads for every packet would cost more than the work.
    /// - Parameter body: is told the place of the first byte too, and called with nothing for an empty stream.
    /// - Returns: bytes in all.
    func inStrides(_ body: ([ByteBuffer], Int) async throws -> Void) async throws -> Int {
        var waiting: [ByteBuffer] = []
        var start = 0
        var length = 0
        for try await piece in self {
            waiting.append(piece)
            length += piece.readableBytes
            if length < 1 << 20 { continue }
            try await body(waiting, start)
            waiting.removeAll(keepingCapacity: true)
            start += length
            length = 0
        }
        if length > 0 || start == 0 { try await body(waiting, start) }
        return start + length
    }
}
