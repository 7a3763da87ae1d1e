package import NIOCore

/// One change of a commit.
package enum HubChange: Sendable {
    case add(path: String, HubSource)
    case delete(path: String)
    /// A folder and all that is in it.
    case deleteFolder(path: String)
    /// A large file whose content the repository has already, in another commit.
    case addStored(path: String, sha256: String, size: Int64)
}

/// Where the content of a file comes from.
package enum HubSource: Sendable {
    /// Path on this machine; read in pieces, never whole.
    case file(String)
    case bytes(ByteBuffer)
}

/// How a folder is uploaded.
package struct UploadOptions: Sendable {
    /// First line of the commit.
    package var summary: String
    /// More words about the commit. A line `Upload-Id: …` is added, by which a commit whose answer was lost is recognised.
    package var description = ""
    /// Folder of the repository to put the files into; the root by default.
    package var into = ""
    /// Patterns of `huggingface_hub`: a file must match one of these …
    package var allow: [String]?
    /// … and none of these.
    package var ignore: [String] = []
    /// Files of the repository that match one of these and are not in the folder are deleted; `["*"]` makes the repository like the folder.
    /// `.gitattributes` stays, and so does what is in the folder and only left out of this upload.
    package var delete: [String] = []
    /// Whether `.gitignore` files in the folder keep files out. Default true.
    package var usesIgnoreFiles = true
    /// Whether the content of links that lead out of the folder is sent. Default false: a link can point to what nobody meant to publish.
    package var followsLinksOutside = false
    /// The head that must be there; when the branch moved on, `hub.stale` is thrown. Without one, the plan is made anew.
    package var parent: String?
    /// Opens a pull request with the changes in place of committing them: whoever may read may propose. Default false.
    package var createsPullRequest = false
    /// Whether the Hub is asked if it likes the README's front matter before anything is sent. Default true.
    package var checksReadme = true
    /// Puts the front matter that the repository has before a README that has none the Hub can use. Default false.
    package var keepsFrontMatter = false
    /// Told what is known before anything is sent, and asked whether to go on. When the branch moves, it is asked again about what is new.
    /// Without one, the upload goes on.
    package var review: (@Sendable (UploadReview) async -> Bool)?
    /// Which of these files of a branch are executable there, as git knows: the Hub's own calls do not tell. Asked only when a program is replaced. Nil, or an
    /// answer of nil, when it cannot be told.
    package var executables: (@Sendable (_ revision: String, _ paths: [String]) async -> Set<String>?)?
    /// Requests that send content at once, 1–32. Default 6.
    package var lanes = 6
    /// Where is noted which parts of large files were sent; `$XDG_CACHE_HOME/stoker/uploads` by default.
    package var stateFolder: String?
    /// How often the plan is made anew because the branch moved. Default 5.
    package var rebuilds = 5

    package init(summary: String = "Upload with stoker") { self.summary = summary }

    /// Files that ``allow`` names exactly, without a wildcard.
    var named: Set<RepoPath> {
        Set((allow ?? []).filter { !$0.contains { "*?[\\".contains($0) } }.map { RepoPath(unchecked: $0) })
    }

    /// ``into`` as it stands before a path: empty, or with one slash at its end.
    var prefix: String {
        let folder = into.split(separator: "/").joined(separator: "/")
        return folder.isEmpty ? "" : folder + "/"
    }
}

/// What came of an upload.
package struct CommitResult: Sendable, Equatable {
    /// Head of the branch (of the pull request, when one was opened) as we left it.
    package var commit: String
    /// Page of the last commit.
    package var url: String?
    /// Page of the pull request, when one was opened.
    package var pullRequest: String?
    /// Commits made: one as a rule, none when nothing had changed, several when the Hub's limits demand it.
    package var commits: [String] = []
    /// Files written, whether new or changed.
    package var written = 0
    package var unchanged = 0
    package var deleted = 0
    /// Files that the repository's ignore rules kept out.
    package var ignored = 0
    /// Bytes of content that were sent.
    package var sent: Int64 = 0
    /// Files of the repository that were deleted.
    package var deletedPaths: [String] = []
    /// What was told before anything was sent.
    package var remarks: [UploadReview.Remark] = []
    /// What was left out of the folder, and why. A folder that was left out whole stands for what is in it, with a `/` at its end.
    package var skipped: [SkippedFile] = []
    /// What a person should know: what was told before anything was sent, why there are several commits, warnings of the Hub about the README.
    package var notes: [String] = []
}

/// A file, or a whole folder, that an upload left out.
package struct SkippedFile: Sendable, Equatable {
    /// Which rule left it out.
    package enum Rule: String, Sendable, CaseIterable {
        /// A `.gitignore` of the folder.
        case ignoreFile = "gitignore"
        /// The `.gitignore` of the repository.
        case repository = "repository-gitignore"
        case excluded, notIncluded = "not-included"
        /// It looks like a secret, and was not named.
        case secret
        case link
        /// `.git`, `.cache`.
        case never
        /// A folder without files, which git does not keep.
        case empty
        /// A socket, a pipe, a device.
        case special
    }
    /// In the folder.
    package var path: String
    package var rule: Rule
    package var reason: String
    package init(path: String, rule: Rule, reason: String) {
        self.path = path
        self.rule = rule
        self.reason = reason
    }

    /// `3 files: .gitignore, line 1, keeps them out (*.bin)`: for a sentence about all of them.
    package static func summary(_ skipped: [SkippedFile]) -> String {
        var order: [String] = []
        var names: [String: [String]] = [:]
        for file in skipped {
            if names[file.reason] == nil { order.append(file.reason) }
            names[file.reason, default: []].append(file.path)
        }
        let told = order.prefix(5).map { "\(NameList.text(names[$0] ?? [])) (\($0))" }.joined(separator: "; ")
        return order.count > 5 ? told + "; and more" : told
    }
}

/// A list of names in a sentence.
package enum NameList {
    /// `a, b, c and 12 more`
    package static func text(_ names: [String], atMost limit: Int = 5) -> String {
        let shown = names.prefix(limit).joined(separator: ", ")
        return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
    }
}

/// What an upload comes to, before anything is sent.
package struct UploadReview: Sendable, Equatable {
    /// Something a person should know before the files are sent.
    package struct Remark: Sendable, Equatable {
        /// What sort of remark it is; raw values are those of answers.
        package enum Kind: String, Sendable, CaseIterable {
            /// Stands for a file of LFS that is not here.
            case pointer = "lfs-pointer"
            /// Loses its executable bit.
            case executable
            /// The Space would not start any more.
            case frontMatter = "front-matter"
            /// Looks like a secret, and was named.
            case secret
            /// Something of the repository was added to a file, so that the upload does not undo it.
            case mended
            /// Is in the folder though not in this upload, and so not deleted.
            case kept
        }
        package var kind: Kind
        package var text: String
        /// The files it is about.
        package var paths: [String]
        /// Something breaks or is lost by it.
        package var isRisk: Bool { [.pointer, .executable, .frontMatter].contains(kind) }
    }
    package var remarks: [Remark] = []
    /// Files of the repository that are to be deleted.
    package var deletions: [String] = []
    /// The Space runs, or would when it is visited, and could not start any more.
    package var takesDown = false
}

/// A file that is to be in the repository.
struct UploadItem: Sendable {
    var path: RepoPath
    var source: HubSource
    var size: Int64
    /// Nanoseconds since 1970 of the last change; 0 for bytes.
    var changed: Int64
    /// Of the file here.
    var isExecutable = false
    var head = FileHead()
    /// Why it looks like a secret; nil when it does not.
    var secret: String?

    /// Opens the file, and refuses one that is not as it was when the plan was made. Blocks.
    func open() throws -> LocalFile? {
        guard case .file(let local) = source else { return nil }
        let file = try LocalFile(local)
        try check(file)
        return file
    }

    /// Refuses a file that is not as it was when the plan was made. Asked once more before its last bytes go out, so that what was written
    /// to in place meanwhile is never taken whole. Blocks.
    func check(_ file: LocalFile) throws {
        let now = try file.status()
        guard now.size == size, now.changed == changed else {
            throw LocalFile.Trouble(path: file.path, doing: "send", reason: "it was changed during the upload")
        }
    }

    /// What its beginning tells. Blocks.
    func readHead() throws -> FileHead {
        let length = FileHead.length(of: path.text, size: size)
        if case .bytes(let bytes) = source {
            return FileHead(bytes.readableBytesView.prefix(length), length: size, path: path.text)
        }
        guard let file = try open() else { return FileHead() }
        let head = try file.read(length, at: 0)
        return FileHead(head.readableBytesView, length: size, path: path.text)
    }

    /// Blocks.
    func hash(_ kind: ContentHasher.Kind, counted: (Int) throws -> Void = { _ in }) throws -> ContentHash {
        if case .bytes(let bytes) = source {
            var hasher = ContentHasher(kind, size: size)
            hasher.update(bytes)
            return hasher.finish()
        }
        guard let file = try open() else { throw CancellationError() }
        return try file.hash(kind, size: size, counted: counted)
    }

    /// Fewer bytes were read than there were when the plan was made.
    var becameShorter: LocalFile.Trouble {
        let path = if case .file(let local) = source { local } else { path.text }
        return LocalFile.Trouble(path: path, doing: "send", reason: "it became shorter during the upload")
    }

    /// The first 512 bytes. Blocks.
    func sample() throws -> ByteBuffer {
        if case .bytes(let bytes) = source {
            return bytes.getSlice(at: bytes.readerIndex, length: min(512, bytes.readableBytes)) ?? ByteBuffer()
        }
        guard let file = try open() else { return ByteBuffer() }
        return try file.read(Int(min(512, size)), at: 0)
    }
}
