import StokerAssets
import StokerCore

extension Operation {
    package static let schema = Operation(
        name: "schema", summary: "The JSON Schema of the fleet file, for editors and checks", doing: "print the schema",
        path: "/schema", answer: .madeFile
    ) { (_, _) throws(Failure) in
        [
            "file_name": .string(FleetSchema.fileName), "content": .string(try FleetSchema.text()),
            "instructions": [
                .string("The first line of a fleet file beside it: \(FleetSchema.line(FleetSchema.fileName))")
            ],
        ]
    }
}

/// The schema of the fleet file, as docs/fleet.schema.json has it.
package enum FleetSchema {
    package static let fileName = "fleet.schema.json"

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
    package static func line(_ path: String) -> String { "# yaml-language-server: $schema=./\(path)" }
}
