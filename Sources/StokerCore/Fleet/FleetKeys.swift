/// The keys each section knows. The reader, the JSON Schema's test and `did you mean` all look here.
struct FleetKeys: Sendable {
    /// In the order in which a person would write them.
    var names: [String]
    var known: Set<String>
    /// Keys of capabilities that are not built yet, and what there is instead. They are refused: a key that does nothing would be
    /// believed.
    var unbuilt: [String: String]
    /// Top level: `x-…` keys are a place for anchors.
    var isTop: Bool

    init(_ names: [String], unbuilt: [String] = [], isTop: Bool = false) {
        self.names = names
        self.known = Set(names)
        self.unbuilt = Self.insteads.filter { unbuilt.contains($0.key) }
        self.isTop = isTop
    }

    static let top = FleetKeys(
        ["version", "hub", "keep", "heal", "spaces", "targets", "heartbeats", "serve", "ledger"],
        unbuilt: [
            "vaults", "persist", "notify", "channels", "deploy", "rollout", "workers", "maintenance", "status_pages",
            "doctor",
        ], isTop: true)
    static let hub = FleetKeys(["namespace", "token", "endpoint", "address", "watch", "discover", "private_header"])
    static let discover = FleetKeys(["namespaces", "sdk", "tags", "names"])
    static let heal = FleetKeys(["mode", "after", "with", "at_most", "wait"])
    static let serve = FleetKeys(["port", "host", "public_url", "self_ping", "token", "private"], unbuilt: ["sign_in"])
    static let ledger = FleetKeys(["path", "keep_observations", "keep_minutes", "keep_hours"], unbuilt: ["vault"])

    private static let settings = [
        "warmth", "every", "path", "timeout", "connect_timeout", "tls_timeout", "retry", "recheck", "jitter", "hours",
        "down_after", "expect", "method", "headers", "body", "redirects", "verify_tls", "paused",
    ]
    static let keep = FleetKeys(settings)
    static let check = FleetKeys(settings + ["url", "role", "heal", "was"])
    static let space = FleetKeys(
        ["keep", "awake", "heal", "checks", "group", "hardware", "url", "name", "was"],
        unbuilt: ["deploy", "persist", "depends_on", "notify", "maintenance"])
    static let target = FleetKeys(
        ["url"] + settings.filter { $0 != "path" } + ["group", "was"],
        unbuilt: ["notify", "depends_on", "maintenance"])
    static let heartbeat = FleetKeys(
        ["every", "grace", "hours", "group", "paused", "was"],
        unbuilt: ["notify", "depends_on", "maintenance", "schedule"])
    static let expect = FleetKeys(
        ["status", "text", "regex", "json", "within", "certificate_days"] + CheckKinds.ownExpectations.map(\.key))

    /// What is missing with it, and what to do.
    private static let insteads: [String: String] = {
        let snapshots = "nothing would be kept or restored; leave it out"
        let messages = "nobody would be told; leave it out, and watch /metrics or /api/v1/events"
        let shipping = "nothing would be shipped; leave it out and use `stoker space upload`"
        return [
            "vaults": snapshots, "vault": snapshots, "persist": snapshots, "notify": messages, "channels": messages,
            "deploy": shipping, "rollout": shipping, "workers": "no worker would run; leave it out",
            "maintenance": "alarms and uptime would not know of it; leave it out and use `stoker pause NAME --for 2h`",
            "status_pages": "there would be no such page; leave it out, the dashboard shows the whole fleet",
            "doctor": "no rule would be read; leave it out",
            "depends_on": "each check is judged alone; leave it out",
            "sign_in": "nobody could sign in; leave it out and set `token`",
            "schedule": "write how often the job calls, such as every: 24h, and `hours`",
        ]
    }()

    /// Words other tools use for the same thing.
    static let synonyms = [
        "interval": "every", "schedule": "every", "period": "every", "frequency": "every", "address": "url",
        "uri": "url",
        "link": "url", "retries": "retry", "backoff": "retry", "verify": "verify_tls", "insecure": "verify_tls",
        "follow_redirects": "redirects", "max_redirects": "redirects", "window": "hours", "active": "hours",
        "enabled": "paused", "disabled": "paused", "endpoint": "path", "status_code": "status", "contains": "text",
        "keyword": "text", "pattern": "regex", "max_latency": "within", "latency": "within", "bind": "host",
        "private_reading": "private", "owner": "namespace", "username": "namespace", "database": "path",
        "tolerance": "grace", "formerly": "was", "renamed_from": "was", "old_name": "was",
        "threshold": "down_after", "failures": "down_after", "checks": "keep", "monitors": "targets", "urls": "targets",
        "websites": "targets", "cron": "hours", "level": "warmth",
    ]
}
