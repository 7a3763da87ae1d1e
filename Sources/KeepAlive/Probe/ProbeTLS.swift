import NIOCore
package import NIOSSL
import Synchronization

/// Whether a certificate is for a host, by the rules of curl (`lib/vtls/hostcheck.c`, 7.88), which are those of browsers but for the common
/// name: a DNS name for a host name, an IP address for an address, `*` only as the whole first part and never for a name of two parts.
/// A common name counts when there is no other name at all.
enum CertificateNames {
    static func areFor(_ address: ProbeAddress, _ certificate: NIOSSLCertificate) -> Bool {
        let host = Array(address.host.utf8)
        let own = address.literal.map(\.bytes)
        var sawAny = false
        for name in certificate._subjectAlternativeNames() {
            let matches = name.contents.withUnsafeBufferPointer { contents -> Bool in
                switch name.nameType {
                case .dnsName:
                    sawAny = true
                    return own == nil && covers(contents, host)
                case .ipAddress:
                    sawAny = true
                    return own.map { $0.elementsEqual(contents) } ?? false
                default: return false
                }
            }
            if matches { return true }
        }
        guard !sawAny, let common = CertificateText.commonName(certificate) else { return false }
        return own == nil ? covers(common, host) : common.elementsEqual(host)
    }

    /// - Parameter host: in lower case, without the root's dot.
    static func covers(_ pattern: some BidirectionalCollection<UInt8>, _ host: [UInt8]) -> Bool {
        // Without copies: a certificate may have hundreds of names.
        let pattern = pattern.last == .dot ? pattern.dropLast() : pattern[...]
        if pattern.count == host.count, pattern.elementsEqual(host, by: { $0.lowercased == $1 }) { return true }
        guard pattern.starts(with: "*.".utf8), pattern.count(where: { $0 == .dot }) >= 2,
            let dot = host.firstIndex(of: .dot), dot > 0
        else { return false }
        return pattern.dropFirst().elementsEqual(host[dot...]) { $0.lowercased == $1 }
    }
}

/// The TLS contexts of this process: those that check certificates and those that do not, with and without the offer of HTTP.
///
/// Each is built when first needed and then shared by every lane: a context with the system's trust roots costs
/// 4–9 ms and 1 MiB, so one per probe would be most of a probe's cost.
package final class ProbeTLS: Sendable {
    private struct Use: Hashable {
        var verifying: Bool
        var offersHTTP: Bool
    }
    private let contexts = Mutex<[Use: NIOSSLContext]>([:])
    private let additionalRoots: [NIOSSLCertificate]

    /// - Parameter additionalRoots: trusted beside the system's own, such as a company's authority.
    package init(additionalRoots: [NIOSSLCertificate] = []) {
        self.additionalRoots = additionalRoots
    }

    /// Builds the verifying context now, so that the first probe does not wait for it.
    /// - Throws: what BoringSSL says when the system's trust roots cannot be read.
    package func prepare() throws { _ = try context(verifying: true, offersHTTP: true) }

    /// - Parameter offersHTTP: HTTP/1.1 is named as the protocol (ALPN); other servers may refuse a session that names it.
    func context(verifying: Bool, offersHTTP: Bool) throws -> NIOSSLContext {
        let use = Use(verifying: verifying, offersHTTP: offersHTTP)
        return try contexts.withLock { contexts in
            if let ready = contexts[use] { return ready }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            // The name is held against the certificate by ``CertificateNames``: the library's own rules let other certificates pass.
            configuration.certificateVerification = verifying ? .noHostnameVerification : .none
            if offersHTTP { configuration.applicationProtocols = ["http/1.1"] }
            configuration.shutdownTimeout = .seconds(1)
            if verifying, !additionalRoots.isEmpty {
                configuration.additionalTrustRoots = [.certificates(additionalRoots)]
            }
            let context = try NIOSSLContext(configuration: configuration)
            contexts[use] = context
            return context
        }
    }
}
