package import Hummingbird
import StokerCore
import Synchronization

/// How many requests one sender may make: a bucket for each kind of request, which fills steadily. What is more is answered 429, with
/// `Retry-After`.
package struct RateLimits: Sendable, Equatable {
    package struct Bucket: Sendable, Equatable {
        /// Requests a second, on average.
        package var perSecond: Double
        /// Requests at once.
        package var burst: Double

        package init(perSecond: Double, burst: Double) {
            self.perSecond = perSecond
            self.burst = burst
        }
    }

    package enum Kind: Int, CaseIterable, Sendable {
        /// What only looks.
        case reading
        /// What changes something: by API, page or agent.
        case writing
        /// Calls of jobs: many of them may come from one address at full hours.
        case beats

        /// nil for what is never refused.
        package init?(_ request: Request) {
            let path = request.uri.path
            if path == "/health" { return nil }
            if path.hasPrefix("/api/heartbeats/") || path.hasPrefix("/api/v1/heartbeats/") {
                self = .beats
            } else if path == "/mcp" || request.method == .get || request.method == .head || request.method == .options
            {
                // Most of what agents send looks; what changes something asks for a plan.
                self = .reading
            } else {
                self = .writing
            }
        }
    }

    package var reading = Bucket(perSecond: 2_000, burst: 4_000)
    package var writing = Bucket(perSecond: 50, burst: 200)
    package var beats = Bucket(perSecond: 1_000, burst: 10_000)

    package init() {}

    package subscript(kind: Kind) -> Bucket {
        switch kind {
        case .reading: reading
        case .writing: writing
        case .beats: beats
        }
    }
}

/// Counts the requests of each sender: of a token or a session wherever it comes from, of strangers by their address.
final class RateLimiter: Sendable {
    private struct Key: Hashable {
        /// ``Principal/id``; empty for all who are too many to be told apart.
        var sender: String
        var kind: RateLimits.Kind
    }
    private struct Level {
        /// Requests that may be made at `at`.
        var left: Double
        var at: ContinuousClock.Instant
    }
    private struct State {
        var levels: [Key: Level] = [:]
        var sweptAt: ContinuousClock.Instant?
    }

    private let limits: RateLimits
    private let state = Mutex(State())
    /// Senders remembered at most. Who comes beyond them shares one bucket.
    private static let most = 16_384

    init(_ limits: RateLimits) { self.limits = limits }

    /// - Throws: `overloaded` when it is one too many, with the time until the next one is taken.
    func take(_ kind: RateLimits.Kind, from sender: Principal, at now: ContinuousClock.Instant = .now) throws(Failure) {
        let bucket = limits[kind]
        let wait: Double? = state.withLock { state in
            var key = Key(sender: sender.id, kind: kind)
            if state.levels[key] == nil, state.levels.count >= Self.most {
                sweep(&state, now)
                if state.levels.count >= Self.most { key.sender = "" }
            }
            var level = state.levels[key] ?? Level(left: bucket.burst, at: now)
            level.left = min(bucket.burst, level.left + max(0, (now - level.at).seconds) * bucket.perSecond)
            level.at = now
            defer { state.levels[key] = level }
            guard level.left < 1 else {
                level.left -= 1
                return nil
            }
            return (1 - level.left) / bucket.perSecond
        }
        guard let wait else { return }
        throw Failure(
            .overloaded, doing: "answer this",
            because:
                "more than \(Int(bucket.burst)) requests at once, and \(Quantity.number(bucket.perSecond)) a second, came from one sender",
            hint: "send fewer, or all of them slower", retry: .after(.seconds(max(1, wait.rounded(.up)))))
    }

    /// Forgets those whose bucket is full again; at most once a second.
    private func sweep(_ state: inout State, _ now: ContinuousClock.Instant) {
        if let last = state.sweptAt, now - last < .seconds(1) { return }
        state.sweptAt = now
        state.levels = state.levels.filter { key, level in
            let bucket = limits[key.kind]
            return level.left + (now - level.at).seconds * bucket.perSecond < bucket.burst
        }
    }
}
