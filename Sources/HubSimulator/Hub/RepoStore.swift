import FoundationEssentials
import Synchronization

/// The repositories' content: git on the disk, LFS objects beside it.
final class RepoStore: Sendable {
    let disk: HubDisk
    let rules: GitRules
    let objects: ObjectStore
    let uploads: PartUploads
    private let template: String
    private let open = Mutex<[String: GitRepository]>([:])

    init(disk: HubDisk) async throws {
        self.disk = disk
        rules = try await GitRules.prepare(disk.rules)
        objects = ObjectStore(folder: disk.objects, incoming: disk.incoming)
        uploads = PartUploads(objects: objects, incoming: disk.incoming)
        // Absolute: repositories name it as the place of their hooks.
        let root = disk.root.hasPrefix("/") ? disk.root : FileManager.default.currentDirectoryPath + "/" + disk.root
        template = root + "/template"
        try await HubDisk.makeFolder(template + "/hooks")
        try await HubDisk.write(Array(PushHook.script.utf8), to: template + "/hooks/pre-receive", executable: true)
    }

    subscript(repo: HubRepo) -> GitRepository {
        open.withLock { open in
            if let known = open[repo.id] { return known }
            let repository = GitRepository(path: path(repo))
            open[repo.id] = repository
            return repository
        }
    }

    func path(_ repo: HubRepo) -> String { disk.repos + "/" + repo.id + ".git" }

    /// A new repository with its first commit.
    func create(_ repo: HubRepo, _ first: GitImport) async throws -> GitRepository {
        let repository = try await GitRepository.make(at: path(repo), hooks: template + "/hooks", first)
        open.withLock { $0[repo.id] = repository }
        return repository
    }

    /// A copy with every branch and tag.
    func clone(_ source: HubRepo, as repo: HubRepo) async throws -> GitRepository {
        try await Git.run([
            "clone", "--quiet", "--mirror", "--no-hardlinks", "--template=\(template)", path(source), path(repo),
        ])
        let repository = GitRepository(path: path(repo))
        try await Git.run(["--git-dir=\(repository.path)", "remote", "remove", "origin"])
        open.withLock { $0[repo.id] = repository }
        objects.adopt(from: source.id, to: repo.id)
        return repository
    }

    func remove(_ repo: HubRepo) async throws {
        open.withLock { $0[repo.id] = nil }
        objects.forget(repo.id)
        try await HubDisk.remove(path(repo))
    }
}

extension SimulatedHub {
    func git(_ repo: HubRepo) -> GitRepository { store[repo] }

    /// The commit a revision of the repository stands for.
    /// - Throws: 404 `RevisionNotFound`.
    func commit(_ revision: String, of repo: HubRepo) async throws -> String {
        guard let sha = try await git(repo).resolve(revision) else { throw HubError.noRevision(revision) }
        return sha
    }

    /// What follows when a reference has moved.
    func referenceMoved(_ repo: HubRepo, _ reference: String, from old: String?, to new: String?) async {
        guard old != new else { return }
        let now = date
        let repo = await state.update(repo.id) { $0.lastModified = now } ?? repo
        await tell { await $0.onReferenceMoved(repo, ref: reference, from: old, to: new) }
        if reference == "refs/heads/main", let new { await tell { await $0.onMainMoved(repo, sha: new) } }
    }
}
