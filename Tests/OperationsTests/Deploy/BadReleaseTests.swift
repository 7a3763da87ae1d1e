import Deployment
import Foundation
import HubClient
import HubSimulator
import StokerCore
import Synchronization
import Testing

@testable import Operations

/// A bad release in a fleet of 20 is stopped with a wave untouched, whatever is bad about it and however badly the Hub answers meanwhile; and the way
/// back begins within ten seconds of the gate's no.
///
/// `STOKER_BAD_RELEASES` is how many releases, default 2 (`make deploy-campaign` makes 200); `STOKER_BAD_RELEASE_SEED` plays that one alone.
@Suite(.timeLimit(.minutes(60))) struct BadReleaseTests {
    private static let count = 20
    private static let longestPause = Duration.seconds(10)
    private static let seeds: [Int] =
        if let seed = DeployScratch.number("STOKER_BAD_RELEASE_SEED") { [seed] } else {
            Array(1...max(1, DeployScratch.number("STOKER_BAD_RELEASES") ?? 2))
        }

    /// When a gate said no to a Space, and when its way back began.
    private final class Watch: OperationCaller {
        private let times = Mutex<(no: [String: ContinuousClock.Instant], pauses: [String: Duration])>(([:], [:]))
        var isLocal: Bool { true }

        func take(_ progress: OperationProgress) {
            let space = String(progress.text.prefix { $0 != " " })
            switch progress.step {
            case "diagnosing": times.withLock { $0.no[space] = $0.no[space] ?? .now }
            case "rollback":
                times.withLock { times in times.pauses[space] = times.no[space].map { .now - $0 } ?? .seconds(999) }
            default: break
            }
        }
        var pauses: [String: Duration] { times.withLock { $0.pauses } }
    }

    private struct Result: Sendable {
        var wentBack = 0
        var untouched = 0
        var longest = Duration.zero
    }

    @Test func itIsStoppedAndGoesBackSoon() async throws {
        var all = Result()
        var over = 0
        // Nearly all of the time is waiting.
        try await withThrowingTaskGroup(of: Result.self) { group in
            var waiting = Self.seeds[...]
            func add() {
                guard let seed = waiting.popFirst() else { return }
                group.addTask { try await Self.play(UInt64(seed)) }
            }
            for _ in 0..<12 { add() }
            while let one = try await group.next() {
                all.wentBack += one.wentBack
                all.untouched += one.untouched
                all.longest = max(all.longest, one.longest)
                over += 1
                if over % 20 == 0 { print("bad releases so far: \(over)") }
                add()
            }
        }
        print(
            "bad releases: \(over) in fleets of \(Self.count), \(all.wentBack) Spaces went back, \(all.untouched) untouched; the way back began at most \(all.longest) behind the gate's no"
        )
    }

    private static func play(_ seed: UInt64) async throws -> Result {
        var configuration = HubConfiguration(time: SimulatedTime(.scaled(60)))
        configuration.limits.quotas = [.api: 1_000_000, .pages: 1_000_000, .resolvers: 1_000_000]
        return try await DeployScratch.with(configuration) { scratch in
            var dice = Dice(state: seed)
            let readme = "---\ntitle: App\nsdk: docker\n---\n"
            let files = ["README.md": readme, "Dockerfile": "FROM scratch\n", "app.py": "print(1)\n"]
            for number in 1...count { try await scratch.world.add(SceneSpace("maren/a\(number)", files: files)) }
            for (path, text) in files { try scratch.write("app/\(path)", path == "app.py" ? "print(2)\n" : text) }

            let (canary, then) = (dice.pick([0, 1, 1, 3]), dice.pick(["10%", "25%", "50%", "4"]))
            let share = try #require(Rollout.Share(then))
            let size = if case .percent(let percent) = share { count * percent / 100 } else { 4 }
            // What is bad shows at the earliest in the first Space and at the latest before the last wave.
            let waves = Array(stride(from: canary, to: count, by: size))
            let first = dice.flip() ? 1 : Int.random(in: 1...max(1, waves[waves.count - 1] - 1), using: &dice)
            let fates: [SpaceFate] = [
                .badBuild, .badExit, .noCapacity, .hangs, .staysOld,
                .buildFails("Job failed with exit code: 1. Reason: process \"pip install\" did not complete"),
                .startFails("Exit code: 137. Reason: Memory limit exceeded (16Gi)"),
            ]
            for number in first...count { scratch.world.spaces.space("maren/a\(number)")?.meet([dice.pick(fates)]) }
            // The logs are read behind the gate: they may hang.
            let trouble: [Fault.Kind] = [
                .slow(.seconds(3_600)), .status(500, message: "Internal Error"), .cut, .html(502),
            ]
            if dice.flip() {
                scratch.world.faults.add(
                    Fault(dice.pick(trouble), path: "/api/spaces/*/*/logs/*", times: nil, chance: dice.pick([0.5, 1])))
            }
            var heads: [String: String] = [:]
            for number in 1...count {
                heads["maren/a\(number)"] = try await scratch.hub.info(
                    of: try RepoID.space("maren/a\(number)"), expand: ["sha"]
                ).sha
            }

            let text = """
                rollout: { canary: \(canary), then: \(then), within: 12s, on_failure: rollback }
                spaces:

                """ + (1...count).map { "  maren/a\($0): { deploy: { from: ./app, sdk: docker } }\n" }.joined()
            let watch = Watch()
            let context = OperationContext(
                now: { Instant(seconds: Date().timeIntervalSince1970) }, hub: scratch.hub,
                dataFolder: scratch.folder + "/data", caller: watch)
            let answer = try await Operations.Operation.apply.call(
                [("fleet_file", scratch.file(text)), ("confirm", true)], in: context)
            let story = Comment(
                rawValue:
                    "seed \(seed), canary \(canary), then \(then), bad from \(first): \(answer["sentence"]?.string ?? "")"
            )
            #expect(answer["state"] == "failed", story)

            var result = Result()
            var touched: Set<Int> = []
            var waitingWaves: Set<Int> = []
            for space in answer["spaces"]?.array ?? [] {
                let name = space["space"]?.string ?? ""
                let wave = space["wave"]?.integer ?? 0
                let state = space["state"]?.string ?? ""
                let head = try await scratch.hub.info(of: try RepoID.space(name), expand: ["sha"]).sha
                if state == "untouched" {
                    result.untouched += 1
                    waitingWaves.insert(wave)
                    #expect(head == heads[name], story)
                } else {
                    touched.insert(wave)
                }
                let isBad = (Int(name.dropFirst("maren/a".count)) ?? 0) >= first
                if state != "untouched" {
                    #expect(state == (isBad ? "rolled-back" : "done"), "\(name) is \(state). \(story)")
                }
                guard state == "rolled-back" else { continue }
                result.wentBack += 1
                #expect(try await scratch.hub.text(of: "app.py", in: try RepoID.space(name)) == "print(1)\n", story)
                let pause = try #require(watch.pauses[name], story)
                #expect(pause <= longestPause, story)
                result.longest = max(result.longest, pause)
            }
            #expect(!waitingWaves.subtracting(touched).isEmpty, story)
            #expect(result.wentBack > 0, story)
            return result
        }
    }
}
