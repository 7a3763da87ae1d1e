package import AsyncHTTPClient
package import Logging
package import StokerCore

/// A way to reach people, with its settings: one line of `channels:` in the fleet file. A value; it holds secrets, so it is never printed.
package protocol Channel: Sendable, Equatable {
    /// Its kind's name in the fleet file, and the key that has its address: `discord`.
    static var name: String { get }
    /// Its keys; the first has the kind's name.
    static var table: FleetTable<Self> { get }
    /// Nothing set.
    init()
    /// false: its address is empty, so it is switched off.
    var isOn: Bool { get }
    /// One attempt. Bounded in time, and it never throws: what went wrong says whether to try again.
    func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery
}

/// What an attempt came to. Sentences are for people, without secrets.
package enum Delivery: Sendable, Equatable {
    /// - Parameter note: what the service answered, such as a message's number.
    case delivered(note: String?)
    /// Not now; the service asked for this wait, or nil when it did not say.
    case later(after: Duration?, because: String)
    /// It cannot succeed as it is: wrong address, refused.
    case refused(because: String)
}

/// What a channel needs to do it.
package struct DeliveryMeans: Sendable {
    package var http: HTTPClient
    package var logger: Logger
    /// The wall clock.
    package var now: @Sendable () -> Instant

    package init(http: HTTPClient, logger: Logger, now: @escaping @Sendable () -> Instant) {
        self.http = http
        self.logger = logger
        self.now = now
    }
}
