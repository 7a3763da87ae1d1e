package import HubClient
import NIOCore
import StokerCore

/// Reads the rows of a dataset that a worker writes.
package struct DatasetReader: Sendable {
    let hub: Hub
    let dataset: RepoID
    /// Rows that are read, at most: the newest.
    package static let most = 2_000

    package init(hub: Hub, dataset: RepoID) {
        self.hub = hub
        self.dataset = dataset
    }

    /// Oldest first.
    package func rows(newest most: Int = DatasetReader.most) async throws(HubFailure) -> [Iteration] {
        let info = try await hub.info(of: dataset, expand: ["sha"])
        let head = info.sha ?? "main"
        let entries = try await hub.tree(of: dataset, revision: head, path: "data").all().filter { $0.kind == .file }
        let parts = entries.compactMap { DatasetPart(path: $0.path, size: $0.size) }.sorted { $0.first < $1.first }
        var rows: [Iteration] = []
        for part in parts.reversed() where rows.count < most {
            guard let found = try await hub.read(part.path, in: dataset, revision: head) else { continue }
            let text = String(decoding: found.bytes.readableBytesView, as: UTF8.self)
            let some = text.split(separator: "\n").compactMap { line in
                (try? JSONValue(reading: String(line))).flatMap(Iteration.init)
            }
            rows = some + rows
        }
        return Array(rows.suffix(most))
    }
}
