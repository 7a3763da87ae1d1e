internal import Foundation
import StokerCore

/// Reads the answer of UptimeRobot's `getMonitors` (API v2, JSON), best with `alert_contacts=1`, `mwindows=1`, `custom_http_headers=1`,
/// `custom_http_statuses=1`, `http_request_details=1`; beside its `monitors` may stand `alert_contacts` and `mwindows` of the other calls.
/// Source: https://uptimerobot.com/api/, read in November 2026.
enum UptimeRobotImport {
    static func read(_ root: JSONValue, into fleet: inout ImportedFleet) throws(Failure) {
        guard let monitors = root["monitors"]?.array else {
            throw Failure(
                .usage, doing: "read the file of UptimeRobot", because: "it has no list `monitors`",
                hint:
                    "save the answer of `curl -d 'api_key=KEY&alert_contacts=1&mwindows=1&custom_http_headers=1&custom_http_statuses=1&http_request_details=1' https://api.uptimerobot.com/v2/getMonitors`"
            )
        }
        if let page = root["pagination"], let total = page["total"]?.integer, total > monitors.count {
            fleet.leaveOut(
                "\(total - monitors.count) more monitors",
                "the file is one page of \(total); join the `monitors` of all pages")
        }
        var reader = Reader()
        for contact in root["alert_contacts"]?.array ?? [] { reader.contact(contact, &fleet) }
        for window in root["mwindows"]?.array ?? [] { reader.window(window, about: nil, &fleet) }
        for monitor in monitors { reader.monitor(monitor, &fleet) }
        reader.finish(&fleet)
        for member in root.members ?? []
        where !["stat", "pagination", "monitors", "alert_contacts", "mwindows", "limit", "offset", "total"].contains(
            member.name)
        {
            fleet.leaveOut(member.name, "this part of the file is not known here")
        }
    }

    private struct Reader {
        /// Names of channels by the contact's number; empty for one that has none.
        var channels: [String: String] = [:]
        var windows: [String: (entry: ImportedFleet.Entry, targets: [String])] = [:]
        var order: [String] = []

        mutating func monitor(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            let title = item["friendly_name"]?.string ?? "?"
            var record = ForeignRecord(item, origin: "monitor \"\(title)\"")
            record.ignore([
                "id", "friendly_name", "status", "create_datetime", "monitor_group", "is_group_main",
                "average_response_time", "response_times",
                "logs", "all_time_uptime_ratio", "all_time_uptime_durations", "custom_uptime_ratio",
                "custom_uptime_ranges", "custom_down_durations",
                "custom_uptime_durations", "ssl", "disable_domain_expire_notifications", "sub_type",
                "keyword_case_type", "http_auth_type", "post_content_type",
            ])
            let type = record.number("type").flatMap { Int(exactly: $0) } ?? 0
            let address = record.text("url") ?? ""
            let name: String
            var entry: ImportedFleet.Entry
            let interval = record.number("interval") ?? 300
            switch type {
            case 1, 2, 4, 5: name = fleet.checkName(title)
            case 3:
                return fleet.leaveOut(
                    record.origin, "nothing here sends ICMP; look at a port of it with tcp://host:port")
            default: return fleet.leaveOut(record.origin, "type \(type) is not known here")
            }
            entry = ImportedFleet.Entry(section: type == 5 ? .heartbeats : .targets, key: name, origin: record.origin)
            if name != title { entry.remarks.append("there: \(title)") }
            entry.set("every", to: ImportedText.seconds(interval, within: 1...31_622_400), isNeeded: true)
            switch type {
            case 4:
                // Sub-types 1 to 6 are ports of their own; 99 is the one in `port`.
                let ports = [1: 80, 2: 443, 3: 21, 4: 25, 5: 110, 6: 143]
                let port =
                    record.number("port").flatMap { $0 > 0 ? Int(exactly: $0) : nil } ?? item["sub_type"]?.integer
                    .flatMap { ports[$0] } ?? 0
                let host = address.firstRange(of: "://").map { String(address[$0.upperBound...]) } ?? address
                entry.set("url", to: ImportedText.quoted("tcp://\(host.prefix { $0 != "/" }):\(port)"), isNeeded: true)
            case 5:
                entry.set(
                    "grace",
                    to: record.number("grace_period").map { ImportedText.seconds($0, within: 1...31_622_400) } ?? "1m")
                fleet.leaveOut(
                    "\(record.origin): its address",
                    "the job calls /api/heartbeats/\(name) from now on, with the key of `stoker status \(name) --heartbeat`"
                )
            default: http(type, address, &record, &entry, name, &fleet)
            }
            if type != 5, let limit = record.number("timeout"), limit > 0 {
                entry.set("timeout", to: ImportedText.seconds(limit, within: 0.01...3_600))
            }
            if item["status"]?.integer == 0 { entry.set("paused", to: "true") }
            for contact in record.list("alert_contacts") { tell(contact, name, record.origin, &fleet) }
            for item in record.list("mwindows") { window(item, about: name, &fleet) }
            for key in record.rest { fleet.leaveOut("\(record.origin): \(key)", "it has no counterpart here") }
            fleet.add(entry)
        }

        private func http(
            _ type: Int, _ address: String, _ record: inout ForeignRecord, _ entry: inout ImportedFleet.Entry,
            _ name: String,
            _ fleet: inout ImportedFleet
        ) {
            entry.set("url", to: fleet.address(address, in: &entry, name: name), isNeeded: true)
            let methods = [1: "HEAD", 2: "GET", 3: "POST", 4: "PUT", 5: "PATCH", 6: "DELETE", 7: "OPTIONS"]
            let method = record.number("http_method").flatMap { Int(exactly: $0) }.flatMap { methods[$0] }
            // What looks at the body needs one.
            if let method, method != "GET", type == 1 || method != "HEAD" { entry.set("method", to: method) }
            if let value = record.take("post_value") {
                let text = value.string ?? (value.members?.isEmpty ?? false ? "" : value.text)
                if !text.isEmpty { fleet.body(text, in: &entry, name: name) }
            }
            record.ignore(["post_type"])
            for member in record.take("custom_http_headers")?.members ?? [] {
                fleet.header(member.name, member.value.string ?? member.value.text, in: &entry, name: name)
            }
            if let statuses = record.take("custom_http_statuses"),
                let up = statuses["up"]?.array?.compactMap({ $0.integer ?? $0.string.flatMap { Int($0) } }), !up.isEmpty
            {
                let down = Set(
                    statuses["down"]?.array?.compactMap { $0.integer ?? $0.string.flatMap { Int($0) } } ?? [])
                entry.set("expect", "status", to: ImportedText.statuses(Set(200...399).union(up).subtracting(down)))
            }
            let (user, password) = (record.text("http_username"), record.text("http_password"))
            if user != nil || password != nil { entry.set("headers", "Authorization", to: fleet.basic(name)) }
            let kind = record.number("keyword_type")
            if type == 2, let word = record.text("keyword_value") {
                // 1: alert when it exists, 2: alert when it does not.
                if kind == 1 {
                    fleet.leaveOut("\(record.origin): keyword_type 1", "nothing here expects that a text is missing")
                } else {
                    entry.set("expect", "text", to: ImportedText.quoted(word))
                }
            }
        }

        private mutating func tell(
            _ contact: JSONValue, _ check: String, _ origin: String, _ fleet: inout ImportedFleet
        ) {
            let number = contact["id"]?.string ?? contact["id"]?.text ?? ""
            if channels[number] == nil { self.contact(contact, &fleet) }
            guard let channel = channels[number], !channel.isEmpty else { return }
            func minutes(_ key: String) -> Double {
                contact[key]?.double ?? contact[key]?.string.flatMap { Double($0) } ?? 0
            }
            if minutes("threshold") > 0 {
                fleet.leaveOut(
                    "\(origin): threshold of contact \(channel)", "it is told at once; `lasting` of a rule waits")
            }
            let again = minutes("recurrence")
            fleet.tell(
                [channel], of: ["down", "silent", "recovered"], about: check,
                repeating: again > 0 ? .seconds(Int64(min(again, 43_200) * 60)) : nil)
        }

        mutating func contact(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            let number = item["id"]?.string ?? item["id"]?.text ?? ""
            guard channels[number] == nil else { return }
            channels[number] = ""
            let type = item["type"]?.integer ?? item["type"]?.string.flatMap { Int($0) } ?? 0
            let title = item["friendly_name"]?.string ?? "contact \(number)"
            let origin = "alert contact \"\(title)\""
            // Source: the table of alert contact types in UptimeRobot's API documentation.
            let kinds = [
                5: ("webhook", "webhook"), 11: ("slack", "webhook"), 16: ("pagerduty", "key"), 20: ("teams", "webhook"),
                21: ("google_chat", "webhook"), 23: ("discord", "webhook"),
            ]
            let others = [
                1: "SMS", 2: "e-mail", 3: "a message of Twitter", 6: "Pushbullet", 7: "Zapier", 9: "Pushover",
                10: "HipChat", 14: "a voice call", 15: "Splunk", 17: "Opsgenie", 18: "Telegram",
            ]
            guard let (key, what) = kinds[type] else {
                let why =
                    type == 2
                    ? "e-mail needs a mail server here: write a channel with `email`, `from` and `smtp` or `api`"
                    : "\(others[type] ?? "type \(type)") has no counterpart that the file says enough about"
                return fleet.leaveOut(origin, why)
            }
            let name = fleet.channelName(title)
            var entry = ImportedFleet.Entry(section: .channels, key: name, origin: origin)
            if name != title { entry.remarks.append("there: \(title)") }
            entry.set(key, to: fleet.secret("\(name) \(what)", "\(what) of channel \(name)"), isNeeded: true)
            fleet.add(entry)
            channels[number] = name
        }

        /// - Parameter check: the monitor that has it; nil for the list of all windows.
        mutating func window(_ item: JSONValue, about check: String?, _ fleet: inout ImportedFleet) {
            let number = item["id"]?.string ?? item["id"]?.text ?? ""
            if windows[number] == nil, let entry = entry(for: item, &fleet) {
                windows[number] = (entry, [])
                order.append(number)
            }
            if let check { windows[number]?.targets.append(check) }
        }

        private func entry(for item: JSONValue, _ fleet: inout ImportedFleet) -> ImportedFleet.Entry? {
            let title = item["friendly_name"]?.string ?? "?"
            let origin = "maintenance window \"\(title)\""
            var record = ForeignRecord(item, origin: origin)
            record.ignore(["id", "user", "friendly_name"])
            guard item["status"]?.integer != 0 else {
                fleet.leaveOut(origin, "it is paused")
                return nil
            }
            var entry = ImportedFleet.Entry(section: .maintenance, key: nil, origin: origin)
            entry.set("name", to: ImportedText.quoted(title), isNeeded: true)
            let value = record.text("value") ?? ""
            let clock = (record.text("start_time") ?? "").split(separator: ":").compactMap { Int($0) }
            let days = value.split(whereSeparator: { "-,".contains($0) }).compactMap { Int($0) }
            switch record.number("type") {
            case 1:
                guard let start = Double(value.isEmpty ? item["start_time"]?.text ?? "" : value) else {
                    fleet.leaveOut(origin, "its time is not understood")
                    return nil
                }
                entry.set(
                    "from",
                    to: ImportedText.quoted(Formatting.bareTime(Instant(milliseconds: Int64(start) * 1_000)).prefix16),
                    isNeeded: true)
            case 2 where clock.count >= 2:
                entry.set("schedule", to: ImportedText.quoted("\(clock[1]) \(clock[0]) * * *"), isNeeded: true)
            case 3 where clock.count >= 2 && !days.isEmpty:
                entry.set(
                    "schedule",
                    to: ImportedText.quoted(
                        "\(clock[1]) \(clock[0]) * * \(days.map(String.init).joined(separator: ","))"), isNeeded: true)
            case 4 where clock.count >= 2 && !days.isEmpty:
                entry.set(
                    "schedule",
                    to: ImportedText.quoted(
                        "\(clock[1]) \(clock[0]) \(days.map(String.init).joined(separator: ",")) * *"), isNeeded: true)
            default:
                fleet.leaveOut(origin, "its kind or its time is not understood")
                return nil
            }
            entry.set(
                "for", to: ImportedText.seconds((record.number("duration") ?? 60) * 60, within: 60...2_678_400),
                isNeeded: true)
            entry.remarks.append("its time is taken for UTC; UptimeRobot means the zone of the account")
            record.ignore(["status", "start_time"])
            for key in record.rest { fleet.leaveOut("\(origin): \(key)", "it has no counterpart here") }
            return entry
        }

        func finish(_ fleet: inout ImportedFleet) {
            for number in order {
                guard let window = windows[number] else { continue }
                if window.targets.isEmpty {
                    fleet.leaveOut(window.entry.origin, "no monitor has it")
                    continue
                }
                var entry = window.entry
                entry.targets = window.targets
                fleet.add(entry)
            }
        }
    }
}

extension String {
    /// `2026-12-01 05:30` of a time with seconds.
    fileprivate var prefix16: String { String(prefix(16)) }
}
