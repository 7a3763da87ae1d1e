import Foundation
import Operations
import StokerCore
import TestSupport
import Testing

/// `stoker doctor FOLDER --fix`: the finding is gone, and the rest is as it was, byte for byte.
@Suite struct RepairFolderTests {
    struct Expectation: Sendable, CustomTestStringConvertible {
        /// Of the broken Space, from the beginning of its name.
        var space: String
        var file: String
        /// What stood there, and what stands there now.
        var old: String
        var new: String
        /// Findings that go.
        var rule: String
        var testDescription: String { "\(space) \(rule)" }
    }

    static let expectations: [Expectation] = [
        .init(space: "05", file: "README.md", old: "sdk: docker\n", new: "sdk: docker\napp_port: 8000\n", rule: "P01"),
        .init(
            space: "06", file: "Dockerfile", old: "\"7860\"]", new: "\"7860\", \"--host\", \"0.0.0.0\"]", rule: "P02"),
        .init(space: "07", file: "main.py", old: "host=\"127.0.0.1\"", new: "host=\"0.0.0.0\"", rule: "P02"),
        .init(space: "08", file: "README.md", old: "sdk: docker\n", new: "sdk: docker\napp_port: 3000\n", rule: "P01"),
        .init(space: "09", file: "README.md", old: "sdk: docker\n", new: "sdk: docker\napp_port: 8080\n", rule: "P01"),
        .init(space: "10", file: "Sources/App/main.swift", old: "127.0.0.1", new: "0.0.0.0", rule: "P02"),
        .init(space: "11", file: "README.md", old: "app_port: 7000", new: "app_port: 8000", rule: "P01"),
        .init(space: "19", file: "db.py", old: "/tides\"", new: "/tides?sslmode=require\"", rule: "DB04"),
        .init(space: "20", file: "Dockerfile", old: "[\"./start.sh\"]", new: "[\"sh\", \"./start.sh\"]", rule: "EP04"),
        .init(space: "21", file: "start.sh", old: "\r\n", new: "\n", rule: "EP01"),
        .init(
            space: "24", file: "Dockerfile",
            old: "COPY --chown=user . .\nRUN pip install --no-cache-dir -r requirements.txt\n",
            new:
                "COPY --chown=user requirements.txt ./\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY --chown=user . .\n",
            rule: "DF02"),
        .init(space: "30", file: "Dockerfile", old: ", \"--reload\"", new: "", rule: "D22"),
        .init(space: "35", file: "nginx.conf", old: "listen 80;", new: "listen 7860;", rule: "P01"),
    ]

    private func repair(_ folder: String, isSure: Bool = true) async throws -> JSONValue {
        try await FleetFileOperationTests.local(
            .repairFolder,
            [("folder", .string(folder))] + (isSure ? [(name: "confirm", value: true)] : []), text: nil)
    }

    private func contents(_ folder: String) -> [String: Data] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        var found: [String: Data] = [:]
        for name in names { found[name] = FileManager.default.contents(atPath: folder + "/" + name) }
        return found
    }

    @Test(arguments: expectations) func theFindingGoesAndNothingElse(_ expected: Expectation) async throws {
        let space = try #require(SpaceFixture.all("broken").first { $0.name.hasPrefix(expected.space) })
        try await space.inFolder { folder in
            let before = contents(folder)
            let answer = try await repair(folder)
            #expect(problems(of: answer, as: .shape(Operations.Operation.repairFolder.answer), at: "answer") == [])
            #expect(answer["written"] == true)
            let left = (answer["findings"]?.array ?? []).compactMap { $0["rule"]?.string }
            #expect(!left.contains(expected.rule), "\(left)")
            let old = String(decoding: try #require(before[expected.file]), as: UTF8.self)
            let wanted = old.replacing(expected.old, with: expected.new)
            #expect(wanted != old)
            let after = contents(folder)
            #expect(String(decoding: try #require(after[expected.file]), as: UTF8.self) == wanted)
            let changed = Set(after.keys.filter { after[$0] != before[$0] })
            let told = Set((answer["files"]?.array ?? []).compactMap { $0["path"]?.string })
            #expect(changed == told && before.keys.allSatisfy { after[$0] != nil })
            // Once is enough.
            #expect(try await repair(folder)["files"]?.array == [])
        }
    }

    /// In no Space does a repair bring anything new, and one that works stays well.
    @Test(arguments: SpaceFixture.all("broken") + SpaceFixture.all("healthy"))
    func aRepairBringsNothingNew(_ space: SpaceFixture) async throws {
        try await space.inFolder { folder in
            func rules() async throws -> [String] {
                let answer = try await FleetFileOperationTests.local(
                    .examineFolder, [("folder", .string(folder))], text: nil)
                return (answer["findings"]?.array ?? []).compactMap { $0["rule"]?.string }
            }
            let before = try await rules()
            let answer = try await repair(folder)
            let after = try await rules()
            #expect(after == (answer["findings"]?.array ?? []).compactMap { $0["rule"]?.string })
            var rest = before
            for rule in after {
                let place = try #require(rest.firstIndex(of: rule), "\(rule) is new")
                rest.remove(at: place)
            }
        }
    }

    @Test func modesAndLineEndsStay() async throws {
        let space = try #require(SpaceFixture.all("broken").first { $0.name.hasPrefix("05") })
        try await space.inFolder { folder in
            let path = folder + "/README.md"
            let text = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
                .replacing("\n", with: "\r\n")
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            _ = try await repair(folder)
            let after = String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self)
            #expect(after == text.replacing("sdk: docker\r\n", with: "sdk: docker\r\napp_port: 8000\r\n"))
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
            #expect(mode?.intValue == 0o640)
        }
    }

    @Test func withoutAYesNothingIsWritten() async throws {
        let space = try #require(SpaceFixture.all("broken").first { $0.name.hasPrefix("05") })
        try await space.inFolder { folder in
            let before = contents(folder)
            await #expect { try await repair(folder, isSure: false) } throws: { ($0 as? Failure)?.code == .unconfirmed }
            #expect(contents(folder) == before)
        }
    }

    /// What is no UTF-8 text cannot be written back as it was: nothing is.
    @Test func bytesThatAreNoTextAreLeftAlone() async throws {
        let space = try #require(SpaceFixture.all("broken").first { $0.name.hasPrefix("05") })
        try await space.inFolder { folder in
            let path = folder + "/README.md"
            let data = try #require(FileManager.default.contents(atPath: path)) + Data([0xE9, 0x0A])
            try data.write(to: URL(fileURLWithPath: path))
            let before = contents(folder)
            await #expect { try await repair(folder) } throws: { ($0 as? Failure)?.because.contains("UTF-8") == true }
            #expect(contents(folder) == before)
        }
    }

    @Test func filesOfACallComeBackWhole() async throws {
        let space = try #require(SpaceFixture.all("broken").first { $0.name.hasPrefix("11") })
        let files = space.files.map { file in
            JSONValue.object([
                .init("path", .string(file.path)),
                .init("content", .string(Data(file.content.utf8).base64EncodedString())),
            ])
        }
        let answer = try await Operations.Operation.repairFolder.call(
            [("files", .array(files))], in: OperationContext(now: { Instant(milliseconds: 0) }))
        #expect(answer["written"] == false)
        let file = try #require(answer["files"]?.array?.first { $0["path"] == "README.md" })
        #expect(file["text"]?.string?.contains("app_port: 8000\n") == true)
        #expect(file["diff"]?.string?.contains("-app_port: 7000\n+app_port: 8000\n") == true)
    }
}
