#if canImport(Glibc)
import Glibc
#endif

/// Gives back to the system what loading a fleet needed for a moment: glibc's allocator would keep it for the life of the
/// process. Takes some milliseconds. Looked up by name, because the Glibc module leaves `malloc.h` out and musl has no such
/// function.
func giveBackMemory() {
    #if canImport(Glibc)
    guard let found = dlsym(nil, "malloc_trim") else { return }
    let trim = unsafeBitCast(found, to: (@convention(c) (Int) -> CInt).self)
    _ = trim(0)
    #endif
}
