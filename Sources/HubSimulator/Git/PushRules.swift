import FoundationEssentials
import HTTPTypes
import Hummingbird

/// What a push must not contain. Source: hub-docs `repositories-getting-started` (10 MB), texts of refused pushes reported by
/// third parties (binary files, pointers without an object, README metadata); the threshold of "binary" is not published.
struct PushRules: Sendable {
    let hub: SimulatedHub

    private struct Update {
        var old: String
        var new: String
        var reference: String
        var isNew: Bool { old.allSatisfy { $0 == "0" } }
        var isDeletion: Bool { new.allSatisfy { $0 == "0" } }
    }

    /// The question of a hook: first the folder that holds the pushed objects, then the updates.
    func answer(_ request: Request, repo id: String) async throws -> Response {
        guard let name = HTTPField.Name("X-Hook-Key"), request.headers[name] == hub.key else {
            return Response.text("not the hook", status: .forbidden)
        }
        guard let repo = await hub.state.repo(id: id) else {
            return Response.text("no such repository", status: .notFound)
        }
        let lines = String(buffer: try await request.body.collect(upTo: 1 << 20))
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let updates = lines.dropFirst().compactMap { line -> Update? in
            let parts = line.split(separator: " ").map(String.init)
            return parts.count == 3 ? Update(old: parts[0], new: parts[1], reference: parts[2]) : nil
        }
        let problems = try await judge(updates, repo, quarantine: lines.first ?? "")
        guard problems.isEmpty else {
            let text = problems.map { "Your push was rejected because " + $0 }.joined(separator: "\n")
            return Response.text(
                "-------------------------------------------------------------------------\n\(text)\n"
                    + "-------------------------------------------------------------------------\n", status: .forbidden)
        }
        return Response.text("")
    }

    private func judge(_ updates: [Update], _ repo: HubRepo, quarantine: String) async throws -> [String] {
        let path = hub.git(repo).path
        let environment: [String: String?] =
            quarantine.isEmpty
            ? [:] : ["GIT_OBJECT_DIRECTORY": quarantine, "GIT_ALTERNATE_OBJECT_DIRECTORIES": path + "/objects"]
        func git(_ arguments: [String], _ input: [UInt8] = []) async throws -> [UInt8] {
            try await Git.run(["--git-dir=\(path)"] + arguments, input: input, environment: environment)
        }
        var problems: [String] = []
        for update in updates where !update.isDeletion { problems += try await names(update, git: git) }
        // The rest is read by names, which must be good.
        guard problems.isEmpty else { return problems }
        for update in updates where !update.isDeletion && update.reference.hasPrefix("refs/heads/") {
            let objects = try await git(["rev-list", "--objects", update.new, "--not", "--all"])
            let checked = String(
                decoding: try await git(
                    ["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize) %(rest)"], objects),
                as: UTF8.self)
            var large: [String] = []
            var small: [String: String] = [:]
            for line in checked.split(separator: "\n") {
                let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
                guard parts.count == 4, parts[1] == "blob", let size = Int(parts[2]) else { continue }
                if size > hub.configuration.limits.regularFile { large.append(String(parts[3])) }
                if LFSPointer.plausibleSizes.contains(size) { small[String(parts[0])] = String(parts[3]) }
            }
            if !large.isEmpty {
                problems.append(
                    "it contains files larger than \(hub.configuration.limits.regularFile / 1_000_000) MB. Please use https://git-lfs.com/ to store large files. Offending files: \(large.sorted().joined(separator: ", "))"
                )
            }
            problems += try await binaries(update, path, git: git)
            if !small.isEmpty { problems += try await pointers(small, repo, git: git) }
            if let readme = try? await git(["cat-file", "blob", update.new + ":README.md"]) {
                // No README: nothing to judge.
                let verdict = CardRules.judge(String(decoding: readme, as: UTF8.self), kind: repo.kind)
                if !verdict.errors.isEmpty {
                    problems.append("of invalid metadata in README.md: " + verdict.errors.joined(separator: "; "))
                }
            }
        }
        return problems
    }

    /// Every tree that is new, in history, too, whatever the reference: git itself takes `..` and `.git` unless it is told to look.
    private func names(_ update: Update, git: ([String], [UInt8]) async throws -> [UInt8]) async throws -> [String] {
        let objects = try await git(["rev-list", "--objects", update.new, "--not", "--all"], [])
        let ids = objects.split(separator: 10).map { $0.prefix { $0 != 32 } }.filter { !$0.isEmpty }
        let kinds = try await git(
            ["cat-file", "--batch-check=%(objecttype) %(objectname)"], Array(ids.joined(separator: [10])) + [10])
        let trees = kinds.split(separator: 10).filter { $0.starts(with: "tree ".utf8) }.map { $0.dropFirst(5) }
        guard !trees.isEmpty else { return [] }
        let content = try await git(["cat-file", "--batch"], Array(trees.joined(separator: [10])) + [10])
        for (oid, bytes) in GitRepository.parseBatch(content) {
            guard let names = GitListing.names(inTree: bytes) else { return ["the tree \(oid) cannot be read"] }
            for name in names {
                if let problem = PathRules.problem(component: name) {
                    return ["the tree \(oid) has a name that is not allowed: \(problem)"]
                }
            }
        }
        // Some thousand folders inside each other are in nobody's interest.
        let isDeep = objects.split(separator: 10).contains { $0.count > 41 + GitListing.longestPath }
        return isDeep ? ["it contains a path of more than \(GitListing.longestPath) bytes"] : []
    }

    private func binaries(
        _ update: Update, _ path: String, git: ([String], [UInt8]) async throws -> [UInt8]
    ) async throws -> [String] {
        // Against what was there; a new branch against nothing.
        let base = update.isNew ? "4b825dc642cb6eb9a060e54bf8d69288fbee4904" : update.old
        let output = try await git(
            ["diff-tree", "-r", "--numstat", "-z", "--no-renames", "--diff-filter=AM", base, update.new], [])
        let files = output.split(separator: 0).compactMap { record -> String? in
            let line = String(decoding: record, as: UTF8.self)
            return line.hasPrefix("-\t-\t") ? String(line.dropFirst(4)) : nil
        }
        guard !files.isEmpty else { return [] }
        return [
            "it contains binary files. Please use https://huggingface.co/docs/hub/xet to store binary files. Offending files: \(files.joined(separator: ", "))"
        ]
    }

    private func pointers(
        _ blobs: [String: String], _ repo: HubRepo, git: ([String], [UInt8]) async throws -> [UInt8]
    ) async throws -> [String] {
        let output = try await git(["cat-file", "--batch"], Array((blobs.keys.joined(separator: "\n") + "\n").utf8))
        return GitRepository.parseBatch(output).compactMap { oid, bytes in
            guard let pointer = LFSPointer(bytes), hub.store.objects.object(pointer.sha256, of: repo.id) == nil else {
                return nil
            }
            return
                "an LFS pointer pointed to a file that does not exist (\(blobs[oid] ?? oid)). For instance, this can happen if you used git push --no-verify to push your changes."
        }
    }
}
