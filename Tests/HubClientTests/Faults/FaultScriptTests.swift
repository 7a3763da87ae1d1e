import Foundation
import HubSimulator
import Testing

/// Seeded stories of upload, environment, restart and wait with everything going wrong that can: the end is the same as without, no effect
/// is doubled, no file lost, no secret told.
///
/// `STOKER_FAULT_SCRIPTS` is how many are played, default 30, `STOKER_FAULT_FIRST` the seed of the first; `STOKER_FAULT_SEED` plays that
/// one alone. Every failure names its seed.
@Suite struct FaultScriptTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }
    private static let seeds: ClosedRange<UInt64> =
        if let seed = number("STOKER_FAULT_SEED") { seed...seed } else {
            (number("STOKER_FAULT_FIRST") ?? 1)...((number("STOKER_FAULT_FIRST") ?? 1)
                + max(1, number("STOKER_FAULT_SCRIPTS") ?? 30) - 1)
        }
    /// Two worlds side by side, each with a clock of its own.
    private static let worlds: UInt64 = 2

    @Test(arguments: 0..<worlds) func theEndIsTheSame(world number: UInt64) async throws {
        var configuration = HubConfiguration(time: SimulatedTime(.manual), seed: number + 1)
        // The windows that are met are those of the faults.
        configuration.limits.quotas = [.api: 1_000_000, .pages: 1_000_000, .resolvers: 1_000_000]
        let world = try await SimulatedWorld.start(configuration, logger: LogNotes().logger)
        var failed = 0
        var met: Set<String> = []
        for seed in Self.seeds where seed % Self.worlds == number {
            do {
                let script = FaultScript(seed: seed)
                let (wrong, told, troubles) = try await FaultRun.play(script, in: world)
                met.formUnion(troubles)
                if !wrong.isEmpty {
                    failed += 1
                    Issue.record(
                        "seed \(seed): \(wrong.joined(separator: "; "))\n  \(script)\n  told: \(told.joined(separator: "\n  "))"
                    )
                }
            } catch {
                failed += 1
                Issue.record("seed \(seed): \(error)")
            }
            if failed >= 10 { break }
        }
        await world.shutdown()
        if Self.seeds.count >= 1_000 { #expect(met.isSuperset(of: Self.troubles), "\(met.sorted())") }
        print("\(Self.seeds.count) scripts met \(met.sorted().joined(separator: ", "))")
    }

    /// What a thousand scripts have to meet.
    private static let troubles: Set<String> = [
        "window-429", "action-429", "status-408", "status-500", "status-502", "status-503", "status-504", "slow", "cut",
        "lost", "html-200", "html-403", "html-500", "html-502", "html-503", "renamed", "bad-token", "expired",
        "missing right", "status-403", "status-402",
    ]
}
