package import AsyncHTTPClient
package import Logging
package import NIOCore
package import StokerCore

/// A way to reach people, with its settings: one entry of `channels:` in the fleet file. A value; it holds secrets, so it is never printed.
///
/// To add one: a file here with its settings and what it sends, and its line in ``ChannelKinds/all``.
package protocol Channel: Sendable, Equatable {
    /// Its kind's name in the fleet file, and its first key: `discord`.
    static var name: String { get }
    /// The keys of `{ discord: …, username: … }`. That with the kind's name comes first and holds the address.
    static var table: FleetTable<Self> { get }
    /// The keys of a small whole one, as YAML in a flow mapping: `telegram: "1:a", chat: "1"`.
    static var example: String { get }
    /// It keeps an incident of its own open, and wants to hear when somebody has acknowledged ours. Default false.
    static var takesAcknowledgements: Bool { get }
    /// With nothing set.
    init()
    /// False: its address is empty, the channel is switched off.
    var isOn: Bool { get }
    /// Where it goes, for people, without secrets: `discord.com`. Empty when it is off.
    var shown: String { get }
    /// What a person should hear of it at the start; nil for nothing.
    func advice(in environment: [String: String]) -> String?
    /// One attempt. Bounded in time, and it never throws: what went wrong says whether to try again.
    func deliver(_ notice: Notice, with means: DeliveryMeans) async -> Delivery
    /// The same in two steps: what can be made ahead is made now, while another message is on its way. Default: nothing. It leaves within a
    /// second, or is made anew.
    func prepare(_ notice: Notice, with means: DeliveryMeans) -> Attempt
}

/// One attempt at a message that is ready to leave.
package typealias Attempt = @Sendable () async -> Delivery

extension Channel {
    package static var takesAcknowledgements: Bool { false }
    package func advice(in environment: [String: String]) -> String? { nil }
    package func prepare(_ notice: Notice, with means: DeliveryMeans) -> Attempt {
        { await deliver(notice, with: means) }
    }
}

/// What an attempt came to. Sentences are for people, without secrets.
package enum Delivery: Sendable, Equatable {
    /// - Parameter note: what the service answered, such as a message's number.
    case delivered(note: String?)
    /// Some of those it was for have it, and the others cannot get it: that is final. Says how many, and who not.
    case partly(because: String)
    /// Not now; the service asked for this wait, or nil when it did not say.
    case later(after: Duration?, because: String)
    /// It cannot succeed as it is: wrong address, refused.
    case refused(because: String)

    /// Nobody has it.
    var isFailure: Bool {
        switch self {
        case .delivered, .partly: false
        case .later, .refused: true
        }
    }
}

/// What a channel needs to do it.
package struct DeliveryMeans: Sendable {
    /// Follows no redirects: a message that follows one becomes a GET, and is lost while it looks delivered. See ``client(on:)``.
    package var http: HTTPClient
    package var logger: Logger
    /// The wall clock.
    package var now: @Sendable () -> Instant
    /// Of one attempt. Default 30 s.
    package var limit: Duration

    package init(
        http: HTTPClient, logger: Logger, now: @escaping @Sendable () -> Instant, limit: Duration = .seconds(30)
    ) {
        self.http = http
        self.logger = logger
        self.now = now
        self.limit = limit
    }

    /// A client fit for channels; the caller shuts it down.
    package static func client(on group: any EventLoopGroup) -> HTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.timeout.read = .seconds(15)
        configuration.timeout.write = .seconds(15)
        configuration.httpVersion = .http1Only
        configuration.tracing.tracer = nil
        // The outbox repeats; a repeat of the library would hide why.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(20)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        return HTTPClient(eventLoopGroup: group, configuration: configuration)
    }
}
