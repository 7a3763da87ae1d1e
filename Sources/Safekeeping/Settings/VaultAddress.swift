package import StokerCore

/// Where a vault is, as a person writes it: `folder:/var/lib/app`, `bucket:owner/name`, `s3:https://host/bucket`, `dataset:owner/name`,
/// `postgres:postgres://…`, `git:https://…`.
package struct VaultAddress: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case bucket, s3, dataset, postgres, git, folder
    }

    package var kind: Kind
    /// Behind the colon. May hold a password: never shown, see ``shown``.
    package var place: String

    package init(_ kind: Kind, _ place: String) {
        self.kind = kind
        self.place = place
    }

    /// - Throws: `usage` for anything else.
    package init(reading text: String) throws(Failure) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])), !parts[1].isEmpty else {
            throw Failure(
                .usage, doing: "read the vault's address \"\(Redaction.text(String(text.prefix(100))))\"",
                because: "it does not begin with a kind",
                hint:
                    "write folder:/var/lib/app, bucket:owner/name, s3:URL, dataset:owner/name, postgres:URL or git:URL")
        }
        self.init(kind, String(parts[1]))
    }

    /// Without passwords.
    package var shown: String { "\(kind.rawValue):\(Redaction.address(place))" }
}
