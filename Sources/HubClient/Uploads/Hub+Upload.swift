import FoundationEssentials
import NIOCore
import NIOHTTP1
import StokerCore

extension Hub {
    /// Makes a folder's files those of a repository, in one commit (each commit to a Space restarts its app).
    ///
    /// Files the repository has in the same form are not sent. Large ones go to LFS in parts, several at once, and go on where an interrupted
    /// run stopped. When the branch moves meanwhile, the comparison is made anew. No file is ever whole in memory.
    /// - Throws: `hub.local` when a file cannot be read or changes meanwhile, `hub.stale` when ``UploadOptions/parent`` is not the head.
    @discardableResult
    package func upload(
        folder: String, to repo: RepoID, revision: String = "main", options: UploadOptions = UploadOptions(),
        progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
    ) async throws(HubFailure) -> CommitResult {
        let doing = "upload \(folder) to \(repo)"
        let meter = TransferMeter(phase: .scanning, report: progress)
        let scan: FolderScan
        do {
            scan = try await Disk.run { flag in try FolderScan(folder, options: options, check: { try flag.check() }) }
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
        if scan.items.isEmpty {
            // An empty folder is a build that went wrong, also where everything that it lacks is to be deleted.
            let hidden = scan.skipped.filter { $0.rule != .never && $0.rule != .empty }
            if options.delete.isEmpty || hidden.isEmpty {
                throw HubFailure(nothingOf: folder, skipped: hidden, doing: doing)
            }
        }
        var upload = Upload(
            hub: self, repo: repo, revision: revision, options: options, meter: meter, items: scan.items, deletions: [])
        upload.skipped = scan.skipped
        upload.folder = folder
        return try await upload.run(doing: doing)
    }

    /// Makes these changes in one commit. A path may be named once, except that a deletion may come before what takes its place.
    @discardableResult
    package func commit(
        _ changes: [HubChange], to repo: RepoID, revision: String = "main", options: UploadOptions = UploadOptions(),
        progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
    ) async throws(HubFailure) -> CommitResult {
        let doing = "commit to \(repo)"
        var items: [UploadItem] = []
        var deletions: [CommitLine] = []
        var seen: Set<RepoPath> = []
        for change in changes {
            switch change {
            case .delete(let path): deletions.append(.deletedFile(try RepoPath(path)))
            case .deleteFolder(let path): deletions.append(.deletedFolder(try RepoPath(path)))
            case .addStored(let path, let sha256, let size):
                deletions.append(.lfs(path: try RepoPath(path), oid: sha256, size: size))
            case .add(let path, let source):
                let path = try RepoPath(path)
                guard seen.insert(path).inserted else {
                    throw HubFailure(.local, doing: doing, said: "\(path) is written twice in one commit")
                }
                do {
                    items.append(try await Disk.run { try UploadItem(path: path, source: source) })
                } catch {
                    throw HubFailure.caught(error, doing: doing)
                }
            }
        }
        return try await Upload(
            hub: self, repo: repo, revision: revision, options: options,
            meter: TransferMeter(phase: .comparing, report: progress), items: items, deletions: deletions
        ).run(doing: doing)
    }
}

extension UploadItem {
    /// Blocks.
    init(path: RepoPath, source: HubSource) throws {
        switch source {
        case .bytes(let bytes):
            self.init(path: path, source: source, size: Int64(bytes.readableBytes), changed: 0)
            head = try readHead()
        case .file(let local):
            guard let status = try LocalFile.status(of: local, followLinks: true), status.kind == .file else {
                throw LocalFile.Trouble(path: local, doing: "upload", reason: "there is no such file")
            }
            self.init(path: path, source: source, size: status.size, changed: status.changed)
            isExecutable = status.isExecutable
            head = try readHead()
            secret = SecretFiles.reason(path: path.text) ?? SecretFiles.reason(path: local) ?? head.secret
            // A file that is named goes up. Another name of it, or a link, does not name it.
            if secret == nil {
                let folder = local.contains("/") ? local.parentFolder : "."
                var guarded = GuardedFiles()
                // As deep as the names of guarded files go: `.streamlit/secrets.toml`.
                try guarded.note(under: "", root: folder, real: LocalFile.real(folder) ?? folder, depth: 1) {}
                if let same = guarded[status], same.path != local.split(separator: "/").last.map(String.init) {
                    throw LocalFile.Trouble(
                        path: local, doing: "upload",
                        reason: "it is the same file as \(same.path): \(same.reason); name that file itself")
                }
            }
            guard try LocalFile.status(of: local, followLinks: false)?.kind == .link, let target = LocalFile.real(local)
            else { return }
            let reason =
                target.split(separator: "/").contains { $0.lowercased() == ".git" }
                ? "it lies in .git" : SecretFiles.reason(path: target)
            if let reason, SecretFiles.reason(path: local) == nil {
                throw LocalFile.Trouble(
                    path: local, doing: "upload", reason: "it is a link to \(target): \(reason); name that file itself")
            }
        }
    }
}

extension HubFailure {
    /// An upload that would send nothing, because nothing is left of what was named.
    init(nothingOf what: String, skipped: [SkippedFile], doing: String) {
        let hints = Set(skipped.map(\.rule))
        let hint =
            skipped.isEmpty
            ? "look whether the build that fills it went well"
            : hints.contains(.notIncluded)
                ? "a pattern is compared with the whole path from the folder on, and * crosses /"
                : hints.contains(.secret)
                    ? "what a Space needs of it is set as secrets; name the file itself if it is to be public"
                    : "change the rule, or name other files"
        self.init(
            .local, doing: doing,
            said: skipped.isEmpty
                ? "\(what) has no files; nothing was sent"
                : "all of it was left out, and nothing was sent: \(SkippedFile.summary(skipped))", hint: hint)
    }
}

/// One upload from its comparison to its commit, made anew when the branch moves.
struct Upload: Sendable {
    let hub: Hub
    let repo: RepoID
    let revision: String
    let options: UploadOptions
    let meter: TransferMeter
    var items: [UploadItem]
    /// Asked for by name, not by pattern.
    let deletions: [CommitLine]
    var skipped: [SkippedFile] = []
    /// Where the items come from; nil when they were named one by one.
    var folder: String?
    var limits = CommitLimits()

    /// What stays true when the plan is made anew.
    struct Memory: Sendable {
        var sha256: [Int: String] = [:]
        var sha1: [Int: String] = [:]
        var notes: [String] = []
        /// The Hub finds no settings in the README.
        var isWithoutSettings = false
        var sent: Int64 = 0
        /// What was told, and whether the answer was to go on.
        var reviewed: UploadReview?
    }

    private struct Plan: Sendable {
        var head: String?
        var review = UploadReview()
        var ignoredFiles: [SkippedFile] = []
        var lines: [CommitLine] = []
        var written = 0
        var unchanged = 0
        var deleted = 0
        var ignored = 0
    }

    func run(doing: String) async throws(HubFailure) -> CommitResult {
        let token = Self.token()
        var memory = Memory()
        try await checkReadme(&memory, doing: doing)
        var rebuilds = 0
        // Commits made before the branch moved under a later one: only when there are several.
        var made: [Hub.Posted] = []
        var written = 0
        var deleted = 0
        while true {
            do throws(HubFailure) {
                let plan = try await compare(
                    &memory, expecting: options.parent.map { made.last?.commit ?? $0 }, doing: doing)
                if plan.lines.isEmpty, plan.unchanged == 0, !plan.ignoredFiles.isEmpty {
                    throw HubFailure(
                        nothingOf: folder ?? "it", skipped: skipped + plan.ignoredFiles, doing: doing)
                }
                let parts = limits.parts(of: plan.lines)
                if parts.count > 1 {
                    memory.notes.append(
                        "\(parts.count) commits were needed: one holds at most \(limits.lfsLines) large files and \(limits.body / 1_000_000) MB of others"
                    )
                }
                var parent = plan.head
                var target = revision
                meter.enter(.committing)
                for part in parts {
                    let number = made.count + 1
                    let posted = try await hub.post(
                        part, summary: number == 1 ? options.summary : "\(options.summary) (part \(number))",
                        description: options.description, token: "\(token)-\(number)", parent: parent, to: repo,
                        revision: target, createsPullRequest: options.createsPullRequest && made.isEmpty
                    ) { [meter] in meter.moved($0) }
                    made.append(posted)
                    parent = posted.commit
                    if let page = posted.pullRequest, let number = page.split(separator: "/").last {
                        target = "refs/pr/\(number)"
                    }
                    for line in part {
                        switch line {
                        case .file(let item):
                            written += 1
                            memory.sent += item.size
                            meter.finishedFile()
                        case .lfs: written += 1
                        case .deletedFile, .deletedFolder: deleted += 1
                        }
                    }
                }
                meter.end()
                return CommitResult(
                    commit: parent ?? "", url: made.last?.url, pullRequest: made.first?.pullRequest,
                    commits: made.map(\.commit), written: written,
                    unchanged: plan.unchanged, deleted: deleted, ignored: plan.ignored, sent: memory.sent,
                    deletedPaths: plan.review.deletions, remarks: plan.review.remarks,
                    skipped: skipped + plan.ignoredFiles,
                    notes: plan.review.remarks.map(\.text) + memory.notes)
            } catch let failure where failure.kind == .stale {
                rebuilds += 1
                // A pull request that stands already is not opened once more.
                let isOnce = options.createsPullRequest && !made.isEmpty
                guard options.parent == nil, !isOnce, rebuilds <= options.rebuilds, !Task.isCancelled else {
                    throw failure
                }
            }
        }
    }

    static func token() -> String { Hex.text(UInt64.random(in: .min ... .max)) }

    /// Better to hear of a broken front matter now than after gigabytes. Source: huggingface_hub `create_commit`.
    private func checkReadme(_ memory: inout Memory, doing: String) async throws(HubFailure) {
        let readme = RepoPath(unchecked: "README.md")
        guard options.checksReadme, let item = items.first(where: { $0.path == readme }), item.size < 1 << 20 else {
            return
        }
        struct Question: Encodable {
            var content: String
            var repoType: String
        }
        struct Answer: Decodable {
            struct Line: Decodable { var message: String? }
            var errors: [Line]?
            var warnings: [Line]?
        }
        let text = try await self.text(of: item, doing: doing)
        let answer = try await hub.send(
            HubRequest(
                .POST, "/api/validate-yaml", doing: "check the README for \(repo)",
                body: .json(encoding: Question(content: text, repoType: repo.kind.rawValue)), repeats: .freely,
                accepted: [400]))
        let found = try answer.decoded(as: Answer.self, doing: "check the README for \(repo)")
        // That there is no front matter is told when it is known whether the README is new.
        for message in (found.warnings ?? []).compactMap(\.message) {
            if repo.kind == .space, message.contains("yaml metadata") {
                memory.isWithoutSettings = true
            } else {
                memory.notes.append("README.md: \(message)")
            }
        }
        if answer.status == 400 {
            throw HubFailure(
                .invalid, doing: doing,
                said: "the front matter of README.md: "
                    + (found.errors ?? []).compactMap(\.message).joined(separator: "; ")
                    .split(whereSeparator: \.isNewline).joined(separator: " "),
                status: 400, hint: "nothing was sent; correct the lines between the --- of README.md")
        }
    }

    func text(of item: UploadItem, doing: String) async throws(HubFailure) -> String {
        do {
            return try await Disk.run {
                switch item.source {
                case .bytes(let bytes): String(decoding: bytes.readableBytesView, as: UTF8.self)
                case .file(let path):
                    String(decoding: try LocalFile(path).read(Int(item.size), at: 0).readableBytesView, as: UTF8.self)
                }
            }
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
    }

    /// Looks at what is there, mends what would undo it, and plans.
    private func compare(_ memory: inout Memory, expecting parent: String?, doing: String) async throws(HubFailure)
        -> Plan
    {
        meter.enter(.comparing)
        var upload = self
        var review = UploadReview()
        try await upload.keepAttributes(&review, doing: doing)
        try await upload.keepFrontMatter(&review, doing: doing)
        return try await upload.plan(&memory, review, expecting: parent, doing: doing)
    }

    /// What has to change, after everything large is on the Hub.
    private func plan(
        _ memory: inout Memory, _ review: UploadReview, expecting parent: String?, doing: String
    ) async throws(HubFailure) -> Plan {
        meter.expect(files: items.count, bytes: items.reduce(0) { $0 + $1.size })
        let asked: Hub.Preuploaded
        if items.isEmpty {
            asked = Hub.Preuploaded(modes: [], head: try await hub.head(of: repo, revision: revision))
        } else {
            asked = try await hub.preupload(
                items, to: repo, revision: revision,
                gitIgnore: try await content(
                    of: ".gitignore", else: options.usesIgnoreFiles ? nil : "\n", doing: doing),
                gitAttributes: try await content(of: ".gitattributes", else: nil, doing: doing),
                createsPullRequest: options.createsPullRequest
            ) { _ in }
        }
        var plan = Plan()
        plan.head = asked.head
        if asked.head == nil { plan.head = try await hub.head(of: repo, revision: revision) }
        if let parent, plan.head != parent {
            throw HubFailure(
                .stale, doing: doing, said: "the head of \(revision) is \(plan.head ?? "nothing") and not \(parent)",
                hint: "look at what was changed there, then upload again")
        }
        /// A pointer to the very file that the repository has: a checkout without LFS. The file is there, and the pointer must not take its place.
        let standIns = Set(
            items.indices.filter { index in
                guard let oid = items[index].head.pointer?.oid else { return false }
                return asked.modes[index].stored == .sha256(oid)
            })
        for index in standIns { meter.skipped(bytes: items[index].size) }
        let inline = items.indices.filter {
            asked.modes[$0].way == .inline && !asked.modes[$0].isIgnored && !standIns.contains($0)
        }
        let large = items.indices.filter {
            asked.modes[$0].way == .lfs && !asked.modes[$0].isIgnored && !standIns.contains($0)
        }
        plan.ignored = asked.modes.count { $0.isIgnored }
        plan.ignoredFiles = try await ignored(
            items.indices.filter { asked.modes[$0].isIgnored }.map { items[$0] }, at: plan.head, doing: doing)
        for index in items.indices where asked.modes[index].isIgnored { meter.skipped(bytes: items[index].size) }

        let same = try await unchanged(inline, asked.modes, &memory, doing: doing)
        for index in same { meter.skipped(bytes: items[index].size) }
        let (deletions, kept) = try await deletionLines(at: plan.head, doing: doing)
        plan.deleted = deletions.count
        let fresh = items.indices.filter { asked.modes[$0].stored == nil && !asked.modes[$0].isIgnored }
        try await checkPlaces(of: fresh.map { items[$0].path.text }, deletions, at: plan.head, doing: doing)
        // In a folder that the same commit deletes, nothing stays unless it is written again.
        let gone = Set(self.deletions.compactMap { if case .deletedFile(let path) = $0 { path } else { nil } })
        let folders = self.deletions.compactMap {
            if case .deletedFolder(let path) = $0 { path.text + "/" } else { nil }
        }
        func isGone(_ path: RepoPath) -> Bool {
            gone.contains(path) || folders.contains { path.text.utf8.starts(with: $0.utf8) }
        }

        let written = try await changed(
            inline: inline.filter { !same.contains($0) || isGone(items[$0].path) }, large: large, asked.modes, &memory,
            doing: doing)
        plan.review = try await reviewed(
            review, written: written, standIns: standIns, modes: asked.modes, deletions: deletions, kept: kept,
            isWithoutSettings: memory.isWithoutSettings, doing: doing)
        try await ask(plan.review, &memory, doing: doing)

        var oids: [Int: String] = [:]
        var sameLarge: Set<Int> = []
        if !large.isEmpty {
            meter.enter(.sending)
            let transfer = LFSTransfer(
                large.map { items[$0] }, to: repo, revision: revision, hub: hub,
                notes: UploadResumeStore(folder: options.stateFolder, endpoint: hub.settings.endpoint, repo: repo),
                meter: meter, lanes: max(1, min(options.lanes, 32)), now: Int64(Date().timeIntervalSince1970))
            let outcome = try await transfer.run(
                stored: large.map { isGone(items[$0].path) ? nil : asked.modes[$0].stored.map { "\($0)" } },
                known: large.map { memory.sha256[$0] })
            memory.sent += outcome.sent
            if let why = outcome.unnoted {
                memory.notes.append("an interrupted upload would begin its large files anew: \(why)")
            }
            for (place, index) in large.enumerated() {
                oids[index] = outcome.oids[place]
                memory.sha256[index] = outcome.oids[place]
            }
            sameLarge = Set(outcome.unchanged.map { large[$0] })
        }
        plan.lines = deletions
        for index in items.indices where !asked.modes[index].isIgnored {
            let item = items[index]
            if (same.contains(index) && !isGone(item.path)) || sameLarge.contains(index) || standIns.contains(index) {
                plan.unchanged += 1
            } else if let oid = oids[index] {
                plan.lines.append(.lfs(path: item.path, oid: oid, size: item.size))
                plan.written += 1
            } else {
                plan.lines.append(.file(item))
                plan.written += 1
            }
        }
        return plan
    }

    private func content(of path: String, else other: String?, doing: String) async throws(HubFailure) -> String? {
        let path = RepoPath(unchecked: path)
        guard let item = items.first(where: { $0.path == path }), item.size < 1 << 20 else { return other }
        if let other { return other }
        return try await text(of: item, doing: doing)
    }

    /// Which of the small files the repository has in this form. Read on two threads; only those that could be.
    private func unchanged(_ indices: [Int], _ modes: [UploadMode], _ memory: inout Memory, doing: String)
        async throws(HubFailure) -> Set<Int>
    {
        let items = items
        let candidates = indices.filter { if case .sha1? = modes[$0].stored { true } else { false } }
        let unknown = candidates.filter { memory.sha1[$0] == nil }
        var batches: [[Int]] = [[]]
        var bytes: Int64 = 0
        for index in unknown {
            if batches[batches.count - 1].count >= 256 || bytes > 8 << 20 {
                batches.append([])
                bytes = 0
            }
            batches[batches.count - 1].append(index)
            bytes += items[index].size
        }
        do {
            try await withThrowingTaskGroup(of: [(Int, String)].self) { group in
                var rest = batches[...]
                func begin() {
                    guard let batch = rest.popFirst() else { return }
                    group.addTask {
                        try await Disk.run { flag in
                            try batch.map { ($0, "\(try items[$0].hash(.sha1) { _ in try flag.check() })") }
                        }
                    }
                }
                for _ in 0..<2 { begin() }
                while let hashes = try await group.next() {
                    begin()
                    for (index, hash) in hashes { memory.sha1[index] = hash }
                }
            }
        } catch {
            throw HubFailure.caught(error, doing: doing)
        }
        return Set(candidates.filter { index in modes[index].stored == memory.sha1[index].map { .sha1($0) } })
    }

    /// A file cannot be written where the repository has a folder, nor into what is a file there; that is said before anything is sent.
    ///
    /// What stands in the way is deleted when it is among the deletions, never by itself: a whole folder may be meant to stay. A repository
    /// that holds none of the names at its root costs one small question.
    private func checkPlaces(
        of paths: [String], _ deletions: [CommitLine], at head: String?, doing: String
    ) async throws(HubFailure) {
        guard !paths.isEmpty, let head else { return }
        let root = try await hub.tree(of: repo, revision: head, recursive: false).all()
        let atRoot = Dictionary(root.map { ($0.path, $0.kind) }, uniquingKeysWith: { first, _ in first })
        var files: Set<String> = []
        var folders: Set<String> = []
        var deeper: Set<String> = []
        for path in paths {
            let parts = path.split(separator: "/")
            switch atRoot[String(parts[0])] {
            case .file? where parts.count > 1: files.insert(String(parts[0]))
            case .folder? where parts.count == 1: folders.insert(path)
            case .folder?:
                for count in 2...parts.count { deeper.insert(parts.prefix(count).joined(separator: "/")) }
            default: break
            }
        }
        let wanted = Set(paths)
        for entry in try await hub.entries(at: deeper.sorted(), in: repo, revision: head) {
            if entry.kind == .file, !wanted.contains(entry.path) { files.insert(entry.path) }
            if entry.kind == .folder, wanted.contains(entry.path) { folders.insert(entry.path) }
        }
        if files.isEmpty, folders.isEmpty { return }
        for deletion in deletions {
            switch deletion {
            case .deletedFile(let path): files.remove(path.text)
            case .deletedFolder(let path):
                folders.remove(path.text)
                files = files.filter { !$0.hasPrefix(path.text + "/") }
            default: break
            }
        }
        // Without its last file a folder is no more.
        let gone = Set(deletions.compactMap { if case .deletedFile(let path) = $0 { path.text } else { nil } })
        for folder in folders.sorted() where !gone.isEmpty {
            let inside = try await hub.tree(of: repo, revision: head, path: folder).all().filter { $0.kind == .file }
            if inside.allSatisfy({ gone.contains($0.path) }) { folders.remove(folder) }
        }
        if let file = files.min() {
            throw HubFailure(
                .local, doing: doing,
                said: "\(file) is a file of \(repo), and here a folder; a name cannot be both. Nothing was committed",
                hint: "delete it by the way (--delete \"\(file)\"), or rename the folder")
        }
        if let folder = folders.min() {
            throw HubFailure(
                .local, doing: doing,
                said: "\(folder) is a folder of \(repo), and here a file; a name cannot be both. Nothing was committed",
                hint: "delete what is in it by the way (--delete \"\(folder)/*\"), or rename the file")
        }
    }

    /// Named deletions, then files of the repository that match a pattern and are not in the folder; and those that stay only because
    /// the folder has them, though they are left out of this upload.
    private func deletionLines(at head: String?, doing: String) async throws(HubFailure) -> (
        lines: [CommitLine], kept: [String]
    ) {
        guard !options.delete.isEmpty else { return (deletions, []) }
        let prefix = options.prefix
        let filter = PathFilter(allow: options.delete)
        let sent = Set(items.map(\.path))
        var found: [RepoPath] = []
        var tree = hub.tree(of: repo, revision: head ?? revision).makeAsyncIterator()
        while let entry = try await tree.next(isolation: nil) {
            let path = RepoPath(unchecked: entry.path)
            guard entry.kind == .file, entry.path.utf8.starts(with: prefix.utf8), entry.path != ".gitattributes",
                !sent.contains(path), filter.takes(path.below(prefix))
            else { continue }
            found.append(path)
        }
        var here: Set<RepoPath> = []
        if let folder, !found.isEmpty {
            let candidates = found
            do {
                here = try await Disk.run { flag in
                    var here: Set<RepoPath> = []
                    for path in candidates {
                        try flag.check()
                        let local = folder + "/" + path.below(prefix)
                        // A link counts as it is; a folder of that name is another thing.
                        guard let status = try LocalFile.status(of: local, followLinks: false), status.kind != .folder
                        else { continue }
                        here.insert(path)
                    }
                    return here
                }
            } catch {
                throw HubFailure.caught(error, doing: doing)
            }
        }
        return (
            deletions + found.filter { !here.contains($0) }.map { .deletedFile($0) },
            found.filter { here.contains($0) }.map(\.text)
        )
    }
}
