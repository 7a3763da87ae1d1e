/// The job calls us; silence is the failure.
package enum HeartbeatKind: CheckKind {
    package static let name = "heartbeat"
    package static let isPassive = true
    package static let schemes: [Address.Scheme] = []
    package static let example = ""
    package static let addressPattern = ""

    package static func settle(_ address: inout Address) throws(Address.Fault) {
        throw Address.Fault(because: "is an address, and a heartbeat has none")
    }

    package static let refusal = "where nothing is asked"
    package static let expectations: [String] = []

    package static func label(of check: Check) -> String { "Heartbeat" }
    package static func group(of check: Check) -> String { "Heartbeats" }
    package static func work(of check: Check) -> String { "/api/heartbeats/\(check.name)" }
    package static let well = "calls as expected"
    package static func unseen(wasSeen: Bool) -> String {
        wasSeen ? "waiting for the next call" : "waiting for the first call; the clock starts with it"
    }
}
