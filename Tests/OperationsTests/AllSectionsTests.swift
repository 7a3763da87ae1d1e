import Foundation
import Operations
import StokerCore
import Testing

/// What every room adds to the fleet file is in its documents.
@Suite struct AllSectionsTests {
    private static func file(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/\(name)")
    }
    private static var isWriting: Bool { ProcessInfo.processInfo.environment["STOKER_WRITE_DOCS"] == "1" }

    @Test func theSchemaInTheDocsIsTheOneThatIsMade() throws {
        let file = Self.file("fleet.schema.json")
        let made = FleetSchema.text(of: .all)
        if Self.isWriting { try made.write(to: file, atomically: true, encoding: .utf8) }
        #expect(try String(contentsOf: file, encoding: .utf8) == made, "write it anew with STOKER_WRITE_DOCS=1")
    }

    /// The kinds of channels have tables of their own, in docs/channels.md.
    @Test(arguments: [
        ("notify", "fleet-file.md"), ("rollout", "fleet-file.md"), ("doctor", "fleet-file.md"),
        ("vaults.folder", "fleet-file.md"), ("spaces.persist", "fleet-file.md"),
        ("spaces.persist.retention", "fleet-file.md"), ("workers", "workshop.md"),
        ("workers.model", "workshop.md"), ("workers.budget", "workshop.md"),
        ("spaces.deploy", "deploy.md"),
        ("spaces.deploy.readme", "deploy.md"), ("spaces.deploy.needs", "deploy.md"),
    ])
    func theDocsHaveEveryKeyOf(_ section: String, _ name: String) throws {
        let file = Self.file(name)
        var page = try String(contentsOf: file, encoding: .utf8)
        let group = try #require(FleetSections.all.groups.first { $0.name == section })
        let head = try #require(
            page.firstRange(of: "<!-- keys of \(section), made from its section; a test compares them -->\n"))
        let tail = try #require(page[head.upperBound...].firstRange(of: "<!-- end -->"))
        if Self.isWriting {
            page.replaceSubrange(head.upperBound..<tail.lowerBound, with: group.table())
            try page.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(page[head.upperBound..<tail.lowerBound] == group.table(), "write it anew with STOKER_WRITE_DOCS=1")
        }
    }
}
