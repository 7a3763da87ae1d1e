import NIOCore
import NIOSSL
import StokerCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What an error of the network means. Details name addresses and system errors, never headers or bodies.
enum ProbeErrors {
    /// Nobody listens there: the kernel connected our socket to itself.
    static let selfConnect = IOError(errnoCode: ECONNREFUSED, reason: "connected to itself")

    static func connect(_ error: any Error, to address: SocketAddress) -> (Cause, String) {
        let code = (error as? IOError)?.errnoCode ?? 0
        let peer = address.text
        switch code {
        case ECONNREFUSED: return (.connectRefused, "\(peer) refused the connection")
        case ETIMEDOUT: return (.connectTimeout, "\(peer) did not answer")
        case ECONNRESET, ECONNABORTED: return (.connectionReset, "\(peer) reset the connection while connecting")
        case EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN:
            return (.selfOverloaded, "this machine had no socket left for \(peer): \(text(code))")
        case EADDRNOTAVAIL where !address.isIPv6, EADDRINUSE:
            return (.selfOverloaded, "this machine had no port left to reach \(peer) from")
        case 0: return (.connectUnreachable, "\(peer) could not be reached")
        default: return (.connectUnreachable, "\(peer) could not be reached: \(text(code))")
        }
    }

    static func tls(_ error: any Error, host: String, certificate: NIOSSLCertificate?) -> (Cause, String) {
        if error is NIOSSLExtraError { return (.tlsHandshake, "\(host) cannot be asked for over TLS") }
        if let error = error as? IOError { return reset(error, "during the TLS handshake") }
        if case .handshakeFailed(let inner)? = error as? NIOSSLError {
            if case .sslError(let stack) = inner {
                let text = stack.map { "\($0)" }.joined(separator: " ")
                if text.contains("CERTIFICATE_VERIFY_FAILED") {
                    return certificateProblem(certificate)
                }
                if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
                    return (.tlsHandshake, "the port does not speak TLS")
                }
                return (.tlsHandshake, "the TLS handshake failed: \(reason(text))")
            }
            return (.tlsHandshake, "the TLS handshake failed")
        }
        return (.tlsHandshake, "the TLS session could not be set up")
    }

    static func wrongName(_ host: String, _ certificate: NIOSSLCertificate) -> String {
        let names = CertificateText.names(certificate)
        let list = names.isEmpty ? "no name" : names.prefix(4).joined(separator: ", ")
        return "wrong name: the certificate is for \(list), not for \(host)"
    }

    static func talk(_ error: any Error, anyByte: Bool) -> (Cause, String) {
        if let error = error as? IOError {
            return reset(error, anyByte ? "during the answer" : "before an answer")
        }
        if error is NIOSSLError || error is BoringSSLError { return (.tlsHandshake, "the TLS session broke") }
        return (.closedEarly, anyByte ? "the connection broke during the answer" : "the connection broke")
    }

    private static func reset(_ error: IOError, _ moment: String) -> (Cause, String) {
        switch error.errnoCode {
        case ETIMEDOUT: (.connectTimeout, "the connection went silent \(moment)")
        case EHOSTUNREACH, ENETUNREACH: (.connectUnreachable, "the network was lost \(moment)")
        default: (.connectionReset, "reset \(moment): \(text(error.errnoCode))")
        }
    }

    private static func certificateProblem(_ certificate: NIOSSLCertificate?) -> (Cause, String) {
        guard let certificate else { return (.tlsUntrusted, "the certificate is not trusted") }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        if certificate.notValidAfter < now.tv_sec {
            return (.tlsExpired, "expired: the certificate ended \(CertificateText.day(certificate.notValidAfter))")
        }
        if certificate.notValidBefore > now.tv_sec {
            return (
                .tlsCertificate,
                "not yet valid: the certificate begins \(CertificateText.day(certificate.notValidBefore))"
            )
        }
        let (subject, issuer) = CertificateText.subjectAndIssuer(certificate)
        if subject == issuer { return (.tlsUntrusted, "untrusted: the certificate is self-signed (\(subject))") }
        return (
            .tlsUntrusted,
            "untrusted: the certificate was issued by \(issuer), which is not a trusted authority here"
        )
    }

    /// `error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at file:line` without the place.
    private static func reason(_ text: String) -> String {
        let words = text.split { $0 == ":" || $0 == " " }
        let name = words.first { word in
            word.count > 4 && word.utf8.allSatisfy { ($0.isLetter && $0 < 0x60) || $0 == .underscore || $0.isDigit }
        }
        return name.map { $0.replacing("_", with: " ").lowercased() } ?? "closed by the server"
    }

    private static func text(_ code: CInt) -> String {
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }
}

/// Reads what the library does not tell of a certificate, for people.
enum CertificateText {
    /// DNS names and IP addresses it is for, or its subject.
    static func names(_ certificate: NIOSSLCertificate) -> [String] {
        var names: [String] = []
        for name in certificate._subjectAlternativeNames() {
            let contents = name.contents.withUnsafeBufferPointer { Array($0) }
            switch name.nameType {
            case .dnsName: names.append(String(decoding: contents, as: UTF8.self))
            case .ipAddress:
                let address = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: contents), port: 0)
                if let text = address?.ipAddress { names.append(text) }
            default: break
            }
        }
        return names.isEmpty ? [subjectAndIssuer(certificate).subject] : names
    }

    /// The last one of the subject, which is the most specific; nil when there is none.
    static func commonName(_ certificate: NIOSSLCertificate) -> [UInt8]? {
        guard let subject = subjectAndIssuerItems(certificate)?.subject else { return nil }
        var last: [UInt8]?
        var sets = subject.inner
        while let set = sets.next() {
            var pairs = set.inner
            while let pair = pairs.next() {
                var both = pair.inner
                guard let type = both.next(), let value = both.next() else { continue }
                if type.bytes.elementsEqual([0x55, 0x04, 0x03]) { last = Array(value.bytes) }
            }
        }
        return last
    }

    static func day(_ time: Int) -> String {
        String(Instant(milliseconds: Int64(time) * 1_000).description.prefix(10))
    }

    /// Both as `CN=…, O=…`, empty when the certificate cannot be read.
    static func subjectAndIssuer(_ certificate: NIOSSLCertificate) -> (subject: String, issuer: String) {
        subjectAndIssuerItems(certificate).map { (name($0.subject), name($0.issuer)) } ?? ("", "")
    }

    private static func subjectAndIssuerItems(
        _ certificate: NIOSSLCertificate
    ) -> (subject: DER.Item, issuer: DER.Item)? {
        // The library fails only when it is out of memory; the texts are then missing from the transcript, no more.
        guard let bytes = try? certificate.toDERBytes() else { return nil }
        // Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version?, serial, algorithm, issuer, validity, subject … (RFC 5280, 4.1)
        var outer = DER(bytes[...])
        guard var certificate = outer.next(), var fields = certificate.inner.next()?.inner else { return nil }
        var parts: [DER.Item] = []
        while parts.count < 6, let item = fields.next() {
            if item.tag != 0xA0 { parts.append(item) }
        }
        guard parts.count >= 5 else { return nil }
        return (parts[4], parts[2])
    }

    private static func name(_ item: DER.Item) -> String {
        var texts: [String] = []
        var sets = item.inner
        while let set = sets.next() {
            var pairs = set.inner
            while let pair = pairs.next() {
                var both = pair.inner
                guard let type = both.next(), let value = both.next() else { continue }
                let label =
                    switch Array(type.bytes) {
                    case [0x55, 0x04, 0x03]: "CN="
                    case [0x55, 0x04, 0x0A]: "O="
                    case [0x55, 0x04, 0x06]: "C="
                    default: ""
                    }
                if !label.isEmpty { texts.append(label + String(decoding: value.bytes, as: UTF8.self)) }
            }
        }
        return texts.joined(separator: ", ")
    }

    /// Just enough of DER to walk definite lengths.
    struct DER {
        struct Item {
            var tag: UInt8
            var bytes: ArraySlice<UInt8>
            var inner: DER {
                get { DER(bytes) }
                set { bytes = newValue.rest }
            }
        }
        private(set) var rest: ArraySlice<UInt8>
        init(_ rest: ArraySlice<UInt8>) { self.rest = rest }

        mutating func next() -> Item? {
            guard let tag = rest.popFirst(), let first = rest.popFirst() else { return nil }
            var length = Int(first)
            if first & 0x80 != 0 {
                guard first & 0x7F <= 3 else { return nil }
                length = 0
                for _ in 0..<(first & 0x7F) {
                    guard let byte = rest.popFirst() else { return nil }
                    length = length << 8 | Int(byte)
                }
            }
            guard length <= rest.count else { return nil }
            let bytes = rest.prefix(length)
            rest = rest.dropFirst(length)
            return Item(tag: tag, bytes: bytes)
        }
    }
}
