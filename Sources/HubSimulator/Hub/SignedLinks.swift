import Crypto
import FoundationEssentials

/// Links that open without a token for a while of simulated time, as S3 and CDN links do: an hour, but 15 minutes for a whole object that
/// is to be put (`X-Amz-Expires=900` in huggingface_hub's issues 1311 and 1312).
extension SimulatedHub {
    static let putSeconds = 900

    private func signature(_ path: String, _ expires: Int) -> String {
        HMAC<SHA256>.authenticationCode(for: Data("\(path) \(expires)".utf8), using: SymmetricKey(data: Data(key.utf8)))
            .hexDigits
    }

    /// On the storage host, or on the Hub itself.
    func signed(_ path: String, onHub: Bool = false, seconds: Int = 3_600) -> String {
        let expires = Int(date.timeIntervalSince1970) + seconds
        return "\(onHub ? endpoint : storageEndpoint)\(path)?Expires=\(expires)&Signature=\(signature(path, expires))"
    }

    func isSigned(_ path: String, expires: String?, signature sent: String?) -> Bool {
        guard let expires = expires.flatMap(Int.init), let sent, date.timeIntervalSince1970 < Double(expires) else {
            return false
        }
        return signature(path, expires) == sent
    }
}
