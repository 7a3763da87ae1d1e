import Deployment
import Operations
import StokerCore
import TestSupport
import Testing

/// Files of other tools become fleet files; what does not is told, and no secret is copied.
@Suite struct ImportFleetTests {
    struct Imported {
        var answer: JSONValue
        var fleet: Fleet
        var text: String { answer["content"]?.string ?? "" }
        var left: [String] {
            (answer["left_out"]?.array ?? []).map { "\($0["what"]?.string ?? ""): \($0["why"]?.string ?? "")" }
        }
        var variables: [String] { (answer["variables"]?.array ?? []).compactMap { $0["name"]?.string } }
        func check(_ name: String) throws -> Check { try #require(fleet.checks.first { $0.name == name }) }
    }

    /// Read by the same reader as `check-config`, as somebody would who has set nothing yet.
    static func read(_ tool: ForeignTool, _ text: String, _ given: [String: String] = [:]) async throws -> Imported {
        let answer = try await Operations.Operation.importFleet.call(
            [("tool", .string(tool.rawValue)), ("text", .string(text))],
            in: OperationContext(now: { Instant(seconds: 1_000_000) }))
        #expect(problems(of: answer, as: .shape(Operations.Operation.importFleet.answer), at: "answer") == [])
        let file = FleetText(name: "fleet.yaml", text: answer["content"]?.string ?? "", variables: given)
        return Imported(answer: answer, fleet: try file.read().get())
    }

    // MARK: Gatus

    static let gatus = """
        x-usual: &usual
          interval: 5m
          alerts: [{ type: slack }, { type: pagerduty, failure-threshold: 5, send-on-resolved: true }]
        storage: { type: sqlite, path: data.db }
        alerting:
          slack:
            webhook-url: "https://hooks.slack.com/services/T000/B000/secretsecretsecret"
            default-alert: { failure-threshold: 3, success-threshold: 2, description: "is ill" }
            overrides: [{ group: internal, webhook-url: "https://hooks.slack.com/services/T000/B111/othersecret" }]
          pagerduty: { integration-key: "${PD_KEY}" }
          discord: { webhook-url: "https://discord.com/api/webhooks/1/never-asked-for" }
        maintenance: { start: 23:00, duration: 1h, timezone: Europe/Amsterdam, every: [Monday, Thursday] }
        endpoints:
          - <<: *usual
            name: front end
            group: core
            url: https://example.org/health
            headers: { Authorization: "Bearer abcdefghijklmnop", Accept: application/json }
            conditions: ["[STATUS] == 200", "[BODY].status == UP", "[BODY].queue.length == 3", "[RESPONSE_TIME] < 150", "[CERTIFICATE_EXPIRATION] > 36h", "len([BODY].data) < 5"]
          - { <<: *usual, name: back, group: internal, url: "https://example.org/", client: { timeout: 3s, insecure: true, ignore-redirect: true }, conditions: ["[STATUS] < 300", "[STATUS] >= 201", "[BODY] == pat(*<h1>Fine*</h1>*)"] }
          - { name: by-proxy, url: "https://example.org/", client: { proxy-url: "http://proxy:8080" }, conditions: ["[STATUS] == any(200, 429)"] }
          - { name: dns, url: 8.8.8.8, dns: { query-name: example.com, query-type: A }, conditions: ["[BODY] == 93.184.215.14", "[DNS_RCODE] == NOERROR"] }
          - { name: any-ip, url: "8.8.8.8:5353", dns: { query-name: example.com, query-type: A }, conditions: ["[BODY] == pat(*.*.*.*)"] }
          - { name: ping, url: "icmp://example.org", conditions: ["[CONNECTED] == true"] }
          - { name: port, url: "tcp://${DB_HOST}:5432", interval: 30s, conditions: ["[CONNECTED] == true"], enabled: false, maintenance-windows: [{ start: "07:30", duration: 40m, timezone: Europe/Berlin }] }
          - { name: session, url: "tls://example.org:443", conditions: ["[CERTIFICATE_EXPIRATION] > 240h"] }
          - { name: query, url: "https://example.org/graphql", graphql: true, body: "{ users { id } }", conditions: ["[STATUS] == 200", "[BODY].data == [BODY].x", "[DOMAIN_EXPIRATION] > 720h"] }
        external-endpoints:
          - { name: job, group: core, token: potato-secret, heartbeat: { interval: 30m }, alerts: [{ type: slack, send-on-resolved: true }] }
          - { name: quiet, token: potato }
        """

    @Test func gatusIsCarriedOver() async throws {
        let it = try await Self.read(.gatus, Self.gatus, ["DB_HOST": "db.example.com"])
        #expect(
            it.fleet.checks.map(\.name) == [
                "front-end", "back", "by-proxy", "dns", "any-ip", "port", "session", "query", "job",
            ])
        let front = try it.check("front-end")
        #expect(
            front.policy.every == .seconds(300) && front.policy.group == "core" && front.policy.timeout == .seconds(10))
        #expect(
            front.policy.downAfter == Threshold(failures: 3, of: 3) && front.policy.recheck == .seconds(300)
                && front.policy.retry == [])
        #expect(it.text.contains(#"json: { "$.status": UP, "$.queue.length": 3 }"#))
        #expect(
            it.text.contains("status: 201-299") && it.text.contains("within: 150ms")
                && it.text.contains("certificate_days: 2"))
        #expect(it.text.contains("status: [200, 429]"))
        #expect(try it.check("dns").address == "dns://8.8.8.8/example.com")
        #expect(try it.check("port").address == "tcp://db.example.com:5432")
        #expect(
            try !it.check("port").policy.enabled && !it.check("by-proxy").policy.enabled
                && it.check("back").policy.enabled)
        #expect(try it.check("query").policy.request.method == "POST")
        #expect(it.fleet[MaintenanceSection.section].map(\.name).sorted() == ["maintenance", "port 1"])
        #expect(it.text.contains("\"on\": [down, silent]\n") && it.text.contains("\"on\": [down, silent, recovered]\n"))
        #expect(
            it.variables.contains("PD_KEY") && it.variables.contains("DB_HOST")
                && it.variables.contains("SLACK_WEBHOOK"))
    }

    @Test func whatOfGatusIsLeftOutIsTold() async throws {
        let it = try await Self.read(.gatus, Self.gatus, ["DB_HOST": "db.example.com"])
        for words in [
            "storage: ", "alerting.discord: ", "condition `len([BODY].data) < 5`: ", "client.proxy-url: ",
            "endpoint \"ping\": ", "condition `[DOMAIN_EXPIRATION] > 720h`: ",
            "condition `[BODY].data == [BODY].x`: ", "external endpoint \"quiet\": ",
            "external endpoint \"core/job\": token: ", "success-threshold: ", "failure-threshold of several alerts: ",
            "description",
        ] {
            #expect(it.left.contains { $0.contains(words) }, "\(words) in \(it.left)")
            #expect(it.text.contains("# What could not be carried over:"))
        }
    }

    // MARK: Uptime Kuma

    static let kuma = #"""
        {"version": "1.23.13",
         "notificationList": [
          {"id": 1, "name": "Team chat", "active": true, "isDefault": true, "userId": 1, "config": "{\"name\":\"Team chat\",\"type\":\"discord\",\"discordWebhookUrl\":\"https://discord.com/api/webhooks/1/hooksecret\",\"discordPrefixMessage\":\"hey\"}"},
          {"id": 2, "name": "Mail", "active": true, "userId": 1, "config": "{\"type\":\"smtp\",\"smtpHost\":\"mail.example.com\",\"smtpPort\":465,\"smtpSecure\":true,\"smtpUsername\":\"me\",\"smtpPassword\":\"mailsecret\",\"smtpFrom\":\"a@example.com\",\"smtpTo\":\"b@example.com, c@example.com\"}"},
          {"id": 3, "name": "Matrix", "active": true, "config": "{\"type\":\"matrix\",\"accessToken\":\"matrixsecret\"}"}],
         "monitorList": [
          {"id": 1, "name": "Sites", "type": "group", "active": true, "parent": null, "interval": 60, "childrenIDs": [2]},
          {"id": 2, "name": "Shop (EU)", "type": "http", "parent": 1, "url": "https://user:urlsecret@shop.example.com/?token=querysecret&a=1", "method": "GET", "interval": 60, "retryInterval": 30, "maxretries": 3, "resendInterval": 10, "timeout": 48,
           "accepted_statuscodes": ["200-299", "301"], "maxredirects": 5, "ignoreTls": true, "expiryNotification": true, "active": true, "headers": "{\"X-Api-Key\": \"headersecret\", \"Accept\": \"text/html\"}", "notificationIDList": {"1": true, "3": true}, "tags": [{"name": "prod", "value": "", "color": "#fff"}], "description": "The shop."},
          {"id": 3, "name": "Word", "type": "keyword", "url": "https://example.com", "keyword": "fine", "interval": 300, "active": false, "accepted_statuscodes": ["200-299"], "notificationIDList": [1, 2]},
          {"id": 4, "name": "No word", "type": "keyword", "url": "https://example.com", "keyword": "error", "invertKeyword": true, "interval": 300, "active": true, "accepted_statuscodes": ["200-299"]},
          {"id": 5, "name": "JSON", "type": "json-query", "url": "https://example.com/j", "jsonPath": "state.ready", "expectedValue": "true", "interval": 60, "active": true, "basic_auth_user": "u", "basic_auth_pass": "basicsecret", "accepted_statuscodes": ["200-299"]},
          {"id": 6, "name": "DB", "type": "port", "hostname": "db.example.com", "port": 5432, "interval": 60, "active": true},
          {"id": 7, "name": "Name", "type": "dns", "hostname": "example.com", "dns_resolve_server": "1.1.1.1, 8.8.8.8", "port": 53, "dns_resolve_type": "MX", "interval": 60, "active": true},
          {"id": 8, "name": "Job", "type": "push", "pushToken": "pushsecret", "interval": 3600, "maxretries": 1, "retryInterval": 600, "active": true},
          {"id": 9, "name": "Ping", "type": "ping", "hostname": "example.com", "interval": 60},
          {"id": 10, "name": "Upside", "type": "http", "url": "https://example.com", "upsideDown": true, "interval": 60},
          {"id": 11, "name": "Odd", "type": "http", "url": "ftp://example.com", "interval": 60, "accepted_statuscodes": ["200-299"]},
          {"id": 12, "name": "Proxied", "type": "http", "url": "https://example.com", "proxyId": 1, "interval": 20, "someNewKey": 7, "accepted_statuscodes": ["200-299"]}],
         "proxyList": [{"id": 1, "protocol": "http", "host": "p", "password": "proxysecret"}],
         "maintenanceList": [
          {"id": 1, "title": "Nights", "strategy": "recurring-weekday", "weekdays": [1, 7], "timeRange": [{"hours": 23, "minutes": 30}, {"hours": 1, "minutes": 0}], "dateRange": [], "active": true, "timezoneOption": "Europe/Berlin", "monitors": [{"id": 2}]},
          {"id": 2, "title": "Move", "strategy": "single", "dateRange": ["2026-12-27 15:39:00", "2026-12-28 15:39:00"], "active": true, "timezoneOption": "UTC"},
          {"id": 3, "title": "Odd days", "strategy": "recurring-interval", "intervalDay": 3, "timeRange": [{"hours": 2, "minutes": 0}, {"hours": 3, "minutes": 0}], "active": true}]}
        """#

    @Test func uptimeKumaIsCarriedOver() async throws {
        let it = try await Self.read(.uptimeKuma, Self.kuma)
        #expect(it.fleet.checks.map(\.name) == ["Shop-EU", "Word", "No-word", "JSON", "DB", "Name", "Proxied", "Job"])
        let shop = try it.check("Shop-EU")
        #expect(
            shop.policy.group == "Sites" && shop.policy.downAfter == Threshold(failures: 4, of: 4)
                && shop.policy.recheck == .seconds(30))
        #expect(it.text.contains("verify_tls: false"))
        #expect(it.text.contains("status: [200-299, 301]") && it.text.contains("certificate_days: 14"))
        #expect(try !it.check("Word").policy.enabled && !it.check("Proxied").policy.enabled)
        #expect(try it.check("Name").address == "dns://1.1.1.1/example.com?type=MX")
        #expect(it.text.contains(#"json: { "$.state.ready": true }"#))
        #expect(
            it.text.contains("repeat: 10m")
                && it.fleet[MaintenanceSection.section].map(\.name).sorted() == ["Move", "Nights"])
        for words in [
            "monitor \"Ping\": type ping", "upsideDown", "invertKeyword", "proxyId", "someNewKey", "monitor \"Odd\": ",
            "type matrix", "every 3 days", "tag prod", "pushToken", "isDefault", "discordPrefixMessage",
            "dns_resolve_server",
        ] {
            #expect(it.left.contains { $0.contains(words) }, "\(words) in \(it.left)")
        }
    }

    @Test func noSecretIsCopied() async throws {
        let kuma = try await Self.read(.uptimeKuma, Self.kuma)
        for secret in [
            "hooksecret", "mailsecret", "matrixsecret", "urlsecret", "querysecret", "headersecret", "basicsecret",
            "pushsecret", "proxysecret",
        ] {
            #expect(!kuma.answer.text.contains(secret), "\(secret)")
        }
        let gatus = try await Self.read(.gatus, Self.gatus, ["DB_HOST": "db.example.com"])
        for secret in ["secretsecretsecret", "othersecret", "abcdefghijklmnop", "potato-secret", "never-asked-for"] {
            #expect(!gatus.answer.text.contains(secret), "\(secret)")
        }
        let robot = try await Self.read(.uptimeRobot, Self.robot)
        for secret in ["robotsecret", "robothook", "robotheader"] {
            #expect(!robot.answer.text.contains(secret), "\(secret)")
        }
    }

    // MARK: UptimeRobot

    static let robot = #"""
        {"stat": "ok", "pagination": {"offset": 0, "limit": 50, "total": 7},
         "alert_contacts": [{"id": "0993765", "friendly_name": "Chat", "type": 11, "status": 2, "value": "https://hooks.slack.com/robothook"}, {"id": "2", "friendly_name": "Me", "type": 2, "value": "me@example.com"}],
         "monitors": [
          {"id": 777712827, "friendly_name": "My Web Page", "url": "http://mywebpage.com/", "type": 1, "sub_type": "", "keyword_type": "", "keyword_value": "", "http_username": "u", "http_password": "robotsecret", "port": "", "interval": 300, "status": 2, "create_datetime": 1462565497, "http_method": 1,
           "alert_contacts": [{"id": "0993765", "type": 11, "threshold": 5, "recurrence": 60}], "custom_http_headers": {"X-Token": "robotheader"}, "custom_http_statuses": {"up": [404], "down": [301]},
           "mwindows": [{"id": 1, "type": 3, "friendly_name": "Weekly", "value": "2-4", "start_time": "11:48", "duration": 30, "status": 1}]},
          {"id": 2, "friendly_name": "My FTP", "url": "ftp.example.com", "type": 4, "sub_type": 3, "port": "21", "interval": 60, "status": 0},
          {"id": 3, "friendly_name": "Word", "url": "https://example.com/", "type": 2, "keyword_type": 2, "keyword_value": "Welcome", "http_method": 2, "interval": 300, "status": 2, "alert_contacts": [{"id": "2", "type": 2, "threshold": 0, "recurrence": 0}]},
          {"id": 4, "friendly_name": "No word", "url": "https://example.com/", "type": 2, "keyword_type": 1, "keyword_value": "Error", "interval": 300, "status": 2},
          {"id": 5, "friendly_name": "Ping", "url": "example.com", "type": 3, "interval": 300, "status": 2},
          {"id": 6, "friendly_name": "Job", "url": "https://heartbeat.uptimerobot.com/m6-secret", "type": 5, "interval": 86400, "status": 9}]}
        """#

    @Test func uptimeRobotIsCarriedOver() async throws {
        let it = try await Self.read(.uptimeRobot, Self.robot)
        #expect(it.fleet.checks.map(\.name) == ["My-Web-Page", "My-FTP", "Word", "No-word", "Job"])
        #expect(try it.check("My-Web-Page").policy.request.method == "HEAD")
        #expect(it.text.contains("status: [200-300, 302-399, 404]") && it.text.contains("tcp://ftp.example.com:21"))
        #expect(try !it.check("My-FTP").policy.enabled && it.check("Word").policy.enabled)
        #expect(it.text.contains("repeat: 1h") && it.fleet[MaintenanceSection.section].map(\.name) == ["Weekly"])
        for words in [
            "1 more monitors", "threshold of contact Chat", "alert contact \"Me\"", "keyword_type 1",
            "monitor \"Ping\"", "monitor \"Job\": its address",
        ] {
            #expect(it.left.contains { $0.contains(words) }, "\(words) in \(it.left)")
        }
    }

    // MARK: healthchecks.io

    @Test func healthchecksAreCarriedOver() async throws {
        let it = try await Self.read(
            .healthchecks,
            #"""
            {"checks": [
              {"name": "Filesystem Backup", "slug": "filesystem-backup", "tags": "backup fs", "desc": "Runs every hour", "grace": 600, "n_pings": 1, "status": "up", "methods": "POST", "start_kw": "START", "filter_subject": true,
               "uuid": "31365bce-8da9-4729-8ff3-aaa71d56b712", "ping_url": "https://hc-ping.com/31365bce-8da9-4729-8ff3-aaa71d56b712", "channels": "c1,c2", "timeout": 3600},
              {"name": "Database Backup", "slug": "database-backup", "tags": "", "grace": 1200, "status": "paused", "channels": "c1", "schedule": "15 5 * * *", "tz": "Europe/Riga"},
              {"name": "Systemd", "slug": "", "grace": 60, "status": "new", "schedule": "Mon *-*-* 00:00", "tz": "UTC", "channels": ""}],
             "channels": [{"id": "c1", "name": "Ops", "kind": "slack"}, {"id": "c2", "name": "", "kind": "email"}]}
            """#)
        #expect(it.fleet.checks.map(\.name) == ["filesystem-backup", "database-backup"])
        #expect(
            try it.check("filesystem-backup").policy.every == .seconds(3_600)
                && it.check("filesystem-backup").policy.grace == .seconds(600))
        #expect(it.text.contains("schedule: \"15 5 * * * Europe/Riga\"") && it.text.contains("paused: true"))
        #expect(it.variables == ["OPS_SLACK"] && !it.answer.text.contains("31365bce"))
        for words in [
            "integration \"email\"", "methods", "start_kw", "tag fs", "check \"Systemd\": ", "its ping address",
        ] {
            #expect(it.left.contains { $0.contains(words) }, "\(words) in \(it.left)")
        }
    }

    // MARK: Odd files

    @Test(arguments: [
        (ForeignTool.gatus, "endpoints: ["), (.gatus, "a: 1"), (.gatus, ""), (.uptimeKuma, "[]"),
        (.uptimeKuma, "SQLite format 3\u{0}"), (.uptimeRobot, "{}"),
        (.healthchecks, "{\"checks\": []}"), (.healthchecks, "nonsense"),
    ])
    func aFileOfAnotherKindIsRefused(tool: ForeignTool, text: String) async throws {
        let failure = await #expect(throws: Failure.self) { _ = try await Self.read(tool, text) }
        #expect(failure?.code == .unsuitable && failure?.hint != nil)
    }

    /// Values that would mean something else in YAML, and names that are none.
    @Test func hostileValuesStayValues() async throws {
        let text = #"""
            {"monitorList": [
              {"id": 1, "name": "a\n  evil: { url: x }\n# ${HOME}", "type": "keyword", "url": "https://example.com/?q=${HOME}#x", "keyword": "\"}\n]: - *x &y !!z ${SECRET} \u0001", "interval": 0, "headers": "{\"A: b\\r\\nC\": \"d\"}", "description": "line\nserve: { token: x }", "accepted_statuscodes": ["nonsense"]},
              {"id": 2, "name": "", "type": "http", "url": "", "interval": 1e300}, {"id": 3, "name": "---", "type": 7}, 17, null]}
            """#
        let it = try await Self.read(.uptimeKuma, text)
        #expect(it.fleet.checks.count <= 1 && it.fleet.serve.token == nil)
        #expect(it.left.contains { $0.contains("expect.status") } && it.left.contains { $0.contains("headers") })
    }
}
