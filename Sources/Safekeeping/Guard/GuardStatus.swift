package import StokerCore
import Synchronization

/// What a guard is doing, for `/health` and `/status`. Written by the guard, read by its server.
package final class GuardStatus: Sendable {
    package enum Phase: String, Sendable {
        case claiming, restoring, verifying, running
        /// The app runs, and nothing is published, by the owner's word.
        case readOnly = "read-only"
        case stopping, fenced
        case failed
    }

    package struct Facts: Sendable {
        package var phase = Phase.claiming
        package var since: Instant
        package var state: String
        package var vault: String
        package var holder: String
        package var epoch: UInt64?
        package var newest: Snapshot?
        /// When the last capture that is published or was found unchanged began.
        package var safeUntil: Instant?
        package var app: Int32?
        package var recovery: RecoveryRecord?
        /// Why the last snapshot is not in the vault; nil when it is.
        package var trouble: String?
        package var troubleSince: Instant?
        package var failures = 0
        /// A snapshot that waits for `stoker snapshots accept`.
        package var held: (id: String, because: String)?
        package var warnings: [String] = []
        /// Files that the last snapshot is without, because they could not be read.
        package var unreadable = 0
        /// Why there is no app: who took over, what could not be restored.
        package var because: String?
        /// By vault: why it has no copy.
        package var copies: [String: String] = [:]
    }

    private let facts: Mutex<Facts>

    package init(state: String, vault: String, holder: String, now: Instant) {
        facts = Mutex(Facts(since: now, state: state, vault: vault, holder: holder))
    }

    package func update(_ change: (inout Facts) -> Void) { facts.withLock { change(&$0) } }
    package var current: Facts { facts.withLock { $0 } }
    package func enter(_ phase: Phase, at now: Instant, because: String? = nil) {
        update { facts in
            facts.phase = phase
            facts.since = now
            if let because { facts.because = because }
        }
    }

    /// Whether `/health` is 200: the app was started and is not being stopped.
    package var isHealthy: Bool {
        let phase = facts.withLock(\.phase)
        return phase == .running || phase == .readOnly
    }

    /// What `/health` answers.
    package var health: JSONValue {
        let facts = current
        // Why a start failed may name files; who took over does not.
        let because = facts.phase == .failed ? "see the guard's log" : facts.because
        return [
            "status": .string(facts.phase == .running || facts.phase == .readOnly ? "ok" : facts.phase.rawValue),
            "because": because.map { .string($0) } ?? .null,
        ]
    }

    /// What `/status` answers.
    /// - Parameter isFull: with words that may name files. Without them it may be read by anybody.
    package func document(now: Instant, isFull: Bool) -> JSONValue {
        var facts = current
        if !isFull {
            let told = "ask the guard's socket, or with the token"
            facts.trouble = facts.trouble.map { _ in told }
            facts.because = facts.phase == .failed ? told : facts.because
            facts.held?.because = told
            facts.warnings = facts.warnings.isEmpty ? [] : [told]
            facts.copies = facts.copies.mapValues { _ in told }
            if let record = facts.recovery {
                facts.recovery?.because = record.because.map { _ in told }
                facts.recovery?.warnings = record.warnings.isEmpty ? [] : [told]
                facts.recovery?.verify = record.verify.map { $0 == "ok" ? $0 : told }
            }
        }
        func instant(_ time: Instant?) -> JSONValue { time.map { .string($0.description) } ?? .null }
        return [
            "phase": .string(facts.phase.rawValue), "since": instant(facts.since), "state": .string(facts.state),
            "vault": .string(facts.vault), "holder": .string(facts.holder),
            "epoch": facts.epoch.map { .integer(Int64(clamping: $0)) } ?? .null,
            "newest": facts.newest.map { snapshot in
                [
                    "id": .string(snapshot.id), "number": .integer(Int64(clamping: snapshot.number)),
                    "time": instant(snapshot.time), "size": .integer(snapshot.size), "files": .integer(snapshot.files),
                    "doubtful": .integer(Int64(snapshot.doubtful)),
                ]
            } ?? .null,
            "safe_until": instant(facts.safeUntil),
            "age_seconds": facts.safeUntil.map { .number(max(0, (now - $0).seconds)) } ?? .null,
            "trouble": facts.trouble.map { .string($0) } ?? .null, "trouble_since": instant(facts.troubleSince),
            "held": facts.held.map { ["id": .string($0.id), "because": .string($0.because)] } ?? .null,
            "warnings": .array(facts.warnings.map { .string($0) }), "unreadable": .integer(Int64(facts.unreadable)),
            "because": facts.because.map { .string($0) } ?? .null,
            "recovery": facts.recovery?.json ?? .null,
            "copies": .object(facts.copies.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) }),
        ]
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
