package import HubClient
package import StokerCore

/// A file of a repository: what its content is called.
package struct RemoteFile: Sendable, Equatable {
    /// SHA-1 of git's blob: of the pointer where the file is in LFS.
    package var sha1: String
    /// Of files in LFS.
    package var sha256: String?
    /// Bytes of the content.
    package var size: Int64
    package init(sha1: String, sha256: String? = nil, size: Int64) {
        self.sha1 = sha1
        self.sha256 = sha256
        self.size = size
    }

    init?(_ entry: HubEntry) {
        guard entry.kind == .file else { return nil }
        self.init(sha1: entry.oid, sha256: entry.lfs, size: entry.size)
    }
}

/// The files of commits, kept because a commit never changes: with it a plan reads no tree. Losing it costs a request a Space.
package protocol CommitFilesMemory: Sendable {
    /// - Returns: by path; nil when they are not known for this commit.
    func files(of space: RepoID, at commit: String) async throws(Failure) -> [String: RemoteFile]?
    func keep(_ files: [String: RemoteFile], of space: RepoID, at commit: String) async throws(Failure)
}

/// What a plan is made on, read from the Hub with few requests: one listing a namespace, variables and secrets of each Space, and its tree where
/// the commit is not known.
package struct HubState: Sendable {
    package struct Space: Sendable {
        /// As the Hub calls it.
        package var id: RepoID
        package var seen = ObservedSpace()
        package var sdk: String?
        /// The README's header as the Hub read it.
        package var card: JSONValue?
        /// By path; nil when nobody asked.
        package var files: [String: RemoteFile]?
        /// A Space that is to be made as a copy: what the copy starts with.
        package var template: Template?

        package var isStatic: Bool { sdk == "static" }
    }
    /// Of the Space that another one is a copy of.
    package struct Template: Sendable {
        package var id: RepoID
        package var commit: String?
        package var sdk: String?
        package var card: JSONValue?
        package var variables: [String: String]
        package var files: [String: RemoteFile]?
    }

    /// By the name in the fleet file.
    package private(set) var spaces: [RepoID: Space] = [:]
    package private(set) var missing: [NeededRepo] = []
    package private(set) var identity: HubIdentity?
    /// nil when it could not be read: prices are not known then.
    package private(set) var catalogue: [SpaceHardware]?

    package init() {}

    /// Requests for Spaces at the same time.
    private static let lanes = 24
    /// With so many Spaces of one namespace a listing is less work than asking for each.
    private static let listed = 3
    private static let page = 500

    /// - Parameters:
    ///   - asksIdentity: whether rights and prices matter; not for drift.
    ///   - progress: Spaces that were read, of all.
    package static func read(
        _ deploys: [Deploy], from hub: Hub, memory: any CommitFilesMemory, asksIdentity: Bool = true,
        progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void = { _, _ in }
    ) async throws -> HubState {
        var state = HubState()
        let infos = try await infos(of: deploys.map(\.space), from: hub)
        async let identity = asksIdentity ? hub.whoami() : nil
        // Prices are for people: without them the plan is as good.
        async let catalogue = asksIdentity ? try? hub.hardwareCatalogue() : nil
        try await withThrowingTaskGroup(of: (RepoID, Space).self) { group in
            var waiting = deploys[...]
            var done = 0
            func add() {
                guard let deploy = waiting.popFirst() else { return }
                let info = infos[deploy.space]
                group.addTask { (deploy.space, try await space(deploy, info, hub, memory)) }
            }
            for _ in 0..<lanes { add() }
            while let (id, space) = try await group.next() {
                state.spaces[id] = space
                done += 1
                progress(done, deploys.count)
                add()
            }
        }
        state.missing = try await missing(deploys, from: hub)
        state.identity = try await identity
        state.catalogue = await catalogue
        return state
    }

    // MARK: Spaces

    private static let fields = ObservedSpace.fields + ["cardData"]

    /// What the Hub says of those that are there.
    private static func infos(of spaces: [RepoID], from hub: Hub) async throws -> [RepoID: RepoInfo] {
        var infos: [RepoID: RepoInfo] = [:]
        for (namespace, wanted) in Dictionary(grouping: spaces, by: { $0.namespace.lowercased() }).sorted(by: {
            $0.key < $1.key
        }) {
            guard wanted.count > listed else {
                for id in wanted { infos[id] = try await hub.find(id, expand: fields) }
                continue
            }
            let names = Dictionary(wanted.map { ("\($0)".lowercased(), $0) }) { first, _ in first }
            let list = hub.list(.space, author: wanted.first?.namespace ?? namespace, expand: fields, pageSize: page)
            for try await info in list {
                if let id = names[info.id.lowercased()] { infos[id] = info }
            }
        }
        return infos
    }

    private static func space(
        _ deploy: Deploy, _ info: RepoInfo?, _ hub: Hub, _ memory: any CommitFilesMemory
    ) async throws -> Space {
        var space = Space(id: deploy.space)
        guard let info else {
            if let source = deploy.duplicateOf {
                space.template = try await template(source, deploy, hub, memory)
            }
            return space
        }
        space.id = (try? RepoID(.space, info.id)) ?? deploy.space  // the Hub's own name is one
        space.seen = ObservedSpace(info)
        space.sdk = info.sdk
        space.card = info.card
        // A listing may leave it out, and it does not tell protected from private.
        if info.runtime == nil { space.seen.take(try await hub.runtime(of: space.id)) }
        if deploy.visibility == .protected, space.seen.visibility == .private {
            space.seen.visibility = try await hub.info(of: space.id).visibility ?? .private
        }
        let id = space.id
        let head = space.seen.head
        async let files = files(id, head, deploy, hub, memory)
        try await hub.readEnvironment(of: id, into: &space.seen)
        space.files = try await files
        return space
    }

    private static func files(
        _ id: RepoID, _ commit: String?, _ deploy: Deploy, _ hub: Hub, _ memory: any CommitFilesMemory
    ) async throws -> [String: RemoteFile]? {
        guard deploy.source != nil, !deploy.ignores("files"), let commit else { return nil }
        return try await learn(id, at: commit, from: hub, memory: memory)
    }

    /// The files of a commit, which are kept.
    @discardableResult
    package static func learn(
        _ id: RepoID, at commit: String, from hub: Hub, memory: any CommitFilesMemory
    ) async throws -> [String: RemoteFile] {
        if let known = try await memory.files(of: id, at: commit) { return known }
        var files: [String: RemoteFile] = [:]
        for entry in try await hub.tree(of: id, revision: commit).all() {
            if let file = RemoteFile(entry) { files[entry.path] = file }
        }
        try await memory.keep(files, of: id, at: commit)
        return files
    }

    private static func template(
        _ source: RepoID, _ deploy: Deploy, _ hub: Hub, _ memory: any CommitFilesMemory
    ) async throws -> Template? {
        guard let info = try await hub.find(source, expand: fields) else { return nil }
        // Of another's Space nobody may read them; what was copied is seen by the plan after it.
        var variables: [String: String] = [:]
        do {
            for variable in try await hub.variables(of: source) { variables[variable.key] = variable.value }
        } catch {
            guard error.kind == .forbidden || error.kind == .notFound || error.kind == .badToken else { throw error }
        }
        return Template(
            id: source, commit: info.sha, sdk: info.sdk, card: info.card, variables: variables,
            files: try await files(source, info.sha, deploy, hub, memory))
    }

    // MARK: Needs

    private static func missing(_ deploys: [Deploy], from hub: Hub) async throws -> [NeededRepo] {
        var missing: [NeededRepo] = []
        var seen: Set<NeededRepo> = []
        for need in deploys.flatMap(\.needs) where seen.insert(need).inserted {
            let id = try RepoID(.dataset, need.id)
            let isThere =
                switch need.kind {
                case .dataset: try await hub.find(id, expand: ["sha"]) != nil
                case .bucket: try await hub.bucket(id.namespace, id.name) != nil
                }
            if !isThere { missing.append(need) }
        }
        return missing
    }
}
