import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// The port, asked by others' tools.
    @Suite(.timeLimit(.minutes(3))) struct APITests {
        @Test func jobsCallIn() async throws {
            try await Scratch.with("heartbeats") { scratch in
                let server = try await scratch.serve(
                    """
                    version: 1
                    serve: { self_ping: off }
                    heartbeats:
                      job: { every: 1h, grace: 1m }
                      lost: { every: 1s, grace: 1s }

                    """)
                func call(_ path: String, _ more: String...) async throws -> String {
                    let child = try await scratch.run(
                        "curl",
                        ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-m", "10"] + more + [server.address + path])
                    return child.output
                }
                #expect(try await server.check("job").verdict.string == "unknown")
                #expect(try await call("/api/heartbeats/job") == "200")
                try await server.wait(for: "job", toBe: "up")
                #expect(try await call("/api/v1/heartbeats/job/start") == "200")
                #expect(try await call("/api/heartbeats/job/fail", "-d", "the disk is full") == "200")
                let failed = try await server.wait(for: "job", toBe: "down")
                #expect(failed.cause.string == "heartbeat.failed")
                #expect(try await call("/api/heartbeats/job/0", "-X", "POST") == "200")
                try await server.wait(for: "job", toBe: "up")
                #expect(try await call("/api/v1/heartbeats/job/3") == "200")
                try await server.wait(for: "job", toBe: "down")
                #expect(try await call("/api/heartbeats/job/log", "-d", "only a note") == "200")
                #expect(try await server.check("job").verdict.string == "down")
                #expect(try await call("/api/heartbeats/nobody") == "404")
                #expect(try await call("/api/heartbeats/job/256") != "200")

                #expect(try await call("/api/heartbeats/lost") == "200")
                try await server.wait(for: "lost", toBe: "up", "silent")
                let silent = try await server.wait(for: "lost", toBe: "silent")
                #expect(silent.cause.string == "heartbeat.missed")
            }
        }

        @Test func pingPauseAndResumeByREST() async throws {
            try await Scratch.with("rest") { scratch in
                let web = try await scratch.nginx()
                let server = try await scratch.serve(ServeTests.fleet([ServeTests.hourly("web", web.address + "/web")]))
                try await server.wait(for: "web", toBe: "up")
                #expect(try await server.post("/api/v1/checks/web/ping").status == 200)
                #expect(try await web.answered("/web") == 2)
                #expect(try await server.post("/api/v1/checks/web/pause").status == 200)
                try await server.wait(for: "web", toBe: "paused")
                #expect(try await server.post("/api/v1/checks/web/resume").status == 200)
                #expect(try await server.check("web").verdict.string != "paused")
                let missing = try await server.get("/api/v1/checks/wbe")
                #expect(missing.status == 404)
                #expect(try missing.json.error.code.string == "not_found")
                let foreign = try await server.post("/api/v1/checks/web/pause", "", ["origin": "https://evil.example"])
                #expect(foreign.status == 403)
                #expect(try await server.check("web").verdict.string != "paused")
            }
        }

        @Test func changesArriveWithoutAsking() async throws {
            try await Scratch.with("events") { scratch in
                let web = try await scratch.nginx()
                let server = try await scratch.serve(ServeTests.fleet([ServeTests.hourly("web", web.address + "/web")]))
                try await server.wait(for: "web", toBe: "up")
                var lines: [String] = []
                try await HTTP.stream(server.address + "/events") { line in
                    if lines.isEmpty { _ = try await server.post("/api/v1/checks/web/pause") }
                    lines.append(line)
                    return !(line.hasPrefix("data:") && line.contains("web"))
                }
                #expect(lines.last?.contains("web") == true)
            }
        }

        @Test func metricsAreFineForPrometheus() async throws {
            try await Scratch.with("metrics") { scratch in
                let web = try await scratch.nginx()
                let targets = ["good": "/good", "bad": "/bad"].map { ServeTests.hourly($0, web.address + $1) }
                let server = try await scratch.serve(
                    ServeTests.fleet(targets + [ServeTests.hourly("refused", "http://127.0.0.1:9/")]))
                try await server.wait(for: "good", toBe: "up")
                try await server.wait(for: "refused", toBe: "down")
                let page = try await server.get("/metrics")
                #expect(page.headers.first(name: "content-type")?.contains("version=0.0.4") == true)
                let file = try scratch.write(page.body, to: "metrics.txt")
                let tool = try await scratch.run("promtool", ["check", "metrics"], input: file)
                #expect(tool.exit == .code(0), "\(tool.tail)")
                #expect(tool.errors.isEmpty, "\(tool.errors)")
                #expect(page.body.contains("refused"))
            }
        }

        @Test func secretsAreNowhereToBeSeen() async throws {
            try await Scratch.with("secrets") { scratch in
                let secret = "hf_\(UUID().uuidString.replacingOccurrences(of: "-", with: ""))"
                let admin = "admin-\(UUID().uuidString)"
                // The web server proves that the secret was really sent, and gives it back in its answer.
                let web = try await scratch.nginx(
                    """
                    location /open { if ($http_authorization != "Bearer \(secret)") { return 403; } return 200 "fine"; }
                    location /shut { return 500; }
                    """)
                let fleet = """
                    version: 1
                    serve: { self_ping: off, token: "${ADMIN_TOKEN}" }
                    targets:
                      open: { url: "\(web.address)/open", every: 1h, headers: { Authorization: "Bearer ${WEB_TOKEN}" } }
                      shut: { url: "\(web.address)/shut", every: 1h, retry: [100ms], headers: { X-Api-Key: "${WEB_TOKEN}" } }

                    """
                let environment = ["WEB_TOKEN": secret, "ADMIN_TOKEN": admin]
                let server = try await scratch.serve(
                    fleet, more: ["--log-level", "trace"], environment: environment)
                try await server.wait(for: "open", toBe: "up")
                try await server.wait(for: "shut", toBe: "down")
                #expect(try await server.post("/api/v1/checks/open/ping").status == 401)
                let right = ["authorization": "Bearer \(admin)"]
                #expect(try await server.post("/api/v1/checks/open/ping", "", right).status == 200)

                var seen: [(place: String, text: String)] = []
                for path in [
                    "/", "/status", "/metrics", "/targets/open", "/targets/shut", "/api/v1/overview", "/api/v1/checks",
                    "/api/v1/checks/open", "/api/v1/checks/shut", "/api/v1/checks/open/transcript",
                    "/api/v1/checks/shut/transcript", "/api/v1/events", "/api/v1/incidents", "/api/v1/observations",
                    "/badge/open.svg", "/api/v1/openapi.json",
                ] {
                    let reply = try await server.get(path, right)
                    #expect(reply.status == 200, "\(path)")
                    seen.append(
                        (path, reply.body + reply.headers.map { "\($0.name): \($0.value)" }.joined(separator: "\n")))
                }
                let open = try #require(seen.first { $0.place == "/api/v1/checks/open/transcript" }?.text)
                #expect(open.lowercased().contains("authorization"), "the header is named, its value is not")
                for words in [
                    ["status"], ["status", "open"], ["history"], ["check-config"], ["budget"],
                    ["check", "--format", "json"],
                    ["check"], ["export", "crontab", "--master", server.address],
                ] {
                    let child = try await scratch.run(
                        Binary.path, words,
                        environment: environment.merging(
                            ["STOKER_FLEET": server.fleetFile, "STOKER_SERVER": server.address, "STOKER_TOKEN": admin]
                        ) { $1 })
                    seen.append((words.joined(separator: " "), child.output + child.errors))
                }
                server.process.send(SIGTERM)
                try await server.process.waitForExit()
                seen.append(("the log", server.process.output + server.process.errors))
                for file in try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/data") {
                    let bytes = FileManager.default.contents(atPath: scratch.path + "/data/" + file) ?? Data()
                    seen.append(("data/" + file, String(decoding: bytes, as: UTF8.self)))
                }
                for (place, text) in seen {
                    // Files of the data folder may be empty, such as SQLite's journal after a checkpoint.
                    #expect(!text.isEmpty || place.hasPrefix("data/"), "\(place) said nothing")
                    #expect(!text.contains(secret), "the header's secret is in \(place)")
                    #expect(!text.contains(admin), "the server's token is in \(place)")
                }
            }
        }
    }
}
