import Foundation
import HubClient
import HubSimulator
import Logging
import NIOCore
import Runtime
import StokerCore
import Synchronization

@testable import Deployment

/// A simulated Hub, a client whose waits are simulated, and what an apply remembers.
struct ApplyWorld {
    let world: SimulatedWorld
    let hub: Hub
    let memory = FakeMemory()

    static func with<Value>(
        rules: SpaceRules = SpaceRules(), _ work: (ApplyWorld) async throws -> Value
    ) async throws -> Value {
        var configuration = HubConfiguration(time: SimulatedTime(.manual))
        configuration.limits.quotas = [.api: 1_000_000, .pages: 1_000_000, .resolvers: 1_000_000]
        configuration.limits.commitsPerHour = nil
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let world = try await SimulatedWorld.start(configuration, rules: rules, logger: quiet)
        let time = world.time
        var clock = WaitClock(ContinuousClock())
        clock.now = { time.now }
        clock.sleep = { wait in
            try Task.checkCancellation()
            try await time.advance(by: wait)
        }
        let hub = Hub(
            .init(endpoint: world.endpoint, token: Secret("hf_maren")), pace: HubRateLimiter(clock: clock),
            logger: quiet, jitter: { 0 })
        let result: Result<Value, any Error>
        do { result = .success(try await work(ApplyWorld(world: world, hub: hub))) } catch { result = .failure(error) }
        try await hub.shutdown()
        await world.shutdown()
        return try result.get()
    }

    func applier(_ memory: FakeMemory? = nil) -> Applier {
        Applier(
            hub: hub, memory: memory ?? self.memory, now: { Instant(seconds: Date().timeIntervalSince1970) },
            waits: [.seconds(1), .seconds(2), .seconds(4)])
    }

    /// A plan made on what is there now.
    func plan(_ space: RepoID, after: [RepoID] = [], _ changes: [PlannedChange]) async throws -> SpacePlan {
        SpacePlan(
            space: space, target: space.name, after: after, changes: changes,
            fingerprint: try await hub.observe(space).fingerprint)
    }

    /// Time for builds and starts.
    func settle() async throws { try await world.time.advance(by: .seconds(120)) }

    /// Requests that changed something, by what they did.
    var effects: [String: Int] {
        struct Body: Decodable { var key: String? }
        var counts: [String: Int] = [:]
        for entry in world.journal.entries where !["GET", "HEAD"].contains(entry.method) {
            let verb = entry.path.split(separator: "/").last.map(String.init) ?? ""
            let isRead =
                ["validate-yaml", "batch"].contains(verb) || entry.path.contains("/preupload/")
                || entry.path.contains("/paths-info/")
            guard !isRead, entry.status == 200, [nil, "slow", "lost"].contains(entry.fault) else { continue }
            let key = entry.body.flatMap { try? JSONDecoder().decode(Body.self, from: Data($0.utf8)) }?.key
            counts["\(entry.method) \(entry.path) \(key ?? "")", default: 0] += 1
        }
        return counts
    }

    static func text(_ text: String) -> HubSource { .bytes(ByteBuffer(string: text)) }

    /// As the plan names a content.
    static func content(_ text: String) async throws -> String {
        let hash = GitHash.blob(text)
        return "sha1:\(hash)"
    }
}

enum GitHash {
    /// What git calls a file of this text.
    static func blob(_ text: String) -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["git", "hash-object", "--stdin"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        do { try process.run() } catch { return "\(error)" }
        input.fileHandleForWriting.write(Data(text.utf8))
        input.fileHandleForWriting.closeFile()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Remembers as a disk does, and can be killed before or behind a write.
final class FakeMemory: ApplyMemory {
    struct Killed: Error {}
    struct Kept {
        var progress: [RepoID: ApplyProgress] = [:]
        var prints = SecretFingerprints()
        var good: [RepoID: String] = [:]
        var owing: Set<RepoID> = []
    }
    enum Kill: Sendable, Equatable {
        case before(Int), behind(Int)
    }
    let kept: Mutex<Kept>
    private let writes = Mutex(0)
    private let isDead = Mutex(false)
    private let kill: Kill?

    init(_ kept: Kept = Kept(), kill: Kill? = nil) {
        self.kept = Mutex(kept)
        self.kill = kill
    }

    var wasKilled: Bool { isDead.withLock { $0 } }
    /// The same disk in another process.
    func again(kill: Kill? = nil) -> FakeMemory { FakeMemory(kept.withLock { $0 }, kill: kill) }

    private func check() throws(Failure) {
        guard wasKilled else { return }
        throw Failure(.interrupted, doing: "go on", because: "the process was killed")
    }

    /// A dead process neither writes nor asks the Hub.
    private func die() -> Failure {
        isDead.withLock { $0 = true }
        withUnsafeCurrentTask { $0?.cancel() }
        return Failure(.interrupted, doing: "go on", because: "the process was killed")
    }

    private func write(_ change: (inout Kept) -> Void) throws(Failure) {
        try check()
        let number = writes.withLock { count in
            count += 1
            return count
        }
        if kill == .before(number) { throw die() }
        kept.withLock { change(&$0) }
        if kill == .behind(number) { throw die() }
    }

    func progress(of space: RepoID) async throws(Failure) -> ApplyProgress? {
        try check()
        return kept.withLock { $0.progress[space] }
    }
    func keep(_ progress: ApplyProgress, of space: RepoID) async throws(Failure) {
        try write { $0.progress[space] = progress }
    }
    func prints() async throws(Failure) -> SecretFingerprints {
        try check()
        return kept.withLock { $0.prints }
    }
    func keep(from before: SecretFingerprints, to after: SecretFingerprints) async throws(Failure) {
        try write { $0.prints = after }
    }
    func lastGood(_ space: RepoID) async throws(Failure) -> String? { kept.withLock { $0.good[space] } }
    func keep(good commit: String, of space: RepoID) async throws(Failure) { try write { $0.good[space] = commit } }
    func isLeftPaused(_ space: RepoID) async -> Bool { kept.withLock { $0.owing.contains(space) } }
    func whileOwingRestart(_ space: RepoID, _ work: () async -> Bool) async {
        kept.withLock { _ = $0.owing.insert(space) }
        if await work(), !wasKilled { kept.withLock { _ = $0.owing.remove(space) } }
    }
}
