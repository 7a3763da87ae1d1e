import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// Plan and apply by the forms of /deploys, by a running server against a simulated Hub.
    @Suite(.timeLimit(.minutes(4))) struct DeployPageTests {
        private static let secret = "hunter2-of-the-page"

        private static func fleet(_ hub: HubScratch, secrets: Bool = true, replicas: Int = 2) -> String {
            """
            hub: { namespace: maren, token: hf_maren, endpoint: "\(hub.endpoint)" }
            rollout: { canary: 1, then: 1, within: 60s }
            serve: { self_ping: off }
            keep: { every: 1h }
            spaces:

            """
                + (1...replicas).map { number in
                    "  app-\(number): { deploy: { from: ./app, sdk: docker, visibility: public\(secrets && number == 1 ? ", secrets: [API_KEY]" : "") } }\n"
                }.joined()
        }

        private static func write(_ hub: HubScratch, app: String) throws {
            try FileManager.default.createDirectory(
                atPath: hub.scratch.path + "/app", withIntermediateDirectories: true)
            try hub.scratch.write("---\ntitle: App\nsdk: docker\n---\n", to: "app/README.md")
            try hub.scratch.write("FROM scratch\nCOPY . .\n", to: "app/Dockerfile")
            try hub.scratch.write(app, to: "app/app.py")
        }

        private static func post(_ server: Server, _ path: String, _ form: String = "x=1") async throws -> Reply {
            try await HTTP.call(
                server.address + path,
                server.authorization.merging(
                    ["Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"]
                ) { $1 }, method: .POST, body: form)
        }

        /// The digest of the plan that the page shows.
        private static func digest(_ page: String) throws -> String {
            let match = try #require(
                page.firstMatch(of: #/name="digest" value="([0-9a-f]{64})"/#), "\(page.suffix(3000))")
            return String(match.1)
        }

        private static func plan(_ server: Server) async throws -> String {
            _ = try await post(server, "/deploys")
            return try await server.get("/deploys", server.authorization).body
        }

        private static func end(_ server: Server) async throws -> JSON {
            try await Wait.for("the end of the deploy", within: .seconds(90)) {
                let newest = try #require(
                    try await server.get("/api/v1/deploys", server.authorization).json.items.array.first)
                guard newest.state.string != "running" else { throw Server.Unlike(seen: "\(newest)") }
                return newest
            }
        }

        @Test func whatWasLookedAtIsAppliedInWaves() async throws {
            try await HubScratch.with("deploy-page", scene: "empty", speed: 60) { hub in
                try Self.write(hub, app: "print(1)\n")
                let server = try await hub.scratch.serve(
                    Self.fleet(hub), environment: ["API_KEY": Self.secret])
                let first = try await Self.plan(server)
                #expect(first.contains("2 Spaces will change") && first.contains("In waves"))
                #expect(first.contains("Apply this plan?"))
                let seen = try Self.digest(first)

                // Somebody was quicker: the form's plan is another one now, and the page shows it as it is.
                try Self.write(hub, app: "print(2)\n")
                let stale = try await Self.post(server, "/deploys/apply", "digest=\(seen)")
                #expect(stale.body.contains("it is another one now"), "\(stale.body.prefix(3000))")
                let fresh = try Self.digest(stale.body)
                #expect(fresh != seen)
                #expect(try await server.get("/api/v1/deploys", server.authorization).json.items.array.isEmpty)

                let begun = try await Self.post(server, "/deploys/apply", "digest=\(fresh)")
                #expect(begun.status == 200 || begun.status == 303, "\(begun.status)")
                let done = try await Self.end(server)
                #expect(done.state.string == "done", "\(done)")
                #expect(done.waves.array.map { $0.array.compactMap(\.string) } == [["maren/app-1"], ["maren/app-2"]])
                let past = try await server.get("/deploys/past", server.authorization).body
                #expect(past.contains("Wave 1</h3>") && past.contains("runs and answers"))
                #expect(try await Self.plan(server).contains("Nothing will change"))

                // A bad release: stopped at the canary, its cause and the way back are on the page.
                try Self.write(hub, app: "print(3)\n")
                try await hub.admin("spaces/maren/app-1/fate", #"{"next": ["build-error"]}"#)
                let bad = try Self.digest(try await Self.plan(server))
                _ = try await Self.post(server, "/deploys/apply", "digest=\(bad)&rollback=yes")
                let stopped = try await Self.end(server)
                #expect(stopped.state.string == "stopped", "\(stopped)")
                let page = try await server.get("/deploys/past", server.authorization).body
                #expect(
                    page.contains("went back") && page.contains("untouched")
                        && page.contains("The last lines of its log"))
                #expect(page.contains("Job failed with exit code") || page.contains("Cause: "), "\(page.prefix(6000))")
                let app = try await HTTP.call(hub.endpoint + "/spaces/maren/app-1/resolve/main/app.py").body
                #expect(app == "print(2)\n")
                for text in [first, stale.body, past, page] { #expect(!text.contains(Self.secret)) }
                #expect(!server.process.errors.contains(Self.secret))
            }
        }

        @Test func secretsAreRemovedWithAYesOfTheirOwn() async throws {
            try await HubScratch.with("deploy-page-secrets", scene: "empty", speed: 60) { hub in
                try Self.write(hub, app: "print(1)\n")
                let server = try await hub.scratch.serve(
                    Self.fleet(hub, replicas: 1), environment: ["API_KEY": Self.secret])
                _ = try await Self.post(
                    server, "/deploys/apply", "digest=\(try Self.digest(try await Self.plan(server)))")
                #expect(try await Self.end(server).state.string == "done")

                try hub.scratch.write(Self.fleet(hub, secrets: false, replicas: 1), to: "serve.yaml")
                server.process.send(SIGHUP)
                let page = try await Wait.for("the new fleet file") {
                    let page = try await Self.plan(server)
                    guard page.contains("allow:app-1") else { throw Server.Unlike(seen: "") }
                    return page
                }
                #expect(page.contains("name=\"allow:app-1\" value=\"yes\" required"))
                let digest = try Self.digest(page)
                let refused = try await Self.post(server, "/deploys/apply", "digest=\(digest)")
                #expect(refused.body.contains("removes the secret API_KEY"), "\(refused.body.prefix(3000))")
                #expect(try await hub.state("maren/app-1").secrets.keys == ["API_KEY"])
                _ = try await Self.post(server, "/deploys/apply", "digest=\(digest)&allow%3Aapp-1=yes")
                try await Wait.until("the secret is gone") {
                    try await hub.state("maren/app-1").secrets.keys.isEmpty
                }
                #expect(try await Self.end(server).state.string == "done")
            }
        }
    }
}
