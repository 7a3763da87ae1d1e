import Foundation
import HubSimulator
import Subprocess
import Testing

/// The official Python client, its command line and real git against the simulator: if they are happy, so may ours be.
@Suite struct ConformanceTests {
    @Test(
        arguments: [
            "repos.py", "commits.py", "downloads.py", "large.py", "command_line.py", "git.py", "s3.py", "account.py",
            "discussions.py", "commands.py",
        ])
    func officialClientIsHappy(_ script: String) async throws {
        var configuration = HubConfiguration()
        configuration.limits.singlePart = 12_000_000
        configuration.limits.part = 5_000_000
        configuration.limits.treePage = 50
        configuration.limits.expandedTreePage = 7
        configuration.limits.whoamiPerWindow = 20
        let hub = try await SimulatedHub.start(configuration)
        let scratch = FileManager.default.temporaryDirectory.appending(path: "conformance-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }  // a leftover in the temporary folder harms nobody
        do {
            let (passed, output) = try await Self.run(script, hub, scratch.path)
            #expect(passed, "\(output)")
            await hub.shutdown()
        } catch {
            await hub.shutdown()
            throw error
        }
    }

    /// Every method and command of the pinned client is exercised by a script or named as out, and docs/hub-conformance.md says so.
    @Test func nothingOfTheRepertoireIsForgotten() async throws {
        let python = "\(Self.root)/.build/venv/bin/python"
        try #require(FileManager.default.fileExists(atPath: python), "run Scripts/setup.sh test")
        let result = try await Subprocess.run(
            .name("env"),
            arguments: [
                python, "\(Self.root)/Tests/HubSimulatorTests/Conformance/repertoire.py", "--check",
                "\(Self.root)/docs/hub-conformance.md",
            ],
            environment: .inherit.updating(["PYTHONDONTWRITEBYTECODE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"]),
            input: .none, output: .string(limit: 1 << 20), error: .combinedWithOutput)
        #expect(result.terminationStatus == .exited(0), "\(result.standardOutput)")
    }

    /// The repository's root, found from this file.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static func run(_ script: String, _ hub: SimulatedHub, _ scratch: String) async throws -> (Bool, String) {
        let python = "\(root)/.build/venv/bin/python"
        try #require(FileManager.default.fileExists(atPath: python), "run Scripts/setup.sh test")
        let result = try await Subprocess.run(
            .name("env"), arguments: [python, "\(root)/Tests/HubSimulatorTests/Conformance/\(script)"],
            environment: .inherit.updating([
                "HF_ENDPOINT": hub.endpoint, "S3_ENDPOINT": hub.s3Endpoint("maren"), "HF_TOKEN": "hf_maren",
                "HF_HOME": "\(scratch)/hf", "HOME": scratch,
                "SCRATCH": scratch, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1",
                "GIT_TERMINAL_PROMPT": "0",
            ]), input: .none, output: .string(limit: 4 << 20), error: .combinedWithOutput)
        return (result.terminationStatus == .exited(0), result.standardOutput)
    }
}
