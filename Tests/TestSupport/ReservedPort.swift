#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A TCP port of 127.0.0.1 that is bound but not listened on: connecting is refused, and nobody else can get it.
package struct ReservedPort {
    package struct Unavailable: Error { package var errno: Int32 }

    package let number: Int
    private let descriptor: Int32

    package init() throws {
        #if canImport(Glibc)
        let type = Int32(SOCK_STREAM.rawValue)
        #else
        let type = SOCK_STREAM
        #endif
        descriptor = socket(AF_INET, type, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        number = Int(UInt16(bigEndian: address.sin_port))
        guard descriptor >= 0, bound else {
            let seen = errno
            close(descriptor)
            throw Unavailable(errno: seen)
        }
    }

    package func release() { close(descriptor) }
}
