import Foundation
import HubClient
import HubSimulator
import StokerCore
import Synchronization
import Testing

@testable import Deployment

/// Seeded stories of an apply with lost answers, broken connections, full windows and kills: run again until it is done, it ends as one without
/// trouble, makes one commit, writes each value once, and tells no secret.
///
/// `STOKER_APPLY_SCRIPTS` is how many are played, default 24; `STOKER_APPLY_SEED` plays that one alone.
@Suite struct ApplyFaultTests {
    private static let secret = "s3cr3t-of-the-fault-run"
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }
    private static let seeds: ClosedRange<UInt64> =
        if let seed = number("STOKER_APPLY_SEED") { seed...seed } else {
            1...max(1, number("STOKER_APPLY_SCRIPTS") ?? 24)
        }

    private static func faults(_ random: inout SeededNumbers) -> [Fault] {
        (0..<Int.random(in: 2...7, using: &random)).map { _ in
            let kinds: [Fault.Kind] = [
                .lost, .lost, .cut, .status(500, message: "Internal Error"),
                .status(503, message: "Service Unavailable"),
                .window(seconds: 30), .html(502), .empty,
            ]
            let paths = [
                "/**", "/api/spaces/*/*/secrets", "/api/spaces/*/*/variables", "/api/spaces/*/*/commit/*",
                "/api/spaces/*/*/pause", "/api/spaces/*/*/restart", "/api/spaces/*/*/hardware",
                "/api/spaces/*/*/volumes", "/api/spaces/*/*/settings", "/api/spaces/*/*/runtime",
            ]
            let kind = kinds[Int.random(in: 0..<kinds.count, using: &random)]
            // Answered well and not done, or an answer that cannot be read.
            let path =
                kind == .empty
                ? ["/api/spaces/*/*/runtime", "/api/spaces/*/*/secrets", "/api/spaces/*/*/volumes"][
                    Int.random(in: 0...2, using: &random)] : paths[Int.random(in: 0..<paths.count, using: &random)]
            return Fault(
                kind, method: kind == .empty && path.hasSuffix("/secrets") ? "POST" : nil, path: path, account: "maren",
                skip: Int.random(in: 0...6, using: &random),
                times: Int.random(in: 1...2, using: &random))
        }
    }

    @Test func everyStoryEndsAlike() async throws {
        try await ApplyWorld.with { world in
            let (changes, inputs) = try await ApplierTests.everything(6, secret: Self.secret)
            let clean = try await ApplierTests.space(world, "maren/clean")
            _ = try await world.applier().apply(try await world.plan(clean, changes), inputs)
            let wanted = try await ApplierTests.end(world, clean)
            for seed in Self.seeds {
                var random = SeededNumbers(seed)
                let name = "maren/story-\(seed)"
                let space = try await ApplierTests.space(world, name)
                let plan = try await world.plan(space, changes)
                let commits = try await world.hub.history(of: space).all().count
                for fault in Self.faults(&random) { world.world.faults.add(fault) }
                var memory = FakeMemory(
                    kill: Bool.random(using: &random) ? .before(Int.random(in: 1...18, using: &random)) : nil)
                var isDone = false
                var told: [String] = []
                for _ in 0..<14 where !isDone {
                    let one = memory
                    let work = Task { try await world.applier(one).apply(plan, inputs) }
                    switch await work.result {
                    case .success: isDone = true
                    case .failure(let error):
                        let failure = error as? Failure ?? (error as? HubFailure)?.failure
                        told.append("\(failure.map(\.description) ?? "\(error)")")
                        if failure?.code == .conflict { break }
                        try await world.world.time.advance(by: .seconds(90))
                    }
                    memory = memory.again()
                }
                world.world.faults.clear()
                let story = Comment(rawValue: "seed \(seed): \(told.joined(separator: " | "))")
                #expect(isDone, story)
                let end = try await ApplierTests.end(world, space)
                #expect(end == wanted, story)
                #expect(try await world.hub.history(of: space).all().count == commits + 1, story)
                for (effect, count) in world.effects
                where effect.hasPrefix("POST") && (effect.contains("/secrets ") || effect.contains("/variables ")) {
                    #expect(count == 1, "seed \(seed): \(effect) \(told.joined(separator: " | "))")
                }
                #expect(!told.joined().contains(Self.secret), story)
                let remembered = String(describing: memory.kept.withLock { $0 })
                #expect(!remembered.contains(Self.secret))
            }
            print("apply stories: \(Self.seeds.count) with lost answers, cuts and kills end alike unless told above")
        }
    }
}

/// SplitMix64.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
