import StokerCore
import Synchronization

/// The connectivity guard as all shards share it. Shards collect their own evidence and hand it over at every tick and
/// before a failure is judged, so the lock is taken a few times a second.
final class SharedConnectivity: Sendable {
    private let state = Mutex(ConnectivityGuard(hosts: 0))

    func setHosts(_ hosts: Int) { state.withLock { $0.hosts = hosts } }

    var status: ConnectivityGuard.Status { state.withLock { $0.status } }

    /// Takes a shard's evidence over and empties it. Returns whether two other hosts should be asked now.
    func take(_ evidence: inout ConnectivityGuard.Evidence, now: Instant) -> Bool {
        let new = evidence
        evidence = ConnectivityGuard.Evidence()
        return state.withLock { guardian in
            var new = new
            // Changes are told by the fleet monitor, which compares the standing at every tick of its own.
            _ = guardian.take(&new, now: now)
            return guardian.wantsWitnesses(now: now)
        }
    }

    func treatment(of cause: Cause, now: Instant) -> ConnectivityGuard.Treatment {
        state.withLock { $0.treatment(of: cause, now: now) }
    }

    /// Whether the address's host says something about our way to the world.
    static func isWitness(_ address: String) -> Bool { ConnectivityGuard.counts(host: host(of: address)) }

    static func hostKey(of address: String) -> UInt64 { ConnectivityGuard.key(host: host(of: address)) }

    private static func host(of address: String) -> String {
        let rest = address.utf8.drop { $0 != UInt8(ascii: "/") }.dropFirst(2)
        var host = rest.prefix {
            $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
        }
        if let at = host.lastIndex(of: UInt8(ascii: "@")) { host = host[host.index(after: at)...] }
        if host.first == UInt8(ascii: "[") {
            host = host.dropFirst().prefix { $0 != UInt8(ascii: "]") }
        } else if let colon = host.lastIndex(of: UInt8(ascii: ":")) {
            host = host[..<colon]
        }
        return String(Substring(host))
    }

    /// How many different hosts say something about our way to the world, of the first that do; more than
    /// ``enoughHosts`` make no difference.
    static func hosts(in checks: [Check]) -> Int {
        var found: Set<UInt64> = []
        for check in checks where isWitness(check.address) {
            if found.insert(hostKey(of: check.address)).inserted, found.count == enoughHosts { break }
        }
        return found.count
    }
    private static let enoughHosts = 16
}
