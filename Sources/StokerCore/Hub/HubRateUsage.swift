/// What is used and left of the requests that the Hub grants an account, for pages, metrics and the API.
package struct HubRateUsage: Sendable, Equatable {
    /// One of the Hub's fixed windows of five minutes.
    package struct Window: Sendable, Equatable {
        /// `api`, `resolvers` or `pages`.
        package var bucket: String
        /// Requests per window; nil when the Hub did not say.
        package var quota: Int?
        /// Of the whole account, other programs included.
        package var remaining: Int
        /// After this instant the window is full again.
        package var endsAt: Instant
        /// Of this process, in this window.
        package var sent: Int

        package init(bucket: String, quota: Int?, remaining: Int, endsAt: Instant, sent: Int) {
            self.bucket = bucket
            self.quota = quota
            self.remaining = remaining
            self.endsAt = endsAt
            self.sent = sent
        }
    }

    /// Base address of the Hub.
    package var endpoint: String
    /// By name of the bucket; empty until the Hub says something of its windows.
    package var windows: [Window]
    /// Requests since the start.
    package var calls: Int
    /// Answers 429 since the start.
    package var refusals: Int
    /// Time that calls have waited for a window since the start.
    package var waited: Duration
    /// When the Hub last told of the fleet; nil when it never has.
    package var answeredAt: Instant?
    /// Why the Hub, or a part of the fleet on it, could not be read the last time; nil when all could.
    package var trouble: String?

    package init(
        endpoint: String, windows: [Window] = [], calls: Int = 0, refusals: Int = 0, waited: Duration = .zero,
        answeredAt: Instant? = nil, trouble: String? = nil
    ) {
        self.endpoint = endpoint
        self.windows = windows
        self.calls = calls
        self.refusals = refusals
        self.waited = waited
        self.answeredAt = answeredAt
        self.trouble = trouble
    }

    /// The windows as they are at an instant: one that has ended is full again.
    package func windows(at now: Instant) -> [Window] {
        windows.map { window in
            guard now >= window.endsAt else { return window }
            var window = window
            window.remaining = window.quota ?? window.remaining
            window.sent = 0
            return window
        }
    }
}
