import Crypto
import FoundationEssentials

/// Links that open without a token for an hour of simulated time, as S3 and CDN links do.
extension SimulatedHub {
    private static let lifetimeSeconds = 3_600

    private func signature(_ path: String, _ expires: Int) -> String {
        HMAC<SHA256>.authenticationCode(for: Data("\(path) \(expires)".utf8), using: SymmetricKey(data: Data(key.utf8)))
            .hexDigits
    }

    /// On the storage host, or on the Hub itself.
    func signed(_ path: String, onHub: Bool = false) -> String {
        let expires = Int(date.timeIntervalSince1970) + Self.lifetimeSeconds
        return "\(onHub ? endpoint : storageEndpoint)\(path)?Expires=\(expires)&Signature=\(signature(path, expires))"
    }

    func isSigned(_ path: String, expires: String?, signature sent: String?) -> Bool {
        guard let expires = expires.flatMap(Int.init), let sent, date.timeIntervalSince1970 < Double(expires) else {
            return false
        }
        return signature(path, expires) == sent
    }
}
