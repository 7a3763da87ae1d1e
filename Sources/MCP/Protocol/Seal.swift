import Crypto
package import StokerCore

/// Makes texts that this server alone can have written: they carry what would else have to be remembered between two requests.
/// What is in one can be read by who holds it; nothing secret goes in.
package struct Seal: Sendable {
    private let key: SymmetricKey

    /// - Parameter key: 32 random bytes; nil makes some, so that nothing outlives the process.
    package init(key: [UInt8]? = nil) {
        self.key = key.map { SymmetricKey(data: $0) } ?? SymmetricKey(size: .bits256)
    }

    /// Keys for ``init(key:)``.
    package static func newKey() -> [UInt8] { SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) } }

    /// - Parameter purpose: what it is for; one purpose's texts are no other's.
    package func close(_ value: JSONValue, for purpose: String) -> String {
        let body = Base64.urlText(value.bytes)
        let code = HMAC<SHA256>.authenticationCode(for: Array("\(purpose)\n\(body)".utf8), using: key)
        return "\(body).\(Base64.urlText(code))"
    }

    /// nil for what was not made here, or for another purpose.
    package func open(_ text: String, for purpose: String) -> JSONValue? {
        guard text.utf8.count <= Self.limit else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let code = Base64.urlBytes(parts[1]),
            HMAC<SHA256>.isValidAuthenticationCode(
                code, authenticating: Array("\(purpose)\n\(parts[0])".utf8), using: key),
            let body = Base64.urlBytes(parts[0])
        else { return nil }
        return try? JSONValue(reading: body)  // our own
    }

    /// Longest text that is looked at; bytes.
    private static let limit = 16 * 1024

    /// A fingerprint of a value; equal values have equal ones.
    package static func digest(_ value: JSONValue) -> String { Base64.urlText(SHA256.hash(data: value.bytes)) }

    /// 22 characters that nobody guesses.
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.urlText((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
