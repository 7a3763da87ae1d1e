import Dispatch
import StokerCore
import TestSupport
import Testing

@testable import Runtime

@Suite(.timeLimit(.minutes(1))) struct FileLaneTests {
    @Test func whatIsReadComesBack() async throws {
        let lane = FileLane()
        #expect(try await lane.run("read it", within: .seconds(30)) { 7 } == 7)
        await #expect(throws: CancellationError.self) {
            try await lane.run("read it", within: .seconds(30)) { throw CancellationError() }
        }
        #expect(try await lane.run("read it", within: .seconds(30)) { 8 } == 8)
    }

    /// A mount that hangs costs one thread and no more, and is used again when it is back.
    @Test func whatHangsIsGivenUpAndNotAskedTwice() async throws {
        let lane = FileLane()
        let gate = DispatchSemaphore(value: 0)
        let late = await #expect(throws: Failure.self) {
            try await lane.run("read it", within: .milliseconds(50)) { gate.wait() }
        }
        #expect(late?.because == "it did not answer within 50ms" && late?.code == .fileUnreadable)
        let second = await #expect(throws: Failure.self) {
            try await lane.run("read it", within: .seconds(30)) { Issue.record("a second thread") }
        }
        #expect(second?.because.contains("has not come back") == true)
        gate.signal()
        try await eventually { (try? await lane.run("read it", within: .seconds(30)) { 9 }) == 9 }
    }
}
