import StokerCore
import Testing

@testable import Notices

@Suite struct DeliveryLineTests {
    private func outgoing(_ order: Int64) -> OutgoingMessage {
        OutgoingMessage(channel: "hook", notice: .sample(key: "k\(order)"), order: order)
    }

    @Test func oneIsOnItsWayAndTheNextMayBeMade() {
        var line = DeliveryLine()
        for (job, order) in [(7, 30), (8, 10), (9, 20)] as [(Int64, Int64)] { line.stand(job, outgoing(order)) }
        // Whose turn it is keeps it, though older ones came after it.
        #expect(line.turn(of: 7) == .now && line.turn(of: 8) == .next && line.turn(of: 9) == .later)
        #expect(line[8]?.outgoing.order == 10 && line[1] == nil)
        #expect(line.signals.count == 2)
        #expect(line.signals.first === line[7]?.signal && line.signals.last === line[8]?.signal)
        // One that is older still is made next.
        line.stand(4, outgoing(5))
        #expect(line.turn(of: 4) == .next && line.turn(of: 8) == .later)
        // Twice is as once.
        let signal = line[4]?.signal
        #expect(line.stand(4, outgoing(99)).signal === signal && line[4]?.outgoing.order == 5)
        line.remove(7)
        #expect(line.turn(of: 4) == .now && line.turn(of: 8) == .next)
        // Out of its turn.
        line.remove(8)
        #expect(line.turn(of: 4) == .now && line.turn(of: 9) == .next && !line.contains(8))
        line.remove(4)
        #expect(line.turn(of: 9) == .now && line.signals.count == 1)
        line.remove(9)
        #expect(line.isEmpty && line.signals.isEmpty)
    }

    @Test func ofTheSameOrderTheFirstInsertedGoesFirst() {
        var line = DeliveryLine()
        for job in [3, 1, 2] as [Int64] { line.stand(job, outgoing(0)) }
        var left: [Int64] = []
        while let job = ([1, 2, 3] as [Int64]).first(where: { line.contains($0) && line.turn(of: $0) == .now }) {
            left.append(job)
            line.remove(job)
        }
        #expect(left == [3, 1, 2])
    }
}
