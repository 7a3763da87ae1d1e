/// How the edge in front of the apps behaves. Where reports disagree it is a setting.
///
/// Sources are field reports of 2025 and 2026 and Hugging Face's own client code, named at each rule.
package struct EdgeRules: Sendable, Equatable {
    /// What a visitor of a sleeping Space gets; the wake begins in every variant. Reports conflict.
    package enum WakeStyle: Sendable, Equatable {
        /// The request is held open until the app answers. Source: gradio's tests wake Spaces with `GET {host}/config` and
        /// wait for its answer.
        case held
        /// 503 at once.
        case refused
        /// The page that is shown while a Space starts.
        case page
    }

    package var wake: WakeStyle
    /// Longest wait for an app, or for a held wake, before 504. About 60 s were observed.
    package var limit: Duration
    /// Share of requests that get a 502 although the app is fine, 0…1. Observed now and then.
    package var sporadic502: Double
    /// Status of the HTML page that browsers get while a Space builds or starts. Both 503 and 200 occur in reports.
    package var startingPageStatus: Int
    /// Anonymous requests to one Space inside `window` before 429; nil is no limit.
    package var anonymousLimit: Int?
    package var window: Duration

    package init(
        wake: WakeStyle = .held, limit: Duration = .seconds(60), sporadic502: Double = 0, startingPageStatus: Int = 503,
        anonymousLimit: Int? = nil, window: Duration = .seconds(60)
    ) {
        self.wake = wake
        self.limit = limit
        self.sporadic502 = sporadic502
        self.startingPageStatus = startingPageStatus
        self.anonymousLimit = anonymousLimit
        self.window = window
    }
}

/// A page of the platform itself: it never has `x-proxied-*` headers.
struct PlatformPage: Sendable, Equatable {
    var status: Int
    var type = "text/plain; charset=utf-8"
    var body: String
    var retryAfter: Int?

    /// Text recorded from Spaces in `RUNTIME_ERROR` and `CONFIG_ERROR`; the other error stages are expected to share it.
    static let inError = PlatformPage(status: 503, body: "Your space is in error, check its status on hf.co")
    /// Reported together with paused and with flagged Spaces (discuss.huggingface.co topic 177164); the wording is ours.
    static let paused = PlatformPage(status: 503, body: "This Space has been paused by its owner.")
    static let flagged = PlatformPage(status: 503, body: "This Space is paused: flagged as abusive.")
    /// API style clients while a Space builds or starts.
    static let starting = PlatformPage(status: 503, body: "Preparing Space")
    /// hub-docs `spaces-overview.md`: a private Space does not exist for who may not see it.
    static let hidden = PlatformPage(status: 404, body: "Sorry, we can't find the page you are looking for.")
    static let badGateway = PlatformPage(status: 502, body: "Bad Gateway")
    static let gatewayTimeout = PlatformPage(status: 504, body: "Gateway Timeout")

    static func throttled(_ seconds: Int) -> PlatformPage {
        PlatformPage(status: 429, body: "Too Many Requests", retryAfter: seconds)
    }

    static func startingPage(_ stage: SpaceStage, status: Int) -> PlatformPage {
        let word = stage == .building ? "Building" : "Starting"
        return PlatformPage(
            status: status, type: "text/html; charset=utf-8",
            body: """
                <!doctype html><html><head><title>Preparing Space</title><meta http-equiv="refresh" content="5"></head>\
                <body><h1>Preparing Space</h1><p>\(word)…</p></body></html>
                """)
    }
}
