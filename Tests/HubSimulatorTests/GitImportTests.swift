import Foundation
import Testing

@testable import HubSimulator

/// Commits are made by `git fast-import`: what is asked of it, and what is told of its answers.
@Suite struct GitImportTests {
    private static let maren = HubAccount("maren", fullName: "Maren", plan: .pro)

    private func inFolder(_ work: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "git-import-\(UInt64.random(in: 0...UInt64.max))"
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

    private func make(_ folder: String, _ changes: [GitImport.Change]) async throws -> (GitRepository, String) {
        let repository = try await GitRepository.make(
            at: folder + "/ours.git", hooks: folder + "/hooks", commit(changes))
        return (repository, try #require(try await repository.resolve("main")))
    }

    @Test func aRepositoryBeginsWithItsFirstCommit() async throws {
        try await inFolder { folder in
            let files = [
                ("README.md", Array("---\nsdk: docker\n---\n".utf8)), ("a/b/ü c.txt", Array("deep".utf8)),
                ("a.txt", []), ("a-b", [0, 1, 2]), ("big.bin", [UInt8](repeating: 7, count: 200_000)),
                ("odd \"name\" \\ of\ttabs", [10, 10]),
            ]
            let (repository, head) = try await make(folder, files.map { .write(path: $0.0, content: $0.1) })
            #expect(try await repository.text(["rev-parse", "main"]) == head)
            #expect(try await repository.readme(head) == "---\nsdk: docker\n---\n")
            _ = try await repository.git(["fsck", "--strict", "--full"])
            let fresh = GitRepository(path: repository.path)
            let listing = try await fresh.listing(head)
            #expect(Set(listing.files.map(\.path)) == Set(files.map(\.0)))
            for (path, content) in files {
                #expect(try await fresh.blob(listing[path]?.oid ?? "") == content, "\(path)")
            }
            let made = try #require(try await fresh.commits(from: head, skip: 0, limit: 9).first)
            #expect(made.author == "maren" && made.time == 1_780_000_000 && made.title == "commit 0")
        }
    }

    @Test(arguments: ["../up", ".git/config", "a//b", "/a", "a/./b", "", "a/.GIT/b", ".git/\u{301}x"])
    func pathsGitWouldNotHaveAreRefused(path: String) async {
        await #expect(throws: HubError.self) {
            try await GitRepository.make(at: "/nowhere", hooks: "/nowhere", commit([.write(path: path, content: [])]))
        }
    }

    /// Files that become folders and back, folders moved, copied and emptied; programs and links of earlier pushes stay what they are.
    @Test func changesAreMadeInTheirOrder() async throws {
        try await inFolder { folder in
            let (repository, first) = try await make(folder, [.write(path: "x", content: Array("x".utf8))])
            let pushed =
                "commit refs/heads/main\ncommitter p <p@example.org> 1780000000 +0000\ndata 1\np\nfrom \(first)\n"
                + "M 100755 inline bin/run\ndata 2\n#!\nM 120000 inline link\ndata 3\nbin\n"
                // Two that look alike, and a mark that would join the slash before it.
                + "M 100644 inline n/\u{e9}\ndata 1\n1\nM 100644 inline n/e\u{301}\ndata 1\n2\nM 100644 inline n/\u{301}x\ndata 1\n3\n"
            var input = Array(pushed.utf8)
            input += Array("M 100644 inline caf".utf8) + [0xE9] + Array("\ndata 1\n4\n\ndone\n".utf8)
            _ = try await repository.git(["fast-import", "--quiet", "--done"], input: input)
            repository.forgetReferences()
            let parent = try #require(try await repository.resolve("main"))
            let made = try await commit(
                [
                    .rename(from: "bin", to: "tools/bin"), .copy(from: "tools", to: "again"),
                    .write(path: "x/now/a/folder", content: [1]), .delete(path: "n/e\u{301}"),
                    .delete(path: "not there"),
                    .write(path: "n/new", content: [2]), .copy(from: "n/new", to: "link2"), .delete(path: "n/new"),
                ], parent: parent, number: 1
            ).write(to: repository)
            let listing = try await GitRepository(path: repository.path).listing(made)
            let seen = listing.files.map { "\($0.mode) \($0.path)" }
            #expect(
                seen == [
                    "100755 again/bin/run", "100644 caf\u{FFFD}", "120000 link", "100644 link2", "100644 n/\u{301}x",
                    "100644 n/\u{e9}", "100755 tools/bin/run", "100644 x/now/a/folder",
                ])
            #expect(try await repository.text(["rev-parse", "main"]) == made)
            #expect(try await repository.text(["log", "-1", "--format=%B", made]) == "commit 1\n\nü\n\nof 8 changes\n")
            _ = try await repository.git(["fsck", "--strict", "--full"])
            let failure = await #expect(throws: HubError.self) {
                try await commit([.rename(from: "gone", to: "c")], parent: made, number: 2).write(to: repository)
            }
            #expect(failure?.code == "EntryNotFound")
            #expect(try await repository.text(["rev-parse", "main"]) == made)
            let left = try FileManager.default.contentsOfDirectory(atPath: repository.path)
            #expect(!left.contains { $0.hasPrefix("fast_import_crash") || $0.hasPrefix("import-") }, "\(left)")
        }
    }

    /// More than is kept in memory goes through a file.
    @Test func manyContentsBecomeOneCommit() async throws {
        try await inFolder { folder in
            let (repository, first) = try await make(folder, [.write(path: "README.md", content: [65])])
            var contents = [0, 1, 65_536, 3_000_000].map { size in
                (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            }
            contents += (0..<300).map { Array("file \($0 % 250)".utf8) }
            let sent = contents
            let sha = try await GitFeed.open(repository) { feed in
                var changes: [GitImport.Change] = []
                for (index, content) in sent.enumerated() {
                    changes.append(.place(path: "f\(index % 7)/\(index)", feed.add(content)))
                    try await feed.drain()
                }
                return try await feed.commit(commit(changes, parent: first, number: 1))
            }
            #expect(try await repository.resolve("main") == sha)
            _ = try await repository.git(["fsck", "--strict", "--full"])
            let listing = try await repository.listing(sha)
            let found = try await repository.blobs(listing.files.map(\.oid))
            for (index, content) in contents.enumerated() {
                #expect(found[listing["f\(index % 7)/\(index)"]?.oid ?? ""] == content)
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: repository.path)
            #expect(!left.contains { $0.hasPrefix("import-") }, "\(left)")
        }
    }

    @Test func whatIsGivenUpLeavesNothing() async throws {
        try await inFolder { folder in
            let (repository, first) = try await make(folder, [.write(path: "README.md", content: [65])])
            let before = try FileManager.default.subpathsOfDirectory(atPath: repository.path).sorted()
            await #expect(throws: CancellationError.self) {
                try await GitFeed.open(repository) { feed in
                    for index in 0..<200 {
                        _ = feed.add([UInt8](repeating: UInt8(index), count: 20_000))
                        try await feed.drain()
                    }
                    throw CancellationError()
                }
            }
            #expect(try FileManager.default.subpathsOfDirectory(atPath: repository.path).sorted() == before)
            #expect(try await repository.resolve("main") == first)
        }
    }

    /// A branch that git has put away, and one that begins anew.
    @Test func referencesMoveWhereverTheyAre() async throws {
        try await inFolder { folder in
            let (repository, first) = try await make(folder, [.write(path: "a", content: [65])])
            try await repository.setReference("refs/heads/deep/er", to: first)
            _ = try await repository.git(["pack-refs", "--all"])
            var next = commit([.write(path: "b", content: [66])], parent: first, number: 1)
            next.reference = "refs/heads/deep/er"
            let made = try await next.write(to: repository)
            #expect(try await repository.text(["rev-parse", "refs/heads/deep/er"]) == made)
            next.parent = nil
            let anew = try await next.write(to: repository)
            #expect(try await repository.text(["rev-list", "--count", anew]) == "1")
            #expect(try await repository.resolve("deep/er") == anew)
            #expect(try await repository.resolve("main") == first)
        }
    }

    @Test func aChildThatHangsIsEnded() async throws {
        let failure = await #expect(throws: GitFailure.self) {
            try await Git.limited("sleep", to: .milliseconds(50)) { try await Task.sleep(for: .seconds(600)) }
        }
        #expect(failure?.message.contains("took longer") == true)
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
}
