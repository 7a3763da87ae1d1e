internal import Foundation
import StokerCore

/// Reads the answer of `GET /api/v3/checks/` of healthchecks.io (v1 and v2 are alike); beside its `checks` may stand the `channels` of `GET /api/v3/channels/`.
/// Source: https://healthchecks.io/docs/api/, read in November 2026.
enum HealthchecksImport {
    static func read(_ root: JSONValue, into fleet: inout ImportedFleet) throws(Failure) {
        guard let checks = root["checks"]?.array else {
            throw Failure(
                .usage, doing: "read the file of healthchecks.io", because: "it has no list `checks`",
                hint:
                    "save the answer of `curl -H 'X-Api-Key: KEY' https://healthchecks.io/api/v3/checks/`; `jq -s add` joins it with that of /api/v3/channels/"
            )
        }
        var channels: [String: String] = [:]
        var known: [String] = []
        for item in root["channels"]?.array ?? [] {
            let number = item["id"]?.string ?? ""
            known.append(number)
            let kind = item["kind"]?.string ?? "?"
            let title = item["name"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? kind
            let kinds = [
                "discord": "discord", "slack": "slack", "webhook": "webhook", "pd": "pagerduty", "msteamsw": "teams",
                "googlechat": "google_chat", "ntfy": "ntfy",
            ]
            guard let key = kinds[kind] else {
                fleet.leaveOut(
                    "integration \"\(title)\"",
                    "the file does not say where \(kind) goes; write a channel for it by hand")
                continue
            }
            let name = fleet.channelName(title)
            var entry = ImportedFleet.Entry(section: .channels, key: name, origin: "integration \"\(title)\"")
            if name != title { entry.remarks.append("there: \(title)") }
            entry.set(key, to: fleet.secret("\(name) \(key)", "the address or key of channel \(name)"), isNeeded: true)
            fleet.add(entry)
            channels[number] = name
        }
        for item in checks { check(item, channels, known, &fleet) }
        for member in root.members ?? [] where !["checks", "channels"].contains(member.name) {
            fleet.leaveOut(member.name, "this part of the file is not known here")
        }
    }

    private static func check(
        _ item: JSONValue, _ channels: [String: String], _ known: [String], _ fleet: inout ImportedFleet
    ) {
        let title =
            item["name"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? item["slug"]?.string ?? item["unique_key"]?.string
            ?? "?"
        var record = ForeignRecord(item, origin: "check \"\(title)\"")
        record.ignore([
            "name", "n_pings", "started", "last_ping", "next_ping", "last_duration", "badge_url", "uuid", "unique_key",
            "ping_url", "update_url",
            "pause_url", "resume_url",
        ])
        let name = fleet.checkName(record.text("slug") ?? title)
        var entry = ImportedFleet.Entry(section: .heartbeats, key: name, origin: record.origin)
        if name != title { entry.remarks.append("there: \(title)") }
        if let words = record.text("desc") { entry.remarks.append(words) }
        if let schedule = record.text("schedule") {
            entry.set("schedule", to: ImportedText.quoted("\(schedule) \(record.text("tz") ?? "UTC")"), isNeeded: true)
            record.ignore(["timeout"])
        } else {
            entry.set(
                "every", to: ImportedText.seconds(record.number("timeout") ?? 86_400, within: 1...31_622_400),
                isNeeded: true)
            record.ignore(["tz"])
        }
        entry.set("grace", to: ImportedText.seconds(record.number("grace") ?? 3_600, within: 1...31_622_400))
        let tags = (record.text("tags") ?? "").split(separator: " ").map(String.init)
        if let first = tags.first { entry.set("group", to: ImportedText.quoted(String(first.prefix(64)))) }
        for tag in tags.dropFirst() {
            fleet.leaveOut("\(record.origin): tag \(tag)", "a check has one group and no other labels")
        }
        if record.text("status") == "paused" { entry.set("paused", to: "true") }
        let own = (record.text("channels") ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let told = own.compactMap { channels[$0] }.sorted()
        if !told.isEmpty { fleet.tell(told, of: ["down", "silent", "recovered"], about: name) }
        for number in own where !known.contains(number) {
            fleet.leaveOut(
                "\(record.origin): channels",
                "the file has no list `channels` that says what \(number) is; join it with the answer of /api/v3/channels/"
            )
            break
        }
        for key in record.rest {
            let why =
                switch key {
                case "methods": "a job may call by GET, HEAD and POST"
                case "manual_resume": "a paused heartbeat goes on with `stoker resume`"
                case _ where key.hasSuffix("_kw") || key.hasPrefix("filter_") || key.hasPrefix("subject"):
                    "words of mails and bodies do not decide; `signal` does"
                default: "it has no counterpart here"
                }
            fleet.leaveOut("\(record.origin): \(key)", why)
        }
        fleet.leaveOut(
            "\(record.origin): its ping address",
            "the job calls /api/heartbeats/\(name) from now on, with the key of `stoker status \(name) --heartbeat`")
        fleet.add(entry)
    }
}
