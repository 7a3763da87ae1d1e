import KeepAlive
import StokerCore
import Testing

@Suite("Kinds of checks have their runners")
struct ProbedKindTests {
    @Test("every kind that asks can be probed, and no other", arguments: CheckPolicy.Kind.allCases)
    func probed(kind: CheckPolicy.Kind) {
        #expect((kind.probed != nil) == !kind.type.isPassive)
    }
}
