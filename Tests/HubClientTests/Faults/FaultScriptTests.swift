import Foundation
import HubSimulator
import Testing

/// Seeded stories of upload, environment, restart and wait with everything going wrong that can: the end is the same as without, no effect
/// is doubled, no file lost, no secret told.
///
/// `STOKER_FAULT_SCRIPTS` is how many are played, default 60; `STOKER_FAULT_SEED` plays that one alone. Every failure names its seed.
@Suite struct FaultScriptTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }
    private static let seeds: ClosedRange<UInt64> =
        if let seed = number("STOKER_FAULT_SEED") { seed...seed } else {
            1...max(1, number("STOKER_FAULT_SCRIPTS") ?? 60)
        }
    /// Two worlds side by side, each with a clock of its own.
    private static let worlds: UInt64 = 2

    @Test(arguments: 0..<worlds) func theEndIsTheSame(world number: UInt64) async throws {
        var configuration = HubConfiguration(time: SimulatedTime(.manual), seed: number + 1)
        // The windows that are met are those of the faults.
        configuration.limits.quotas = [.api: 1_000_000, .pages: 1_000_000, .resolvers: 1_000_000]
        let world = try await SimulatedWorld.start(configuration, logger: LogNotes().logger)
        var failed = 0
        for seed in Self.seeds where seed % Self.worlds == number {
            do {
                let script = FaultScript(seed: seed)
                let (wrong, told) = try await FaultRun.play(script, in: world)
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
    }
}
