import Foundation
import Runtime
import Testing

@Suite struct AllocatorTests {
    /// Resident pages of files in kB, as proc(5) tells them.
    private static func filePages() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
        return try #require(Int(line.filter(\.isNumber)))
    }

    /// Code that only the start needed is not resident any more; what is needed again comes back by itself.
    @Test func theProgramsOwnPagesAreGivenBack() throws {
        let before = try Self.filePages()
        Allocator.giveBackStart()
        #expect(try Self.filePages() < before)
        #expect([3, 1, 2].sorted().map(String.init).joined() == "123")
    }
}
