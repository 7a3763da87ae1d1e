import Testing

@testable import Safekeeping

@Suite struct VaultCampaignTests {
    /// A sample; `make vault-campaign RUNS=10000 SEED=1` runs as many as one likes.
    @Test func nothingIsLostOnABadDay() async throws {
        try await VaultCampaign.runs("memory", "STOKER_VAULT_RUNS", sample: 24) { _ in
            let model = ModelStore()
            return { ModelVault(store: model) }
        }
    }

    /// In a folder; `make vault-campaign REAL=200` runs as many on each real kind.
    @Test(arguments: [FolderVault.Heads.locked, .numbered]) func nothingIsLostOnABadDay(heads: FolderVault.Heads)
        async throws
    {
        try await VaultCampaign.runs("folder, \(heads) heads", "STOKER_VAULT_REAL_RUNS", sample: 3, streams: true) {
            _ in
            let scratch = Scratch()
            return { FolderVault(path: scratch("vault"), heads: heads) }
        }
    }
}
