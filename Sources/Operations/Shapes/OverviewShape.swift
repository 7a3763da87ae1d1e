import StokerCore

extension Shape {
    static let overview = Shape(
        name: "Overview", summary: "The state of the whole.",
        fields: [
            .init("sentence", .text, "The state of the fleet in one sentence"),
            .init(
                "mood", .choice(FleetHealth.Mood.allCases.map(\.rawValue)), "The same in one word, as `/status` says it"
            ),
            .init(
                "trouble", .flag,
                "Whether somebody should look: at a check, or at this machine, its network or its ledger"),
            .init(
                "notices", .list(.shape(notice)),
                "What is wrong or special about Stoker itself, the most important first"),
            .init("now", .instant, "The server's clock"),
            .init("started_at", .instant, "When this process began"),
            .init("uptime_seconds", .number, "How long this process has been running"),
            .init("total", .integer, "Checks in the fleet"),
            .init("counts", .table(.integer), "Checks per verdict; every verdict is there"),
            .init("flapping", .integer, "Checks that change too often to be told one by one"),
            .init("moderated", .integer, "Checks the platform flagged; they count as paused, and as trouble"),
            .init("in_maintenance", .integer, "Checks in maintenance, whatever their verdict"),
            .init("generation", .integer, "Grows with every change: equal numbers mean equal answers"),
            .init("connectivity", .shape(connectivity), "Whether we ourselves have a network"),
            .init("role", .shape(role), "Whether this master is the one at work"),
            .init("fleet_file", .shape(fleetFile), "The fleet file that is in use"),
            .init("ledger", .shape(ledgerHealth), "Whether results reach the disk"),
            .init("work", .shape(work), "How the prober is doing"),
            .init(
                "hub", .shape(hub), optional: true,
                "What is used and left of the Hub's windows; null while it is not asked"),
            .init("demo", .flag, "Whether this is a demonstration over a simulated fleet"),
        ])

    private static let notice = Shape(
        name: "Notice", summary: "Something about Stoker itself rather than about a check.",
        fields: [
            .init(
                "name", .text,
                "Stable: `demo`, `offline`, `ledger_stalled`, `ledger_damaged`, `hub_unreachable`, `fleet_file_rejected`, `standby`, `standing_in`, `shed`"
            ),
            .init("kind", .choice(FleetHealth.Notice.Kind.allCases.map(\.rawValue)), "How bad it is"),
            .init("title", .text, "In a few words"),
            .init("text", .text, "What there is to know"),
            .init("lines", .list(.text), "Problems, one each"),
            .init("command", .text, optional: true, "What a person can type; the text leads to it"),
        ])

    private static let connectivity = Shape(
        name: "Connectivity", summary: "Whether we ourselves have a network; verdicts stand still while we have none.",
        fields: [
            .init("state", .choice(["online", "offline"]), "What is believed"),
            .init("since", .instant, optional: true, "Since when we are offline"),
        ])

    private static let role = Shape(
        name: "Role", summary: "Which of two masters is at work.",
        fields: [
            .init(
                "state", .choice(["active", "standby", "standing_in"]),
                "`standing_in`: at work in place of a silent first master"),
            .init("master", .text, optional: true, "Address of the first master"),
            .init("since", .instant, optional: true, "Since when we stand in"),
            .init("last_seen", .instant, optional: true, "When the first master last answered"),
        ])

    private static let fleetFile = Shape(
        name: "FleetFile", summary: "The fleet file that is in use.",
        fields: [
            .init("path", .text, optional: true, "Where it was read from"),
            .init("loaded_at", .instant, optional: true, "When it was read"),
            .init("rejected", .list(.text), "Problems of a newer version that was not taken"),
        ])

    private static let ledgerHealth = Shape(
        name: "LedgerHealth", summary: "Whether results reach the disk.",
        fields: [
            .init(
                "state", .choice(["healthy", "stalled", "damaged"]),
                "`stalled`: writing fails or takes too long, results wait in memory; `damaged`: it is written, and `damage` says what was lost"
            ),
            .init("since", .instant, optional: true, "Since when writing fails"),
            .init("because", .text, optional: true, "Why writing fails"),
            .init("waiting", .integer, "Observations in memory"),
            .init("limit", .integer, "How many may wait"),
            .init("dropped", .integer, "How many older ones were given up"),
            .init(
                "damage", .list(.shape(ledgerDamage)),
                "Damage that nobody has acknowledged; nothing is healed while there is any"),
            .init(
                "vault", .shape(ledgerVault), optional: true, "Where it is kept beside this disk; null where it is not"),
        ])

    private static let ledgerVault = Shape(
        name: "LedgerVault", summary: "The ledger's snapshots in its vault.",
        fields: [
            .init("name", .text, "Address of the vault"),
            .init(
                "safe_until", .instant, optional: true,
                "When the last snapshot that is there was taken: what was written after it is lost with this disk"),
            .init("trouble", .text, optional: true, "Why no newer one gets there"),
            .init("since", .instant, optional: true, "Since when"),
        ])

    private static let ledgerDamage = Shape(
        name: "LedgerDamage", summary: "The ledger was damaged, and some of what was remembered may be gone.",
        fields: [
            .init("incident", .integer, "The number to acknowledge it by"),
            .init("at", .instant, "When it was found"),
            .init("text", .text, "What was seen, kept and saved"),
        ])

    private static let hub = Shape(
        name: "HubUse", summary: "What is used and left of the requests that the Hub grants the account.",
        fields: [
            .init("endpoint", .text, "Base address of the Hub"),
            .init("answered_at", .instant, optional: true, "When the Hub last told of the fleet"),
            .init("windows", .list(.shape(window)), "Its windows of five minutes, as far as it told of them"),
            .init("calls", .integer, "Requests of this process since its start"),
            .init("refusals", .integer, "Answers 429 since the start"),
            .init("waited_seconds", .number, "How long calls have waited for a window since the start"),
            .init("trouble", .text, optional: true, "Why the Hub, or a part of the fleet on it, cannot be read"),
        ])

    private static let window = Shape(
        name: "HubWindow", summary: "One of the Hub's windows of five minutes.",
        fields: [
            .init("bucket", .text, "`api`, `resolvers` or `pages`"),
            .init("quota", .integer, optional: true, "Requests per window"),
            .init("remaining", .integer, "What is left for the whole account"),
            .init("sent", .integer, "Requests of this process in this window"),
            .init("ends_at", .instant, "When it is full again"),
        ])

    private static let work = Shape(
        name: "Work", summary: "How the prober is doing.",
        fields: [
            .init("in_flight", .integer, "Pings under way"),
            .init("in_flight_limit", .integer, "How many may be under way"),
            .init("pings", .integer, "Pings made since the start"),
            .init("attempts", .integer, "Attempts made since the start"),
            .init("shed", .integer, "Pings given up because more was due than could be made"),
            .init("lateness_p50_ms", .number, "How late pings of the last minute began, median"),
            .init("lateness_p99_ms", .number, "The same, 99th percentile"),
        ])
}

extension Overview {
    var json: JSONValue {
        let health = FleetHealth(self)
        return [
            "sentence": .string(health.sentence), "mood": .string(health.mood.rawValue),
            "trouble": .bool(health.isTrouble), "notices": .array(health.notices.map(\.json)),
            "now": .instant(now), "started_at": .instant(startedAt), "uptime_seconds": .seconds(uptime),
            "total": .count(total),
            "counts": .object(Verdict.allCases.map { .init($0.name, .count(counts[$0] ?? 0)) }),
            "flapping": .count(flapping), "moderated": .count(moderated),
            "in_maintenance": .count(inMaintenance),
            "generation": .count(generation),
            "connectivity": connectivity.json, "role": role.json,
            "fleet_file": [
                "path": .text(fleetFile.path), "loaded_at": .instant(fleetFile.loadedAt),
                "rejected": .array(fleetFile.rejected.map { .string($0) }),
            ],
            "ledger": ledger.json(ledgerDamage, ledgerVault),
            "work": [
                "in_flight": .count(work.inFlight), "in_flight_limit": .count(work.inFlightLimit),
                "pings": .count(work.pings), "attempts": .count(work.attempts), "shed": .count(work.shed),
                "lateness_p50_ms": .number(Double(work.latenessP50) / 1_000),
                "lateness_p99_ms": .number(Double(work.latenessP99) / 1_000),
            ],
            "hub": hub.map { $0.json(at: now) } ?? .null,
            "demo": .bool(demo),
        ]
    }
}

extension HubRateUsage {
    fileprivate func json(at now: Instant) -> JSONValue {
        [
            "endpoint": .string(endpoint), "answered_at": .instant(answeredAt),
            "windows": .array(
                windows(at: now).map { window in
                    [
                        "bucket": .string(window.bucket),
                        "quota": window.quota.map { .count($0) } ?? .null,
                        "remaining": .count(window.remaining), "sent": .count(window.sent),
                        "ends_at": .instant(window.endsAt),
                    ]
                }), "calls": .count(calls), "refusals": .count(refusals), "waited_seconds": .seconds(waited),
            "trouble": .text(trouble),
        ]
    }
}

extension FleetHealth.Notice {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "kind": .string(kind.rawValue), "title": .string(title), "text": .string(text.text),
            "lines": .array(lines.map { .string($0) }), "command": .text(command),
        ]
    }
}

extension Overview.Connectivity {
    fileprivate var json: JSONValue {
        switch self {
        case .online: ["state": "online", "since": nil]
        case .offline(let since): ["state": "offline", "since": .instant(since)]
        }
    }
}

extension Overview.Role {
    fileprivate var json: JSONValue {
        switch self {
        case .active: ["state": .string(name), "master": nil, "since": nil, "last_seen": nil]
        case .standby(let master, let lastSeen):
            [
                "state": .string(name), "master": .string(Redaction.address(master)), "since": nil,
                "last_seen": .instant(lastSeen),
            ]
        case .standingIn(let master, let since):
            [
                "state": .string(name), "master": .string(Redaction.address(master)), "since": .instant(since),
                "last_seen": nil,
            ]
        }
    }
}

extension LedgerHealth {
    fileprivate func json(_ damage: [LedgerDamage], _ vault: LedgerVault?) -> JSONValue {
        let vault =
            vault.map { vault -> JSONValue in
                [
                    "name": .string(vault.name), "safe_until": .instant(vault.safeUntil),
                    "trouble": .text(vault.trouble),
                    "since": .instant(vault.troubleSince),
                ]
            } ?? .null
        let list = JSONValue.array(
            damage.map { ["incident": .count($0.incident), "at": .instant($0.at), "text": .string($0.text)] })
        switch self {
        case .healthy:
            return [
                "state": .string(FleetHealth.ledgerState(self, damage)), "since": nil, "because": nil, "waiting": 0,
                "limit": 0, "dropped": 0, "damage": list, "vault": vault,
            ]
        case .stalled(let since, let because, let waiting, let limit, let dropped):
            return [
                "state": .string(FleetHealth.ledgerState(self, damage)), "since": .instant(since),
                "because": .string(because), "waiting": .count(waiting),
                "limit": .count(limit), "dropped": .count(dropped), "damage": list, "vault": vault,
            ]
        }
    }
}
