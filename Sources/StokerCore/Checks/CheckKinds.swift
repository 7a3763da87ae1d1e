/// Every kind of check there is. A new one is a line in ``all``.
package enum CheckKinds {
    /// In the order in which they are listed for people.
    package static let all: [any CheckKind.Type] = [
        HTTPKind.self,
        TCPKind.self,
        DNSKind.self,
        TLSKind.self,
        HeartbeatKind.self,
    ]

    /// How addresses begin.
    package static let schemes = all.flatMap { $0.schemes }
    /// Keys of a check that only some kinds take; the others refuse them.
    package static let settings = all.reduce(into: Set<String>()) { $0.formUnion($1.settings) }
    /// Keys of `expect` that belong to one kind.
    package static let ownExpectations = all.flatMap { $0.ownExpectations }

    /// The kind whose addresses begin so.
    package static func kind(of scheme: Address.Scheme) -> CheckPolicy.Kind {
        // Every scheme is one of a kind's.
        CheckPolicy.Kind(all.first { $0.schemes.contains(scheme) } ?? HTTPKind.self)
    }

    /// `https://, http:// or tcp://`. - Parameter word: what stands before the last one.
    package static func schemes(joinedBy word: String) -> String {
        let names = schemes.map { "\($0.rawValue)://" }
        guard let last = names.last, names.count > 1 else { return names.joined() }
        return "\(names.dropLast().joined(separator: ", ")) \(word) \(last)"
    }
}
