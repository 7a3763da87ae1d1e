/// What one ping (all its attempts together) saw.
package enum Outcome: UInt8, Sendable, CaseIterable, Codable {
    /// The app answered as expected.
    case up = 1
    /// It answered as expected but too slowly, or its certificate is about to end.
    case slow = 2
    /// It is on its way up: a held request, a "starting" page. Neither up nor down.
    case waking = 3
    /// It did not answer as expected.
    case down = 4
    /// We cannot tell: we ourselves were offline. Does not count for or against the target.
    case unknown = 5

    /// As the verdict that such pings lead to.
    package var look: Look {
        switch self {
        case .up: .up
        case .slow: .slow
        case .waking: .waking
        case .down: .down
        case .unknown: .unknown
        }
    }

    /// Stable name for APIs.
    package var name: String { look.name }

    /// Counts as a failed ping; ``waking`` and ``unknown`` do not.
    package var isFailure: Bool { self == .down }
    /// Counts as available time.
    package var isGood: Bool { self == .up || self == .slow }
}

/// One row of history. 26 bytes on disk.
package struct Observation: Sendable, Equatable {
    /// The ledger's number of the check.
    package var check: Int32
    /// When the ping's last attempt began.
    package var at: Instant
    package var outcome: Outcome
    package var cause: Cause
    /// HTTP status; 0 when there was none.
    package var code: UInt16
    /// Attempts made, 1…255.
    package var attempts: UInt8
    /// Connection start to first byte of the answer (tcp: to connected; name resolution not included), in microseconds.
    package var latencyMicroseconds: UInt32

    package init(
        check: Int32, at: Instant, outcome: Outcome, cause: Cause = .none, code: UInt16 = 0, attempts: UInt8 = 1,
        latencyMicroseconds: UInt32 = 0
    ) {
        self.check = check
        self.at = at
        self.outcome = outcome
        self.cause = cause
        self.code = code
        self.attempts = attempts
        self.latencyMicroseconds = latencyMicroseconds
    }
}
