import Ledger
import StokerCore
import TestSupport
import Testing

@testable import Operations

@Suite struct CheckNameCacheTests {
    private static func status(_ name: String, _ id: Int32) -> CheckStatus {
        CheckStatus(
            check: Check(name: name, address: "https://\(name).example/", policy: CheckPolicy()), id: id,
            state: CheckState(), nextDue: nil)
    }

    /// Discovered Spaces come without a new fleet file, and one may come while another one goes.
    @Test func checksThatJoinLaterHaveTheirNames() async {
        let monitor = ScriptedMonitor([Self.status("one", 1)], now: { Instant(seconds: 1_800_000_000) })
        let names = CheckNameCache(monitor: monitor)
        #expect(await names.all() == [1: "one"])
        monitor.replace(with: [Self.status("two", 2)])
        #expect(await names.all() == [2: "two"])
    }
}
