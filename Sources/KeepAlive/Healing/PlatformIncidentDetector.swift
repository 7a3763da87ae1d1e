package import StokerCore

/// Tells the platform's trouble from that of single Spaces: three that begin to fail alike within ten minutes are the platform.
/// Source: diagnosis-rules, "How to match", 7.
package struct PlatformIncidentDetector: Sendable {
    package static let spaces = 3
    /// While the platform itself tells of trouble.
    package static let spacesWhenKnown = 2
    package static let window = Duration.seconds(600)
    /// What lasts longer is not taken for an incident any more: then each Space is looked at for itself.
    package static let longest = Duration.seconds(2 * 3_600)

    /// A Space that fails.
    package struct Failing: Sendable, Equatable {
        package var space: String
        package var cause: Cause
        package var began: Instant
        package init(space: String, cause: Cause, began: Instant) {
            self.space = space
            self.cause = cause
            self.began = began
        }
    }

    /// The causes of the present incident and how many Spaces have each.
    package private(set) var incident: [Cause: Int] = [:]
    private var since: [Cause: Instant] = [:]
    /// What a Space failed with before its cause became the incident's.
    private var original: [String: Cause] = [:]

    package init() {}

    package struct Turn: Sendable, Equatable {
        package var began: [Cause: Int] = [:]
        package var ended: [Cause] = []
    }

    /// - Parameters:
    ///   - failing: every Space that fails now, each once.
    ///   - isKnown: the platform tells of trouble with Spaces.
    package mutating func look(_ failing: [Failing], now: Instant, isKnown: Bool = false) -> Turn {
        let spaces = isKnown ? Self.spacesWhenKnown : Self.spaces
        var groups: [Cause: [Instant]] = [:]
        var causes: [String: Cause] = [:]
        for one in failing {
            let cause = one.cause == .platformIncident ? original[one.space] : one.cause
            guard let cause, Self.counts(cause) else { continue }
            causes[one.space] = cause
            groups[cause, default: []].append(one.began)
        }
        original = causes
        var found: [Cause: Int] = [:]
        for (cause, began) in groups where began.count >= spaces {
            let began = began.sorted()
            // As long as enough of them fail it goes on, whenever they began.
            let isTogether =
                incident[cause] != nil
                || (spaces - 1..<began.count).contains { began[$0] - began[$0 - spaces + 1] <= Self.window }
            guard isTogether else { continue }
            let start = since[cause] ?? now
            since[cause] = start
            if now - start <= Self.longest { found[cause] = began.count }
        }
        for cause in since.keys where (groups[cause]?.count ?? 0) < spaces { since[cause] = nil }
        var turn = Turn()
        for (cause, count) in found where incident[cause] == nil { turn.began[cause] = count }
        turn.ended = incident.keys.filter { found[$0] == nil }.sorted { $0.rawValue < $1.rawValue }
        incident = found
        return turn
    }

    /// What is the owners' own doing says nothing about the platform.
    package static func counts(_ cause: Cause) -> Bool {
        switch cause {
        case .none, .spacePausedByOwner, .spaceModerated, .spaceSpendLimit, .spaceNeedsToken, .spaceHidden,
            .spaceConfigError,
            .spaceNoApp, .spaceDeleting, .spacePaused, .tlsExpiresSoon, .tooSlow, .dnsStale, .selfOffline,
            .selfOverloaded,
            .invalidAddress:
            false
        default: true
        }
    }
}
