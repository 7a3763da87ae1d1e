import ArgumentParser
import Foundation
import StokerAssets
import StokerCore

struct SchemaCommand: AsyncParsableCommand {
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

    func run() async throws {
        let text = try FleetSchema.text()
        guard let output, output != "-" else { return Screen.own.write(text) }
        try NewFile.write(text, to: output, force: force || FleetSchema.isOurs(output))
        Screen.writeError(
            "Wrote \(output). The first line of a fleet file beside it:\n\(FleetSchema.line(URL(fileURLWithPath: output).lastPathComponent))\n"
        )
    }
}

/// The schema of the fleet file, as docs/fleet.schema.json has it.
enum FleetSchema {
    static let fileName = "fleet.schema.json"

    /// - Throws: `internal` when the binary was built without it.
    static func text() throws(Failure) -> String {
        var count = 0
        if let first = stoker_assets(&count) {
            for asset in UnsafeBufferPointer(start: first, count: count) where String(cString: asset.name) == fileName {
                return String(decoding: UnsafeBufferPointer(start: asset.bytes, count: asset.length), as: UTF8.self)
            }
        }
        throw Failure(.internal, doing: "print the schema", because: "it is not in this binary")
    }

    /// What editors with the YAML language server look for; `path` is as seen from the fleet file.
    static func line(_ path: String) -> String { "# yaml-language-server: $schema=./\(path)" }

    /// Whether the file is one that an earlier Stoker wrote, so that nothing of anybody else's is overwritten.
    static func isOurs(_ path: String) -> Bool {
        // No such file, or not a readable one: then it is not ours.
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return false }
        return text.contains("\"title\": \"Stoker fleet file\"")
    }
}
