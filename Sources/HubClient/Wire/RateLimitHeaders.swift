package import NIOHTTP1

/// What `RateLimit` and `RateLimit-Policy` say (IETF draft 9, of which the Hub uses a part): `"api";r=742;t=131` and
/// `"fixed window";"api";q=1000;w=300`.
package struct RateLimitHeaders: Sendable, Equatable {
    /// `api`, `resolvers` or `pages`.
    package var bucket: String
    /// Requests left in the window.
    package var remaining: Int
    /// Seconds until the window ends.
    package var seconds: Int
    /// Requests of a whole window; nil when the answer did not say.
    package var quota: Int?
    /// Seconds.
    package var window: Int?

    /// Nil when there is none, or one that cannot be read: pacing then goes on with what is known.
    package init?(_ headers: HTTPHeaders) {
        guard let first = headers.first(name: "RateLimit"), let item = Self.items(first).first,
            let remaining = item.number("r"), let seconds = item.number("t"), let bucket = item.names.last
        else { return nil }
        self.bucket = bucket
        // A window of more than a day is a misunderstanding, and would stop us for as long.
        guard seconds <= 86_400 else { return nil }
        self.remaining = remaining
        self.seconds = seconds
        let policies = headers["RateLimit-Policy"].flatMap(Self.items)
        let policy = policies.first { $0.names.contains(bucket) } ?? policies.first
        if let policy {
            quota = policy.number("q").flatMap { $0 > 0 ? $0 : nil }
            window = policy.number("w").flatMap { (1...86_400).contains($0) ? $0 : nil }
        }
    }

    /// `Retry-After` in seconds; the form with a date is not used by the Hub, and PY ignores it too.
    package static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
        guard let text = headers.first(name: "Retry-After").map(trimmed), !text.isEmpty,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int(text), seconds <= 7 * 86_400
        else { return nil }
        return .seconds(seconds)
    }

    private struct Item {
        var names: [String] = []
        var values: [String: String] = [:]
        func number(_ key: String) -> Int? {
            guard let text = values[key], let number = Int(text), number >= 0 else { return nil }
            return number
        }
    }

    /// Members separated by commas, each of parts separated by semicolons; quotes and blanks where one likes.
    private static func items(_ text: String) -> [Item] {
        text.prefix(1_000).split(separator: ",").map { member in
            var item = Item()
            for part in member.split(separator: ";") {
                let halves = part.split(separator: "=", maxSplits: 1)
                if halves.count == 2 {
                    item.values[trimmed(halves[0]).lowercased()] = trimmed(halves[1])
                } else {
                    let name = trimmed(part)
                    if !name.isEmpty, name.utf8.count <= 40 { item.names.append(name) }
                }
            }
            return item
        }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        func isEdge(_ character: Character) -> Bool { character.isWhitespace || character == "\"" }
        var rest = text[...].drop(while: isEdge)
        while let last = rest.last, isEdge(last) { rest.removeLast() }
        return String(rest)
    }
}
