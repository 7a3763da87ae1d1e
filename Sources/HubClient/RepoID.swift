package import StokerCore

/// A repository of the Hub: its kind and `namespace/name`.
package struct RepoID: Hashable, Sendable, CustomStringConvertible {
    /// What a repository holds; raw values are those of the Hub's API.
    package enum Kind: String, Sendable, CaseIterable, Codable {
        case model, dataset, space
        /// As it stands in `/api/…` paths.
        package var plural: String { rawValue + "s" }
        /// As it stands before an id in web, resolve and git paths: models have none.
        package var prefix: String { self == .model ? "" : plural + "/" }
    }

    package let kind: Kind
    package let namespace: String
    package let name: String
    /// `namespace/name`
    package var description: String { "\(namespace)/\(name)" }
    /// `/api/spaces/namespace/name`. The slash stays as it is: the Hub refuses `%2F` there.
    package var api: String { "/api/\(kind.plural)/\(self)" }

    /// Takes `namespace/name`. Each half has 1–96 ASCII characters of `A-Z a-z 0-9 . _ -`, begins and ends with a word character, without
    /// `--`, `..` or a trailing `.git` (the rules `huggingface_hub` checks before it sends anything).
    package init(_ kind: Kind, _ id: String) throws(Failure) {
        let halves = id.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2 else {
            throw Self.refused(id, because: "it is not of the form owner/name")
        }
        for half in halves {
            if let problem = SpaceName.problem(with: half) { throw Self.refused(id, because: problem) }
        }
        self.kind = kind
        namespace = halves[0]
        name = halves[1]
    }

    /// `owner/name` of a Space. - Throws: `usage` for what cannot be a name.
    package static func space(_ id: String) throws(Failure) -> RepoID { try RepoID(.space, id) }

    private static func refused(_ id: String, because: String) -> Failure {
        Failure(.usage, doing: "read the repository id \"\(id)\"", because: because, hint: "write owner/name")
    }
}
