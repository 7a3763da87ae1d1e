import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// From the first line to the last signal.
    @Suite(.timeLimit(.minutes(3))) struct ServeTests {
        /// Many targets on one web server, hourly, so that whatever is pinged is pinged for a reason.
        static func fleet(_ targets: [String], more: String = "") -> String {
            """
            version: 1
            serve: { self_ping: off }
            targets:
            \(targets.map { "  " + $0 }.joined(separator: "\n"))
            \(more)

            """
        }
        static func hourly(_ name: String, _ address: String) -> String {
            "\(name): { url: \"\(address)\", every: 1h, timeout: 5s, retry: [100ms], recheck: 1h }"
        }
        static func quick(_ name: String, _ address: String) -> String {
            "\(name): { url: \"\(address)\", every: 1s, timeout: 5s, retry: [100ms], recheck: 1s }"
        }

        @Test func itIsReadyLooksAtEverythingAtOnceAndGoesInPeace() async throws {
            try await Scratch.with("ready") { scratch in
                let web = try await scratch.nginx()
                let names = (1...12).map { "web\($0)" }
                let server = try await scratch.serve(Self.fleet(names.map { Self.hourly($0, web.address + "/\($0)") }))
                #expect(server.address == "http://127.0.0.1:\(server.port)")
                let health = try await server.get("/health")
                #expect(health.status == 200)
                #expect(try health.json.status.string == "alive")
                for name in names { try await server.wait(for: name, toBe: "up") }

                let status = try await server.json("/status")
                #expect(status.targets.array.count == 12)
                #expect(status.uptime_seconds.double != nil)
                let row = status.targets[0]
                #expect(row.url.string == web.address + "/web1")
                #expect(row.interval_seconds.double == 3_600)
                #expect(row.status.string == "up")
                #expect(row.attempts.int == 1)
                #expect(row.failures_in_a_row.int == 0)
                #expect(row.last_ping.isNull == false)
                #expect(try await web.answered().contains { $0.contains("Stoker/") }, "an honest user agent")
                #expect(try await server.get("/").body.contains("web12"))
                #expect(try await server.get("/badge/web1.svg").body.contains("<svg"))

                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
                #expect(server.process.outputLines == ["stoker: serving \(server.address)"])
            }
        }

        @Test func killedInTheMiddleItGoesOnWhereItWas() async throws {
            try await Scratch.with("killed") { scratch in
                let web = try await scratch.nginx("location /bad { return 500; } location / { return 200; }")
                let targets = [Self.hourly("good", web.address + "/good"), Self.hourly("bad", web.address + "/bad")]
                let first = try await scratch.serve(Self.fleet(targets), name: "first")
                let good = try await first.wait(for: "good", toBe: "up")
                try await first.wait(for: "bad", toBe: "down")
                // In the ledger, not only in memory: killed now, at most the last second may be lost.
                try await Wait.until("both are on disk") {
                    try await first.json("/api/v1/observations").items.array.count >= 2
                }
                try await scratch.waitForIncident(in: "data/stoker.sqlite")
                let before = try await first.incidents(of: "bad")
                #expect(before.count == 1)
                first.process.send(SIGKILL)
                #expect(try await first.process.waitForExit() == .signal(SIGKILL))
                #expect(try await scratch.sqlite("data/stoker.sqlite", "PRAGMA integrity_check") == ["ok"])

                // A newcomer is looked at at once; the others are not due for an hour.
                let second = try await scratch.serve(
                    Self.fleet(targets + [Self.hourly("new", web.address + "/new")]), name: "second")
                try await second.wait(for: "new", toBe: "up")
                let again = try await second.check("good")
                #expect(again.verdict.string == "up")
                #expect(again.last_ping == good.last_ping)
                #expect(again.next_due == good.next_due)
                #expect(try await web.answered("/good") == 1)
                #expect(try await second.check("bad").verdict.string == "down")
                let after = try await second.incidents(of: "bad")
                #expect(after.map(\.id) == before.map(\.id))
                #expect(after.first?.began == before.first?.began)
                #expect(after.first?.ended.isNull == true)
            }
        }

        @Test func aTakenPortIsSaidPlainly() async throws {
            try await Scratch.with("port") { scratch in
                let holder = try Port.Holder()
                defer { holder.close() }
                let file = try scratch.write(Self.fleet([Self.hourly("web", "http://127.0.0.1:9/")]), to: "fleet.yaml")
                let child = try await scratch.stoker(
                    "serve", "--fleet", file, "--host", "127.0.0.1", "--port", "\(holder.port)", "--data", "data")
                #expect(child.exit == .code(3))
                #expect(child.output.isEmpty)
                #expect(child.errors.contains("\(holder.port)"))
                #expect(child.errors.contains("in use") || child.errors.contains("taken"))
                let hub = try await scratch.stoker("hub-simulator", "--port", "\(holder.port)")
                #expect(hub.exit == .code(3))
                #expect(hub.errors.contains("the port is taken"))
            }
        }

        @Test func sigtermWithViewersAndPingsInFlightEndsInTime() async throws {
            try await Scratch.with("sigterm") { scratch in
                // Takes connections and never answers.
                let holder = try Port.Holder()
                defer { holder.close() }
                let server = try await scratch.serve(
                    Self.fleet(["hang: { url: \"http://127.0.0.1:\(holder.port)/\", every: 1h, timeout: 60s }"]))
                try await Wait.until("a ping in flight") { (try await server.overview().work.in_flight.int ?? 0) > 0 }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let (opened, open) = AsyncStream.makeStream(of: Void.self)
                    for _ in 0..<20 {
                        group.addTask {
                            do {
                                try await HTTP.stream(server.address + "/events") { line in
                                    if line.isEmpty { open.yield() }
                                    return true
                                }
                            } catch {
                                // Cut at the end of the server: that is how viewers learn of it.
                            }
                        }
                    }
                    var subscribers = opened.makeAsyncIterator()
                    for _ in 0..<20 { _ = await subscribers.next() }
                    server.process.send(SIGTERM)
                    #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
                    try await group.waitForAll()
                }
            }
        }

        @Test func aBadNewFleetFileChangesNothingAndAGoodOneIsTaken() async throws {
            try await Scratch.with("reload") { scratch in
                let web = try await scratch.nginx()
                let one = Self.hourly("one", web.address + "/one")
                let server = try await scratch.serve(Self.fleet([one]))
                try await server.wait(for: "one", toBe: "up")

                try scratch.write(
                    Self.fleet([one, "two: { url: \"\(web.address)/two\", evry: 1h }"]), to: "serve.yaml")
                server.process.send(SIGHUP)
                let rejected = try await Wait.for("the problems to be shown") {
                    let lines = try await server.overview().fleet_file.rejected.array
                    return lines.isEmpty ? nil : lines
                }
                #expect("\(rejected)".contains("evry"))
                #expect("\(rejected)".contains("every"))
                #expect(try await server.json("/api/v1/checks").total.int == 1)
                #expect(try await server.get("/api/v1/checks/two").status == 404)
                #expect(try await server.get("/").body.contains("evry"), "the dashboard says what is wrong")
                #expect(server.process.errors.contains("evry"), "the log says what is wrong")

                try scratch.write(Self.fleet([one, Self.hourly("two", web.address + "/two")]), to: "serve.yaml")
                server.process.send(SIGHUP)
                try await server.wait(for: "two", toBe: "up")
                #expect(try await server.overview().fleet_file.rejected.array.isEmpty)
                #expect(try await web.answered("/one") == 1, "who stayed is not pinged again for it")
                try await server.wait(forEvents: "fleet.rejected", "fleet.reloaded")
            }
        }

        /// A full disk, a writer that was stopped, a file that cannot be read to its end: the fleet stays, and it is said.
        @Test func aFleetFileThatIsNoneChangesNothing() async throws {
            try await Scratch.with("none") { scratch in
                let web = try await scratch.nginx()
                let fleet = Self.fleet([Self.hourly("one", web.address + "/one")])
                let server = try await scratch.serve(fleet)
                try await server.wait(for: "one", toBe: "up")
                func rejected(_ text: String) async throws {
                    server.process.send(SIGHUP)
                    try await Wait.until("\(text) to be told") {
                        "\(try await server.overview().fleet_file.rejected)".contains(text)
                    }
                    #expect(try await server.json("/api/v1/checks").total.int == 1)
                    #expect(try await server.get("/").body.contains(text), "the dashboard says so")
                }
                for (text, said) in [("", "is empty"), ("# all of it\n\n---\n", "is blank")] {
                    try scratch.write(text, to: "serve.yaml")
                    try await rejected(said)
                }
                try FileManager.default.removeItem(atPath: server.fleetFile)
                #expect(mkfifo(server.fleetFile, 0o600) == 0)
                try await rejected("it is a FIFO")
                try FileManager.default.removeItem(atPath: server.fleetFile)
                // Emptied on purpose.
                try scratch.write("version: 1\nserve: { self_ping: off }\n", to: "serve.yaml")
                server.process.send(SIGHUP)
                try await Wait.until("the fleet to be empty") { try await server.overview().total.int == 0 }
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }

        @Test func anEmptyFleetFileAndALedgerThatIsNoFileAreToldAtTheStart() async throws {
            try await Scratch.with("blank") { scratch in
                let fifo = scratch.path + "/ledger.fifo"
                #expect(mkfifo(fifo, 0o600) == 0)
                let server = try await scratch.serve("# nothing\n")
                #expect(server.process.errors.contains("The fleet file is empty"))
                let other = try await scratch.serve(
                    "version: 1\nledger: { path: \(fifo) }\nserve: { self_ping: off }\n", data: "other", name: "other")
                #expect("\(try await other.overview().ledger)".contains("it is a FIFO"))
                for one in [server, other] {
                    one.process.send(SIGTERM)
                    #expect(try await one.process.waitForExit(within: .seconds(5)) == .code(0))
                }
            }
        }

        @Test func aTokenThatCanBeGuessedIsRefused() async throws {
            try await Scratch.with("weak") { scratch in
                let file = try scratch.write(Self.fleet([Self.hourly("web", "http://127.0.0.1:9/")]), to: "fleet.yaml")
                let child = try await scratch.stoker(
                    "serve", "--fleet", file, "--host", "0.0.0.0", "--port", "0", "--data", "data",
                    environment: ["STOKER_TOKEN": "zq"])
                #expect(child.exit == .code(2))
                #expect(child.output.isEmpty)
                #expect(child.errors.contains("16 are the fewest") && child.errors.contains("openssl rand -hex 16"))
                #expect(!child.errors.contains("zq"))
            }
        }

        @Test func aChangedFileIsTakenWithoutASignal() async throws {
            try await Scratch.with("watch") { scratch in
                let web = try await scratch.nginx()
                let one = Self.hourly("one", web.address + "/one")
                let server = try await scratch.serve(Self.fleet([one]))
                try await server.wait(for: "one", toBe: "up")
                try scratch.write(Self.fleet([one, Self.hourly("two", web.address + "/two")]), to: "serve.yaml")
                try await server.wait(for: "two", toBe: "up")
            }
        }

        @Test func jsonLogsAreOneObjectALine() async throws {
            try await Scratch.with("logs") { scratch in
                let server = try await scratch.serve(
                    Self.fleet([Self.hourly("bad", "http://127.0.0.1:9/")]),
                    more: ["--log-format", "json", "--log-level", "debug"])
                try await server.wait(for: "bad", toBe: "down")
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
                let lines = server.process.errorLines
                #expect(!lines.isEmpty)
                for line in lines {
                    let entry = try JSONDecoder().decode(JSON.self, from: Data(line.utf8))
                    #expect(
                        entry.level.string != nil && entry.message.string != nil && entry.time.string != nil, "\(line)")
                }
            }
        }

        @Test func theDemonstrationShowsEveryStory() async throws {
            try await Scratch.with("demo") { scratch in
                let child = try scratch.start(
                    Binary.path, ["demo", "--host", "127.0.0.1", "--port", "0"], name: "demo")
                let server = try await Server.ready(child)
                #expect(try await server.overview().demo == .bool(true))
                #expect(try await server.get("/").body.localizedCaseInsensitiveContains("demonstration"))
                // Passes: it is built and started within a minute.
                try await server.wait(for: "new-release", toBe: "waking")
                try await server.wait(for: "discord-bot", toBe: "up")
                try await server.wait(for: "backoffice", toBe: "up")
                try await server.wait(for: "rag-service", toBe: "slow")
                try await server.wait(for: "image-tagger", toBe: "down")
                let moderated = try await server.wait(for: "remote-desk", toBe: "paused", "down")
                #expect(moderated.cause.string == "space.moderated" || moderated.paused.by.string == "moderation")
                try await server.wait(for: "chat-ui", toBe: "down", within: .seconds(40))
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }
    }
}

extension Scratch {
    /// Asks a SQLite file through Python's own library, as somebody who does not trust ours would.
    func sqlite(_ file: String, _ query: String) async throws -> [String] {
        let script = """
            import sqlite3, sys
            for row in sqlite3.connect(sys.argv[1], timeout=10).execute(sys.argv[2]): print(*row)
            """
        let child = try await run("python3", ["-c", script, file, query])
        guard child.exit == .code(0) else { throw Server.Unlike(seen: child.tail) }
        return child.outputLines
    }

    /// Waits until an open incident is in the file, which another process is writing.
    func waitForIncident(in file: String) async throws {
        try await Wait.until("an incident on disk", every: .milliseconds(200)) {
            let tables = try await sqlite(
                file, "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%incident%'")
            guard let table = tables.first else { return false }
            return try await sqlite(file, "SELECT count(*) FROM \(table)") != ["0"]
        }
    }
}
