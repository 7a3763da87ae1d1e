/// The TLS session and the certificate of a port, whatever is spoken over it: `tls://mail.example.com:993`.
package enum TLSKind: CheckKind {
    package static let name = "tls"
    package static let schemes: [Address.Scheme] = [.tls]
    package static let example = "tls://host:port"
    package static let addressPattern = "[Tt][Ll][Ss]://(\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?"

    package static func settle(_ address: inout Address) throws(Address.Fault) {
        guard address.path.isEmpty || address.path == "/" else {
            throw Address.Fault(because: "has a path; a tls check makes a session and asks for nothing")
        }
        address.path = ""
    }

    package static func hasCertificate(at scheme: Address.Scheme) -> Bool { true }

    package static let settings: Set<String> = ["connect_timeout", "tls_timeout", "verify_tls"]
    package static let refusal = "where a TLS session is all that is made"
    package static let expectations = ["within", "certificate_days"]
    package static let timeout: Duration = .seconds(30)

    /// Two weeks: certificates are commonly renewed a month before their end, so then something is wrong.
    package static func complete(_ expect: inout Expectation) {
        expect.certificateDays = expect.certificateDays ?? 14
    }

    package static func label(of check: Check) -> String { "TLS certificate" }

    package static func work(of check: Check) -> String {
        let days = check.policy.expect.certificateDays.map { " → certificate good for \($0.counted("day"))" } ?? ""
        return "TLS session with \(check.shownAddress ?? "")\(days)"
    }
}

extension Address.Scheme {
    package static let tls = Address.Scheme("tls", defaultPort: 443)
}
