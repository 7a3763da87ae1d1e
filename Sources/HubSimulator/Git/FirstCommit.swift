/// The first commit of a repository that is not there yet: a Hub of a thousand Spaces is made in seconds.
struct FirstCommit: Sendable {
    let made: MadeCommit
    private let objects: NewObjects

    /// - Parameter path: where the repository will be.
    /// - Throws: 400 for a path git would not have.
    init(_ commit: GitImport, at path: String) throws {
        var objects = NewObjects(repository: path)
        made = try MadeCommit(commit, on: nil) { objects.add($0, $1) }
        self.objects = objects
    }

    /// Makes the bare repository with this commit as the head of `main`.
    /// - Parameter hooks: the folder of the hooks of all repositories.
    func write(hooks: String) async throws -> GitRepository {
        let quoted = hooks.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let config =
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\thooksPath = \"\(quoted)\"\n"
        try await objects.found(
            files: [
                ("/refs/heads/main", Array("\(made.sha)\n".utf8)), ("/config", Array(config.utf8)),
                // Last: without it this is no repository.
                ("/HEAD", Array("ref: refs/heads/main\n".utf8)),
            ])
        return GitRepository(path: objects.repository)
    }
}
