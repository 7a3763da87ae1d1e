#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many files and sockets this process may have open, and so how many probes may be in flight.
package struct FileLimit: Sendable, Equatable {
    /// The soft limit after raising.
    package var open: Int
    /// Kept back for the ledger, the pages' visitors, name lookups and connections that wait for the server's close.
    package var headroom: Int

    /// Connections that the pages' visitors may have open at once.
    package var visitors: Int { headroom / 2 }

    /// Probes that may be in flight at once over all lanes; at least 16.
    package var inFlight: Int { max(16, open - headroom) }

    package init(open: Int) {
        self.open = open
        self.headroom = max(64, min(4_096, open / 4))
    }

    /// Raises `RLIMIT_NOFILE`'s soft limit to the hard one and says what came of it. A refusal is no error: the limit
    /// is then what it was. Never more than 1,000,000, because some systems call "unlimited" a number nobody can use.
    package static func raised() -> FileLimit {
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        #else
        let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return FileLimit(open: 1_024) }
        let wanted = min(limit.rlim_max, 1_000_000)
        if limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = wanted
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return FileLimit(open: Int(min(limit.rlim_cur, 1_000_000)))
    }
}
