import StokerCore
import Synchronization
import Testing

@testable import MCP

/// The fleet's status for agents is made at most five times a second.
@Suite struct KeptAnswersTests {
    private final class Time: Sendable { let now = Mutex(ContinuousClock.now) }

    @Test func anAnswerIsKeptForAMomentAndUntilAChange() {
        let time = Time()
        let answers = KeptAnswers(now: { time.now.withLock { $0 } })
        func keep(_ text: String, _ question: JSONValue, after changes: Int) {
            answers.keep(.init(["sentence": .string(text)]), to: question, after: changes)
        }
        func seen(_ question: JSONValue) -> String? { answers.answer(to: question).told?.value["sentence"]?.string }
        #expect(seen([:]) == nil)
        keep("one", [:], after: answers.answer(to: [:]).changes)
        keep("of the edge", ["group": "edge"], after: 0)
        #expect(seen([:]) == "one" && seen(["group": "edge"]) == "of the edge" && seen(["group": "web"]) == nil)
        time.now.withLock { $0 += .milliseconds(201) }
        #expect(seen([:]) == nil)
        keep("two", [:], after: 0)
        // A change comes while the same is asked once more: the answer to that may be from before it.
        let before = answers.answer(to: ["group": "web"]).changes
        answers.forget()
        #expect(seen([:]) == nil)
        keep("of before", ["group": "web"], after: before)
        #expect(seen(["group": "web"]) == nil)
        keep("of after", ["group": "web"], after: answers.answer(to: [:]).changes)
        #expect(seen(["group": "web"]) == "of after")
    }

    @Test func fewAreKept() {
        let time = Time()
        let answers = KeptAnswers(now: { time.now.withLock { $0 } })
        for number in 0..<20 { answers.keep(.init([:]), to: ["offset": .integer(Int64(number))], after: 0) }
        #expect((0..<20).count { answers.answer(to: ["offset": .integer(Int64($0))]).told != nil } == 8)
    }
}
