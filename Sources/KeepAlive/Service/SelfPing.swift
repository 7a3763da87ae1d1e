import StokerCore

/// The check that looks at this server itself (KA3 in docs/promises.md).
enum SelfPing {
    static let name = "self-ping"

    /// The fleet with it, when the fleet file asks for it and has no check of that name.
    /// - Parameter address: our own; nil when there is none.
    static func adding(to fleet: Fleet, at address: String?) -> Fleet {
        guard let every = fleet.serve.selfPing, let address, !fleet.checks.contains(where: { $0.name == name }) else {
            return fleet
        }
        var fleet = fleet
        let policy = CheckPolicy(
            every: every, timeout: .seconds(30), retry: [.seconds(5)],
            expect: Expectation(status: [200...200], text: "alive"), group: "Stoker")
        // A public address ends with a slash.
        var base = address.prefix { $0 != "?" }
        while base.hasSuffix("/") { base.removeLast() }
        fleet.checks.append(Check(name: name, address: base + "/health", policy: policy))
        return fleet
    }
}
