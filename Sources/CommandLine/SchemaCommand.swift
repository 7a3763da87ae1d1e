import ArgumentParser
import Foundation
import Operations
import StokerCore

struct SchemaCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of the fleet file, for editors and checks.",
        discussion: """
            With --output the line that an editor wants at the top of the fleet file is told. `stoker init` does both.

            EXAMPLES
              stoker schema --output fleet.schema.json
              stoker schema | check-jsonschema --schemafile - fleet.yaml
            """)

    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write here instead of to standard output.", valueName: "file"), completion: .file())
    var output: String?
    @Flag(help: "Overwrite the file.")
    var force = false

    static var operations: [Operations.Operation] { [.schema] }

    func run() async throws {
        let text = try await perform(.schema, [], output: nil)["content"]?.string ?? ""
        guard let output, output != "-" else { return Terminal.own.write(text) }
        try OutputFile.write(text, to: output, force: force || FleetSchema.isOurs(output))
        Terminal.writeError(
            "Wrote \(output). The first line of a fleet file beside it:\n\(FleetSchema.line(URL(fileURLWithPath: output).lastPathComponent))\n"
        )
    }
}

extension FleetSchema {
    /// Whether the file is one that an earlier Stoker wrote, so that nothing of anybody else's is overwritten.
    static func isOurs(_ path: String) -> Bool {
        // No such file, or not a readable one: then it is not ours.
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return false }
        return text.contains("\"title\": \"\(title)\"")
    }
}
