#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Calls of the C library whose headers Swift's module of it leaves out. Where one is missing, it fails as on a file system that cannot do it.
enum SystemCalls {
    private typealias SetAttribute =
        @convention(c) (Int32, UnsafePointer<CChar>, UnsafeRawPointer?, Int, Int32) -> Int32
    private typealias SyncFileSystem = @convention(c) (Int32) -> Int32

    private static let setAttribute: SetAttribute? = find("fsetxattr")
    private static let syncFileSystem: SyncFileSystem? = find("syncfs")

    private static func find<Function>(_ name: String) -> Function? {
        guard let found = dlsym(nil, name) else { return nil }
        return unsafeBitCast(found, to: Function.self)
    }

    /// fsetxattr(2).
    static func setAttribute(
        _ file: Int32, _ name: UnsafePointer<CChar>, _ value: UnsafeRawPointer?, _ count: Int
    ) -> Int32 {
        guard let setAttribute else {
            errno = ENOTSUP
            return -1
        }
        return setAttribute(file, name, value, count, 0)
    }

    /// syncfs(2): everything of the file system on the disk.
    static func syncFileSystem(of file: Int32) -> Int32 {
        guard let syncFileSystem else {
            sync()
            return 0
        }
        return syncFileSystem(file)
    }
}
