import Foundation
import Glibc
import StokerCore
import TestSupport
import Testing

/// A disk that hangs, fills and comes back: `Scripts/hanging-disk.c`, loaded into the server.
struct FaultyDisk {
    enum Mode: String, CaseIterable {
        case works = "o"
        case hangs = "h"
        case full = "f"
        case overQuota = "q"
        case readOnly = "r"
        case broken = "e"
    }
    let environment: [String: String]
    private let control: String

    /// nil, with a word on the terminal, where there is no C compiler.
    static func make(_ scratch: Scratch, folder: String = "data") async throws -> FaultyDisk? {
        let source = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Scripts/hanging-disk.c"
        ).standardizedFileURL.path
        let library = scratch.path + "/hanging-disk.so"
        for compiler in ["cc", "gcc", "clang"] {
            let built = try? await scratch.run(
                "/usr/bin/env", [compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"])
            guard built?.exit == .code(0) else { continue }
            let control = try scratch.write("o", to: "disk")
            try FileManager.default.createDirectory(
                atPath: scratch.path + "/" + folder, withIntermediateDirectories: true)
            return FaultyDisk(
                environment: [
                    "LD_PRELOAD": library, "STOKER_DISK_CONTROL": control,
                    "STOKER_DISK_FOLDER": scratch.path + "/" + folder,
                ], control: control)
        }
        print("skipped: a disk that hangs needs a C compiler")
        return nil
    }

    /// In place: the server has the file mapped.
    func set(_ mode: Mode) throws {
        let file = open(control, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw Errno(code: errno) }
        defer { close(file) }
        guard pwrite(file, mode.rawValue, 1, 0) == 1 else { throw Errno(code: errno) }
    }

    struct Errno: Error { var code: Int32 }
}

extension EndToEnd {
    /// Disks that fail, and what a person is told meanwhile.
    @Suite(.timeLimit(.minutes(6))) struct DiskTests {
        @Test func aDiskThatHangsIsToldAPauseIsNotCalledSafeAndTheStopIsInTime() async throws {
            try await Scratch.with("hangs") { scratch in
                guard let disk = try await FaultyDisk.make(scratch) else { return }
                let web = try await scratch.nginx()
                let fleet = ServeTests.fleet([
                    ServeTests.quick("web", web.address + "/web"), ServeTests.hourly("rare", web.address + "/rare"),
                ])
                let server = try await scratch.serve(fleet, environment: disk.environment)
                try await server.wait(for: "web", toBe: "up")
                #expect(try await server.post("/api/v1/checks/rare/pause").status == 200)
                #expect(try await server.get("/health").body == #"{"status":"alive"}"#)

                try disk.set(.hangs)
                let stalled = try await Wait.for("the hanging disk to be noticed") {
                    let ledger = try await server.overview().ledger
                    return ledger.state.string == "stalled" && (ledger.waiting.int ?? 0) > 0 ? ledger : nil
                }
                #expect(stalled.because.string?.contains("does not answer") == true)
                let health = try await server.get("/health")
                #expect(health.status == 200 && health.body.contains("alive") && health.body.contains("stalled"))
                #expect(try await server.get("/").body.contains("cannot be written"), "the dashboard says so")
                let refused = try await server.post("/api/v1/checks/rare/resume")
                #expect(refused.status == 503)
                #expect(try refused.json.error.message.string?.contains("not yet safe") == true)
                let requests = web.requests.count
                try await Wait.until("pinging goes on") { web.requests.count > requests + 2 }

                try disk.set(.works)
                try await Wait.until("recovery by itself") {
                    try await server.overview().ledger.state.string == "healthy"
                }
                try await server.wait(forEvents: "ledger.stalled", "ledger.recovered")
                #expect(try await server.post("/api/v1/checks/rare/pause").status == 200)

                try disk.set(.hangs)
                try await Wait.until("it hangs again") { try await server.overview().ledger.state.string == "stalled" }
                server.process.send(SIGTERM)
                #expect(try await server.process.waitForExit(within: .seconds(6)) == .code(3))
                #expect(server.process.errors.contains("takes too long"), "the log says so")
                try disk.set(.works)
                let next = try await scratch.serve(fleet, name: "next")
                #expect(try await next.check("rare").verdict.string == "paused", "what was answered is remembered")
                #expect(try await next.overview().ledger.state.string == "healthy")
            }
        }

        @Test func aDiskThatHangsAtTheStartStopsNoPing() async throws {
            try await Scratch.with("hangstart") { scratch in
                guard let disk = try await FaultyDisk.make(scratch) else { return }
                let web = try await scratch.nginx()
                try disk.set(.hangs)
                let server = try await scratch.serve(
                    ServeTests.fleet([ServeTests.quick("web", web.address + "/web")]), environment: disk.environment)
                try await server.wait(for: "web", toBe: "up")
                #expect(try await server.overview().ledger.because.string?.contains("has not answered") == true)
                #expect(try await server.post("/api/v1/checks/web/pause").status == 503, "in memory only is not safe")
                server.process.send(SIGTERM)
                _ = try await server.process.waitForExit(within: .seconds(6))
            }
        }

        /// What a person does about a damaged ledger.
        @Test func aDamagedPageIsSalvagedToldAndAcknowledged() async throws {
            try await Scratch.with("damaged") { scratch in
                let web = try await scratch.nginx()
                let fleet = ServeTests.fleet([
                    ServeTests.quick("web", web.address + "/web"), ServeTests.hourly("rare", web.address + "/rare"),
                ])
                let first = try await scratch.serve(fleet)
                try await first.wait(for: "web", toBe: "up")
                #expect(try await first.post("/api/v1/checks/rare/pause").status == 200)
                first.process.send(SIGTERM)
                try await first.process.waitForExit()
                let file = URL(fileURLWithPath: scratch.path + "/data/stoker.sqlite")
                var bytes = try Data(contentsOf: file)
                // The table of incidents or its neighbour: any page but the first will do.
                let page = try await scratch.sqlite(
                    "data/stoker.sqlite", "SELECT rootpage FROM sqlite_master WHERE name = 'transcript'")
                let root = try #require(page.first.flatMap { Int($0) })
                let start = (root - 1) * 4_096
                for place in start..<start + 4_096 { bytes[place] = UInt8(truncatingIfNeeded: place &* 31 ^ 0x5A) }
                try bytes.write(to: file)

                let server = try await scratch.serve(fleet, name: "again")
                #expect(try await server.check("rare").verdict.string == "paused", "salvaged")
                let overview = try await server.overview()
                #expect(overview.ledger.state.string == "damaged")
                #expect(overview.trouble == .bool(true))
                let number = try #require(overview.ledger.damage.array.first?.incident.int)
                let page2 = try await server.get("/").body
                #expect(page2.contains("The ledger was damaged") && page2.contains("stoker acknowledge \(number)"))
                let open = try await server.json("/api/v1/incidents?open=true").items.array
                #expect(open.contains { $0.id.int == number && $0.cause.string == "ledger.damaged" })
                try await server.wait(forEvents: "ledger.damaged")
                #expect(FileManager.default.fileExists(atPath: scratch.path + "/data/stoker.sqlite.damaged-1"))

                let server2 = ["STOKER_SERVER": server.address]
                let wrong = try await scratch.stoker("acknowledge", "\(number + 999)", environment: server2)
                #expect(wrong.exit == .code(2) && wrong.errors.contains("\(number)"), "it names what waits")
                #expect(try await scratch.stoker("acknowledge", "x", environment: server2).exit == .code(2))
                let status = try await scratch.stoker("status", environment: server2)
                #expect(status.output.contains("stoker acknowledge \(number)"))
                let done = try await scratch.stoker("acknowledge", "\(number)", environment: server2)
                #expect(done.exit == .code(0))
                #expect(try await server.overview().ledger.state.string == "healthy")
                try await server.wait(forEvents: "ledger.acknowledged")
                server.process.send(SIGKILL)
                try await server.process.waitForExit()
                let last = try await scratch.serve(fleet, name: "last")
                #expect(try await last.overview().ledger.state.string == "healthy", "acknowledged for good")
            }
        }

    }

    @Suite(.timeLimit(.minutes(60))) struct CampaignTests {
        /// `make campaign` makes 200 of these rounds; STOKER_KILL_SEED gives others.
        @Test func noAnsweredPauseIsLostHoweverTheDiskIs() async throws {
            let environment = ProcessInfo.processInfo.environment
            let rounds = environment["STOKER_KILL_ROUNDS"].flatMap { Int($0) } ?? 5
            let seed = environment["STOKER_KILL_SEED"].flatMap { UInt64($0) } ?? 7
            try await Scratch.with("campaign") { scratch in
                guard let disk = try await FaultyDisk.make(scratch) else { return }
                var campaign = KillCampaign(scratch: scratch, disk: disk, seed: seed)
                let result = try await campaign.run(rounds: rounds)
                print("campaign: \(result)")
                #expect(result.lost == [])
                #expect(result.answered > 0 && result.refused + result.answered > rounds)
            }
        }
    }
}

/// Rounds of: a server at work, pauses and resumes by several hands, a disk that hangs, fills and comes back, kill -9 at any
/// instant, a new start. What was answered 200 must be remembered; what was not answered, or refused, may be either.
private struct KillCampaign {
    struct Result: CustomStringConvertible {
        var rounds = 0
        var answered = 0
        var refused = 0
        var unanswered = 0
        /// Rounds in which the disk was not well when the process was killed.
        var killedInTrouble: [String: Int] = [:]
        var startedInTrouble = 0
        var lost: [String] = []
        var description: String {
            let modes = killedInTrouble.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(
                separator: ", ")
            return "\(rounds) rounds; pauses and resumes: \(answered) answered, \(refused) refused as not yet safe, "
                + "\(unanswered) cut off by the kill; killed while the disk: \(modes); started on a full or hanging disk: "
                + "\(startedInTrouble); lost: \(lost.count)"
        }
    }

    var scratch: Scratch
    var disk: FaultyDisk
    var random: SplitMix64
    private let names = (1...8).map { "rare\($0)" }

    init(scratch: Scratch, disk: FaultyDisk, seed: UInt64) {
        self.scratch = scratch
        self.disk = disk
        random = SplitMix64(seed: seed)
    }

    /// What may be true of a check: the last answer, and whatever was asked since without one.
    private struct Belief: Sendable {
        var possible: Set<Bool> = [false]
    }

    private enum CommandOutput: Sendable { case yes, no, none }

    private static func hourly(_ name: String) -> String {
        // Nothing listens there: a refused connection is a ping as well.
        "\(name): { url: \"http://127.0.0.1:1/\(name)\", every: 1h, timeout: 1s, retry: [], recheck: 1h }"
    }

    mutating func run(rounds: Int) async throws -> Result {
        var result = Result()
        let busy = (1...5).map {
            "busy\($0): { url: \"http://127.0.0.1:1/\($0)\", every: 1s, timeout: 1s, retry: [] }"
        }
        let fleet = EndToEnd.ServeTests.fleet(names.map(Self.hourly) + busy)
        var beliefs = Dictionary(uniqueKeysWithValues: names.map { ($0, Belief()) })
        for round in 1...rounds {
            try disk.set(.works)
            let begins: FaultyDisk.Mode = round % 10 == 5 ? .full : round % 50 == 25 ? .hangs : .works
            if begins != .works {
                result.startedInTrouble += 1
                try disk.set(begins)
            }
            let server = try await scratch.serve(
                fleet, environment: disk.environment, name: "round\(round)", within: .seconds(60))
            // A ledger that could not be opened: nothing may be called safe, and nothing is remembered.
            let ledger = try await server.overview().ledger
            let isInMemory = ledger.because.string?.contains("in memory only") == true
            if !isInMemory {
                for name in names {
                    let verdict = try await server.check(name).verdict.string
                    let isPaused = verdict == "paused"
                    if beliefs[name]?.possible.contains(isPaused) != true {
                        result.lost.append("round \(round): \(name) is \(verdict ?? "gone")")
                    }
                    beliefs[name]?.possible = [isPaused]
                }
            }
            if begins == .works, ledger.state.string != "healthy" {
                result.lost.append("round \(round): the ledger is \(ledger)")
            }
            let (mode, answers) = try await chaos(server)
            result.killedInTrouble["\(mode ?? begins)", default: 0] += 1
            for (name, wanted, answer) in answers {
                switch answer {
                case .yes:
                    result.answered += 1
                    if !isInMemory {
                        beliefs[name]?.possible = [wanted]
                    } else {
                        result.lost.append("round \(round): \(name) was called safe in memory")
                    }
                case .no:
                    result.refused += 1
                    if !isInMemory { beliefs[name]?.possible.insert(wanted) }
                case .none:
                    result.unanswered += 1
                    if !isInMemory { beliefs[name]?.possible.insert(wanted) }
                }
            }
            result.rounds = round
            if round % 20 == 0 { print("campaign so far: \(result)") }
        }
        try disk.set(.works)
        let check = try await scratch.sqlite("data/stoker.sqlite", "PRAGMA integrity_check")
        if check != ["ok"] { result.lost.append("integrity: \(check)") }
        return result
    }

    /// Ends with the kill. - Returns: how the disk was then, and what was asked of each check, in order.
    private mutating func chaos(
        _ server: Server
    ) async throws -> (FaultyDisk.Mode?, [(name: String, wanted: Bool, answer: CommandOutput)]) {
        var plan: [(after: Int, mode: FaultyDisk.Mode)] = []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let mode = FaultyDisk.Mode.allCases.randomElement(using: &random) ?? .works
            plan.append((Int.random(in: 20...900, using: &random), mode))
        }
        let life = Int.random(in: 300...2_600, using: &random)
        let seeds = names.map { _ in random.next() }
        let names = names
        let disk = disk
        return try await withThrowingTaskGroup(of: [(name: String, wanted: Bool, answer: CommandOutput)].self) {
            group in
            for (name, seed) in zip(names, seeds) {
                group.addTask {
                    var random = SplitMix64(seed: seed)
                    var asked: [(name: String, wanted: Bool, answer: CommandOutput)] = []
                    while true {
                        let wanted = Bool.random(using: &random)
                        do {
                            let reply = try await server.post("/api/v1/checks/\(name)/\(wanted ? "pause" : "resume")")
                            asked.append((name, wanted, reply.status == 200 ? .yes : .no))
                        } catch {
                            // The kill: nobody answers any more.
                            asked.append((name, wanted, .none))
                            return asked
                        }
                        try await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                    }
                }
            }
            var mode: FaultyDisk.Mode?
            let end = ContinuousClock.now + .milliseconds(life)
            for step in plan {
                let then = ContinuousClock.now + .milliseconds(step.after)
                guard then < end else { break }
                try await Task.sleep(until: then, clock: .continuous)
                try disk.set(step.mode)
                mode = step.mode
            }
            try await Task.sleep(until: end, clock: .continuous)
            server.process.send(SIGKILL)
            _ = try await server.process.waitForExit()
            var all: [(name: String, wanted: Bool, answer: CommandOutput)] = []
            for try await asked in group { all += asked }
            return (mode, all)
        }
    }
}
