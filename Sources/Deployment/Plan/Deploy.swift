package import HubClient
package import StokerCore

/// A Space as `deploy:` of the fleet file describes it, with defaults of the top filled in.
package struct Deploy: Sendable, Equatable {
    /// Where the Space's files come from.
    package enum Source: Sendable, Equatable {
        /// A folder, absolute or seen from the working folder.
        case folder(String)
        case git(url: String, ref: String)
        /// This program with that fleet file.
        case stoker(file: String)
    }
    /// Where a secret's value comes from. Values are read when a plan is made or applied, and never kept.
    package enum SecretSource: Sendable, Equatable {
        /// Of the process or `--env-file`, under the secret's own name.
        case environment
        /// First line of what the command prints.
        case command(String)
    }
    /// The Space on the Hub.
    package var space: RepoID
    /// Its name in the fleet file.
    package var target: String
    /// Place in the file, for messages: `spaces.backend.deploy`.
    package var place: String
    /// nil: files are left as they are.
    package var source: Source?
    /// Where the file says `from`.
    package var sourcePlace: FleetReference?
    package var duplicateOf: RepoID?
    /// `gradio`, `docker` or `static`; nil leaves it to the README.
    package var sdk: String?
    /// Keys of the README's header; they replace those of the source's README.
    package var readme: [JSONValue.Member] = []
    package var tags: [String]?
    /// nil: as it is; a new Space gets the Hub's default.
    package var visibility: RepoVisibility?
    /// Flavor such as `cpu-basic`; nil: as it is.
    package var hardware: String?
    /// nil: as it is.
    package var sleep: Sleep?
    /// Whole: what else is on the Hub is removed.
    package var variables: [String: String] = [:]
    package var secrets: [String: SecretSource] = [:]
    package var volumes: [SpaceVolume] = []
    package var needs: [NeededRepo] = []
    /// `variables.BUILD_ID`, `hardware`, `files.data/*`: neither changed nor drift.
    package var ignore: [String] = []
    /// Targets of the fleet that it depends on and that are deployed, too.
    package var dependsOn: [String] = []

    /// When the Hub puts it to sleep.
    package enum Sleep: Sendable, Equatable {
        case never
        case after(seconds: Int)
    }

    package init(space: RepoID, target: String, place: String) {
        self.space = space
        self.target = target
        self.place = place
    }
}

extension Deploy {
    /// The Spaces of a fleet file that have `deploy:`, in its order.
    /// - Parameter folder: of the fleet file; paths in it are seen from there.
    /// - Throws: `fleet.invalid` for a name that the Hub does not take, which the reader of the file reports with its place.
    package static func list(of fleet: Fleet, in folder: String) throws(Failure) -> [Deploy] {
        let all = fleet[DeploySection.ofSpaces]
        let targets = Set(all.map(\.target))
        var deploys: [Deploy] = []
        for one in all {
            var deploy = Deploy(space: try RepoID.space(one.space), target: one.target, place: one.path)
            let said = one.settings
            switch said.from {
            case .folder(let path):
                deploy.source = .folder(absolute(path.name, in: folder))
                deploy.sourcePlace = path
            case .git(let git):
                guard let url = git.git, let ref = git.ref else { break }
                // A repository of this machine is named from the fleet file, too.
                let isPath = !url.name.contains(":") && !url.name.hasPrefix("/")
                deploy.source = .git(url: isPath ? absolute(url.name, in: folder) : url.name, ref: ref)
                deploy.sourcePlace = url
            case .stoker(let stoker):
                guard let file = stoker.stoker else { break }
                deploy.source = .stoker(file: absolute(file.name, in: folder))
                deploy.sourcePlace = file
            case nil: break
            }
            deploy.duplicateOf = said.duplicateOf
            deploy.sdk = said.sdk
            deploy.readme = said.readme.members
            deploy.tags = said.tags
            deploy.visibility = said.visibility
            deploy.hardware = said.hardware
            deploy.sleep = said.sleep.map { $0.map { .after(seconds: Int($0.components.seconds)) } ?? .never }
            deploy.variables = Dictionary(said.variables.map { ($0.name, $0.value) }) { _, last in last }
            deploy.secrets = Dictionary(
                said.secrets.map { ($0.name, $0.source.command.map { .command($0) } ?? .environment) }
            ) { _, last in last }
            deploy.volumes = said.volumes
            func owned(_ name: String) -> String { name.contains("/") ? name : "\(deploy.space.namespace)/\(name)" }
            deploy.needs =
                said.needs.datasets.map { NeededRepo(.dataset, owned($0)) }
                + said.needs.buckets.map { NeededRepo(.bucket, owned($0)) }
            deploy.ignore = said.ignore
            var seen: Set<String> = [one.target]
            deploy.dependsOn = (fleet.dependencies[one.target] ?? []).map(DeploySection.target)
                .filter { targets.contains($0) && seen.insert($0).inserted }
            deploys.append(deploy)
        }
        return deploys
    }

    private static func absolute(_ path: String, in folder: String) -> String {
        if path.hasPrefix("/") || folder.isEmpty { return path }
        return folder + "/" + (path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }

    /// Whether `ignore` names it.
    /// - Parameter part: `hardware`, or with a name behind a dot: `variables.BUILD_ID`.
    package func ignores(_ part: String) -> Bool {
        ignore.contains { $0 == part || part.hasPrefix($0 + ".") && !$0.contains(".") }
    }
}
