package import StokerCore

/// A vault as `vaults:` of the fleet file has it.
package struct VaultSettings: Sendable, Equatable {
    package var kind: VaultAddress.Kind
    /// A name, an address or a path, as its kind wants it; may be relative to the fleet file's folder.
    package var place: String?
    /// What opens it: a key of `stoker key new`, or a passphrase.
    package var key: Secret?
    package var exclusive = false

    package init(_ kind: VaultAddress.Kind) { self.kind = kind }

    /// nil without a place.
    /// - Throws: `usage` when it is no address of its kind.
    package func address(namespace: String?) throws(Failure) -> VaultAddress? {
        guard let place else { return nil }
        let needsOwner = (kind == .bucket || kind == .dataset) && !place.contains("/")
        return try VaultAddress(reading: "\(kind.rawValue):\(needsOwner ? "\(namespace ?? "")/\(place)" : place)")
    }
}

/// `vaults:` of the fleet file: names, and where state is kept.
package enum VaultsSection {
    package static let section = FleetSection(
        "vaults",
        "Places that keep state, by name: `state: { bucket: acme/state, key: \"${STOKER_KEY}\" }`. `persist` names them.",
        FleetValue<[FleetNamed<VaultSettings>]>.named(.kinds(kinds, "a vault")), initial: [],
        groups: VaultAddress.Kind.allCases.map { kind in
            FleetKeyGroup(
                "vaults.\(kind.rawValue)", table(kind).rows,
                document: "vaults: { a: { \(kind.rawValue): \(example(kind)), % } }", schemaPath: [])
        }
    ).checking { vaults, fleet, report in
        // Whoever wrote first would be the only one: a dataset holds one state.
        let others = ([fleet[PersistSection.section]] + fleet[PersistSection.ofSpaces].map(\.settings)).flatMap(
            \.vaults)
        for one in fleet.ledger.vaults {
            guard let vault = vaults.first(where: { $0.name == one.name }) else {
                report.unknown(one, "a vault", among: vaults.map(\.name))
                continue
            }
            if vault.value.kind == .dataset, others.contains(one) {
                report.report(
                    .conflict,
                    "is a dataset, which keeps one state, and Spaces have it; give the ledger a vault of its own",
                    at: one)
            }
        }
    }

    static let kinds: [FleetKind<VaultSettings>] = VaultAddress.Kind.allCases.map { kind in
        FleetKind(
            kind.rawValue, table(kind), initial: VaultSettings(kind), make: { $0 },
            settings: { $0.kind == kind ? $0 : nil })
    }

    private static func table(_ kind: VaultAddress.Kind) -> FleetTable<VaultSettings> {
        FleetTable(
            [
                FleetKey(
                    kind.rawValue, .text(wanted(kind)), \.place, summary(kind), example: example(kind),
                    invalidExamples: ["[a]", "{ a: b }"]),
                FleetKey(
                    "key", .secret("a key of `stoker key new`"), \.key,
                    "What seals it: a key of `stoker key new`, or a passphrase of 12 characters or more. Absent: nothing is sealed, and who sees the vault can read it.",
                    defaultValue: "none", example: "\"${STOKER_KEY:-}\"", invalidExamples: ["[a]"], isSecret: true),
                FleetKey(
                    "exclusive", .bool, \.exclusive,
                    "Your word that only one guard ever writes there, for a place that does not honour conditions.",
                    defaultValue: "false", example: "true", invalidExamples: ["perhaps"]),
            ])
    }

    private static func wanted(_ kind: VaultAddress.Kind) -> String {
        switch kind {
        case .bucket: "a Storage Bucket such as acme/state"
        case .s3: "an address such as https://s3.example.com/bucket"
        case .dataset: "a dataset such as acme/state"
        case .postgres: "an address such as postgres://user@host/database"
        case .git: "an address such as https://git.example.com/state.git"
        case .folder: "a folder such as /var/lib/state"
        }
    }

    private static func summary(_ kind: VaultAddress.Kind) -> String {
        switch kind {
        case .bucket: "A Storage Bucket of the Hub, `owner/name` or a name of `hub.namespace`."
        case .s3:
            "A bucket of any S3 that honours conditions; keys come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`."
        case .dataset: "A dataset repository of the Hub of its own."
        case .postgres: "A database; its password may come from `PGPASSWORD`."
        case .git: "A git repository of its own, over HTTP or on this machine."
        case .folder: "A folder that outlives the container."
        }
    }

    private static func example(_ kind: VaultAddress.Kind) -> String {
        switch kind {
        case .bucket, .dataset: "acme/state"
        case .s3: "https://s3.example.com/bucket"
        case .postgres: "postgres://db.example.com/state"
        case .git: "https://git.example.com/state.git"
        case .folder: "/var/lib/state"
        }
    }
}
