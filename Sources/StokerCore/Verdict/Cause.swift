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
    /// What is told of a cause, one row each: whoever shows one reads it here.
    package struct Traits: Sendable {
        /// Stable name for APIs and metrics.
        package let code: String
        /// One sentence for a person, without secrets or numbers of the moment.
        package let sentence: String
        /// A few words where there is no room for the sentence.
        package let brief: String
        /// What a person can do about it; nil when there is nothing to do.
        package let advice: String?
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
            _ code: String, _ sentence: String, brief: String? = nil, advice: String? = nil,
            network: Network = .untold
        ) {
            self.code = code
            self.sentence = sentence
            self.brief = brief ?? sentence
            self.advice = advice
            self.network = network
        }
    }

    package var code: String { traits.code }
    package var sentence: String { traits.sentence }
    package var advice: String? { traits.advice }
    /// Whether a broken network on our side would look like this.
    package var isConnectivity: Bool { traits.network == .doubtful }

    /// A few words where there is no room for the sentence.
    /// - Parameter code: the answer's status; 0 when there was none.
    package func brief(code: UInt16) -> String { self == .status && code > 0 ? "answered \(code)" : traits.brief }

    package var traits: Traits {
        switch self {
        case .none:
            Traits(
                "none", "answers as expected", network: .works)
        case .dnsNoSuchName:
            Traits(
                "dns.no_such_name", "the name does not exist",
                brief: "no such name",
                advice: "Compare the name in the fleet file with the address that works in a browser. "
                    + "A private Space needs a token in “headers”.")
        case .dnsFailed:
            Traits(
                "dns.failed", "the name could not be looked up",
                brief: "name lookup failed",
                advice: "Look at this machine's name server; other targets may suffer too.", network: .doubtful)
        case .dnsTimeout:
            Traits(
                "dns.timeout", "the name server did not answer in time",
                brief: "name lookup timed out",
                advice: "Look at this machine's name server; other targets may suffer too.", network: .doubtful)
        case .dnsStale:
            Traits(
                "dns.stale", "stale name: it cannot be looked up, its last known address still answers",
                advice: "Look at this machine's name server; other targets may suffer too.")
        case .dnsNoRecord:
            Traits(
                "dns.no_record", "the name has no record of this type",
                advice: "Look at the zone of the name, or ask for another type with ?type=….")
        case .connectRefused:
            Traits(
                "connect.refused", "the connection was refused: nothing listens there",
                brief: "connection refused",
                advice: "Is the service started, and is this its port?")
        case .connectTimeout:
            Traits(
                "connect.timeout", "no connection within the limit",
                brief: "connection timed out",
                advice: "Look for a firewall or a host that is switched off.", network: .doubtful)
        case .connectUnreachable:
            Traits(
                "connect.unreachable", "the network or host is unreachable",
                brief: "host unreachable",
                advice: "Look for a firewall or a host that is switched off.", network: .doubtful)
        case .connectionReset:
            Traits(
                "connect.reset", "the connection was reset",
                brief: "connection reset",
                advice: "The service's own log says why it hung up.")
        case .tlsHandshake:
            Traits(
                "tls.handshake", "the TLS handshake failed",
                brief: "TLS handshake failed",
                advice: "Is this an https port? The transcript below says how far it got.", network: .works)
        case .tlsCertificate:
            Traits(
                "tls.certificate", "there is no certificate, or it is not valid yet",
                brief: "certificate not valid",
                advice: "Look at the server's certificate, and at the clocks of both machines.", network: .works)
        case .tlsTimeout:
            Traits(
                "tls.timeout", "the TLS handshake did not finish in time",
                brief: "TLS handshake timed out",
                advice: "Is this an https port? The transcript below says how far it got.")
        case .tlsExpiresSoon:
            Traits(
                "tls.expires_soon", "the certificate ends soon",
                advice: "Renew the certificate.")
        case .tlsExpired:
            Traits(
                "tls.expired", "the certificate has expired",
                advice: "Renew the certificate.", network: .works)
        case .tlsWrongName:
            Traits(
                "tls.wrong_name", "the certificate is for another name",
                advice: "Ask for a name that the certificate is for, or have one issued for this name.", network: .works
            )
        case .tlsUntrusted:
            Traits(
                "tls.untrusted", "the certificate is not trusted",
                advice: "Use a certificate of a public authority and send its whole chain, or set “verify_tls: false”.",
                network: .works)
        case .firstByteTimeout:
            Traits(
                "http.first_byte_timeout", "no answer within the limit",
                brief: "no answer in time",
                advice: "The service accepts connections but does not answer in time: look at its load and its log.")
        case .bodyTimeout:
            Traits(
                "http.body_timeout", "the answer began but did not end within the limit",
                brief: "answer not complete in time",
                advice: "The service accepts connections but does not answer in time: look at its load and its log.")
        case .closedEarly:
            Traits(
                "http.closed_early", "the connection was closed before the answer was complete",
                brief: "connection closed early",
                advice: "The service's own log says why it hung up.", network: .works)
        case .notHTTP:
            Traits(
                "http.not_http", "what came back is not HTTP",
                advice: "Something else listens on this port; a bare port is watched with a tcp:// address.",
                network: .works)
        case .headersTooLarge:
            Traits(
                "http.headers_too_large", "the answer's headers are larger than 64 KiB",
                advice: "The transcript below shows each step; point the target at the last address that is right.",
                network: .works)
        case .tooManyRedirects:
            Traits(
                "http.too_many_redirects", "too many redirects",
                advice: "The transcript below shows each step; point the target at the last address that is right.",
                network: .works)
        case .badRedirect:
            Traits(
                "http.bad_redirect", "a redirect leads nowhere",
                advice: "The transcript below shows each step; point the target at the last address that is right.",
                network: .works)
        case .status:
            Traits(
                "expect.status", "the status code is not an expected one",
                advice: "The transcript below shows the answer. If it is fine as it is, allow it with “expect.status”.")
        case .textMissing:
            Traits(
                "expect.text", "the expected text is not in the answer",
                advice: "The transcript below shows what came instead. If that is right, change “expect”.")
        case .regexMissing:
            Traits(
                "expect.regex", "the expected pattern is not in the answer",
                advice: "The transcript below shows what came instead. If that is right, change “expect”.")
        case .jsonMismatch:
            Traits(
                "expect.json", "a JSON value is not the expected one",
                advice: "The transcript below shows what came instead. If that is right, change “expect”.")
        case .tooSlow:
            Traits(
                "expect.within", "slower than expected",
                advice: "The transcript below shows where the time goes. If that is normal, raise “expect.within”.")
        case .recordMissing:
            Traits(
                "expect.records", "an expected DNS record is not in the answer",
                advice: "The transcript below shows the records. If they are right, change “expect.records”.")
        case .spaceStarting:
            Traits(
                "space.starting", "the Space is building or starting",
                advice: "Nothing to do: Stoker waits for it and looks again.")
        case .spaceHeld:
            Traits(
                "space.held", "the Space is asleep and being woken; the request is held",
                advice: "Nothing to do: Stoker waits for it and looks again.")
        case .spaceError:
            Traits(
                "space.error", "the platform says that the Space is in error",
                advice: "Its log on the Hub says why. Restart or rebuild the Space there; Stoker sees when it is back.")
        case .spaceHidden:
            Traits(
                "space.hidden", "the Space is private, renamed or deleted",
                advice: "Compare the name in the fleet file with the address that works in a browser. "
                    + "A private Space needs a token in “headers”.")
        case .spacePaused:
            Traits(
                "space.paused", "the Space is paused",
                advice: "Restart it on its page on the Hub: a ping does not wake a paused Space.")
        case .spaceModerated:
            Traits(
                "space.moderated", "the Space was flagged by the platform; pings stop",
                advice: "Read what the Space's page on the Hub says and settle it there.")
        case .spaceThrottled:
            Traits(
                "space.throttled", "the platform limits requests (429); pings slow down",
                advice: "Ask less often: longer intervals, or fewer checks from this address.")
        case .spacePlatformPage:
            Traits(
                "space.platform_page", "the platform answered in place of the app",
                advice: "The transcript below shows the platform's page.")
        case .spaceStuck:
            Traits(
                "space.stuck", "the Space has been starting for longer than a start may take",
                advice: "Its log on the Hub says why. Restart or rebuild the Space there; Stoker sees when it is back.")
        case .spaceRunningDead:
            Traits(
                "space.running_dead", "the Hub says that the Space runs, but nobody gets an answer",
                advice:
                    "Its log on the Hub says what the app does. A restart often helps; “heal: act” does it by itself.")
        case .spaceOldBuild:
            Traits(
                "space.old_build", "an older build serves than the repository holds",
                advice: "Its build log on the Hub says what became of the last push; a restart starts a build anew.")
        case .spaceAsleep:
            Traits(
                "space.asleep", "the Space is asleep",
                advice: "Nothing to do: Stoker wakes it and looks again.")
        case .spacePausedByOwner:
            Traits(
                "space.paused_by_owner", "the Space is paused on the Hub; only its owner can restart it",
                advice: "Restart it on its page on the Hub when its time has come.")
        case .spaceSpendLimit:
            Traits(
                "space.spend_limit", "the Space is paused because a spending limit was reached",
                advice: "Restart it on its page on the Hub when its time has come.")
        case .platformIncident:
            Traits(
                "platform.incident", "several Spaces fail alike: the platform has trouble",
                advice: "Look at status.huggingface.co. Nothing is restarted while it lasts.")
        case .spaceBuildFailed:
            Traits(
                "space.build_failed", "the last build failed; the build log says why",
                advice: "Its build log on the Hub says why; the repository must change.")
        case .spaceConfigError:
            Traits(
                "space.config_error", "the configuration in the README or the hardware is not valid",
                advice: "Put the head of README.md right; the Hub's page of the Space names the mistake.")
        case .spaceNoApp:
            Traits(
                "space.no_app", "the repository has no app file",
                advice: "Add the app file or Dockerfile, or correct “sdk” and “app_file” in README.md.")
        case .spaceCrashed:
            Traits(
                "space.crashed", "the app crashed, or did not start",
                advice:
                    "Its log on the Hub says what the app does. A restart often helps; “heal: act” does it by itself.")
        case .spaceDeleting:
            Traits(
                "space.deleting", "the Space is being deleted",
                advice: "Take it out of the fleet file.")
        case .heartbeatMissed:
            Traits(
                "heartbeat.missed", "no heartbeat within its time and grace",
                advice: "Did the job run? Look at its schedule and its log.")
        case .heartbeatFailed:
            Traits(
                "heartbeat.failed", "the job reported a failure",
                advice: "The job's own log says what went wrong.")
        case .heartbeatOverran:
            Traits(
                "heartbeat.overran", "the job started but did not finish in time",
                advice: "It may hang. If runs may take this long, raise “every” or “grace”.")
        case .hubLags:
            Traits(
                "hub.lags", "the app answers although the Hub says otherwise",
                advice: "Nothing to do: the app answers.")
        case .spaceNeedsToken:
            Traits(
                "space.needs_token",
                "the Hub knows the Space, but its address answers 404: private without a valid token, or another address",
                advice: "Set “hub.token” to a token that may read the Space; if it was renamed, correct its name.")
        case .selfOffline:
            Traits(
                "self.offline", "this machine has no network; nothing is known of the target")
        case .selfOverloaded:
            Traits(
                "self.overloaded", "more pings were due than this machine can make",
                advice: "Longer intervals or a larger open-file limit help.")
        case .invalidAddress:
            Traits(
                "address.invalid", "the address cannot be used",
                advice: "Correct the address in the fleet file.")
        case .ledgerDamaged:
            Traits(
                "ledger.damaged", "Stoker's ledger was damaged")
        }
    }
}
