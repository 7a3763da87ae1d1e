/// One HTTP request on a new connection: Spaces, and any other web address.
package enum HTTPKind: CheckKind {
    package static let name = "http"
    package static let schemes: [Address.Scheme] = [.https, .http]
    package static let example = "https://host/path"
    package static let addressPattern =
        "[Hh][Tt][Tt][Pp][Ss]?://(\\[[0-9A-Fa-f:.%]+\\]|[A-Za-z0-9._-]+)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?][^\\s#]*)?"

    package static func settle(_ address: inout Address) throws(Address.Fault) {
        if !address.path.hasPrefix("/") { address.path = "/" + address.path }
    }

    package static let opensInBrowser = true
    package static func hasCertificate(at scheme: Address.Scheme) -> Bool { scheme == .https }

    package static let settings: Set<String> = [
        "path", "method", "headers", "body", "redirects", "verify_tls", "connect_timeout", "tls_timeout",
    ]
    package static let refusal = "where one request is made"
    package static let expectations = ["status", "text", "regex", "json", "within", "certificate_days"]

    package static func label(of check: Check) -> String { check.space == nil ? "Address" : "Space" }

    package static func work(of check: Check) -> String {
        let policy = check.policy
        let expect = policy.expect
        var wants: [String] = []
        if expect.status != Expectation().status {
            wants.append("status " + expect.status.map { Expectation.text($0) }.joined(separator: ", "))
        }
        if expect.text != nil { wants.append("text") }
        if expect.regex != nil { wants.append("regex") }
        if !expect.json.isEmpty { wants.append("json \(expect.json.map(\.path).joined(separator: ", "))") }
        if let within = expect.within { wants.append("within \(within.text)") }
        if let days = expect.certificateDays { wants.append("certificate good for \(days) days") }
        let request = "\(policy.request.method) \(check.shownAddress ?? "")"
        return wants.isEmpty ? request : "\(request) → \(wants.joined(separator: ", "))"
    }
}

extension Address.Scheme {
    package static let https = Address.Scheme("https", defaultPort: 443)
    package static let http = Address.Scheme("http", defaultPort: 80)
}

extension Expectation {
    /// `200`, `200-399`.
    package static func text(_ range: ClosedRange<Int>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
}
