/// Why an observation is not simply *up*. Raw values are stored: never renumber.
package enum Cause: UInt8, Sendable, CaseIterable, Codable {
    case none = 0
    case dnsNoSuchName = 10
    case dnsFailed = 11
    case dnsTimeout = 12
    /// The name could not be looked up; an older answer of the name server was used, and there it is well.
    case dnsStale = 13
    /// The name exists, and has no record of the type that was asked for.
    case dnsNoRecord = 14
    case connectRefused = 20
    case connectTimeout = 21
    case connectUnreachable = 22
    case connectionReset = 23
    case tlsHandshake = 30
    case tlsCertificate = 31
    case tlsTimeout = 32
    case tlsExpiresSoon = 33
    case tlsExpired = 34
    case tlsWrongName = 35
    /// Self-signed, or issued by an authority that is not trusted here.
    case tlsUntrusted = 36
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
    case recordMissing = 55
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
}

extension Cause {
    /// What is told of a cause, one row each: whoever shows one reads it here. What a person can do about it is in the rules of the room Diagnosis.
    package struct Traits: Sendable {
        /// Stable name for APIs and metrics.
        package let code: String
        /// One sentence for a person, without secrets or numbers of the moment.
        package let sentence: String
        /// A few words where there is no room for the sentence.
        package let brief: String
        package let network: Network

        /// What a failure says of this machine's own network.
        package enum Network: Sendable {
            /// Something spoke to us.
            case works
            /// A broken network on our side would look like this.
            case doubtful
            /// Neither for nor against: a name that does not exist, a refusal, a time-out after connecting.
            case untold
        }

        fileprivate init(
            _ code: String, _ sentence: String, brief: String? = nil,
            network: Network = .untold
        ) {
            self.code = code
            self.sentence = sentence
            self.brief = brief ?? sentence
            self.network = network
        }
    }

    /// Stable name for the API and metrics: `tls.expired`.
    package var code: String { traits.code }
    /// What was seen, as a clause; with a code where the answer had one: see ``sentence(code:)``.
    package var sentence: String { traits.sentence }
    /// Whether a broken network on our side would look like this.
    package var isConnectivity: Bool { traits.network == .doubtful }

    /// A few words where there is no room for the sentence.
    /// - Parameter code: the answer's status; 0 when there was none.
    package func brief(code: UInt16) -> String { self == .status && code > 0 ? "answered \(code)" : traits.brief }

    /// The row of this cause: its code, its words, and what it says of our own network. To change what a page says of it, change it there.
    package var traits: Traits {
        switch self {
        case .none:
            Traits(
                "none", "answers as expected", network: .works)
        case .dnsNoSuchName:
            Traits(
                "dns.no_such_name", "the name does not exist",
                brief: "no such name")
        case .dnsFailed:
            Traits(
                "dns.failed", "the name could not be looked up",
                brief: "name lookup failed", network: .doubtful)
        case .dnsTimeout:
            Traits(
                "dns.timeout", "the name server did not answer in time",
                brief: "name lookup timed out", network: .doubtful)
        case .dnsStale:
            Traits(
                "dns.stale", "stale name: it cannot be looked up, its last known address still answers")
        case .dnsNoRecord:
            Traits(
                "dns.no_record", "the name has no record of this type")
        case .connectRefused:
            Traits(
                "connect.refused", "the connection was refused: nothing listens there",
                brief: "connection refused")
        case .connectTimeout:
            Traits(
                "connect.timeout", "no connection within the limit",
                brief: "connection timed out", network: .doubtful)
        case .connectUnreachable:
            Traits(
                "connect.unreachable", "the network or host is unreachable",
                brief: "host unreachable", network: .doubtful)
        case .connectionReset:
            Traits(
                "connect.reset", "the connection was reset",
                brief: "connection reset")
        case .tlsHandshake:
            Traits(
                "tls.handshake", "the TLS handshake failed",
                brief: "TLS handshake failed", network: .works)
        case .tlsCertificate:
            Traits(
                "tls.certificate", "there is no certificate, or it is not valid yet",
                brief: "certificate not valid", network: .works)
        case .tlsTimeout:
            Traits(
                "tls.timeout", "the TLS handshake did not finish in time",
                brief: "TLS handshake timed out")
        case .tlsExpiresSoon:
            Traits(
                "tls.expires_soon", "the certificate ends soon")
        case .tlsExpired:
            Traits(
                "tls.expired", "the certificate has expired", network: .works)
        case .tlsWrongName:
            Traits(
                "tls.wrong_name", "the certificate is for another name", network: .works
            )
        case .tlsUntrusted:
            Traits(
                "tls.untrusted", "the certificate is not trusted",
                network: .works)
        case .firstByteTimeout:
            Traits(
                "http.first_byte_timeout", "no answer within the limit",
                brief: "no answer in time")
        case .bodyTimeout:
            Traits(
                "http.body_timeout", "the answer began but did not end within the limit",
                brief: "answer not complete in time")
        case .closedEarly:
            Traits(
                "http.closed_early", "the connection was closed before the answer was complete",
                brief: "connection closed early", network: .works)
        case .notHTTP:
            Traits(
                "http.not_http", "what came back is not HTTP",
                network: .works)
        case .headersTooLarge:
            Traits(
                "http.headers_too_large", "the answer's headers are larger than 64 KiB",
                network: .works)
        case .tooManyRedirects:
            Traits(
                "http.too_many_redirects", "too many redirects",
                network: .works)
        case .badRedirect:
            Traits(
                "http.bad_redirect", "a redirect leads nowhere",
                network: .works)
        case .status:
            Traits(
                "expect.status", "the status code is not an expected one")
        case .textMissing:
            Traits(
                "expect.text", "the expected text is not in the answer")
        case .regexMissing:
            Traits(
                "expect.regex", "the expected pattern is not in the answer")
        case .jsonMismatch:
            Traits(
                "expect.json", "a JSON value is not the expected one")
        case .tooSlow:
            Traits(
                "expect.within", "slower than expected")
        case .recordMissing:
            Traits(
                "expect.records", "an expected DNS record is not in the answer")
        case .spaceStarting:
            Traits(
                "space.starting", "the Space is building or starting")
        case .spaceHeld:
            Traits(
                "space.held", "the Space is asleep and being woken; the request is held")
        case .spaceError:
            Traits(
                "space.error", "the platform says that the Space is in error")
        case .spaceHidden:
            Traits(
                "space.hidden", "the Space is private, renamed or deleted")
        case .spacePaused:
            Traits(
                "space.paused", "the Space is paused")
        case .spaceModerated:
            Traits(
                "space.moderated", "the Space was flagged by the platform; pings stop")
        case .spaceThrottled:
            Traits(
                "space.throttled", "the platform limits requests (429); pings slow down")
        case .spacePlatformPage:
            Traits(
                "space.platform_page", "the platform answered in place of the app")
        case .spaceStuck:
            Traits(
                "space.stuck", "the Space has been starting for longer than a start may take")
        case .spaceRunningDead:
            Traits(
                "space.running_dead", "the Hub says that the Space runs, but nobody gets an answer")
        case .spaceOldBuild:
            Traits(
                "space.old_build", "an older build serves than the repository holds")
        case .spaceAsleep:
            Traits(
                "space.asleep", "the Space is asleep")
        case .spacePausedByOwner:
            Traits(
                "space.paused_by_owner", "the Space is paused on the Hub; only its owner can restart it")
        case .spaceSpendLimit:
            Traits(
                "space.spend_limit", "the Space is paused because a spending limit was reached")
        case .platformIncident:
            Traits(
                "platform.incident", "several Spaces fail alike: the platform has trouble")
        case .spaceBuildFailed:
            Traits(
                "space.build_failed", "the last build failed; the build log says why")
        case .spaceConfigError:
            Traits(
                "space.config_error", "the configuration in the README or the hardware is not valid")
        case .spaceNoApp:
            Traits(
                "space.no_app", "the repository has no app file")
        case .spaceCrashed:
            Traits(
                "space.crashed", "the app crashed, or did not start")
        case .spaceDeleting:
            Traits(
                "space.deleting", "the Space is being deleted")
        case .heartbeatMissed:
            Traits(
                "heartbeat.missed", "no heartbeat within its time and grace")
        case .heartbeatFailed:
            Traits(
                "heartbeat.failed", "the job reported a failure")
        case .heartbeatOverran:
            Traits(
                "heartbeat.overran", "the job started but did not finish in time")
        case .hubLags:
            Traits(
                "hub.lags", "the app answers although the Hub says otherwise")
        case .spaceNeedsToken:
            Traits(
                "space.needs_token",
                "the Hub knows the Space, but its address answers 404: private without a valid token, or another address"
            )
        case .selfOffline:
            Traits(
                "self.offline", "this machine has no network; nothing is known of the target")
        case .selfOverloaded:
            Traits(
                "self.overloaded", "more pings were due than this machine can make")
        case .invalidAddress:
            Traits(
                "address.invalid", "the address cannot be used")
        case .ledgerDamaged:
            Traits(
                "ledger.damaged", "Stoker's ledger was damaged")
        }
    }
}
