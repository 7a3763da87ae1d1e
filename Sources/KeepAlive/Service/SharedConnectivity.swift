import StokerCore
import Synchronization

/// The connectivity guard as all shards share it. Shards collect their own evidence and hand it over at every tick and
/// before a failure is judged, so the lock is taken a few times a second.
final class SharedConnectivity: Sendable {
    private let state = Mutex(ConnectivityGuard(hosts: 0))

    func setHosts(_ hosts: Int) { state.withLock { $0.hosts = hosts } }

    var standing: ConnectivityGuard.Standing { state.withLock { $0.standing } }

    func take(_ evidence: inout ConnectivityGuard.Evidence, now: Instant) {
        // Changes are told by the boiler, which compares the standing at every tick of its own.
        evidence = state.withLock { [evidence] guardian in
            var evidence = evidence
            _ = guardian.take(&evidence, now: now)
            return evidence
        }
    }

    func treatment(of cause: Cause, now: Instant) -> ConnectivityGuard.Treatment {
        state.withLock { $0.treatment(of: cause, now: now) }
    }

    /// Key of an address's host; 0 when the host says nothing about our way to the world.
    static func hostKey(of address: String) -> UInt64 {
        let rest = address.drop { $0 != "/" }.dropFirst(2)
        var host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = host.lastIndex(of: "@") { host = host[host.index(after: at)...] }
        if host.first == "[" {
            host = host.dropFirst().prefix { $0 != "]" }
        } else if let colon = host.lastIndex(of: ":") {
            host = host[..<colon]
        }
        let name = String(host)
        return ConnectivityGuard.counts(host: name) ? ConnectivityGuard.key(host: name) : 0
    }
}
