import StokerCore
import Testing

@testable import Deployment

/// The templates as files. That their apps run is tested with the whole program.
@Suite struct AppTemplateTests {
    func subject() throws -> AppTemplate.Subject { try AppTemplate.Subject(owner: "acme", name: "backend") }

    @Test(arguments: AppTemplate.allCases) func theDoctorFindsNothing(template: AppTemplate) throws {
        let files = template.files(for: try subject())
        let facts = FolderFacts(
            files: files.map { .init(path: $0.path, size: Int64($0.text.utf8.count), text: $0.text) })
        #expect(FolderExamination.findings(facts) == [])
        #expect(!files.contains { $0.text.contains("{{") || $0.text.contains("}}") }, "nothing is left to fill in")
        #expect(!files.contains { $0.path.hasSuffix(".template") })
        #expect(files.contains { $0.path == ".gitignore" && $0.text.contains(".env") })
    }

    @Test(arguments: AppTemplate.allCases) func theHeaderIsComplete(template: AppTemplate) throws {
        let readme = try #require(template.files(for: try subject()).first { $0.path == "README.md" })
        let header = ReadmeHeader(readme.text)
        #expect(header.sdk == template.sdk)
        #expect(header.values["title"]?.text == "backend" && header.values["title"]?.isQuoted == true)
        #expect(header.values["emoji"] != nil && header.values["short_description"] != nil)
        #expect(header.appPort == (template.sdk == "docker" ? 7_860 : nil))
        #expect(readme.text.contains(template.address(of: try subject())))
    }

    @Test(arguments: AppTemplate.allCases.filter { $0.sdk == "docker" })
    func theImageIsBuiltInStagesAndRunsAsAUser(template: AppTemplate) throws {
        let files = template.files(for: try subject())
        let dockerfile = Dockerfile(try #require(files.first { $0.path == "Dockerfile" }).text)
        #expect(dockerfile.mistakes == [] && dockerfile.stages.count == 2)
        let last = try #require(dockerfile.last)
        #expect(last.instructions.last { $0.name == "USER" }?.words == ["1000"])
        #expect(last.instructions.contains { $0.name == "EXPOSE" && $0.words == ["7860"] })
        let check = try #require(last.instructions.first { $0.name == "HEALTHCHECK" })
        #expect(check.text.contains("/health") && check.flag("timeout") == "5s")
        let ignored = try #require(files.first { $0.path == ".dockerignore" }).text
        #expect(ignored.contains(".git\n") && ignored.contains(".env*"))
        // Its app needs no packages.
        if template == .guarded { return }
        // The list of packages is copied and installed before anything else of the folder.
        let build = dockerfile.stages[0].instructions.filter {
            $0.name == "COPY" || $0.text.contains("install") || $0.text.contains("resolve")
        }
        #expect(build.first?.name == "COPY" && ["requirements.txt", "Package.swift"].contains(build[0].words.first))
        #expect(build.dropFirst().first?.name == "RUN")
    }

    @Test(arguments: AppTemplate.allCases) func itsEntrySaysTheSameInLinesAndInBraces(template: AppTemplate) throws {
        let subject = try subject()
        for isPublic in [true, false] {
            let entry = template.entry(
                for: subject, key: subject.name, folder: "./it's $5", isOnHuggingFace: isPublic)
            // Adding checks that the lines say what the braces say.
            let lines = try FleetInsertion(text: "spaces:\n", file: "f", environment: [:]).adding(entry)
            #expect(lines.contains("from: \"./it's $$5\"") && lines.contains("sdk: \(template.sdk)"))
            #expect(lines.contains("path: \(template.healthPath)"))
            #expect(lines.contains("url: ") == (isPublic && template == .static))
            let braces = try FleetInsertion(text: "{}", file: "f", environment: [:]).adding(entry)
            #expect(braces.contains(#""from":"./it's $$5""#))
        }
    }

    @Test(arguments: ["a b", "", "-a", "a/b", String(repeating: "x", count: 97)])
    func aNameThatIsNoneIsRefused(name: String) {
        #expect(throws: Failure.self) { try AppTemplate.Subject(owner: "acme", name: name) }
    }
}
