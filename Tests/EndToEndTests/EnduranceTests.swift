import Foundation
import NIOHTTP1
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Ends that nobody chose, and beginnings in bad places.
    @Suite(.timeLimit(.minutes(4))) struct EnduranceTests {
        /// Killed three times at full writing, each time at another moment: whole, and at most a second short.
        @Test func killedWhileWritingHardNothingIsBroken() async throws {
            try await Scratch.with("killhard") { scratch in
                let web = try await scratch.nginx()
                let targets = (1...300).map {
                    "w\($0): { url: \"\(web.address)/\($0)\", every: 1s, timeout: 5s, retry: [] }"
                }
                var least = 0
                for round in 1...3 {
                    let server = try await scratch.serve(ServeTests.fleet(targets), name: "round\(round)")
                    try await Wait.until("hundreds more are on disk", within: .seconds(40)) {
                        let rows = try await scratch.sqlite("data/stoker.sqlite", "SELECT count(*) FROM observation")
                        return Int(rows.first ?? "") ?? 0 >= least + 500 * round
                    }
                    let asked = try await web.answered().count
                    server.process.send(SIGKILL)
                    #expect(try await server.process.waitForExit() == .signal(SIGKILL))
                    #expect(try await scratch.sqlite("data/stoker.sqlite", "PRAGMA integrity_check") == ["ok"])
                    least =
                        Int(
                            try await scratch.sqlite("data/stoker.sqlite", "SELECT count(*) FROM observation").first
                                ?? "") ?? 0
                    #expect(least > 0 && least <= asked + 300)
                }
                let last = try await scratch.serve(ServeTests.fleet(targets), name: "last")
                try await last.wait(for: "w1", toBe: "up")
                // A page ends between two instants: several observations of one millisecond may make it a few short.
                let page = try await last.json("/api/v1/observations?limit=100")
                #expect((1...100).contains(page.items.array.count))
                let cursor = try #require(page.next_cursor.string)
                let next = try await last.json("/api/v1/observations?limit=100&cursor=\(cursor)").items.array
                #expect(!next.isEmpty && !page.items.array.contains(next[0]))
            }
        }

        @Test func aDiskThatIsFullFromTheStartStopsNoPing() async throws {
            try await Scratch.with("fullstart") { scratch in
                let folder = scratch.path + "/data"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                guard try await scratch.mount(folder, options: "size=64k") else { return }
                // Ends with an error when nothing more fits.
                _ = try await scratch.run("dd", ["if=/dev/zero", "of=data/filler", "bs=4k"])
                let web = try await scratch.nginx()
                let server = try await scratch.serve(ServeTests.fleet([ServeTests.quick("web", web.address + "/web")]))
                try await server.wait(for: "web", toBe: "up")
                try await Wait.until("pinging goes on") { web.requests(of: "/web") >= 3 }
                #expect(try await server.overview().ledger.state.string == "stalled")
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }

        /// Reached from other machines, writing needs a token: made once, kept for its owner alone, shown once.
        @Test func theTokenIsMadeOnceAndPrivate() async throws {
            try await Scratch.with("token") { scratch in
                let web = try await scratch.nginx()
                let fleet = ServeTests.fleet([ServeTests.hourly("web", web.address + "/web")])
                var kept = ""
                for round in 1...2 {
                    let server = try await scratch.serve(
                        fleet, data: "new/folder", more: ["--host", "0.0.0.0"], name: "round\(round)")
                    let file = scratch.path + "/new/folder/token"
                    let token = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
                    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                    #expect(mode == 0o600)
                    #expect(server.process.errors.contains(token) == (round == 1), "shown only when it is made")
                    #expect(round == 1 || token == kept)
                    kept = token
                    #expect(
                        try await HTTP.call(server.address + "/api/v1/checks/web/pause", [:], method: .POST, body: "")
                            .status == 401)
                    #expect(
                        try await server.post("/api/v1/checks/web/pause", "", ["authorization": "Bearer \(token)"])
                            .status == 200)
                    server.process.send(SIGTERM)
                    try await server.process.waitForExit()
                }
            }
        }

        @Test func theServerPingsItselfUnlessToldNotTo() async throws {
            try await Scratch.with("selfping") { scratch in
                let web = try await scratch.nginx()
                let line = ServeTests.hourly("web", web.address + "/web")
                let fleet = ServeTests.fleet([line]).replacingOccurrences(of: "self_ping: off", with: "self_ping: 10s")
                let server = try await scratch.serve(fleet)
                let own = try await server.wait(for: "self-ping", toBe: "up")
                #expect(own.address.string == server.address + "/health")
                #expect(try await server.get("/").body.contains("self-ping"), "the dashboard shows it")
                try scratch.write(ServeTests.fleet([line]), to: "serve.yaml")
                server.process.send(SIGHUP)
                try await Wait.until("it is gone") { try await server.get("/api/v1/checks/self-ping").status == 404 }
                try await server.wait(forEvents: "fleet.reloaded")
                let kinds = try await server.json("/api/v1/events?limit=200").items.array.compactMap(\.kind.string)
                #expect(!kinds.contains("fleet.needs_restart"), "--port and --host are no change of the file")
            }
        }
    }
}
