#if canImport(Glibc)
import Glibc
#endif

/// What keeps the process small where glibc's allocator would not. Its functions are looked up by name, because the Glibc
/// module leaves `malloc.h` out and musl has none of them; nothing happens where they are missing.
package enum Allocator {
    /// From now on blocks of that size and more come from the system and go back to it when they are freed. Left to
    /// itself glibc learns from the first large blocks that are freed, those of loading a fleet, to keep up to 64 MB at the
    /// end of each thread's arena for good, where ``giveBack()`` does not reach it either (mallopt(3), M_MMAP_THRESHOLD).
    /// - Parameters:
    ///   - size: of blocks that come from the system and go back, bytes.
    ///   - arenas: most of them; nil for as many as glibc likes.
    package static func keepLittle(from size: Int32 = 1 << 20, arenas: Int32? = nil) {
        #if canImport(Glibc)
        guard let found = dlsym(nil, "mallopt") else { return }
        let set = unsafeBitCast(found, to: (@convention(c) (CInt, CInt) -> CInt).self)
        _ = set(mmapThreshold, size)
        _ = set(trimThreshold, 1 << 20)
        if let arenas { _ = set(mostArenas, arenas) }
        #endif
    }
    private static let mostArenas: CInt = -8
    private static let trimThreshold: CInt = -1
    private static let mmapThreshold: CInt = -3

    /// Gives back to the system what loading a fleet needed for a moment. Takes some milliseconds.
    package static func giveBack() {
        #if canImport(Glibc)
        guard let found = dlsym(nil, "malloc_trim") else { return }
        let trim = unsafeBitCast(found, to: (@convention(c) (Int) -> CInt).self)
        _ = trim(0)
        #endif
    }
}
