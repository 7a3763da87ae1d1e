import Deployment
import Foundation
import HubClient
import NIOPosix
import Runtime
import StokerCore

/// Reads what Spaces are to be made of: folders, commits, this program. No request to the Hub.
struct PlanSources: Sendable {
    /// Name of the fleet file, for messages.
    let file: String
    let context: OperationContext
    /// The executable that `{ stoker: FILE }` ships; nil is this process's own.
    var program: String?

    /// Files by the Spaces' names in the fleet file; those without `from` are not in it.
    /// - Parameter isLenient: sources that cannot be read are left out.
    /// - Throws: `usage` that tells of every source that cannot be read, with its place in the file.
    func read(_ deploys: [Deploy], isLenient: Bool = false) async throws -> [RepoID: FolderContents] {
        var found: [RepoID: FolderContents] = [:]
        var problems: [(line: Int, text: String)] = []
        try await withThrowingTaskGroup(of: (Deploy, Result<FolderContents, Failure>).self) { group in
            var waiting = deploys.filter { $0.source != nil }[...]
            func add() {
                guard let deploy = waiting.popFirst() else { return }
                group.addTask {
                    do { return (deploy, .success(try await contents(of: deploy))) } catch is CancellationError {
                        throw CancellationError()
                    } catch {
                        return (deploy, .failure(Failure(of: error, doing: "read the files of \(deploy.target)")))
                    }
                }
            }
            for _ in 0..<4 { add() }
            while let (deploy, result) = try await group.next() {
                switch result {
                case .success(let contents): found[deploy.space] = contents
                case .failure(let failure):
                    let place = deploy.sourcePlace
                    problems.append(
                        (
                            place?.line ?? 0,
                            "\(file):\(place?.line ?? 1):\(place?.column ?? 1): \(place?.path ?? deploy.place): \(failure.because)"
                        ))
                }
                add()
            }
        }
        guard problems.isEmpty || isLenient else {
            let texts = problems.sorted { ($0.line, $0.text) < ($1.line, $1.text) }.map(\.text)
            throw Failure(
                .usage, doing: "read what is to be deployed", because: texts.joined(separator: "; "),
                hint: "paths are seen from the folder of the fleet file")
        }
        return found
    }

    private func contents(of deploy: Deploy) async throws -> FolderContents {
        switch deploy.source {
        case .folder(let path):
            let contents = try await folder(path, deploy)
            return try await StokerPackage.complete(contents, folder: cacheFolder() + "/stoker", program: program)
        case .git(let url, let ref): return try await commit(url, ref, deploy)
        case .stoker(let fleet):
            let folder = try cacheFolder() + "/stoker"
            return try await StokerPackage(fleetFile: fleet, deploy: deploy, folder: folder, program: program)
                .contents()
        case nil: return FolderContents()
        }
    }

    private func folder(_ path: String, _ deploy: Deploy) async throws -> FolderContents {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw Failure(
                .usage, doing: "read \(path)", because: "\(deploy.sourcePlace?.name ?? path) is not a folder")
        }
        let contents: FolderContents
        do { contents = try await FolderContents.read(path) } catch { throw error.failure }
        guard !contents.files.isEmpty else {
            throw Failure(
                .usage, doing: "read \(path)",
                because: contents.skipped.isEmpty
                    ? "\(deploy.sourcePlace?.name ?? path) has no files"
                    : "all of it is left out: \(SkippedFile.summary(contents.skipped))")
        }
        return contents
    }

    // MARK: git

    /// The files of a commit, taken out of a repository that is kept in the cache.
    private func commit(_ url: String, _ ref: String, _ deploy: Deploy) async throws -> FolderContents {
        guard let git = Program.find("git") else {
            throw Failure(
                .usage, doing: "read \(url)", because: "git is not installed", hint: "install git, or name a folder")
        }
        let home = try cacheFolder()
        let shown = Redaction.address(url)
        let name = String(SecretFingerprints.digest(of: url).prefix(24))
        let fresh = "\(home)/new-\(UUID().uuidString)"
        // What is left of a killed one is taken away with other old trees.
        defer { try? FileManager.default.removeItem(atPath: fresh) }
        try await run(git, ["init", "--quiet", "--bare", fresh], shown)
        // A branch, a tag, or a commit that the server gives by its name.
        do {
            try await run(
                git, ["--git-dir", fresh, "fetch", "--quiet", "--depth=1", "--no-tags", url, ref], "\(shown) \(ref)")
        } catch var failure as Failure {
            if (4..<40).contains(ref.count), ref.allSatisfy(\.isHexDigit) {
                failure.because += "; a commit is named by all of its 40 digits"
            }
            throw failure
        }
        let head = try await run(git, ["--git-dir", fresh, "rev-parse", "FETCH_HEAD^{commit}"], "\(shown) \(ref)")
        let tree = "\(home)/\(name)-\(head)"
        if !FileManager.default.fileExists(atPath: tree) {
            let new = fresh + "/tree"
            try FileManager.default.createDirectory(
                atPath: new, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try await run(
                git,
                ["--git-dir", fresh, "--work-tree", new, "checkout", "--quiet", "--force", "FETCH_HEAD", "--", "."],
                "\(shown) \(ref)")
            // Another plan may have made the same tree meanwhile.
            if rename(new, tree) != 0, !FileManager.default.fileExists(atPath: tree) { throw SystemError() }
        }
        removeOld(in: home, except: tree)
        var contents = try await folder(tree, deploy)
        // git keeps no empty folder: what is one in a commit's files is a submodule.
        contents.skipped = contents.skipped.map { skipped in
            skipped.rule == .empty
                ? SkippedFile(path: skipped.path, rule: .special, reason: "a submodule, which is not fetched")
                : skipped
        }
        return contents
    }

    /// Trees that no plan of the last week used.
    private func removeOld(in home: String, except kept: String) {
        let now = Date()
        // Only a cache: what cannot be removed is removed another time.
        try? FileManager.default.setAttributes([.modificationDate: now], ofItemAtPath: kept)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: home)) ?? [] {
            let path = home + "/" + name
            let changed = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            if let changed, now.timeIntervalSince(changed) > 7 * 86_400 {
                try? FileManager.default.removeItem(atPath: path)
            }
        }
    }

    @discardableResult
    private func run(_ git: String, _ arguments: [String], _ what: String) async throws -> String {
        let ended = try await Program.runTelling(
            git, arguments,
            environment: [
                "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
                // In the kept repository git-lfs has no server to ask; pointers are told by the plan.
                "GIT_LFS_SKIP_SMUDGE": "1",
            ], echo: { _ in })
        guard ended.status == 0 else {
            let lines = ended.errors.split(whereSeparator: \.isNewline)
            let said = (lines.first { $0.hasPrefix("fatal:") } ?? lines.last).map { Redaction.quote($0, limit: 300) }
            throw Failure(
                .usage, doing: "read \(what)", because: "git cannot fetch \(what): \(said ?? "it says nothing")",
                hint: "look at the address and the ref")
        }
        return ended.output.filter { !$0.isWhitespace }
    }

    private func cacheFolder() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let base =
            environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory() + "/.cache"
        let folder = base + "/stoker/sources"
        try PrivateFolder.make(folder)
        return folder
    }
}
