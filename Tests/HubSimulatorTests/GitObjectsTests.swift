import Foundation
import Testing

@testable import HubSimulator

/// Commits are written without git, and must be those git would have written: `git fast-import` is asked each time.
@Suite struct GitObjectsTests {
    private static let maren = HubAccount("maren", fullName: "Maren", plan: .pro)

    private func inFolder(_ work: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "git-objects-\(UInt64.random(in: 0...UInt64.max))"
        try await HubDisk.makeFolder(folder + "/hooks")
        do { try await work(folder) } catch {
            try await HubDisk.removeFolder(folder)
            throw error
        }
        try await HubDisk.removeFolder(folder)
    }

    private func commit(_ changes: [GitImport.Change], parent: String? = nil, number: Int = 0) -> GitImport {
        GitImport(
            reference: "refs/heads/main", parent: parent, author: Self.maren,
            date: Date(timeIntervalSince1970: 1_780_000_000 + Double(number)), title: "commit \(number)",
            body: number == 0 ? "" : "ü\n\nof \(changes.count) changes", changes: changes)
    }

    /// The same commit by git itself.
    private func byGit(_ commit: GitImport, in repository: String) async throws -> String {
        var stream: [UInt8] = []
        func data(_ bytes: [UInt8]) { stream += Array("data \(bytes.count)\n".utf8) + bytes + [10] }
        let who =
            "maren <\(commit.author.id)@users.noreply.example.org> \(Int(commit.date.timeIntervalSince1970)) +0000"
        stream += Array("commit \(commit.reference)\nmark :1\nauthor \(who)\ncommitter \(who)\n".utf8)
        data(Array((commit.body.isEmpty ? commit.title : commit.title + "\n\n" + commit.body).utf8))
        if let parent = commit.parent { stream += Array("from \(parent)\n".utf8) }
        for change in commit.changes {
            switch change {
            case .write(let path, let content):
                stream += Array("M 100644 inline \(path)\n".utf8)
                data(content)
            case .place(let path, let blob): stream += Array("M 100644 \(blob.id.hex) \(path)\n".utf8)
            case .delete(let path): stream += Array("D \(path)\n".utf8)
            case .rename(let from, let to): stream += Array("R \"\(from)\" \(to)\n".utf8)
            case .copy(let from, let to): stream += Array("C \"\(from)\" \(to)\n".utf8)
            }
        }
        stream += Array("\nget-mark :1\ndone\n".utf8)
        let output = try await Git.run(
            ["--git-dir=\(repository)", "fast-import", "--quiet", "--force", "--date-format=raw", "--done"],
            input: stream)
        return String(decoding: output.prefix(40), as: UTF8.self)
    }

    @Test func aFirstCommitIsOneOfGits() async throws {
        try await inFolder { folder in
            let files = [
                ("README.md", Array("---\nsdk: docker\n---\n".utf8)), ("a/b/ü c.txt", Array("deep".utf8)),
                ("a.txt", []), ("a-b", [0, 1, 2]), ("big.bin", [UInt8](repeating: 7, count: 200_000)),
            ]
            let commit = commit(files.map { .write(path: $0.0, content: $0.1) })
            let ours = try FirstCommit(commit, at: folder + "/ours.git")
            let repository = try await ours.write(hooks: folder + "/hooks")
            try await Git.run(["init", "--quiet", "--bare", folder + "/theirs.git"])
            #expect(
                try await byGit(commit, in: folder + "/theirs.git") == ours.made.sha,
                "the same bytes have the same name")
            #expect(try await repository.text(["rev-parse", "main"]) == ours.made.sha)
            _ = try await repository.git(["fsck", "--strict", "--full"])
            let listing = try await GitRepository(path: folder + "/theirs.git").listing(ours.made.sha)
            expectSame(ours.made.listing, listing)
            #expect(try await repository.blob(ours.made.listing["big.bin"]?.oid ?? "").count == 200_000)
        }
    }

    private func expectSame(_ ours: GitListing, _ theirs: GitListing) {
        #expect(ours.entries.map(\.path) == theirs.entries.map(\.path))
        #expect(ours.entries.map(\.oid) == theirs.entries.map(\.oid))
        #expect(ours.entries.map(\.mode) == theirs.entries.map(\.mode))
        #expect(ours.files.map(\.blobSize) == theirs.files.map(\.blobSize))
        #expect(ours.files.map(\.lfs) == theirs.files.map(\.lfs))
    }

    @Test(arguments: ["../up", ".git/config", "a//b", "/a", "a/./b", "", "a/.GIT/b", ".git/\u{301}x"])
    func pathsGitWouldNotHaveAreRefused(path: String) {
        #expect(throws: HubError.self) {
            try FirstCommit(commit([.write(path: path, content: [])]), at: "/nowhere")
        }
    }

    /// Files that become folders and back, folders moved, copied and emptied; programs and links of earlier pushes stay what they are.
    @Test(arguments: 1...6) func changesAreMadeAsGitMakesThem(seed: UInt64) async throws {
        try await inFolder { folder in
            var random = SeededRandom(seed: seed)
            for side in ["ours", "theirs"] {
                try await Git.run(["init", "--quiet", "--bare", "--initial-branch=main", folder + "/\(side).git"])
                let pushed =
                    "commit refs/heads/main\ncommitter p <p@example.org> 1780000000 +0000\ndata 1\np\n"
                    + "M 100755 inline bin/run\ndata 2\n#!\nM 120000 inline link\ndata 3\nbin\nM 100644 inline x\ndata 1\nx\n"
                    // Two that look alike, a mark that would join the slash before it, and names that are no UTF-8.
                    + "M 100644 inline n/\u{e9}\ndata 1\n1\nM 100644 inline n/e\u{301}\ndata 1\n2\nM 100644 inline n/\u{301}x\ndata 1\n3\n"
                var input = Array(pushed.utf8)
                for byte: UInt8 in [0xE9, 0xE8] {
                    input += Array("M 100644 inline caf".utf8) + [byte] + Array("\ndata 1\n4\n".utf8)
                }
                input += Array("\ndone\n".utf8)
                try await Git.run(
                    ["--git-dir=\(folder)/\(side).git", "fast-import", "--quiet", "--done"], input: input)
            }
            let (ours, theirs) = (
                GitRepository(path: folder + "/ours.git"), GitRepository(path: folder + "/theirs.git")
            )
            var head = try #require(await ours.resolve("main"))
            let names = ["a", "a.b", "a0", "bin", "x", "é"]
            func path() -> String {
                (0...Int.random(in: 0...2, using: &random)).map { _ in names.randomElement(using: &random) ?? "a" }
                    .joined(separator: "/")
            }
            for number in 1...12 {
                var changes: [GitImport.Change] = []
                // What is there while the changes are made one after the other.
                var tree = CommitTree(try await ours.listing(head))
                for _ in 0...Int.random(in: 0...7, using: &random) {
                    let (from, to) = (path(), path())
                    let isApart = !from.hasPrefix(to) && !to.hasPrefix(from)
                    switch Int.random(in: 0...5, using: &random) {
                    case 0: changes.append(.delete(path: from))
                    case 1 where isApart:
                        guard (try? tree.rename(from: from, to: to)) != nil else { continue }
                        changes.append(.rename(from: from, to: to))
                        continue
                    case 2 where isApart:
                        guard (try? tree.copy(from: from, to: to)) != nil else { continue }
                        changes.append(.copy(from: from, to: to))
                        continue
                    default:
                        let content = Array("\(Int.random(in: 0...20, using: &random))".utf8)
                        changes.append(.write(path: from, content: content))
                        try tree.place(from, ObjectID(.blob, content), size: content.count, lfs: nil)
                        continue
                    }
                    try tree.delete(from)
                }
                let commit = commit(changes, parent: head, number: number)
                let made = try await GitFeed.open(ours) { try await $0.commit(commit) }
                #expect(try await byGit(commit, in: theirs.path) == made, "\(changes)")
                expectSame(try await ours.listing(made), try await theirs.listing(made))
                #expect(try await ours.text(["rev-parse", "refs/heads/main"]) == made)
                head = made
            }
            _ = try await ours.git(["fsck", "--strict", "--full"])
        }
    }

    /// Sizes at which a pack's or a block's length takes another byte.
    @Test func manyObjectsAreAPackThatGitReads() async throws {
        try await inFolder { folder in
            let first = try FirstCommit(commit([.write(path: "README.md", content: [65])]), at: folder + "/ours.git")
            let repository = try await first.write(hooks: folder + "/hooks")
            repository.begin(with: first, readme: [65])
            let sizes = [0, 1, 15, 16, 2_047, 2_048, 65_535, 65_536, 131_070, 131_071, 3_000_000]
            var contents = sizes.map { size in (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ size) } }
            contents += (0..<300).map { Array("file \($0 % 250)".utf8) }
            let sent = contents
            let sha = try await GitFeed.open(repository) { feed in
                var changes: [GitImport.Change] = []
                for (index, content) in sent.enumerated() {
                    changes.append(.place(path: "f\(index % 7)/\(index)", feed.add(content)))
                    try await feed.drain()
                }
                return try await feed.commit(commit(changes, parent: first.made.sha, number: 1))
            }
            #expect(try await repository.text(["rev-parse", "main"]) == sha)
            _ = try await repository.git(["fsck", "--strict", "--full"])
            let packs = try FileManager.default.contentsOfDirectory(atPath: repository.path + "/objects/pack").sorted()
            #expect(packs.count == 2 && packs[0].hasSuffix(".idx") && packs[1].hasSuffix(".pack"))
            _ = try await repository.git(["verify-pack", "\(repository.path)/objects/pack/\(packs[0])"])
            let fresh = GitRepository(path: repository.path)
            expectSame(try await repository.listing(sha), try await fresh.listing(sha))
            for (index, content) in contents.enumerated() {
                let oid = try #require(try await fresh.listing(sha)["f\(index % 7)/\(index)"]?.oid)
                #expect(try await fresh.blob(oid) == content)
            }
            try await Git.run(["clone", "--quiet", repository.path, folder + "/clone"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/clone").count == 9)
        }
    }

    @Test func whatIsGivenUpLeavesNothing() async throws {
        try await inFolder { folder in
            let first = try FirstCommit(commit([.write(path: "README.md", content: [65])]), at: folder + "/ours.git")
            let repository = try await first.write(hooks: folder + "/hooks")
            await #expect(throws: CancellationError.self) {
                try await GitFeed.open(repository) { feed in
                    for index in 0..<200 {
                        _ = feed.add([UInt8](repeating: UInt8(index), count: 20_000))
                        try await feed.drain()
                    }
                    throw CancellationError()
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: repository.path + "/objects/pack").isEmpty)
            #expect(try await repository.resolve("main") == first.made.sha)
        }
    }

    /// Several questions at once bring the same rules.
    @Test func rulesAreLaidDownByManyAtOnce() async throws {
        try await inFolder { folder in
            let rules = try await GitRules.prepare(folder + "/rules")
            for round in 1...10 {
                let attributes = Array("*.bin filter=lfs\n# \(round)\n".utf8)
                let found = try await withThrowingTaskGroup(of: Set<ExactText>.self) { group in
                    for _ in 0..<8 {
                        group.addTask { try await rules.lfs(["a.bin", "b.txt"], attributes: attributes) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(found == Array(repeating: [ExactText("a.bin")], count: 8))
            }
        }
    }

    /// What git itself wrote, or put away, is neither written again nor in the way.
    @Test func whatGitWroteStays() async throws {
        try await inFolder { folder in
            try await Git.run(["init", "--quiet", "--bare", "--initial-branch=main", folder + "/ours.git"])
            let repository = GitRepository(path: folder + "/ours.git")
            let pushed =
                "commit refs/heads/deep/er\ncommitter p <p@example.org> 1780000000 +0000\ndata 1\np\nM 100644 inline a\ndata 4\nsame\n\ndone\n"
            _ = try await repository.git(["fast-import", "--quiet", "--done"], input: Array(pushed.utf8))
            let blob = ObjectID(.blob, Array("same".utf8)).hex
            let object = "\(repository.path)/objects/\(blob.prefix(2))/\(blob.dropFirst(2))"
            let before = try FileManager.default.attributesOfItem(atPath: object)[.systemFileNumber] as? UInt64
            _ = try await repository.git(["pack-refs", "--all"])
            #expect(!FileManager.default.fileExists(atPath: repository.path + "/refs/heads/deep/er"))
            let parent = try #require(await repository.resolve("deep/er"))
            var commit = commit([.write(path: "b", content: Array("same".utf8))], parent: parent, number: 1)
            commit.reference = "refs/heads/deep/er"
            let made = try await GitFeed.open(repository) { [commit] in try await $0.commit(commit) }
            #expect(try await repository.text(["rev-parse", "refs/heads/deep/er"]) == made)
            #expect(try FileManager.default.attributesOfItem(atPath: object)[.systemFileNumber] as? UInt64 == before)
            await #expect(throws: HubError.self) {
                try await GitFeed.open(repository) { feed in
                    try await feed.commit(self.commit([.rename(from: "gone", to: "c")], parent: made, number: 2))
                }
            }
        }
    }
}
