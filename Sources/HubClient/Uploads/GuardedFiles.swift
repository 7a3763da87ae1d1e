/// The guarded files of a folder, by what they are on the disk: the same file under an innocent name is the same secret.
struct GuardedFiles: Sendable {
    /// A file, whatever it is called.
    struct Identity: Hashable, Sendable {
        var device: UInt64
        var inode: UInt64
    }
    struct Guarded: Sendable {
        /// Below the folder.
        var path: String
        var reason: String
    }
    private var files: [Identity: Guarded] = [:]

    subscript(status: LocalFile.Status) -> Guarded? {
        files[Identity(device: status.device, inode: status.inode)]
    }

    /// Notes a file that is guarded by its name; a link by that name guards what it leads to. Blocks.
    /// - Parameters:
    ///   - root: the folder, without a slash at the end.
    ///   - real: the same without links, whose names count too.
    mutating func note(_ path: String, root: String, real: String) {
        guard let reason = SecretFiles.reason(path: path) ?? SecretFiles.reason(path: real + "/" + path),
            // What cannot be looked at is no file that could be sent.
            let status = try? LocalFile.status(of: root + "/" + path, followLinks: true), status.kind == .file
        else { return }
        let identity = Identity(device: status.device, inode: status.inode)
        if files[identity] == nil { files[identity] = Guarded(path: path, reason: reason) }
    }

    /// Notes those in a folder that is not looked through for other things. Links to folders are not entered. Blocks.
    /// - Parameters:
    ///   - folder: below `root`; empty for all of it.
    ///   - depth: folders below it that are looked into.
    mutating func note(
        under folder: String, root: String, real: String, depth: Int = .max, check: () throws -> Void
    ) throws {
        try check()
        // A folder that is left out, or not asked for, may be closed to us.
        guard let names = try? LocalFile.names(in: folder.isEmpty ? root : root + "/" + folder) else { return }
        for name in names {
            // What is no text is called like none of them.
            guard let name = String(validating: name, as: UTF8.self), name.lowercased() != ".git" else { continue }
            let path = folder.isEmpty ? name : folder + "/" + name
            note(path, root: root, real: real)
            let status = try? LocalFile.status(of: root + "/" + path, followLinks: false)
            if depth > 0, status?.kind == .folder {
                try note(under: path, root: root, real: real, depth: depth - 1, check: check)
            }
        }
    }
}
