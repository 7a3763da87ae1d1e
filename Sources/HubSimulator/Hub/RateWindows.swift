/// The three buckets of the Hub's limits. Source: hub-docs `rate-limits.md`.
package enum RateKind: String, Sendable, CaseIterable {
    case api, resolvers, pages

    /// git and LFS calls belong to none of the documented buckets: they are shown the `api` window and not counted.
    static func of(path: String) -> (kind: RateKind, counted: Bool) {
        if path.hasPrefix("/-/") { return (.pages, false) }
        if path.contains("/resolve/") || path.hasPrefix("/api/resolve-cache/") { return (.resolvers, true) }
        if path.hasPrefix("/api/") { return (.api, true) }
        let tail = path.split(separator: "/").suffix(4)
        let isGit =
            path.contains("/info/lfs/") || tail.suffix(2) == ["info", "refs"]
            || tail.last == "git-upload-pack" || tail.last == "git-receive-pack"
        return isGit ? (.api, false) : (.pages, true)
    }
}

/// Fixed windows per account (or address) and bucket, and the quotas of single actions.
struct RateWindows: Sendable {
    /// Seconds of the documented window.
    static let windowSeconds = 300

    struct Reading: Sendable {
        var kind: RateKind
        var quota: Int
        var remaining: Int
        /// Whole seconds to the window's end, at least 1.
        var seconds: Int
        var exhausted: Bool

        /// IETF draft `ratelimit-headers`-09 as the Hub writes it. Source: huggingface_hub `parse_ratelimit_headers`.
        var header: String { "\"\(kind.rawValue)\";r=\(remaining);t=\(seconds)" }
        var policy: String { "\"fixed window\";\"\(kind.rawValue)\";q=\(quota);w=\(RateWindows.windowSeconds)" }
    }

    private struct Key: Hashable {
        var who: String
        var kind: RateKind
    }
    private struct Action: Hashable {
        var who: String
        var name: String
    }
    private var used: [Key: (window: Int64, count: Int)] = [:]
    private var actions: [Action: [Duration]] = [:]

    mutating func take(_ kind: RateKind, who: String, quota: Int, now: Duration, counts: Bool) -> Reading {
        let second = now.components.seconds
        let window = second / Int64(Self.windowSeconds)
        let key = Key(who: who, kind: kind)
        var entry = used[key] ?? (window, 0)
        if entry.window != window { entry = (window, 0) }
        let exhausted = counts && entry.count >= quota
        if counts, !exhausted { entry.count += 1 }
        used[key] = entry
        return Reading(
            kind: kind, quota: quota, remaining: quota - entry.count,
            seconds: Int(Int64(Self.windowSeconds) - second % Int64(Self.windowSeconds)), exhausted: exhausted)
    }

    /// A quota of one action within a moving span. Nothing is counted when it is refused.
    mutating func takeAction(_ name: String, who: String, limit: Int, span: Duration, now: Duration) -> Bool {
        let key = Action(who: who, name: name)
        var times = actions[key, default: []].filter { $0 > now - span }
        defer { actions[key] = times }
        guard times.count < limit else { return false }
        times.append(now)
        return true
    }
}
