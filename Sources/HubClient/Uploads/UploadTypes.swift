package import NIOCore

/// One change of a commit.
package enum HubChange: Sendable {
    case add(path: String, HubSource)
    case delete(path: String)
    /// A folder and all that is in it.
    case deleteFolder(path: String)
}

/// Where the content of a file comes from.
package enum HubSource: Sendable {
    /// Path on this machine; read in pieces, never whole.
    case file(String)
    case bytes(ByteBuffer)
}

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
    /// `.gitattributes` stays.
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
    /// Requests that send content at once, 1–32. Default 6.
    package var lanes = 6
    /// Where is noted which parts of large files were sent; `$XDG_CACHE_HOME/stoker/uploads` by default.
    package var stateFolder: String?
    /// How often the plan is made anew because the branch moved. Default 5.
    package var rebuilds = 5

    package init(summary: String = "Upload with stoker") { self.summary = summary }

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
    /// Files of the folder that were left out, and why.
    package var skipped: [SkippedFile] = []
    /// What a person should know: why there are several commits, warnings of the Hub about the README.
    package var notes: [String] = []
}

package struct SkippedFile: Sendable, Equatable {
    package var path: String
    package var reason: String
    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }
}

/// A file that is to be in the repository.
struct UploadItem: Sendable {
    var path: RepoPath
    var source: HubSource
    var size: Int64
    /// Nanoseconds since 1970 of the last change; 0 for bytes.
    var changed: Int64

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
