import Deployment
import Foundation
import HubClient
import Runtime
import StokerCore
import Testing

@testable import Operations

/// `from: { git: …, ref: … }` and `from: { stoker: FILE }`: what becomes of them in a plan.
@Suite(.timeLimit(.minutes(5))) struct DeploySourceTests {
    @discardableResult
    private static func git(_ scratch: DeployScratch, _ arguments: String...) async throws -> String {
        let git = try #require(Program.find("git"))
        let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]
        let ended = try await Program.run(
            git, ["-C", scratch.folder + "/repo", "-c", "protocol.file.allow=always"] + identity + arguments,
            environment: ["GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"])
        #expect(ended.status == 0, "git \(arguments)")
        return ended.output.filter { !$0.isWhitespace }
    }

    private static func commit(_ scratch: DeployScratch, _ text: String) async throws -> String {
        try scratch.write("repo/app.py", text)
        try await git(scratch, "add", "--all")
        try await git(scratch, "commit", "--quiet", "--message", "Change")
        return try await git(scratch, "rev-parse", "HEAD")
    }

    /// A repository with a commit behind a tag, one on a branch, and one on `main`.
    private static func repository(_ scratch: DeployScratch) async throws -> (tagged: String, branch: String) {
        try scratch.write("repo/README.md", "---\ntitle: App\nsdk: docker\n---\n")
        try scratch.write("repo/Dockerfile", "FROM scratch\n")
        try await git(scratch, "init", "--quiet", "--initial-branch=main")
        let tagged = try await commit(scratch, "print('tagged')\n")
        try await git(scratch, "tag", "--annotate", "--message", "One", "v1")
        try await git(scratch, "checkout", "--quiet", "-b", "feature/x")
        let branch = try await commit(scratch, "print('branch')\n")
        try await git(scratch, "checkout", "--quiet", "main")
        _ = try await commit(scratch, "print('main')\n")
        return (tagged, branch)
    }

    private static func fleet(_ git: String, _ ref: String) -> String {
        """
        spaces:
          maren/app:
            deploy: { from: { git: "\(git)", ref: "\(ref)" } }
        """
    }

    private static func app(_ prepared: PreparedPlan) async throws -> String? {
        try await FileWork.run(doing: "read app.py") { try prepared.wished["app"]?.contents.text(at: "app.py") }
    }

    @Test func aBranchATagAndACommit() async throws {
        try await DeployScratch.with { scratch in
            let (tagged, branch) = try await Self.repository(scratch)
            let path = scratch.folder + "/repo"
            let wanted = [
                (path, "main", "main"), ("./repo", "feature/x", "branch"), ("repo", "v1", "tagged"),
                ("../\(URL(filePath: scratch.folder).lastPathComponent)/repo", "refs/heads/feature/x", "branch"),
                ("file://\(path)", tagged, "tagged"), (path, branch, "branch"),
            ]
            for (address, ref, text) in wanted {
                let prepared = try await scratch.prepare(Self.fleet(address, ref))
                #expect(prepared.plan.spaces.map(\.action) == [.create], "\(address) \(ref)")
                #expect(try await Self.app(prepared) == "print('\(text)')\n", "\(address) \(ref)")
            }
            try await scratch.carryOut(try await scratch.prepare(Self.fleet("./repo", "main")))
            #expect(try await scratch.prepare(Self.fleet("./repo", "main")).plan.isEmpty)
            // A branch that goes on is a change; a tag stays.
            _ = try await Self.commit(scratch, "print('later')\n")
            let later = try await scratch.prepare(Self.fleet("./repo", "main"))
            #expect(try await Self.app(later) == "print('later')\n" && !later.plan.isEmpty)
            let same = try await scratch.prepare(Self.fleet("./repo", "v1"))
            #expect(try await Self.app(same) == "print('tagged')\n")
        }
    }

    @Test func whatIsNotThereIsToldWithItsPlace() async throws {
        try await DeployScratch.with { scratch in
            let (tagged, _) = try await Self.repository(scratch)
            _ = scratch.requests()
            for (address, ref, because) in [
                ("./repo", "nowhere", "couldn't find remote ref nowhere"),
                ("./repo", String(tagged.prefix(8)), "a commit is named by all of its 40 digits"),
                ("./none", "main", "git cannot fetch"),
            ] {
                let failure = await #expect(throws: Failure.self) {
                    _ = try await scratch.prepare(Self.fleet(address, ref))
                }
                #expect(failure?.code == .usage)
                #expect(failure?.because.contains("fleet.yaml:3:28: spaces.maren/app.deploy.from.git: ") == true)
                #expect(failure?.because.contains(because) == true, "\(failure?.because ?? "")")
            }
            #expect(scratch.requests().isEmpty, "before any request")
        }
    }

    /// A password in an address goes to git and nowhere else.
    @Test func aPasswordIsNotShown() async throws {
        try await DeployScratch.with { scratch in
            let failure = await #expect(throws: Failure.self) {
                _ = try await scratch.prepare(Self.fleet("http://ann:s3cret-word@127.0.0.1:9/repo", "main"))
            }
            #expect(failure?.because.contains("127.0.0.1") == true)
            #expect(failure.map { "\($0)" }?.contains("s3cret-word") == false)
        }
    }

    @Test func submodulesAndLargeFilesAreTold() async throws {
        try await DeployScratch.with { scratch in
            _ = try await Self.repository(scratch)
            try await Self.git(scratch, "submodule", "--quiet", "add", scratch.folder + "/repo", "libs/own")
            try scratch.write(
                "repo/model.bin",
                "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "ab", count: 32))\nsize 12345\n"
            )
            try scratch.write("repo/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
            try await Self.git(scratch, "-c", "filter.lfs.clean=cat", "add", "--all")
            try await Self.git(scratch, "-c", "filter.lfs.clean=cat", "commit", "--quiet", "--message", "Large")
            let prepared = try await scratch.prepare(Self.fleet("./repo", "main"))
            let notes = prepared.plan.spaces[0].notes
            #expect(notes.contains { $0.contains("libs/own") && $0.contains("a submodule, which is not fetched") })
            #expect(notes.contains { $0.hasPrefix("model.bin: LFS pointers whose files are not here") })
        }
    }

    // MARK: This program

    /// Whether the image has the workers' tools.
    @Test(arguments: [
        ("workers:\n  a: { repository: ./app }\n", true),
        (#"{"version": 1, "workers": {"a": {"repository": "./app"}}}"#, true),
        ("version: 1\n\"workers\" : { a: { repository: ./app } }\n", true),
        ("# workers:\nspaces: { maren/bot: }\n", false),
        ("workers: { a: { runs_at: maren/a, dataset: maren/b } }\n", false),
        ("workers: { a: { runs_at: maren/a, dataset: maren/b }, c: { repository: ./app } }\n", true),
        ("channels:\n  workers: { webhook: \"https://h/a\" }\n", false),
    ]) func workersAreSeenHoweverTheyAreWritten(fleet: String, hasWorkers: Bool) {
        #expect(StokerPackage.hasWorkers(fleet) == hasWorkers)
    }

    @Test func theProgramIsPackedWithItsChecksum() async throws {
        try await DeployScratch.with { scratch in
            // A program of another name: packing this test program would take minutes.
            let program = try #require(Program.find("git"))
            try scratch.write("master.yaml", "version: 1\nspaces: { maren/bot: }\n")
            let text = """
                spaces:
                  maren/master:
                    deploy: { from: { stoker: ./master.yaml }, visibility: private, variables: { A: "1" } }
                """
            let prepared = try await scratch.prepare(text, program: program)
            let contents = try #require(prepared.wished["master"]?.contents)
            #expect(
                contents.files.keys.sorted() == [
                    "Dockerfile", "README.md", "fleet.yaml", "stoker.xz", "stoker.xz.sha256",
                ])
            func read(_ path: String) async throws -> String {
                try await FileWork.run(doing: "read it") { try contents.text(at: path) ?? "" }
            }
            #expect(try await read("fleet.yaml") == "version: 1\nspaces: { maren/bot: }\n")
            let readme = try await read("README.md")
            #expect(readme.contains("sdk: docker") && readme.contains("app_port: 7860"))
            #expect(try await read("Dockerfile").contains("sha256sum --check stoker.xz.sha256"))

            try await scratch.carryOut(prepared)
            let id = try RepoID.space("maren/master")
            let packed = scratch.folder + "/got/stoker.xz"
            for name in ["stoker.xz", "stoker.xz.sha256"] {
                try await scratch.hub.download(name, from: id, to: scratch.folder + "/got")
            }
            let sum = try await Program.run(
                try #require(Program.find("sha256sum")), ["--check", "--quiet", "stoker.xz.sha256"],
                folder: scratch.folder + "/got")
            #expect(sum.status == 0)
            let xz = try #require(Program.find("xz"))
            #expect(try await Program.run(xz, ["--decompress", packed]).status == 0)
            let unpacked = scratch.folder + "/got/stoker"
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: unpacked)
            #expect(try await Program.run(unpacked, ["--version"]).output.hasPrefix("git version"))
            // In LFS where it is large; either way the second plan finds the same.
            #expect(try await scratch.prepare(text, program: program).plan.isEmpty)
        }
    }

    /// A folder whose Dockerfile copies the packed program gets it, and one that has its own keeps that.
    @Test func aGuardedFolderGetsTheProgram() async throws {
        try await DeployScratch.with { scratch in
            let program = try #require(Program.find("git"))
            let docker = "FROM debian:12-slim AS guard\nCOPY stoker.xz stoker.xz.sha256 ./\nFROM debian:12-slim\n"
            try scratch.write("bot/README.md", "---\nsdk: docker\n---\n")
            try scratch.write("bot/Dockerfile", docker)
            try scratch.write("bot/.gitignore", "stoker.xz\nstoker.xz.sha256\n")
            let text = "spaces: { maren/bot: { deploy: { from: ./bot } } }"
            let files = try #require(try await scratch.prepare(text, program: program).wished["bot"]?.contents.files)
            #expect(files["stoker.xz"] != nil && files["stoker.xz.sha256"] != nil, "\(files.keys.sorted())")
            try scratch.write("bot/Dockerfile", "FROM debian:12-slim\nCMD [\"true\"]\n")
            let none = try #require(try await scratch.prepare(text, program: program).wished["bot"]?.contents.files)
            #expect(none["stoker.xz"] == nil)
        }
    }

    @Test func symbolsAreLeftOut() async throws {
        try await DeployScratch.with { scratch in
            guard let compiler = Program.find("clang") ?? Program.find("cc") else { return }
            try scratch.write("small.c", "int answer(void) { return 42; }\nint main(void) { return answer() - 42; }\n")
            let program = scratch.folder + "/small"
            let made = try await Program.run(compiler, ["-g", "-o", program, scratch.folder + "/small.c"])
            try #require(made.status == 0)
            try scratch.write("master.yaml", "version: 1\n")
            let text = "spaces: { maren/master: { deploy: { from: { stoker: ./master.yaml } } } }"
            let prepared = try await scratch.prepare(text, program: program)
            let contents = try #require(prepared.wished["master"]?.contents)
            guard case .file(let packed) = contents.files["stoker.xz"]?.source else {
                Issue.record("stoker.xz is no file")
                return
            }
            try scratch.write("out.xz", try Data(contentsOf: URL(filePath: packed)))
            let xz = try #require(Program.find("xz"))
            #expect(try await Program.run(xz, ["--decompress", scratch.folder + "/out.xz"]).status == 0)
            let data = try Data(contentsOf: URL(filePath: scratch.folder + "/out"))
            let whole = try Data(contentsOf: URL(filePath: program))
            #expect(data.count < whole.count && data.range(of: Data("answer".utf8)) == nil)
            #expect(whole.range(of: Data("answer".utf8)) != nil)
        }
    }

    @Test func aFleetFileThatIsNotThereIsToldWithItsPlace() async throws {
        try await DeployScratch.with { scratch in
            let text = "spaces:\n  maren/master:\n    deploy: { from: { stoker: ./none.yaml } }\n"
            let failure = await #expect(throws: Failure.self) { _ = try await scratch.prepare(text) }
            #expect(failure?.because.contains("fleet.yaml:3:31: spaces.maren/master.deploy.from.stoker: ") == true)
            #expect(
                failure?.because.contains("none.yaml cannot be read as a file") == true, "\(failure?.because ?? "")")
        }
    }
}
