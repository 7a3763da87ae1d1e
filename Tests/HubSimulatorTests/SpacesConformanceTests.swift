import Foundation
import HubSimulator
import Subprocess
import Testing

/// The official Python client and its command line against the simulator: they are the arbiter of what a Hub is.
@Suite struct SpacesConformanceTests {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test(.timeLimit(.minutes(5)), arguments: ["api", "cli"]) func theOfficialClientManagesSpaces(part: String)
        async throws
    {
        let python = Self.root.appendingPathComponent(".build/venv/bin/python").path
        try #require(
            FileManager.default.isExecutableFile(atPath: python), "make test installs Tests/requirements.txt there")
        let script = Self.root.appendingPathComponent("Tests/HubSimulatorTests/Conformance/spaces.py").path
        let world = try await SimulatedWorld.start(
            rules: SpaceRules(buildTakes: .milliseconds(700), startTakes: .milliseconds(300)))
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("hf-\(UUID().uuidString)").path
        let result = try await run(
            .name("env"), arguments: [python, script, part, String(world.fleet.edgePort)],
            environment: .inherit.updating([
                "HF_ENDPOINT": world.endpoint, "HF_TOKEN": "hf_maren", "HF_HOME": home, "NO_COLOR": "1",
                "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "HF_HUB_DISABLE_XET": "1",
            ]),
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        await world.shutdown()
        // There is nothing when the client stored nothing.
        try? FileManager.default.removeItem(atPath: home)
        #expect(result.terminationStatus.isSuccess, "\(result.standardOutput)")
    }
}
