package import StokerCore

extension Operation {
    package static let schema = Operation(
        name: "schema", summary: "The JSON Schema of the fleet file, for editors and checks", doing: "print the schema",
        path: "/schema", answer: .madeFile
    ) { (_, _) throws(Failure) in
        [
            "file_name": .string(FleetSchema.fileName), "content": .string(FleetSchema.text),
            "instructions": [
                .string("The first line of a fleet file beside it: \(FleetSchema.line(FleetSchema.fileName))")
            ],
        ]
    }
}

extension FleetSchema {
    /// Of all sections that a fleet file may have.
    package static var text: String { text(of: .all) }

    /// What editors with the YAML language server look for; `path` is as seen from the fleet file.
    package static func line(_ path: String) -> String { "# yaml-language-server: $schema=./\(path)" }
}
