package import AsyncHTTPClient
package import Logging
import NIOCore
import NIOHTTP1
package import Runtime
import ServiceLifecycle
import StokerCore

/// Watches the first master and tells the fleet monitor when to stand in for it (KA13 in docs/promises.md).
package struct StandbyService: Service {
    private let first: String
    private let every: Duration
    private let client: HTTPClient
    private let monitor: FleetMonitor
    private let clocks: Clocks
    private let logger: Logger
    /// The first master's address as people may see it.
    private let shown: String

    /// - Parameters:
    ///   - first: address of the first master; its `/health` is asked.
    ///   - every: time between two looks. Default 10 s; three misses in a row make the takeover.
    package init(
        of first: String, every: Duration = .seconds(10), client: HTTPClient, monitor: FleetMonitor, clocks: Clocks,
        logger: Logger
    ) {
        self.first = first
        shown = Redaction.address(first)
        self.every = every
        self.client = client
        self.monitor = monitor
        self.clocks = clocks
        self.logger = logger
    }

    package func run() async throws {
        await monitor.setRole(StandbyDecision(every: every).role(of: shown))
        await cancelWhenGracefulShutdown {
            var decision = StandbyDecision(every: every)
            while !Task.isCancelled {
                let alive = await isAlive()
                if Task.isCancelled { break }
                // Without network of our own a silent master means nothing.
                let offline = monitor.isOffline
                if alive || !offline { _ = decision.note(answered: alive, at: clocks.wall()) }
                await monitor.setRole(decision.role(of: shown))
                do { try await Task.sleep(for: every) } catch { break }
            }
        }
    }

    /// Alive is only who says so in the words of `/health`: a platform's page in its place is not.
    private func isAlive() async -> Bool {
        var request = HTTPClientRequest(url: first + "/health")
        request.headers.add(name: "user-agent", value: "Stoker standby")
        let limit = min(every, .seconds(10))
        do {
            let response = try await client.execute(
                request, timeout: .nanoseconds(limit.wholeMilliseconds * 1_000_000), logger: logger)
            let body = try await response.body.collect(upTo: 4_096)
            return response.status == .ok && String(buffer: body).contains("\"alive\"")
        } catch {
            logger.debug("The first master did not answer", metadata: ["error": "\(error)"])
            return false
        }
    }
}
