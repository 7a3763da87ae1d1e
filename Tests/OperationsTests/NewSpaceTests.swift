import Foundation
import Operations
import StokerCore
import TestSupport
import Testing

/// New Spaces and files for CI, as a server makes them and as a folder gets them.
@Suite struct NewSpaceTests {
    typealias Local = FleetFileOperationTests

    @Test func withoutAFolderAllOfItIsInTheAnswer() async throws {
        let answer = try await Local.local(
            .newSpace, [("template", "fastapi"), ("name", "api"), ("username", "acme")], text: nil)
        #expect(problems(of: answer, as: .shape(Operations.Operation.newSpace.answer), at: "new") == [])
        #expect(answer["space"] == "acme/api" && answer["is_new_fleet"] == true)
        let files = try #require(answer["files"]?.array)
        let dockerfile = try #require(files.first { $0["path"] == "Dockerfile" })
        #expect(dockerfile["content"]?.string?.contains("uvicorn") == true)
        #expect(
            answer["fleet"]?.string?.hasSuffix(
                "    # secrets: [DATABASE_URL]    # names; values from the environment or --env-file\n") == true)
        // What a reader of the fleet file says of it.
        let report = try await Local.local(.checkConfig, text: answer["fleet"]?.string)
        #expect(report["valid"] == true, "\(report.text)")
    }

    @Test(arguments: ["fastapi", "gradio", "static", "swift"]) func everyEntryIsValid(template: String) async throws {
        for text in ["version: 1\nhub: { namespace: maren }\n", "spaces: { acme/bot: {} }\n", "{\"version\": 1}"] {
            let answer = try await Local.local(
                .newSpace, [("template", .string(template)), ("name", "new-one"), ("username", "acme")], text: text)
            let fleet = try #require(answer["fleet"]?.string)
            let report = try await Local.local(.checkConfig, text: fleet)
            #expect(report["valid"] == true, "\(fleet)\n\(report.text)")
            #expect(answer["space"]?.string == (text.contains("maren") ? "maren/new-one" : "acme/new-one"))
        }
    }

    @Test func aFleetFileThatChangedMeanwhileIsLeftAloneAndTheFolderGoes() async throws {
        let home = NSTemporaryDirectory() + "stoker-new-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: home) }  // it is in the temporary folder
        try Data("spaces: { a/other: {} }\n".utf8).write(to: URL(fileURLWithPath: home + "/fleet.yaml"))
        let given: [(name: String, value: JSONValue)] = [
            ("template", "static"), ("folder", .string(home + "/site")), ("fleet", .string(home + "/fleet.yaml")),
            ("owner", "acme"),
        ]
        let failure = try await #require(throws: Failure.self) {
            try await Local.local(.newSpace, given, text: "spaces: { a/seen: {} }\n")
        }
        #expect(failure.code == .conflict)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home) == ["fleet.yaml"])
        #expect(try String(contentsOfFile: home + "/fleet.yaml", encoding: .utf8) == "spaces: { a/other: {} }\n")

        // The rights of the file stay, and a link stays a link.
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: home + "/fleet.yaml")
        try FileManager.default.createSymbolicLink(atPath: home + "/link.yaml", withDestinationPath: "fleet.yaml")
        let linked = given.map { $0.name == "fleet" ? ($0.name, .string(home + "/link.yaml")) : $0 }
        _ = try await Local.local(.newSpace, linked, text: "spaces: { a/other: {} }\n")
        let attributes = try FileManager.default.attributesOfItem(atPath: home + "/fleet.yaml")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o640)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: home + "/link.yaml") == "fleet.yaml")
        let text = try String(contentsOfFile: home + "/fleet.yaml", encoding: .utf8)
        #expect(text.contains("\"acme/site\": {") && text.contains("\"from\":\"./site\""))
    }

    @Test func aPipelineChecksTheFoldersOfTheFleetFile() async throws {
        let made = try await Local.local(
            .exportPipeline, [("kind", "github-deploy")],
            text: "spaces: { a/b: { deploy: { from: ./backend } }, a/c: { deploy: { from: ./site } }, a/d: {} }")
        #expect(problems(of: made, as: .shape(Operations.Operation.exportPipeline.answer), at: "made") == [])
        #expect(made["file_name"] == ".github/workflows/deploy.yml")
        #expect(made["content"]?.string?.contains(#"folder: ["backend", "site"]"#) == true)
    }
}
