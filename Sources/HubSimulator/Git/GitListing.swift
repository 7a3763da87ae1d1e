/// What a git LFS pointer says. Source: git-lfs `docs/spec.md`.
struct LFSPointer: Sendable, Equatable {
    var sha256: String
    var size: Int

    /// A pointer's bytes are 127 to about 140; anything else in a repository is content.
    static let plausibleSizes = 120...200

    init(sha256: String, size: Int) {
        self.sha256 = sha256
        self.size = size
    }

    init?(_ bytes: [UInt8]) {
        guard Self.plausibleSizes.contains(bytes.count), bytes.starts(with: "version https://git-lfs".utf8) else {
            return nil
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first == "version https://git-lfs.github.com/spec/v1",
            let oid = lines.first(where: { $0.hasPrefix("oid sha256:") })?.dropFirst(11), oid.count == 64,
            let size = lines.first(where: { $0.hasPrefix("size ") }).flatMap({ Int($0.dropFirst(5)) }), size >= 0
        else { return nil }
        self.init(sha256: String(oid), size: size)
    }

    var text: String { "version https://git-lfs.github.com/spec/v1\noid sha256:\(sha256)\nsize \(size)\n" }
}

/// A file or folder of one commit.
struct GitEntry: Sendable {
    private(set) var path: String
    /// As git prints it: `100644`, `040000`.
    var mode: String
    var isFolder: Bool
    /// Blob or tree.
    var oid: String
    /// Bytes in git: of the pointer, for LFS.
    var blobSize: Int
    var lfs: LFSPointer?

    init(_ path: [UInt8], mode: String, isFolder: Bool, oid: String, blobSize: Int, lfs: LFSPointer?) {
        self.path = String(decoding: path, as: UTF8.self)
        self.mode = mode
        self.isFolder = isFolder
        self.oid = oid
        self.blobSize = blobSize
        self.lfs = lfs
    }

    /// The same content somewhere else.
    func at(_ path: [UInt8]) -> GitEntry {
        GitEntry(path, mode: mode, isFolder: isFolder, oid: oid, blobSize: blobSize, lfs: lfs)
    }

    /// Bytes of the file itself.
    var size: Int { lfs?.size ?? blobSize }
    // By bytes: a slash before a combining mark is no character of its own.
    var parent: String { path.utf8.lastIndex(of: 47).map { String(path[..<$0]) } ?? "" }
    var name: String { path.utf8.lastIndex(of: 47).map { String(path[path.utf8.index(after: $0)...]) } ?? path }
}

/// Everything in one commit, in git's order.
struct GitListing: Sendable {
    let entries: [GitEntry]
    private let byPath: [ExactText: Int]

    init(_ entries: [GitEntry]) {
        self.entries = entries
        byPath = Dictionary(entries.enumerated().map { (ExactText($1.path), $0) }) { first, _ in first }
    }

    subscript(path: String) -> GitEntry? { byPath[path].map { entries[$0] } }
    var files: [GitEntry] { entries.filter { !$0.isFolder } }

    /// Bytes of a path that a push may bring.
    static let longestPath = 4_096

    /// The names in a tree object; nil when it is none. Source: git `Documentation/gitformat-pack`, `tree-walk.c`.
    static func names(inTree bytes: [UInt8]) -> [[UInt8]]? {
        var names: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: 32), let end = rest[space...].firstIndex(of: 0),
                rest.endIndex - end > 20
            else { return nil }
            names.append(Array(rest[(space + 1)..<end]))
            rest = rest[(end + 21)...]
        }
        return names
    }

    /// Below a folder (`""`: the root), all the way down or only its own.
    func under(_ folder: String, recursive: Bool) -> [GitEntry] {
        if folder.isEmpty { return recursive ? entries : entries.filter { !$0.path.hasSlash } }
        let start = folder + "/"
        return entries.filter {
            $0.path.starts(exactlyWith: start)
                && (recursive || !$0.path.utf8.dropFirst(start.utf8.count).contains(47))
        }
    }
}

struct GitCommit: Sendable {
    var id: String
    var author: String
    /// Seconds since 1970.
    var time: Int
    var title: String
    var message: String
}
