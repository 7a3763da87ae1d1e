import Crypto
import FoundationEssentials

/// The first commit of a repository, written without git: a Hub of a thousand Spaces is made in seconds.
///
/// The bytes are those git would write but for their compression, so that git reads them as its own. Source: git
/// `Documentation/gitformat-loose`, RFC 1950 and 1951 (stored blocks).
struct FirstCommit: Sendable {
    let sha: String
    let listing: GitListing
    /// By id, as they lie on the disk.
    private let objects: [String: [UInt8]]

    private indirect enum Node {
        case file([UInt8])
        case folder([String: Node])
    }

    /// - Returns: nil for paths that git would have to be asked about.
    init?(_ commit: GitImport) {
        guard commit.parent == nil else { return nil }
        var root = Node.folder([:])
        for change in commit.changes {
            guard case .write(let path, let content) = change else { return nil }
            let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            let isPlain = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.lowercased() != ".git" }
            guard isPlain, Self.put(content, at: parts[...], in: &root) else { return nil }
        }
        guard case .folder(let members) = root else { return nil }
        var objects: [String: [UInt8]] = [:]
        var entries: [GitEntry] = []
        let tree = Self.write(members, below: "", &objects, &entries)
        let who =
            "\(commit.author.name) <\(commit.author.id)@users.noreply.example.org> \(Int(commit.date.timeIntervalSince1970)) +0000"
        let message = commit.body.isEmpty ? commit.title : commit.title + "\n\n" + commit.body
        sha = Self.add("commit", Array("tree \(tree)\nauthor \(who)\ncommitter \(who)\n\n\(message)".utf8), &objects)
        listing = GitListing(entries)
        self.objects = objects
    }

    /// False when a file and a folder would have the same name.
    private static func put(_ content: [UInt8], at path: ArraySlice<String>, in node: inout Node) -> Bool {
        guard case .folder(var members) = node, let name = path.first else { return false }
        if path.count == 1 {
            if case .folder = members[name] { return false }
            members[name] = .file(content)
        } else {
            var below = members[name] ?? .folder([:])
            guard put(content, at: path.dropFirst(), in: &below) else { return false }
            members[name] = below
        }
        node = .folder(members)
        return true
    }

    /// - Returns: the id of the tree.
    private static func write(
        _ members: [String: Node], below: String, _ objects: inout [String: [UInt8]], _ entries: inout [GitEntry]
    ) -> String {
        // Git sorts by bytes, folders as if their names ended with a slash.
        let sorted = members.map { name, node in
            if case .folder = node { return (Array((name + "/").utf8), name, node) }
            return (Array(name.utf8), name, node)
        }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        var tree: [UInt8] = []
        for (_, name, node) in sorted {
            let place = entries.count
            let path = below + name
            let id: String
            switch node {
            case .file(let content):
                id = add("blob", content, &objects)
                entries.append(
                    GitEntry(path: path, isFolder: false, oid: id, blobSize: content.count, lfs: LFSPointer(content)))
                tree += Array("100644 \(name)".utf8) + [0]
            case .folder(let inner):
                entries.append(GitEntry(path: path, isFolder: true, oid: "", blobSize: 0, lfs: nil))
                id = write(inner, below: path + "/", &objects, &entries)
                entries[place].oid = id
                tree += Array("40000 \(name)".utf8) + [0]
            }
            tree += bytes(hex: id)
        }
        return add("tree", tree, &objects)
    }

    private static func add(_ kind: String, _ content: [UInt8], _ objects: inout [String: [UInt8]]) -> String {
        let object = Array("\(kind) \(content.count)".utf8) + [0] + content
        let id = Insecure.SHA1.hash(data: object).reduce(into: "") {
            $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16)
        }
        objects[id] = stored(object)
        return id
    }

    /// A zlib stream that compresses nothing.
    static func stored(_ content: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var rest = content[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            stream.append(rest.isEmpty ? 1 : 0)
            for number in [length, ~length] { stream += [UInt8(number & 255), UInt8(number >> 8)] }
            stream += block
        } while !rest.isEmpty
        var (a, b) = (UInt32(1), UInt32(0))
        for byte in content {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        for shift in [8, 0] { stream.append(UInt8(b >> UInt32(shift) & 255)) }
        for shift in [8, 0] { stream.append(UInt8(a >> UInt32(shift) & 255)) }
        return stream
    }

    private static func bytes(hex: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in hex.utf8 {
            let value = digit < 58 ? digit - 48 : digit - 87
            if let half = high {
                bytes.append(half << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    /// Makes the bare repository with this commit as the head of `main`.
    /// - Parameter hooks: the folder of the hooks of all repositories.
    func write(to path: String, hooks: String) async throws -> GitRepository {
        let folders = Set(objects.keys.map { "/objects/" + $0.prefix(2) })
        var files = objects.map { id, bytes in ("/objects/\(id.prefix(2))/\(id.dropFirst(2))", bytes) }
        files.append(("/refs/heads/main", Array("\(sha)\n".utf8)))
        let quoted = hooks.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        let config =
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\thooksPath = \"\(quoted)\"\n"
        files.append(("/config", Array(config.utf8)))
        // Last: without it this is no repository.
        files.append(("/HEAD", Array("ref: refs/heads/main\n".utf8)))
        try await HubDisk.lay(
            folders: ["", "/objects", "/refs", "/refs/heads", "/refs/tags"] + folders.sorted(), files: files, in: path)
        return GitRepository(path: path)
    }
}
