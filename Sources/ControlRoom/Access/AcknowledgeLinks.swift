import Crypto
package import StokerCore

/// Addresses that acknowledge one incident and can do nothing else, for messages: who gets one needs no token. Made from the server's token and
/// changed with it; nothing is stored, so a second master with the same token makes and takes the same ones.
package struct AcknowledgeLinks: Sendable {
    private let key: SymmetricKey?
    private let base: String?
    private let now: @Sendable () -> Instant
    /// How long one holds.
    package static let life = Duration.seconds(7 * 86_400)

    /// - Parameters:
    ///   - token: nil or empty: there are no links; who reaches the server may acknowledge on its page.
    ///   - publicURL: where people reach the server; nil: nobody could open one.
    package init(token: Secret?, publicURL: String?, now: @escaping @Sendable () -> Instant) {
        key = token.flatMap { token in
            token.isEmpty
                ? nil
                : SymmetricKey(data: SHA256.hash(data: Array("stoker acknowledge key 1\n\(token.reveal())".utf8)))
        }
        base = publicURL.map { url in
            var url = url
            while url.hasSuffix("/") { url.removeLast() }
            return url
        }
        self.now = now
    }

    /// The whole address; nil without a token or a public address.
    package func address(of incident: Int64) -> String? {
        guard let base else { return nil }
        return path(of: incident).map { base + $0 }
    }

    /// `/acknowledge/17/1795860000.0a1b…`
    package func path(of incident: Int64) -> String? {
        guard let key else { return nil }
        let end = (now() + Self.life).milliseconds / 1_000
        let code = HMAC<SHA256>.authenticationCode(for: Self.said(incident, end), using: key)
        return "/acknowledge/\(incident)/\(end).\(Hex.text(code))"
    }

    /// The incident that these parts of an address may acknowledge.
    /// - Throws: `forbidden` for what we did not make, or what is past its time.
    package func incident(_ number: String, seal: String) throws(Failure) -> Int64 {
        let parts = seal.split(separator: ".", omittingEmptySubsequences: false)
        guard let key, let incident = Int64(number), incident > 0, "\(incident)" == number, parts.count == 2,
            let end = Int64(parts[0]), let code = Hex.bytes(parts[1]),
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Self.said(incident, end), using: key)
        else {
            throw Failure(
                .forbidden, doing: "acknowledge the incident", because: "this link is not whole, or was not made here",
                hint: "open the incident's page, or use `stoker incidents acknowledge`")
        }
        guard end > now().milliseconds / 1_000 else {
            throw Failure(
                .forbidden, doing: "acknowledge the incident", because: "this link is older than a week",
                hint: "open the incident's page, or use `stoker incidents acknowledge \(incident)`")
        }
        return incident
    }

    private static func said(_ incident: Int64, _ end: Int64) -> [UInt8] { Array("\(incident) \(end)".utf8) }
}
