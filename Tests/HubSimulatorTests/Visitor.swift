import AsyncHTTPClient
import HubSimulator
import NIOCore
import NIOHTTP1
import Testing

/// What came back.
struct Seen: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: String
    /// The container answered, not the platform.
    var isTheApps: Bool {
        headers.contains(name: "x-proxied-host") && headers.contains(name: "x-proxied-replica")
            && headers.contains(name: "x-proxied-path")
    }
}

func get(_ url: String, _ headers: [String: String] = [:], method: HTTPMethod = .GET) async throws -> Seen {
    var request = HTTPClientRequest(url: url)
    request.method = method
    request.headers.add(contentsOf: HTTPHeaders(headers.map { ($0.key, $0.value) }))
    request.headers.add(name: "connection", value: "close")
    let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(40))
    let body = try await answer.body.collect(upTo: 1 << 20)
    return Seen(status: Int(answer.status.code), headers: answer.headers, body: String(buffer: body))
}

/// One Space in a fleet whose clock stands still, for as long as `body` runs.
func withSpace(
    _ blueprint: SpaceBlueprint, seed: UInt64 = 1, tokens: Set<String> = [],
    _ body: (SimulatedFleet, SimulatedSpace, String) async throws -> Void
) async throws {
    let fleet = try await SimulatedFleet.start(seed: seed, time: SimulatedTime(.manual), tokens: tokens)
    do {
        let space = try await fleet.add(blueprint)
        try await body(fleet, space, fleet.spaces[0].address)
    } catch {
        await fleet.shutdown()
        throw error
    }
    await fleet.shutdown()
}

/// Moves the clock on until `wait` is over.
func stepping<Value: Sendable>(
    _ time: SimulatedTime, _ wait: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await wait() }
        group.addTask {
            while !Task.isCancelled {
                try await time.advance(by: .seconds(10))
                try await Task.sleep(for: .milliseconds(5))
            }
            return nil
        }
        defer { group.cancelAll() }
        return try #require(try await group.next() ?? nil)
    }
}
