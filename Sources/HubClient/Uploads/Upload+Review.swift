import NIOCore
import StokerCore

/// What a person should know before anything is sent, and what is mended by the way.
extension Upload {
    private static let attributes = RepoPath(unchecked: ".gitattributes")
    private static let readme = RepoPath(unchecked: "README.md")
    /// What is larger is not looked into.
    private static let most: Int64 = 1 << 20

    /// A text file at the top of the repository; nil when there is none.
    private func stored(_ path: RepoPath) async throws(HubFailure) -> String? {
        do {
            return try await hub.text(of: path.text, in: repo, revision: revision)
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    private mutating func put(_ text: String, at index: Int) {
        items[index].source = .bytes(ByteBuffer(string: text))
        items[index].size = Int64(text.utf8.count)
        items[index].changed = 0
    }

    /// The Hub writes rules of LFS into `.gitattributes`; the folder's own one gets them too, or the next upload would take them away.
    mutating func keepAttributes(_ review: inout UploadReview, doing: String) async throws(HubFailure) {
        guard let index = items.firstIndex(where: { $0.path == Self.attributes }), items[index].size < Self.most,
            let stored = try await stored(Self.attributes)
        else { return }
        let own = try await text(of: items[index], doing: doing)
        let (merged, kept) = GitAttributes.merged(own: own, stored: stored)
        guard !kept.isEmpty else { return }
        put(merged, at: index)
        if merged != stored {
            review.remarks.append(
                .init(
                    kind: .mended,
                    text:
                        "the repository's LFS rules for \(NameList.text(kept)) are kept in .gitattributes; the folder's own has no line for \(kept.count == 1 ? "it" : "them")",
                    paths: [Self.attributes.text]))
        }
    }

    /// With ``UploadOptions/keepsFrontMatter``, a README without front matter gets that of the repository.
    mutating func keepFrontMatter(_ review: inout UploadReview, doing: String) async throws(HubFailure) {
        guard options.keepsFrontMatter, let index = items.firstIndex(where: { $0.path == Self.readme }),
            items[index].size < Self.most
        else { return }
        let own = try await text(of: items[index], doing: doing)
        guard FrontMatter.problem(in: own) != nil, let stored = try await stored(Self.readme),
            let block = FrontMatter.block(of: stored)
        else { return }
        let merged = block + (block.hasSuffix("\n") ? "" : "\n") + own
        put(merged, at: index)
        if merged != stored {
            review.remarks.append(
                .init(
                    kind: .mended, text: "README.md goes up with the front matter that \(repo) has",
                    paths: [Self.readme.text]))
        }
    }

    /// The files that the Hub ignores, with the rule of the repository's `.gitignore`, or of the one that goes up.
    func ignored(_ files: [UploadItem], at head: String?, doing: String) async throws(HubFailure) -> [SkippedFile] {
        guard !files.isEmpty else { return [] }
        let path = RepoPath(unchecked: ".gitignore")
        var rules = IgnoreRules()
        let isOwn = items.contains { $0.path == path }
        if let own = items.first(where: { $0.path == path && $0.size < Self.most }) {
            rules.add(Array(try await text(of: own, doing: doing).utf8), of: [])
        } else if !isOwn, let stored = try? await hub.text(of: path.text, in: repo, revision: head ?? revision) {
            rules.add(Array(stored.utf8), of: [])
        }
        let prefix = options.prefix
        let whose = isOwn ? "the .gitignore at the top" : "the .gitignore of \(repo)"
        return files.map { file in
            let match = rules.match(file: file.path.text)
            let rule = match.map { ", line \($0.line), keeps it out: \($0.pattern)" } ?? " keeps it out"
            return SkippedFile(
                path: folder == nil ? file.path.text : file.path.below(prefix), rule: .repository,
                reason: whose + rule)
        }
    }

    /// Those that will be written. What there is something to tell of is hashed for it; other large files are taken as changed.
    func changed(
        inline: [Int], large: [Int], _ modes: [UploadMode], _ memory: inout Memory, doing: String
    ) async throws(HubFailure) -> [Int] {
        var written = inline
        for index in large {
            let item = items[index]
            let isTold = item.isExecutable || item.head.isProgram || item.head.pointer != nil || item.secret != nil
            if modes[index].stored != nil, isTold {
                if memory.sha256[index] == nil {
                    do {
                        memory.sha256[index] = try await Disk.run { flag in
                            "\(try item.hash(.sha256) { _ in try flag.check() })"
                        }
                    } catch {
                        throw HubFailure.caught(error, doing: doing)
                    }
                }
                if modes[index].stored == memory.sha256[index].map({ .sha256($0) }) { continue }
            }
            written.append(index)
        }
        return written.sorted()
    }

    /// All that is to be told.
    func reviewed(
        _ begun: UploadReview, written: [Int], standIns: Set<Int>, modes: [UploadMode], deletions: [CommitLine],
        kept: [String], isWithoutSettings: Bool, doing: String
    ) async throws(HubFailure) -> UploadReview {
        var review = begun
        review.deletions = deletions.compactMap { line in
            switch line {
            case .deletedFile(let path): path.text
            case .deletedFolder(let path): path.text + "/"
            case .file, .lfs: nil
            }
        }
        func remark(_ kind: UploadReview.Remark.Kind, _ indices: [Int], _ text: (String) -> String) {
            guard !indices.isEmpty else { return }
            let paths = indices.map { items[$0].path.text }
            review.remarks.append(.init(kind: kind, text: text(NameList.text(paths)), paths: paths))
        }
        let pointers = written.filter { items[$0].head.pointer != nil }
        remark(.pointer, pointers) { names in
            let bytes = pointers.reduce(Int64(0)) { $0 &+ (items[$1].head.pointer?.size ?? 0) }
            return pointers.count == 1
                ? "\(names) is an LFS pointer that stands for a file of \(bytes) bytes that is not here; it goes up as the pointer that it is (`git lfs pull` brings the file)"
                : "\(names) are LFS pointers that stand for files of \(bytes) bytes together that are not here; they go up as the pointers that they are (`git lfs pull` brings the files)"
        }
        if !standIns.isEmpty {
            let paths = standIns.sorted().map { items[$0].path.text }
            review.remarks.append(
                .init(
                    kind: .kept,
                    text:
                        "\(NameList.text(paths)): LFS \(paths.count == 1 ? "pointer to the very file" : "pointers to the very files") that \(repo) has; left as \(paths.count == 1 ? "it is" : "they are")",
                    paths: paths))
        }
        remark(.secret, written.filter { items[$0].secret != nil }) { names in
            "\(names) looks like a secret and was named, so it goes up; everybody who may read \(repo) can read it, also after it is deleted"
        }
        try await reviewPrograms(&review, written, modes)
        try await reviewReadme(&review, written, isWithoutSettings: isWithoutSettings, doing: doing)
        if !kept.isEmpty {
            review.remarks.append(
                .init(
                    kind: .kept,
                    text:
                        "not deleted: \(NameList.text(kept, atMost: 20)), which \(kept.count == 1 ? "is" : "are") in the folder though left out of this upload",
                    paths: kept))
        }
        return review
    }

    /// The Hub's commit knows no modes: what it writes is not executable.
    private func reviewPrograms(
        _ review: inout UploadReview, _ written: [Int], _ modes: [UploadMode]
    ) async throws(HubFailure) {
        let way =
            "write `RUN chmod +x …` into the Dockerfile or start it with its interpreter, or push it with git (`stoker space push`)"
        let local = written.filter { items[$0].isExecutable }.map { items[$0].path.text }
        if !local.isEmpty {
            review.remarks.append(
                .init(
                    kind: .executable,
                    text:
                        "\(NameList.text(local)) \(local.count == 1 ? "is" : "are") executable here and will not be on the Hub, whose commits know no modes: \(way)",
                    paths: local))
        }
        let replaced = written.filter {
            !items[$0].isExecutable && modes[$0].stored != nil
                && (items[$0].head.isProgram || Self.mayBeScript(items[$0].path))
        }
        .map { items[$0].path.text }
        // The same content, but perhaps another mode: what is executable here only is not made so by an upload.
        let same = Set(items.indices).subtracting(written).sorted().filter {
            items[$0].isExecutable && modes[$0].stored != nil && !modes[$0].isIgnored
        }
        .map { items[$0].path.text }
        guard !replaced.isEmpty || !same.isEmpty, let executables = options.executables else { return }
        guard let there = await executables(revision, replaced + same) else {
            guard !replaced.isEmpty else { return }
            review.remarks.append(
                .init(
                    kind: .executable,
                    text:
                        "\(NameList.text(replaced)): whether \(replaced.count == 1 ? "it is" : "they are") executable on the Hub could not be looked up (by git); if so, that is lost",
                    paths: replaced))
            return
        }
        let missing = same.filter { !there.contains($0) }
        if !missing.isEmpty {
            review.remarks.append(
                .init(
                    kind: .executable,
                    text:
                        "\(NameList.text(missing)) \(missing.count == 1 ? "is" : "are") executable here and not on the Hub, and an upload does not change that: \(way)",
                    paths: missing))
        }
        let lost = replaced.filter { there.contains($0) }
        guard !lost.isEmpty else { return }
        review.remarks.append(
            .init(
                kind: .executable,
                text:
                    "\(NameList.text(lost)) \(lost.count == 1 ? "is" : "are") executable on the Hub and will not be any more, since its commits know no modes: \(way)",
                paths: lost))
    }

    /// Whether a shell may be meant to run it by its name, though it does not begin as a program does. Anything else that changes with each upload
    /// is not worth asking git for.
    private static func mayBeScript(_ path: RepoPath) -> Bool {
        let name = path.text.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else {
            return !["Dockerfile", "Makefile", "LICENSE", "Procfile", "README", "NOTICE", "VERSION"].contains(name)
        }
        return ["sh", "bash", "zsh", "ksh", "run"].contains(name[name.index(after: dot)...])
    }

    /// Without front matter in its README a Space does not start.
    private func reviewReadme(
        _ review: inout UploadReview, _ written: [Int], isWithoutSettings: Bool, doing: String
    ) async throws(HubFailure) {
        guard repo.kind == .space else { return }
        var problem: String?
        if let index = written.first(where: { items[$0].path == Self.readme }), items[index].size < Self.most {
            problem = FrontMatter.problem(in: try await text(of: items[index], doing: doing))
            // With front matter that was kept from the Hub, what the Hub said of the folder's README is no longer so.
            if problem == nil, isWithoutSettings, case .file = items[index].source {
                problem = "the Hub finds no settings in its front matter"
            }
        } else if review.deletions.contains(Self.readme.text) {
            problem = "it would be deleted"
        }
        guard let problem else { return }
        // A pull request runs nothing until it is merged, and the app is built from main.
        let counts = revision == "main" && !options.createsPullRequest
        var stage: SpaceStage?
        if counts {
            do {
                stage = try await hub.runtime(of: repo).stage
            } catch {
                if error.isCancelled { throw error }
            }
            review.takesDown = stage.map { !$0.isFailed && $0 != .noAppFile } ?? true
        }
        let now = stage.map { "it is \($0.rawValue) now and would be" } ?? "a Space without it is"
        review.remarks.append(
            .init(
                kind: .frontMatter,
                text:
                    "README.md: \(problem). The Hub takes a Space's settings from there; \(now) CONFIG_ERROR (\"Missing configuration in README\")",
                paths: [Self.readme.text]))
    }

    /// Tells what is new since it was told last, and asks.
    func ask(_ review: UploadReview, _ memory: inout Memory, doing: String) async throws(HubFailure) {
        guard memory.reviewed != review else { return }
        if let ask = options.review, await !ask(review) {
            throw HubFailure(.refusedByUs, doing: doing, said: "it was not wanted; nothing was committed")
        }
        memory.reviewed = review
    }
}
