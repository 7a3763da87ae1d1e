package import StokerCore

/// What a start brought back: for the log, the vault and the master.
package struct RecoveryRecord: Sendable, Equatable {
    package enum Outcome: String, Sendable {
        /// The vault was empty.
        case first
        case restored
        /// What lay on the disk came from the newest snapshot: it went on from there.
        case continued
        /// An older snapshot than the newest, by the owner's word.
        case older
        /// Nothing, by the owner's word.
        case empty
        case failed
    }

    package var outcome: Outcome
    package var at: Instant
    package var epoch: UInt64
    package var holder: String
    package var previous: String?
    /// Whether the previous holder stopped in order: then nothing is lost.
    package var wasReleased: Bool
    package var snapshot: String?
    package var number: UInt64?
    /// When the capture of what was restored began: what came later is lost.
    package var from: Instant?
    package var files: Int64 = 0
    package var bytes: Int64 = 0
    package var duration: Duration = .zero
    /// What the owner's check said; nil without one.
    package var verify: String?
    package var warnings: [String] = []
    package var because: String?

    package init(_ outcome: Outcome, at: Instant, claim: Claim) {
        self.outcome = outcome
        self.at = at
        epoch = claim.epoch
        holder = claim.holder
        previous = claim.previous?.name
        wasReleased = claim.previous?.hasReleased ?? true
    }

    /// The extent of the loss, in words.
    package var loss: String {
        switch outcome {
        case .first: "nothing: this is the first start with this vault"
        case .continued: "nothing: the disk had what the newest snapshot had, and what came after it"
        case .restored where wasReleased:
            "nothing: the previous holder published its last state and stopped"
        case .restored, .older:
            from.map { "what was written after \($0)" } ?? "unknown"
        case .empty: "all of it stays in the vault; the app began with nothing"
        case .failed: "nothing: the app was not started, and the vault is as it was"
        }
    }

    package var sentence: String {
        let what =
            switch outcome {
            case .first: "The vault is empty: the first snapshot is made of what is here"
            case .restored: "Restored snapshot \(snapshot ?? "") of \(from.map(\.description) ?? "")"
            case .continued: "Went on with what lay on the disk, which came from snapshot \(snapshot ?? "")"
            case .older: "Restored the older snapshot \(snapshot ?? "") of \(from.map(\.description) ?? "")"
            case .empty: "Started with nothing"
            case .failed: "Nothing was restored"
            }
        let size =
            outcome == .restored || outcome == .older ? ", \(files) files, \(bytes) bytes in \(duration.text)" : ""
        return what + size + (because.map { " (\($0))" } ?? "") + ". Lost: " + loss
    }

    package var json: JSONValue {
        [
            "outcome": .string(outcome.rawValue), "at": .string(at.description),
            "epoch": .integer(Int64(clamping: epoch)), "holder": .string(holder),
            "previous": previous.map { .string($0) } ?? .null, "released": .bool(wasReleased),
            "snapshot": snapshot.map { .string($0) } ?? .null,
            "number": number.map { .integer(Int64(clamping: $0)) } ?? .null,
            "from": from.map { .string($0.description) } ?? .null, "files": .integer(files), "bytes": .integer(bytes),
            "seconds": .number(duration.seconds), "verify": verify.map { .string($0) } ?? .null, "lost": .string(loss),
            "warnings": .array(warnings.map { .string($0) }), "because": because.map { .string($0) } ?? .null,
        ]
    }
}
