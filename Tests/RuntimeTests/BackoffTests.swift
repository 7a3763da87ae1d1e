import Runtime
import Testing

@Suite struct BackoffTests {
    @Test func waitsDoubleUpToTheLongest() {
        let backoff = Backoff(first: .seconds(30), longest: .seconds(300))
        #expect(
            (0...6).map { backoff.wait(after: $0) } == [
                .zero, .seconds(30), .seconds(60), .seconds(120), .seconds(240), .seconds(300), .seconds(300),
            ])
    }

    @Test func withoutALongestTheyDoubleSoOften() {
        let backoff = Backoff(first: .seconds(2), doublings: 3)
        #expect(
            [1, 4, 5, .max].map { backoff.wait(after: $0) } == [.seconds(2), .seconds(16), .seconds(16), .seconds(16)])
        #expect(Backoff(first: .seconds(1), doublings: .max).wait(after: .max) == .seconds(1 << 30))
    }

    @Test func chanceAddsUpToAQuarter() {
        let backoff = Backoff(first: .seconds(4))
        #expect(backoff.wait(after: 1, share: 0) == .seconds(4))
        #expect(backoff.wait(after: 1, share: 1) == .seconds(5))
        #expect(backoff.wait(after: 1, share: 7) == .seconds(5))
    }
}
