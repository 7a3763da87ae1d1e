import Foundation
import NIOCore
import StokerCore
import Synchronization
import Testing

@testable import HubClient

@Suite struct FileHeadTests {
    private func head(_ text: String, _ path: String = "x") -> FileHead {
        FileHead(Array(text.utf8), length: Int64(text.utf8.count), path: path)
    }

    @Test func pointersOfLFS() {
        let oid = String(repeating: "0a", count: 32)
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize 734003200\n"
        #expect(head(text).pointer == FileHead.Pointer(oid: oid, size: 734_003_200))
        #expect(head(text.replacing("\n", with: "\r\n")).pointer != nil)
        for other in [
            "", "version https://git-lfs.github.com/spec/v1\n", text.replacing(oid, with: "xyz"), "# " + text,
            text.replacing("size", with: "sise"),
            text + String(repeating: "x", count: 1_024),
        ] { #expect(head(other).pointer == nil) }
    }

    @Test func programs() {
        #expect(head("#!/bin/sh\n").isProgram)
        #expect(head("\u{7F}ELF").isProgram)
        #expect(!head("# !").isProgram && !head("").isProgram)
    }

    @Test(arguments: [
        ("k", "-----BEGIN PRIVATE KEY-----\nx"), ("k", "\n-----BEGIN EC PRIVATE KEY-----\nx"),
        ("k", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
        ("k", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
        ("server.pem", "Bag\n-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"),
        ("k", "PuTTY-User-Key-File-3: ssh-rsa"),
        ("sa.json", "{\"type\": \"service_account\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMII\"}"),
    ]) func privateKeys(path: String, text: String) { #expect(head(text, path).secret != nil) }

    @Test(arguments: [
        ("server.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"), ("k.pub", "ssh-rsa AAAA"),
        ("test.py", "KEY = '''-----BEGIN PRIVATE KEY-----'''"),
        ("README.md", "Paste it:\n-----BEGIN PRIVATE KEY-----\n"), ("p.pem", "-----BEGIN PUBLIC KEY-----\n"),
        ("a.json", "{\"private_key\": null}"),
    ]) func noPrivateKeys(path: String, text: String) { #expect(head(text, path).secret == nil) }

    @Test(arguments: [
        ".env", "sub/.env", ".ENV", ".Env.Local", ".env.production", ".env~", ".env-prod", ".env_2", "prod.env",
        ".envrc", "a/.streamlit/secrets.toml",
        "id_rsa", "k/id_ed25519", ".netrc",
        "cert.p12", "store.JKS", ".aws/credentials", "/home//me/.AWS//credentials", ".git-credentials",
    ]) func secretsByName(path: String) { #expect(SecretFiles.reason(path: path) != nil) }

    @Test(arguments: [
        ".env.example", ".env.sample", ".env.local.example", "example.env", "env", "env.py", ".environment",
        "environment.yml", "secrets.toml", "secrets.py",
        "id_rsa.pub", "credentials", "key.py", ".streamlit/config.toml", "envs/a", "token",
    ]) func noSecretsByName(path: String) { #expect(SecretFiles.reason(path: path) == nil) }
}

@Suite struct FrontMatterTests {
    @Test(arguments: [
        "---\ntitle: a\n---\n", "---\r\ntitle: a\r\n---\r\ntext", "\u{FEFF}---\na: b\n---", "---\na: b\n---\n---\n",
        "---\n# c\na: b\n---\n",
    ]) func isFound(readme: String) {
        #expect(FrontMatter.problem(in: readme) == nil)
        #expect(FrontMatter.block(of: readme).map { readme.contains($0) } == true)
    }

    @Test(arguments: [
        ("", "does not begin"), ("# Hello\n", "does not begin"), ("\n---\ntitle: a\n---\n", "empty line"),
        ("---\ntitle: a\n", "never closed"),
        ("--- \ntitle: a\n--- \n", "spaces"), ("---\ntitle: a\n --- \n", "spaces"), ("---\n---\n", "is empty"),
        ("---\n \n---\n", "is empty"), ("---\n# sdk: docker\n---\n", "is empty"),
        ("text\n---\na: b\n---\n", "does not begin"), ("----\na: b\n----\n", "does not begin"),
    ]) func isMissing(readme: String, why: String) {
        #expect(FrontMatter.block(of: readme) == nil)
        #expect(FrontMatter.problem(in: readme)?.contains(why) == true)
    }
}

@Suite struct GitAttributesTests {
    private let rule = "filter=lfs diff=lfs merge=lfs -text"

    @Test func rulesOfTheHubStay() {
        let stored = "* text=auto\nmodel.dat \(rule)\n\"a b.dat\" \(rule)\n# *.x filter=lfs\n*.md text\n"
        let merged = GitAttributes.merged(own: "* text=auto", stored: stored)
        #expect(merged.text == "* text=auto\nmodel.dat \(rule)\n\"a b.dat\" \(rule)\n")
        #expect(merged.kept == ["model.dat", "\"a b.dat\""])
        let again = GitAttributes.merged(own: "* text=auto", stored: merged.text)
        #expect(again.text == merged.text, "it comes to rest")
    }

    @Test func whatTheFolderDecidesIsNotOverruled() {
        let own = "*.bin -filter\n*.onnx \(rule)\n"
        #expect(GitAttributes.merged(own: own, stored: "*.bin \(rule)\n*.onnx \(rule)\n").text == own)
        #expect(GitAttributes.merged(own: "", stored: "").text == "")
    }
}

@Suite struct UploadReviewTests {
    private static let card = "---\nsdk: docker\n---\n"

    /// Whatever the review says, it says before anything is sent, and a no sends nothing.
    @Test func aNoSendsNothing() async throws {
        try await with { small, hub, repo, scratch, options in
            small.push("README.md", Self.card)
            small.push("old", "x")
            var random = SplitMix64(seed: 7)
            try scratch.write("big.bin", random.bytes(5_000))
            try scratch.write("README.md", "# Hello\n")
            try scratch.write("run.sh", "#!/bin/sh\n")
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.path + "/run.sh")
            try scratch.write(
                "m.dat",
                "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "1", count: 64))\nsize 9\n")
            let seen = Mutex<[UploadReview]>([])
            var options = options
            options.delete = ["*"]
            options.review = { review in
                seen.withLock { $0.append(review) }
                return false
            }
            let fixed = options
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.upload(folder: scratch.path, to: repo, options: fixed)
            }
            #expect(failure?.kind == .refusedByUs)
            let review = try #require(seen.withLock { $0.first })
            #expect(review.deletions == ["old"])
            #expect(review.takesDown)
            #expect(
                Set(review.remarks.filter(\.isRisk).map { "\($0.kind.rawValue) \($0.paths)" }) == [
                    #"lfs-pointer ["m.dat"]"#, #"executable ["run.sh"]"#, #"front-matter ["README.md"]"#,
                ])
            for call in ["commit", "put", "batch"] { #expect(small.calls(call).isEmpty, "\(call)") }

            options.review = { _ in true }
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.deletedPaths == ["old"])
            #expect(result.remarks == review.remarks)
            #expect(review.remarks.allSatisfy { result.notes.contains($0.text) })
            // What is unchanged is not told again.
            let again = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(again.commits.isEmpty && again.remarks.isEmpty)
        }
    }

    /// A filter, a link, an ignore rule and the guard hide files of the folder; deleting what is not in the folder does not mean them.
    @Test func whatIsHiddenIsNotDeleted() async throws {
        try await with { small, hub, repo, scratch, options in
            for path in [
                "index.html", "site.css", "README.md", "debug.log", "data/1", "link.txt", ".env", "gone.txt", "gone/x",
                "was-folder",
            ] { small.push(path, "remote") }
            for path in ["index.html", "site.css", "README.md", "debug.log", "data/1", ".env", "was-folder/inner.html"]
            {
                try scratch.write(path, "local")
            }
            try scratch.write(".gitignore", "*.log\ndata/\n")
            try FileManager.default.createSymbolicLink(
                atPath: scratch.path + "/link.txt", withDestinationPath: "/nowhere/at/all")
            var options = options
            options.allow = ["*.html"]
            options.delete = ["*"]
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.deletedPaths.sorted() == ["gone.txt", "gone/x", "was-folder"])
            let kept = try #require(result.remarks.first { $0.kind == .kept })
            #expect(Set(kept.paths) == [".env", "README.md", "data/1", "debug.log", "link.txt", "site.css"])
            #expect(kept.text.contains("site.css"))
            #expect(small.content[RepoPath(unchecked: "site.css")] == Array("remote".utf8))
        }
    }

    @Test func nothingToSendIsToldWithTheRule() async throws {
        var rules = SmallHub.Rules()
        rules.ignored = ["model.bin"]
        try await with(rules) { small, hub, repo, scratch, options in
            small.push(".gitignore", "# big\n*.bin\n")
            func fails(_ options: UploadOptions) async throws -> String {
                let failure = await #expect(throws: HubFailure.self) {
                    try await hub.upload(folder: scratch.path, to: repo, options: options)
                }
                return failure?.said ?? ""
            }
            #expect(try await fails(options).contains("has no files"))
            var all = options
            all.delete = ["*"]
            #expect(try await fails(all).contains("has no files"), "an empty folder empties no repository")
            try scratch.write("model.bin", "x")
            let said = try await fails(options)
            #expect(said.contains("model.bin") && said.contains("line 2") && said.contains("*.bin"), "\(said)")
            var none = options
            none.allow = ["*.htm"]
            #expect(try await fails(none).contains("no pattern to include"))
            try scratch.write("app.py", "x")
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.skipped.map(\.path) == ["model.bin"])
            #expect(result.skipped.first?.rule == .repository)
            let named = await #expect(throws: HubFailure.self) {
                try await hub.commit(
                    [.add(path: "model.bin", .file(scratch.path + "/model.bin"))], to: repo, options: options)
            }
            #expect(named?.said.contains("*.bin") == true)
        }
    }

    /// The Hub wrote a rule for a large file; the folder's own `.gitattributes` gets it, and the second upload changes nothing.
    @Test func rulesOfLFSStay() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write(".gitattributes", "* text=auto\n")
            try scratch.write("a", "x")
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            let rule = "model.dat filter=lfs diff=lfs merge=lfs -text\n"
            small.push(".gitattributes", "* text=auto\n" + rule)
            let again = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(again.commits.isEmpty && again.remarks.isEmpty)
            try scratch.write(".gitattributes", "* text=auto eol=lf\n")
            let changed = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(changed.remarks.map(\.kind) == [.mended])
            #expect(
                small.content[RepoPath(unchecked: ".gitattributes")] == Array(("* text=auto eol=lf\n" + rule).utf8))
        }
    }

    @Test func aPointerToWhatIsThereLeavesItThere() async throws {
        try await with { small, hub, repo, scratch, options in
            var random = SplitMix64(seed: 8)
            let bytes = random.bytes(5_000)
            try scratch.write("m.bin", bytes)
            _ = try await hub.upload(folder: scratch.path, to: repo, options: options)
            try scratch.write(
                "m.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:\(SmallHub.sha256(bytes))\nsize 5000\n"
            )
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(result.commits.isEmpty && result.unchanged == 1)
            #expect(result.remarks.map(\.kind) == [.kept])
            #expect(small.content[RepoPath(unchecked: "m.bin")] == bytes)
        }
    }

    @Test func theFrontMatterOfTheSpaceIsKeptWhenAskedFor() async throws {
        try await with { small, hub, repo, scratch, options in
            small.push("README.md", Self.card + "# Old\n")
            try scratch.write("README.md", "# New\n")
            var options = options
            options.keepsFrontMatter = true
            let asked = Mutex(false)
            options.review = { review in
                asked.withLock { $0 = $0 || review.takesDown }
                return true
            }
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(small.content[RepoPath(unchecked: "README.md")] == Array((Self.card + "# New\n").utf8))
            #expect(!asked.withLock { $0 } && result.remarks.map(\.kind) == [.mended])
            let again = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(again.commits.isEmpty && again.remarks.isEmpty)
        }
    }

    @Test func programsThatAreExecutableThereAreAskedForOnlyWhenReplaced() async throws {
        try await with { small, hub, repo, scratch, options in
            for path in ["run.sh", "same.sh", "app.py", "start", "Dockerfile", "notes"] {
                small.push(path, "#!/bin/sh\n")
            }
            try scratch.write("run.sh", "#!/bin/sh\necho\n")
            try scratch.write("same.sh", "#!/bin/sh\n")
            try scratch.write("app.py", "print()\n")
            try scratch.write("start", "exec python app.py\n")
            try scratch.write("Dockerfile", "FROM scratch\n")
            try scratch.write("new.sh", "#!/bin/sh\n")
            let asked = Mutex<[[String]]>([])
            var options = options
            options.review = { _ in true }
            options.executables = { revision, paths in
                asked.withLock { $0.append([revision] + paths) }
                return ["run.sh", "same.sh"]
            }
            let result = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(asked.withLock { $0 } == [["main", "run.sh", "start"]])
            // Executable here, with the content that the Hub has: its mode there decides.
            for name in ["run.sh", "same.sh", "notes"] {
                try scratch.write(name, name == "run.sh" ? "#!/bin/sh\necho\n" : "#!/bin/sh\n")
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o755], ofItemAtPath: scratch.path + "/" + name)
            }
            let again = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(asked.withLock { $0.last } == ["main", "notes", "run.sh", "same.sh"])
            #expect(again.commits.isEmpty)
            #expect(again.remarks.map { "\($0.kind.rawValue) \($0.paths)" } == [#"executable ["notes"]"#])
            // Not to be looked up: what is replaced may lose its mode, what is left loses nothing.
            options.executables = { _, _ in nil }
            #expect(try await hub.upload(folder: scratch.path, to: repo, options: options).remarks.isEmpty)
            try scratch.write("start", "exec python other.py\n")
            let unknown = try await hub.upload(folder: scratch.path, to: repo, options: options)
            #expect(unknown.remarks.map(\.kind) == [.executable] && unknown.remarks[0].isRisk)
            #expect(result.remarks.map { "\($0.kind.rawValue) \($0.paths)" } == [#"executable ["run.sh"]"#])
        }
    }

    @Test func aHardLinkDoesNotNameTheSecretItIs() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write(".streamlit/secrets.toml", "A=1\n")
            let name = scratch.path + "/s.txt"
            try FileManager.default.linkItem(atPath: scratch.path + "/.streamlit/secrets.toml", toPath: name)
            let failure = await #expect(throws: HubFailure.self) {
                try await hub.commit([.add(path: "s.txt", .file(name))], to: repo, options: options)
            }
            #expect(failure?.said.contains("the same file as .streamlit/secrets.toml") == true)
            #expect(small.calls("commit").isEmpty)
        }
    }

    @Test func aLinkDoesNotNameTheSecretItLeadsTo() async throws {
        try await with { small, hub, repo, scratch, options in
            try scratch.write(".env", "A=1\n")
            try FileManager.default.createSymbolicLink(atPath: scratch.path + "/s.txt", withDestinationPath: ".env")
            await #expect(throws: HubFailure.self) {
                try await hub.commit([.add(path: "s.txt", .file(scratch.path + "/s.txt"))], to: repo, options: options)
            }
            let result = try await hub.commit(
                [.add(path: ".env", .file(scratch.path + "/.env"))], to: repo, options: options)
            #expect(result.remarks.map(\.kind) == [.secret])
            #expect(small.calls("commit").count == 1)
        }
    }
}
