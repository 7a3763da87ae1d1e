/// The JSON Schema of the fleet file, made from its sections.
package enum FleetSchema {
    package static let fileName = "fleet.schema.json"
    package static let title = "Stoker fleet file"

    package static func text(of sections: FleetSections) -> String { document(of: sections).prettyText }

    static func document(of sections: FleetSections) -> JSONValue {
        var properties: [JSONValue.Member] = [
            .init(
                "$schema",
                ["description": "Where an editor finds this schema, in a JSON file; not read.", "type": "string"]),
            .init("version", ["description": "Version of this format.", "enum": [1, "1"]]),
        ]
        properties += sections.entries.map { .init($0.name, $0.schema) }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": .string(title),
            "description": "Everything Stoker knows about a fleet. Text may hold ${NAME} and ${NAME:-default}.",
            "type": ["object", "null"],
            "additionalProperties": false,
            "patternProperties": ["^x-": ["description": "A place for anchors; not read."]],
            "properties": .object(properties),
            "$defs": .object(CheckSections.definitions(space: sections.spaceEntries.map(\.row))),
        ]
    }

    /// A mapping with these keys and no others.
    static func object(
        _ rows: [FleetKeyRow], mayBeEmpty: Bool = true, besides: [JSONValue.Member] = []
    ) -> JSONValue {
        let schema: JSONValue = [
            "type": mayBeEmpty ? ["object", "null"] : "object",
            "properties": .object(rows.map { .init($0.name, $0.schema) }),
            "additionalProperties": false,
        ]
        return schema.adding(besides)
    }

    /// With the description that editors show.
    static func described(_ text: String, _ schema: JSONValue) -> JSONValue {
        .object([.init("description", .string(text))] + (schema.members ?? []).filter { $0.name != "description" })
    }
}

// MARK: - Values

extension FleetSchema {
    /// Text that is filled in later can be anything.
    static let variable = "\\$\\{"

    static func pattern(_ pattern: String) -> JSONValue {
        ["type": "string", "pattern": .string("(\(pattern)|\(variable))")]
    }

    static let durationPattern = "(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m(?!s))?([0-9]+s)?([0-9]+ms)?"
    static let duration = pattern("^\(durationPattern)$")
    static let bool: JSONValue = [
        "anyOf": [
            ["type": "boolean"], ["type": "string", "pattern": .string("^([Tt]rue|TRUE|[Ff]alse|FALSE)$|\(variable)")],
        ]
    ]
    /// YAML reads bare words as other types; as text they are text.
    static let text: JSONValue = ["type": ["string", "number", "boolean"]]

    static func integer(_ range: ClosedRange<Int>) -> JSONValue {
        [
            "anyOf": [
                [
                    "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
                    "maximum": .integer(Int64(range.upperBound)),
                ],
                ["type": "string", "pattern": .string("^[0-9]+$|\(variable)")],
            ]
        ]
    }

    static func words(_ words: [String], besides: [JSONValue] = []) -> JSONValue {
        [
            "anyOf": [
                ["enum": .array(words.map { .string($0) } + besides)],
                ["type": "string", "pattern": .string(variable)],
            ]
        ]
    }

    static func oneOrMany(_ item: JSONValue, besides: [JSONValue.Member] = []) -> JSONValue {
        ["anyOf": [item, (["type": "array", "items": item] as JSONValue).adding(besides)]]
    }

    static let webAddressPattern = "^\(HTTPKind.addressPattern)$"
    /// Of any kind of check.
    static let checkAddress = pattern(
        CheckKinds.all.filter { !$0.schemes.isEmpty }.map { "^\($0.addressPattern)$" }.joined(separator: "|"))

    static func webAddress(orEmpty: Bool) -> JSONValue {
        pattern(orEmpty ? "^$|\(webAddressPattern)" : webAddressPattern)
    }

    /// A mapping from names to values.
    static func named(_ pattern: String, _ value: JSONValue, _ summary: String) -> JSONValue {
        [
            "description": .string(summary), "type": ["object", "null"],
            "propertyNames": ["pattern": .string(pattern)], "additionalProperties": value,
        ]
    }

    static func reference(_ definition: String) -> JSONValue { ["$ref": .string("#/$defs/\(definition)")] }

    /// Names of checks, and owner and name of a Space.
    static let namePattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}$"
    static let hubNamePattern = "[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
}
