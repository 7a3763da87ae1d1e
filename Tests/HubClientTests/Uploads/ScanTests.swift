import Foundation
import Testing

@testable import HubClient

@Suite struct ScanTests {
    private func paths(_ scratch: Scratch, _ options: UploadOptions = UploadOptions()) throws -> [String] {
        try FolderScan(scratch.path, options: options).items.map(\.path.text)
    }

    @Test func leavesOutWhatIsNeverUploaded() throws {
        let scratch = try Scratch()
        for path in [
            "app.py", ".git/config", "sub/.git/HEAD", "module/.git", ".cache/huggingface/x", "sub/.cache/huggingface/y",
            ".gitignore",
            ".github/workflows/a.yml", "sub/gitty",
        ] { try scratch.write(path, path == ".gitignore" ? "*.log" : "x") }
        #expect(try paths(scratch) == [".github/workflows/a.yml", ".gitignore", "app.py", "sub/gitty"])
    }

    @Test func ignoreFilesCanBeSwitchedOff() throws {
        let scratch = try Scratch()
        try scratch.write(".gitignore", "*.log\n")
        try scratch.write("a.log", "x")
        var options = UploadOptions()
        #expect(try paths(scratch, options) == [".gitignore"])
        options.usesIgnoreFiles = false
        #expect(try paths(scratch, options) == [".gitignore", "a.log"])
    }

    @Test func takesPatternsAndAFolder() throws {
        let scratch = try Scratch()
        for path in ["a.py", "b.txt", "sub/c.py", "sub/d.py"] { try scratch.write(path, "x") }
        var options = UploadOptions()
        options.allow = ["*.py"]
        options.ignore = ["sub/d*"]
        options.into = "src/app"
        #expect(try paths(scratch, options) == ["src/app/a.py", "src/app/sub/c.py"])
    }

    /// One file for git, two for whoever compares text as people read it.
    @Test func unicodeStaysAsItIs() throws {
        let scratch = try Scratch()
        let (one, two) = ("\u{E9}.txt", "e\u{301}.txt")
        try scratch.write(one, "1")
        try scratch.write(two, "2")
        let found = try FolderScan(scratch.path, options: UploadOptions()).items.map(\.path)
        #expect(Set(found) == [RepoPath(unchecked: one), RepoPath(unchecked: two)])
        #expect(found.count == 2)
        #expect(RepoPath(unchecked: one) != RepoPath(unchecked: two))
    }

    @Test func links() throws {
        let scratch = try Scratch()
        let outside = try Scratch()
        try outside.write("secret", "s")
        try scratch.write("real.txt", "r")
        try scratch.write("folder/x", "x")
        for (name, target) in [
            ("inside.txt", "real.txt"), ("out.txt", outside.path + "/secret"), ("dir", "folder"), ("nowhere", "none"),
            ("loop", "loop"),
        ] { try FileManager.default.createSymbolicLink(atPath: scratch.path + "/" + name, withDestinationPath: target) }
        let scan = try FolderScan(scratch.path, options: UploadOptions())
        #expect(scan.items.map(\.path.text) == ["folder/x", "inside.txt", "real.txt"])
        #expect(scan.skipped.map(\.path) == ["dir", "loop", "nowhere", "out.txt"])
        var options = UploadOptions()
        options.followsLinksOutside = true
        #expect(try paths(scratch, options) == ["folder/x", "inside.txt", "out.txt", "real.txt"])
    }

    @Test(arguments: ["a\\b", "line\nbreak"]) func refusesNames(name: String) throws {
        let scratch = try Scratch()
        try scratch.write(name, "x")
        #expect(throws: LocalFile.Trouble.self) { try paths(scratch) }
    }

    @Test func refusesNamesThatAreNotText() throws {
        let scratch = try Scratch()
        let path = Array(scratch.path.utf8) + Array("/".utf8) + [0xFF, 0xFE]
        let opened = (path.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
            open($0.baseAddress!, O_CREAT | O_WRONLY, 0o600)
        }
        #expect(opened >= 0)
        close(opened)
        let failure = #expect(throws: LocalFile.Trouble.self) { try paths(scratch) }
        #expect(failure?.reason.contains("not UTF-8") == true)
        try scratch.write(".gitignore", "*\n!a\n")
        // Even what is ignored has a name that must be read first.
        #expect(throws: LocalFile.Trouble.self) { try paths(scratch) }
    }

    @Test(arguments: [
        "/abs", "../up", "a/../b", "a/./b", "a//b", "a\\b", "", "a/", ".git/config", "x/.git", ".cache/y", "nul\u{0}",
        String(repeating: "a", count: 1001),
    ]) func refusesPaths(path: String) { #expect(throws: HubFailure.self) { try RepoPath(path) } }

    @Test(arguments: ["a", "./a", "a/b.c", "ä/ö", ".gitignore", "a..b", "..."]) func takesPaths(path: String) throws {
        #expect(try RepoPath(path).text == (path == "./a" ? "a" : path))
    }

    @Test func aFileThatIsNoFolder() throws {
        let scratch = try Scratch()
        try scratch.write("x", "y")
        #expect(throws: LocalFile.Trouble.self) { try FolderScan(scratch.path + "/x", options: UploadOptions()) }
        #expect(throws: LocalFile.Trouble.self) { try FolderScan(scratch.path + "/none", options: UploadOptions()) }
    }
}
