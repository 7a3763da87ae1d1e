import Foundation
import Testing

@Suite struct VaultCampaignTests {
    /// A sample; `make vault-campaign RUNS=10000 SEED=1` runs as many as one likes.
    @Test func nothingIsLostOnABadDay() async throws {
        let environment = ProcessInfo.processInfo.environment
        let runs = environment["STOKER_VAULT_RUNS"].flatMap { Int($0) } ?? 24
        let first = environment["STOKER_VAULT_SEED"].flatMap { UInt64($0) } ?? 1
        var (publications, restores, fenced, kills) = (0, 0, 0, 0)
        for seed in first..<first + UInt64(runs) {
            let outcome = await VaultCampaign(seed: seed).run()
            #expect(outcome.problems == [], "seed \(seed)")
            publications += outcome.publications
            restores += outcome.restores
            fenced += outcome.fenced
            kills += outcome.kills
        }
        // A campaign in which nothing happens proves nothing.
        #expect(publications > runs && restores > 0 && kills > 0)
        if environment["STOKER_VAULT_RUNS"] != nil {
            print(
                "vault campaign: \(runs) runs from seed \(first): \(publications) publications, \(restores) restores, \(fenced) fenced, \(kills) killed"
            )
        }
    }
}
