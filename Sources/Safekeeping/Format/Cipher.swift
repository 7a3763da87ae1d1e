import Crypto
import FoundationEssentials
import Runtime

/// How the vault's bytes are sealed. Written into the head; both have tags of 16 bytes and nonces of 12.
enum Cipher: String, Sendable {
    case aes = "aes-256-gcm"
    /// For machines without AES instructions.
    case chacha = "chacha20-poly1305"

    static let tag = 16

    /// - Returns: the ciphertext and its tag behind it, where they are: no copy is made.
    func sealed(
        _ plain: some DataProtocol, key: SymmetricKey, nonce: [UInt8], authenticating: some DataProtocol
    ) throws -> Data {
        switch self {
        case .aes:
            let box = try AES.GCM.seal(
                plain, using: key, nonce: AES.GCM.Nonce(data: nonce), authenticating: authenticating)
            // There is none only for nonces that are not of 12 bytes.
            guard let all = box.combined else { throw RecordReader.Damaged() }
            return all.dropFirst(nonce.count)
        case .chacha:
            let box = try ChaChaPoly.seal(
                plain, using: key, nonce: ChaChaPoly.Nonce(data: nonce), authenticating: authenticating)
            return box.combined.dropFirst(nonce.count)
        }
    }

    func seal(
        _ plain: some DataProtocol, key: SymmetricKey, nonce: [UInt8], authenticating: some DataProtocol
    ) throws -> [UInt8] {
        Array(try sealed(plain, key: key, nonce: nonce, authenticating: authenticating))
    }

    /// - Throws: when one bit of ciphertext, tag or `authenticating` is another, or the key is.
    func open(
        _ sealed: ArraySlice<UInt8>, key: SymmetricKey, nonce: [UInt8], authenticating: some DataProtocol
    ) throws -> Data {
        guard sealed.count >= Self.tag else { throw RecordReader.Damaged() }
        let (text, tag) = (sealed.dropLast(Self.tag), sealed.suffix(Self.tag))
        switch self {
        case .aes:
            return try AES.GCM.open(
                AES.GCM.SealedBox(nonce: AES.GCM.Nonce(data: nonce), ciphertext: text, tag: tag), using: key,
                authenticating: authenticating)
        case .chacha:
            return try ChaChaPoly.open(
                ChaChaPoly.SealedBox(nonce: ChaChaPoly.Nonce(data: nonce), ciphertext: text, tag: tag), using: key,
                authenticating: authenticating)
        }
    }

    /// What this machine is quick with.
    static func best(cpuInfo: String?) -> Cipher {
        guard let cpuInfo else { return .aes }
        let features = cpuInfo.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") }
        guard let features else { return .aes }
        return features.split(whereSeparator: { $0 == " " || $0 == "\t" }).contains("aes") ? .aes : .chacha
    }
}

/// Keys made from keys: each pack and each head has its own, from the master and a random salt in it.
enum DerivedKey {
    static func make(from master: SymmetricKey, salt: [UInt8], for purpose: String, bytes: Int = 32) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: master, salt: salt, info: Array("stoker v1 \(purpose)".utf8), outputByteCount: bytes)
    }
}

extension SymmetricKey {
    var contents: [UInt8] { withUnsafeBytes { Array($0) } }
}

extension Cipher {
    /// Reads /proc/cpuinfo; blocks as long as that takes.
    static func ofThisMachine() -> Cipher {
        best(
            cpuInfo: (try? PlainFile.read("/proc/cpuinfo", upTo: 64 << 10)).map { String(decoding: $0, as: UTF8.self) })
    }
}
