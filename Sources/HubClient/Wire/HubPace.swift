

/// Keeps an account inside the Hub's request windows and action quotas.
package actor HubPace {
    /// What is left of one window of the Hub, as its last answer said.
    package struct Window: Sendable, Equatable {
        /// `api`, `resolvers` or `pages`.
        package var bucket: String
        package var quota: Int?
        package var remaining: Int
        /// Seconds until the window ends, counted from ``seen``.
        package var seconds: Int
        package var seen: ContinuousClock.Instant
    }
    package private(set) var windows: [String: Window] = [:]

    package init() {}
}
