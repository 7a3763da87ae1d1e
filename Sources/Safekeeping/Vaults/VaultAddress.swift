import Foundation
package import HubClient
package import Logging
package import StokerCore

/// Where a vault is: `folder:/path`, `bucket:owner/name`, `s3:https://host/bucket/prefix`, `dataset:owner/name`, `postgres://…`, `git:URL`.
package struct VaultAddress: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable { case folder, bucket, s3, dataset, postgres, git }
    package var kind: Kind
    /// Behind the kind. May hold a password: never shown.
    var rest: String

    /// - Throws: `usage`, with what the kinds are.
    package init(reading text: String) throws(Failure) {
        let text = text.trimmingCharacters(in: .whitespaces)
        let word = text.prefix { $0 != ":" }
        // `postgres://…` and `postgresql://…` are what people have in their settings.
        let isPostgres = text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
        let kind: Kind? = isPostgres ? .postgres : Kind(rawValue: String(word))
        guard let kind, word.count < text.count else {
            throw Failure(
                .usage, doing: "read the address of the vault",
                because: "\"\(Redaction.text(text.cut(to: 60)))\" names no kind of vault",
                hint:
                    "write folder:/path, bucket:owner/name, s3:https://host/bucket, dataset:owner/name, postgres:URL or git:URL"
            )
        }
        rest = isPostgres ? text : String(text.dropFirst(word.count + 1))
        self.kind = kind
        guard !rest.isEmpty else { throw Self.incomplete(kind) }
        switch kind {
        case .bucket, .dataset:
            let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { throw Self.incomplete(kind) }
        case .s3:
            guard (try? WebOrigin(rest)) != nil, let parts = AddressParts(rest), parts.path.count > 1 else {
                throw Self.incomplete(kind)
            }
        default: break
        }
    }

    private static func incomplete(_ kind: Kind) -> Failure {
        let form =
            switch kind {
            case .folder: "folder:/path"
            case .bucket: "bucket:owner/name"
            case .s3: "s3:https://host/bucket or s3:https://host/bucket/prefix"
            case .dataset: "dataset:owner/name"
            case .postgres: "postgres://user@host/database"
            case .git: "git:https://host/owner/repository or git:/path/to/bare.git"
            }
        return Failure(
            .usage, doing: "read the address of the vault",
            because: "what is behind \"\(kind.rawValue):\" is not complete",
            hint: "write \(form)")
    }

    /// Without user names and passwords.
    package var name: String {
        switch kind {
        case .folder, .bucket, .dataset: return "\(kind.rawValue):\(rest)"
        case .s3, .git, .postgres:
            guard let parts = AddressParts(rest) else { return kind == .git ? "git:\(rest)" : kind.rawValue }
            return "\(kind.rawValue):\(parts.shown)"
        }
    }
}

/// Opens vaults: the one place that knows every kind.
package struct VaultOpening: Sendable {
    /// Names and values, as of the process: access keys of buckets are read here.
    package var environment: [String: String]
    /// The account; nil where there is none.
    package var hub: Hub?
    package var logger: Logger

    package init(environment: [String: String], hub: Hub?, logger: Logger = Logger(label: "stoker.safekeeping")) {
        self.environment = environment
        self.hub = hub
        self.logger = logger
    }

    /// - Parameter state: which state of several in one place; a Space's name has its slash. nil for all of the place.
    package func open(_ address: VaultAddress, state: String?) throws(Failure) -> any Vault {
        let part = try state.map { (name) throws(Failure) in try Self.part(name) }
        switch address.kind {
        case .folder:
            return FolderVault(path: address.rest.withoutSlashes + (part.map { "/" + $0 } ?? ""))
        case .bucket:
            let names = address.rest.split(separator: "/").map(String.init)
            let base =
                environment["HF_S3_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0.withoutSlashes } ?? "https://s3.hf.co"
            return try bucket(
                address, at: base + "/" + names[0], bucket: names[1], prefix: part.map { $0 + "/" } ?? "")
        case .s3:
            guard let url = AddressParts(address.rest), let origin = try? WebOrigin(address.rest) else {
                throw Failure(.usage, doing: "open \(address.name)", because: "its URL is not readable")
            }
            let parts = url.path.split(separator: "/").map { PercentCoding.lenientlyDecoded($0) }
            let folder = parts.dropFirst().map { $0 + "/" }.joined()
            return try bucket(
                address, at: "\(origin)", bucket: parts.first ?? "", prefix: folder + (part.map { $0 + "/" } ?? ""),
                url: url)
        case .dataset:
            let own = hub == nil
            // One repository holds one state: its commits are counted, and its squash is its own.
            return DatasetVault(
                hub: hub ?? Hub(Hub.Settings(), logger: logger), ownsHub: own, repo: try RepoID(.dataset, address.rest))
        case .git:
            return GitVault(
                address: address.rest, name: address.name,
                branch: "stoker/" + (part?.replacing("=", with: "_") ?? "state"))
        case .postgres:
            return PostgresVault(address: address.rest, name: address.name, state: state ?? "")
        }
    }

    /// As a part of a path or key: what is no letter, digit, dot, dash or underscore is written `=XX`, slashes stay.
    static func part(_ state: String) throws(Failure) -> String {
        let names = state.split(separator: "/", omittingEmptySubsequences: false)
        guard !state.isEmpty, state.utf8.count <= 200, names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else {
            throw Failure(
                .usage, doing: "name the state", because: "\"\(state.cut(to: 60))\" cannot be one",
                hint: "a state's name is its Space's: owner/name")
        }
        return state.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "/"):
                String(UnicodeScalar(byte))
            default: "=" + Hex.text(byte)
            }
        }.joined()
    }

    private func bucket(
        _ address: VaultAddress, at base: String, bucket: String, prefix: String, url: AddressParts? = nil
    ) throws(Failure) -> any Vault {
        let names = address.kind == .bucket ? ["HF_S3", "AWS"] : ["AWS"]
        var keys: (String, Secret)?
        if let user = url?.user, let password = url?.password, !user.isEmpty { keys = (user, password) }
        for name in names where keys == nil {
            if let id = environment["\(name)_ACCESS_KEY_ID"], let secret = environment["\(name)_SECRET_ACCESS_KEY"],
                !id.isEmpty, !secret.isEmpty
            {
                keys = (id, Secret(secret))
            }
        }
        guard let keys else {
            throw Failure(
                .usage, doing: "open \(address.name)", because: "no access key was given",
                hint: "set \(names[0])_ACCESS_KEY_ID and \(names[0])_SECRET_ACCESS_KEY")
        }
        let own = hub == nil
        let client = hub ?? Hub(Hub.Settings(), logger: logger)
        let region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
        let gateway = S3Gateway(
            hub: client, address: base, bucket: bucket,
            signer: SigV4(accessKey: keys.0, secretKey: keys.1, region: region))
        return S3Vault(gateway: gateway, hub: client, ownsHub: own, prefix: prefix, name: address.name)
    }
}
