import HubClient
import StokerCore
import Testing

@testable import Deployment

@Suite struct WavesTests {
    private static func ids(_ count: Int) throws -> [RepoID] {
        try (1...count).map { try RepoID.space("maren/s\($0)") }
    }

    private static func sizes(_ count: Int, canary: Int = 1, then: Rollout.Share) throws -> [Int] {
        var rollout = Rollout()
        (rollout.canary, rollout.then) = (canary, then)
        return Waves.plan(try ids(count).map { ($0, []) }, rollout).map(\.count)
    }

    @Test func theCanaryIsFirstThenSharesOfAll() throws {
        #expect(try Self.sizes(20, then: .percent(25)) == [1, 5, 5, 5, 4])
        #expect(try Self.sizes(20, canary: 0, then: .percent(25)) == [5, 5, 5, 5])
        #expect(try Self.sizes(5, canary: 2, then: .spaces(2)) == [2, 2, 1])
        #expect(try Self.sizes(3, then: .percent(1)) == [1, 1, 1])
        #expect(try Self.sizes(1, canary: 5, then: .percent(100)) == [1])
        #expect(Waves.plan([], Rollout()).isEmpty)
    }

    @Test func whatASpaceNeedsIsInAnEarlierWave() throws {
        let ids = try Self.ids(5)
        var rollout = Rollout()
        rollout.then = .percent(100)
        // 1 waits for 3, 3 for 5; what does not change holds nothing up.
        let waves = Waves.plan(
            [
                (ids[0], [ids[2]]), (ids[1], [try .space("maren/other")]), (ids[2], [ids[4]]), (ids[3], []),
                (ids[4], []),
            ],
            rollout)
        #expect(waves == [[ids[1]], [ids[3], ids[4]], [ids[2]], [ids[0]]])
    }

    @Test func aCircleEnds() throws {
        let ids = try Self.ids(2)
        #expect(Waves.plan([(ids[0], [ids[1]]), (ids[1], [ids[0]])], Rollout()) == [[ids[0]], [ids[1]]])
        #expect(Waves.plan([(ids[0], [ids[0]])], Rollout()) == [[ids[0]]])
    }

    @Test func everySpaceIsInOneWaveBehindWhatItNeeds() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let ids = try Self.ids(Int.random(in: 1...25, using: &random))
            let spaces = ids.enumerated().map { index, id in
                (space: id, after: ids.prefix(index).filter { _ in Int.random(in: 0..<4, using: &random) == 0 })
            }
            var rollout = Rollout()
            rollout.canary = Int.random(in: 0...3, using: &random)
            rollout.then = .percent(Int.random(in: 1...100, using: &random))
            let waves = Waves.plan(spaces, rollout)
            #expect(waves.flatMap(\.self).sorted { "\($0)" < "\($1)" } == ids.sorted { "\($0)" < "\($1)" })
            for space in spaces {
                let own = try #require(waves.firstIndex { $0.contains(space.space) })
                for before in space.after {
                    #expect(try #require(waves.firstIndex { $0.contains(before) }) < own)
                }
            }
        }
    }

    @Test func sharesAreRead() {
        #expect(Rollout.Share("25%") == .percent(25))
        #expect(Rollout.Share("3") == .spaces(3))
        for wrong in ["", "%", "0", "0%", "101%", "-1", "1.5", "1001", "99999", "٣"] {
            #expect(Rollout.Share(wrong) == nil, "\(wrong)")
        }
    }
}
