import Logging

extension SimulatedHub {
    /// The head of `main` of a Space; nil when there is none, or git failed (which is logged).
    func spaceSource(of repo: HubRepo) async -> SpaceSource? {
        do {
            let git = git(repo)
            guard let head = try await git.resolve("main") else { return nil }
            let listing = try await git.listing(head)
            return SpaceSource(
                head: head, paths: Set(listing.files.map(\.path)), readme: try await git.readme(head))
        } catch {
            logger.warning("could not read a Space", metadata: ["space": "\(repo.fullName)", "error": "\(error)"])
            return nil
        }
    }
}
