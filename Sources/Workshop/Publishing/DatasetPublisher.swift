import Crypto
package import HubClient
package import Logging
import NIOCore
package import StokerCore

/// Rows that are ready to be published: their numbers and bytes stand in the ledger before the Hub hears of them.
package struct PendingRows: Sendable, Equatable {
    package var first: Int
    /// One line each, without its end.
    package var lines: [String]
    package var last: Int { first + lines.count - 1 }
    package init(first: Int, lines: [String]) {
        self.first = first
        self.lines = lines
    }

    var bytes: [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }
    var path: String { DatasetPart.path(first, last) }
}

/// Puts rows into a dataset, each once, whatever is lost on the way.
package struct DatasetPublisher: Sendable {
    package let hub: Hub
    package let dataset: RepoID
    let kind: WorkerSettings.Kind
    let isPrivate: Bool
    let retention: Int?
    /// As the README names the repository.
    let repository: String
    let logger: Logger

    package init(
        hub: Hub, dataset: RepoID, kind: WorkerSettings.Kind, isPrivate: Bool, retention: Int?, repository: String,
        logger: Logger
    ) {
        self.hub = hub
        self.dataset = dataset
        self.kind = kind
        self.isPrivate = isPrivate
        self.retention = retention
        self.repository = repository
        self.logger = logger
    }

    package enum Outcome: Sendable, Equatable {
        /// They are there.
        case published(commit: String, wasCreated: Bool)
        /// Other rows have these numbers: ours begin with this one.
        case taken(next: Int)
    }

    /// What the dataset has now; nil when there is none.
    func look() async throws(HubFailure) -> (head: String, layout: DatasetLayout, hashes: [String: String])? {
        guard let info = try await hub.find(dataset, expand: ["sha", "private"]), let head = info.sha else {
            return nil
        }
        let entries = try await hub.tree(of: dataset, revision: head).all().filter { $0.kind == .file }
        let layout = DatasetLayout(paths: entries.map { ($0.path, $0.size) }, filePrefix: kind.filePrefix)
        return (head, layout, Dictionary(entries.map { ($0.path, $0.lfs ?? $0.oid) }) { $1 })
    }

    /// The newest iteration that the dataset has; 0 for none.
    package func newest() async throws(HubFailure) -> Int { try await look()?.layout.newest ?? 0 }

    /// Publishes the rows in one commit, and tidies up in the same.
    /// - Parameter insights: all of them, for `insights.json`.
    package func publish(_ rows: PendingRows, insights: Iteration.Insights) async throws(HubFailure) -> Outcome {
        var wasCreated = false
        var tries = 0
        while true {
            var found = try await look()
            if found == nil {
                let made = try await hub.ensure(NewRepo(dataset, visibility: isPrivate ? .private : .public))
                wasCreated = made.wasCreated
                found = try await look()
            }
            guard let (head, layout, hashes) = found else {
                throw HubFailure(
                    .unreadable, doing: "publish to \(dataset)", said: "the dataset has no commit after it was made")
            }
            if let hash = hashes[rows.path] {
                // A commit whose answer was lost, or one of a process that was killed behind it.
                if hash == Self.blobName(rows.bytes) || hash == Hex.text(SHA256.hash(data: rows.bytes)) {
                    return .published(commit: head, wasCreated: wasCreated)
                }
                return .taken(next: layout.newest + 1)
            }
            // Put together with others since: the numbers are ours as long as nobody else writes here.
            if layout.newest >= rows.first {
                if try await has(rows, layout, head) { return .published(commit: head, wasCreated: wasCreated) }
                return .taken(next: layout.newest + 1)
            }
            let changes = try await changes(rows, layout, insights, head)
            var options = UploadOptions(
                summary: rows.lines.count == 1 ? "Iteration \(rows.first)" : "Iterations \(rows.first) to \(rows.last)")
            options.parent = head
            options.checksReadme = !layout.hasReadme
            do throws(HubFailure) {
                let result = try await hub.commit(changes, to: dataset, options: options)
                return .published(commit: result.commit, wasCreated: wasCreated)
            } catch let failure where failure.kind == .stale || failure.kind == .conflict {
                tries += 1
                guard tries <= 5, !Task.isCancelled else { throw failure }
                logger.info("The dataset moved meanwhile", metadata: ["dataset": "\(dataset)"])
            }
        }
    }

    private func changes(
        _ rows: PendingRows, _ layout: DatasetLayout, _ insights: Iteration.Insights, _ head: String
    ) async throws(HubFailure) -> [HubChange] {
        var changes: [HubChange] = []
        func add(_ path: String, _ bytes: [UInt8]) {
            changes.append(.add(path: path, .bytes(ByteBuffer(bytes: bytes))))
        }
        // Without rows a README makes the dataset unreadable, so both come in the first commit.
        if !layout.hasReadme {
            add("README.md", Array(DatasetCard.readme(name: "\(dataset)", kind: kind, repository: repository).utf8))
        }
        let new = DatasetPart(first: rows.first, last: rows.last, size: Int64(rows.bytes.count))
        let expired = layout.expired(retention: retention, newest: rows.last, adding: new.size)
        var kept = layout
        kept.parts.removeAll { expired.contains($0) }
        let merged = kept.merging(adding: new)
        if let first = merged.first, let last = merged.last {
            var all: [UInt8] = []
            for part in merged {
                if part == new {
                    all += rows.bytes
                } else {
                    all += try await bytes(of: part, at: head)
                    changes.append(.delete(path: part.path))
                }
            }
            add(DatasetPart.path(first.first, last.last), all)
        }
        if !merged.contains(new) { add(new.path, rows.bytes) }
        changes += expired.map { .delete(path: $0.path) }
        for (offset, line) in rows.lines.enumerated() where offset >= rows.lines.count - DatasetLayout.mostSingles {
            add(layout.single(rows.first + offset), Array((line + "\n").utf8))
        }
        changes += layout.expiredSingles(adding: rows.first...rows.last).map { .delete(path: layout.single($0)) }
        add("latest.json", Array(((rows.lines.last ?? "{}") + "\n").utf8))
        var all = try await insightsBefore(layout, head)
        all.add(insights)
        add("insights.json", Array((all.json.text + "\n").utf8))
        return changes
    }

    /// What `insights.json` has: more than the ledger keeps.
    private func insightsBefore(_ layout: DatasetLayout, _ head: String) async throws(HubFailure) -> Iteration.Insights
    {
        guard layout.newest > 0 else { return Iteration.Insights() }
        do throws(HubFailure) {
            guard let found = try await hub.read("insights.json", in: dataset, revision: head) else {
                return Iteration.Insights()
            }
            let json = try? JSONValue(reading: Array(found.bytes.readableBytesView))
            return json.map(Iteration.Insights.init) ?? Iteration.Insights()
        } catch {
            // Somebody deleted it: it begins anew.
            if error.kind == .notFound { return Iteration.Insights() }
            throw error
        }
    }

    private func bytes(of part: DatasetPart, at head: String) async throws(HubFailure) -> [UInt8] {
        guard let found = try await hub.read(part.path, in: dataset, revision: head) else { return [] }
        var bytes = Array(found.bytes.readableBytesView)
        if let last = bytes.last, last != 10 { bytes.append(10) }
        let lines = bytes.count { $0 == 10 }
        guard lines == part.count else {
            throw HubFailure(
                .unreadable, doing: "put parts of \(dataset) together",
                said: "\(part.path) has \(lines) rows and not \(part.count)",
                hint: "somebody else writes there; give the worker a dataset of its own")
        }
        return bytes
    }

    /// Whether the rows stand in a part that has others too.
    private func has(_ rows: PendingRows, _ layout: DatasetLayout, _ head: String) async throws(HubFailure) -> Bool {
        guard let part = layout.parts.first(where: { $0.first <= rows.first && $0.last >= rows.last }) else {
            return false
        }
        let lines = String(decoding: try await bytes(of: part, at: head), as: UTF8.self).split(separator: "\n")
        let start = rows.first - part.first
        guard start + rows.lines.count <= lines.count else { return false }
        return zip(lines[start...], rows.lines).allSatisfy { $0 == $1[...] }
    }

    /// The newest row, by one small file.
    package func latest() async throws(HubFailure) -> JSONValue? {
        do throws(HubFailure) {
            guard let found = try await hub.read("latest.json", in: dataset) else { return nil }
            return try? JSONValue(reading: Array(found.bytes.readableBytesView))
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// The name that git gives to a file of these bytes.
    static func blobName(_ bytes: [UInt8]) -> String {
        Hex.text(Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes))
    }
}
