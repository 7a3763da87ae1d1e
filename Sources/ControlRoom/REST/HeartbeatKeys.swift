import Crypto
package import StokerCore

/// A key per heartbeat, made from the server's token: whoever holds one can beat that heartbeat and do nothing else, so a job's log
/// or crontab never holds the token. It changes with the token. Nothing is stored.
package struct HeartbeatKeys: Sendable {
    private let secret: SymmetricKey?

    /// - Parameter token: nil or empty: no keys; who may write may beat.
    package init(token: Secret?) {
        secret = token.flatMap { token in
            token.isEmpty
                ? nil : SymmetricKey(data: SHA256.hash(data: Array("stoker heartbeat key 1\n\(token.reveal())".utf8)))
        }
    }

    /// 32 hex digits; nil when there is no token.
    package func key(of name: String) -> String? {
        guard let secret else { return nil }
        return Hex.text(HMAC<SHA256>.authenticationCode(for: Array(name.utf8), using: secret).prefix(16))
    }

    /// Takes the same time wherever the first difference is.
    package func opens(_ name: String, with candidate: String) -> Bool {
        guard let key = key(of: name) else { return false }
        let given = Array(candidate.utf8)
        guard given.count == key.utf8.count else { return false }
        return zip(key.utf8, given).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
