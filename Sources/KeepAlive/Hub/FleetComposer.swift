package import StokerCore

/// The fleet as it is monitored: what the file says, completed by what the Hub says. Pure.
package enum FleetComposer {
    /// Addresses are the Hub's own, private Spaces are pinged with the token, and Spaces that are to be discovered are there. A Space of another
    /// Hub than huggingface.co has no address (empty) until that Hub tells one: the one that was guessed is a stranger's.
    /// Checks keep their order; discovered ones follow by name.
    /// - Parameter words: by ``SpaceName/key(_:)`` of the name the fleet has for the Space.
    package static func compose(_ fleet: Fleet, with words: [String: SpaceVerdict.HubReading]) -> Fleet {
        let guesses = fleet.hub.tellsAddresses
        guard !words.isEmpty || !guesses else { return fleet }
        var result = fleet
        var policies: [Key: CheckPolicy] = [:]
        for (place, check) in fleet.checks.enumerated() {
            guard let space = check.space else { continue }
            let facts = words[SpaceName.key(space)]?.facts
            if !guesses, !check.policy.ownAddress, facts?.host == nil {
                result.checks[place].address = ""
            } else if let facts {
                result.checks[place] = complete(check, facts, fleet.hub, &policies)
            }
        }
        guard let discovery = fleet.hub.discovery else { return result }
        var names = Set(fleet.checks.map(\.name))
        // A Space that has moved is in the file under its old name, and is not found a second time under its new one.
        var taken = Set(
            fleet.checks.compactMap(\.space).flatMap { space in
                [SpaceName.key(space), SpaceName.key(words[SpaceName.key(space)]?.facts.id ?? space)]
            })
        for (_, word) in words.sorted(by: { $0.key < $1.key }) where discovery.takes(word.facts) {
            let id = word.facts.id
            guard taken.insert(SpaceName.key(id)).inserted else { continue }
            let base = base(of: word.facts, fleet.hub)
            guard base != nil || !guesses else { continue }
            var name = String(id.split(separator: "/").last ?? "")
            if names.contains(name) { name = id.replacing("/", with: ".") }
            guard names.insert(name).inserted else { continue }
            var address = base
            if let path = discovery.path { address?.path = path }
            let check = Check(name: name, address: address?.description ?? "", space: id, policy: discovery.policy)
            result.checks.append(complete(check, word.facts, fleet.hub, &policies))
        }
        return result
    }

    /// Policies that differ only in the token are made once.
    private struct Key: Hashable {
        var policy: ObjectIdentifier
        var header: String
    }

    private static func complete(
        _ check: Check, _ facts: SpaceFacts, _ hub: Fleet.Hub, _ policies: inout [Key: CheckPolicy]
    ) -> Check {
        var check = check
        check.isStatic = facts.isStatic
        // Of a Space whose Hub has not told its address yet.
        guard !check.address.isEmpty else { return check }
        guard let base = base(of: facts, hub), var address = try? Address(check.address), address.scheme.kind == .http
        else {
            return check  // an address that cannot be read is told by the probe
        }
        if !check.policy.ownAddress {
            address.scheme = base.scheme
            address.host = base.host
            address.port = base.port
            check.address = address.description
        }
        guard facts.visibility != .public, let token = hub.token, let name = hub.privateHeader.headerName,
            mayCarryToken(address, base)
        else { return check }
        let request = check.policy.request
        guard !request.headers.contains(where: { $0.name.lowercased() == name.lowercased() }) else { return check }
        let key = Key(policy: ObjectIdentifier(check.policy), header: name)
        if let known = policies[key] {
            check.policy = known
        } else {
            var request = request
            request.headers.append(.init(name: name, value: Secret("Bearer \(token.reveal())")))
            check.policy = check.policy.sending(request)
            policies[key] = check.policy
        }
        return check
    }

    /// Only that Space's own host sees the token, and nobody on the way there.
    private static func mayCarryToken(_ address: Address, _ base: Address) -> Bool {
        guard address.host == base.host, address.port == base.port, address.scheme == base.scheme else { return false }
        return address.scheme == .https || HostAddress.isLoopback(host: address.host)
    }

    /// Where the Space is: the Hub's own word, or our pattern with the Hub's subdomain when the file has a pattern of its own.
    private static func base(of facts: SpaceFacts, _ hub: Fleet.Hub) -> Address? {
        if hub.spaceAddress != Fleet.Hub.standardAddress {
            let subdomain = facts.subdomain ?? SpaceName.subdomain(of: facts.id)
            return try? Address(hub.spaceAddress.replacing("{subdomain}", with: subdomain))  // read when the file was
        }
        // The plain host of a static Space answers 404: observed, not documented.
        let rest = facts.isStatic ? "static.hf.space" : "hf.space"
        let host = facts.host ?? (hub.tellsAddresses ? facts.subdomain.map { "https://\($0).\(rest)" } : nil)
        // A host that is no address leaves the guess in force.
        return host.flatMap { try? Address($0.contains("://") ? $0 : "https://\($0)") }
    }
}
