import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// The verbs that users of the official command line reach for.
    @Suite(.timeLimit(.minutes(2))) struct SpaceVerbsTests {
        private static let space = "maren/orbit-api"

        @Test func whoSeesItAndWhenItSleeps() async throws {
            try await HubScratch.with("settings") { hub in
                let hidden = try await hub.json("space", "settings", Self.space, "--private")
                #expect(hidden.visibility.string == "private" && hidden.changed == .bool(true))
                #expect(try await hub.json("space", "info", Self.space).visibility.string == "private")
                #expect(try await hub.json("space", "settings", Self.space, "--private").changed == .bool(false))
                let unasked = try await hub.stoker("space", "settings", Self.space, "--public")
                #expect(unasked.exit == .code(2) && unasked.errors.contains("--yes"), "\(unasked.tail)")
                _ = try await hub.json("space", "settings", Self.space, "--public", "--yes")
                #expect(try await hub.json("space", "info", Self.space).visibility.string == "public")
                #expect(try await hub.stoker("space", "settings", Self.space).exit == .code(2))
                #expect(try await hub.stoker("space", "settings", Self.space, "--public", "--private").exit == .code(2))

                _ = try await hub.json("space", "hardware", "set", Self.space, "t4-small", "--yes")
                #expect(try await hub.json("space", "sleep-time", Self.space, "3600").sleep_seconds.int == 3_600)
                for never in [["never"], ["-1"], ["--", "-1"]] {
                    _ = try await hub.json("space", "sleep-time", Self.space, "1h")
                    let child = try await hub.scratch.run(
                        Binary.path, ["space", "sleep-time", Self.space, "--json"] + never,
                        environment: hub.environment())
                    #expect(child.exit == .code(0), "\(never): \(child.tail)")
                    #expect(try ClientCommandTests.json(child).sleep_seconds == .null)
                }
                #expect(
                    try await hub.json("space", "settings", Self.space, "--sleep-time", "600").sleep_seconds.int == 600)
                let odd = try await hub.stoker("space", "sleep-time", Self.space, "soon")
                #expect(odd.exit == .code(2) && odd.errors.contains("a number of seconds"), "\(odd.tail)")
                let reboot = try await hub.stoker("space", "restart", Self.space, "--factory-reboot")
                #expect(reboot.exit == .code(0), "\(reboot.tail)")
            }
        }

        @Test func filesAreFetchedAndDeleted() async throws {
            try await HubScratch.with("files") { hub in
                let folder = hub.scratch.path + "/app"
                try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
                for name in ["a[1].txt", "data/one", "data/two", "keep"] {
                    try hub.scratch.write("\(name)\n", to: "app/" + name)
                }
                _ = try await hub.json("space", "upload", Self.space, "app")
                func there() async throws -> Set<String> {
                    Set(try await hub.json("space", "files", Self.space).files.array.compactMap(\.path.string))
                }
                let all = try await there()
                let got = try await hub.json("space", "download", Self.space, "-o", "copy")
                #expect(Set(got.files.array.compactMap(\.string)) == all)
                #expect(got.commit.string == (try await hub.state(Self.space).head.string))
                #expect(
                    try String(contentsOfFile: hub.scratch.path + "/copy/data/two", encoding: .utf8) == "data/two\n")
                let again = try await hub.json("space", "download", Self.space, "-o", "copy")
                #expect(again.received_bytes.int == 0 && again.replaced.array.isEmpty)
                // What somebody changed here is not lost unasked.
                try hub.scratch.write("mine\n", to: "copy/keep")
                try hub.scratch.write("own\n", to: "copy/own")
                let refused = try await hub.stoker("space", "download", Self.space, "-o", "copy")
                #expect(refused.exit == .code(2) && refused.errors.contains("--yes"), "\(refused.tail)")
                #expect(try String(contentsOfFile: hub.scratch.path + "/copy/keep", encoding: .utf8) == "mine\n")
                let sure = try await hub.json("space", "download", Self.space, "-o", "copy", "--yes")
                #expect(sure.replaced.array.map(\.string) == ["keep"])
                #expect(try String(contentsOfFile: hub.scratch.path + "/copy/keep", encoding: .utf8) == "keep\n")
                #expect(FileManager.default.fileExists(atPath: hub.scratch.path + "/copy/own"))
                let some = try await hub.json("space", "download", Self.space, "data", "a[1].txt")
                #expect(Set(some.files.array.compactMap(\.string)) == ["data/one", "data/two", "a[1].txt"])
                #expect(some.folder.string == "orbit-api")
                let missing = try await hub.stoker("space", "download", Self.space, "kep")
                #expect(missing.exit == .code(2) && missing.errors.contains("did you mean keep?"), "\(missing.tail)")

                let unasked = try await hub.stoker("space", "delete-files", Self.space, "keep")
                #expect(unasked.exit == .code(2) && unasked.errors.contains("--yes"), "\(unasked.tail)")
                let idle = try await hub.stoker("space", "delete-files", Self.space, "keep", "data", "--yes")
                #expect(idle.exit == .code(2) && idle.errors.contains("write data/"), "\(idle.tail)")
                #expect(try await there() == all, "nothing was deleted")
                let gone = try await hub.json("space", "delete-files", Self.space, "data/", "a[1].txt", "--yes")
                #expect(Set(gone.deleted.array.compactMap(\.string)) == ["data/one", "data/two", "a[1].txt"])
                #expect(try await there() == all.subtracting(["data/one", "data/two", "a[1].txt"]))
                let proposed = try await hub.json("space", "delete-files", Self.space, "keep", "--create-pr")
                #expect(proposed.pull_request.string?.contains("/discussions/") == true)
                #expect(try await there().contains("keep"))
            }
        }

        @Test func branchesTagsAndSearch() async throws {
            try await HubScratch.with("refs") { hub in
                let head = try await hub.state(Self.space).head.string
                #expect(
                    try await hub.json("space", "tag", "create", Self.space, "v1", "-m", "first").created == .bool(true)
                )
                let twice = try await hub.stoker("space", "tag", "create", Self.space, "v1")
                #expect(twice.exit == .code(3), "\(twice.tail)")
                #expect(
                    try await hub.json("space", "tag", "create", Self.space, "v1", "--exist-ok").created == .bool(false)
                )
                _ = try await hub.json("space", "branch", "create", Self.space, "next", "--revision", "v1")
                let branches = try await hub.json("space", "branch", "list", Self.space)
                #expect(branches.refs.array.compactMap(\.name.string) == ["main", "next"])
                #expect(branches.refs.array.allSatisfy { $0.commit.string == head })
                let tags = try await hub.stoker("space", "tag", "ls", Self.space, "--format", "quiet")
                #expect(tags.outputLines == ["v1"])
                #expect(try await hub.stoker("space", "branch", "delete", Self.space, "next").exit == .code(2))
                for word in ["branch", "tag"] {
                    let name = word == "tag" ? "v1" : "next"
                    #expect(
                        try await hub.json("space", word, "delete", Self.space, name, "--yes").deleted == .bool(true))
                    #expect(
                        try await hub.json("space", word, "delete", Self.space, name, "--yes", "--missing-ok").deleted
                            == .bool(false))
                }
                let found = try await hub.json("space", "search", "orbit", "api")
                #expect(found.spaces.array.compactMap(\.space.string).contains(Self.space))
            }
        }

        @Test func whatComesNextFitsTheState() async throws {
            try await HubScratch.with("next") { hub in
                let made = try await hub.stoker("space", "create", "maren/empty", "--sdk", "docker")
                #expect(made.errors.contains("Next: stoker space upload maren/empty FOLDER"), "\(made.tail)")
                let there = try await hub.stoker("space", "create", "maren/empty", "--sdk", "docker", "--exist-ok")
                #expect(!there.errors.contains("Next:"), "\(there.tail)")
                for words in [["variables", "add", "maren/empty", "-e", "A=1"], ["restart", "maren/empty"]] {
                    let child = try await hub.scratch.run(
                        Binary.path, ["space"] + words, environment: hub.environment())
                    #expect(child.exit == .code(0), "\(child.tail)")
                    #expect(!child.errors.contains("space wait"), "nothing will run: \(child.tail)")
                }
                _ = try await hub.json("space", "pause", Self.space)
                let folder = hub.scratch.path + "/app"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try hub.scratch.write("x\n", to: "app/x")
                let upload = try await hub.stoker("space", "upload", Self.space, "app")
                #expect(upload.errors.contains("Next: stoker space restart"), "\(upload.tail)")
                let streamlit = try await hub.stoker("space", "create", "maren/st", "--sdk", "streamlit")
                #expect(streamlit.exit == .code(2))
                #expect(streamlit.errors.contains("give docker, with the template streamlit/streamlit-template-space"))
                #expect(streamlit.errors.contains("streamlit run app.py"), "\(streamlit.tail)")
            }
        }

        @Test(arguments: [
            (["space", "list", "--format", "xml"], "auto, human, json or quiet"),
            (["space", "list", "--format", "JSON"], "auto, human, json or quiet"),
            (["space", "list", "--format", "agent"], "--format json"),
            (["space", "list", "--format"], "<auto|human|json|quiet>"),
            (["space", "list", "--json", "--format", "quiet"], "exclude each other"),
        ])
        func anUnknownFormatIsToldWithThoseThereAre(words: [String], said: String) async throws {
            try await Scratch.with("format") { scratch in
                let child = try await scratch.run(Binary.path, words)
                #expect(child.exit == .code(2), "\(child.tail)")
                #expect(child.errors.contains(said), "\(child.tail)")
            }
        }
    }
}
