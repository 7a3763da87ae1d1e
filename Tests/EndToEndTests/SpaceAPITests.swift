import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// Operations on Spaces by REST: a server with an account on a simulated Hub.
    @Suite(.timeLimit(.minutes(3))) struct SpaceAPITests {
        private static let space = "maren/orbit-api"
        private static let path = "/api/v1/spaces/\(space)"
        private static let secret = "s3cr3t-4711-value"

        private static func with(_ name: String, _ body: (HubScratch, Server) async throws -> Void) async throws {
            try await HubScratch.with(name) { hub in
                let server = try await hub.scratch.serve(
                    """
                    hub: { namespace: maren, token: hf_maren, endpoint: "\(hub.endpoint)", discover: true }
                    keep: { every: 1h, timeout: 3s, retry: off }
                    serve: { self_ping: off }

                    """)
                try await body(hub, server)
                for text in [server.process.errors, server.process.output] {
                    #expect(!text.contains(secret) && !text.contains("hf_maren"))
                }
            }
        }

        private static func call(
            _ server: Server, _ method: HTTPMethod, _ path: String, _ body: String = "",
            _ headers: [String: String] = [:]
        ) async throws -> Reply {
            try await HTTP.call(
                server.address + path, server.authorization.merging(headers) { $1 }, method: method, body: body,
                limit: .seconds(60))
        }

        /// By REST the checklist knows what this server itself has seen; a Space that nobody visits fails by it.
        @Test func theChecklistCountsTheServersOwnRecord() async throws {
            try await Self.with("audit-api") { hub, server in
                try await server.wait(for: "orbit-api", toBe: "up")
                let reply = try await Self.call(server, .GET, "/api/v1/audit?spaces=\(Self.space)")
                #expect(reply.status == 200, "\(reply.body)")
                let space = try #require(try reply.json.spaces.array.first)
                let points = space.points.array
                #expect(
                    points.map { $0.point.string ?? "" } == [
                        "health-endpoint", "kept-alive", "state-remote", "restart-restores", "recovery-visible",
                    ])
                #expect(points[1].standing.string == "ok" && points[1].because.string?.contains("answers") == true)
                let all = try await Self.call(server, .GET, "/api/v1/audit?visit=false").json
                #expect(all.spaces.array.count > 1)
                #expect(all.spaces.array.allSatisfy { $0.points.array.count == 5 })
                #expect(
                    all.spaces.array.flatMap { $0.points.array }.contains {
                        $0.because.string?.contains("that was not wanted") == true
                    })
                let odd = try await Self.call(server, .GET, "/api/v1/audit?visit=perhaps")
                #expect(odd.status == 400, "\(odd.status) \(odd.body)")
            }
        }

        @Test func aSpaceIsLookedAtAndRestarted() async throws {
            try await Self.with("space-api") { hub, server in
                let runtime = try await Self.call(server, .GET, Self.path + "/runtime")
                #expect(runtime.status == 200, "\(runtime.body)")
                #expect(try runtime.json.stage.string == "RUNNING")
                let before = try await hub.state(Self.space).restarts.int
                let restart = try await Self.call(server, .POST, Self.path + "/restart")
                #expect(restart.status == 200, "\(restart.body)")
                #expect(try restart.json.space.string == Self.space)
                let listed = try await Self.call(server, .GET, "/api/v1/spaces?author=maren").json.spaces.array
                #expect(listed.contains { $0.space.string == Self.space })
                if let before { #expect(try await hub.state(Self.space).restarts.int != before) }
                let odd = try await Self.call(server, .POST, Self.path + "/restart", #"{"factroy": true}"#)
                #expect(odd.status == 400 && odd.body.contains("did you mean"), "\(odd.body)")
                let missing = try await Self.call(server, .GET, "/api/v1/spaces/maren/nobody/runtime")
                #expect(missing.status == 404, "\(missing.body)")
                #expect(try missing.json.error.code.string == "hub.not_found")
                // The same by the command line, which has no account of its own here.
                let child = try await hub.scratch.run(
                    Binary.path, ["space", "runtime", Self.space, "--server", server.address, "--json"],
                    environment: ["STOKER_DATA": hub.scratch.path + "/data"])
                #expect(child.exit == .code(0), "\(child.tail)")
                #expect(try ClientCommandTests.json(child).space.string == Self.space)
            }
        }

        @Test func theAccountIsNotForOtherUsersOfTheMachine() async throws {
            try await Self.with("space-api-others") { hub, server in
                #expect(server.token?.count == 32)
                let file = hub.scratch.path + "/data/token"
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                #expect(mode == 0o600)
                let restarts = try await hub.state(Self.space).restarts.int
                for (method, path) in [
                    (HTTPMethod.POST, Self.path + "/restart"), (.GET, Self.path + "/secrets"),
                    (.GET, Self.path + "/contents?files=README.md"), (.GET, Self.path + "/logs"),
                    (.GET, "/api/v1/spaces"),
                    (.PUT, Self.path + "/variables"), (.DELETE, Self.path + "?confirm=true"),
                ] {
                    let refused = try await HTTP.call(server.address + path, [:], method: method, body: "")
                    #expect(refused.status == 401, "\(method) \(path): \(refused.body)")
                }
                #expect(try await hub.state(Self.space).restarts.int == restarts)
                // Reading the fleet stays open, and who has no right to the file is told what is missing.
                #expect(try await HTTP.call(server.address + "/api/v1/overview", [:]).status == 200)
                let stranger = try await hub.scratch.run(
                    Binary.path, ["space", "runtime", Self.space, "--server", server.address],
                    environment: ["STOKER_DATA": hub.scratch.path + "/other"])
                #expect(stranger.exit == .code(3) && stranger.errors.contains("wants its token"), "\(stranger.tail)")
            }
        }

        @Test func secretsAreSetAndNeverShown() async throws {
            try await Self.with("space-api-secrets") { hub, server in
                let body = #"{"values": [{"key": "API_KEY", "value": "\#(Self.secret)"}]}"#
                let set = try await Self.call(server, .PUT, Self.path + "/secrets", body)
                #expect(set.status == 200, "\(set.body)")
                #expect(try set.json.set.array.map(\.string) == ["API_KEY"])
                #expect(!set.body.contains(Self.secret))
                let again = try await Self.call(
                    server, .PUT, Self.path + "/secrets", body, ["accept": "text/event-stream"])
                #expect(again.headers.first(name: "content-type") == "text/event-stream")
                #expect(again.body.contains("event: answer") && again.body.contains("\"unchanged\":[\"API_KEY\"]"))
                #expect(!again.body.contains(Self.secret))
                let two =
                    #"{"values": [{"key": "A", "value": "\#(Self.secret)"}, {"key": "B", "value": "\#(Self.secret)"}]}"#
                let told = try await Self.call(
                    server, .PUT, Self.path + "/secrets", two, ["accept": "application/x-ndjson"])
                let lines = told.body.split(separator: "\n")
                #expect(lines.contains { $0.hasPrefix(#"{"progress":"#) && $0.contains("\"step\":\"pausing\"") })
                #expect(lines.last?.hasPrefix(#"{"answer":"#) == true, "\(told.body)")
                #expect(!told.body.contains(Self.secret))
                let names = try await Self.call(server, .GET, Self.path + "/secrets").json.secrets.array
                #expect(Set(names.compactMap(\.key.string)).isSuperset(of: ["API_KEY", "A", "B"]))

                // Mistakes tell places, never values.
                for wrong in [
                    #"{"values": [{"key": "\#(Self.secret)", "value": "x"}]}"#,
                    #"{"values": [{"key": "A", "vlaue": "\#(Self.secret)"}]}"#,
                    #"{"values": ["\#(Self.secret)"]}"#,
                ] {
                    let reply = try await Self.call(server, .PUT, Self.path + "/secrets", wrong)
                    // A text that is no name is a text all the same.
                    #expect(reply.status == (wrong.contains(#""value""#) ? 409 : 400), "\(reply.body)")
                }
                let badKey = try await Self.call(
                    server, .PUT, Self.path + "/secrets", #"{"values": [{"key": "\#(Self.secret)", "value": "x"}]}"#)
                #expect(!badKey.body.contains(Self.secret), "\(badKey.body)")

                // A value that looks like a secret becomes a variable with a yes only.
                let variable = #"{"values": [{"key": "ACCESS_TOKEN", "value": "\#(Self.secret)"}]"#
                let asked = try await Self.call(server, .PUT, Self.path + "/variables", variable + "}")
                #expect(asked.status == 409, "\(asked.body)")
                #expect(try asked.json.error.code.string == "confirmation_required")
                #expect(asked.body.contains("looks like a secret") && !asked.body.contains(Self.secret))
                let sure = try await Self.call(
                    server, .PUT, Self.path + "/variables", variable + #", "confirm": true}"#)
                #expect(sure.status == 200 && !sure.body.contains(Self.secret), "\(sure.body)")
            }
        }

        @Test func filesComeAndGoAsContents() async throws {
            try await Self.with("space-api-files") { hub, server in
                let content = Data("print('hello')\n".utf8).base64EncodedString()
                let files = #"{"files": [{"path": "src/new.py", "content": "\#(content)"}], "message": "by REST""#
                let sent = try await Self.call(server, .POST, Self.path + "/upload", files + "}")
                #expect(sent.status == 200, "\(sent.body)")
                #expect(try sent.json.written.int == 1)
                #expect(try sent.json.commit.string == (try await hub.state(Self.space).head.string))
                let got = try await Self.call(server, .GET, Self.path + "/contents?files=src/new.py")
                #expect(got.status == 200, "\(got.body)")
                #expect(try got.json.contents[0].content.string == content)
                // No route takes a path of the server's disk.
                for (place, body) in [("/upload", #"{"folder": "/etc"}"#), ("/push", #"{"folder": "/etc"}"#)] {
                    let local = try await Self.call(server, .POST, Self.path + place, body)
                    #expect(local.status == 400 && local.body.contains("is not a parameter"), "\(local.body)")
                }
                let local = try await Self.call(server, .GET, Self.path + "/contents?folder=/tmp/x")
                #expect(local.status == 400 && local.body.contains("is not a parameter"), "\(local.body)")
                let leaving = try await Self.call(
                    server, .POST, Self.path + "/upload",
                    #"{"files": [{"path": "../../x", "content": "\#(content)"}]}"#)
                #expect(leaving.status == 409, "\(leaving.body)")

                let deleting = files + #", "delete": ["*"]"#
                let asked = try await Self.call(server, .POST, Self.path + "/upload", deleting + "}")
                #expect(asked.status == 409 && asked.body.contains("would"), "\(asked.body)")
                let log = try await Self.call(server, .GET, Self.path + "/logs?lines=5")
                #expect(log.status == 200, "\(log.body)")
                let endless = try await Self.call(server, .GET, Self.path + "/logs?follow=true")
                #expect(endless.status == 409 && endless.body.contains("text/event-stream"), "\(endless.body)")
            }
        }

        @Test func commitsArePushedAsABundle() async throws {
            try await Self.with("space-api-push") { hub, server in
                let source = hub.endpoint + "/spaces/\(Self.space)"
                for arguments in [
                    ["clone", "--quiet", source, "copy"],
                    [
                        "-C", "copy", "-c", "user.name=m", "-c", "user.email=m@example.org", "commit", "--quiet",
                        "--allow-empty", "-m", "by REST",
                    ], ["-C", "copy", "bundle", "create", "--quiet", "../bundle", "HEAD"],
                ] {
                    let child = try await hub.scratch.run("git", arguments)
                    #expect(child.exit == .code(0), "\(arguments): \(child.tail)")
                }
                let bundle = try Data(contentsOf: URL(fileURLWithPath: hub.scratch.path + "/bundle"))
                let pushed = try await Self.call(
                    server, .POST, Self.path + "/push", #"{"bundle": "\#(bundle.base64EncodedString())"}"#)
                #expect(pushed.status == 200, "\(pushed.body)")
                #expect(try pushed.json.commit.string == (try await hub.state(Self.space).head.string))
                let junk = try await Self.call(server, .POST, Self.path + "/push", #"{"bundle": "aGVsbG8="}"#)
                #expect(junk.status == 409 && junk.body.contains("bundle"), "\(junk.body)")
                // A file that leads git to another repository of the server's disk is none.
                let other = Data("gitdir: \(hub.scratch.path)/copy/.git\n".utf8).base64EncodedString()
                let led = try await Self.call(server, .POST, Self.path + "/push", #"{"bundle": "\#(other)"}"#)
                #expect(led.status == 409 && led.body.contains("that is no git bundle"), "\(led.body)")
                let wrong = try await Self.call(
                    server, .POST, Self.path + "/push",
                    #"{"bundle": "\#(bundle.base64EncodedString())", "ref": "nowhere"}"#)
                #expect(wrong.status == 409 && wrong.body.contains("the bundle has no commit"), "\(wrong.body)")
            }
        }

        @Test func whatDestroysNeedsAnAdminAndAYes() async throws {
            try await Self.with("space-api-delete") { hub, server in
                let made = try await Self.call(server, .POST, "/api/v1/tokens", #"{"name": "ci", "scope": "operate"}"#)
                #expect(made.status == 200, "\(made.body)")
                let token = try #require(try made.json.token.string)
                let small = try await Self.call(
                    server, .DELETE, Self.path + "?confirm=true", "", ["authorization": "Bearer \(token)"])
                #expect(small.status == 403 && small.body.contains("needs the scope admin"), "\(small.body)")
                let unsure = try await Self.call(server, .DELETE, Self.path)
                #expect(unsure.status == 409, "\(unsure.body)")
                #expect(unsure.body.contains("Delete \(Self.space) with its files"), "\(unsure.body)")
                #expect(try await hub.state(Self.space).head.string != nil)
                let gone = try await Self.call(server, .DELETE, Self.path + "?confirm=true")
                #expect(gone.status == 200, "\(gone.body)")
                #expect(try gone.json.deleted == .bool(true))
            }
        }

        @Test func aServerWithoutAnAccountSaysSo() async throws {
            try await Scratch.with("space-api-none") { scratch in
                let server = try await scratch.serve("version: 1\nserve: { self_ping: off }\n")
                let reply = try await Self.call(server, .GET, "/api/v1/spaces")
                #expect(reply.status == 503, "\(reply.body)")
                #expect(try reply.json.error.code.string == "hub.no_account")
            }
        }
    }
}
