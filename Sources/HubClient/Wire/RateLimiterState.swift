import Runtime
import StokerCore

/// What the governor knows: windows, budgets, stops. Pure; times are those of ``WaitClock/now``.
struct RateLimiterState: Sendable {
    struct Window: Sendable {
        var quota: Int?
        /// As the Hub last said, less what has left since.
        var remaining: Int
        var end: Duration
        /// Length of a window. The Hub's are 300 s.
        var length: Duration
        /// When the next call may leave that is not urgent.
        var next: Duration = .zero
        /// Ours in this window.
        var sent = 0
        /// The one before has ended, and no answer has told of this one yet.
        var isAssumed = false
    }
    struct Stop: Sendable {
        var until: Duration
        var said: String
        /// Refusals in a row, for the growing wait when the Hub names none.
        var times: Int
    }

    let limits: HubRateLimiter.Limits
    var windows: [String: Window] = [:]
    var inFlight: [String: Int] = [:]
    /// Times of commits in the last hour.
    var commits: [RepoID: [Duration]] = [:]
    var stops: [String: Stop] = [:]
    var calls = 0
    var refusals = 0
    var waited: Duration = .zero

    init(limits: HubRateLimiter.Limits) { self.limits = limits }

    // MARK: Windows

    /// Zero, and the call is counted; or how long to wait before asking again.
    mutating func admit(_ bucket: String, urgent: Bool, now: Duration) -> Duration {
        guard var window = windows[bucket] else {
            count(bucket)
            return .zero
        }
        if now >= window.end {
            // A new window has begun, full; its end is known with the next answer.
            window.end = now + window.length
            window.next = .zero
            window.sent = 0
            window.isAssumed = true
            window.remaining = window.quota ?? max(window.remaining, 1)
        }
        defer { windows[bucket] = window }
        if window.remaining <= 0 { return window.end - now }
        if !urgent {
            let left = window.end - now
            let reserve = window.quota.map { Int(Double($0) * limits.reserve) } ?? 0
            let free = window.remaining - reserve
            if free <= 0 { return left }
            // Half of the quota may go in a burst at any time; what is below that line is spread over what is left of the window.
            let line = window.quota.map { Double($0) / 2 * left.seconds / window.length.seconds } ?? 0
            if Double(free) <= line {
                if window.next > now { return window.next - now }
                window.next = now + left / free
            } else {
                window.next = .zero
            }
        }
        window.remaining -= 1
        window.sent += 1
        count(bucket)
        return .zero
    }

    private mutating func count(_ bucket: String) {
        calls += 1
        inFlight[bucket, default: 0] += 1
    }

    mutating func lost(_ bucket: String) {
        if let count = inFlight[bucket] { inFlight[bucket] = max(0, count - 1) }
    }

    mutating func heard(_ headers: RateLimitHeaders?, bucket: String, status: Int, now: Duration) {
        lost(bucket)
        if status == 429 { refusals += 1 }
        guard let headers else { return }
        // A bucket that nobody asked of is the server's invention; a few are kept, for the report.
        guard windows[headers.bucket] != nil || windows.count < 8 else { return }
        let length = Duration.seconds(headers.window ?? 300)
        // A second more, since the Hub rounds down.
        let end = now + .seconds(headers.seconds + 1)
        // Calls under way may not be counted yet on the other side.
        let remaining = max(0, headers.remaining - (inFlight[headers.bucket] ?? 0))
        if var window = windows[headers.bucket], !window.isAssumed, abs((end - window.end).seconds) < length.seconds / 2
        {
            // The same window; answers overtake each other, the lowest number is the newest.
            window.remaining = min(window.remaining, remaining)
            window.end = max(end, window.end)
            window.quota = headers.quota ?? window.quota
            window.length = length
            windows[headers.bucket] = window
        } else {
            let old = windows[headers.bucket]
            // An answer from before the window that we are in.
            if let old, !old.isAssumed, end < old.end, now < old.end { return }
            windows[headers.bucket] = Window(
                quota: headers.quota ?? old?.quota, remaining: remaining, end: end, length: length,
                sent: old.map { $0.isAssumed ? $0.sent : 0 } ?? 1)
        }
    }

    // MARK: Actions

    /// Nil, and the action has its place; or how long it must wait, and why.
    mutating func reserve(_ action: HubRequest.Action, now: Duration) -> (time: Duration, said: String)? {
        if let stop = stops[action.name], stop.until > now {
            return (stop.until - now, "the Hub takes no more \(action.name) for now: \(stop.said)")
        }
        guard case .commit(let repo) = action else { return nil }
        let hourAgo = now - .seconds(3_600)
        commits = commits.compactMapValues { times in
            let recent = times.filter { $0 > hourAgo }
            return recent.isEmpty ? nil : recent
        }
        let times = commits[repo] ?? []
        if times.count >= limits.commitsPerHour {
            let wait = times[times.count - limits.commitsPerHour] - hourAgo
            return (
                wait, "\(times.count) commits were made to \(repo) within the hour, and the Hub takes about that many"
            )
        }
        if let all = limits.commitsPerHourInAll {
            let every = commits.values.joined().sorted()
            if every.count >= all {
                return (every[every.count - all] - hourAgo, "the account's \(all) commits of this hour are made")
            }
        }
        commits[repo, default: []].append(now)
        return nil
    }

    mutating func giveBack(_ action: HubRequest.Action) {
        guard case .commit(let repo) = action else { return }
        _ = commits[repo]?.popLast()
        if commits[repo]?.isEmpty == true { commits[repo] = nil }
    }

    /// The wait is what `Retry-After` says, or the text; else 60 s, doubled with each refusal that follows, up to an hour.
    mutating func stop(_ name: String, said: String, retryAfter: Duration?, now: Duration) -> Duration {
        stops = stops.filter { $0.value.until + .seconds(3_600) > now }
        let times = (stops[name]?.times ?? 0) + 1
        let growing = Self.growing.wait(after: times)
        let wait =
            (retryAfter.map { $0 + .seconds(1) } ?? ActionQuota(said)?.wait).map { min($0, .seconds(86_400)) }
            ?? growing
        // Hostile names cannot fill the memory: kinds of action times repos of this account.
        if stops.count < 1_000 || stops[name] != nil {
            stops[name] = Stop(until: now + wait, said: said, times: times)
        }
        return wait
    }

    private static let growing = Backoff(first: .seconds(60), longest: .seconds(3_600))

    mutating func succeeded(_ name: String) { stops[name] = nil }
}

/// What the text of a refused action tells: `Rate limit for repository commits exceeded (128 per hour). Try this action again in about 1 hour.`
/// Seen in March 2026; the Hub documents none of it.
struct ActionQuota: Equatable {
    /// Allowed number per period, such as 128 in `128 per hour`.
    var number: Int?
    var wait: Duration?

    init(number: Int?, wait: Duration?) {
        self.number = number
        self.wait = wait
    }

    init?(_ text: String) {
        let words = text.prefix(2_000).lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        for (index, word) in words.enumerated() {
            guard let count = Int(word) ?? (word == "an" || word == "a" || word == "one" ? 1 : nil),
                (1...100_000).contains(count)
            else { continue }
            let next = index + 1 < words.count ? String(words[index + 1]) : ""
            if next == "per", Int(word) != nil { number = number ?? count }
            guard wait == nil, let unit = Self.unit(next),
                index > 0,
                ["in", "about", "after", "approximately", "another", "for", "wait"].contains(words[index - 1])
            else { continue }
            wait = unit * count
        }
        if number == nil, wait == nil { return nil }
    }

    private static func unit(_ word: String) -> Duration? {
        switch word {
        case "second", "seconds", "sec", "secs", "s": .seconds(1)
        case "minute", "minutes", "min", "mins", "m": .seconds(60)
        case "hour", "hours", "h": .seconds(3_600)
        case "day", "days": .seconds(86_400)
        default: nil
        }
    }
}
