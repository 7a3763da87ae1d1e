internal import Foundation
import StokerCore

/// Reads a backup of Uptime Kuma 1.x (Settings → Backup), or the same lists as its socket API gives them (`monitorList`, `notificationList`, and
/// `maintenanceList`, which the backup lacks). Names of keys: `server/model/monitor.js` of Uptime Kuma and
/// `uptime_kuma_api` 1.2, read in November 2026.
enum UptimeKumaImport {
    static func read(_ root: JSONValue, into fleet: inout ImportedFleet) throws(Failure) {
        guard let monitors = list(root["monitorList"]) else {
            throw Failure(
                .usage, doing: "read the file of Uptime Kuma", because: "it has no `monitorList`",
                hint:
                    "Uptime Kuma 1.x writes such a file under Settings → Backup → Export. 2.x has no export: write `monitorList`, `notificationList` and `maintenanceList` with a client of its API, such as uptime-kuma-api"
            )
        }
        var reader = Reader(
            parents: Dictionary(monitors.compactMap { item in item["id"]?.integer.map { ($0, item) } }) { a, _ in a })
        for item in list(root["notificationList"]) ?? [] { reader.channel(item, &fleet) }
        for item in monitors { reader.monitor(item, &fleet) }
        for item in list(root["maintenanceList"]) ?? [] { reader.maintenance(item, &fleet) }
        for member in root.members ?? []
        where !["version", "monitorList", "notificationList", "maintenanceList", "proxyList"].contains(member.name) {
            fleet.leaveOut(member.name, "this part of the file is not known here")
        }
        for proxy in list(root["proxyList"]) ?? [] {
            fleet.leaveOut("proxy \(proxy["id"]?.text ?? "")", "pings do not go through a proxy")
        }
    }

    /// A list, also one that is an object by numbers, as the socket API sends it.
    private static func list(_ value: JSONValue?) -> [JSONValue]? {
        value?.array ?? value?.members?.map(\.value)
    }

    /// What monitors are that nothing here can look at.
    private static let foreign = [
        "ping": "nothing here sends ICMP; look at a port of it with tcp://host:port",
        "steam": "a game server's own protocol is not known here",
        "gamedig": "a game server's own protocol is not known here",
        "docker": "containers are not looked at", "mqtt": "MQTT is not spoken here",
        "sqlserver": "databases are looked at as tcp://host:port only",
        "postgres": "databases are looked at as tcp://host:port only",
        "mysql": "databases are looked at as tcp://host:port only",
        "mongodb": "databases are looked at as tcp://host:port only",
        "redis": "databases are looked at as tcp://host:port only",
        "radius": "RADIUS is not spoken here", "grpc-keyword": "gRPC is not spoken here",
        "real-browser": "pages are not opened in a browser", "kafka-producer": "Kafka is not spoken here",
        "tailscale-ping": "nothing here sends a ping of Tailscale", "snmp": "SNMP is not spoken here",
        "rabbitmq": "RabbitMQ is not spoken here",
        "smtp": "mail servers are looked at as tcp://host:port only",
        "manual": "a state that is set by hand has no counterpart",
    ]

    private struct Reader {
        /// Monitors by number; groups are among them.
        var parents: [Int: JSONValue]
        /// Names of channels and of checks by their numbers there.
        var channels: [Int: String] = [:]
        var checks: [Int: String] = [:]

        mutating func monitor(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            let title = item["name"]?.string ?? "?"
            var record = ForeignRecord(item, origin: "monitor \"\(title)\"")
            record.ignore([
                "id", "name", "weight", "pathName", "path", "childrenIDs", "dns_last_result", "forceInactive",
                "maintenance",
                "includeSensitiveData", "screenshot", "user_id", "userId", "packetSize", "conditions", "cacheBust",
                "gamedigGivenPortOnly", "kafkaProducerBrokers", "kafkaProducerSaslOptions", "databaseQuery",
                "docker_host",
                "ping_count", "ping_numeric", "ping_per_request_timeout", "response_max_length", "save_response",
                "save_error_response", "retry_only_on_status_code_failure", "httpBodyEncoding", "resendInterval",
                "authDomain",
                "authWorkstation", "upsideDown", "mqttCheckType", "remote_browser", "snmpVersion", "snmpOid",
                "snmpCommunity",
                "oauth_auth_method", "oauth_token_url", "oauth_client_id", "oauth_client_secret", "oauth_scopes",
                "oauth_audience",
                "jsonPathOperator", "expectedValue", "grpcEnableTls", "smtpSecurity", "ipFamily",
                "domainExpiryNotification",
            ])
            let type = record.text("type") ?? ""
            guard type != "group" else { return group(&record, title, &fleet) }
            if let why = UptimeKumaImport.foreign[type] { return fleet.leaveOut(record.origin, "type \(type): \(why)") }
            guard ["http", "keyword", "json-query", "port", "dns", "push"].contains(type) else {
                return fleet.leaveOut(record.origin, "type \(type.isEmpty ? "missing" : type) is not known here")
            }
            if item["upsideDown"]?.bool ?? (item["upsideDown"]?.integer == 1) {
                return fleet.leaveOut(
                    record.origin, "upsideDown: a check that is well when it fails has no counterpart")
            }
            let name = fleet.checkName(title)
            var entry = ImportedFleet.Entry(
                section: type == "push" ? .heartbeats : .targets, key: name, origin: record.origin)
            if name != title { entry.remarks.append("there: \(title)") }
            if let words = record.text("description") { entry.remarks.append(words) }
            var isPaused = !(record.flag("active") ?? true)
            let interval = record.number("interval") ?? 60
            let retries = max(0, record.number("maxretries") ?? 0)
            let pause = record.number("retryInterval") ?? interval
            switch type {
            case "push":
                record.ignore([
                    "url", "hostname", "port", "method", "accepted_statuscodes", "maxredirects", "timeout",
                    "dns_resolve_type", "dns_resolve_server",
                ])
                _ = record.take("pushToken")
                entry.set("every", to: ImportedText.seconds(interval, within: 1...31_622_400), isNeeded: true)
                entry.set("grace", to: ImportedText.seconds(max(10, retries * pause), within: 10...31_622_400))
                fleet.leaveOut(
                    "\(record.origin): pushToken",
                    "the job calls /api/heartbeats/\(name) from now on, with the key of `stoker status \(name) --heartbeat`"
                )
            case "port":
                record.ignore([
                    "url", "method", "accepted_statuscodes", "maxredirects", "dns_resolve_type", "dns_resolve_server",
                ])
                let (host, port) = (record.text("hostname") ?? "", record.text("port") ?? "")
                entry.set("url", to: ImportedText.quoted("tcp://\(host):\(port)"), isNeeded: true)
            case "dns":
                record.ignore(["url", "method", "accepted_statuscodes", "maxredirects"])
                let servers = (record.text("dns_resolve_server") ?? "").split(separator: ",").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                let (host, port) = (record.text("hostname") ?? "", record.text("port") ?? "53")
                let kind = record.text("dns_resolve_type") ?? "A"
                let server = servers.first.map { ($0.contains(":") ? "[\($0)]" : $0) + ":\(port)/" } ?? ""
                entry.set("url", to: ImportedText.quoted("dns://\(server)\(host)?type=\(kind)"), isNeeded: true)
                for other in servers.dropFirst() {
                    fleet.leaveOut("\(record.origin): dns_resolve_server", "one name server is asked; \(other) is not")
                }
            default:
                record.ignore(["hostname", "port", "dns_resolve_type", "dns_resolve_server", "pushToken"])
                isPaused = http(type, item, &record, &entry, name, &fleet) || isPaused
            }
            if type != "push" {
                entry.set("every", to: ImportedText.seconds(interval, within: 1...31_622_400), isNeeded: true)
                if let limit = record.number("timeout"), limit > 0 {
                    entry.set("timeout", to: ImportedText.seconds(limit, within: 0.01...3_600))
                }
                entry.set("retry", to: "off")
                entry.set("recheck", to: ImportedText.seconds(min(pause, interval), within: 1...86_400))
                if retries > 0 {
                    entry.set("down_after", to: "\(Int(min(retries, 31)) + 1)")
                    if retries > 31 {
                        fleet.leaveOut("\(record.origin): maxretries", "32 failures in a row are the most here")
                    }
                }
            }
            let group = group(of: &record, &isPaused)
            let tags = record.list("tags").compactMap { tag in
                tag["name"]?.string.map { name in
                    tag["value"]?.string.flatMap { $0.isEmpty ? nil : "\(name): \($0)" } ?? name
                }
            }
            if let label = group ?? tags.first { entry.set("group", to: ImportedText.quoted(String(label.prefix(64)))) }
            for tag in group == nil ? tags.dropFirst() : tags[...] {
                fleet.leaveOut("\(record.origin): tag \(tag)", "a check has one group and no other labels")
            }
            if isPaused { entry.set("paused", to: "true") }
            tell(&record, item, interval, name, &fleet)
            if let number = item["id"]?.integer { checks[number] = name }
            for key in record.rest { fleet.leaveOut("\(record.origin): \(key)", "it has no counterpart here") }
            fleet.add(entry)
        }

        /// - Returns: whether it has to be paused, for it could not be well.
        private func http(
            _ type: String, _ item: JSONValue, _ record: inout ForeignRecord, _ entry: inout ImportedFleet.Entry,
            _ name: String,
            _ fleet: inout ImportedFleet
        ) -> Bool {
            var isPaused = false
            entry.set("url", to: fleet.address(record.text("url") ?? "", in: &entry, name: name), isNeeded: true)
            if let method = record.text("method"), method != "GET" {
                entry.set("method", to: ImportedText.quoted(method))
            }
            if let text = record.text("headers") {
                if case .object(let members)? = try? JSONValue(reading: text) {
                    for member in members {
                        fleet.header(member.name, member.value.string ?? member.value.text, in: &entry, name: name)
                    }
                } else {
                    fleet.leaveOut("\(record.origin): headers", "they are no JSON object")
                }
            }
            if let text = record.text("body") { fleet.body(text, in: &entry, name: name) }
            if let most = record.number("maxredirects") {
                entry.set("redirects", to: "\(Int(min(max(most, 0), 20)))")
            }
            if record.flag("ignoreTls") ?? false { entry.set("verify_tls", to: "false") }
            let codes = record.list("accepted_statuscodes").compactMap(\.string)
            if !codes.isEmpty {
                entry.set("expect", "status", to: codes.count == 1 ? codes[0] : "[\(codes.joined(separator: ", "))]")
            }
            if let word = record.text("keyword"), type == "keyword" {
                if item["invertKeyword"]?.bool ?? (item["invertKeyword"]?.integer == 1) {
                    fleet.leaveOut("\(record.origin): invertKeyword", "nothing here expects that a text is missing")
                } else {
                    entry.set("expect", "text", to: ImportedText.quoted(word))
                }
            }
            record.ignore(["invertKeyword"])
            if let path = record.text("jsonPath"), type == "json-query" {
                json(path, item, record.origin, &entry, &fleet)
            }
            if record.flag("expiryNotification") ?? false { entry.set("expect", "certificate_days", to: "14") }
            switch record.text("authMethod") {
            case nil, "basic":
                let (user, password) = (record.text("basic_auth_user"), record.text("basic_auth_pass"))
                if user != nil || password != nil { entry.set("headers", "Authorization", to: fleet.basic(name)) }
            case let method?:
                record.ignore(["basic_auth_user", "basic_auth_pass", "tlsCert", "tlsKey", "tlsCa"])
                fleet.leaveOut(
                    "\(record.origin): authMethod \(method)",
                    "only a name and a password are known here; the check is paused")
                isPaused = true
            }
            if record.text("proxyId") != nil {
                fleet.leaveOut("\(record.origin): proxyId", "pings do not go through a proxy; the check is paused")
                isPaused = true
            }
            return isPaused
        }

        /// A plain path is carried over; anything else is an expression of JSONata.
        private func json(
            _ path: String, _ item: JSONValue, _ origin: String, _ entry: inout ImportedFleet.Entry,
            _ fleet: inout ImportedFleet
        ) {
            let sign = item["jsonPathOperator"]?.string ?? "=="
            let plain = path.hasPrefix("$.") ? String(path.dropFirst(2)) : path
            guard sign == "==", !plain.isEmpty,
                plain.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_.[]".contains($0)) })
            else {
                return fleet.leaveOut(
                    "\(origin): jsonPath",
                    "only a path such as $.status and an equal value are known here, no expression")
            }
            let wanted = item["expectedValue"]?.string ?? item["expectedValue"]?.text ?? ""
            entry.set(
                "expect", "json", to: "{ \(ImportedText.quoted("$.\(plain)")): \(ImportedCondition.value(wanted)) }")
        }

        private func group(of record: inout ForeignRecord, _ isPaused: inout Bool) -> String? {
            var label: String?
            var next = record.number("parent").flatMap { Int(exactly: $0) }
            var steps = 0
            while let number = next, let parent = parents[number], steps < 50 {
                label = label ?? parent["name"]?.string
                if parent["active"]?.bool == false || parent["active"]?.integer == 0 { isPaused = true }
                next = parent["parent"]?.integer
                steps += 1
            }
            return label
        }

        private mutating func group(_ record: inout ForeignRecord, _ title: String, _ fleet: inout ImportedFleet) {
            if !(notifications(&record).isEmpty) {
                fleet.leaveOut("\(record.origin): notifications", "a group has no state here; its monitors tell")
            }
            if record.take("parent") != nil {
                fleet.leaveOut(
                    "\(record.origin): parent", "groups have no groups here; its monitors are in \"\(title)\"")
            }
        }

        private func notifications(_ record: inout ForeignRecord) -> [Int] {
            guard let value = record.take("notificationIDList") else { return [] }
            return value.array?.compactMap(\.integer)
                ?? value.members?.filter { $0.value.bool ?? false }.compactMap { Int($0.name) } ?? []
        }

        private func tell(
            _ record: inout ForeignRecord, _ item: JSONValue, _ interval: Double, _ name: String,
            _ fleet: inout ImportedFleet
        ) {
            let known = notifications(&record).sorted().compactMap { channels[$0] }
            guard !known.isEmpty else { return }
            let beats = item["resendInterval"]?.double ?? 0
            let span = min(max(beats * interval, 60), 30 * 86_400)
            fleet.tell(
                known, of: ["down", "silent", "recovered"], about: name,
                repeating: beats > 0 ? .seconds(Int64(span)) : nil)
        }

        mutating func channel(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            var item = item
            // The backup holds the settings as JSON in a text.
            if let text = item["config"]?.string, let config = try? JSONValue(reading: text),
                let members = config.members
            {
                item = item.adding(members.filter { item[$0.name] == nil })
            }
            let title = item["name"]?.string ?? "?"
            var record = ForeignRecord(item, origin: "notification \"\(title)\"")
            record.ignore(["id", "name", "userId", "user_id", "config", "applyExisting"])
            let type = record.text("type") ?? "?"
            if record.flag("isDefault") ?? false {
                fleet.leaveOut("\(record.origin): isDefault", "new checks are told by the rules under `notify`")
            }
            if record.flag("active") == false { return fleet.leaveOut(record.origin, "it is switched off") }
            let name = fleet.channelName(title)
            var entry = ImportedFleet.Entry(section: .channels, key: name, origin: record.origin)
            if name != title { entry.remarks.append("there: \(title)") }
            func address(_ key: String, _ foreign: String, _ what: String) {
                if record.text(foreign) != nil {
                    entry.set(key, to: fleet.secret("\(name) \(what)", "\(what) of channel \(name)"), isNeeded: true)
                }
            }
            switch type {
            case "discord":
                address("discord", "discordWebhookUrl", "webhook")
                if let user = record.text("discordUsername") { entry.set("username", to: ImportedText.quoted(user)) }
            case "slack": address("slack", "slackwebhookURL", "webhook")
            case "teams": address("teams", "webhookUrl", "webhook")
            case "GoogleChat": address("google_chat", "googleChatWebhookURL", "webhook")
            case "webhook": address("webhook", "webhookURL", "webhook")
            case "telegram":
                address("telegram", "telegramBotToken", "token")
                if let chat = record.text("telegramChatID") {
                    entry.set("chat", to: ImportedText.quoted(chat), isNeeded: true)
                }
            case "PagerDuty":
                address("pagerduty", "pagerdutyIntegrationKey", "key")
                if let url = record.text("pagerdutyIntegrationUrl"), url.contains("eu.") {
                    entry.set("api", to: ImportedText.quoted("https://events.eu.pagerduty.com"))
                }
            case "ntfy":
                // Whoever knows a topic reads it.
                if record.text("ntfytopic") != nil, record.text("ntfyserverurl") != nil {
                    entry.set(
                        "ntfy", to: fleet.secret("\(name) topic", "https://SERVER/TOPIC of channel \(name)"),
                        isNeeded: true)
                }
                record.ignore(["ntfyAuthenticationMethod"])
                if record.text("ntfyaccesstoken") != nil {
                    entry.set("token", to: fleet.secret("\(name) token", "access token of channel \(name)"))
                }
                if let user = record.text("ntfyusername") { entry.set("user", to: ImportedText.quoted(user)) }
                if record.text("ntfypassword") != nil {
                    entry.set("password", to: fleet.secret("\(name) password", "password of channel \(name)"))
                }
            case "smtp": mail(&record, &entry, name, &fleet)
            default:
                return fleet.leaveOut(
                    record.origin, "type \(type) is no kind of channel here; a `webhook` or a `command` may do")
            }
            for key in record.rest { fleet.leaveOut("\(record.origin): \(key)", "it has no counterpart here") }
            if let number = item["id"]?.integer { channels[number] = name }
            fleet.add(entry)
        }

        private func mail(
            _ record: inout ForeignRecord, _ entry: inout ImportedFleet.Entry, _ name: String,
            _ fleet: inout ImportedFleet
        ) {
            let to = ["smtpTo", "smtpCC", "smtpBCC"].compactMap { record.text($0) }.flatMap { $0.split(separator: ",") }
                .map { $0.trimmingCharacters(in: .whitespaces) }
            entry.set("email", to: ImportedText.list(to), isNeeded: true)
            entry.set("from", to: ImportedText.quoted(record.text("smtpFrom") ?? ""), isNeeded: true)
            let port = Int(record.number("smtpPort") ?? 587)
            let isSecure = record.flag("smtpSecure") ?? (port == 465)
            entry.set(
                "smtp",
                to: ImportedText.quoted("\(isSecure ? "smtps" : "smtp")://\(record.text("smtpHost") ?? ""):\(port)"),
                isNeeded: true)
            if let user = record.text("smtpUsername") { entry.set("user", to: ImportedText.quoted(user)) }
            if record.text("smtpPassword") != nil {
                entry.set("password", to: fleet.secret("\(name) password", "password of channel \(name)"))
            }
            if record.flag("smtpIgnoreTLSError") ?? false { entry.set("verify_tls", to: "false") }
        }

        func maintenance(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            let title = item["title"]?.string ?? "?"
            var record = ForeignRecord(item, origin: "maintenance \"\(title)\"")
            record.ignore([
                "id", "title", "description", "timeslotList", "status", "timezone", "timezoneOffset", "monitors",
                "monitorList", "duration",
            ])
            if record.flag("active") == false { return fleet.leaveOut(record.origin, "it is switched off") }
            var entry = ImportedFleet.Entry(section: .maintenance, key: nil, origin: record.origin)
            entry.set("name", to: ImportedText.quoted(title), isNeeded: true)
            let zone =
                record.text("timezoneOption").flatMap { $0.contains("/") || $0 == "UTC" ? $0 : nil } ?? item[
                    "timezone"]?.string ?? "UTC"
            let dates = record.list("dateRange").compactMap(\.string)
            let times = record.list("timeRange").map { ($0["hours"]?.integer ?? 0, $0["minutes"]?.integer ?? 0) }
            let minutes =
                times.count == 2 ? (times[1].0 * 60 + times[1].1 - times[0].0 * 60 - times[0].1 + 1_440) % 1_440 : 0
            let days = record.list("weekdays").compactMap(\.integer).map { "\($0 % 7)" }
            let dates2 = record.list("daysOfMonth")
            let every = record.number("intervalDay") ?? 1
            func at(_ rest: String) {
                entry.set(
                    "schedule",
                    to: ImportedText.quoted("\(times.first?.1 ?? 0) \(times.first?.0 ?? 0) \(rest) \(zone)"),
                    isNeeded: true)
            }
            func lasts(_ minutes: Double) {
                entry.set(
                    "for", to: ImportedText.seconds((minutes == 0 ? 1_440 : minutes) * 60, within: 60...2_678_400),
                    isNeeded: true)
            }
            let strategy = record.text("strategy") ?? "?"
            let (cron, length) = (record.text("cron"), record.number("durationMinutes"))
            switch strategy {
            case "single":
                guard dates.count == 2 else { return fleet.leaveOut(record.origin, "its dates are missing") }
                entry.set(
                    "from", to: ImportedText.quoted(String(dates[0].replacing("T", with: " ").prefix(16))),
                    isNeeded: true)
                entry.set(
                    "until", to: ImportedText.quoted(String(dates[1].replacing("T", with: " ").prefix(16))),
                    isNeeded: true)
                entry.set("zone", to: ImportedText.quoted(zone))
            case "recurring-interval":
                guard every == 1 else {
                    return fleet.leaveOut(record.origin, "every \(Int(every)) days is no schedule of cron")
                }
                at("* * *")
                lasts(Double(minutes))
            case "recurring-weekday":
                guard !days.isEmpty else { return fleet.leaveOut(record.origin, "it has no days") }
                at("* * \(days.joined(separator: ","))")
                lasts(Double(minutes))
            case "recurring-day-of-month":
                let numbers = dates2.compactMap(\.integer)
                guard numbers.count == dates2.count, !numbers.isEmpty else {
                    return fleet.leaveOut(record.origin, "the last day of a month is no schedule of cron")
                }
                at("\(numbers.map(String.init).joined(separator: ",")) * *")
                lasts(Double(minutes))
            case "cron":
                entry.set("schedule", to: ImportedText.quoted("\(cron ?? "") \(zone)"), isNeeded: true)
                lasts(length ?? 60)
            case "manual": return fleet.leaveOut(record.origin, "begun by hand: `stoker maintenance start` does that")
            default: return fleet.leaveOut(record.origin, "strategy \(strategy) is not known here")
            }
            if strategy != "single", !dates.isEmpty {
                fleet.leaveOut("\(record.origin): dateRange", "a schedule has no first and no last day here")
            }
            let about = (item["monitors"] ?? item["monitorList"])?.array ?? []
            if !about.isEmpty {
                entry.targets = about.compactMap { ($0.integer ?? $0["id"]?.integer).flatMap { checks[$0] } }
            }
            for key in record.rest where !["cron", "durationMinutes"].contains(key) {
                fleet.leaveOut("\(record.origin): \(key)", "it has no counterpart here")
            }
            fleet.add(entry)
        }
    }
}
