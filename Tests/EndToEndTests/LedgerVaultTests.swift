import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    /// KA15: a master on a disposable disk keeps its own ledger in a vault.
    @Suite(.timeLimit(.minutes(5))) struct LedgerVaultTests {
        private static let kept = "ledger: { vault: state, every: 1s }"

        private static func vault(_ scratch: Scratch) -> String {
            "vaults: { state: { folder: \"\(scratch.path)/vault\", key: correct-horse-battery-staple } }"
        }

        /// Waits for a snapshot that was taken after everything that was there when this was called.
        private static func keep(_ server: Server) async throws {
            let begin = try #require(try await server.overview().now.string)
            try await Wait.until("a newer snapshot of the ledger", within: .seconds(90)) {
                (try await server.overview().ledger.vault.safe_until.string ?? "") > begin
            }
        }

        private static func events(_ server: Server, _ kind: String) async throws -> [String] {
            try await server.json("/api/v1/events?limit=200").items.array.filter { $0.kind.string == kind }
                .compactMap(\.text.string)
        }

        /// History, pauses and restart budgets are there after `kill -9` and an empty disk.
        @Test func aMasterComesBackOnAnEmptyDisk() async throws {
            try await HubScratch.with("ledger-vault") { hub in
                let scratch = hub.scratch
                let fleet = """
                    version: 1
                    hub: { namespace: maren, token: hf_maren, endpoint: "\(hub.endpoint)", discover: true }
                    heal: { mode: act, after: 2, at_most: 1 per 6h }
                    keep: { every: 1h, timeout: 3s, retry: off, recheck: 1s }
                    serve: { self_ping: off }
                    \(Self.vault(scratch))
                    \(Self.kept)

                    """
                let crash = #"{"stage": "RUNTIME_ERROR", "errorMessage": "Exit code: 1. Reason: boom"}"#
                let first = try await scratch.serve(fleet, data: "first", name: "first")
                for name in ["orbit-api", "worker"] { try await first.wait(for: name, toBe: "up") }
                try await hub.admin("spaces/maren/orbit-api/stage", crash)
                try await Wait.until("the restart and its end", within: .seconds(90)) {
                    let (healed, ended) = (
                        try await Self.events(first, "heal.result"), try await Self.events(first, "incident.ended")
                    )
                    return !healed.isEmpty && !ended.isEmpty
                }
                #expect(try await first.post("/api/v1/checks/worker/pause").status == 200)
                try await Self.keep(first)
                let incident = try #require(try await first.incidents(of: "orbit-api").first)
                let pings = try await first.json("/api/v1/observations?limit=200").items.array.count
                #expect(try await first.get("/").body.contains("ledger kept"))
                first.process.send(SIGKILL)
                try await first.process.waitForExit()
                try FileManager.default.removeItem(atPath: scratch.path + "/first")

                let second = try await scratch.serve(fleet, data: "second", name: "second")
                #expect(try await second.check("worker").paused.by.string != nil)
                #expect(try await second.incidents(of: "orbit-api").first?.began == incident.began)
                #expect(try await second.json("/api/v1/observations?limit=200").items.array.count >= pings)
                let told = try #require(try await Self.events(second, "ledger.restored").first)
                #expect(told.contains("There was no ledger on this disk. Restored from folder:"), "\(told)")
                #expect(told.contains("Lost: what was written after 2"), "\(told)")
                // The one restart of six hours was made by the master that is gone.
                try await hub.admin("spaces/maren/orbit-api/stage", crash)
                try await Wait.until("the budget is used up", within: .seconds(90)) {
                    try await !Self.events(second, "heal.exhausted").isEmpty
                }
                #expect(try await Self.events(second, "heal.restart").count == 1)

                // Stopped in order it publishes everything: nothing is lost.
                await second.process.stop(within: .seconds(20))
                #expect(second.process.exit == .code(0), "\(second.process.tail)")
                try FileManager.default.removeItem(atPath: scratch.path + "/second")
                let third = try await scratch.serve(fleet, data: "third", name: "third")
                #expect(try await Self.events(third, "ledger.restored").first?.contains("Lost: nothing") == true)
                #expect(try await Self.events(third, "heal.exhausted").count == 1)
            }
        }

        @Test func aDamagedLedgerIsSetAsideAndRestored() async throws {
            try await Scratch.with("ledger-damaged") { scratch in
                let web = try await scratch.nginx()
                let fleet = ServeTests.fleet(
                    [ServeTests.quick("web", web.address)], more: Self.vault(scratch) + "\n" + Self.kept)
                let first = try await scratch.serve(fleet, name: "first")
                try await first.wait(for: "web", toBe: "up")
                #expect(try await first.post("/api/v1/checks/web/pause").status == 200)
                try await Self.keep(first)
                first.process.send(SIGKILL)
                try await first.process.waitForExit()
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: scratch.path + "/data/stoker.sqlite"))
                let size = try file.seekToEnd()
                // The beginning of the first page says that it is a ledger; its tables are what is damaged.
                try file.seek(toOffset: 100)
                try file.write(contentsOf: Data(repeating: 0x5A, count: 3_996))
                for page in 1..<max(2, size / 4_096) {
                    try file.seek(toOffset: page * 4_096)
                    try file.write(contentsOf: Data(repeating: 0x5A, count: 4_096))
                }
                try file.close()
                for suffix in ["-wal", "-shm"] {
                    try? FileManager.default.removeItem(atPath: scratch.path + "/data/stoker.sqlite" + suffix)
                }

                let second = try await scratch.serve(fleet, name: "second")
                let damage = try await second.overview().ledger.damage
                #expect(damage.array.count == 1)
                let told = damage[0].text.string ?? ""
                #expect(told.hasPrefix("The ledger was damaged ("), "\(told)")
                #expect(told.contains("stoker.sqlite.damaged-1"), "\(told)")
                #expect(
                    told.contains("Restored from folder:") && told.contains("Lost: what was written from"), "\(told)")
                #expect(FileManager.default.fileExists(atPath: scratch.path + "/data/stoker.sqlite.damaged-1"))
                #expect(try await second.check("web").paused.by.string != nil)
                #expect(try await second.check("web").last_ping.isNull == false)
                let number = try #require(damage[0].incident.int)
                #expect(try await second.post("/api/v1/incidents/\(number)/acknowledge").status == 200)
            }
        }

        /// Two masters never both win: the second asks, the first hands over, says so and stands still.
        @Test func theSecondMasterTakesOverAndTheFirstStandsStill() async throws {
            try await Scratch.with("ledger-two") { scratch in
                let web = try await scratch.nginx()
                let fleet = ServeTests.fleet(
                    [ServeTests.quick("web", web.address)], more: Self.vault(scratch) + "\n" + Self.kept)
                let first = try await scratch.serve(fleet, data: "first", name: "first")
                try await first.wait(for: "web", toBe: "up")
                try await Self.keep(first)
                let second = try await scratch.serve(fleet, data: "second", name: "second")
                let told = try #require(try await Self.events(second, "ledger.restored").first)
                #expect(told.contains("Lost: nothing"), "\(told)")
                try await Wait.until("the first one stands still") {
                    try await first.overview().role.state.string == "standby"
                }
                try await first.wait(forEvents: "ledger.taken")
                #expect(first.process.errors.contains("another master asks for the ledger"))
                #expect(try await first.overview().notices.array.contains { $0.name.string == "ledger_unkept" })
                try await second.wait(for: "web", toBe: "up")
                try await Self.keep(second)
                #expect(try await second.overview().role.state.string == "active")
            }
        }

        /// A start that will not serve takes nothing from the master that does.
        @Test func aStartThatCannotServeLeavesThePen() async throws {
            try await Scratch.with("ledger-twice") { scratch in
                let fleet =
                    ServeTests.fleet(["web: { url: \"http://127.0.0.1:1/\", every: 1h }"]) + Self.vault(scratch) + "\n"
                    + Self.kept + "\n"
                let one = try await scratch.serve(fleet, name: "one")
                try await Self.keep(one)
                for (data, port, word) in [
                    ("data", "0", "another Stoker is at work on it"), ("other", "\(one.port)", "taken"),
                ] {
                    let two = try await scratch.stoker(
                        "serve", "--fleet", one.fleetFile, "--host", "127.0.0.1", "--port", port, "--data", data)
                    #expect(two.exit == .code(3) && two.errors.contains(word), "\(two.tail)")
                }
                try await Self.keep(one)
                #expect(try await one.overview().role.state.string == "active")
                #expect(try await Self.events(one, "ledger.taken").isEmpty)
            }
        }

        @Test func aLedgerFromElsewhereIsNotTakenWithoutAWord() async throws {
            try await Scratch.with("ledger-other") { scratch in
                let plain = ServeTests.fleet(["web: { url: \"http://127.0.0.1:1/\", every: 1h }"])
                let fleet = plain + Self.vault(scratch) + "\n" + Self.kept + "\n"
                let one = try await scratch.serve(fleet, data: "one", name: "one")
                try await Self.keep(one)
                await one.process.stop(within: .seconds(20))
                let other = try await scratch.serve(plain, data: "other", name: "other")
                await other.process.stop(within: .seconds(20))
                let file = try scratch.write(fleet, to: "kept.yaml")
                let refused = try await scratch.stoker(
                    "serve", "--fleet", file, "--host", "127.0.0.1", "--port", "0", "--data", "other")
                #expect(refused.exit != .code(0) && refused.output.isEmpty, "\(refused.tail)")
                #expect(refused.errors.contains("did not come from folder:"), "\(refused.tail)")
                #expect(refused.errors.contains("--ledger-from vault, or --ledger-from disk"), "\(refused.tail)")
                let taken = try await scratch.serve(
                    fleet, data: "other", more: ["--ledger-from", "vault"], name: "taken")
                #expect(try await Self.events(taken, "ledger.restored").count == 1)
            }
        }
    }
}
