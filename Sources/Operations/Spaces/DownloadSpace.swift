import Foundation
import HubClient
import NIOPosix
import Runtime
import StokerCore

extension Operation {
    package static let downloadSpace = Operation(
        name: "download-space",
        summary:
            "Fetches files of a Space, all of one commit: their contents from a server, into a folder with the command line",
        doing: "download the Space", permission: .write, asks: true, path: "/spaces/{owner}/{name}/contents",
        parameters: Parameter.space + [
            .init("folder", .local, .text(upTo: 4_096), "Folder of this machine"),
            .init("files", .query, .list(.text(upTo: 1_000), upTo: 1_000), "Only these files or folders of the Space"),
            .revision(.query), .init("include", .query, Parameter.patterns, "Only files that match"),
            .init("exclude", .query, Parameter.patterns, "No files that match"),
        ], answer: .spaceDownload
    ) { context, arguments in
        let (files, include) = (arguments.texts("files"), arguments.texts("include"))
        guard files.isEmpty || include.isEmpty else {
            throw Failure(
                .usage, doing: "download the Space", because: "both \"files\" and \"include\" are given",
                hint: "name files, or patterns")
        }
        let (hub, id) = try await context.space(arguments)
        let doing = "download \(id)"
        let revision = arguments.name("revision")
        let commit = try await hub.info(of: id, revision: revision, expand: ["sha"]).sha ?? revision
        let all = try await hub.tree(of: id, revision: commit).all().filter { $0.kind == .file }
        let choice = FileChoice(files: files, include: include, exclude: arguments.texts("exclude"), revision: revision)
        let wanted = try choice.chosen(all.map(\.path), of: id)
        let filter = PathFilter(exactly: wanted)
        func fetch(to folder: String) async throws -> RepoDownload {
            do {
                return try await hub.snapshot(of: id, revision: commit, to: folder, filter: filter) { state in
                    context.tell(OperationProgress(state, verb: "fetching"))
                }
            } catch  where error.isCancelled {
                throw Failure(
                    .interrupted, doing: doing, because: "it was interrupted",
                    hint: "the same command goes on where it stopped")
            }
        }
        let names = JSONValue.strings(wanted.sorted())
        guard let folder = arguments.text("folder") else {
            let size = all.filter { wanted.contains($0.path) }.reduce(Int64(0)) { $0 + $1.size }
            guard size <= Int64(contentLimit) else {
                throw Failure(
                    .tooLarge, doing: doing,
                    because: "the files have \(Bytes.text(size)), and a call gives \(Bytes.text(Int64(contentLimit)))",
                    hint: "name fewer files, or use the command line")
            }
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "stoker-download-\(UUID().uuidString)"
            ).path
            defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left is in the temporary folder
            // The files may be those of a private Space, and the temporary folder is everybody's.
            try await NIOThreadPool.singleton.runIfActive { try PrivateFolder.make(folder) }
            let done = try await fetch(to: folder)
            let contents = try await NIOThreadPool.singleton.runIfActive {
                try wanted.sorted().map { path -> JSONValue in
                    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)"))
                    return ["path": .string(path), "content": .string(data.base64EncodedString())]
                }
            }
            return [
                "space": .string("\(id)"), "commit": .string(done.commit), "files": names,
                "received_bytes": .integer(done.received), "contents": .array(contents),
            ]
        }
        let replaced = try await hub.differing(all.filter { filter.takes($0.path) }, from: folder)
        if !replaced.isEmpty {
            let named = replaced.prefix(5).joined(separator: ", ") + (replaced.count > 5 ? ", …" : "")
            try await context.confirm(
                Question(
                    .destroys, doing: "download \(id) into \(folder)",
                    "\(replaced.count) file\(replaced.count == 1 ? "" : "s") in \(folder) with another content will be replaced: \(named). Proceed?"
                ))
        }
        let done = try await fetch(to: folder)
        return [
            "space": .string("\(id)"), "commit": .string(done.commit), "folder": .string(folder),
            "files": names, "unchanged": .integer(Int64(done.unchanged)), "replaced": .strings(replaced),
            "received_bytes": .integer(done.received),
        ]
    }

    package static let deleteFiles = Operation(
        name: "delete-space-files", summary: "Deletes files of a Space in one commit; its history keeps them",
        doing: "delete files of the Space", effect: .destructive, method: .post,
        path: "/spaces/{owner}/{name}/delete-files",
        parameters: Parameter.space + [
            .init("patterns", .body, Parameter.patterns, required: true, "Files, folders (`logs/`) or patterns"),
            .revision(.body, "The branch; the app is built from main"),
            .init("message", .body, .text(upTo: 5_000), "First line of the commit"),
            .init("create_pr", .body, .flag, "Proposes it as a pull request"),
        ], answer: .filesDeleted
    ) { context, arguments in
        let (hub, id) = try await context.space(arguments)
        let (patterns, revision) = (arguments.texts("patterns"), arguments.name("revision"))
        let createsPullRequest = arguments.flag("create_pr")
        let head = try await hub.info(of: id, revision: revision, expand: ["sha"]).sha
        let paths = try await hub.tree(of: id, revision: head ?? revision).all().filter { $0.kind == .file }.map(\.path)
        let going = try FileChoice.going(patterns, among: paths, of: id)
        let named = going.prefix(8).joined(separator: ", ") + (going.count > 8 ? ", …" : "")
        if !createsPullRequest {
            try await context.confirm(
                Question(
                    .destroys, doing: "delete files of \(id)",
                    "Delete \(going.count) file\(going.count == 1 ? "" : "s") of \(id): \(named)? The history keeps them."
                ))
        }
        var options = UploadOptions(
            summary: arguments.text("message")
                ?? (going.count == 1 ? "Delete \(going[0])" : "Delete \(going.count) files"))
        options.parent = head
        options.createsPullRequest = createsPullRequest
        context.caller.deferStop(
            until: "the commit to \(id) is made",
            ifKilled: Failure(
                .interrupted, doing: "wait for the commit to \(id)",
                because: "it was left at once, and the commit may have been made",
                hint: "`stoker space files \(id)` tells"))
        defer { context.caller.release() }
        let result = try await hub.commit(
            going.map { .delete(path: $0) }, to: id, revision: revision, options: options)
        return [
            "space": .string("\(id)"), "commit": .string(result.commit), "url": .maybe(result.url),
            "pull_request": .maybe(result.pullRequest), "deleted": .strings(going),
        ]
    }
}

/// Which files of a Space are meant.
private struct FileChoice {
    var files: [String]
    var include: [String]
    var exclude: [String]
    var revision: String

    /// - Throws: when a file that was named is not there, or nothing matches.
    func chosen(_ paths: [String], of id: RepoID) throws(Failure) -> Set<String> {
        let doing = "download \(id)"
        var chosen: Set<String> = []
        for name in files {
            let plain = name.split(separator: "/").joined(separator: "/")
            let found = paths.filter { $0 == plain || $0.hasPrefix(plain + "/") }
            guard !found.isEmpty else {
                let near = ClosestMatch.of(name, among: paths).map { "did you mean \($0)? " } ?? ""
                throw Failure(
                    .notFound, doing: doing, because: "it has no file or folder \(name.shortened) at \(revision)",
                    hint: near + "`stoker space files \(id)` lists them")
            }
            chosen.formUnion(found)
        }
        if files.isEmpty { chosen = Set(paths) }
        let filter = PathFilter(allow: include.isEmpty ? nil : include, ignore: exclude)
        chosen = chosen.filter { filter.takes($0) }
        guard !chosen.isEmpty else {
            throw Failure(
                .notFound, doing: doing,
                because: paths.isEmpty ? "it has no files at \(revision)" : "none of its \(paths.count) files matches",
                hint: "`stoker space files \(id)` lists them")
        }
        return chosen
    }

    /// Those that patterns name, each of which has to name one.
    static func going(_ patterns: [String], among paths: [String], of id: RepoID) throws(Failure) -> [String] {
        // A name with a sign of patterns in it is a name where such a file is.
        let going = paths.filter { path in
            patterns.contains { $0 == path || PathFilter(allow: [$0]).takes(path) }
        }
        let idle = patterns.filter { pattern in
            !paths.contains { $0 == pattern || PathFilter(allow: [pattern]).takes($0) }
        }
        guard idle.isEmpty, !going.isEmpty else {
            let folder = idle.first { name in paths.contains { $0.hasPrefix(name + "/") } }
            throw Failure(
                .notFound, doing: "delete files of \(id)",
                because: "nothing of it matches \(idle.map(\.shortened).joined(separator: ", "))",
                hint: folder.map { "for the folder write \($0)/" } ?? "`stoker space files \(id)` lists them")
        }
        return going
    }
}
