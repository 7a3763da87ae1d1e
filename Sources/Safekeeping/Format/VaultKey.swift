import Foundation
package import StokerCore

/// What opens a vault.
package enum VaultKey: Sendable {
    /// 32 random bytes, as `stoker key new` makes them.
    case random(Secret)
    /// Words of a person; stretched by scrypt.
    case passphrase(Secret)
    /// None: what is stored is authenticated, and anybody who sees the vault can read it. Refused for vaults that are public.
    case open

    /// Begins the text of a random key.
    package static let prefix = "stoker-key-1:"

    /// A new random key as text: the prefix and 64 hex digits.
    package static func make() -> Secret {
        Secret(prefix + Hex.text(RandomBytes.make(32)))
    }

    /// Reads `STOKER_KEY` or the first line of a key file.
    /// - Throws: `usage` for a damaged random key, or a passphrase of fewer than 12 characters.
    package init(reading text: String) throws(Failure) {
        let line = String(text.prefix { !$0.isNewline })
        let trimmed = line.trimmingCharacters(in: .whitespaces)
        if trimmed.hasPrefix(Self.prefix) {
            guard let bytes = Hex.bytes(trimmed.dropFirst(Self.prefix.count)), bytes.count == 32 else {
                throw Failure(
                    .usage, doing: "read the key",
                    because: "it begins like a key of `stoker key new`, and 64 hex digits do not follow",
                    hint: "copy it whole, or make one with `stoker key new`")
            }
            self = .random(Secret(trimmed))
        } else {
            guard trimmed.count >= 12 else {
                throw Failure(
                    .usage, doing: "read the key", because: "a passphrase needs 12 characters or more",
                    hint: "`stoker key new` makes a key that cannot be guessed")
            }
            self = .passphrase(Secret(trimmed))
        }
    }

    /// The bytes a slot's key is made from.
    var material: [UInt8] {
        switch self {
        case .random(let text): Hex.bytes(text.reveal().dropFirst(Self.prefix.count)) ?? []
        case .passphrase(let words): Array(words.reveal().utf8)
        case .open: Array("stoker: not secret".utf8)
        }
    }
}
