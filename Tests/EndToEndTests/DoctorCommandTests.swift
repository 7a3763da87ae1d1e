import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// `stoker doctor` on a simulated Space, a log and a folder.
    @Suite(.timeLimit(.minutes(2))) struct DoctorCommandTests {
        private static let space = "maren/orbit-api"

        @Test func aCrashIsNamedByItsLogAndAHealthySpaceIsWell() async throws {
            try await HubScratch.with("doctor") { hub in
                let well = try await hub.stoker("doctor", Self.space, "--json")
                #expect(well.exit == .code(0), "\(well.tail)")
                #expect(try ClientCommandTests.json(well).verdict.string == "nothing")

                try await hub.admin(
                    "spaces/\(Self.space)/log",
                    #"{"text": "Traceback (most recent call last):\n  File \"app.py\", line 3\nModuleNotFoundError: No module named 'pandas'"}"#
                )
                try await hub.admin("spaces/\(Self.space)/stage", #"{"stage": "RUNTIME_ERROR"}"#)
                let ill = try await hub.stoker("doctor", Self.space, "--json")
                #expect(ill.exit == .code(1), "\(ill.tail)")
                let told = try ClientCommandTests.json(ill)
                #expect(told.verdict.string == "found")
                #expect(told.causes.array.first?.rule.string == "D01")
                #expect(told.causes.array.first?.verify.string == "stoker space wait \(Self.space)")

                let unknown = try await hub.stoker("doctor", "maren/no-such-space")
                #expect(unknown.exit == .code(2), "\(unknown.tail)")
            }
        }

        @Test func ownRulesThePlatformsTroubleAndWhatWasDoneAreTold() async throws {
            // At real speed: a report that begins in the future is none.
            try await HubScratch.with("doctorfleet", speed: 1) { hub in
                let rules = """
                    rules:
                      - id: X01
                        name: The feed is gone
                        cause: "The feed {feed} does not exist."
                        fix: Name another feed.
                        rank: 70
                        run: "no such feed: {feed}"
                    """
                _ = try hub.scratch.write(rules, to: "feeds.yaml")
                let fleet = try hub.scratch.write(
                    """
                    hub: { endpoint: "\(hub.endpoint)", status_page: "\(hub.endpoint)/-/status" }
                    doctor: { rules: feeds.yaml }
                    spaces: { \(Self.space): {} }
                    """, to: "fleet.yaml")
                try await hub.admin("status-page", #"{"title": "Spaces do not start"}"#)
                try await hub.admin("spaces/\(Self.space)/log", #"{"text": "starting\nfatal: no such feed: bremen"}"#)
                try await hub.admin("spaces/\(Self.space)/stage", #"{"stage": "RUNTIME_ERROR"}"#)
                let child = try await hub.stoker("doctor", Self.space, "--fleet", fleet, "--json")
                #expect(child.exit == .code(1), "\(child.tail)")
                let told = try ClientCommandTests.json(child)
                #expect(told.causes.array.first?.rule.string == "X01")
                #expect(told.causes.array.first?.cause.string == "The feed bremen does not exist.")
                #expect(told.platform.array.first?.title.string == "Spaces do not start")
                let text = try await hub.stoker("doctor", Self.space, "--fleet", fleet, "--format", "text").output
                let platform = try #require(text.firstRange(of: "The platform says:"))
                let cause = try #require(text.firstRange(of: "X01"))
                #expect(platform.lowerBound < cause.lowerBound)

                // A mistake in the file of rules is one of the fleet file.
                _ = try hub.scratch.write(
                    "rules:\n  - { id: X01, name: a, cause: A., fix: B., runn: [abc] }\n", to: "feeds.yaml")
                let wrong = try await hub.stoker("check-config", fleet)
                #expect(wrong.exit == .code(2) && wrong.tail.contains("feeds.yaml:2:"), "\(wrong.tail)")
                let missing = try hub.scratch.write("doctor: { rules: nowhere.yaml }\n", to: "other.yaml")
                let none = try await hub.stoker("doctor", Self.space, "--fleet", missing)
                #expect(none.exit == .code(2) && none.tail.contains("other.yaml:1:"), "\(none.tail)")
            }
        }

        @Test func aHubThatIsNotThereIsThree() async throws {
            try await HubScratch.with("doctornohub") { hub in
                let child = try await hub.stoker("doctor", Self.space, "--endpoint", "http://127.0.0.1:1", "--json")
                #expect(child.exit == .code(3), "\(child.tail)")
            }
        }

        @Test func aFolderIsLookedThroughAsAnUploadTakesIt() async throws {
            try await HubScratch.with("doctorfolder") { hub in
                let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
                defer { try? FileManager.default.removeItem(at: folder) }  // it is in the temporary folder
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                let files = [
                    "README.md": "---\nsdk: docker\n---\n", ".env": "A=1\n",
                    "Dockerfile": "FROM python:3.12-slim\nCOPY missing.txt .\nCMD uvicorn main:app\n",
                    "main.py": "KEY = 'ghp_\(String("z9Y8x7W6v5U4t3S2r1Q0p9O8n7M6l5K4j3H2"))'\n",
                ]
                for (name, text) in files {
                    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
                }
                let child = try await hub.stoker("doctor", folder.path, "--json")
                #expect(child.exit == .code(1), "\(child.tail)")
                let places = try ClientCommandTests.json(child).findings.array.map {
                    "\($0.rule.string ?? "") \($0.file.string ?? "") \($0.line.int ?? 0)"
                }
                #expect(
                    places == [
                        "G15 .env 0", "B07 Dockerfile 2", "DF03 Dockerfile 3", "P01 Dockerfile 3", "P02 Dockerfile 3",
                        "G15 main.py 1",
                    ])
                let none = try await hub.stoker("doctor", "./no-such-folder")
                #expect(none.exit == .code(2), "\(none.tail)")
            }
        }

        @Test func whatIsSureIsMendedAfterAYes() async throws {
            try await HubScratch.with("doctorfix") { hub in
                let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
                defer { try? FileManager.default.removeItem(at: folder) }  // it is in the temporary folder
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                let files = [
                    "README.md": "---\nsdk: docker\n---\n# Tides\n",
                    "Dockerfile":
                        "FROM python:3.12-slim\nCOPY main.py .\nUSER 1000\nCMD [\"python\", \"main.py\"]\n",
                    "main.py":
                        "from http.server import HTTPServer, SimpleHTTPRequestHandler\n\nHTTPServer((\"127.0.0.1\", 7860), SimpleHTTPRequestHandler).serve_forever()\n",
                ]
                for (name, text) in files {
                    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
                }
                // Nobody is there to answer.
                let asked = try await hub.stoker("doctor", folder.path, "--fix")
                #expect(asked.exit == .code(2), "\(asked.tail)")
                #expect(asked.output.contains("+HTTPServer((\"0.0.0.0\", 7860)"), "\(asked.output)")
                let path = folder.appendingPathComponent("main.py")
                #expect(try String(contentsOf: path, encoding: .utf8) == files["main.py"])
                let mended = try await hub.stoker("doctor", folder.path, "--fix", "--yes")
                #expect(mended.exit == .code(0), "\(mended.tail)")
                #expect(
                    try String(contentsOf: path, encoding: .utf8)
                        == files["main.py"]?.replacing("127.0.0.1", with: "0.0.0.0"))
                let wrong = try await hub.stoker("doctor", Self.space, "--fix")
                #expect(wrong.exit == .code(2), "\(wrong.tail)")
            }
        }

        @Test func theChecklistIsGreenOnlyForWhatWasSeen() async throws {
            try await HubScratch.with("audit") { hub in
                let child = try await hub.stoker("audit", Self.space, "--json")
                // No fleet file: nothing visits it, nobody sees it fail.
                #expect(child.exit == .code(1), "\(child.tail)")
                let space = try #require(try ClientCommandTests.json(child).spaces.array.first)
                #expect(space.space.string == Self.space)
                let points = space.points.array
                #expect(
                    points.map { $0.point.string ?? "" } == [
                        "health-endpoint", "kept-alive", "state-remote", "restart-restores", "recovery-visible",
                    ])
                #expect(points.last?.standing.string == "failed")
                #expect(points[3].standing.string == "unknown")
                let none = try await hub.stoker("audit", "--fleet", "no-such-fleet.yaml")
                #expect(none.exit == .code(2), "\(none.tail)")
                let away = try await hub.stoker("audit", Self.space, "--endpoint", "http://127.0.0.1:1")
                #expect(away.exit == .code(3), "\(away.tail)")
            }
        }
    }
}
