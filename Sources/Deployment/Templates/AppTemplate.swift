import StokerAssets
package import StokerCore

/// The files of a new Space, and its entry in the fleet file.
package enum AppTemplate: String, Sendable, CaseIterable {
    case fastapi
    case gradio
    /// Any program whose files are kept by `stoker guard`.
    case guarded
    case `static`
    case swift

    /// A file of a new Space.
    package struct File: Sendable, Equatable {
        /// Relative, with slashes.
        package var path: String
        package var text: String
    }

    /// What the files have to know of their Space.
    package struct Subject: Sendable {
        /// Both are parts of a Space's id, and need no quoting in any of the files.
        package var owner: String
        package var name: String

        /// - Throws: `usage` when they cannot be a Space's id.
        package init(owner: String, name: String) throws(Failure) {
            guard SpaceName.isID("\(owner)/\(name)") else {
                throw Failure(
                    .usage, doing: "make a Space",
                    because: "\"\(owner.cut(to: 60))/\(name.cut(to: 60))\" is no name of a Space",
                    hint: "use letters, digits, -, _ and ., and give another name with --name")
            }
            self.owner = owner
            self.name = name
        }

        package var id: String { "\(owner)/\(name)" }
    }

    /// What the fleet file says its `sdk` is.
    package var sdk: String { self == .static ? "static" : "docker" }

    /// Asked for by those who look whether it lives.
    package var healthPath: String { self == .static ? "/" : "/health" }

    /// Where visitors find it. Source: hub-docs, static Spaces have a domain of their own.
    package func address(of subject: Subject) -> String {
        "https://\(SpaceName.subdomain(of: subject.id)).\(self == .static ? "static." : "")hf.space"
    }

    /// All files, sorted by path.
    package func files(for subject: Subject) -> [File] {
        let values = ["name": subject.name, "owner": subject.owner, "address": address(of: subject)]
        var count = 0
        guard let first = stoker_templates(&count) else { return [] }
        return UnsafeBufferPointer(start: first, count: count).compactMap { asset -> File? in
            let name = String(cString: asset.name)
            guard name.hasPrefix("\(rawValue)/") else { return nil }
            var text = String(
                decoding: UnsafeBufferPointer(start: asset.bytes, count: asset.length), as: UTF8.self)
            for (key, value) in values { text = text.replacing("{{\(key)}}", with: value) }
            return File(path: String(name.dropFirst(rawValue.count + 1)), text: text)
        }.sorted { $0.path < $1.path }
    }

    /// Its entry in a fleet file.
    /// - Parameters:
    ///   - key: `name` or `owner/name`, as the file has to write it.
    ///   - folder: where its files are, from the folder of the fleet file: `./backend`.
    ///   - isOnHuggingFace: the file's Hub is the public one, where addresses follow from names.
    package func entry(for subject: Subject, key: String, folder: String, isOnHuggingFace: Bool)
        -> FleetInsertion.Entry
    {
        // A dollar sign would begin a variable.
        let folder = folder.replacing("$", with: "$$")
        var lines = ["keep: { path: \(healthPath) }"]
        var members: [JSONValue.Member] = [.init("keep", ["path": .string(healthPath)])]
        if self == .static {
            // It never sleeps, and its address does not follow from its name like that of others.
            lines = ["keep: { path: \(healthPath), every: 6h }"]
            members = [.init("keep", ["path": .string(healthPath), "every": "6h"])]
            if isOnHuggingFace {
                lines.insert("url: \(address(of: subject))", at: 0)
                members.insert(.init("url", .string(address(of: subject))), at: 0)
            }
        }
        lines += ["deploy:", "  from: \(folder.asFleetText)", "  sdk: \(sdk)"]
        if self == .fastapi {
            lines.append("  # secrets: [DATABASE_URL]    # names; values from the environment or --env-file")
        }
        var deploy: [JSONValue.Member] = [.init("from", .string(folder)), .init("sdk", .string(sdk))]
        if self == .guarded {
            lines += [
                "  secrets: [HF_TOKEN, STOKER_KEY]    # names; values from the environment or --env-file", "persist:",
                "  vault: \(vaultName(of: subject).asFleetText)", "  paths: [data]", "  proxy: 8000",
            ]
            deploy.append(.init("secrets", ["HF_TOKEN", "STOKER_KEY"]))
        }
        members.append(.init("deploy", .object(deploy)))
        if self == .guarded {
            members.append(
                .init(
                    "persist",
                    [
                        "vault": .string(vaultName(of: subject)), "paths": ["data"], "proxy": "8000",
                    ]))
        }
        return FleetInsertion.Entry(key: key, lines: lines, value: .object(members))
    }

    private func vaultName(of subject: Subject) -> String { "\(subject.name)-state" }

    /// Its vault's entry in `vaults` of a fleet file; nil for one that keeps nothing.
    package func vault(for subject: Subject) -> FleetInsertion.Entry? {
        guard self == .guarded else { return nil }
        let place = "\(subject.owner)/\(subject.name)-state"
        return FleetInsertion.Entry(
            key: vaultName(of: subject),
            lines: ["dataset: \(place.asFleetText)    # sealed by STOKER_KEY, which is a secret of the Space"],
            value: ["dataset": .string(place)])
    }

    /// A fleet file with nothing but its head.
    package static func emptyFleet(owner: String) -> String {
        """
        # What Stoker runs and keeps warm. Every key is explained in docs/fleet-file.md; `stoker check-config` explains this file.
        # ${NAME} and ${NAME:-default} come from the environment or from a .env file beside this one.
        version: 1

        hub:
          namespace: ${HF_USERNAME:-\(owner)}    # owner of the Spaces below that are named without one

        spaces:

        """
    }
}
