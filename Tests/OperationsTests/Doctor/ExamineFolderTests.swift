import Operations
import StokerCore
import TestSupport
import Testing

/// `stoker doctor FOLDER` on whole Spaces, as an upload would take them.
@Suite struct ExamineFolderTests {
    private func findings(_ space: SpaceFixture) async throws -> [JSONValue] {
        try await space.inFolder { folder in
            let answer = try await FleetFileOperationTests.local(
                .examineFolder, [("folder", .string(folder))], text: nil)
            #expect(problems(of: answer, as: .shape(Operations.Operation.examineFolder.answer), at: "answer") == [])
            return answer["findings"]?.array ?? []
        }
    }

    private func place(_ finding: JSONValue) -> String {
        let place =
            ([finding["file"]?.string ?? ""] + ["line", "column"].compactMap { finding[$0]?.integer }.map { "\($0)" })
        return "\(finding["rule"]?.string ?? "") \(place.joined(separator: ":"))"
    }

    private func isGrave(_ finding: JSONValue) -> Bool { finding["severity"] != "info" }

    @Test func thereAreEnough() {
        #expect(SpaceFixture.all("broken").count >= 25 && SpaceFixture.all("healthy").count >= 20)
        #expect(SpaceFixture.all("broken").allSatisfy { !$0.expected.isEmpty && !$0.files.isEmpty })
    }

    /// Each fault at its line and column, and nothing else that is more than information.
    @Test(arguments: SpaceFixture.all("broken")) func theFaultIsFoundAtItsPlace(_ space: SpaceFixture) async throws {
        let found = try await findings(space)
        // A place may be told without its column.
        func isAt(_ finding: JSONValue, _ expected: String) -> Bool {
            place(finding) == expected || place(finding).hasPrefix(expected + ":")
        }
        for expected in space.expected {
            #expect(found.contains { isAt($0, expected) }, "\(expected) is not among \(found.map(place))")
        }
        let others = found.filter { finding in
            isGrave(finding) && !space.expected.contains { isAt(finding, $0) }
        }
        #expect(others == [])
    }

    @Test(arguments: SpaceFixture.all("healthy")) func nothingIsFoundInWhatWorks(_ space: SpaceFixture) async throws {
        #expect(try await findings(space).filter(isGrave) == [])
    }
}
