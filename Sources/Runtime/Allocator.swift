import CLinux

/// What keeps the process small where glibc's allocator would not. Nothing happens with another C library.
package enum Allocator {
    /// From now on blocks of that size and more come from the system and go back to it when they are freed. Left to
    /// itself glibc learns from the first large blocks that are freed, those of loading a fleet, to keep up to 64 MB at the
    /// end of each thread's arena for good, where ``giveBack()`` does not reach it either (mallopt(3), M_MMAP_THRESHOLD).
    /// - Parameters:
    ///   - size: of blocks that come from the system and go back, bytes.
    ///   - kept: bytes that stay free at the end of an arena: work that takes and frees as much again and again does not get it from the system each
    ///     time. ``giveBack()`` gives them back.
    ///   - arenas: most of them; nil for as many as glibc likes.
    package static func keepLittle(from size: Int32 = 1 << 20, kept: Int32 = 1 << 20, arenas: Int32? = nil) {
        stoker_map_large_blocks(size, kept)
        if let arenas { stoker_limit_arenas(arenas) }
    }

    /// Gives back to the system what loading a fleet needed for a moment. Takes some milliseconds.
    package static func giveBack() { stoker_trim_memory() }

    /// Gives back what only a start needs: free memory, and the pages of the program's code, half of which an idle process does not use again.
    /// Those that it does use come back from the page cache.
    package static func giveBackStart() {
        stoker_trim_memory()
        stoker_release_program()
    }
}
