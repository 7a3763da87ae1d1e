import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// What `stoker space upload` and the commands for secrets say before they do something that cannot be taken back.
    @Suite(.timeLimit(.minutes(2))) struct UploadCommandTests {
        private static let space = "maren/orbit-api"

        private func folder(_ hub: HubScratch, _ files: [String: String]) throws -> String {
            let folder = hub.scratch.path + "/app"
            for (path, text) in files {
                let url = URL(fileURLWithPath: folder + "/" + path)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url)
            }
            return folder
        }

        private func files(_ hub: HubScratch) async throws -> [String] {
            try await hub.stoker("space", "files", Self.space, "--format", "quiet").outputLines
        }

        @Test func secretsStayHereUnlessTheyAreNamed() async throws {
            try await HubScratch.with("guard") { hub in
                _ = try folder(
                    hub,
                    [
                        ".env": "K=SENTINEL\n", "sub/.env.local": "K=SENTINEL\n", "app.py": "1\n",
                        ".gitignore": "*.log\n", "x.log": "x",
                    ])
                let all = try await hub.stoker("space", "upload", Self.space, "app", "--include", "*")
                #expect(all.exit == .code(0), "\(all.tail)")
                #expect(all.output.contains("left out .env, sub/.env.local"), "\(all.output)")
                #expect(all.output.contains(".gitignore, line 1"), "\(all.output)")
                #expect(try await !files(hub).contains { $0.contains(".env") })
                let named = try await hub.stoker(
                    "space", "upload", Self.space, "app", "--include", "*", "--include", "sub/.env.local")
                #expect(named.errors.contains("warning: sub/.env.local looks like a secret"), "\(named.errors)")
                #expect(try await files(hub).contains("sub/.env.local"))
                let nothing = try await hub.stoker("space", "upload", Self.space, "app", "--include", "*.htm")
                #expect(nothing.exit == .code(2))
                #expect(
                    !nothing.errors.contains("has these files already")
                        && nothing.errors.contains("no pattern to include"))
                let file = try await hub.stoker("space", "upload", Self.space, "app/app.py", "--delete", "*", "--yes")
                #expect(file.exit == .code(2), "one file is no folder to compare with")
            }
        }

        @Test func whatWouldBreakIsToldAndRefused() async throws {
            try await HubScratch.with("strict") { hub in
                let folder = try folder(hub, ["run.sh": "#!/bin/sh\n", "README.md": "# No front matter\n"])
                let before = try await hub.state(Self.space).head.string
                let plain = try await hub.stoker("space", "upload", Self.space, "app")
                #expect(plain.exit == .code(2), "\(plain.tail)")
                #expect(plain.errors.contains("would be CONFIG_ERROR") && plain.errors.contains("--keep-front-matter"))
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/run.sh")
                let strict = try await hub.stoker(
                    "space", "upload", Self.space, "app", "--strict", "--keep-front-matter", "--yes")
                #expect(strict.exit == .code(2) && strict.errors.contains("executable"), "\(strict.tail)")
                #expect(try await hub.state(Self.space).head.string == before, "nothing was sent")

                let mended = try await hub.json("space", "upload", Self.space, "app", "--keep-front-matter")
                #expect(mended.warnings.array.compactMap(\.kind.string) == ["mended", "executable"])
                let old = try await files(hub)
                let asked = try await hub.stoker(
                    "space", "upload", Self.space, "app", "--delete", "*", "--keep-front-matter")
                #expect(asked.exit == .code(2) && asked.errors.contains("Dockerfile"), "\(asked.tail)")
                #expect(try await files(hub) == old)
            }
        }

        /// Git alone knows that a file there is executable.
        @Test func anExecutableOfTheHubIsAskedOfGit() async throws {
            try await HubScratch.with("modes") { hub in
                let clone = hub.scratch.path + "/clone"
                let url = hub.endpoint.replacing("://", with: "://maren:\(HubScratch.token)@") + "/spaces/" + Self.space
                let script = """
                    set -e; git clone -q \(url) \(clone); cd \(clone); printf '#!/bin/sh\\n' >run.sh; chmod +x run.sh; git add -A
                    git -c user.name=t -c user.email=t@example.org -c commit.gpgsign=false commit -qm x; git push -q
                    """
                let pushed = try await hub.scratch.run("sh", ["-c", script], environment: ["GIT_LFS_SKIP_SMUDGE": "1"])
                try #require(pushed.exit == .code(0), "\(pushed.tail)")
                _ = try folder(hub, ["run.sh": "#!/bin/sh\necho\n"])
                let upload = try await hub.json("space", "upload", Self.space, "app")
                #expect(upload.warnings.array.compactMap(\.kind.string) == ["executable"])
                #expect(upload.warnings.array.first?.text.string?.contains("executable on the Hub") == true)
            }
        }

        @Test func severalCommandsAtOnceForgetNothing() async throws {
            try await HubScratch.with("prints") { hub in
                let names = ["A", "B", "C", "D", "E"]
                try await hub.admin("spaces", #"{"id": "maren/still", "sdk": "docker", "stage": "PAUSED"}"#)
                try await withThrowingTaskGroup(of: StokerProcess.self) { group in
                    for name in names {
                        // In other capitals than the Hub's.
                        group.addTask {
                            try await hub.stoker("space", "secrets", "add", "Maren/Still", "-s", "\(name)=v-\(name)")
                        }
                    }
                    for try await child in group { #expect(child.exit == .code(0), "\(child.tail)") }
                }
                let again = try await hub.json(
                    "space", "secrets", "add", "maren/still", "-s", "A=v-A", "-s", "B=v-B", "-s", "C=v-C", "-s",
                    "D=v-D", "-s", "E=v-E")
                #expect(again.unchanged.array.compactMap(\.string) == names)

                let prints = hub.scratch.path + "/data/secret-prints.json"
                try Data("{\"key\":".utf8).write(to: URL(fileURLWithPath: prints))
                let told = try await hub.stoker("space", "secrets", "add", "maren/still", "-s", "A=v-A")
                #expect(told.exit == .code(0) && told.errors.contains("secret-prints.json.damaged"), "\(told.tail)")
                #expect(FileManager.default.fileExists(atPath: prints + ".damaged"))
                #expect(
                    try await hub.json("space", "secrets", "add", "maren/still", "-s", "A=v-A").way.string == "nothing")
            }
        }

        @Test func whatIsASecretIsNotShownAndNotMadePublic() async throws {
            try await HubScratch.with("values") { hub in
                let file = try hub.scratch.write("COLOR=#hidden\nKEY=-----BEGIN x-----\nhiddenhidden\n", to: "bad.env")
                for arguments in [
                    ["--env-file", file], ["-s", "hidden-one"], ["-s", "postgres://hidden@x/?a=b"], ["hidden"],
                    ["-shidden=1"], ["-s", "=hidden"], ["--env-file", "K=hidden"],
                ] {
                    let child = try await hub.scratch.run(
                        Binary.path, ["space", "secrets", "add", Self.space] + arguments, environment: hub.environment()
                    )
                    #expect(child.exit == .code(2), "\(arguments)")
                    #expect(!child.errors.contains("hidden") && !child.output.contains("hidden"), "\(child.tail)")
                }
                let value = "hf_hiddenhiddenhidden"
                let refused = try await hub.stoker("space", "variables", "add", Self.space, "-e", "MODEL=\(value)")
                #expect(refused.exit == .code(2) && refused.errors.contains("looks like a secret"), "\(refused.tail)")
                #expect(try await hub.state(Self.space).variables["MODEL"] == .null)
                #expect(!refused.errors.contains(value))
                let sure = try await hub.stoker(
                    "space", "variables", "add", Self.space, "-e", "MODEL=\(value)", "--yes")
                #expect(sure.exit == .code(0), "\(sure.tail)")
                let both = try await hub.stoker("space", "secrets", "add", Self.space, "-s", "MODEL=x")
                #expect(both.exit == .code(3) && both.errors.contains("variables delete"), "\(both.tail)")
                let new = try await hub.stoker(
                    "space", "create", "maren/both", "--sdk", "docker", "-s", "A=1", "-e", "A=2")
                #expect(new.exit == .code(3), "\(new.tail)")
            }
        }
    }
}
