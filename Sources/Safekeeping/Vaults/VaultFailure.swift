package import StokerCore

/// What a vault did not do.
package struct VaultFailure: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// No answer, or trouble on its side: nothing happened, the same call may succeed later.
        case transient
        /// It asks for patience.
        case throttled(Duration?)
        /// The request may have acted, or may act later: read before anything follows from it.
        case unknownOutcome
        /// It does not let us: a token that was revoked, a right that is missing.
        case refused
        /// It is full, or the account's quota is.
        case full
        /// The place does not honour the conditions that publication stands on.
        case unsafe
        /// What it says is not understood, or the address names nothing.
        case invalid
        /// This call is not in the vault's powers, or was called off.
        case cancelled
    }

    package var kind: Kind
    package var vault: String
    /// "read the head"
    package var doing: String
    /// What was seen. Never a secret.
    package var said: String
    package var hint: String?
    package var cause: (any Error)?

    package init(
        _ kind: Kind, vault: String, doing: String, said: String, hint: String? = nil, cause: (any Error)? = nil
    ) {
        self.kind = kind
        self.vault = vault
        self.doing = doing
        self.said = said
        self.hint = hint
        self.cause = cause
    }

    package var description: String { "could not \(doing) in \(vault): \(said)" }

    /// The same call may be made again as it is.
    package var isWorthRepeating: Bool {
        switch kind {
        case .transient, .throttled: true
        default: false
        }
    }
}

extension Failure.Code {
    /// A vault cannot be reached, or has trouble of its own.
    package static let vaultUnavailable = Failure.Code(rawValue: "vault.unavailable")
    /// A vault does not let us, or is full.
    package static let vaultRefused = Failure.Code(rawValue: "vault.refused")
    /// A vault does not keep what publication stands on.
    package static let vaultUnsafe = Failure.Code(rawValue: "vault.unsafe")
    /// The key does not open the vault.
    package static let vaultKey = Failure.Code(rawValue: "vault.key")
    /// What is stored is damaged or missing.
    package static let vaultDamaged = Failure.Code(rawValue: "vault.damaged")
    /// The vault was written by a newer program.
    package static let vaultFormat = Failure.Code(rawValue: "vault.format")
    /// Another holder has the pen.
    package static let vaultFenced = Failure.Code(rawValue: "vault.fenced")
}

extension Failure {
    package init(_ failure: VaultFailure) {
        let code: Code
        var retry = Retry.never
        switch failure.kind {
        case .transient, .unknownOutcome:
            code = .vaultUnavailable
            retry = .soon
        case .throttled(let wait):
            code = .vaultUnavailable
            retry = wait.map { .after($0) } ?? .soon
        case .refused, .full: code = .vaultRefused
        case .unsafe: code = .vaultUnsafe
        case .invalid: code = .usage
        case .cancelled: code = .interrupted
        }
        self.init(
            code, doing: "\(failure.doing) in \(failure.vault)", because: failure.said, hint: failure.hint,
            retry: retry, cause: failure.cause)
    }
}
