import HTTPTypes

/// The files of a commit in the making, changed as `git fast-import` changes them. Source: git `Documentation/git-fast-import`.
struct CommitTree: ~Copyable {
    private final class Folder {
        /// nil when something in it was changed.
        var id: ObjectID?
        /// Names are bytes: two that look alike may differ.
        var members: [[UInt8]: Member] = [:]
        init(_ id: ObjectID? = nil) { self.id = id }

        func copy() -> Folder {
            let copy = Folder(id)
            copy.members = members.mapValues { member in
                if case .folder(let inner) = member { .folder(inner.copy()) } else { member }
            }
            return copy
        }
    }
    private enum Member {
        case file(GitEntry)
        case folder(Folder)
    }
    private let root: Folder

    /// What a new commit begins with: nothing, or what its parent has.
    init(_ listing: GitListing? = nil) {
        root = Folder()
        var folders: [[UInt8]: Folder] = [[]: root]
        for entry in listing?.entries ?? [] {
            let path = entry.pathBytes
            let slash = path.lastIndex(of: 47)
            guard let parent = folders[slash.map { Array(path[..<$0]) } ?? []] else { continue }
            let name = slash.map { Array(path[($0 + 1)...]) } ?? path
            if entry.isFolder {
                let folder = Folder(ObjectID(entry.oid))
                folders[path] = folder
                parent.members[name] = .folder(folder)
            } else {
                parent.members[name] = .file(entry)
            }
        }
    }

    /// - Throws: 400 for a path git would not have.
    private static func parts(_ path: String) throws -> [[UInt8]] {
        try CommitBody.checkPath(path)
        return path.utf8.split(separator: 47).map(Array.init)
    }

    /// The folder that holds the last part, its ancestors marked as changed.
    private func folder(of parts: [[UInt8]], make: Bool) -> Folder? {
        var folder = root
        var way = [root]
        for name in parts.dropLast() {
            if case .folder(let inner) = folder.members[name] {
                folder = inner
            } else {
                guard make else { return nil }
                // A file of that name gives way.
                let inner = Folder()
                folder.members[name] = .folder(inner)
                folder = inner
            }
            way.append(folder)
        }
        if let name = parts.last, make || folder.members[name] != nil { for folder in way { folder.id = nil } }
        return folder
    }

    mutating func place(_ path: String, _ blob: ObjectID, size: Int, lfs: LFSPointer?) throws {
        let parts = try Self.parts(path)
        folder(of: parts, make: true)?.members[parts[parts.count - 1]] = .file(
            GitEntry([], mode: "100644", isFolder: false, oid: blob.hex, blobSize: size, lfs: lfs))
    }

    /// A file or a folder; nothing there is fine.
    mutating func delete(_ path: String) throws { _ = take(try Self.parts(path)) }

    private func take(_ parts: [[UInt8]]) -> Member? {
        folder(of: parts, make: false)?.members.removeValue(forKey: parts[parts.count - 1])
    }

    mutating func rename(from: String, to: String) throws {
        let target = try Self.parts(to)
        guard let member = take(try Self.parts(from)) else { throw Self.missing(from) }
        folder(of: target, make: true)?.members[target[target.count - 1]] = member
    }

    private static func missing(_ path: String) -> HubError {
        HubError(.notFound, "A file with this name doesn't exist: \(path)", code: "EntryNotFound")
    }

    mutating func copy(from: String, to: String) throws {
        let (source, target) = (try Self.parts(from), try Self.parts(to))
        var folder = root
        for name in source.dropLast() {
            guard case .folder(let inner) = folder.members[name] else { throw Self.missing(from) }
            folder = inner
        }
        guard let member = folder.members[source[source.count - 1]] else { throw Self.missing(from) }
        let twin: Member = if case .folder(let folder) = member { .folder(folder.copy()) } else { member }
        self.folder(of: target, make: true)?.members[target[target.count - 1]] = twin
    }

    /// - Parameter add: takes the trees that are new.
    consuming func finish(_ add: ([UInt8]) -> ObjectID) -> (tree: ObjectID, listing: GitListing) {
        var entries: [GitEntry] = []
        let tree = Self.write(root, below: [], &entries, add) ?? add([])
        return (tree, GitListing(entries))
    }

    /// nil for a folder without files, which git does not have.
    private static func write(
        _ folder: Folder, below: [UInt8], _ entries: inout [GitEntry], _ add: ([UInt8]) -> ObjectID
    ) -> ObjectID? {
        // Git sorts by bytes, folders as if their names ended with a slash.
        let sorted = folder.members.map { name, member in
            if case .folder = member { return (key: name + [47], name: name, member: member) }
            return (key: name, name: name, member: member)
        }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        var tree: [UInt8] = []
        func append(_ mode: String, _ name: [UInt8], _ id: ObjectID) {
            tree += Array("\(mode) ".utf8) + name + [0] + id.bytes
        }
        for (_, name, member) in sorted {
            switch member {
            case .file(let entry):
                guard let id = ObjectID(entry.oid) else { continue }
                entries.append(entry.at(below + name))
                if folder.id == nil { append(entry.mode, name, id) }
            case .folder(let inner):
                let place = entries.count
                let path = below + name
                entries.append(GitEntry(path, mode: "040000", isFolder: true, oid: "", blobSize: 0, lfs: nil))
                guard let id = write(inner, below: path + [47], &entries, add) else {
                    entries.removeLast()
                    continue
                }
                entries[place].oid = id.hex
                if folder.id == nil { append("40000", name, id) }
            }
        }
        if let id = folder.id { return id }
        return tree.isEmpty ? nil : add(tree)
    }
}
