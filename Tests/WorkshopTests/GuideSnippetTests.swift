import Foundation
import HubClient
import HubSimulator
import StokerCore
import Testing

@testable import Workshop

/// The Python of docs/guides/workers.md, with the official package on a simulated Hub: load, newest, count, save.
@Suite struct GuideSnippetTests {
    private static let guide = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/guides/workers.md").standardized.path

    private static func snippets() throws -> [String] {
        try String(contentsOfFile: guide, encoding: .utf8).components(separatedBy: "```python\n").dropFirst().map {
            String($0.prefix(upTo: $0.range(of: "\n```")?.lowerBound ?? $0.endIndex))
        }
    }

    @Test func theSnippetsOfTheGuideRun() async throws {
        let snippets = try Self.snippets()
        #expect(snippets.count == 4)
        try await Bench.with(hub: true) { bench async throws in
            var settings = bench.settings
            settings.tools = [.zizmor]
            settings.dataset = FleetReference("maren/autocoder-analysis-results")
            let publisher = try bench.publisher("maren/autocoder-analysis-results")
            for look in 0..<6 {
                _ = try await bench.run(
                    settings, publisher: publisher, now: Bench.now + .seconds(Int64(look) * 400)
                ).run()
            }
            var environment = ProgramRun.plain
            environment["HF_ENDPOINT"] = try #require(bench.world).endpoint
            environment["HF_TOKEN"] = "hf_maren"
            environment["HOME"] = bench.folder
            environment["HF_HOME"] = bench.folder + "/hf"
            environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
            environment["HF_HUB_DISABLE_XET"] = "1"
            let ended = try await ProgramRun(
                path: Bench.tools + "/python", arguments: ["-c", snippets.joined(separator: "\n")],
                environment: environment, folder: bench.folder, within: .seconds(120)
            ).run()
            try #require(ended.status == 0, "\(ended.errors.suffix(2_000))")
            let lines = ended.text.split(separator: "\n")
            let newest = try #require(try await publisher.latest())
            #expect(lines.contains { $0.hasPrefix("\(newest["iteration"]?.integer ?? 0) ") }, "\(ended.text)")
            #expect(lines.last?.contains("'high'") == true, "\(ended.text)")
            let saved = try String(contentsOfFile: bench.folder + "/results.jsonl", encoding: .utf8)
            #expect(saved.split(separator: "\n").count == newest["iteration"]?.integer)
        }
    }
}
