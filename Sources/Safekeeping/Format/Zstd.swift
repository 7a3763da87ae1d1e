import CZstd
import Synchronization

/// Frames of Debian's libzstd at level 3, with tables of 2^18 places: about 1 % smaller in the same time. Contexts are kept: making one costs as much as a
/// small frame.
enum Zstd {
    static let level: Int32 = 3
    private static let tables: Int32 = 18

    // A context is used by one thread at a time: it is taken out of the list for that.
    private struct Contexts: @unchecked Sendable {
        var compressing: [OpaquePointer] = []
        var opening: [OpaquePointer] = []
    }
    private static let kept = Mutex(Contexts())

    /// nil when it would not become smaller.
    static func compressed(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard bytes.count > 64 else { return nil }
        guard let context = kept.withLock({ $0.compressing.popLast() }) ?? makeContext() else { return nil }
        defer { kept.withLock { $0.compressing.append(context) } }
        var made = 0
        let out = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { space, count in
            made = ZSTD_compress2(context, space.baseAddress, space.count, bytes.baseAddress, bytes.count)
            count = ZSTD_isError(made) == 0 ? made : 0
        }
        return ZSTD_isError(made) == 0 && made < bytes.count - bytes.count / 64 ? out : nil
    }

    private static func makeContext() -> OpaquePointer? {
        guard let context = ZSTD_createCCtx() else { return nil }
        for (parameter, value) in [
            (ZSTD_c_compressionLevel, level), (ZSTD_c_hashLog, tables), (ZSTD_c_chainLog, tables),
        ] { ZSTD_CCtx_setParameter(context, parameter, value) }
        return context
    }

    /// - Throws: when it is no frame of exactly `size` bytes.
    static func opened(_ bytes: UnsafeRawBufferPointer, size: Int) throws -> [UInt8] {
        guard let context = kept.withLock({ $0.opening.popLast() }) ?? ZSTD_createDCtx() else {
            throw RecordReader.Damaged()
        }
        defer { kept.withLock { $0.opening.append(context) } }
        var made = 0
        let out = [UInt8](unsafeUninitializedCapacity: size) { space, count in
            made = ZSTD_decompressDCtx(context, space.baseAddress, space.count, bytes.baseAddress, bytes.count)
            count = ZSTD_isError(made) == 0 ? made : 0
        }
        guard ZSTD_isError(made) == 0, made == size else { throw RecordReader.Damaged() }
        return out
    }
}
