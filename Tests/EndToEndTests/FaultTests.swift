import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What the machine around does to us.
    @Suite(.timeLimit(.minutes(4))) struct FaultTests {
        static func fleet(_ web: Nginx) -> String {
            ServeTests.fleet((1...20).map { ServeTests.quick("web\($0)", web.address + "/\($0)") })
        }

        @Test func aReadOnlyDataFolderStopsNoPing() async throws {
            try await Scratch.with("readonly") { scratch in
                let folder = scratch.path + "/data"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                // Root may write where the mode forbids it; a mount without writing stops him too.
                let mounted = geteuid() == 0
                if mounted {
                    guard try await scratch.mount(folder, options: "ro,size=1m") else { return }
                } else {
                    try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
                }
                let web = try await scratch.nginx()
                let server = try await scratch.serve(ServeTests.fleet([ServeTests.quick("web", web.address + "/web")]))
                try await server.wait(for: "web", toBe: "up")
                try await Wait.until("pinging goes on") { web.requests(of: "/web") >= 3 }
                #expect(try await server.overview().ledger.state.string == "stalled")
                #expect(try await server.get("/").body.contains("memory"), "the dashboard says so")
                #expect(server.process.errors.contains("memory"), "the log says so")
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            }
        }

        @Test func aFullDiskStopsNoPingIsShownAndIsOvercome() async throws {
            try await Scratch.with("fulldisk") { scratch in
                let folder = scratch.path + "/data"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                guard try await scratch.mount(folder, options: "size=8m") else { return }
                let web = try await scratch.nginx()
                let server = try await scratch.serve(Self.fleet(web))
                try await server.wait(for: "web1", toBe: "up")
                try await Wait.until("something is remembered") {
                    try await server.json("/api/v1/observations").items.array.count > 0
                }
                #expect(try await server.overview().ledger.state.string == "healthy")

                // dd ends with an error when nothing more fits: that is the point.
                _ = try await scratch.run("dd", ["if=/dev/zero", "of=data/filler", "bs=4k"])
                let stalled = try await Wait.for("the full disk to be noticed", within: .seconds(40)) {
                    let ledger = try await server.overview().ledger
                    return ledger.state.string == "stalled" && (ledger.waiting.int ?? 0) > 0 ? ledger : nil
                }
                #expect(stalled.because.string?.isEmpty == false)
                #expect((stalled.limit.int ?? 0) > 0)
                let requests = web.requests.count
                try await Wait.until("pinging goes on") { web.requests.count > requests + 40 }
                #expect(try await server.get("/health").status == 200)
                #expect(try await server.json("/status").ledger.state.string == "stalled", "/status says so")
                #expect(try await server.get("/").body.contains("cannot be written"), "the dashboard says so")

                try FileManager.default.removeItem(atPath: folder + "/filler")
                try await Wait.until("recovery by itself", within: .seconds(40)) {
                    let ledger = try await server.overview().ledger
                    return ledger.state.string == "healthy" && ledger.waiting.int == 0
                }
                #expect(try await server.overview().ledger.dropped.int == 0)
                try await server.wait(forEvents: "ledger.stalled", "ledger.recovered")
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
                #expect(try await scratch.sqlite("data/stoker.sqlite", "PRAGMA integrity_check") == ["ok"])
            }
        }

        @Test func aSecondMasterTakesOverAndStepsBack() async throws {
            try await Scratch.with("standby") { scratch in
                let web = try await scratch.nginx()
                let fleet = ServeTests.fleet([ServeTests.quick("web", web.address + "/web")])
                let first = try await scratch.serve(fleet, data: "first", name: "first")
                try await first.wait(for: "web", toBe: "up")
                let second = try await scratch.serve(
                    fleet, data: "second", more: ["--standby-of", first.address, "--standby-every", "1s"],
                    name: "second")
                try await Wait.until("the second watches") {
                    let role = try await second.overview().role
                    return role.state.string == "standby" && role.master.string == first.address
                        && !role.last_seen.isNull
                }
                #expect(try await second.overview().work.pings.int == 0, "who watches does not ping")

                first.process.send(SIGKILL)
                try await first.process.waitForExit()
                try await Wait.until("the second stands in") {
                    try await second.overview().role.state.string == "standing_in"
                }
                let silent = try await web.answered("/web")
                try await Wait.until("the second pings") { web.requests(of: "/web") > silent + 1 }
                try await second.wait(for: "web", toBe: "up")
                #expect(try await second.get("/").body.contains(first.address), "the dashboard says for whom")

                let back = try scratch.start(
                    Binary.path,
                    [
                        "serve", "--fleet", first.fleetFile, "--host", "127.0.0.1", "--port", "\(first.port)", "--data",
                        "first",
                    ],
                    name: "first-again")
                _ = try await Server.ready(back)
                try await Wait.until("the second steps back", within: .seconds(30)) {
                    try await second.overview().role.state.string == "standby"
                }
                let pings = try await second.overview().work.pings.int
                let seen = try await web.answered("/web")
                try await Wait.until("the first pings again") { web.requests(of: "/web") > seen + 2 }
                #expect(try await second.overview().work.pings.int == pings, "one of two is at work")
                try await second.wait(forEvents: "master.took_over", "master.stepped_back")
            }
        }

        @Test func aWebServerThatGoesAndComesBackIsAnIncident() async throws {
            try await Scratch.with("nginx") { scratch in
                let web = try await scratch.nginx()
                let server = try await scratch.serve(
                    ServeTests.fleet([
                        "web: { url: \"\(web.address)/\", every: 1s, timeout: 5s, retry: [100ms, 200ms], recheck: 1s }"
                    ]))
                try await server.wait(for: "web", toBe: "up")
                await web.process.stop()
                let down = try await server.wait(for: "web", toBe: "down")
                #expect(down.cause.string == "connect.refused")
                #expect(down.attempts.int == 3, "after its retries")
                let open = try await server.incident(of: "web") { $0.ended.isNull }
                #expect(open.cause.string == "connect.refused")
                _ = try await scratch.nginx(port: web.port)
                try await server.wait(for: "web", toBe: "up")
                let closed = try await server.incident(of: "web") { !$0.ended.isNull }
                #expect(closed.id == open.id)
            }
        }

        @Test func tenThousandTargetsAreLookedAtAndShown() async throws {
            try await Scratch.with("many") { scratch in
                let web = try await scratch.nginx("access_log off; location / { return 200; }", host: "0.0.0.0")
                let count = 10_000
                let targets = (0..<count).map { number in
                    "t\(number): { url: \"http://127.\(1 + number / 62_500).\(number / 250 % 250).\(1 + number % 250):\(web.port)/\", every: 10m }"
                }
                let server = try await scratch.serve(ServeTests.fleet(targets), within: .seconds(60))
                try await Wait.until("the first sweep", within: .seconds(60), every: .milliseconds(250)) {
                    let overview = try await server.overview()
                    guard overview.counts.up.int == count else { throw Server.Unlike(seen: "\(overview.counts)") }
                    return true
                }
                let status = try await server.json("/status")
                #expect(status.targets.array.count == count)
                #expect(try await server.get("/").status == 200)
                #expect(try await server.overview().work.shed.int == 0)
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(5)) == .code(0))
            }
        }
    }
}

extension Scratch {
    /// Mounts a small file system there, and takes it away at the end. False, with a word on the terminal, where that is
    /// not allowed.
    func mount(_ folder: String, options: String) async throws -> Bool {
        let child = try await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder])
        guard child.exit == .code(0) else {
            print(
                "skipped: mounting a file system needs root (\(child.errors.trimmingCharacters(in: .whitespacesAndNewlines)))"
            )
            return false
        }
        atEnd { [path] in
            do {
                let end = try StokerProcess(
                    "umount", ["-l", folder], environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"], directory: path,
                    name: "umount")
                try await end.waitForExit()
            } catch {
                print("could not unmount \(folder): \(error)")
            }
        }
        return true
    }
}
