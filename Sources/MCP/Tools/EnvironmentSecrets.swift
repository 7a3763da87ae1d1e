import StokerCore

/// Values of the process's environment that an agent may put into a Space by name, without seeing them.
///
/// Only those that the owner named: whoever fills a Space can read its secrets, and the environment holds tokens of Stoker's own.
package struct EnvironmentSecrets: Sendable {
    /// Names the names that are allowed, joined by commas.
    package static let listName = "STOKER_MCP_SECRETS"
    private let values: [String: Secret]

    package init(environment: [String: String]) {
        let names = (environment[Self.listName] ?? "").split(separator: ",").map { String($0).trimmedSpaces }
        values = Dictionary(
            names.compactMap { name in environment[name].map { (name, Secret($0)) } }, uniquingKeysWith: { $1 })
    }

    /// As an operation takes them.
    /// - Throws: `usage` naming those that are not allowed or not set.
    func values(_ names: [String]) throws(Failure) -> [JSONValue] {
        let missing = names.filter { values[$0] == nil }
        guard missing.isEmpty else {
            throw Failure(
                .usage, doing: "take secrets from the server's environment",
                because:
                    "\(missing.map { Redaction.quote($0, limit: 60) }.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") not allowed or not set there",
                hint:
                    "the server's owner names them in \(Self.listName), joined by commas"
                    + (values.isEmpty ? "" : "; allowed are \(values.keys.sorted().joined(separator: ", "))"))
        }
        return names.map { ["key": .string($0), "value": .string(values[$0]?.reveal() ?? "")] }
    }
}
