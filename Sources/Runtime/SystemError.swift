#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the operating system refused, in its own words.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    /// `errno` of the call.
    package var code: Int32

    /// - Parameter code: default the present `errno`.
    package init(_ code: Int32 = errno) { self.code = code }

    /// What the C library says of the number, such as "No such file or directory".
    package var description: String { String(cString: strerror(code)) }
}
