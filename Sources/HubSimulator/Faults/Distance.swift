package import Hummingbird

/// A Hub that is far away: each answer is on its way for so long, in simulated time.
package struct Distance: HubFaults {
    private let time: SimulatedTime
    private let delay: Duration

    package init(_ delay: Duration, time: SimulatedTime) {
        self.time = time
        self.delay = delay
    }

    package func around(
        _ request: Request, _ context: HubContext,
        next: @Sendable (Request, HubContext) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        try await time.sleep(for: delay, on: context.channel.eventLoop)
        return response
    }
}
