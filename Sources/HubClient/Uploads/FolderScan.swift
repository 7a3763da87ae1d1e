import NIOCore

/// The files of a folder that are meant to be uploaded.
struct FolderScan: Sendable {
    var items: [UploadItem] = []
    var skipped: [SkippedFile] = []

    private let root: String
    private let realRoot: String
    private let options: UploadOptions
    private let filter: PathFilter
    private let named: Set<RepoPath>
    /// Before each path in the repository; empty or with a slash at the end.
    private let prefix: String
    private var rules = IgnoreRules()
    private var guarded = GuardedFiles()
    /// Of each item.
    private var statuses: [LocalFile.Status] = []
    /// Folders that a rule left out, relative.
    private var unread: [String] = []
    /// Throws when nobody wants the result any more; this thread knows of no task.
    private let check: @Sendable () throws -> Void

    /// Walks the folder in byte order. Blocks. Links to folders are not entered, as `huggingface_hub` does not.
    /// - Throws: when the folder cannot be read, or a name in it that is not left out cannot be one of a repository.
    init(_ folder: String, options: UploadOptions, check: @escaping @Sendable () throws -> Void = {}) throws {
        self.check = check
        var root = folder
        while root.utf8.count > 1, root.utf8.last == UInt8(ascii: "/") { root.removeLast() }
        guard let real = LocalFile.real(root), try LocalFile.status(of: root, followLinks: true)?.kind == .folder else {
            throw LocalFile.Trouble(path: folder, doing: "upload", reason: "it is not a folder")
        }
        self.root = root
        realRoot = real
        self.options = options
        filter = PathFilter(allow: options.allow, ignore: options.ignore)
        named = options.named
        prefix = options.prefix
        try walk([])
        try leaveOutOtherNames()
    }

    /// A guarded file may be there under an innocent name, too: a hard link, or what a link called `.env` leads to. A hard link to a guarded
    /// file outside the folder cannot be known.
    private mutating func leaveOutOtherNames() throws {
        if statuses.contains(where: { $0.links > 1 }) {
            for folder in unread { try guarded.note(under: folder, root: root, real: realRoot, check: check) }
        }
        var kept: [UploadItem] = []
        for (item, status) in zip(items, statuses) {
            var item = item
            let path = item.path.below(prefix)
            if item.secret == nil, let same = guarded[status], same.path != path {
                let reason = "it is the same file as \(same.path): \(same.reason)"
                guard named.contains(RepoPath(unchecked: same.path)) else {
                    skip(path, .secret, SecretFiles.guarded(reason))
                    continue
                }
                item.secret = reason
            }
            kept.append(item)
        }
        items = kept
    }

    /// - Parameter folder: relative, without a slash at the end.
    private mutating func walk(_ folder: [UInt8]) throws {
        try check()
        let here = folder.isEmpty ? root : root + "/" + String(decoding: folder, as: UTF8.self)
        let names = try LocalFile.names(in: here)
        if names.isEmpty, !folder.isEmpty {
            return skip(String(decoding: folder, as: UTF8.self) + "/", .empty, "git keeps no empty folders")
        }
        if options.usesIgnoreFiles, names.contains(where: { $0.elementsEqual(".gitignore".utf8) }) {
            let path = here + "/.gitignore"
            if let status = try LocalFile.status(of: path, followLinks: false), status.kind == .file {
                let content = try LocalFile(path).read(Int(min(status.size, 1 << 20)), at: 0)
                rules.add(Array(content.readableBytesView), of: folder)
            }
        }
        for name in names { try look(at: name, in: folder) }
    }

    private mutating func skip(_ path: String, _ rule: SkippedFile.Rule, _ reason: String) {
        skipped.append(SkippedFile(path: path, rule: rule, reason: reason))
    }

    private mutating func look(at name: [UInt8], in folder: [UInt8]) throws {
        let path = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
        /// What is no text is told with replacement characters; it is never opened by that name.
        let shown = String(decoding: path, as: UTF8.self)
        // Never part of an upload, at any depth (huggingface_hub `DEFAULT_IGNORE_PATTERNS` and `FORBIDDEN_FOLDERS`); git takes no `.GIT` either.
        let lowered = name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        if lowered.elementsEqual(".git".utf8) || name.elementsEqual(".cache".utf8) {
            if !lowered.elementsEqual(".git".utf8) { unread.append(shown) }
            return skip(shown, .never, "it is never part of a repository")
        }
        // The kind is asked for by bytes: a name that is no text has one, too.
        guard var status = try LocalFile.status(of: Array(root.utf8) + [UInt8(ascii: "/")] + path) else { return }
        let isFolder = status.kind == .folder
        if !isFolder { guarded.note(shown, root: root, real: realRoot) }
        let slash = isFolder ? "/" : ""
        if let match = rules.match(path, isFolder: isFolder) {
            if isFolder { unread.append(shown) }
            return skip(
                shown + slash, .ignoreFile, "\(match.file), line \(match.line), keeps it out: \(match.pattern)")
        }
        if isFolder {
            if let pattern = filter.exclusion(ofAllUnder: shown) {
                unread.append(shown)
                return skip(shown + slash, .excluded, "it was excluded by \(pattern)")
            }
        } else {
            switch filter.verdict(on: shown) {
            case .taken: break
            case .notAllowed: return skip(shown, .notIncluded, "no pattern to include matches it")
            case .excluded(let pattern): return skip(shown, .excluded, "it was excluded by \(pattern)")
            }
        }
        guard let text = String(validating: path, as: UTF8.self) else {
            throw LocalFile.Trouble(
                path: root + "/" + shown, doing: "upload",
                reason: "its name is not UTF-8; rename it or ignore \(folder.isEmpty ? "it" : "its folder")")
        }
        if isFolder { return try walk(path) }
        let local = root + "/" + text
        let remote = prefix + text
        var secret = SecretFiles.reason(path: remote)
        // A file and its folder decide; at the top the folder has another name here than there.
        if secret == nil, folder.isEmpty { secret = SecretFiles.reason(path: realRoot + "/" + text) }
        var isNamed = named.contains(RepoPath(unchecked: text))
        if status.kind == .link {
            guard let target = LocalFile.real(local), let led = try LocalFile.status(of: target, followLinks: false)
            else { return skip(text, .link, "a link that leads nowhere") }
            if led.kind == .folder { return skip(text, .link, "a link to a folder") }
            let inside = realRoot == "/" || target.utf8.starts(with: (realRoot + "/").utf8)
            if target.split(separator: "/").contains(where: { $0.lowercased() == ".git" }) {
                return skip(text, .link, "a link into .git")
            }
            // What it leads to is what would be published: that name counts, not the link's.
            if let reason = SecretFiles.reason(path: target) {
                secret = "it is a link to \(target.split(separator: "/").last ?? ""): \(reason)"
                let relative = realRoot == "/" ? target.dropFirst() : target.dropFirst(realRoot.count + 1)
                isNamed = inside && named.contains(RepoPath(unchecked: String(relative)))
            }
            if !inside, !options.followsLinksOutside { return skip(text, .link, "a link that leads out of the folder") }
            status = led
        }
        guard status.kind == .file else { return skip(text, .special, "neither a file nor a folder") }
        var item = UploadItem(
            path: RepoPath(unchecked: remote), source: .file(local), size: status.size, changed: status.changed)
        item.isExecutable = status.isExecutable
        if secret == nil || isNamed {
            item.head = try item.readHead()
            secret = secret ?? item.head.secret
        }
        if let secret, !isNamed { return skip(text, .secret, SecretFiles.guarded(secret)) }
        item.secret = secret
        if let problem = RepoPath.problem(with: remote) {
            throw LocalFile.Trouble(path: local, doing: "upload", reason: problem)
        }
        items.append(item)
        statuses.append(status)
    }
}
