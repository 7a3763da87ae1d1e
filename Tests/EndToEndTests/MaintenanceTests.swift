import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// Maintenance with the built program: from the command line and over REST, over kill -9, with a real receiver of messages.
    @Suite(.timeLimit(.minutes(3))) struct MaintenanceTests {
        private static func fleet(_ web: Nginx, file: String) -> String {
            ServeTests.fleet(
                [
                    ServeTests.quick("good", web.address + "/good"), ServeTests.quick("bad", web.address + "/bad"),
                    ServeTests.quick("worse", web.address + "/bad"),
                ],
                more: """
                    channels: { team: { webhook: "\(web.address)/hook" } }
                    notify: [ { to: team, on: [down, recovered] } ]
                    \(file)
                    """)
        }

        private static func moment(_ ahead: TimeInterval) -> String {
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.timeZone = TimeZone(identifier: "UTC")
            format.dateFormat = "yyyy-MM-dd HH:mm"
            return format.string(from: Date(timeIntervalSinceNow: ahead))
        }

        @Test func itOutlivesAKillAndShowsEverywhere() async throws {
            try await Scratch.with("maintenance") { scratch in
                let web = try await scratch.nginx(
                    "location /bad { return 500; } location /hook { return 200; } location / { return 200; }")
                // Two in maintenance by the file before the first ping, one by hand.
                let file =
                    "maintenance: [ { name: move, from: \"\(Self.moment(-3_600))\", until: \"\(Self.moment(7_200))\", targets: [bad, worse] } ]"
                let text = Self.fleet(web, file: file)
                let first = try await scratch.serve(text, name: "first")
                try await first.wait(for: "good", toBe: "up")
                try await first.wait(for: "bad", toBe: "down")
                try await first.wait(for: "worse", toBe: "down")
                let connection = ["--server", first.address, "--token", first.token ?? ""]
                let begun = try await scratch.run(
                    Binary.path,
                    ["maintenance", "start", "good", "--for", "2h", "--name", "disk", "--by", "mara", "--json"]
                        + connection)
                #expect(begun.exit == .code(0), "\(begun.errors)")
                let id = try ClientCommandTests.json(begun).id.string
                #expect(try await first.check("good").maintenance.id.string == id)
                #expect(try await first.json("/api/v1/overview").in_maintenance.int == 3)
                try await Wait.until("bad's incident is on disk") { try await first.incidents(of: "bad").count == 1 }
                first.process.send(SIGKILL)
                #expect(try await first.process.waitForExit() == .signal(SIGKILL))

                let second = try await scratch.serve(text, name: "second")
                try await second.wait(for: "good", toBe: "up")
                #expect(try await second.check("good").maintenance.id.string == id)
                let before = try await second.check("bad").last_ping
                try await Wait.until("bad is pinged on") { try await second.check("bad").last_ping != before }
                #expect(try await web.answered("/hook") == 0, "nobody is told")
                let bad = try await second.check("bad")
                #expect(bad.verdict.string == "down" && bad.maintenance.name.string == "move")
                #expect(bad.reason.string?.contains("in maintenance until") == true)
                let day = bad.uptime["24h"]
                #expect(day.down_seconds.double == 0 && (day.maintenance_seconds.double ?? 0) > 0)
                let status = try await scratch.stoker("status", "bad", "--server", second.address)
                #expect(status.output.contains("of maintenance left out"), "\(status.output)")
                let all = try await scratch.stoker("status", "--server", second.address)
                #expect(all.output.contains("in maintenance until"), "\(all.output)")
                #expect(try await second.get("/badge/bad.svg").body.contains("bad: maintenance"))
                #expect(try await second.get("/metrics").body.contains("stoker_checks_in_maintenance 3\n"))
                #expect(try await second.get("/maintenance").body.contains("mara"))

                // Over REST it is ended.
                let stopped = try await second.post(
                    "/api/v1/maintenance/stop", #"{"id": "move"}"#,
                    second.authorization.merging(["content-type": "application/json"]) { own, _ in own })
                #expect(stopped.status == 200, "\(stopped.body)")
                #expect(try stopped.json.stopped == .bool(true))
                #expect(try await second.json("/api/v1/overview").in_maintenance.int == 1)
                let listed = try await scratch.stoker("maintenance", "list", "--server", second.address)
                #expect(listed.output.contains("disk") && listed.output.contains("over"), "\(listed.output)")
            }
        }
    }
}
