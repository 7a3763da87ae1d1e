import Foundation
import Testing

/// The house as ARCHITECTURE.md describes it.
@Suite struct HouseTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let floors: [String: Int] = [
        "stoker": 6, "CommandLine": 5, "ControlRoom": 5, "Operations": 4, "KeepAlive": 3, "Deployment": 3,
        "Safekeeping": 3,
        "HubClient": 2, "Ledger": 2, "Diagnosis": 1, "Runtime": 1, "StokerCore": 0,
    ]

    private static func swiftFiles(of room: String) throws -> [URL] {
        let folder = root.appendingPathComponent("Sources/\(room)")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return try #require(files).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
    }

    private static func imports(of file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "import"), place < 3, words.count > place + 1 else { return nil }
            return String(words[place + 1])
        }
    }

    @Test(arguments: floors.keys.sorted()) func importsOnlyGoDownwards(room: String) throws {
        let floor = try #require(Self.floors[room])
        let files = try Self.swiftFiles(of: room)
        #expect(!files.isEmpty)
        for file in files {
            for imported in try Self.imports(of: file) {
                guard let below = Self.floors[imported] else { continue }
                #expect(below < floor, "\(file.lastPathComponent) imports \(imported)")
            }
        }
    }

    @Test func theSimulatorKnowsNothingOfOurs() throws {
        for file in try Self.swiftFiles(of: "HubSimulator") {
            let ours = try Self.imports(of: file).filter { Self.floors[$0] != nil || $0 == "StokerAssets" }
            #expect(ours.isEmpty, "\(file.lastPathComponent) imports \(ours)")
        }
    }

    @Test(arguments: ["README.md", "ARCHITECTURE.md"]) func namedPathsExist(page: String) throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent(page), encoding: .utf8)
        let paths = text.matches(
            of: #/\b(?:Sources|Tests|docs|examples|Benchmarks|Scripts)/[A-Za-z0-9_./+-]*[A-Za-z0-9]/#
        )
        .map { String($0.output) }
        #expect(!paths.isEmpty)
        for path in paths {
            #expect(
                FileManager.default.fileExists(atPath: Self.root.appendingPathComponent(path).path),
                "\(page) names \(path), which does not exist")
        }
    }
}
