internal import Foundation
import StokerCore

/// Reads a configuration of Gatus (YAML). Keys and defaults: its README at commit 001d780, read in November 2026.
enum GatusImport {
    static func read(_ root: JSONValue, into fleet: inout ImportedFleet) throws(Failure) {
        let endpoints = root["endpoints"]?.array ?? root["services"]?.array
        guard endpoints != nil || root["external-endpoints"]?.array != nil else {
            throw Failure(
                .usage, doing: "read the file of Gatus", because: "it has neither `endpoints` nor `external-endpoints`",
                hint: "hand over Gatus's config.yaml; of a folder of files, join them first")
        }
        var reader = Reader(alerting: root["alerting"] ?? .object([]))
        for item in endpoints ?? [] { reader.endpoint(item, &fleet) }
        for item in root["external-endpoints"]?.array ?? [] { reader.external(item, &fleet) }
        if let window = root["maintenance"], !window.isNull {
            reader.maintenance(window, "maintenance", about: nil, &fleet)
        }
        reader.tellUnused(&fleet)
        for member in root.members ?? [] where !member.value.isNull {
            switch member.name {
            case "endpoints", "services", "external-endpoints", "alerting", "maintenance": break
            case "suites":
                for suite in member.value.array ?? [] {
                    fleet.leaveOut(
                        "suite \"\(suite["name"]?.string ?? "?")\"",
                        "calls that use each other's answers have no counterpart")
                }
            case "storage", "web", "ui", "metrics", "security", "concurrency", "disable-monitoring-lock",
                "skip-invalid-config-update", "debug":
                fleet.leaveOut(
                    member.name, "that is set up otherwise here: `serve`, `ledger`, and STOKER_TOKEN for who may act")
            case "announcements": fleet.leaveOut(member.name, "announcements have no counterpart")
            case "connectivity":
                fleet.leaveOut(member.name, "when everything fails at once, that is noticed without it")
            case "remote": fleet.leaveOut(member.name, "other instances are not read")
            case "tunneling": fleet.leaveOut(member.name, "pings do not go through a tunnel")
            case _ where member.name.hasPrefix("x-"): break
            default: fleet.leaveOut(member.name, "this part of the file is not known here")
            }
        }
    }

    private struct Alert {
        var type: String
        var threshold: Int
        var tellsRecovery: Bool
        var reminder: Duration?
    }

    private struct Reader {
        let alerting: JSONValue
        /// Names of channels by provider and group.
        var channels: [String: String] = [:]

        // MARK: Endpoints

        mutating func endpoint(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            let title = item["name"]?.string ?? item["name"]?.text ?? "?"
            let group = item["group"]?.string
            var record = ForeignRecord(item, origin: "endpoint \"\(group.map { "\($0)/" } ?? "")\(title)\"")
            record.ignore(["name", "group", "ui", "alerts", "conditions", "dns", "client", "graphql"])
            guard var url = record.text("url") else { return fleet.leaveOut(record.origin, "it has no url") }
            let scheme = url.firstRange(of: "://").map { String(url[..<$0.lowerBound]) } ?? ""
            let isDNS = item["dns"]?.members != nil
            if !isDNS, !["http", "https", "tcp", "tls"].contains(scheme) {
                let why =
                    switch scheme {
                    case "icmp": "nothing here sends ICMP; look at a port of it with tcp://host:port"
                    case "starttls": "a port that begins in plain text has no TLS session to look at"
                    case "ssh": "nobody signs in by SSH here; look at its port with tcp://host:22"
                    default: "\(scheme.isEmpty ? "an address without a scheme" : "\(scheme)://") is not looked at here"
                    }
                return fleet.leaveOut(record.origin, why)
            }
            let name = fleet.checkName(title)
            var entry = ImportedFleet.Entry(section: .targets, key: name, origin: record.origin)
            if name != title { entry.remarks.append("there: \(title)") }
            var isPaused = !(record.flag("enabled") ?? true)
            if isDNS {
                let (query, kind) = (
                    item["dns"]?["query-name"]?.string ?? "", item["dns"]?["query-type"]?.string ?? "A"
                )
                let server = url.firstRange(of: "://").map { String(url[$0.upperBound...]) } ?? url
                let hasPort = server.split(separator: ":").count == 2
                url =
                    "dns://\(server)\(hasPort ? "" : ":53")/\(query.hasSuffix(".") ? String(query.dropLast()) : query)?type=\(kind)"
            }
            entry.set("url", to: written(url, in: &entry, name, &fleet), isNeeded: true)
            if let group { entry.set("group", to: ImportedText.quoted(String(group.prefix(64)))) }
            let interval = record.text("interval").flatMap(seconds) ?? 60
            entry.set("every", to: ImportedText.seconds(interval, within: 1...31_622_400), isNeeded: true)
            if scheme.hasPrefix("http"), !isDNS { request(item, &record, &entry, name, &fleet) }
            isPaused =
                client(item, isHTTP: scheme.hasPrefix("http") && !isDNS, record.origin, &entry, &fleet) || isPaused
            conditions(item, isDNS: isDNS, scheme: scheme, record.origin, &entry, &fleet)
            let alerts = alerts(of: item, record.origin, &fleet)
            entry.set("retry", to: "off")
            entry.set("recheck", to: ImportedText.seconds(interval, within: 1...86_400))
            if let threshold = alerts.map(\.threshold).min(), threshold > 1 {
                entry.set("down_after", to: "\(min(threshold, 32))")
            }
            if isPaused { entry.set("paused", to: "true") }
            tell(alerts, about: name, group: group, &fleet)
            for window in record.list("maintenance-windows") {
                maintenance(window, "\(record.origin): maintenance", about: name, &fleet)
            }
            for key in record.rest {
                fleet.leaveOut(
                    "\(record.origin): \(key)",
                    key == "extra-labels" ? "a check has one group and no other labels" : "it has no counterpart here")
            }
            fleet.add(entry)
        }

        private func request(
            _ item: JSONValue, _ record: inout ForeignRecord, _ entry: inout ImportedFleet.Entry, _ name: String,
            _ fleet: inout ImportedFleet
        ) {
            let isGraphQL = item["graphql"]?.bool ?? false
            if let method = record.text("method") ?? (isGraphQL ? "POST" : nil), method != "GET" {
                entry.set("method", to: ImportedText.quoted(method))
            }
            var hasType = false
            for member in record.take("headers")?.members ?? [] {
                hasType = hasType || member.name.lowercased() == "content-type"
                let value = member.value.string ?? member.value.text
                if let own = ownVariables(value, isNeeded: false, "header \(member.name) of \(name)", &fleet) {
                    entry.set("headers", member.name, to: own)
                } else {
                    fleet.header(member.name, value.replacing("$$", with: "$"), in: &entry, name: name)
                }
            }
            if let body = record.text("body") {
                if isGraphQL {
                    if !hasType { entry.set("headers", "Content-Type", to: "application/json") }
                    fleet.body(JSONValue.object([.init("query", .string(body))]).text, in: &entry, name: name)
                } else {
                    fleet.body(body, in: &entry, name: name)
                }
                if body.contains("[ENDPOINT_") || body.contains("[RANDOM_STRING") || body.contains("[LOCAL_ADDRESS") {
                    fleet.leaveOut("\(record.origin): body", "its placeholders in brackets are sent as they stand")
                }
            }
        }

        /// - Returns: whether it has to be paused, for it could not be well.
        private func client(
            _ item: JSONValue, isHTTP: Bool, _ origin: String, _ entry: inout ImportedFleet.Entry,
            _ fleet: inout ImportedFleet
        ) -> Bool {
            var record = ForeignRecord(item["client"], origin: origin)
            entry.set(
                "timeout", to: ImportedText.seconds(record.text("timeout").flatMap(seconds) ?? 10, within: 0.01...3_600)
            )
            if record.flag("insecure") ?? false { entry.set("verify_tls", to: "false") }
            if record.flag("ignore-redirect") ?? false, isHTTP { entry.set("redirects", to: "0") }
            record.ignore(["network", "store-cookies"])
            var isPaused = false
            for (key, why) in [
                ("oauth2", "nobody signs in by OAuth here"),
                ("identity-aware-proxy", "nobody signs in at that proxy here"),
                ("tls", "pings bring no certificate of their own"), ("tunnel", "pings do not go through a tunnel"),
                ("proxy-url", "pings do not go through a proxy"),
            ] where record.take(key) != nil {
                fleet.leaveOut("\(origin): client.\(key)", "\(why); the check is paused")
                isPaused = true
            }
            for key in record.rest { fleet.leaveOut("\(origin): client.\(key)", "it has no counterpart here") }
            return isPaused
        }

        // MARK: Conditions

        private func conditions(
            _ item: JSONValue, isDNS: Bool, scheme: String, _ origin: String, _ entry: inout ImportedFleet.Entry,
            _ fleet: inout ImportedFleet
        ) {
            let isHTTP = scheme.hasPrefix("http") && !isDNS
            var statuses: Set<Int>? = nil
            var json: [(path: String, value: String)] = []
            for condition in item["conditions"]?.array ?? [] {
                let text = condition.string ?? condition.text
                func cannot(_ why: String) { fleet.leaveOut("\(origin): condition `\(text)`", why) }
                guard let (left, sign, right) = parts(text) else {
                    cannot("it is not understood")
                    continue
                }
                switch left {
                case "[CONNECTED]":
                    if sign != "==" || right != "true" {
                        cannot("a check that is well when it fails has no counterpart")
                    }
                case "[DNS_RCODE]":
                    if sign != "==" || right != "NOERROR" { cannot("a name server's error has no counterpart") }
                case "[STATUS]" where isHTTP:
                    guard let accepted = accepted(sign, right) else {
                        cannot("it is not understood")
                        continue
                    }
                    statuses = (statuses ?? Set(100...599)).intersection(accepted)
                case "[RESPONSE_TIME]":
                    guard ["<", "<="].contains(sign), let most = Double(right), most >= 1 else {
                        cannot("only an upper limit is known here")
                        continue
                    }
                    entry.set("expect", "within", to: ImportedText.seconds(most / 1_000, within: 0.001...3_600))
                    entry.remarks.append("`within`: a slower answer is slow here, not down")
                case "[CERTIFICATE_EXPIRATION]" where scheme == "https" || scheme == "tls":
                    guard [">", ">="].contains(sign), let least = seconds(right) else {
                        cannot("only a lower limit is known here")
                        continue
                    }
                    entry.set("expect", "certificate_days", to: "\(Int((least / 86_400).rounded(.up)))")
                case "[BODY]" where isDNS: records(sign, right, cannot, &entry)
                case "[BODY]" where isHTTP: body(sign, right, cannot, &entry)
                case _ where left.hasPrefix("[BODY]") && isHTTP:
                    let path = "$" + left.dropFirst(6)
                    guard sign == "==", !right.contains("[BODY]"), !right.hasPrefix("pat("), !right.hasPrefix("any("),
                        !json.contains(where: { $0.path == path })
                    else {
                        cannot("only one equal value for a path is known here")
                        continue
                    }
                    json.append((path, ImportedCondition.value(right)))
                case "[DOMAIN_EXPIRATION]": cannot("the end of a domain's registration is not looked at")
                case "[IP]": cannot("the address that a name has is looked at with dns:// and `records`")
                default: cannot("it has no counterpart here")
                }
            }
            if isHTTP {
                // Without a word on it any status is fine there.
                let accepted = statuses ?? Set(100...599)
                if accepted.isEmpty {
                    fleet.leaveOut("\(origin): conditions on [STATUS]", "no status fits all of them")
                } else {
                    entry.set("expect", "status", to: ImportedText.statuses(accepted))
                }
            }
            if !json.isEmpty {
                entry.set(
                    "expect", "json",
                    to: "{ \(json.map { "\(ImportedText.quoted($0.path)): \($0.value)" }.joined(separator: ", ")) }")
            }
        }

        /// `[STATUS] == 200` in three.
        private func parts(_ text: String) -> (left: String, sign: String, right: String)? {
            for sign in ["==", "!=", "<=", ">=", "<", ">"] {
                guard let range = text.firstRange(of: " \(sign) ") else { continue }
                return (
                    text[..<range.lowerBound].trimmingCharacters(in: .whitespaces), sign,
                    text[range.upperBound...].trimmingCharacters(in: .whitespaces)
                )
            }
            return nil
        }

        private func accepted(_ sign: String, _ right: String) -> Set<Int>? {
            if let values = argument("any", right) {
                let numbers = values.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
                guard numbers.count == values.split(separator: ",").count else { return nil }
                return sign == "==" ? Set(numbers) : sign == "!=" ? Set(100...599).subtracting(numbers) : nil
            }
            if let pattern = argument("pat", right), pattern.utf8.count == 2, pattern.hasSuffix("*"),
                let first = Int(pattern.prefix(1)), (1...5).contains(first)
            {
                let range = Set(first * 100...first * 100 + 99)
                return sign == "==" ? range : sign == "!=" ? Set(100...599).subtracting(range) : nil
            }
            guard let number = Int(right) else { return nil }
            return Set(
                (100...599).filter { status in
                    switch sign {
                    case "==": status == number
                    case "!=": status != number
                    case "<": status < number
                    case "<=": status <= number
                    case ">": status > number
                    default: status >= number
                    }
                })
        }

        private func argument(_ function: String, _ text: String) -> String? {
            guard text.hasPrefix("\(function)("), text.hasSuffix(")") else { return nil }
            return String(text.dropFirst(function.count + 1).dropLast())
        }

        private func body(
            _ sign: String, _ right: String, _ cannot: (String) -> Void, _ entry: inout ImportedFleet.Entry
        ) {
            guard sign == "==" else { return cannot("nothing here expects that a text is missing") }
            guard let pattern = argument("pat", right) else {
                guard argument("any", right) == nil else { return cannot("one of several texts has no counterpart") }
                return entry.set("expect", "regex", to: ImportedText.quoted("^\(ImportedCondition.escaped(right))$"))
            }
            let inner = pattern.dropFirst().dropLast()
            if pattern.hasPrefix("*"), pattern.hasSuffix("*"), !inner.isEmpty, !inner.contains("*"),
                !inner.contains("?")
            {
                entry.set("expect", "text", to: ImportedText.quoted(String(inner)))
            } else {
                entry.set("expect", "regex", to: ImportedText.quoted(ImportedCondition.regex(of: pattern)))
            }
        }

        private func records(
            _ sign: String, _ right: String, _ cannot: (String) -> Void, _ entry: inout ImportedFleet.Entry
        ) {
            guard sign == "==" else { return cannot("only a record that must be there is known here") }
            if let pattern = argument("pat", right) {
                // Any record of the type, which is what the check looks for.
                if !pattern.allSatisfy({ "*.:".contains($0) }) { cannot("a pattern of records has no counterpart") }
                return
            }
            entry.set("expect", "records", to: ImportedText.list([right]))
        }

        // MARK: Heartbeats

        mutating func external(_ item: JSONValue, _ fleet: inout ImportedFleet) {
            let title = item["name"]?.string ?? "?"
            let group = item["group"]?.string
            var record = ForeignRecord(item, origin: "external endpoint \"\(group.map { "\($0)/" } ?? "")\(title)\"")
            record.ignore(["name", "group", "alerts", "ui"])
            guard let interval = record.take("heartbeat")?["interval"]?.string.flatMap(seconds), interval > 0 else {
                return fleet.leaveOut(record.origin, "it has no heartbeat.interval, so nothing says when it is late")
            }
            let name = fleet.checkName(title)
            var entry = ImportedFleet.Entry(section: .heartbeats, key: name, origin: record.origin)
            if name != title { entry.remarks.append("there: \(title)") }
            entry.set("every", to: ImportedText.seconds(interval, within: 1...31_622_400), isNeeded: true)
            entry.set("grace", to: "10s")
            if let group { entry.set("group", to: ImportedText.quoted(String(group.prefix(64)))) }
            if record.flag("enabled") == false { entry.set("paused", to: "true") }
            if record.take("token") != nil {
                fleet.leaveOut(
                    "\(record.origin): token",
                    "the job calls /api/heartbeats/\(name) from now on, with the key of `stoker status \(name) --heartbeat`"
                )
            }
            tell(alerts(of: item, record.origin, &fleet), about: name, group: group, &fleet)
            for key in record.rest { fleet.leaveOut("\(record.origin): \(key)", "it has no counterpart here") }
            fleet.add(entry)
        }

        // MARK: Alerts

        private func alerts(of item: JSONValue, _ origin: String, _ fleet: inout ImportedFleet) -> [Alert] {
            var found: [Alert] = []
            for alert in item["alerts"]?.array ?? [] {
                guard let type = alert["type"]?.string else { continue }
                let standard = alerting[type]?["default-alert"]
                func value(_ key: String) -> JSONValue? { alert[key] ?? standard?[key] }
                guard value("enabled")?.bool ?? true else {
                    fleet.leaveOut("\(origin): alert \(type)", "it is switched off")
                    continue
                }
                if let words = value("description")?.string {
                    fleet.leaveOut(
                        "\(origin): alert \(type): description \"\(words)\"",
                        "messages have words of their own; `templates` of a channel changes them")
                }
                if let wins = value("success-threshold")?.integer, wins > 1 {
                    fleet.leaveOut("\(origin): alert \(type): success-threshold", "one good answer is enough here")
                }
                if alert["provider-override"]?.members?.isEmpty == false {
                    fleet.leaveOut("\(origin): alert \(type): provider-override", "write a channel of its own for it")
                }
                found.append(
                    Alert(
                        type: type, threshold: max(1, value("failure-threshold")?.integer ?? 3),
                        tellsRecovery: value("send-on-resolved")?.bool ?? false,
                        reminder: value("minimum-reminder-interval")?.string.flatMap(seconds).flatMap {
                            $0 >= 60 ? .seconds(Int64(min($0, 30 * 86_400))) : nil
                        }))
            }
            if Set(found.map(\.threshold)).count > 1 {
                fleet.leaveOut(
                    "\(origin): failure-threshold of several alerts",
                    "a check is down for all channels at once; the smallest counts")
            }
            return found
        }

        private mutating func tell(_ alerts: [Alert], about check: String, group: String?, _ fleet: inout ImportedFleet)
        {
            for alert in alerts {
                guard let channel = channel(alert.type, group: group, &fleet) else { continue }
                fleet.tell(
                    [channel], of: alert.tellsRecovery ? ["down", "silent", "recovered"] : ["down", "silent"],
                    about: check,
                    repeating: alert.reminder)
            }
        }

        private mutating func channel(_ type: String, group: String?, _ fleet: inout ImportedFleet) -> String? {
            let overrides = alerting[type]?["overrides"]?.array ?? []
            let override = group.flatMap { group in overrides.first { $0["group"]?.string == group } }
            let key = override == nil ? type : "\(type) \(group ?? "")"
            if let known = channels[key] { return known.isEmpty ? nil : known }
            channels[key] = ""
            let origin = "alerting.\(key)"
            guard var settings = alerting[type] else {
                fleet.leaveOut(origin, "endpoints name it and `alerting` does not have it")
                return nil
            }
            if let override {
                settings = .object(
                    (settings.members ?? []).filter { override[$0.name] == nil }
                        + (override.members ?? []).filter { $0.name != "group" })
            }
            let name = fleet.channelName(key)
            var entry = ImportedFleet.Entry(section: .channels, key: name, origin: origin)
            var record = ForeignRecord(settings, origin: origin)
            record.ignore(["default-alert", "overrides", "title"])
            func secret(_ there: String, _ here: String, _ what: String, isNeeded: Bool = true) {
                guard let value = record.text(there) else { return }
                let own = ownVariables(value, isNeeded: false, "\(what) of channel \(name)", &fleet)
                entry.set(
                    here, to: own ?? fleet.secret("\(name) \(what)", "\(what) of channel \(name)"), isNeeded: isNeeded)
            }
            switch type {
            case "discord": secret("webhook-url", "discord", "webhook")
            case "slack": secret("webhook-url", "slack", "webhook")
            case "teams-workflows": secret("webhook-url", "teams", "webhook")
            case "googlechat": secret("webhook-url", "google_chat", "webhook")
            case "pagerduty": secret("integration-key", "pagerduty", "key")
            case "telegram":
                secret("token", "telegram", "token")
                if let chat = record.text("id") {
                    entry.set(
                        "chat",
                        to: ownVariables(chat, isNeeded: false, "chat of channel \(name)", &fleet)
                            ?? ImportedText.quoted(chat), isNeeded: true)
                }
                if let api = record.text("api-url") { entry.set("api", to: ImportedText.quoted(api)) }
            case "ntfy":
                if record.text("topic") != nil {
                    record.ignore(["url"])
                    entry.set(
                        "ntfy", to: fleet.secret("\(name) topic", "https://SERVER/TOPIC of channel \(name)"),
                        isNeeded: true)
                }
                secret("token", "token", "token", isNeeded: false)
            case "email", "sendgrid":
                let to = (record.text("to") ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                entry.set("email", to: ImportedText.list(to), isNeeded: true)
                let from = record.text("from") ?? ""
                entry.set("from", to: ImportedText.quoted(from), isNeeded: true)
                if type == "sendgrid" {
                    entry.set("api", to: "sendgrid")
                    secret("api-key", "key", "key")
                } else {
                    let port = Int(record.number("port") ?? 587)
                    entry.set(
                        "smtp",
                        to: ImportedText.quoted(
                            "\(port == 465 ? "smtps" : "smtp")://\(record.text("host") ?? ""):\(port)"), isNeeded: true)
                    let user = record.text("username")
                    if record.text("password") != nil {
                        entry.set("user", to: ImportedText.quoted(user ?? from))
                        entry.set("password", to: fleet.secret("\(name) password", "password of channel \(name)"))
                    }
                    if record.take("client")?["insecure"]?.bool ?? false { entry.set("verify_tls", to: "false") }
                }
            case "custom":
                fleet.leaveOut(
                    origin,
                    "a request of one's own making has no counterpart; a `webhook` sends JSON of one form, a `command` gets it"
                )
                return nil
            default:
                fleet.leaveOut(origin, "\(type) is no kind of channel here; a `webhook` or a `command` may do")
                return nil
            }
            for key in record.rest { fleet.leaveOut("\(origin): \(key)", "it has no counterpart here") }
            fleet.add(entry)
            channels[key] = name
            return name
        }

        /// Providers that no endpoint asks for.
        func tellUnused(_ fleet: inout ImportedFleet) {
            for member in alerting.members ?? []
            where !channels.keys.contains(where: { $0 == member.name || $0.hasPrefix("\(member.name) ") }) {
                fleet.leaveOut("alerting.\(member.name)", "no endpoint has an alert of this type")
            }
        }

        // MARK: Maintenance

        func maintenance(_ window: JSONValue, _ origin: String, about check: String?, _ fleet: inout ImportedFleet) {
            var record = ForeignRecord(window, origin: origin)
            if record.flag("enabled") == false { return fleet.leaveOut(origin, "it is switched off") }
            let start = (record.text("start") ?? "").split(separator: ":").compactMap { Int($0) }
            guard start.count == 2, let length = record.text("duration").flatMap(seconds) else {
                return fleet.leaveOut(origin, "its start or its duration is not understood")
            }
            let days = record.list("every").compactMap { $0.string.map { String($0.prefix(3)) } }
            var entry = ImportedFleet.Entry(section: .maintenance, key: nil, origin: origin)
            let number = fleet.entries.count { $0.section == .maintenance } + 1
            entry.set("name", to: ImportedText.quoted(check.map { "\($0) \(number)" } ?? "maintenance"), isNeeded: true)
            entry.set(
                "schedule",
                to: ImportedText.quoted(
                    "\(start[1]) \(start[0]) * * \(days.isEmpty ? "*" : days.joined(separator: ",")) \(record.text("timezone") ?? "UTC")"
                ),
                isNeeded: true)
            entry.set("for", to: ImportedText.seconds(length, within: 60...2_678_400), isNeeded: true)
            entry.targets = check.map { [$0] }
            for key in record.rest { fleet.leaveOut("\(origin): \(key)", "it has no counterpart here") }
            fleet.add(entry)
        }

        // MARK: Values

        /// A duration of Go: `1h30m`, `1.5h`, `300ms`.
        private func seconds(_ text: String) -> Double? {
            var rest = Substring(text)
            var total = 0.0
            guard !rest.isEmpty else { return nil }
            while !rest.isEmpty {
                let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
                rest = rest.dropFirst(digits.count)
                let unit = rest.prefix { $0.isLetter }
                rest = rest.dropFirst(unit.count)
                guard let number = Double(digits),
                    let factor = ["ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3_600][
                        String(unit)]
                else { return nil }
                total += number * factor
            }
            return total.isFinite ? total : nil
        }

        private func written(
            _ url: String, in entry: inout ImportedFleet.Entry, _ name: String, _ fleet: inout ImportedFleet
        ) -> String {
            ownVariables(url, isNeeded: true, "part of the address of \(name)", &fleet)
                ?? fleet.address(url.replacing("$$", with: "$"), in: &entry, name: name)
        }

        /// Text with Gatus's own variables (`$NAME`, `${NAME}`; `$$` is a dollar sign) as the fleet file has them; nil for one without any.
        private func ownVariables(_ text: String, isNeeded: Bool, _ what: String, _ fleet: inout ImportedFleet)
            -> String?
        {
            guard text.contains("$") else { return nil }
            var pieces: [ImportedText.Piece] = []
            var rest = Substring(text)
            var hasOne = false
            while let dollar = rest.firstIndex(of: "$") {
                pieces.append(.init(text: String(rest[..<dollar])))
                rest = rest[rest.index(after: dollar)...]
                if rest.first == "$" {
                    pieces.append(.init(text: "$"))
                    rest = rest.dropFirst()
                    continue
                }
                let isBraced = rest.first == "{"
                let name = (isBraced ? rest.dropFirst() : rest).prefix {
                    $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")
                }
                guard !name.isEmpty else {
                    pieces.append(.init(text: "$"))
                    continue
                }
                rest = rest.dropFirst(name.count + (isBraced ? 1 : 0))
                if isBraced, rest.first == "}" { rest = rest.dropFirst() }
                pieces.append(.init(text: fleet.ownVariable(String(name), what, isNeeded: isNeeded), isVariable: true))
                hasOne = true
            }
            pieces.append(.init(text: String(rest)))
            guard hasOne else { return nil }
            // Text beside a variable may be a secret as well: then all of it is one.
            let plain = pieces.filter { !$0.isVariable }.map(\.text).joined()
            return Redaction.text(plain) == plain ? ImportedText.joined(pieces) : nil
        }
    }
}
