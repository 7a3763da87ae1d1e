import Foundation
import StokerCore

/// The address of a service, which is a secret itself in most of them.
enum ServiceAddress {
    /// Why it cannot be one, in words that show nothing of it; nil when it can.
    /// - Parameter host: whether the service has that host; a loopback address is always taken, for tests and relays of one's own.
    static func fault(_ address: Secret, _ wanted: String, host: (String) -> Bool) -> String? {
        guard let read = try? Address(address.reveal()), ["http", "https"].contains(read.scheme.rawValue) else {
            return "is no address; expected \(wanted)"
        }
        if HostAddress.isLoopback(host: read.host) { return nil }
        if !host(read.host) { return "is not an address of that service; expected \(wanted)" }
        if read.scheme.rawValue != "https" { return "would send the message and its key unencrypted; write https://…" }
        return nil
    }

    /// Its host, which is all that people may see of it.
    static func shown(_ address: Secret?) -> String {
        guard let address, let read = try? Address(address.reveal()) else { return "" }
        return read.port.map { "\(read.host):\($0)" } ?? read.host
    }

    /// `host` itself or under it.
    static func isUnder(_ domain: String, _ host: String) -> Bool { host == domain || host.hasSuffix(".\(domain)") }
}

extension FleetTableReport {
    /// Reports an address that cannot be right.
    func check(_ address: Secret?, at key: String, _ wanted: String, host: (String) -> Bool = { _ in true }) {
        guard let address, let fault = ServiceAddress.fault(address, wanted, host: host) else { return }
        report(.value, fault, at: key)
    }
}
