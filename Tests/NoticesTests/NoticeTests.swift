import Foundation
import Notices
import StokerCore
import Testing

@Suite("What a notice is stored as")
struct NoticeTests {
    @Test("it comes back whole")
    func coding() throws {
        let notice = Notice(
            key: "k1", kind: .gaveUp, at: Instant(milliseconds: 1_000),
            subjects: [.init(check: "bot", group: "production", verdict: .down, since: Instant(milliseconds: 5))],
            count: 7, sentence: "connection refused", done: ["restarted"], repeated: 2, isLate: true)
        #expect(try JSONDecoder().decode(Notice.self, from: try JSONEncoder().encode(notice)) == notice)
        #expect(Notice.Kind(rawValue: "gave-up") == .gaveUp)
    }
}
