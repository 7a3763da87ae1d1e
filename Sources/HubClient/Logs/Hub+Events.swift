import FoundationEssentials
import NIOHTTP1
package import StokerCore

/// A hint that something about a Space changed. The shape of these events is not documented: nothing may depend on one coming, or on what
/// it holds; whoever gets one reads the runtime.
package struct SpaceEvent: Sendable, Equatable {
    /// The event's own name.
    package var name: String
    /// A stage that was mentioned in it.
    package var stage: SpaceStage?
    package var raw: JSONValue?
}

/// A look at what a Space's container uses. Numbers are kept under the names they came with.
package struct SpaceUsage: Sendable, Equatable {
    package var replica: String?
    /// Percent of the CPU's share, when something that is called so came.
    package var cpuPercent: Double?
    /// Bytes.
    package var memoryUsed: Double?
    package var memoryTotal: Double?
    package var raw: JSONValue

    init?(_ event: SSEEvent) {
        guard let raw = Hub.json(of: event), raw.members != nil else { return nil }
        self.raw = raw
        replica = raw["replica"]?.string
        cpuPercent = raw["cpu_usage_pct"]?.double
        memoryUsed = raw["memory_used_bytes"]?.double
        memoryTotal = raw["memory_total_bytes"]?.double
    }
}

extension Hub {
    /// Listens to `/events` of a Space until the stream ends, is silent for `silence`, or is cancelled.
    package func listen(
        to space: RepoID, silence: Duration = Hub.followSilence, repeats: HubRequest.Repeat = .freely,
        each: @escaping @Sendable (SpaceEvent) async throws -> Void
    ) async throws -> StreamEnd {
        try await read(try await openEvents("events", of: space, repeats), silence: silence) { event in
            guard !event.data.isEmpty else { return true }
            let raw = Self.json(of: event)
            try await each(SpaceEvent(name: event.name, stage: raw.flatMap { Self.stage(in: $0) }, raw: raw))
            return true
        }
    }

    /// Listens to `/metrics` of a Space in the same way; events that are no object are left out.
    package func measure(
        _ space: RepoID, silence: Duration = Hub.followSilence,
        each: @escaping @Sendable (SpaceUsage) async throws -> Void
    ) async throws -> StreamEnd {
        try await read(try await openEvents("metrics", of: space, .freely), silence: silence) { event in
            if let usage = SpaceUsage(event) { try await each(usage) }
            return true
        }
    }

    private func openEvents(
        _ name: String, of space: RepoID, _ repeats: HubRequest.Repeat
    ) async throws(HubFailure) -> HubStream {
        var request = HubRequest(
            .GET, "\(space.api)/\(name)", doing: "listen to the \(name) of \(space)", right: "read access to \(space)")
        request.headers.add(name: "Accept", value: "text/event-stream")
        request.repeats = repeats
        return try await open(request)
    }

    static func json(of event: SSEEvent) -> JSONValue? {
        // What is no JSON is no hint; nobody has promised that it is.
        try? JSONValue(reading: event.data, .lenient)
    }

    /// A `stage` at most three levels down.
    static func stage(in raw: JSONValue) -> SpaceStage? { stage(in: raw, depth: 3) }

    private static func stage(in raw: JSONValue, depth: Int) -> SpaceStage? {
        guard depth > 0, let members = raw.members else { return nil }
        if let stage = raw["stage"]?.string { return SpaceStage(rawValue: stage) }
        return members.lazy.compactMap { stage(in: $0.value, depth: depth - 1) }.first
    }
}
