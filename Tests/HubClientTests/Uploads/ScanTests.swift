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

    /// A file's folder decides, also the one that is uploaded and the one it is uploaded into.
    @Test func aFolderOfSecretsIsKnownHereAndThere() throws {
        let scratch = try Scratch()
        try scratch.write(".ssh/config", "x")
        try scratch.write("config", "x")
        #expect(try paths(scratch) == ["config"])
        var options = UploadOptions()
        #expect(try FolderScan(scratch.path + "/.ssh", options: options).items.isEmpty)
        options.into = ".kube"
        #expect(try paths(scratch, options).isEmpty)
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
        #expect(scan.skipped.allSatisfy { $0.rule == .link })
        var options = UploadOptions()
        options.followsLinksOutside = true
        #expect(try paths(scratch, options) == ["folder/x", "inside.txt", "out.txt", "real.txt"])
    }

    /// The same file on the disk is the same secret, whatever its name and wherever its guarded name lies.
    @Test func aGuardedFileUnderAnotherNameIsGuarded() throws {
        let scratch = try Scratch()
        let outside = try Scratch()
        try outside.write(".env", "A=1\n")
        for path in [
            ".env", ".streamlit/secrets.toml", "ignored/deep/.env.local", "real.txt", "app.py", ".env.example",
        ] { try scratch.write(path, path) }
        try scratch.write(".gitignore", "ignored/\n")
        let files = FileManager.default
        for (original, name) in [
            (scratch.path + "/.env", ".aaa"), (scratch.path + "/.env", "sub/zz.txt"),
            (scratch.path + "/.streamlit/secrets.toml", "notes.txt"),
            (scratch.path + "/ignored/deep/.env.local", "deep.txt"), (scratch.path + "/app.py", "copy.py"),
            (scratch.path + "/.env.example", "example.txt"), (outside.path + "/.env", "from-outside.txt"),
        ] {
            let place = scratch.path + "/" + name
            try files.createDirectory(
                at: URL(fileURLWithPath: place).deletingLastPathComponent(), withIntermediateDirectories: true)
            try files.linkItem(atPath: original, toPath: place)
        }
        try files.createSymbolicLink(atPath: scratch.path + "/link.txt", withDestinationPath: "notes.txt")
        // A guarded name that leads to an innocent one.
        try files.createSymbolicLink(atPath: scratch.path + "/prod.env", withDestinationPath: "real.txt")
        let scan = try FolderScan(scratch.path, options: UploadOptions())
        #expect(
            scan.items.map(\.path.text) == [
                ".env.example", ".gitignore", "app.py", "copy.py", "example.txt", "from-outside.txt",
            ])
        let secret = Dictionary(
            scan.skipped.filter { $0.rule == .secret }.map { ($0.path, $0.reason) }, uniquingKeysWith: { $1 })
        #expect(
            Set(secret.keys) == [
                ".env", ".streamlit/secrets.toml", "prod.env", ".aaa", "sub/zz.txt", "notes.txt", "deep.txt",
                "link.txt",
                "real.txt",
            ])
        #expect(secret["notes.txt"]?.contains("the same file as .streamlit/secrets.toml") == true)
        #expect(secret["deep.txt"]?.contains("ignored/deep/.env.local") == true)
        var options = UploadOptions()
        options.allow = [".aaa", "app.py"]
        #expect(try paths(scratch, options) == ["app.py"], "the innocent name does not name the secret")
        options.allow = [".env", ".aaa"]
        #expect(try paths(scratch, options) == [".aaa", ".env"])
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
        try scratch.write("a", "x")
        // One that is left out anyway does not end the upload.
        var options = UploadOptions()
        options.allow = ["a"]
        #expect(try paths(scratch, options) == ["a"])
        options.allow = nil
        options.ignore = ["*\u{FFFD}"]
        #expect(try paths(scratch, options) == ["a"])
        try scratch.write(".gitignore", "*\n!a\n")
        #expect(try paths(scratch) == ["a"])
    }

    @Test(arguments: ["a\\b", "line\nbreak"]) func badNamesThatAreLeftOutEndNothing(name: String) throws {
        let scratch = try Scratch()
        try scratch.write(name, "x")
        try scratch.write("keep", "x")
        var options = UploadOptions()
        options.ignore = ["[al]*"]
        #expect(try paths(scratch, options) == ["keep"])
        options.ignore = []
        options.allow = ["keep"]
        #expect(try paths(scratch, options) == ["keep"])
        try scratch.write(".gitignore", "[al]*\n")
        #expect(try paths(scratch) == [".gitignore", "keep"])
    }

    /// Nothing is left out without a word: each with the rule that did it, folders whole.
    @Test func whatIsLeftOutIsTold() throws {
        let scratch = try Scratch()
        for path in [
            ".git/config", "a.log", "node/x", "node/y", "sub/b.tmp", "data/1", "app.py", "notes.txt", ".cache/z",
            "sub/.env",
        ] { try scratch.write(path, "x") }
        try scratch.write(".gitignore", "# logs\n*.log\n\nnode/\n")
        try FileManager.default.createDirectory(atPath: scratch.path + "/void", withIntermediateDirectories: true)
        try scratch.write("sub/.gitignore", "*.tmp\n")
        var options = UploadOptions()
        options.allow = ["*.py", "data/*", "sub/*"]
        options.ignore = ["data/"]
        let scan = try FolderScan(scratch.path, options: options)
        #expect(scan.items.map(\.path.text) == ["app.py", "sub/.gitignore"])
        #expect(
            scan.skipped.map { "\($0.path) \($0.rule.rawValue)" } == [
                ".cache never", ".git never", ".gitignore not-included", "a.log gitignore", "data/ excluded",
                "node/ gitignore",
                "notes.txt not-included", "sub/.env secret", "sub/b.tmp gitignore",
                "void/ empty",
            ])
        func reason(_ path: String) -> String { scan.skipped.first { $0.path == path }?.reason ?? "" }
        #expect(reason("a.log").contains(".gitignore, line 2") && reason("a.log").contains("*.log"))
        #expect(reason("sub/b.tmp").contains("sub/.gitignore, line 1"))
        #expect(reason("data/").contains("data/"))
    }

    @Test func whatLooksLikeASecretIsNamedOrLeftOut() throws {
        let scratch = try Scratch()
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n-----END OPENSSH PRIVATE KEY-----\n"
        for path in [
            ".env", ".ENV", ".env.local", "sub/.env", "sub/.env.production", ".streamlit/secrets.toml", "id_rsa",
            "keys/deploy",
            ".env.example", "sub/.env.sample", ".streamlit/config.toml", "id_rsa.pub", "app.py", ".git/config",
        ] { try scratch.write(path, path == "keys/deploy" ? key : "x") }
        for (name, target) in [("settings.txt", ".env"), ("conf.txt", ".git/config"), ("ok.txt", "app.py")] {
            try FileManager.default.createSymbolicLink(atPath: scratch.path + "/" + name, withDestinationPath: target)
        }
        let harmless = [
            ".env.example", ".streamlit/config.toml", "app.py", "id_rsa.pub", "ok.txt", "sub/.env.sample",
        ]
        for allow in [nil, ["*"], ["*", ".env*", "**/.env", "[.]env", ".env?", "sub/", "settings.txt"]] as [[String]?] {
            var options = UploadOptions()
            options.allow = allow
            #expect(try paths(scratch, options) == harmless, "\(allow ?? [])")
        }
        var options = UploadOptions()
        options.allow = ["*", ".env", "sub/.env", "keys/deploy", ".streamlit/secrets.toml"]
        let scan = try FolderScan(scratch.path, options: options)
        #expect(
            scan.items.map(\.path.text)
                == (harmless + [".env", "sub/.env", "keys/deploy", ".streamlit/secrets.toml", "settings.txt"]).sorted())
        #expect(scan.items.filter { $0.secret != nil }.count == 5)
        #expect(scan.skipped.first { $0.path == "conf.txt" }?.rule == .link)
        // By where it goes and by where it lies, too.
        var into = UploadOptions()
        into.into = ".streamlit"
        try scratch.write("secrets.toml", "x")
        #expect(try !paths(scratch, into).contains(".streamlit/secrets.toml"))
        #expect(
            try FolderScan(scratch.path + "/.streamlit", options: UploadOptions()).items.map(\.path.text) == [
                "config.toml"
            ])
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
