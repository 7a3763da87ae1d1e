import HubClient
import StokerCore

extension VaultFailure {
    /// - Parameter mayHaveActed: the request changes something, so that a lost answer leaves open whether it did.
    init(_ failure: HubFailure, vault: String, doing: String, mayHaveActed: Bool = false) {
        var kind: Kind
        switch failure.kind {
        case .throttled:
            if case .after(let wait) = failure.retry { kind = .throttled(wait) } else { kind = .throttled(nil) }
        case .trouble, .unreachable, .unreadable: kind = mayHaveActed ? .unknownOutcome : .transient
        case .conflict, .stale: kind = .transient
        case .badToken, .forbidden: kind = .refused
        case .plan, .tooLarge: kind = .full
        case .notFound, .invalid, .unsupported, .refusedByUs, .local: kind = .invalid
        case .cancelled: kind = .cancelled
        }
        var said = failure.said
        if failure.status != 0 { said += " (HTTP \(failure.status))" }
        self.init(kind, vault: vault, doing: doing, said: said, hint: failure.hint, cause: failure)
    }
}
