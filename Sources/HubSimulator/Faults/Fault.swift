import FoundationEssentials

/// Something that goes wrong with certain requests.
package struct Fault: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// 429 with nothing left in the window: `r=0;t=…` (hub-api.md 1.7, rule 1).
        case window(seconds: Int)
        /// 429 of an action's own quota: `RateLimit` still has something left (rule 3); `Retry-After` only when given.
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
    }
    package var kind: Kind
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
        times: Int? = 1, chance: Double = 1
    ) {
        self.kind = kind
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
        }
    }
}

extension Fault {
    /// As scenes write it: `{"kind": "status", "status": 503, "path": "/api/**", "times": 3}`.
    /// - Throws: 400 naming what is wrong.
    init(scene: JSON) throws {
        let kind: Kind
        let status = scene["status"]?.int
        let message = scene["message"]?.string
        switch scene["kind"]?.string {
        case "window": kind = .window(seconds: scene["seconds"]?.int ?? 60)
        case "action":
            kind = .action(
                text: message
                    ?? "Rate limit for repository commits exceeded (128 per hour). Try this action again in about 1 hour.",
                retryAfter: scene["retryAfter"]?.int)
        case "status": kind = .status(status ?? 500, message: message ?? "Internal Error")
        case "html": kind = .html(status ?? 502)
        case "slow": kind = .slow(.seconds(scene["seconds"]?.double ?? 5))
        case "held": kind = .held
        case "cut": kind = .cut
        case "lost": kind = .lost
        case "bad-token": kind = .badToken
        case "empty": kind = .empty
        default:
            throw HubError.bad(
                "\"kind\" must be one of [window, action, status, html, slow, held, cut, lost, bad-token, empty]")
        }
        guard (100...599).contains(status ?? 200) else { throw HubError.bad("\"status\" must be 100 to 599") }
        self.init(
            kind, method: scene["method"]?.string, path: scene["path"]?.string ?? "/**",
            account: scene["account"]?.string, skip: scene["skip"]?.int ?? 0,
            times: scene["times"].map { $0.int } ?? 1, chance: scene["chance"]?.double ?? 1)
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
