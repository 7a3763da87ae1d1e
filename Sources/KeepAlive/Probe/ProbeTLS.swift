import NIOCore
package import NIOSSL
import Synchronization

/// The two TLS contexts of this process: one that checks certificates and one that does not.
///
/// Each is built when first needed and then shared by every lane: a context with the system's trust roots costs
/// 4–9 ms and 1 MiB, so one per probe would be most of a probe's cost.
package final class ProbeTLS: Sendable {
    private struct Contexts {
        var verifying: NIOSSLContext?
        var blind: NIOSSLContext?
    }
    private let contexts = Mutex(Contexts())
    private let additionalRoots: [NIOSSLCertificate]

    /// - Parameter additionalRoots: trusted beside the system's own, such as a company's authority.
    package init(additionalRoots: [NIOSSLCertificate] = []) {
        self.additionalRoots = additionalRoots
    }

    /// Builds the verifying context now, so that the first probe does not wait for it.
    /// - Throws: what BoringSSL says when the system's trust roots cannot be read.
    package func prepare() throws { _ = try context(verifying: true) }

    func context(verifying: Bool) throws -> NIOSSLContext {
        try contexts.withLock { contexts in
            if let ready = verifying ? contexts.verifying : contexts.blind { return ready }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            configuration.certificateVerification = verifying ? .fullVerification : .none
            configuration.applicationProtocols = ["http/1.1"]
            configuration.shutdownTimeout = .seconds(1)
            if verifying, !additionalRoots.isEmpty {
                configuration.additionalTrustRoots = [.certificates(additionalRoots)]
            }
            let context = try NIOSSLContext(configuration: configuration)
            if verifying { contexts.verifying = context } else { contexts.blind = context }
            return context
        }
    }
}
