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

/// Why an observation is not simply *up*. Raw values are stored: never renumber.
package enum Cause: UInt8, Sendable, CaseIterable, Codable {
    case none = 0
    case dnsNoSuchName = 10
    case dnsFailed = 11
    case dnsTimeout = 12
    /// The name could not be looked up; an older answer of the name server was used, and there it is well.
    case dnsStale = 13
    case connectRefused = 20
    case connectTimeout = 21
    case connectUnreachable = 22
    case connectionReset = 23
    case tlsHandshake = 30
    case tlsCertificate = 31
    case tlsTimeout = 32
    case tlsExpiresSoon = 33
    case firstByteTimeout = 40
    case bodyTimeout = 41
    case closedEarly = 42
    case notHTTP = 43
    case headersTooLarge = 44
    case tooManyRedirects = 45
    case badRedirect = 46
    case status = 50
    case textMissing = 51
    case regexMissing = 52
    case jsonMismatch = 53
    case tooSlow = 54
    /// The edge answered, not the app, and says that the Space is being started or built.
    case spaceStarting = 60
    /// The request is held: the Space is asleep and being woken.
    case spaceHeld = 61
    /// "Your space is in error".
    case spaceError = 62
    /// 404 from the edge: private, renamed or deleted.
    case spaceHidden = 63
    /// Paused (by its owner, by a spend limit).
    case spacePaused = 64
    /// Flagged by the platform's moderation.
    case spaceModerated = 65
    /// 429 from the edge.
    case spaceThrottled = 66
    /// Some other page of the platform in place of the app's answer.
    case spacePlatformPage = 67
    /// Waking for longer than a start may take.
    case spaceStuck = 68
    /// The Hub says RUNNING, the edge holds requests and gives up.
    case spaceRunningDead = 69
    /// `runtime.sha` is not the head of the repository.
    case spaceOldBuild = 70
    case spaceAsleep = 71
    case spacePausedByOwner = 72
    case spaceSpendLimit = 73
    /// At least three Spaces began to fail alike within ten minutes.
    case platformIncident = 74
    case spaceBuildFailed = 75
    case spaceConfigError = 76
    case spaceNoApp = 77
    case spaceCrashed = 78
    case spaceDeleting = 79
    case heartbeatMissed = 80
    case heartbeatFailed = 81
    case heartbeatOverran = 82
    /// The visitor is served; the Hub shows an older or a wrong stage.
    case hubLags = 83
    case spaceNeedsToken = 84
    /// We ourselves have no network.
    case selfOffline = 90
    /// More was due than could be carried; the ping was not made.
    case selfOverloaded = 91
    case invalidAddress = 92
    /// Of the ledger itself, never of a check.
    case ledgerDamaged = 93

    /// Stable name for APIs and metrics.
    package var code: String {
        switch self {
        case .none: "none"
        case .dnsNoSuchName: "dns.no_such_name"
        case .dnsFailed: "dns.failed"
        case .dnsTimeout: "dns.timeout"
        case .dnsStale: "dns.stale"
        case .connectRefused: "connect.refused"
        case .connectTimeout: "connect.timeout"
        case .connectUnreachable: "connect.unreachable"
        case .connectionReset: "connect.reset"
        case .tlsHandshake: "tls.handshake"
        case .tlsCertificate: "tls.certificate"
        case .tlsTimeout: "tls.timeout"
        case .tlsExpiresSoon: "tls.expires_soon"
        case .firstByteTimeout: "http.first_byte_timeout"
        case .bodyTimeout: "http.body_timeout"
        case .closedEarly: "http.closed_early"
        case .notHTTP: "http.not_http"
        case .headersTooLarge: "http.headers_too_large"
        case .tooManyRedirects: "http.too_many_redirects"
        case .badRedirect: "http.bad_redirect"
        case .status: "expect.status"
        case .textMissing: "expect.text"
        case .regexMissing: "expect.regex"
        case .jsonMismatch: "expect.json"
        case .tooSlow: "expect.within"
        case .spaceStarting: "space.starting"
        case .spaceHeld: "space.held"
        case .spaceError: "space.error"
        case .spaceHidden: "space.hidden"
        case .spacePaused: "space.paused"
        case .spaceModerated: "space.moderated"
        case .spaceThrottled: "space.throttled"
        case .spacePlatformPage: "space.platform_page"
        case .spaceStuck: "space.stuck"
        case .spaceRunningDead: "space.running_dead"
        case .spaceOldBuild: "space.old_build"
        case .spaceAsleep: "space.asleep"
        case .spacePausedByOwner: "space.paused_by_owner"
        case .spaceSpendLimit: "space.spend_limit"
        case .platformIncident: "platform.incident"
        case .spaceBuildFailed: "space.build_failed"
        case .spaceConfigError: "space.config_error"
        case .spaceNoApp: "space.no_app"
        case .spaceCrashed: "space.crashed"
        case .spaceDeleting: "space.deleting"
        case .hubLags: "hub.lags"
        case .spaceNeedsToken: "space.needs_token"
        case .heartbeatMissed: "heartbeat.missed"
        case .heartbeatFailed: "heartbeat.failed"
        case .heartbeatOverran: "heartbeat.overran"
        case .selfOffline: "self.offline"
        case .selfOverloaded: "self.overloaded"
        case .invalidAddress: "address.invalid"
        case .ledgerDamaged: "ledger.damaged"
        }
    }

    /// Whether a broken network on our side would look like this.
    package var isConnectivity: Bool {
        switch self {
        case .dnsFailed, .dnsTimeout, .connectTimeout, .connectUnreachable: true
        default: false
        }
    }

    /// One sentence for a person, without secrets or numbers of the moment.
    package var sentence: String {
        switch self {
        case .none: "answers as expected"
        case .dnsNoSuchName: "the name does not exist"
        case .dnsFailed: "the name could not be looked up"
        case .dnsTimeout: "the name server did not answer in time"
        case .dnsStale: "stale name: it cannot be looked up, its last known address still answers"
        case .connectRefused: "the connection was refused: nothing listens there"
        case .connectTimeout: "no connection within the limit"
        case .connectUnreachable: "the network or host is unreachable"
        case .connectionReset: "the connection was reset"
        case .tlsHandshake: "the TLS handshake failed"
        case .tlsCertificate: "the certificate is not valid for this name, expired, or not trusted"
        case .tlsTimeout: "the TLS handshake did not finish in time"
        case .tlsExpiresSoon: "the certificate ends soon"
        case .firstByteTimeout: "no answer within the limit"
        case .bodyTimeout: "the answer began but did not end within the limit"
        case .closedEarly: "the connection was closed before the answer was complete"
        case .notHTTP: "what came back is not HTTP"
        case .headersTooLarge: "the answer's headers are larger than 64 KiB"
        case .tooManyRedirects: "too many redirects"
        case .badRedirect: "a redirect leads nowhere"
        case .status: "the status code is not an expected one"
        case .textMissing: "the expected text is not in the answer"
        case .regexMissing: "the expected pattern is not in the answer"
        case .jsonMismatch: "a JSON value is not the expected one"
        case .tooSlow: "slower than expected"
        case .spaceStarting: "the Space is building or starting"
        case .spaceHeld: "the Space is asleep and being woken; the request is held"
        case .spaceError: "the platform says that the Space is in error"
        case .spaceHidden: "the Space is private, renamed or deleted"
        case .spacePaused: "the Space is paused"
        case .spaceModerated: "the Space was flagged by the platform; pings stop"
        case .spaceThrottled: "the platform limits requests (429); pings slow down"
        case .spacePlatformPage: "the platform answered in place of the app"
        case .spaceStuck: "the Space has been starting for longer than a start may take"
        case .spaceRunningDead: "the Hub says that the Space runs, but nobody gets an answer"
        case .spaceOldBuild: "an older build serves than the repository holds"
        case .spaceAsleep: "the Space is asleep"
        case .spacePausedByOwner: "the Space is paused on the Hub; only its owner can restart it"
        case .spaceSpendLimit: "the Space is paused because a spending limit was reached"
        case .platformIncident: "several Spaces fail alike: the platform has trouble"
        case .spaceBuildFailed: "the last build failed; the build log says why"
        case .spaceConfigError: "the configuration in the README or the hardware is not valid"
        case .spaceNoApp: "the repository has no app file"
        case .spaceCrashed: "the app crashed, or did not start"
        case .spaceDeleting: "the Space is being deleted"
        case .hubLags: "the app answers although the Hub says otherwise"
        case .spaceNeedsToken:
            "the Hub knows the Space, but its address answers 404: private without a valid token, or another address"
        case .heartbeatMissed: "no heartbeat within its time and grace"
        case .heartbeatFailed: "the job reported a failure"
        case .heartbeatOverran: "the job started but did not finish in time"
        case .selfOffline: "this machine has no network; nothing is known of the target"
        case .selfOverloaded: "more pings were due than this machine can make"
        case .invalidAddress: "the address cannot be used"
        case .ledgerDamaged: "Stoker's ledger was damaged"
        }
    }
}
