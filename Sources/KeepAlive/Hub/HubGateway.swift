package import StokerCore

/// What keeping warm needs of the Hub. The composition fulfils it with the Hub's client; tests bring their own.
package protocol HubGateway: Sendable {
    /// Every Space of a user or organisation that the token may see, with what it is doing.
    func spaces(of namespace: String) async throws(Failure) -> HubListing
    /// One Space; nil when there is none, or the token may not see it.
    func space(_ id: String) async throws(Failure) -> SpaceFacts?
    /// Starts the container anew; with `factory` after a build from scratch. Refuses when the Space is paused.
    func restart(_ id: String, factory: Bool) async throws(Failure)
    /// Listens to the Hub's events of a Space until the stream ends or the task is cancelled; calls `each` with every stage that is mentioned.
    /// A hint, on which nothing may depend.
    func listen(to space: String, each: @escaping @Sendable (SpaceStage) async -> Void) async throws(Failure)
    /// What the platform itself tells of its trouble with Spaces; empty when there is none, or no page that could tell.
    func platformReports(at now: Instant) async throws(Failure) -> [PlatformReport]
    /// What is used and left of the account's requests; nil when nobody counts them.
    func rateUsage(at now: Instant) -> HubRateUsage?
}

extension HubGateway {
    package func rateUsage(at now: Instant) -> HubRateUsage? { nil }
    package func platformReports(at now: Instant) async throws(Failure) -> [PlatformReport] { [] }
    package func listen(to space: String, each: @escaping @Sendable (SpaceStage) async -> Void) async throws(Failure) {}
}

/// The cause of a failure, when it has words of its own without what is another at each try, such as the number of a request.
package protocol RepeatableCause: Error {
    var said: String { get }
}

extension Failure {
    /// Without what is another at each try.
    package var withoutRequestID: Failure {
        guard let cause = cause as? any RepeatableCause else { return self }
        var plain = self
        plain.because = cause.said
        return plain
    }
}

/// One reading of a namespace.
package struct HubListing: Sendable {
    package var spaces: [SpaceFacts]
    /// Requests it took: one a page.
    package var calls: Int
    /// Requests that this reading took and the next one will not.
    package var extraCalls: Int
    package init(spaces: [SpaceFacts], calls: Int, extraCalls: Int = 0) {
        self.spaces = spaces
        self.calls = calls
        self.extraCalls = extraCalls
    }
}
