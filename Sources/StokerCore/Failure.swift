/// What went wrong, told so that a person can act on it: what we did, what we saw, what to do next.
package struct Failure: Error, Sendable, CustomStringConvertible {
    /// Whether the same call may succeed if it is made again.
    package enum Retry: Sendable, Equatable {
        /// It would fail again until somebody changes something.
        case never
        /// The caller's own back-off decides when.
        case soon
        /// Whoever refused said how long to wait.
        case after(Duration)
    }

    /// Stable and bounded, such as `fleet.invalid`: also the metric label and the API's error code.
    package var code: Code
    /// The action that failed: "read fleet.yaml".
    package var doing: String
    /// What was seen: "the file does not exist".
    package var because: String
    /// What to do next, if we know.
    package var hint: String?
    /// Default ``Retry/never``.
    package var retry: Retry
    /// The error that was caught, for logs; nothing of it is in ``description``.
    package var cause: (any Error)?

    package init(
        _ code: Code, doing: String, because: String, hint: String? = nil, retry: Retry = .never,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.doing = doing
        self.because = because
        self.hint = hint
        self.retry = retry
        self.cause = cause
    }

    /// `could not DOING: BECAUSE; HINT`, one line. Whoever makes a failure keeps secrets out of its parts.
    package var description: String {
        let hint = hint.map { "; \($0)" } ?? ""
        return "could not \(doing): \(because)\(hint)"
    }
}

extension Failure {
    /// A failure's stable name. HTTP status and exit code derive from it, here and nowhere else.
    package struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// As the API and the metrics show it: lower case, words joined by `_`, areas by a dot.
        package var rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package var description: String { rawValue }

        /// The command line or a request was not understood: an input is unknown, missing or not of its kind.
        package static let usage = Code(rawValue: "usage")
        /// Each input is of its kind, but they cannot be carried out: they exclude each other, a text is not what it should be, or what they need is not there.
        package static let unsuitable = Code(rawValue: "unsuitable")
        /// The fleet file has problems.
        package static let fleetInvalid = Code(rawValue: "fleet.invalid")
        /// The fleet file cannot be read.
        package static let fleetUnreadable = Code(rawValue: "fleet.unreadable")
        /// Another file or folder of this machine cannot be read.
        package static let fileUnreadable = Code(rawValue: "file.unreadable")
        /// A file or folder of this machine cannot be written or made.
        package static let fileUnwritable = Code(rawValue: "file.unwritable")
        /// No check, target or incident has that name.
        package static let notFound = Code(rawValue: "not_found")
        /// The request needs a token, or has a wrong one.
        package static let unauthorized = Code(rawValue: "unauthorized")
        /// The request is known but not allowed from here (wrong origin, reading only).
        package static let forbidden = Code(rawValue: "forbidden")
        /// The thing cannot be done in the present state (already paused, standby).
        package static let conflict = Code(rawValue: "conflict")
        /// It asks before it is done, and no yes came with the call.
        package static let unconfirmed = Code(rawValue: "confirmation_required")
        /// A person was asked and said no.
        package static let declined = Code(rawValue: "declined")
        /// The address is known, but not with this method.
        package static let methodNotAllowed = Code(rawValue: "method_not_allowed")
        /// The request is larger than what is read.
        package static let tooLarge = Code(rawValue: "too_large")
        /// Too much at once.
        package static let overloaded = Code(rawValue: "overloaded")
        /// The key of a call that is to be done once was used for another call.
        package static let idempotencyMismatch = Code(rawValue: "idempotency_mismatch")
        /// The ledger could not be read or written.
        package static let ledger = Code(rawValue: "ledger.unavailable")
        /// The port is taken or may not be opened.
        package static let portTaken = Code(rawValue: "serve.port")
        /// What a command has to say could not be written.
        package static let output = Code(rawValue: "output")
        /// A running Stoker could not be reached.
        package static let unreachable = Code(rawValue: "server.unreachable")

        /// The process has no account on the Hub.
        package static let hubNoAccount = Code(rawValue: "hub.no_account")
        // What the Hub did not do for us; HubClient names each of its failures by one of these.
        /// A repo, revision or file is absent, or not to be seen with this token.
        package static let hubNotFound = Code(rawValue: "hub.not_found")
        /// The Hub does not know our token.
        package static let hubBadToken = Code(rawValue: "hub.bad_token")
        /// Our token lacks a right on the Hub.
        package static let hubForbidden = Code(rawValue: "hub.forbidden")
        /// The account's plan or credit does not cover it.
        package static let hubPlan = Code(rawValue: "hub.plan")
        /// The Hub finds the request itself wrong.
        package static let hubInvalid = Code(rawValue: "hub.invalid")
        /// It exists already, or the Hub is busy with it.
        package static let hubConflict = Code(rawValue: "hub.conflict")
        /// The branch has moved since it was read.
        package static let hubStale = Code(rawValue: "hub.stale")
        /// More than the Hub takes at once.
        package static let hubTooLarge = Code(rawValue: "hub.too_large")
        /// A window or quota of the Hub is used up.
        package static let hubThrottled = Code(rawValue: "hub.throttled")
        /// The Hub has trouble of its own.
        package static let hubTrouble = Code(rawValue: "hub.trouble")
        /// This Hub does not have the feature at all.
        package static let hubUnsupported = Code(rawValue: "hub.unsupported")
        /// No answer from the Hub.
        package static let hubUnreachable = Code(rawValue: "hub.unreachable")
        /// The Hub's answer is not what it is known to say.
        package static let hubUnreadable = Code(rawValue: "hub.unreadable")
        /// We did not ask: offline, or a token would have left for another host.
        package static let hubNotSent = Code(rawValue: "hub.not_sent")
        /// Something on our side, such as a file that cannot be read.
        package static let hubLocal = Code(rawValue: "hub.local")
        /// The call was called off.
        package static let hubCancelled = Code(rawValue: "hub.cancelled")

        /// A person or the system called the command off.
        package static let interrupted = Code(rawValue: "interrupted")

        /// Something that should not happen did.
        package static let `internal` = Code(rawValue: "internal")

        /// HTTP status of an API answer with this code.
        package var httpStatus: Int {
            switch self {
            // Said only of what does not fit the description of the API.
            case .usage: 400
            case .unauthorized: 401
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .conflict, .unconfirmed, .declined, .unsuitable, .fleetInvalid, .idempotencyMismatch: 409
            case .tooLarge: 413
            case .overloaded: 429
            case .ledger, .unreachable, .hubNoAccount: 503
            case .hubPlan: 402
            case .hubForbidden: 403
            case .hubNotFound: 404
            case .hubConflict, .hubStale, .hubInvalid, .hubLocal: 409
            case .hubTooLarge: 413
            case .hubThrottled: 429
            // Our own login is not the caller's: 401 would make a browser throw a good one away.
            case .hubBadToken, .hubTrouble, .hubUnreadable: 502
            case .hubUnsupported: 501
            case .hubNotSent, .hubCancelled: 503
            case .hubUnreachable: 504
            default: 500
            }
        }

        /// Exit status of a command that ends with this code: 2 for what the user can correct in his input, 3 for what
        /// he must look at elsewhere, 70 (`EX_SOFTWARE`) for our own defects. 1 is kept for "the check found trouble".
        package var exitStatus: Int32 {
            switch self {
            case .usage, .unsuitable, .fleetInvalid, .fleetUnreadable, .fileUnreadable, .fileUnwritable, .notFound,
                .hubNotFound,
                .hubInvalid, .hubLocal, .unconfirmed:
                2
            case .declined: 1
            case .internal: 70
            case .interrupted: 130
            default: 3
            }
        }
    }
}
