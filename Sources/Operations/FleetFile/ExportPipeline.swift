import Deployment
import StokerCore

extension Operation {
    package static let exportPipeline = Operation(
        name: "export-pipeline",
        summary:
            "Writes a file for CI that checks the folders of the Spaces and ships them from main; it holds no secret",
        doing: "write a CI file", path: "/pipelines/{kind}",
        parameters: [
            .init("kind", .path, .choice(DeployPipeline.Kind.allCases.map(\.rawValue)), "The service that runs it"),
            .init(
                "fleet", .query, .text(upTo: 1_000), defaultValue: "fleet.yaml",
                "Path of the fleet file in the repository"),
            .init(
                "folders", .query, .list(.text(upTo: 1_000), upTo: 200),
                "Folders of Spaces, seen from the fleet file; those that it ships from unless given"),
            .fleetFile(.local, "The fleet file"),
        ], answer: .madeFile
    ) { _, arguments in
        let kind = arguments.text("kind").flatMap { DeployPipeline.Kind(rawValue: $0) } ?? .github
        var folders = arguments.texts("folders")
        if folders.isEmpty, let given = arguments.object("fleet_file").map({ FleetText($0) }) {
            do throws(FleetProblems) {
                let variables = try given.environment().variables
                folders = try FleetInsertion(text: given.text, file: given.name, environment: variables).folders
            } catch { throw error.failure(file: given.name) }
        }
        let export = try DeployPipeline.make(kind, fleet: arguments.name("fleet"), folders: folders)
        return [
            "file_name": .string(kind.fileName), "content": .string(export.content),
            "instructions": .array(export.instructions.map { .string($0) }),
        ]
    }
}
