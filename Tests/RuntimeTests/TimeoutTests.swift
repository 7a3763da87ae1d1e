import Runtime
import Testing

@Suite(.timeLimit(.minutes(1))) struct TimeoutTests {
    @Test func whatEndsInTimeIsReturned() async throws {
        #expect(try await withTimeout(.seconds(30)) { 7 } == 7)
    }

    /// The work is cancelled, or this would never end.
    @Test func whatTakesLongerIsCancelled() async throws {
        let result = try await withTimeout(.milliseconds(10)) {
            try await Task.sleep(for: .seconds(3_600))
            return 1
        }
        #expect(result == nil)
    }

    @Test func whatTheWorkThrowsIsThrown() async {
        struct Trouble: Error {}
        await #expect(throws: Trouble.self) { try await withTimeout(.seconds(30)) { throw Trouble() } }
    }
}
