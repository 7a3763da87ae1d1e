import Foundation
import Glibc
import TestSupport
import Testing

/// Where messages go in these tests: a command that appends each to a file, a line of JSON each. It needs no network.
struct MessageFile: Sendable {
    let path: String

    init(_ scratch: Scratch, _ name: String = "messages") { path = scratch.path + "/" + name }

    /// Keys of a fleet file.
    func channel(_ rule: String) -> String {
        """
        channels: { file: { command: [sh, -c, "cat >> \(path); echo >> \(path)"] } }
        notify: [ { to: file, \(rule) } ]
        """
    }

    /// Oldest first.
    var messages: [JSON] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { try? JSONDecoder().decode(JSON.self, from: Data($0.utf8)) }
    }

    /// `down web`, or the kind alone for what is about no target.
    var told: [String] {
        messages.map { message in
            ([message.kind.string ?? "?"] + message.targets.array.compactMap(\.check.string)).joined(separator: " ")
        }
    }

    func wait(for what: String) async throws {
        try await Wait.until("the message “\(what)”", within: .seconds(60)) {
            guard told.contains(what) else { throw Server.Unlike(seen: "\(told)") }
            return true
        }
    }
}

extension EndToEnd {
    /// Messages of the whole program.
    @Suite(.timeLimit(.minutes(4))) struct MessageTests {
        /// The one that stands by tells nobody anything; once it has taken over it tells what it finds, and who it is.
        @Test func aSecondMasterTellsWhatItFindsAndNamesItself() async throws {
            try await Scratch.with("stand-in") { scratch in
                let file = MessageFile(scratch)
                let web = try await scratch.nginx()
                let port = try await scratch.nginx()
                await port.process.stop()
                let targets = [
                    ServeTests.quick("web", web.address + "/"), ServeTests.quick("gone", port.address + "/"),
                ]
                let first = try await scratch.serve(ServeTests.fleet(targets), data: "first", name: "first")
                try await first.wait(for: "gone", toBe: "down")
                let second = try await scratch.serve(
                    ServeTests.fleet(targets, more: file.channel("on: [down, recovered, took-over]")), data: "second",
                    more: ["--standby-of", first.address, "--standby-every", "1s"], name: "second")
                try await Wait.until("the second watches") {
                    let role = try await second.overview().role
                    return role.state.string == "standby" && !role.last_seen.isNull
                }
                #expect(file.told.isEmpty)
                first.process.send(SIGKILL)
                try await first.process.waitForExit()
                try await file.wait(for: "took-over")
                try await file.wait(for: "down gone")
                #expect(file.told.count == 2, "\(file.told)")
                for message in file.messages {
                    #expect(message.sender.string?.isEmpty == false, "\(message)")
                    #expect(message.text.string?.contains("Sent by ") == true, "\(message)")
                }
            }
        }

        /// What fails first stands on the other one, which is seldom looked at: only the cause is told.
        @Test func whatATargetStandsOnIsLookedAtBeforeAnybodyIsTold() async throws {
            try await Scratch.with("depends") { scratch in
                let file = MessageFile(scratch)
                let database = try await scratch.nginx()
                let web = try await scratch.nginx()
                let server = try await scratch.serve(
                    ServeTests.fleet(
                        [
                            "db: { url: \"\(database.address)/\", every: 10m, timeout: 5s, retry: [100ms], recheck: 10m }",
                            "web: { url: \"\(web.address)/\", every: 1s, timeout: 5s, retry: [100ms], recheck: 1s, depends_on: [db] }",
                        ], more: file.channel("on: [down, recovered]")))
                for name in ["db", "web"] { try await server.wait(for: name, toBe: "up") }
                await database.process.stop()
                await web.process.stop()
                try await file.wait(for: "down db")
                try await server.wait(for: "web", toBe: "down")
                #expect(file.told == ["down db"])
                // Both are well again: of web nobody was told, so nobody hears of its end.
                _ = try await scratch.nginx(port: database.port)
                _ = try await scratch.nginx(port: web.port)
                _ = try await server.post("/api/v1/checks/db/ping")
                try await server.wait(for: "web", toBe: "up")
                try await file.wait(for: "recovered db")
                #expect(file.told == ["down db", "recovered db"])
                #expect(file.messages.last?.text.string?.hasPrefix("Was down") == true)
            }
        }
    }
}
