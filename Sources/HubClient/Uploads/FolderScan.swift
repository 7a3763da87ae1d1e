import NIOCore

/// The files of a folder that are meant to be uploaded.
struct FolderScan: Sendable {
    var items: [UploadItem] = []
    var skipped: [SkippedFile] = []

    private let root: String
    private let realRoot: String
    private let options: UploadOptions
    private let filter: PathFilter
    /// Before each path in the repository; empty or with a slash at the end.
    private let prefix: String
    private var rules = IgnoreRules()
    /// Throws when nobody wants the result any more; this thread knows of no task.
    private let check: @Sendable () throws -> Void

    /// Walks the folder in byte order. Blocks. Links to folders are not entered, as `huggingface_hub` does not.
    /// - Throws: when the folder cannot be read, or a name in it cannot be one of a repository.
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
        prefix = options.prefix
        try walk([])
    }

    /// - Parameter folder: relative, without a slash at the end.
    private mutating func walk(_ folder: [UInt8]) throws {
        try check()
        let here = folder.isEmpty ? root : root + "/" + String(decoding: folder, as: UTF8.self)
        let names = try LocalFile.names(in: here)
        if options.usesIgnoreFiles, names.contains(where: { $0.elementsEqual(".gitignore".utf8) }) {
            let path = here + "/.gitignore"
            if let status = try LocalFile.status(of: path, followLinks: false), status.kind == .file {
                let content = try LocalFile(path).read(Int(min(status.size, 1 << 20)), at: 0)
                rules.add(Array(content.readableBytesView), of: folder)
            }
        }
        for name in names { try look(at: name, in: folder) }
    }

    private mutating func look(at name: [UInt8], in folder: [UInt8]) throws {
        // Never part of an upload, at any depth (huggingface_hub `DEFAULT_IGNORE_PATTERNS` and `FORBIDDEN_FOLDERS`).
        if name.elementsEqual(".git".utf8) || name.elementsEqual(".cache".utf8) { return }
        let path = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
        guard let text = String(validating: path, as: UTF8.self) else {
            throw LocalFile.Trouble(
                path: root + "/" + String(decoding: path, as: UTF8.self), doing: "upload",
                reason: "its name is not UTF-8; rename it or ignore its folder")
        }
        let local = root + "/" + text
        guard var status = try LocalFile.status(of: local, followLinks: false) else { return }
        if rules.ignores(path, isFolder: status.kind == .folder) { return }
        if status.kind == .folder {
            if !filter.excludesAll(under: text) { try walk(path) }
            return
        }
        guard filter.takes(text) else { return }
        if status.kind == .link {
            guard let target = LocalFile.real(local), let led = try LocalFile.status(of: target, followLinks: false)
            else {
                skipped.append(SkippedFile(path: text, reason: "a link that leads nowhere"))
                return
            }
            if led.kind == .folder {
                skipped.append(SkippedFile(path: text, reason: "a link to a folder"))
                return
            }
            let inside = realRoot == "/" || target.utf8.starts(with: (realRoot + "/").utf8)
            if !inside, !options.followsLinksOutside {
                skipped.append(SkippedFile(path: text, reason: "a link that leads out of the folder"))
                return
            }
            status = led
        }
        guard status.kind == .file else {
            skipped.append(SkippedFile(path: text, reason: "neither a file nor a folder"))
            return
        }
        let remote = prefix + text
        if let problem = RepoPath.problem(with: remote) {
            throw LocalFile.Trouble(path: local, doing: "upload", reason: problem)
        }
        items.append(
            UploadItem(
                path: RepoPath(unchecked: remote), source: .file(local), size: status.size, changed: status.changed))
    }
}
