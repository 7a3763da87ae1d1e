import Crypto
import Foundation
import HubSimulator
import NIOCore
import Runtime
import StokerCore

@testable import HubClient

/// Plays one script as a person would: a deed that fails is looked at, and asked for again when its failure leaves that open.
final class FaultRun {
    /// What did not hold, in words.
    var wrong: [String] = []
    private let script: FaultScript
    private let world: SimulatedWorld
    private let log = LogNotes()
    /// By its present name, as the world knows it.
    private let space: HostedSpace
    private let name: String
    /// What the client calls it.
    private let repo: RepoID
    private let tokens: [String]
    private var token = 0
    private var hub: Hub
    private let quiet: Hub
    private var prints = SecretFingerprints()
    private var told: [String] = []
    private var commit: String?
    private let scratch: String

    /// Kinds of trouble that were really met.
    private var met: Set<String> = []

    /// - Returns: what did not hold, what was said, and which kinds of trouble were met.
    static func play(_ script: FaultScript, in world: SimulatedWorld) async throws -> (
        wrong: [String], told: [String], met: Set<String>
    ) {
        let run = try await FaultRun(script, world)
        do {
            try await run.play()
        } catch {
            run.wrong.append("threw \(error)")
        }
        world.faults.clear()
        try await run.hub.shutdown()
        try await run.quiet.shutdown()
        try? FileManager.default.removeItem(atPath: run.scratch)  // only made by some scripts
        return (run.wrong, run.told, run.met)
    }

    private init(_ script: FaultScript, _ world: SimulatedWorld) async throws {
        self.script = script
        self.world = world
        let given = "maren/script-\(script.seed)"
        name = script.wasRenamed ? given + "-moved" : given
        scratch = NSTemporaryDirectory() + "fault-script-\(script.seed)-\(UInt64.random(in: 0...UInt64.max))"
        tokens = ["hf_first\(script.seed)abcdefghijklmn", "hf_second\(script.seed)abcdefghijklmn"]
        let now = world.time.now
        await world.hub.state.add(
            HubToken(
                tokens[0], account: "maren", role: script.mayOnlyRead ? .read : .write,
                expires: script.expires.map { now + $0 }))
        await world.hub.state.add(HubToken(tokens[1], account: "maren"))
        _ = try await world.add(SceneSpace(given, files: FaultScript.firstFiles))
        quiet = Self.hub(world, "hf_tobi", LogNotes())
        hub = Self.hub(world, tokens[0], log)
        repo = try RepoID.space(given)
        if script.wasRenamed {
            let owner = Self.hub(world, "hf_maren", LogNotes())
            try await owner.move(repo, to: try RepoID.space(name))
            try await owner.shutdown()
        }
        guard let space = world.spaces.space(name) else { throw Missing(name: name) }
        self.space = space
        world.journal.clear()
        // Keys are looked for in them; they are not part of what is searched for secrets.
        world.journal.keepBodies(upTo: 16_384)
    }
    struct Missing: Error { var name: String }

    private static func hub(_ world: SimulatedWorld, _ token: String, _ log: LogNotes) -> Hub {
        let time = world.time
        var clock = WaitClock(ContinuousClock())
        clock.now = { time.now }
        clock.sleep = { wait in
            try Task.checkCancellation()
            try await time.advance(by: wait)
        }
        return Hub(
            .init(endpoint: world.endpoint, token: Secret(token)), pace: HubRateLimiter(clock: clock),
            logger: log.logger,
            jitter: { 0 })
    }

    // MARK: playing

    private func play() async throws {
        // The first that fits wins: what is impossible must not be let through by something milder.
        for var fault in [script.impossible?.fault].compactMap(\.self) + script.faults {
            // Whoever only looks, does so unharmed.
            fault.account = "maren"
            world.faults.add(fault)
        }
        // Slow answers come when simulated time goes on, while the client waits in real time.
        let time = world.time
        let slow = script.faults.filter { fault in
            guard case .slow = fault.kind else { return false }
            return true
        }
        let pump = slow.isEmpty ? nil : Self.pump(time)
        defer { pump?.cancel() }
        var before = try await state()
        for deed in script.deeds {
            if let impossible = script.impossible, impossible.deed == deed {
                try await fail(deed, impossible.kind, before)
                break
            }
            try await succeed(deed)
            before = try await state()
        }
        pump?.cancel()
        world.faults.clear()
        if script.impossible == nil { try await checkEnd() }
        checkSecrets()
    }

    private static func pump(_ time: SimulatedTime) -> Task<Void, any Error> {
        Task.detached {
            while true {
                try await Task.sleep(for: .milliseconds(2))
                try await time.advance(by: .milliseconds(250))
            }
        }
    }

    /// Again and again until it is done; every effect once.
    private func succeed(_ deed: FaultScript.Deed) async throws {
        var attempts = 0
        let restarts = space.restarts
        let wasStill = space.live.stage == .running
        let commits = try await count()
        while true {
            attempts += 1
            guard attempts <= 12 else { return wrong.append("\(deed.rawValue) never succeeds") }
            let before = space.restarts
            do throws(HubFailure) {
                try await perform(deed)
                break
            } catch {
                note(error, deed)
                let isOpen = error.said.contains("cannot be told") || error.said.contains("not known")
                if deed == .restart, space.restarts > before {
                    if !isOpen { wrong.append("restarted, yet it failed without saying that it may have: \(error)") }
                    // A person looks before asking again.
                    break
                }
                try await recover(error)
            }
        }
        let now = space.restarts - restarts
        switch deed {
        case .upload:
            let made = try await count() - commits
            if made != 1 { wrong.append("\(made) commits of one upload") }
            if now != 0 { wrong.append("an upload asked for \(now) restarts") }
        case .restart: if now != 1 { wrong.append("\(now) restarts in place of one") }
        case .environment:
            // A container that is on its way has the new values without a restart.
            let wanted = wasStill && attempts == 1 ? 1 : 0
            if now < wanted || now > attempts {
                wrong.append("\(now) restarts in \(attempts) changes of the environment")
            }
        case .wait: if now != 0 { wrong.append("waiting restarted it \(now) times") }
        }
    }

    /// It cannot succeed: named, and nothing half done.
    private func fail(_ deed: FaultScript.Deed, _ kind: HubFailure.Kind, _ before: State) async throws {
        for _ in 0..<6 {
            do throws(HubFailure) {
                try await perform(deed)
                return wrong.append("\(deed.rawValue) succeeded though it is impossible")
            } catch {
                note(error, deed)
                if error.kind == kind {
                    world.faults.clear()
                    if error.said.contains(Self.stillPaused) { try await recover(error) }
                    let after = try await state()
                    if after.files != before.files || after.head != before.head {
                        wrong.append("files of a failed \(deed.rawValue)")
                    }
                    if deed != .environment, after.restarts != before.restarts {
                        wrong.append("a restart of a failed \(deed.rawValue)")
                    }
                    if after.isPaused { wrong.append("left paused by a failed \(deed.rawValue): \(error)") }
                    return
                }
                try await recover(error)
            }
        }
        wrong.append("\(deed.rawValue) never failed with \(kind.rawValue): \(told.last ?? "")")
    }

    private func note(_ failure: HubFailure, _ deed: FaultScript.Deed) {
        told.append("\(deed.rawValue): \(failure) \(failure.hint ?? "")")
        if failure.said.isEmpty || failure.doing.isEmpty { wrong.append("a failure without words: \(failure)") }
        switch failure.kind {
        case .local, .cancelled, .refusedByUs:
            wrong.append("\(deed.rawValue) failed as \(failure.kind.rawValue): \(failure)")
        default: break
        }
    }

    /// What a failure says that leaves a Space paused, with the command that starts it.
    private static let stillPaused = "is not restarted yet"

    /// What the failure's own words ask for.
    private func recover(_ failure: HubFailure) async throws {
        if failure.kind == .badToken || failure.kind == .forbidden && script.mayOnlyRead && token == 0 {
            let old = hub
            token = 1
            hub = Self.hub(world, tokens[1], log)
            try await old.shutdown()
        }
        if case .after(let wait) = failure.retry { try await world.time.advance(by: wait) }
        try await world.time.advance(by: .seconds(10))
        if failure.said.contains(Self.stillPaused) {
            for _ in 0..<8 where space.live.stage == .paused {
                do { _ = try await hub.restart(repo) } catch {
                    note(error, .restart)
                    if error.kind == .badToken || error.kind == .forbidden { try await recover(error) }
                    try await world.time.advance(by: .seconds(70))
                }
            }
        }
    }

    private func perform(_ deed: FaultScript.Deed) async throws(HubFailure) {
        switch deed {
        case .upload: try await upload()
        case .environment: try await change()
        case .restart:
            // Logs and the `Date` header of the simulator tell real time while the waits between are simulated: here a log is always
            // too near to prove anything.
            _ = try await hub.restart(repo)
        case .wait: try await wait()
        }
    }

    private func upload() async throws(HubFailure) {
        var options = UploadOptions(summary: "Script \(script.seed)")
        options.stateFolder = scratch + "/state"
        if script.isFolder {
            options.delete = script.deleted
            do { try writeFolder() } catch { throw HubFailure(.local, doing: "write", said: "\(error)") }
            commit = try await hub.upload(folder: scratch + "/folder", to: repo, options: options).commit
        } else {
            // Deleting what is gone is refused: a person who asks again names only what is there.
            var changes: [HubChange] = []
            let there = Set(try await quiet.tree(of: repo).all().map(\.path))
            for path in script.deleted where there.contains(path) { changes.append(.delete(path: path)) }
            for (path, bytes) in script.files.sorted(by: { $0.key < $1.key }) {
                changes.append(.add(path: path, .bytes(ByteBuffer(bytes: bytes))))
            }
            commit = try await hub.commit(changes, to: repo, options: options).commit
        }
    }

    private func writeFolder() throws {
        for (path, bytes) in script.files {
            let target = scratch + "/folder/" + path
            guard !FileManager.default.fileExists(atPath: target) else { continue }
            try FileManager.default.createDirectory(
                atPath: String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)]),
                withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(filePath: target))
        }
    }

    private func change() async throws(HubFailure) {
        let wishes =
            script.secrets.sorted { $0.key < $1.key }
            .map { EnvironmentChange(.secret, $0.key, .set(Secret($0.value), description: nil)) }
            + script.variables.sorted { $0.key < $1.key }
            .map { EnvironmentChange(.variable, $0.key, .set(Secret($0.value), description: nil)) }
        let plan = try await hub.plan(wishes, for: repo, prints: prints)
        let first = world.journal.entries.last?.number ?? 0
        defer { checkWrites(since: first) }
        _ = try await hub.perform(plan, for: repo, prints: &prints)
    }

    /// One command writes a value once, whatever happens to the answers.
    private func checkWrites(since first: Int) {
        var writes: [String: Int] = [:]
        for entry in world.journal.entries where entry.number > first && entry.method == "POST" {
            let kind = entry.path.split(separator: "/").last ?? ""
            let happened = entry.status == 200 && [nil, "slow", "lost"].contains(entry.fault)
            guard happened, kind == "secrets" || kind == "variables" else { continue }
            struct Body: Decodable { var key: String }
            do {
                let body = try JSONDecoder().decode(Body.self, from: Data((entry.body ?? "").utf8))
                writes["\(kind) \(body.key)", default: 0] += 1
            } catch {
                wrong.append("a write of \(kind) without a key")
            }
        }
        for (what, count) in writes where count > 1 { wrong.append("\(what) written \(count) times by one command") }
    }

    private func wait() async throws(HubFailure) {
        var wait = SpaceWait(commit: commit, isFresh: true)
        for _ in 0..<300 {
            switch wait.look(at: try await hub.runtime(of: repo), space: repo) {
            case .ask, .wake: return
            case .wait: try await hub.pause(for: .seconds(2), doing: "wait for \(repo)")
            case .failed(let words, _):
                wrong.append("waiting failed: \(words)")
                return
            }
        }
        wrong.append("waiting never ends")
    }

    // MARK: what is there

    private struct State {
        var files: [String: String]
        var head: String?
        var restarts: Int
        var isPaused: Bool
    }

    private func count() async throws -> Int { try await quiet.commitCount(of: RepoID.space(name)) ?? -1 }

    private func state() async throws -> State {
        let files = try await quiet.tree(of: RepoID.space(name)).all().filter { $0.kind == .file }
        return State(
            files: Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.lfs ?? $0.oid) }),
            head: space.endState["head"]?.string, restarts: space.restarts, isPaused: space.live.stage == .paused)
    }

    private func checkEnd() async throws {
        try await world.time.advance(by: .seconds(120))
        let end = space.endState
        if end["stage"]?.string != "RUNNING" { wrong.append("it ends as \(end["stage"]?.string ?? "nothing")") }
        if end["serving"] != end["head"] { wrong.append("it serves another commit than the head") }
        var expected = FaultScript.firstFiles.mapValues { Self.blob(Array($0.utf8)) }
        if script.deeds.contains(.upload) {
            for path in script.deleted { expected[path] = nil }
            for (path, bytes) in script.files {
                expected[path] = bytes.contains(0) ? Self.hex(SHA256.hash(data: bytes)) : Self.blob(bytes)
            }
            if let commit, end["head"]?.string != commit { wrong.append("the head is not what the upload said") }
        }
        var files = try await state().files
        files[".gitattributes"] = nil
        if files != expected {
            let names = Set(files.keys).union(expected.keys).filter { files[$0] != expected[$0] }
            wrong.append("files differ: \(names.sorted())")
        }
        let changed = script.deeds.contains(.environment)
        let secrets = changed ? script.secrets.mapValues { Self.hex(SHA256.hash(data: Array($0.utf8))) } : [:]
        let variables = changed ? script.variables : [:]
        if end["secrets"]?.object?.compactMapValues(\.string) ?? [:] != secrets { wrong.append("secrets differ") }
        if end["variables"]?.object?.compactMapValues(\.string) ?? [:] != variables { wrong.append("variables differ") }
    }

    private static func hex(_ digest: some Sequence<UInt8>) -> String {
        digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    private static func blob(_ bytes: [UInt8]) -> String {
        hex(Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes))
    }

    /// Neither tokens nor values of secrets in anything that was said or written down.
    private func checkSecrets() {
        var lines = log.all + told + wrong
        for var entry in world.journal.entries {
            entry.body = nil
            lines.append("\(entry)")
            if let fault = entry.fault { met.insert(fault) }
            if entry.status == 401, entry.fault == nil { met.insert("expired") }
            if entry.status == 403, entry.fault == nil { met.insert("missing right") }
            if entry.status == 307 { met.insert("renamed") }
        }
        for secret in tokens + Array(script.secrets.values) where lines.contains(where: { $0.contains(secret) }) {
            wrong.append("a secret in the output: \(secret.prefix(4))…")
        }
    }
}
