import NIOCore
import NIOHTTP1
import NIOSSL
import StokerCore

/// One request and its answer as they happened.
struct ProbeExchange {
    var address: ProbeAddress?
    var peer: SocketAddress?
    /// The name server did not answer; the address is an older one.
    var stale = false
    var sent = ByteBuffer()
    var head: HTTPResponseHead?
    /// Of the body, as in ``Answer/transferCodings``.
    var transferCodings: [String] = []
    var body = ByteBuffer()
    var bodyBytes = 0
    var phases = Attempt.Phases()
}

/// What a transcript is made of, kept as it came until somebody wants to read it.
struct ProbeRecord {
    var at: Instant
    var request: Request
    var exchanges: [ProbeExchange]
    var last: ProbeExchange
    var certificate: NIOSSLCertificate?
    var tlsVersion: TLSVersion?

    func transcript(_ attempt: Int, _ outcome: Outcome, _ cause: Cause, _ detail: String) -> Transcript {
        let redaction = KnownSecrets(
            request, addresses: (exchanges + [last]).compactMap { $0.address?.target })
        return Transcript(
            at: at, attempt: attempt, outcome: outcome, cause: cause, detail: redaction.text(detail),
            exchanges: (exchanges + [last]).map { exchange($0, redaction) }, tls: tls())
    }

    private func exchange(_ exchange: ProbeExchange, _ redaction: KnownSecrets) -> Transcript.Exchange {
        var received: [String] = []
        if let head = exchange.head {
            received.append(
                "HTTP/\(head.version.major).\(head.version.minor) \(head.status.code) \(head.status.reasonPhrase)")
            for (name, value) in head.headers {
                received.append("\(name): \(redaction.received(name: name, value: value))".printable)
            }
        }
        var sent: [String] = []
        if exchange.sent.readableBytes > 0 {
            let text = String(buffer: exchange.sent)
            let head = text.utf8.firstRange(of: Array("\r\n\r\n".utf8)).map { String(text[..<$0.lowerBound]) } ?? text
            for (index, line) in head.split(separator: "\r\n").enumerated() {
                sent.append(index == 0 ? redaction.first(line: String(line)) : redaction.sent(line: String(line)))
            }
        }
        return Transcript.Exchange(
            sent: sent,
            peer: exchange.peer.map {
                $0.text + (exchange.stale ? " (stale name: the name server's last answer, past its time)" : "")
            },
            phases: phases(exchange.phases), received: received,
            body: redaction.body(readable(exchange).readableBytesView, most: 1_024), bodyBytes: exchange.bodyBytes)
    }

    /// The beginning of the body, decoded where it can be.
    private func readable(_ exchange: ProbeExchange) -> ByteBuffer {
        guard let head = exchange.head, exchange.body.readableBytes > 0 else { return exchange.body }
        let decoded = AnswerBody(
            exchange.body, headers: head.headers, transferCodings: exchange.transferCodings, truncated: true,
            limit: 8_192)
        return decoded.bytes.readableBytes > 0 ? decoded.bytes : exchange.body
    }

    private func phases(_ phases: Attempt.Phases) -> [Transcript.Phase] {
        let all = [
            ("resolve", phases.resolve), ("connect", phases.connect), ("tls", phases.tls),
            ("first byte", phases.firstByte), ("body", phases.body),
        ]
        return all.filter { $0.1 > 0 }.map { Transcript.Phase(name: $0.0, microseconds: Int64($0.1)) }
    }

    private func tls() -> [String] {
        guard let certificate else { return [] }
        let (subject, issuer) = CertificateText.subjectAndIssuer(certificate)
        var lines = [
            "subject: \(subject)", "for: \(CertificateText.names(certificate).prefix(20).joined(separator: ", "))",
            "issuer: \(issuer)", "ends: \(CertificateText.day(certificate.notValidAfter))",
        ]
        if let tlsVersion {
            let name =
                switch tlsVersion {
                case .tlsv13: "TLS 1.3"
                case .tlsv12: "TLS 1.2"
                case .tlsv11: "TLS 1.1"
                case .tlsv1: "TLS 1.0"
                }
            lines.append("protocol: \(name)")
        }
        return lines
    }
}

/// Takes the values that must not be seen out of what people see of one attempt, wherever they turn up; what only looks like a secret
/// is ``Redaction``'s.
struct KnownSecrets {
    /// Longest first, so that no part of a longer one stays.
    private let secrets: [[UInt8]]
    private let names: Set<String>
    private let hidden: [Secret]

    /// - Parameter addresses: those that were asked; what is secret in them may come back in an answer.
    init(_ request: Request, addresses: [String] = []) {
        hidden = request.hidden
        names = Set(request.headers.map { $0.name.lowercased() })
        var values: Set<[UInt8]> = []
        for header in request.headers {
            let name = header.name.lowercased()
            if Self.harmless.contains(name) { continue }
            let value = header.value.reveal()
            let least = Redaction.isSecretName(name) ? 1 : 4
            // `Bearer abc` must not be seen, and neither must `abc`.
            let parts = [value] + (value.contains(" ") ? value.split(separator: " ").dropFirst().map(String.init) : [])
            for part in parts + (name == "cookie" ? Self.cookieValues(value) : []) where part.utf8.count >= least {
                values.insert(Array(part.utf8))
            }
        }
        for value in hidden.map({ $0.reveal() }) where value.utf8.count >= 4 { values.insert(Array(value.utf8)) }
        for secret in addresses.flatMap(Redaction.secrets(in:)) where secret.utf8.count >= 4 {
            values.insert(Array(secret.utf8))
        }
        secrets = values.sorted { $0.count > $1.count }
    }

    /// Ask for a form of answer; echoing them tells nobody anything.
    static let harmless: Set<String> = [
        "accept", "accept-language", "accept-encoding", "content-type", "user-agent", "cache-control", "pragma", "host",
        "connection", "origin",
    ]

    /// Method, path and query; however short what a variable put there.
    func first(line: String) -> String { Redaction.text(Redaction.hide(hidden, in: line)) }

    func sent(line: String) -> String {
        guard let colon = line.firstIndex(of: ":") else { return text(line) }
        let name = line[..<colon].lowercased()
        // Every header of the fleet file is shown by its name only: any of them may come from the environment.
        return names.contains(name) || Redaction.isSecretName(name) ? "\(line[..<colon]): \(Redaction.mark)" : line
    }

    func received(name: String, value: String) -> String {
        let lower = name.lowercased()
        if lower == "set-cookie" {
            let name = value.prefix { $0 != "=" }
            return value.contains("=") ? "\(text(String(name)))=\(Redaction.mark)" : Redaction.mark
        }
        // A challenge says how to sign in, and nothing that signs anybody in.
        if lower != "www-authenticate", lower != "proxy-authenticate", Redaction.isSecretName(lower) {
            return Redaction.mark
        }
        return text(value)
    }

    /// Without the known values, and without what looks like a secret.
    func text(_ text: String) -> String {
        let known = secrets.isEmpty ? text : String(decoding: scrub(Array(text.utf8), cut: false), as: UTF8.self)
        return Redaction.text(known)
    }

    /// As text, at most `most` bytes of it. Secrets are taken out before it is cut, and so is the beginning of one
    /// that the end of what was kept cuts through.
    func body(_ bytes: ByteBufferView, most: Int) -> String {
        let bytes = Array(bytes.prefix(most + (secrets.first?.count ?? 0)))
        let clean = secrets.isEmpty ? bytes : scrub(bytes, cut: true)
        return Redaction.text(String(decoding: clean.prefix(most), as: UTF8.self))
    }

    private func scrub(_ bytes: [UInt8], cut: Bool) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        outer: while index < bytes.count {
            for secret in secrets where secret[0] == bytes[index] {
                let rest = bytes[index...]
                let whole = rest.count >= secret.count
                if whole ? rest.starts(with: secret) : (cut && rest.count >= 3 && secret.starts(with: rest)) {
                    out += Redaction.mark.utf8
                    index += min(secret.count, rest.count)
                    continue outer
                }
            }
            out.append(bytes[index])
            index += 1
        }
        return out
    }

    private static func cookieValues(_ cookie: String) -> [String] {
        cookie.split(separator: ";").compactMap { pair in
            pair.firstIndex(of: "=").map { String(pair[pair.index(after: $0)...]) }
        }
    }
}
