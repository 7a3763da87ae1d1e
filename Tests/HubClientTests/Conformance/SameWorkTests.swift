import Foundation
import HubClient
import HubSimulator
import StokerCore
import Subprocess
import Testing

/// The same work by the official client and by ours, in two worlds that begin alike: the same must be there at the end, and what
/// the two send differs only where docs/hub-conformance.md says so and why.
@Suite struct SameWorkTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private static func world() async throws -> SimulatedWorld {
        var configuration = HubConfiguration(
            time: SimulatedTime(.manual), epoch: Date(timeIntervalSince1970: 1_790_000_000), seed: 7)
        // Both clients send their larger file in parts.
        configuration.limits.singlePart = 150_000
        configuration.limits.part = 100_000
        let world = try await SimulatedWorld.start(configuration, logger: LogNotes().logger)
        world.journal.keepBodies(upTo: 1 << 20)
        return world
    }

    /// Text, an ignored file, a large one by name and a large one in parts; always with the same bytes.
    private static func fill(_ folder: String) throws {
        func write(_ name: String, _ bytes: [UInt8]) throws {
            let file = URL(filePath: folder).appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: file)
        }
        func noise(_ count: Int, _ seed: UInt64) -> [UInt8] {
            var state = seed
            return (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 33)
            }
        }
        let card = "---\ntitle: Orbit\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: docker\n---\n\n# Orbit\n"
        try write("README.md", Array(card.utf8))
        try write("Dockerfile", Array("FROM scratch\n".utf8))
        try write("plain.txt", Array("plain\n".utf8))
        try write("docs/a b.md", Array("# ü\n".utf8))
        try write("docs/deep/empty.txt", [])
        try write("model.bin", noise(250_000, 1))
        try write("second.bin", noise(9_000, 2))
    }

    private struct Run {
        var marks: [(name: String, number: Int)] = []
        var entries: [Journal.Entry] = []
        var state: Set<String> = []

        func requests(of step: String) -> [Journal.Entry] {
            guard let index = marks.firstIndex(where: { $0.name == step }) else { return [] }
            let end = index + 1 < marks.count ? marks[index + 1].number : Int.max
            return entries.filter { $0.number > marks[index].number && $0.number <= end }
        }
    }

    private static func withWorld(
        _ scratch: String, _ work: (SimulatedWorld, Hub, String) async throws -> [(String, Int)]
    )
        async throws -> Run
    {
        let world = try await world()
        let folder = "\(scratch)/folder"
        try fill(folder)
        let hub = Hub(
            .init(endpoint: world.endpoint, token: Secret("hf_maren")),
            pace: HubRateLimiter(clock: FastClock().hubClock),
            logger: LogNotes().logger, jitter: { 0 })
        do {
            var run = Run()
            run.marks = try await work(world, hub, folder).map { (name: $0.0, number: $0.1) }
            run.entries = world.journal.entries
            run.state = try await endState(of: world, by: hub)
            try await hub.shutdown()
            await world.shutdown()
            return run
        } catch {
            try await hub.shutdown()
            await world.shutdown()
            throw error
        }
    }

    private static func official(_ scratch: String) async throws -> Run {
        let python = "\(root)/.build/venv/bin/python"
        try #require(FileManager.default.fileExists(atPath: python), "run Scripts/setup.sh test")
        return try await withWorld(scratch) { world, _, folder in
            let result = try await Subprocess.run(
                .name("env"),
                arguments: [
                    python, "\(root)/Tests/HubSimulatorTests/Conformance/same_work.py", folder, "\(scratch)/down",
                ],
                environment: .inherit.updating([
                    "HF_ENDPOINT": world.endpoint, "HF_TOKEN": "hf_maren", "HF_HOME": "\(scratch)/hf", "HOME": scratch,
                    "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                    "PYTHONDONTWRITEBYTECODE": "1",
                ]), input: .none, output: .string(limit: 4 << 20), error: .string(limit: 1 << 20))
            try #require(result.terminationStatus == .exited(0), "\(result.standardOutput)\n\(result.standardError)")
            return result.standardOutput.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ")
                guard words.count == 3, words[0] == "step", let number = Int(words[2]) else { return nil }
                return (String(words[1]), number)
            }
        }
    }

    private static func own(_ scratch: String) async throws -> Run {
        try await withWorld(scratch) { world, hub, folder in
            let work = try OwnWork(
                hub: hub, world: world, folder: folder, down: "\(scratch)/down", notes: "\(scratch)/notes")
            var marks: [(String, Int)] = []
            for step in OwnWork.steps {
                marks.append((step.name, world.journal.entries.last?.number ?? 0))
                do { try await step.work(work) } catch {
                    Issue.record("step \(step.name): \(error)")
                    throw error
                }
            }
            return marks
        }
    }

    /// Rows `| step | difference | why |` of the page.
    private static func explained() throws -> Set<String> {
        let page = try String(contentsOfFile: "\(root)/docs/hub-conformance.md", encoding: .utf8)
        var rows: Set<String> = []
        for line in page.split(separator: "\n") where line.hasPrefix("| ") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: true)
                .map { $0.trimming(while: \.isWhitespace) }
            guard cells.count == 3, cells[1].hasPrefix("`"), cells[1].hasSuffix("`"), !cells[2].isEmpty else {
                continue
            }
            rows.insert("\(cells[0]): \(cells[1].dropFirst().dropLast())")
        }
        return rows
    }

    @Test(.timeLimit(.minutes(5))) func bothLeaveTheSameAndSendTheSame() async throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "same-work-\(UUID().uuidString)").path
        // A leftover in the temporary folder harms nobody.
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let official = try await Self.official("\(scratch)/official")
        let own = try await Self.own("\(scratch)/own")
        #expect(official.marks.map(\.name) == OwnWork.steps.map(\.name))

        #expect(official.state.count > 100, "there is something to compare")
        #expect(official.state.subtracting(own.state).sorted() == [], "only after the official client")
        #expect(own.state.subtracting(official.state).sorted() == [], "only after ours")

        var found: Set<String> = []
        for step in OwnWork.steps {
            let (requests, headers) = differences(
                official: official.requests(of: step.name), ours: own.requests(of: step.name))
            found.formUnion(requests.map { "\(step.name): \($0)" })
            found.formUnion(headers.map { "every: \($0)" })
        }
        let explained = try Self.explained()
        #expect(
            found.subtracting(explained).sorted() == [], "differences that docs/hub-conformance.md does not explain")
        #expect(explained.subtracting(found).sorted() == [], "differences that are no more")

        // What was fetched is the same, too.
        #expect(try Self.files("\(scratch)/official/down") == Self.files("\(scratch)/own/down"))
    }

    private static func files(_ folder: String) throws -> [String: Data] {
        var all: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) where !name.hasPrefix(".cache") {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder),
                !isFolder.boolValue
            else { continue }
            all[name] = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
        }
        return all
    }
}

extension StringProtocol {
    fileprivate func trimming(while fits: (Character) -> Bool) -> Substring {
        var rest = Substring(self)
        while let first = rest.first, fits(first) { rest.removeFirst() }
        while let last = rest.last, fits(last) { rest.removeLast() }
        return rest
    }
}
