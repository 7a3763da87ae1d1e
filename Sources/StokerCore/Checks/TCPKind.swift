/// One TCP connection to a port.
package enum TCPKind: CheckKind {
    package static let name = "tcp"
    package static let schemes: [Address.Scheme] = [.tcp]
    package static let example = "tcp://host:port"
    package static let addressPattern = "[Tt][Cc][Pp]://(\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}/?"

    package static func settle(_ address: inout Address) throws(Address.Fault) {
        guard address.port != nil else { throw Address.Fault(because: "has no port; write tcp://host:5432") }
        guard address.path.isEmpty || address.path == "/" else {
            throw Address.Fault(because: "has a path; a tcp check only connects")
        }
        address.path = ""
    }

    package static let settings: Set<String> = ["connect_timeout"]
    package static let refusal = "where a connection is all that is made"
    package static let expectations = ["within"]

    package static func label(of check: Check) -> String { "TCP port" }
    package static func work(of check: Check) -> String { "connect \(check.shownAddress ?? "")" }
}

extension Address.Scheme {
    package static let tcp = Address.Scheme("tcp")
}
