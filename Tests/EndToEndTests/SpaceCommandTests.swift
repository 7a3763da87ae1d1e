import Foundation
import NIOHTTP1
import TestSupport
import Testing

/// A simulated Hub of the same program, and commands that talk to it.
struct HubScratch: Sendable {
    static let token = "hf_maren"
    let scratch: Scratch
    let endpoint: String

    static func with(
        _ name: String, scene: String = "small", speed: Int = 20, _ body: (HubScratch) async throws -> Void
    ) async throws {
        try await Scratch.with(name) { scratch in
            let child = try scratch.start(
                Binary.path, ["hub-simulator", "--port", "0", "--scene", scene, "--speed", "\(speed)"], name: "hub")
            let line = try await child.waitForLine("the simulated Hub") { $0.hasPrefix("stoker: simulating ") }
            try await body(HubScratch(scratch: scratch, endpoint: String(line.dropFirst(19))))
        }
    }

    func stoker(_ arguments: String..., token: String? = token, environment: [String: String] = [:]) async throws
        -> StokerProcess
    {
        try await scratch.run(Binary.path, arguments, environment: self.environment(token, environment))
    }

    func environment(_ token: String? = token, _ more: [String: String] = [:]) -> [String: String] {
        var all = ["HF_ENDPOINT": endpoint, "STOKER_DATA": scratch.path + "/data"]
        all["HF_TOKEN"] = token
        return all.merging(more) { $1 }
    }

    /// Runs a command on a terminal and types an answer.
    func onTerminal(_ command: String, answer: String) async throws -> StokerProcess {
        let typed = try scratch.write(answer, to: "typed")
        return try await scratch.run(
            "/usr/bin/script", ["-qec", "\(Binary.path) \(command)", "/dev/null"], environment: environment(),
            input: typed)
    }

    func json(_ arguments: String..., token: String? = token) async throws -> JSON {
        let child = try await scratch.run(Binary.path, arguments + ["--json"], environment: environment(token))
        #expect(child.exit == .code(0), "\(arguments): \(child.tail)")
        return try JSONDecoder().decode(JSON.self, from: Data(child.output.utf8))
    }

    func admin(_ path: String, _ body: String) async throws {
        let reply = try await HTTP.call(endpoint + "/-/admin/" + path, method: .POST, body: body)
        #expect(reply.status == 200, "\(path): \(reply.status)")
    }

    /// The simulator's own view of a Space.
    func state(_ space: String) async throws -> JSON { try await HTTP.call(endpoint + "/-/admin/spaces/" + space).json }
}

extension EndToEnd {
    /// `stoker space …` and `stoker whoami` as a person uses them, against a simulated Hub.
    @Suite(.timeLimit(.minutes(2))) struct SpaceCommandTests {
        @Test func everySubcommandHasExamplesAndItsOptionsAreDocumented() async throws {
            let source = URL(fileURLWithPath: #filePath)
            let root = source.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            let page = try String(contentsOf: root.appendingPathComponent("docs/cli.md"), encoding: .utf8)
            let sections = page.components(separatedBy: "\n## ")
            let lines = page.split(separator: "\n")
            try await Scratch.with("tree") { scratch in
                let tree = try ClientCommandTests.json(try await scratch.stoker("--experimental-dump-help"))
                let space = try #require(tree.command.subcommands.array.first { $0.commandName.string == "space" })
                var seen = 0
                func visit(_ command: JSON, _ path: String, row: String?) throws {
                    let row = try #require(
                        row ?? lines.first { $0.hasPrefix("| `\(path)") }.map(String.init), "docs/cli.md has no \(path)"
                    )
                    #expect((command.discussion.string ?? "").contains("EXAMPLES\n  stoker \(path)"), "\(path)")
                    for line in (command.discussion.string ?? "").split(separator: "\n") where line.hasPrefix("  ") {
                        #expect(line.count <= 80, "\(line)")
                    }
                    for argument in command.arguments.array {
                        for option in argument.names.array where option.kind.string == "long" {
                            let long = "--" + (option.name.string ?? "")
                            #expect(row.contains(long) || sections[1].contains(long), "docs/cli.md: \(path) \(long)")
                        }
                    }
                    seen += 1
                    for child in command.subcommands.array where child.commandName.string != "help" {
                        try visit(child, "\(path) \(child.commandName.string ?? "")", row: row)
                    }
                }
                for command in space.subcommands.array where command.commandName.string != "help" {
                    try visit(command, "space \(command.commandName.string ?? "")", row: nil)
                }
                #expect(seen >= 30)
            }
        }

        @Test func aFleetIsLookedAt() async throws {
            try await HubScratch.with("look") { hub in
                let list = try await hub.json("space", "list")
                #expect(
                    Set(list.spaces.array.compactMap(\.space.string))
                        == ["maren/orbit-api", "maren/Notes.Board_v2", "maren/worker"])
                let asleep = try await hub.json("space", "ls", "--stage", "sleeping")
                #expect(asleep.spaces.array.compactMap(\.space.string) == ["maren/Notes.Board_v2"])
                let info = try await hub.json("space", "info", hub.endpoint + "/spaces/maren/orbit-api")
                #expect(info.sdk.string == "docker")
                #expect(info.runtime.stage.string == "RUNNING")
                let runtime = try await hub.json("space", "runtime", "orbit-api")
                #expect(runtime.space.string == "maren/orbit-api", "a name alone is one's own")
                #expect(runtime.commit.string == info.commit.string)
                let files = try await hub.json("space", "files", "maren/orbit-api")
                #expect(files.files.array.compactMap(\.path.string).contains("Dockerfile"))
                let hardware = try await hub.json("space", "hardware")
                let t4 = try #require(hardware.hardware.array.first { $0.flavor.string == "t4-small" })
                #expect(t4.dollars_per_hour.double == 0.4)
                let address = try await hub.json("space", "open", "maren/orbit-api", "--app", "--print")
                #expect(address.address.string?.contains("maren-orbit-api.") == true)
                for space in ["maren/orbit-api", "maren/worker", "kestrel-labs/landing"] {
                    let health = try await hub.json("space", "health", space)
                    #expect(health.healthy == .bool(true), "\(space)")
                    #expect(health.app.status_code.int == 200)
                }
                let hidden = try await hub.stoker("space", "health", "maren/worker", token: nil)
                #expect(hidden.exit == .code(2), "\(hidden.tail)")
                try await hub.admin(
                    "spaces/maren/orbit-api/domain", #"{"name": "api.orbit.example", "stage": "PENDING"}"#)
                let domains = try await hub.stoker("space", "domains", "maren/orbit-api")
                #expect(domains.output.contains("api.orbit.example. CNAME hf.space."), "\(domains.tail)")
            }
        }

        @Test func secretsAreWrittenInOneGoAndNeverShown() async throws {
            try await HubScratch.with("secrets") { hub in
                let file = try hub.scratch.write("A=first-hidden\nB=\"second hidden\"\n", to: "s.env")
                let before = try await hub.state("maren/orbit-api").restarts.int ?? 0
                let dry = try await hub.json(
                    "space", "secrets", "add", "maren/orbit-api", "--env-file", file, "--dry-run")
                #expect(dry.way.string == "paused-meanwhile")
                #expect(try await hub.state("maren/orbit-api").secrets["A"] == .null)

                let first = try await hub.stoker(
                    "space", "secrets", "add", "maren/orbit-api", "--env-file", file, "-s", "C",
                    environment: ["C": "third-hidden"])
                #expect(first.exit == .code(0), "\(first.tail)")
                #expect(first.output.contains("restarted once"))
                let after = try await hub.state("maren/orbit-api")
                #expect(after.secrets.keys == ["A", "B", "C"])
                #expect(after.restarts.int == before + 1)

                let again = try await hub.json("space", "secrets", "add", "maren/orbit-api", "--env-file", file)
                #expect(again.way.string == "nothing")
                #expect(again.unchanged.array.compactMap(\.string) == ["A", "B"])

                let list = try await hub.json("space", "secrets", "list", "maren/orbit-api")
                #expect(list.secrets.array.map(\.drifted) == [.bool(false), .bool(false), .bool(false)])

                let refused = try await hub.stoker("space", "secrets", "delete", "maren/orbit-api", "A")
                #expect(refused.exit == .code(2))
                #expect(refused.errors.contains("--yes"))
                let deleted = try await hub.json("space", "secrets", "delete", "maren/orbit-api", "A", "NOPE", "--yes")
                #expect(deleted.deleted.array.compactMap(\.string) == ["A"])
                #expect(deleted.unchanged.array.compactMap(\.string) == ["NOPE"])

                let odd = try await hub.stoker(
                    "space", "secrets", "add", "maren/orbit-api", "-s", "9X=v", "-s", "MISSING")
                #expect(odd.exit == .code(2))

                for name in try FileManager.default.contentsOfDirectory(atPath: hub.scratch.path)
                where name.hasSuffix(".stdout") || name.hasSuffix(".stderr") {
                    let text = try String(contentsOfFile: hub.scratch.path + "/" + name, encoding: .utf8)
                    #expect(!text.contains("hidden"), "\(name)")
                    if !name.contains("hub") { #expect(!text.contains(HubScratch.token), "\(name)") }
                }
                let data = hub.scratch.path + "/data"
                let kept = try FileManager.default.contentsOfDirectory(atPath: data).filter {
                    $0.hasPrefix("stoker.sqlite")
                }
                #expect(kept.contains("stoker.sqlite"))
                for name in kept {
                    let file = try Data(contentsOf: URL(fileURLWithPath: "\(data)/\(name)"))
                    #expect(file.firstRange(of: Data("hidden".utf8)) == nil, "\(name)")
                    let rights = try FileManager.default.attributesOfItem(atPath: "\(data)/\(name)")[.posixPermissions]
                    #expect(rights as? Int == 0o600, "\(name)")
                }
            }
        }

        @Test func aStaticSpacesSecretsAreAWarningFirst() async throws {
            try await HubScratch.with("static") { hub in
                let child = try await hub.stoker("space", "secrets", "add", "kestrel-labs/landing", "-s", "KEY=value")
                #expect(child.exit == .code(2), "\(child.tail)")
                #expect(child.errors.contains("every visitor"))
                #expect(try await hub.state("kestrel-labs/landing").secrets["KEY"] == .null)
                let sure = try await hub.stoker(
                    "space", "secrets", "add", "kestrel-labs/landing", "-s", "KEY=v", "--yes")
                #expect(sure.exit == .code(0), "\(sure.tail)")
                #expect(sure.errors.contains("every visitor"), "the warning stays")
            }
        }

        /// It is files without a container: whatever needs one says so, and what to do in its place.
        @Test func whatAStaticSpaceHasNotIsSaidPlainly() async throws {
            try await HubScratch.with("no-container") { hub in
                let space = "kestrel-labs/landing"
                for command in [
                    ["logs"], ["logs", "--build"], ["logs", "--follow"], ["restart"], ["restart", "--factory-reboot"],
                    ["pause"], ["sleep-time", "1h"], ["hardware", "set", "t4-small", "--yes"], ["dev-mode"],
                ] {
                    var arguments = ["space"] + command
                    arguments.insert(space, at: command.first == "hardware" ? 3 : 2)
                    let child = try await hub.scratch.run(Binary.path, arguments, environment: hub.environment())
                    #expect(child.exit != .code(0), "\(command)")
                    #expect(
                        child.errors.contains("is a static Space: its files are served without a container"),
                        "\(command): \(child.errors)")
                    #expect(child.errors.contains("stoker space health \(space)"), "\(child.errors)")
                }
                let missing = try await hub.stoker("space", "health", space, "--path", "/nothing")
                #expect(missing.exit == .code(1) && missing.output.contains("stoker space files \(space)"))
                #expect(!missing.output.contains("restart"), "\(missing.output)")
                let wait = try await hub.stoker(
                    "space", "wait", space, "--path", "/nothing", "--timeout", "2s", "--every", "1s")
                #expect(wait.exit != .code(0) && wait.errors.contains("404"), "\(wait.tail)")
                #expect(!wait.errors.contains("space logs"), "\(wait.tail)")
                let there = try await hub.stoker("space", "wait", space, "--timeout", "10s")
                #expect(there.exit == .code(0), "\(there.tail)")
            }
        }

        @Test func whatKeepsAPushFromComingAboutIsNamed() async throws {
            try await HubScratch.with("push-refused") { hub in
                try FileManager.default.createDirectory(
                    atPath: hub.scratch.path + "/plain", withIntermediateDirectories: true)
                let environment = ["GIT_CEILING_DIRECTORIES": hub.scratch.path, "GIT_TERMINAL_PROMPT": "0"]
                let plain = try await hub.stoker("space", "push", "maren/orbit-api", "plain", environment: environment)
                #expect(plain.exit == .code(2) && plain.errors.contains("is no working copy of git"), "\(plain.tail)")
                let made = try await hub.scratch.run(
                    "sh",
                    [
                        "-c",
                        "git init -q work && git -C work -c user.name=t -c user.email=t@example.org -c commit.gpgsign=false commit -q --allow-empty -m x",
                    ])
                try #require(made.exit == .code(0), "\(made.tail)")
                let missing = try await hub.stoker("space", "push", "maren/nothere", "work", environment: environment)
                #expect(
                    missing.exit != .code(0) && missing.errors.contains("the Hub has no such Space for this token"),
                    "\(missing.tail)")
            }
        }

        @Test func variablesVolumesAndHardwareAreChanged() async throws {
            try await HubScratch.with("change") { hub in
                let space = "maren/orbit-api"
                let set = try await hub.json("space", "variables", "add", space, "-e", "MODE=live")
                #expect(set.way.string == "direct")
                let list = try await hub.json("space", "variables", "list", space)
                #expect(list.variables[0].value.string == "live")
                let mounted = try await hub.json(
                    "space", "volumes", "add", space, "hf://datasets/maren/facts:/facts")
                #expect(mounted.changed == .bool(true))
                #expect(
                    try await hub.json("space", "volumes", "add", space, "hf://datasets/maren/facts:/facts").changed
                        == .bool(false))
                #expect(
                    try await hub.json("space", "volumes", "delete", space, "/facts", "--yes").volumes.array.isEmpty)
                let own = try await hub.json("space", "hardware", space)
                #expect(own.current.string == "cpu-basic" && own.requested.string == "cpu-basic")
                let forgotten = try await hub.stoker("space", "hardware", space, "t4-small")
                #expect(forgotten.exit == .code(2))
                #expect(forgotten.errors.contains("stoker space hardware set \(space) t4-small"))
                let unknown = try await hub.stoker("space", "hardware", "set", space, "t4-smal")
                #expect(unknown.exit == .code(2))
                #expect(unknown.errors.contains("t4-small"))
                let unasked = try await hub.stoker("space", "hardware", "set", space, "t4-small")
                #expect(unasked.exit == .code(2))
                #expect(unasked.errors.contains("--yes"))
                let hardware = try await hub.json("space", "hardware", "set", space, "t4-small", "--yes")
                #expect(hardware.hardware.requested.string == "t4-small")
                #expect(try await hub.json("space", "sleep-time", space, "1h").sleep_seconds.int == 3_600)
                let kept = try await hub.stoker("space", "sleep-time", "maren/worker", "1h")
                #expect(kept.exit == .code(1), "cpu-basic keeps its own: \(kept.tail)")
                #expect(kept.output.contains("cpu-basic"))
            }
        }

        @Test func aSpaceIsPausedRestartedWokenAndWaitedFor() async throws {
            try await HubScratch.with("act") { hub in
                let space = "maren/orbit-api"
                #expect(try await hub.json("space", "pause", space).stage.string == "PAUSED")
                let waited = try await hub.stoker("space", "wait", space, "--every", "200ms", "--json")
                #expect(waited.exit == .code(1), "\(waited.tail)")
                #expect(try ClientCommandTests.json(waited).hint.string?.contains("space restart") == true)
                let woken = try await hub.stoker("space", "wake", space)
                #expect(woken.exit == .code(3))
                #expect(woken.errors.contains("restart"))

                // The answer is lost after the effect; it must not be done twice.
                try await hub.admin(
                    "faults", #"{"kind": "lost", "method": "POST", "path": "/api/spaces/*/*/restart"}"#)
                let before = try await hub.state(space).restarts.int ?? 0
                let restart = try await hub.json("space", "restart", space)
                #expect(restart.note.string?.contains("lost") == true)
                #expect(try await hub.state(space).restarts.int == before + 1)
                let ready = try await hub.json("space", "wait", space, "--every", "200ms")
                #expect(ready.ready == .bool(true))
                #expect(ready.commit.string == ready.running_commit.string)
                let awake = try await hub.json("space", "wake", "maren/Notes.Board_v2")
                #expect(awake.stage.string != "SLEEPING")

                try await hub.admin("spaces/\(space)/action", #"{"action": "flag"}"#)
                let flagged = try await hub.stoker("space", "restart", space)
                #expect(flagged.exit == .code(3))
                #expect(flagged.errors.contains("moderation"), "\(flagged.tail)")
            }
        }

        @Test func logsAreFollowedThroughARestart() async throws {
            try await HubScratch.with("logs") { hub in
                let space = "maren/orbit-api"
                let build = try await hub.json("space", "logs", space, "--build", "--lines", "2")
                #expect(build.lines.array.count == 2)
                let follower = try hub.scratch.start(
                    Binary.path, ["space", "logs", space, "--follow", "--json"], environment: hub.environment(),
                    name: "follow")
                try await hub.admin("spaces/\(space)/log", #"{"text": "before the restart\n"}"#)
                try await follower.waitForLine("the line before") { $0.contains("before the restart") }
                try await hub.admin("spaces/\(space)/action", #"{"action": "cut-logs"}"#)
                _ = try await hub.json("space", "restart", space)
                _ = try await hub.json("space", "wait", space, "--every", "200ms")
                try await hub.admin("spaces/\(space)/log", #"{"text": "after the restart\n"}"#)
                try await follower.waitForLine("the line after", within: .seconds(40)) {
                    $0.contains("after the restart")
                }
                #expect(follower.outputLines.count { $0.contains("before the restart") } == 1, "each line once")
                for line in follower.outputLines { _ = try JSONDecoder().decode(JSON.self, from: Data(line.utf8)) }
            }
        }

        @Test func aSpaceIsMadeShippedMovedAndDeleted() async throws {
            try await HubScratch.with("ship") { hub in
                let made = try await hub.json(
                    "space", "create", "maren/fresh", "--sdk", "docker", "--private", "-e", "MODE=live")
                #expect(made.created == .bool(true))
                let again = try await hub.stoker("space", "create", "maren/fresh", "--sdk", "docker")
                #expect(again.exit == .code(3))
                #expect(again.errors.contains("--exist-ok"))
                #expect(
                    try await hub.json("space", "create", "maren/fresh", "--sdk", "docker", "--exist-ok").created
                        == .bool(false))

                try FileManager.default.createDirectory(
                    atPath: hub.scratch.path + "/app", withIntermediateDirectories: true)
                try hub.scratch.write("FROM scratch\n", to: "app/Dockerfile")
                try hub.scratch.write(
                    "---\ntitle: Fresh\nemoji: 🛰️\ncolorFrom: indigo\ncolorTo: gray\nsdk: docker\n---\n",
                    to: "app/README.md")
                let shipped = try await hub.stoker(
                    "space", "upload", "maren/fresh", "app", "--wait", "--json", "--message", "first")
                #expect(shipped.exit == .code(0), "\(shipped.tail)")
                let upload = try ClientCommandTests.json(shipped)
                #expect(upload.written.int == 2)
                #expect(upload.wait.running_commit.string == upload.commit.string)
                #expect(try await hub.json("space", "upload", "maren/fresh", "app").commits.array.isEmpty)
                // What a fleet's secrets stand in is not published by the way.
                try hub.scratch.write("TOKEN=s3cret\n", to: "app/.env")
                let left = try await hub.json("space", "upload", "maren/fresh", "app")
                #expect(left.commits.array.isEmpty && left.skipped.array.map(\.path.string) == [".env"])
                let named = try await hub.stoker("space", "list", "--limit", "x")
                #expect(named.errors.contains("see `stoker space list --help`"))

                let copy = try await hub.json("space", "duplicate", "maren/fresh", "maren/copy", "--private")
                #expect(copy.created == .bool(true))
                let moved = try await hub.json("space", "move", "maren/copy", "maren/moved", "--yes")
                #expect(moved.address.string?.contains("maren-moved") == true)
                #expect(try await hub.stoker("space", "delete", "maren/moved").exit == .code(2))
                #expect(try await hub.json("space", "delete", "maren/moved", "--yes").deleted == .bool(true))
                #expect(
                    try await hub.json("space", "delete", "maren/moved", "--yes", "--missing-ok").deleted
                        == .bool(false))
            }
        }

        @Test func changesAreProposedAndNamesThatCannotBeBothAreTold() async throws {
            try await HubScratch.with("propose") { hub in
                let space = "maren/orbit-api"
                let folder = hub.scratch.path + "/app"
                try FileManager.default.createDirectory(atPath: folder + "/sub", withIntermediateDirectories: true)
                try hub.scratch.write("one\n", to: "app/thing")
                try hub.scratch.write("two\n", to: "app/sub/deep")
                let head = try await hub.state(space).head.string
                // The answer is lost after the effect: the same pull request is found, and no second one opened.
                try await hub.admin(
                    "faults", #"{"kind": "lost", "method": "POST", "path": "/api/spaces/*/*/commit/*"}"#)
                let proposed = try await hub.json("space", "upload", space, "app", "--create-pr")
                #expect(proposed.pull_request.string?.hasSuffix("/discussions/1") == true)
                #expect(try await hub.state(space).head.string == head, "the app stays as it is")
                // Whoever may read may propose.
                let other = try await hub.json("space", "upload", "tobi/first-try", "app", "--create-pr")
                #expect(other.pull_request.string?.hasSuffix("/discussions/1") == true)
                #expect(try await hub.stoker("space", "upload", space, "app", "--create-pr", "--wait").exit == .code(2))

                #expect(try await hub.stoker("space", "upload", space, "app").exit == .code(0))
                func turn(_ path: String, intoFolder: Bool) throws {
                    try FileManager.default.removeItem(atPath: "\(folder)/\(path)")
                    if intoFolder {
                        try FileManager.default.createDirectory(
                            atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
                    }
                    try hub.scratch.write("other\n", to: "app/\(path)\(intoFolder ? "/inner" : "")")
                }
                for (path, intoFolder, pattern) in [
                    ("thing", true, "thing"), ("thing", false, "thing/*"), ("sub/deep", true, "sub/deep"),
                    ("sub/deep", false, "sub/deep/*"),
                ] {
                    try turn(path, intoFolder: intoFolder)
                    let before = try await hub.state(space).head.string
                    let refused = try await hub.stoker("space", "upload", space, "app")
                    #expect(refused.exit == .code(2), "\(path): \(refused.tail)")
                    #expect(refused.errors.contains("--delete \"\(pattern)\""), "\(refused.tail)")
                    #expect(try await hub.state(space).head.string == before)
                    let mended = try await hub.stoker("space", "upload", space, "app", "--delete", pattern, "--yes")
                    #expect(mended.exit == .code(0), "\(path): \(mended.tail)")
                    let files = try await hub.stoker("space", "files", space, "--format", "quiet")
                    #expect(files.outputLines.contains(intoFolder ? path + "/inner" : path))
                    #expect(!files.outputLines.contains(intoFolder ? path : path + "/inner"))
                }
            }
        }

        @Test func slipsOfTheTongueAreNamed() async throws {
            try await HubScratch.with("slips") { hub in
                let slip = try await hub.stoker("space", "runtim", "maren/orbit-api")
                #expect(slip.exit == .code(2))
                #expect(slip.errors.contains("did you mean `stoker space runtime`?"), "\(slip.tail)")
                let deeper = try await hub.stoker("space", "secrets", "ad", "maren/orbit-api")
                #expect(deeper.errors.contains("did you mean `stoker space secrets add`?"), "\(deeper.tail)")
                let names = try await hub.stoker("space", "list", "-q")
                #expect(Set(names.outputLines) == ["maren/orbit-api", "maren/Notes.Board_v2", "maren/worker"])
                let nobody = try await hub.stoker("space", "pause", "maren/orbit-api", token: nil)
                #expect(nobody.errors.contains("give a token"), "\(nobody.tail)")
            }
        }

        @Test func gitPushesWithoutTheTokenInAnyCommandLine() async throws {
            try await HubScratch.with("push") { hub in
                let scratch = hub.scratch
                let remote = "\(hub.endpoint)/spaces/maren/orbit-api"
                #expect(try await scratch.run("/usr/bin/git", ["clone", "-q", remote, "wc"]).exit == .code(0))
                try scratch.write("changed\n", to: "wc/changed.txt")
                for words in [
                    ["add", "."],
                    ["-c", "user.name=m", "-c", "user.email=m@example.org", "commit", "-qm", "change"],
                ] { #expect(try await scratch.run("/usr/bin/git", ["-C", "wc"] + words).exit == .code(0)) }
                // A git that tells what it was called with.
                try ExecutableScript.write(
                    "#!/bin/sh\necho \"$@\" >> \"\(scratch.path)/calls\"\nexec /usr/bin/git \"$@\"\n",
                    to: scratch.path + "/git")
                let path = "\(scratch.path):/usr/bin:/bin"
                let pushed = try await hub.stoker(
                    "space", "push", "maren/orbit-api", "wc", "--json", environment: ["PATH": path])
                #expect(pushed.exit == .code(0), "\(pushed.tail)")
                let commit = try ClientCommandTests.json(pushed).commit.string
                #expect(try await hub.state("maren/orbit-api").head.string == commit)
                let calls = try String(contentsOfFile: scratch.path + "/calls", encoding: .utf8)
                #expect(calls.contains(" push "))
                #expect(!calls.contains(HubScratch.token))
                let config = try String(contentsOfFile: scratch.path + "/wc/.git/config", encoding: .utf8)
                #expect(!config.contains(HubScratch.token))

                let refused = try await hub.stoker("space", "push", "maren/orbit-api", "wc", token: "hf_maren_read")
                #expect(refused.exit != .code(70))
                let nowhere = try await hub.stoker("space", "push", "maren/orbit-api", "nowhere")
                #expect(nowhere.exit == .code(2))
            }
        }

        @Test func aQuestionIsAskedOnATerminal() async throws {
            try await HubScratch.with("ask") { hub in
                let no = try await hub.onTerminal("space delete maren/worker", answer: "n\n")
                #expect(no.exit == .code(1), "\(no.tail)")
                #expect(no.output.contains("[y/N]"))
                #expect(no.output.contains("Nothing was changed"))
                #expect(try await hub.json("space", "runtime", "maren/worker").stage.string == "RUNNING")
                let yes = try await hub.onTerminal("space delete maren/worker", answer: "y\n")
                #expect(yes.exit == .code(0), "\(yes.tail)")
                #expect(try await hub.stoker("space", "runtime", "maren/worker").exit == .code(2))
            }
        }

        /// A mistake in the Hub's address is told; no other Hub is asked in its place, where the token would go.
        @Test(arguments: [
            ("htp://127.0.0.1:9", "neither http:// nor https://", "HF_ENDPOINT=http://127.0.0.1:9"),
            ("localhost:8080", "does not begin with http", "HF_ENDPOINT=http://localhost:8080"),
            ("hub.example.org", "does not begin with http", "HF_ENDPOINT=https://hub.example.org"),
            ("http://huggingface.co", "not encrypted", "HF_ENDPOINT=https://huggingface.co"),
            ("https://me:hush@hub.example.org", "user or password", "HF_TOKEN"),
            ("http://127.0.0.1:99999", "port outside 1…65535", "https://huggingface.co"),
        ]) func aWrongAddressOfTheHubIsNoOther(written: String, because: String, hint: String) async throws {
            try await Scratch.with("endpoint") { scratch in
                for arguments in [["space", "list"], ["whoami"], ["space", "secrets", "list", "a/b", "--json"]] {
                    let child = try await scratch.run(
                        Binary.path, arguments, environment: ["HF_ENDPOINT": written, "HF_TOKEN": "hf_maren"])
                    #expect(child.exit == .code(2), "\(child.tail)")
                    #expect(child.errors.contains(because), "\(child.tail)")
                    #expect(child.errors.contains(hint), "\(child.tail)")
                    #expect(!child.errors.contains("hush"))
                }
                let option = try await scratch.run(
                    Binary.path, ["space", "list", "--endpoint", written],
                    environment: ["HF_ENDPOINT": "also:wrong", "HF_TOKEN": "hf_maren"])
                #expect(option.exit == .code(2))
                #expect(option.errors.contains("--endpoint is "), "\(option.tail)")
            }
        }

        @Test func oddSwitchesAndTokensAreTold() async throws {
            try await HubScratch.with("switches") { hub in
                let odd = try await hub.stoker("space", "list", environment: ["HF_HUB_OFFLINE": "yess"])
                #expect(odd.exit == .code(2))
                #expect(odd.errors.contains("HF_HUB_OFFLINE=1 or HF_HUB_OFFLINE=0"), "\(odd.tail)")
                #expect(try await hub.stoker("space", "list", environment: ["HF_HUB_OFFLINE": "0"]).exit == .code(0))
                let token = try await hub.stoker("space", "list", token: "hf_a b")
                #expect(token.exit == .code(2))
                #expect(token.errors.contains("HF_TOKEN") && !token.errors.contains("hf_a b"), "\(token.tail)")
                let nothing = try await hub.stoker("space", "secrets", "add", "maren/orbit-api", "-s", "")
                #expect(nothing.exit == .code(2))
                #expect(nothing.errors.contains("-s names no secret"), "\(nothing.tail)")
            }
        }

        /// Each reads until the log was silent for five seconds.
        @Test(arguments: [Int.max, .max / 2, .max / 2 - 1, 0]) func anyNumberOfLinesCanBeAskedFor(lines: Int)
            async throws
        {
            try await HubScratch.with("lines") { hub in
                let log = try await hub.json("space", "logs", "maren/orbit-api", "--lines", "\(lines)")
                #expect(log.lines.array.isEmpty == (lines == 0))
            }
        }

        @Test func aHubThatIsNotThereIsNamedAndNotWaitedForLong() async throws {
            let port = try ReservedPort()
            defer { port.release() }
            try await Scratch.with("nobody") { scratch in
                let environment = ["HF_ENDPOINT": "http://127.0.0.1:\(port.number)", "HF_TOKEN": "hf_maren"]
                let child = try await scratch.run(
                    Binary.path, ["space", "runtime", "maren/orbit-api", "--verbose"], environment: environment)
                #expect(child.exit == .code(3), "\(child.tail)")
                #expect(child.errors.contains("no connection to 127.0.0.1:\(port.number): it is refused"))
                #expect(child.errors.contains("HF_ENDPOINT or --endpoint"))
                #expect(child.errorLines.count { $0.contains("trying again in") } == 1, "\(child.tail)")
                let silent = try await scratch.run(
                    Binary.path, ["space", "runtime", "maren/orbit-api"], environment: environment)
                #expect(!silent.errors.contains("trying again"), "no terminal, no --verbose")
            }
        }

        @Test func whatTheTokenMayIsSaid() async throws {
            try await HubScratch.with("rights") { hub in
                let own = try await hub.json("whoami", "maren/orbit-api", "--check")
                #expect(own.name.string == "maren")
                #expect(own.spaces[0].write == .bool(true))
                let fleet = try hub.scratch.write(
                    "version: 1\nspaces:\n  maren/orbit-api: { keep: { every: 45m } }\n  tobi/first-try: { keep: { every: 45m } }\n",
                    to: "fleet.yaml")
                let mixed = try await hub.stoker("whoami", "--fleet", fleet)
                #expect(mixed.exit == .code(1), "\(mixed.tail)")
                #expect(mixed.output.contains("tobi/first-try"))
                let wrong = try await hub.stoker("whoami", "--json", token: "hf_wrongwrongwrong")
                #expect(wrong.exit == .code(3))
                #expect(try ClientCommandTests.error(wrong).code.string == "hub.bad_token")
                #expect(!wrong.errors.contains("hf_wrongwrongwrong"))
                let none = try await hub.stoker("whoami", token: nil)
                #expect(none.exit == .code(3))
                #expect(none.errors.contains("HF_TOKEN"))
                let reading = try await hub.stoker("space", "restart", "maren/orbit-api", token: "hf_maren_read")
                #expect(reading.exit == .code(3))
                #expect(reading.errors.contains("write access to maren/orbit-api"))
                let plan = try await hub.stoker(
                    "space", "create", "tobi/bot", "--sdk", "docker", "--json", token: "hf_tobi")
                #expect(plan.exit == .code(3))
                #expect(try ClientCommandTests.error(plan).code.string == "hub.plan")
                let missing = try await hub.stoker("space", "info", "maren/nope")
                #expect(missing.exit == .code(2))
                let offline = try await hub.stoker("space", "list", environment: ["HF_HUB_OFFLINE": "1"])
                #expect(offline.exit == .code(3))
                #expect(offline.errors.contains("HF_HUB_OFFLINE"))
            }
        }
    }
}
