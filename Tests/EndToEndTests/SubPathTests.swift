import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `serve.public_url` with a path, behind a real nginx that takes the path away, or does not.
    @Suite(.timeLimit(.minutes(3))) struct SubPathTests {
        @Test(arguments: [true, false]) func everythingWorksBelowThePath(isTakenAway: Bool) async throws {
            try await Scratch.with("sub-path") { scratch in
                let port = try Port.free()
                let outside = "http://127.0.0.1:\(port)/tools/stoker"
                let token = "a-token-for-the-path"
                let server = try await scratch.serve(
                    """
                    serve: { self_ping: off, public_url: "\(outside)" }
                    heartbeats: { job: { every: 1h } }

                    """, environment: ["STOKER_TOKEN": token])
                let nginx = try await scratch.nginx(
                    """
                    location = /is-it-up { return 200; }
                    location /tools/stoker/ {
                        proxy_pass \(server.address)\(isTakenAway ? "/" : "");
                        proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
                        proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
                    }
                    """, port: port)
                #expect(nginx.port == port)
                func curl(_ path: String, _ more: String...) async throws -> String {
                    try await scratch.run("curl", ["-sS", "-m", "10"] + more + [outside + path]).output
                }
                func status(_ path: String, _ more: String...) async throws -> String {
                    try await scratch.run(
                        "curl", ["-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"] + more + [outside + path]
                    ).output
                }

                // A page, and everything that it names.
                let page = try await curl("/", "-H", "Accept: text/html")
                let places = page.matches(of: #/(?:href|src|action)="(\/[^"]*)"/#).map { String($0.1) }
                #expect(places.count > 5 && places.allSatisfy { $0.hasPrefix("/tools/stoker/") }, "\(places)")
                for place in Set(places) where !place.contains("/actions/") && !place.contains("/logout") {
                    let answer = try await scratch.run(
                        "curl",
                        [
                            "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Accept: text/html",
                            "http://127.0.0.1:\(port)" + place.replacing("&amp;", with: "&"),
                        ])
                    #expect(["200", "303"].contains(answer.output), "\(place): \(answer.output)")
                }
                for path in [
                    "/health", "/status", "/metrics", "/targets/job", "/badge/job.svg", "/badge/job.json?kind=awake",
                    "/api/v1/checks",
                ] {
                    #expect(try await status(path) == "200", "\(path)")
                }

                // Live events come through.
                let events = try await scratch.run(
                    "curl", ["-sSN", "-m", "3", "-H", "Accept: text/event-stream", outside + "/events"])
                #expect(events.output.contains("event: hello"))

                // Logging in leads back to a place below the path, with a cookie for it alone.
                let jar = scratch.path + "/cookies"
                let login = try await curl(
                    "/login", "-i", "-c", jar, "-H", "Origin: http://127.0.0.1:\(port)", "-H", "Accept: text/html",
                    "--data-urlencode", "token=\(token)", "--data-urlencode", "next=/tools/stoker/targets/job")
                #expect(login.contains("/tools/stoker/targets/job") && login.contains("Path=/tools/stoker"), "\(login)")
                let inside = try await curl("/targets/job", "-b", jar, "-H", "Accept: text/html")
                #expect(inside.contains("/tools/stoker/logout"))
                let paused = try await curl(
                    "/actions/pause", "-i", "-b", jar, "-H", "Origin: http://127.0.0.1:\(port)", "-H",
                    "Accept: text/html",
                    "--data-urlencode", "name=job", "--data-urlencode", "from=/targets/job")
                #expect(paused.contains("303") && paused.contains("/tools/stoker/targets/job"), "\(paused)")
                #expect(try await curl("/api/v1/checks/job").contains("\"verdict\":\"paused\""))
            }
        }
    }
}
