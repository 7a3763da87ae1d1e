import CLinux

/// What keeps the process small where glibc's allocator would not. Nothing happens with another C library.
enum Allocator {
    /// From now on blocks of a megabyte and more come from the system and go back to it when they are freed. Left to
    /// itself glibc learns from the first large blocks that are freed, those of loading a fleet, to keep up to 64 MB at the
    /// end of each thread's arena for good, where ``giveBack()`` does not reach it either (mallopt(3), M_MMAP_THRESHOLD).
    static func keepLittle() { stoker_map_large_blocks(1 << 20) }

    /// Gives back to the system what loading a fleet needed for a moment. Takes some milliseconds.
    static func giveBack() { stoker_trim_memory() }
}
