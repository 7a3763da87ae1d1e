import Foundation
import Runtime
import StokerCore

/// The text files of one commit.
struct RepositoryView: Sendable {
    var head: GitMirror.Head
    var files: [SourceFile]
    /// Files that were left out, and why: they are told, since what was not looked at is not clean.
    var skipped: [(path: String, reason: String)]
    /// Links, submodules and others, by name.
    var notFollowed: [String]
    /// All that is in the commit, whether it is read or not.
    var tree = RepositoryTree()

    /// Bytes of a file that is read, at most.
    static let largest = 2_000_000
    /// Bytes of all files together, at most.
    static let most = 200_000_000

    static func read(_ mirror: GitMirror, at head: GitMirror.Head) async throws -> RepositoryView {
        var view = RepositoryView(head: head, files: [], skipped: [], notFollowed: [])
        var wanted: [GitMirror.Entry] = []
        var bytes = 0
        let entries = try await mirror.tree(of: head.commit)
        view.tree = RepositoryTree(
            files: entries.map(\.path),
            closed: entries.filter { $0.kind != .file && $0.kind != .program }.map(\.path))
        for entry in entries {
            switch entry.kind {
            case .link, .submodule, .other: view.notFollowed.append(entry.path)
            case .file, .program:
                let isSource = SourceLanguage(path: entry.path) != nil
                guard isSource || Self.isManifest(entry.path) else { continue }
                guard entry.size <= Self.largest, bytes + entry.size <= Self.most else {
                    view.skipped.append((entry.path, "has \(entry.size) bytes"))
                    continue
                }
                bytes += entry.size
                wanted.append(entry)
            }
        }
        // In parts, so that never all of it is there twice.
        for start in stride(from: 0, to: wanted.count, by: 500) {
            let part = wanted[start..<min(start + 500, wanted.count)]
            for (entry, content) in zip(part, try await mirror.blobs(part.map(\.blob))) {
                guard let content else {
                    view.skipped.append((entry.path, "could not be read"))
                    continue
                }
                if let reason = SourceFile.reason(notToRead: content) {
                    view.skipped.append((entry.path, reason))
                    continue
                }
                let text = String(decoding: content, as: UTF8.self)
                var role = SourceFile.role(of: entry.path)
                if role == .source, SourceFile.saysGenerated(text) { role = .foreign }
                view.files.append(
                    SourceFile(
                        path: entry.path, blob: entry.blob, role: role, language: SourceLanguage(path: entry.path),
                        text: text))
            }
        }
        return view
    }

    /// Files that are read though they are no code.
    private static func isManifest(_ path: String) -> Bool {
        if path.hasPrefix(".github/") || path == "action.yml" || path == "action.yaml"
            || path == ".git-blame-ignore-revs"
        {
            return true
        }
        guard let name = path.split(separator: "/").last?.lowercased() else { return false }
        return name.hasSuffix(".md") || name.hasSuffix(".markdown")
            || [
                "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "package.json", "go.mod", "cargo.toml",
                "package.swift", "codeowners", "manifest.in", "tox.ini", ".gitignore",
            ].contains(name)
    }

    func file(_ path: String) -> SourceFile? { files.first { $0.path == path } }
    var sources: [SourceFile] { files.filter { $0.role == .source && $0.language != nil } }

    /// Writes files below a folder, for tools that read files. Names are as in the repository.
    static func write(_ files: [SourceFile], to folder: String) async throws {
        try await BlockingWork.run { try writeAll(files, to: folder) }
    }

    private static func writeAll(_ files: [SourceFile], to folder: String) throws {
        for file in files {
            let path = folder + "/" + file.path
            try FileManager.default.createDirectory(
                atPath: path.parentFolder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            try Data(file.text.utf8).write(to: URL(fileURLWithPath: path))
        }
    }
}
