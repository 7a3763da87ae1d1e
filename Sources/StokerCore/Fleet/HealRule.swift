/// What may be done to a Space that fails, and how often.
package struct HealRule: Sendable, Hashable {
    /// The key `heal` of the fleet file.
    package enum Mode: String, Sendable, CaseIterable {
        /// Nothing, and nothing is said.
        case off
        /// Say what would be done. The default.
        case suggest
        /// Do it.
        case act
    }
    /// Default ``Mode/suggest``.
    package var mode: Mode
    /// Failed pings in a row before anything is done. Default 3.
    package var after: Int
    /// Most restarts inside ``within``. Default 2.
    package var restarts: Int
    /// Most restarts with a build from scratch inside ``within``; they come after the plain ones. Default 1.
    package var factoryRestarts: Int
    /// The span the budget is for. Default 6 h.
    package var within: Duration
    /// Least time between the first action and the second; doubled for each further one. Default 10 min.
    package var wait: Duration

    package init(
        mode: Mode = .suggest, after: Int = 3, restarts: Int = 2, factoryRestarts: Int = 1,
        within: Duration = .seconds(6 * 3_600), wait: Duration = .seconds(600)
    ) {
        self.mode = mode
        self.after = after
        self.restarts = restarts
        self.factoryRestarts = factoryRestarts
        self.within = within
        self.wait = wait
    }
}

/// When a Space is to be awake.
package enum Awake: String, Sendable, CaseIterable {
    /// Nobody pings it; only its stage is read, which wakes nothing.
    case never
    /// It may sleep: pinged when it has started and when somebody asks, never while it sleeps.
    case onDemand = "on-demand"
    /// Kept awake inside its hours, left alone outside.
    case hours
    /// Kept awake; woken as soon as the Hub says that it sleeps. The default.
    case always
}

extension Fleet {
    /// Which Spaces of the Hub join the fleet without being named in the file.
    package struct Discovery: Sendable, Equatable {
        /// Users and organisations whose Spaces are taken.
        package var namespaces: [String]
        /// Only these SDKs; empty is all that run an app (`gradio`, `docker`).
        package var sdks: [String]
        /// Only Spaces that have all of these tags.
        package var tags: [String]
        /// Only names (without the owner) that match one of these patterns; `*` stands for any text. Empty is all.
        package var names: [String]
        /// How they are pinged, and the path that is asked for.
        package var policy: CheckPolicy
        /// Path that is pinged; nil for the root.
        package var path: String?

        package init(
            namespaces: [String], sdks: [String] = [], tags: [String] = [], names: [String] = [],
            policy: CheckPolicy = CheckPolicy(), path: String? = nil
        ) {
            self.namespaces = namespaces
            self.sdks = sdks
            self.tags = tags
            self.names = names
            self.policy = policy
            self.path = path
        }

        /// Whether a listed Space joins. Owners are compared without regard to case; without ``sdks`` static Spaces stay out.
        package func takes(_ facts: SpaceFacts) -> Bool {
            let parts = facts.id.split(separator: "/")
            guard parts.count == 2, namespaces.contains(where: { $0.lowercased() == parts[0].lowercased() }) else {
                return false
            }
            if sdks.isEmpty ? facts.sdk == "static" : !sdks.contains(facts.sdk ?? "") { return false }
            guard tags.allSatisfy(facts.tags.contains) else { return false }
            return names.isEmpty || names.contains { Self.matches(String(parts[1]), pattern: $0) }
        }

        /// Why nothing of what the Hub lists of the namespaces is taken, and what to do about it; nil when something is.
        package func nothingFound(among listed: some Collection<SpaceFacts>) -> (because: String, hint: String)? {
            guard !listed.contains(where: takes) else { return nil }
            if listed.isEmpty {
                return (
                    "the Hub lists none for this token",
                    "`stoker whoami` says whose token it is, and which organisations it sees"
                )
            }
            if sdks.isEmpty, listed.allSatisfy(\.isStatic) {
                return (
                    listed.count == 1
                        ? "the only one that the Hub lists is static: it never sleeps"
                        : "all \(listed.count) that the Hub lists are static: they never sleep",
                    "the sdk `static` takes them all the same"
                )
            }
            return (
                "none of the \(listed.count) that the Hub lists is wanted by its name, sdk and tags",
                "loosen those; static Spaces need the sdk `static`"
            )
        }

        /// `*` is any text, everything else itself; without regard to case. Linear for all but absurd patterns.
        package static func matches(_ name: String, pattern: String) -> Bool {
            let name = Array(name.lowercased().utf8)
            let pattern = Array(pattern.lowercased().utf8)
            var (at, place) = (0, 0)
            var star: (place: Int, at: Int)?
            while at < name.count {
                if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                    star = (place, at)
                    place += 1
                } else if place < pattern.count, pattern[place] == name[at] {
                    place += 1
                    at += 1
                } else if let last = star {
                    star = (last.place, last.at + 1)
                    place = last.place + 1
                    at = last.at + 1
                } else {
                    return false
                }
            }
            return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
        }
    }

    /// Which header carries the Hub token to private Spaces.
    package enum PrivateHeader: String, Sendable, CaseIterable {
        /// Leaves `Authorization` to the app. Source: gradio's Python client. The default.
        case hub = "x-hf-authorization"
        case authorization
        /// No token is sent; private Spaces answer 404.
        case off

        /// As it is sent; nil when no token goes along.
        package var headerName: String? {
            switch self {
            case .hub: "X-HF-Authorization"
            case .authorization: "Authorization"
            case .off: nil
            }
        }
    }
}
