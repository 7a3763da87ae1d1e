package import HubClient
package import NIOCore
import StokerCore
import Synchronization

/// A vault in a dataset of the Hub, one for each state. Packs are large files (LFS), so that each can be freed alone; a publication is one commit of
/// their pointers and the head, on the condition that nobody committed meanwhile (`parentCommit`).
///
/// The Hub takes about 60 commits an hour from an account (``CommitBudget``), so the interval is five minutes unless the owner says otherwise, and never
/// below one. A long history is squashed by the holder of the pen, right behind a claim, when nothing else is on its way.
package actor DatasetVault: Vault {
    private let hub: Hub
    private let ownsHub: Bool
    private let repo: RepoID
    package nonisolated let name: String
    private let visibility = Mutex(false)
    private let budget: CommitBudget
    /// Commits from which on the history is squashed.
    private let longest: Int
    private var staged = StagedChanges()
    /// The commit that showed no head; what the first one must follow.
    private var empty: String?
    /// The last pack that was read whole: its parts are asked for one by one.
    private var last: (name: String, bytes: ByteBuffer)?
    /// The pack that one part was read of. Who asks for a second one gets it whole.
    private var begun: String?

    package init(hub: Hub, ownsHub: Bool, repo: RepoID) {
        self.init(hub: hub, ownsHub: ownsHub, repo: repo, budget: .shared(by: hub))
    }

    /// - Parameter longest: commits from which on the history is squashed.
    init(hub: Hub, ownsHub: Bool, repo: RepoID, budget: CommitBudget, longest: Int = 500) {
        self.hub = hub
        self.ownsHub = ownsHub
        self.repo = repo
        self.budget = budget
        self.longest = longest
        name = "dataset:\(repo)"
    }

    package nonisolated var limits: VaultLimits {
        VaultLimits(
            interval: .seconds(300), smallestInterval: .seconds(60), isPublic: visibility.withLock { $0 })
    }

    /// `v1/p/<epoch>-<random>` is the file `v1/p/<first two of random>/<epoch>-<random>.bin`: folders stay small, and `.bin` is LFS by the Hub's own rules.
    private static func path(_ name: String) -> String {
        guard name.hasPrefix(PackDirectory.prefix), let dash = name.lastIndex(of: "-") else { return name }
        let file = name.dropFirst(PackDirectory.prefix.count)
        return PackDirectory.prefix + name[name.index(after: dash)...].prefix(2) + "/" + file + ".bin"
    }

    private static func name(_ path: String) -> String {
        guard path.hasPrefix(PackDirectory.prefix), path.hasSuffix(".bin"), let slash = path.lastIndex(of: "/") else {
            return path
        }
        return PackDirectory.prefix + path[path.index(after: slash)...].dropLast(4)
    }

    private func call<Value>(
        _ doing: String, mayHaveActed: Bool = false, _ body: () async throws(HubFailure) -> Value
    ) async throws(VaultFailure) -> Value {
        do throws(HubFailure) {
            return try await body()
        } catch {
            throw VaultFailure(error, vault: name, doing: doing, mayHaveActed: mayHaveActed)
        }
    }

    package func probe() async throws(VaultFailure) {
        let found = try await call("look at the repository") { () async throws(HubFailure) in
            if let info = try await hub.find(repo, expand: ["sha", "private"]) { return info.isPrivate ?? false }
            var new = NewRepo(repo)
            new.visibility = .private
            _ = try await hub.ensure(new)
            return true
        }
        visibility.withLock { $0 = !found }
    }

    package func readHead() async throws(VaultFailure) -> StoredHead? {
        let found: (String, ByteBuffer?)? = try await call("read the head") { () async throws(HubFailure) in
            guard let sha = try await hub.find(repo, expand: ["sha"])?.sha else { return nil }
            do throws(HubFailure) {
                return (sha, try await hub.read("v1/head", in: repo, revision: sha)?.bytes)
            } catch {
                guard error.kind == .notFound else { throw error }
                return (sha, nil)
            }
        }
        guard let (sha, bytes) = found else { return nil }
        guard let bytes else {
            empty = sha
            return nil
        }
        return StoredHead(bytes: bytes, version: HeadVersion(sha))
    }

    package func swapHead(
        _ bytes: ByteBuffer, expecting version: HeadVersion?
    ) async throws(VaultFailure) -> HeadSwap {
        let parent: String
        if let version {
            parent = version.text
        } else {
            // Only a commit that is known to have no head may be followed by a first one.
            if empty == nil, try await readHead() != nil { return .refused }
            guard let empty else {
                throw VaultFailure(.invalid, vault: name, doing: "write the head", said: "there is no such repository")
            }
            parent = empty
        }
        let going = staged
        var changes: [HubChange] = going.deleted.sorted().map { .delete(path: Self.path($0)) }
        changes += going.added.sorted { $0.key < $1.key }.map { .add(path: Self.path($0.key), .bytes($0.value)) }
        changes.append(.add(path: "v1/head", .bytes(bytes)))
        if let wait = budget.take() { throw spent("write the head", wait) }
        do throws(HubFailure) {
            let commit = try await commit(changes, "Snapshot", parent: parent)
            staged.remove(going)
            return .swapped(HeadVersion(await squashed(commit, with: bytes)))
        } catch {
            if error.kind == .stale || error.kind == .conflict {
                budget.giveBack()
                empty = nil
                return .refused
            }
            throw VaultFailure(error, vault: name, doing: "write the head", mayHaveActed: true)
        }
    }

    private func spent(_ doing: String, _ wait: Duration) -> VaultFailure {
        VaultFailure(
            .throttled(wait), vault: name, doing: doing,
            said:
                "this account's commits of the hour are used up; a place is free in \(Int(wait.components.seconds) + 1) s",
            hint: "a longer `every:`, or another vault for some of the states")
    }

    /// Squashes a history that has grown long, and looks what came of it: nobody says whether the Hub does it in one step.
    /// - Returns: the commit that has the head now.
    private func squashed(_ commit: String, with head: ByteBuffer) async -> String {
        // A claim: whoever had the pen publishes nothing more, and the new holder has not begun.
        guard CommitBudget.isUrgent else { return commit }
        do {
            guard let count = try await hub.commitCount(of: repo), count >= longest, budget.take() == nil else {
                return commit
            }
            let new = try await hub.superSquash(repo, message: "Snapshots", head: commit)
            guard let new, try await hub.read("v1/head", in: repo, revision: new)?.bytes == head else { return commit }
            return new
        } catch {
            // The history stays long until the next claim.
            return commit
        }
    }

    private func commit(
        _ changes: [HubChange], _ summary: String, parent: String?
    ) async throws(HubFailure) -> String {
        var options = UploadOptions()
        options.summary = summary
        options.parent = parent
        options.checksReadme = false
        return try await hub.commit(changes, to: repo, options: options).commit
    }

    package func put(_ bytes: ByteBuffer, as object: String, _ visibility: Visibility) async throws(VaultFailure) {
        switch visibility {
        case .withHead:
            staged.put(bytes, as: object)
            // A first snapshot may be larger than memory: what is full goes ahead, and nobody reads it before the head.
            guard staged.bytes > 64 << 20 else { return }
            let going = staged
            if let wait = budget.take() { throw spent("send packs", wait) }
            _ = try await call("send packs") { () async throws(HubFailure) in
                try await commit(
                    going.added.sorted { $0.key < $1.key }.map { .add(path: Self.path($0.key), .bytes($0.value)) },
                    "Packs", parent: nil)
            }
            var done = StagedChanges()
            for (name, bytes) in going.added { done.put(bytes, as: name) }
            staged.remove(done)
        case .atOnce:
            if let wait = budget.take() { throw spent("store \(object)", wait) }
            _ = try await call("store \(object)") { () async throws(HubFailure) in
                try await commit([.add(path: Self.path(object), .bytes(bytes))], "Note", parent: nil)
            }
        }
    }

    package func read(_ object: String, _ range: Range<Int>?) async throws(VaultFailure) -> ByteBuffer? {
        if staged.deleted.contains(object) { return nil }
        let all: ByteBuffer
        if let known = staged.added[object] {
            all = known
        } else if let last, last.name == object {
            all = last.bytes
        } else {
            let isPack = object.hasPrefix(PackDirectory.prefix)
            // A snapshot reads the parent's tree, which is little of a large pack; a restore reads a pack part by part.
            let part = isPack && begun != object ? range.flatMap { $0.isEmpty ? nil : $0 } : nil
            let found: ByteBuffer? = try await call("read \(object)") { () async throws(HubFailure) in
                do throws(HubFailure) {
                    return try await hub.read(Self.path(object), in: repo, range: part)?.bytes
                } catch {
                    guard error.kind == .notFound else { throw error }
                    return nil
                }
            }
            guard let found else { return nil }
            if isPack { begun = object }
            if part != nil { return found }
            all = found
            if isPack { last = (object, found) }
        }
        guard let range else { return all }
        let inside = range.clamped(to: 0..<all.readableBytes)
        return all.getSlice(at: all.readerIndex + inside.lowerBound, length: inside.count)
    }

    package func list(_ prefix: String) async throws(VaultFailure) -> [StoredObject] {
        let folder = prefix.split(separator: "/").dropLast(prefix.hasSuffix("/") ? 0 : 1).joined(separator: "/")
        let entries: [HubEntry] = try await call("list \(prefix)") { () async throws(HubFailure) in
            do throws(HubFailure) {
                return try await hub.tree(of: repo, path: folder).all()
            } catch {
                guard error.kind == .notFound else { throw error }
                return []
            }
        }
        return entries.filter { $0.kind == .file }.map { StoredObject(name: Self.name($0.path), size: Int($0.size)) }
            .filter { $0.name.hasPrefix(prefix) && $0.name != "v1/head" && !staged.deleted.contains($0.name) }
            .sorted { $0.name < $1.name }
    }

    /// Large files are freed at once; their pointers go with the next head.
    package func delete(_ names: [String]) async throws(VaultFailure) {
        let wanted = Set(names.map { Self.path($0) })
        let (packs, others) = (
            names.filter { $0.hasPrefix(PackDirectory.prefix) }, names.filter { !$0.hasPrefix(PackDirectory.prefix) }
        )
        try await call("delete \(names.count) objects") { () async throws(HubFailure) in
            let known = try await hub.entries(at: wanted.sorted(), in: repo)
            let there = Set(known.map(\.path))
            let notes = others.filter { there.contains(Self.path($0)) }
            if !notes.isEmpty, budget.take() == nil {
                _ = try await commit(notes.map { .delete(path: Self.path($0)) }, "Notes", parent: nil)
            }
            let stored = known.compactMap { entry in packs.contains(Self.name(entry.path)) ? entry.lfs : nil }
            if !stored.isEmpty { try await hub.deleteLFSFiles(stored, of: repo, rewritingHistory: false) }
            staged.delete(packs.filter { there.contains(Self.path($0)) })
        }
        if let last, names.contains(last.name) { self.last = nil }
    }

    package func shutdown() async {
        // The connection is not needed any more, however it ends.
        if ownsHub { try? await hub.shutdown() }
    }
}
