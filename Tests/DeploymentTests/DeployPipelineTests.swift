import Foundation
import StokerCore
import Testing
import Yams

@testable import Deployment

/// CI files: right by the services' own schemas, and the scripts in them run what a folder has.
@Suite struct DeployPipelineTests {
    static func content(_ kind: DeployPipeline.Kind, _ folders: [String] = ["./backend", "apps/site"]) throws -> String
    {
        try DeployPipeline.make(kind, fleet: "fleet.yaml", folders: folders).content
    }
    static let tools = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".build/venv/bin").path

    @Test(arguments: DeployPipeline.Kind.allCases) func theServicesSchemaTakesIt(kind: DeployPipeline.Kind) async throws
    {
        let checker = Self.tools + "/check-jsonschema"
        try #require(FileManager.default.isExecutableFile(atPath: checker), "Scripts/setup.sh test installs it")
        let schema = kind == .github ? "vendor.github-workflows" : "vendor.gitlab-ci"
        let (output, status) = try await Program.run(
            checker, ["--builtin-schema", schema], file: try Self.content(kind), suffix: "yml")
        #expect(status == 0, "\(output)")
        // The checker does refuse.
        let wrong = try Self.content(kind).replacing("stage: deploy", with: "stagge: 1").replacing(
            "runs-on:", with: "runs_on:")
        let (_, refused) = try await Program.run(checker, ["--builtin-schema", schema], file: wrong, suffix: "yml")
        #expect(refused != 0)
    }

    @Test func theChecksComeFirstAndOnlyTheDeployHasTheToken() throws {
        let github = try #require(try Yams.load(yaml: try Self.content(.github)) as? [String: Any])
        let jobs = try #require(github["jobs"] as? [String: [String: Any]])
        let deploy = try #require(jobs["deploy"])
        #expect(deploy["needs"] as? [String] == ["check", "examine"])
        #expect((deploy["if"] as? String)?.contains("refs/heads/main") == true)
        let matrix = (jobs["check"]?["strategy"] as? [String: Any])?["matrix"] as? [String: [String]]
        #expect(matrix?["folder"] == ["backend", "apps/site"])
        for (name, job) in jobs {
            let steps = try #require(job["steps"] as? [[String: Any]])
            let checkout = try #require(steps.first?["with"] as? [String: Any])
            #expect(checkout["lfs"] as? Bool == true && checkout["persist-credentials"] as? Bool == false)
            if name != "check" { #expect(checkout["fetch-depth"] as? Int == 0) }
            let token = try Yams.dump(object: job).contains("HF_TOKEN")
            #expect(token == (name == "deploy"))
            // What a repository's settings hold never becomes part of a script.
            for case let script? in steps.map({ $0["run"] as? String }) { #expect(!script.contains("${{")) }
        }
        let last = try #require((deploy["steps"] as? [[String: Any]])?.last?["run"] as? String)
        #expect(last.contains("\"$stoker\" apply --fleet fleet.yaml --yes"))

        let gitlab = try #require(try Yams.load(yaml: try Self.content(.gitlab)) as? [String: Any])
        #expect(gitlab["stages"] as? [String] == ["check", "deploy"])
        #expect((gitlab["variables"] as? [String: String])?["GIT_DEPTH"] == "0")
        for folder in ["backend", "apps/site"] {
            for language in ["Python", "Node", "Swift"] {
                let job = try #require(gitlab["check \(folder) (\(language))"] as? [String: Any])
                let rules = try #require((job["rules"] as? [[String: Any]])?.first?["exists"] as? [String])
                #expect(rules.allSatisfy { $0.hasPrefix(folder + "/") })
                #expect((job["variables"] as? [String: String])?["FOLDER"] == folder)
            }
        }
        #expect(try Self.content(.gitlab).contains("git lfs pull"))
    }

    /// The scripts of the file, by a word of their step's or job's name.
    static func script(_ name: String) throws -> String {
        let github = try #require(try Yams.load(yaml: try content(.github)) as? [String: Any])
        let jobs = try #require(github["jobs"] as? [String: [String: Any]])
        for job in jobs.values {
            for step in job["steps"] as? [[String: Any]] ?? [] where step["name"] as? String == name {
                return try #require(step["run"] as? String)
            }
        }
        throw Failure(.notFound, doing: "find the script", because: "there is no step \(name)")
    }

    /// Runs a script in a folder with these files; every program of the list only writes down that it was called.
    static func calls(_ script: String, files: [String: String], programs: [String]) async throws -> (
        calls: [String], status: Int32, output: String
    ) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pipeline-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }  // it is in the temporary folder
        let bin = folder.appendingPathComponent("bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        let work = folder.appendingPathComponent("work")
        for (path, text) in files {
            let place = work.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: place)
        }
        var text = "set -e\nexport LOG=\(folder.path)/log PATH=\(bin.path):$PATH\n: >$LOG\n"
        for program in programs {
            text +=
                "printf '#!/bin/sh\\necho \"%s $*\" >>$LOG\\n' '\(program)' >\(bin.path)/\(program); chmod +x \(bin.path)/\(program)\n"
        }
        // The environment that the script makes is not made here.
        let own = script.replacing("python3 -m venv /tmp/venv && . /tmp/venv/bin/activate", with: ":")
        text += "cd \(work.path)\n\(own)\n"
        let (output, status) = try await Program.run("bash", ["-e", "-o", "pipefail"], file: text, suffix: "sh")
        let log = (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? ""
        return (log.split(separator: "\n").map(String.init), status, output)
    }

    @Test func pythonsChecksAreThoseTheFolderHas() async throws {
        let tools = ["pip", "pyright", "pytest", "pip-audit"]
        let template = AppTemplate.fastapi.files(for: try AppTemplate.Subject(owner: "acme", name: "backend"))
        let whole = try await Self.calls(
            try Self.script("Python"), files: Dictionary(template.map { ($0.path, $0.text) }, uniquingKeysWith: { $1 }),
            programs: tools)
        #expect(whole.status == 0, "\(whole.output)")
        #expect(
            whole.calls == [
                "pip install --quiet -r requirements-dev.txt", "pyright --pythonpath /tmp/venv/bin/python", "pytest ",
                "pip install --quiet pip-audit", "pip-audit -r requirements.txt",
            ])
        let plain = try await Self.calls(
            try Self.script("Python"), files: ["requirements.txt": "", "app.py": ""], programs: tools)
        #expect(
            plain.calls == [
                "pip install --quiet -r requirements.txt", "pip install --quiet pip-audit",
                "pip-audit -r requirements.txt",
            ])
    }

    @Test func nodesAndSwiftsChecks() async throws {
        let node = try await Self.calls(
            try Self.script("Node"), files: ["package.json": "{}", "package-lock.json": "{}"], programs: ["npm"])
        #expect(
            node.calls == [
                "npm ci", "npm run lint --if-present", "npm test --if-present", "npm audit --audit-level=high",
            ])
        let swift = try await Self.calls(try Self.script("Swift"), files: ["Package.swift": ""], programs: ["swift"])
        #expect(swift.calls == ["swift build"] && swift.status == 0)
    }

    @Test func aProgramWithAnotherChecksumIsNotStarted() async throws {
        let script = try Self.script("Get stoker")
        // curl's place is taken by one that makes the file.
        let fake = "curl() { echo stoker >\"$stoker\"; }\nexport RUNNER_TEMP=$PWD\n"
        let wrong = try await Self.calls(
            fake + "export STOKER_URL=https://x STOKER_SHA256=00\n" + script, files: ["a": ""], programs: [])
        #expect(wrong.status != 0)
        let sum = "$(echo stoker | sha256sum | cut -d' ' -f1)"
        let right = try await Self.calls(
            fake + "export STOKER_URL=https://x STOKER_SHA256=\(sum)\n" + script, files: ["a": ""], programs: [])
        #expect(right.status == 0, "\(right.output)")
    }

    @Test(arguments: ["../out", "/etc", "a b", "a;b", "${{ x }}", "a'b", "a*", "-x"])
    func aFolderThatCouldMeanSomethingElseIsRefused(folder: String) {
        #expect(throws: Failure.self) { try DeployPipeline.make(.github, fleet: "fleet.yaml", folders: [folder]) }
    }

    @Test func foldersAreSeenFromTheFleetFile() throws {
        let text = try DeployPipeline.make(
            .github, fleet: "./ops/fleet.yaml", folders: ["../backend", "./site", "../backend/"]
        ).content
        #expect(text.contains(#"folder: ["backend", "ops/site"]"#))
        #expect(text.contains("--fleet ops/fleet.yaml"))
        #expect(try DeployPipeline.make(.gitlab, fleet: "fleet.yaml", folders: []).content.contains("check . (Python)"))
    }
}
