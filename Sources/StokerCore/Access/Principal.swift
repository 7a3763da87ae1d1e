/// Who has something done: what rights follow from, what the activity log names, and whose requests are counted together.
package struct Principal: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Signed in, or at a terminal.
        case person
        /// A program with a token.
        case token
        /// A model's client over MCP, with somebody's right.
        case agent
        /// This machine, where no token is needed.
        case machine
        /// Stoker itself: healing, workers, the fleet file.
        case stoker
        /// Nobody who proved anything.
        case stranger
    }

    package var kind: Kind
    /// `maren`, the name of a token, of the user at a terminal; at most 200 characters. Unique within its kind.
    package var name: String
    /// nil: nothing is proven. Reading may be open all the same.
    package var scope: Scope?
    /// Whom the request came from: `192.0.2.14`, `2001:db8::/64`; nil where there was none.
    package var address: String?

    package init(_ kind: Kind, _ name: String, scope: Scope?, address: String? = nil) {
        self.kind = kind
        self.name = String(name.prefix(200))
        self.scope = scope
        self.address = address
    }

    /// Stable: `token:ci`. Strangers are told apart by their address.
    package var id: String {
        "\(kind.rawValue):\(kind == .stranger ? address ?? "" : name)"
    }

    /// Whom the running work is done for: the front end sets it for each request, and what a request starts inherits it.
    @TaskLocal package static var current = Principal.stoker

    package static let stoker = Principal(.stoker, "stoker", scope: .admin)
    /// The requests of this machine to a server that needs no token of it.
    package static let machine = Principal(.machine, "this machine", scope: .admin)
    package static let stranger = Principal(.stranger, "stranger", scope: nil)

    /// The same, by a model's client.
    package var asAgent: Principal {
        var agent = self
        agent.kind = .agent
        return agent
    }

    package func may(_ needed: Scope) -> Bool { scope.map { $0 >= needed } ?? false }

    /// - Throws: `forbidden` when this scope is not held; `unauthorized` when none is.
    package func require(_ needed: Scope, doing: String) throws(Failure) {
        guard let scope else {
            throw Failure(
                .unauthorized, doing: doing, because: "it needs a token or a session that may \(needed.rawValue)",
                hint: "log in at /login, or send Authorization: Bearer TOKEN")
        }
        guard !may(needed) else { return }
        throw Failure(
            .forbidden, doing: doing,
            because: "it needs the scope \(needed.rawValue), and \(name) may \(scope.rawValue)",
            hint: "`stoker token add NAME --scope \(needed.rawValue)` makes a token that may; an admin does that")
    }
}
