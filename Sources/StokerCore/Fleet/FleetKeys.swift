/// The names of the keys of one mapping, and what to say of others.
struct FleetKeys: Sendable {
    /// In the order in which a person would write them.
    var names: [String]
    var known: Set<String>
    /// Keys of capabilities that are not built yet, and what there is instead. They are refused: a key that does nothing would be
    /// believed.
    var unsupported: [String: String]
    /// Top level: `x-…` keys are a place for anchors.
    var isTop: Bool
    /// Other spellings, and what they stand for.
    var aliases: [String: String]

    init(_ names: [String], unsupported: [String] = [], isTop: Bool = false, aliases: [String: String] = [:]) {
        self.names = names
        self.aliases = aliases
        self.known = Set(names)
        self.unsupported = Self.unsupportedKeyHints.filter { unsupported.contains($0.key) && !names.contains($0.key) }
        self.isTop = isTop
    }

    static let check = FleetKeys(CheckSections.check.map(\.name))
    /// Below `spaces.NAME`. The key that comes takes its name off.
    static let unsupportedOfSpaces = ["notify", "maintenance"]
    static let target = FleetKeys(
        CheckSections.target.map(\.name), unsupported: ["notify", "maintenance"])
    static let heartbeat = FleetKeys(
        CheckSections.heartbeat.map(\.name), unsupported: ["notify", "maintenance"])
    static let keep = FleetKeys(CheckSettings.table.rows.map(\.name))
    static let expect = FleetKeys(ExpectSettings.table.rows.map(\.name))

    /// What is missing with it, and what to do.
    private static let unsupportedKeyHints: [String: String] = {
        let messages = "nobody would be told; name the target in a rule of the section `notify` at the top"
        return [
            "notify": messages,
            "model": "no model would be asked; leave it out", "budget": "nothing would be counted; leave it out",
            "reads": "no other worker's results would be read; leave it out",
            "maintenance": "it would not be known; name the target in the section `maintenance` at the top",
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
