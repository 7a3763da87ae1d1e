/// The keys each section knows. The reader, the JSON Schema's test and `did you mean` all look here.
struct FleetKeys: Sendable {
    /// In the order in which a person would write them.
    var names: [String]
    var known: Set<String>
    /// Keys of capabilities that are not built yet: accepted, and said to be ignored.
    var reserved: Set<String>
    /// Top level: `x-…` keys are a place for anchors.
    var isTop: Bool

    init(_ names: [String], reserved: [String] = [], isTop: Bool = false) {
        self.names = names
        self.known = Set(names)
        self.reserved = Set(reserved)
        self.isTop = isTop
    }

    static let top = FleetKeys(
        ["version", "hub", "keep", "heal", "spaces", "targets", "heartbeats", "serve", "ledger"],
        reserved: ["vaults", "notify", "deploy", "persist"], isTop: true)
    static let hub = FleetKeys(["namespace", "token", "endpoint", "address", "watch", "discover", "private_header"])
    static let discover = FleetKeys(["namespaces", "sdk", "tags", "names"])
    static let heal = FleetKeys(["mode", "after", "with", "at_most", "wait"])
    static let serve = FleetKeys(["port", "host", "public_url", "self_ping", "token", "private"])
    static let ledger = FleetKeys(["path", "keep_observations", "keep_minutes", "keep_hours"])

    private static let settings = [
        "warmth", "every", "path", "timeout", "connect_timeout", "tls_timeout", "retry", "recheck", "jitter", "hours",
        "down_after", "expect", "method", "headers", "body", "redirects", "verify_tls", "paused",
    ]
    static let keep = FleetKeys(settings)
    static let check = FleetKeys(settings + ["url", "role", "heal"])
    static let space = FleetKeys(
        ["keep", "awake", "heal", "checks", "group", "hardware", "url", "name"], reserved: ["deploy", "persist"])
    static let target = FleetKeys(["url"] + settings.filter { $0 != "path" } + ["group"], reserved: ["notify"])
    static let heartbeat = FleetKeys(
        ["every", "grace", "hours", "group", "paused"], reserved: ["notify"])
    static let expect = FleetKeys(["status", "text", "regex", "json", "within", "certificate_days"])

    /// Words other tools use for the same thing.
    static let synonyms = [
        "interval": "every", "schedule": "every", "period": "every", "frequency": "every", "address": "url",
        "uri": "url",
        "link": "url", "retries": "retry", "backoff": "retry", "verify": "verify_tls", "insecure": "verify_tls",
        "follow_redirects": "redirects", "max_redirects": "redirects", "window": "hours", "active": "hours",
        "enabled": "paused", "disabled": "paused", "endpoint": "path", "status_code": "status", "contains": "text",
        "keyword": "text", "pattern": "regex", "max_latency": "within", "latency": "within", "bind": "host",
        "private_reading": "private", "owner": "namespace", "username": "namespace", "database": "path",
        "tolerance": "grace",
        "threshold": "down_after", "failures": "down_after", "checks": "keep", "monitors": "targets", "urls": "targets",
        "websites": "targets", "cron": "hours", "level": "warmth",
    ]
}
