import Crypto
import CryptoExtras
import FoundationEssentials
import NIOPosix
import StokerCore

/// The secrets of a vault: what names its chunks, and the master keys its packs and heads are sealed with.
struct Keyring: Sendable {
    /// Names chunks and chooses where files are cut. Stays for the vault's life: another one would find none of its chunks again.
    var identity: SymmetricKey
    /// By number; the highest serves what is written anew.
    var masters: [UInt32: SymmetricKey]

    var newest: UInt32 { masters.keys.max() ?? 0 }

    static func make() -> Keyring {
        Keyring(identity: SymmetricKey(size: .bits256), masters: [1: SymmetricKey(size: .bits256)])
    }

    /// With one more master key.
    func rotated() -> Keyring {
        var next = self
        next.masters[newest + 1] = SymmetricKey(size: .bits256)
        return next
    }

    func sealed(with key: SymmetricKey, _ cipher: Cipher) throws -> [UInt8] {
        var writer = RecordWriter()
        writer.raw(identity.contents)
        writer.number(masters.count)
        for number in masters.keys.sorted() {
            writer.number(UInt64(number))
            writer.raw(masters[number]?.contents ?? [])
        }
        let nonce = RandomBytes.make(12)
        return nonce + (try cipher.seal(writer.bytes, key: key, nonce: nonce, authenticating: Self.purpose))
    }

    init(identity: SymmetricKey, masters: [UInt32: SymmetricKey]) {
        self.identity = identity
        self.masters = masters
    }

    init(opening sealed: [UInt8], with key: SymmetricKey, _ cipher: Cipher) throws {
        guard sealed.count > 12 else { throw RecordReader.Damaged() }
        let plain = try cipher.open(
            sealed[12...], key: key, nonce: Array(sealed[..<12]), authenticating: Self.purpose)
        var reader = RecordReader(plain)
        identity = SymmetricKey(data: try reader.raw(32))
        masters = [:]
        for _ in 0..<(try reader.count(of: 33)) {
            let number = UInt32(truncatingIfNeeded: try reader.number())
            masters[number] = SymmetricKey(data: try reader.raw(32))
        }
    }

    private static let purpose = Array("stoker v1 keyring".utf8)
}

/// One way into a vault: the keyring's key, sealed with what a person or a container holds.
struct KeySlot: Sendable, Equatable {
    enum Kind: String, Sendable { case random, passphrase, open }

    var id: String
    var kind: Kind
    /// The owner's word for it; shown by `stoker key list`.
    var label: String
    var salt: [UInt8]
    /// Tells a wrong key from a damaged slot.
    var check: [UInt8]
    var sealed: [UInt8]

    /// scrypt, measured: 64 MiB, 0.3 s.
    static let rounds = 1 << 16
    static let blockSize = 8

    /// Derives the slot's key. With a passphrase it takes 0.3 s and blocks.
    private static func derive(_ key: VaultKey, salt: [UInt8]) throws -> SymmetricKey {
        switch key {
        case .random, .open:
            DerivedKey.make(from: SymmetricKey(data: key.material), salt: salt, for: "slot", bytes: 64)
        case .passphrase:
            try KDF.Scrypt.deriveKey(
                from: key.material, salt: salt, outputByteCount: 64, rounds: rounds, blockSize: blockSize,
                parallelism: 1, maxMemory: 256 << 20)
        }
    }

    /// Blocks for passphrases.
    static func make(_ key: VaultKey, label: String, keyringKey: SymmetricKey, _ cipher: Cipher) throws -> KeySlot {
        let salt = RandomBytes.make(32)
        let derived = try derive(key, salt: salt).contents
        let sealed = try cipher.seal(
            keyringKey.contents, key: SymmetricKey(data: derived[..<32]), nonce: [UInt8](repeating: 0, count: 12),
            authenticating: salt)
        return KeySlot(
            id: Hex.text(RandomBytes.make(4)), kind: key.slotKind, label: label, salt: salt,
            check: Array(derived[32..<40]), sealed: sealed)
    }

    /// The keyring's key; nil when this slot is another key's. Blocks for passphrases.
    /// - Throws: when the key is right and the slot damaged.
    func open(_ key: VaultKey, _ cipher: Cipher) throws -> SymmetricKey? {
        guard key.slotKind == kind else { return nil }
        let derived = try Self.derive(key, salt: salt).contents
        guard Array(derived[32..<40]) == check else { return nil }
        return SymmetricKey(
            data: try cipher.open(
                sealed[...], key: SymmetricKey(data: derived[..<32]), nonce: [UInt8](repeating: 0, count: 12),
                authenticating: salt))
    }

    var json: JSONValue {
        [
            "id": .string(id), "kind": .string(kind.rawValue), "label": .string(label),
            "salt": .string(Hex.text(salt)), "check": .string(Hex.text(check)), "sealed": .string(Hex.text(sealed)),
        ]
    }

    init?(json: JSONValue) {
        guard let id = json["id"]?.string, let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)),
            let label = json["label"]?.string, let salt = json["salt"]?.string.flatMap({ Hex.bytes($0) }),
            let check = json["check"]?.string.flatMap({ Hex.bytes($0) }),
            let sealed = json["sealed"]?.string.flatMap({ Hex.bytes($0) })
        else { return nil }
        self.init(id: id, kind: kind, label: label, salt: salt, check: check, sealed: sealed)
    }

    init(id: String, kind: Kind, label: String, salt: [UInt8], check: [UInt8], sealed: [UInt8]) {
        self.id = id
        self.kind = kind
        self.label = label
        self.salt = salt
        self.check = check
        self.sealed = sealed
    }
}

extension VaultKey {
    var slotKind: KeySlot.Kind {
        switch self {
        case .random: .random
        case .passphrase: .passphrase
        case .open: .open
        }
    }
}
