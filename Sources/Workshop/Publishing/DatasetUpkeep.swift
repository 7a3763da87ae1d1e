import HubClient
import StokerCore

/// What is done to a dataset on request.
extension DatasetPublisher {
    /// Deletes all that workers wrote, and the past of it. A README that a person changed stays.
    func empty() async throws(HubFailure) {
        guard let (head, layout, hashes) = try await look() else { return }
        let card = DatasetCard.readme(name: "\(dataset)", kind: kind, repository: repository)
        let own = hashes.filter { path, hash in
            switch path {
            case "latest.json", "insights.json": true
            // Without rows a README makes the dataset unreadable; the next row brings it along.
            case "README.md": hash == Self.blobName(Array(card.utf8))
            default:
                DatasetPart(path: path, size: 0) != nil
                    || layout.singles.contains { layout.single($0) == path }
            }
        }.keys.sorted()
        var newest = head
        if !own.isEmpty {
            var options = UploadOptions(summary: "Begin afresh")
            options.parent = head
            options.checksReadme = false
            newest = try await hub.commit(own.map { .delete(path: $0) }, to: dataset, options: options).commit
        }
        try await hub.superSquash(dataset, message: "Begin afresh", head: newest)
    }

    /// Makes one commit of its history: rows that were deleted are gone for good, and their space is free.
    func squash() async throws(HubFailure) {
        guard let (head, layout, _) = try await look() else { return }
        try await hub.superSquash(dataset, message: "Iterations up to \(layout.newest)", head: head)
    }
}
