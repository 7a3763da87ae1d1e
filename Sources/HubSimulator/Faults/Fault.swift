import FoundationEssentials

/// Something that goes wrong with certain requests.
package struct Fault: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// 429 with nothing left in the window: `r=0;t=…` (hub-docs `rate-limits.md`).
        case window(seconds: Int)
        /// 429 of an action's own quota: `RateLimit` still has something left; `Retry-After` only when given.
        case action(text: String, retryAfter: Int?)
        /// This status, as JSON with `error`.
        case status(Int, message: String)
        /// The page of a proxy.
        case html(Int)
        /// The answer comes so much later, in simulated time.
        case slow(Duration)
        /// Nothing happens until the fault is taken from the board.
        case held
        /// The connection is closed, and nothing was done.
        case cut
        /// The connection is closed after the effect took place.
        case lost
        /// 401: the token is not good any more.
        case badToken
        /// An answer that is not what the route promises: empty JSON.
        case empty
        /// One bit of the bytes is another: of the request when it brings some, of the answer otherwise.
        case changed
        /// The connection closes after so many of those bytes.
        case broken(after: Int)
        /// So many of those bytes pass in a second of simulated time; more than 0.
        case drip(bytesPerSecond: Int)
    }
    /// Who is asked.
    package enum Host: String, Sendable {
        /// The Hub: API, git, LFS batches.
        case hub
        /// The host that signed links lead to: `/objects/*/*`, `/parts/*/*`, and the S3 gateway's `/s3/**`.
        case storage
    }
    package var kind: Kind
    package var host: Host
    /// nil: any.
    package var method: String?
    /// `/api/spaces/*/*/restart`: a star stands for one part of the path, two for any rest.
    package var path: String
    /// Only for this account; nil: for anybody.
    package var account: String?
    /// Requests that fit and pass unharmed first.
    package var skip: Int
    /// How many are met; nil: all.
    package var times: Int?
    /// Share that is met, 0…1, drawn by seed.
    package var chance: Double

    package init(
        _ kind: Kind, method: String? = nil, path: String = "/**", account: String? = nil, skip: Int = 0,
        times: Int? = 1, chance: Double = 1, host: Host = .hub
    ) {
        self.kind = kind
        self.host = host
        self.method = method
        self.path = path
        self.account = account
        self.skip = skip
        self.times = times
        self.chance = chance
    }

    func fits(method: String, path: String, account: String?) -> Bool {
        (self.method ?? method) == method && (self.account == nil || self.account == account)
            && Self.fits(self.path.split(separator: "/"), path.split(separator: "/"))
    }

    private static func fits(_ pattern: [Substring], _ path: [Substring]) -> Bool {
        for (number, part) in pattern.enumerated() {
            if part == "**" { return true }
            guard number < path.count, part == "*" || part == path[number] else { return false }
        }
        return pattern.count == path.count
    }

    /// As the journal names it.
    var name: String {
        switch kind {
        case .window: "window-429"
        case .action: "action-429"
        case .status(let code, _): "status-\(code)"
        case .html(let code): "html-\(code)"
        case .slow: "slow"
        case .held: "held"
        case .cut: "cut"
        case .lost: "lost"
        case .badToken: "bad-token"
        case .empty: "empty"
        case .changed: "changed"
        case .broken: "broken"
        case .drip: "drip"
        }
    }
}

extension Fault {
    /// As scenes write it: `{"kind": "status", "status": 503, "path": "/api/**", "times": 3}`.
    /// - Throws: 400 naming what is wrong.
    init(scene: JSON) throws {
        let kind: Kind
        let status = try scene["status"]?.status("status")
        let message = scene["message"]?.string
        switch scene["kind"]?.string {
        case "window": kind = .window(seconds: Int(try scene["seconds"]?.time("seconds").components.seconds ?? 60))
        case "action":
            kind = .action(
                text: message
                    ?? "Rate limit for repository commits exceeded (128 per hour). Try this action again in about 1 hour.",
                retryAfter: scene["retryAfter"]?.int)
        case "status": kind = .status(status ?? 500, message: message ?? "Internal Error")
        case "html": kind = .html(status ?? 502)
        case "slow": kind = .slow(try scene["seconds"]?.time("seconds") ?? .seconds(5))
        case "held": kind = .held
        case "cut": kind = .cut
        case "lost": kind = .lost
        case "bad-token": kind = .badToken
        case "empty": kind = .empty
        case "changed": kind = .changed
        case "broken": kind = .broken(after: try Self.bytes(scene["after"] ?? 0, "after", from: 0))
        case "drip":
            kind = .drip(bytesPerSecond: try Self.bytes(scene["bytesPerSecond"] ?? 1_000, "bytesPerSecond", from: 1))
        default:
            throw HubError.bad(
                "\"kind\" must be one of [window, action, status, html, slow, held, cut, lost, bad-token, empty, changed, broken, drip]"
            )
        }
        let chance = scene["chance"].map { $0.double ?? -1 } ?? 1
        guard (0...1).contains(chance) else {
            throw HubError.bad("\"chance\" must be 0 to 1")
        }
        guard let host = Host(rawValue: scene["host"]?.string ?? "hub") else {
            throw HubError.bad("\"host\" must be hub or storage")
        }
        self.init(
            kind, method: scene["method"]?.string, path: scene["path"]?.string ?? "/**",
            account: scene["account"]?.string, skip: scene["skip"]?.int ?? 0,
            times: scene["times"].map { $0.int } ?? 1, chance: chance, host: host)
    }

    private static func bytes(_ value: JSON, _ name: String, from least: Int) throws -> Int {
        guard let bytes = value.int, (least...(1 << 40)).contains(bytes) else {
            throw HubError.bad("\"\(name)\" must be a number of bytes, at least \(least)")
        }
        return bytes
    }
}

extension JSON {
    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}
