package import StokerCore

/// What an operation answers with, field by field: OpenAPI and the reference page are made from it, and tests hold answers to it.
package struct Shape: Sendable {
    /// As in OpenAPI: `CheckPage`.
    package let name: String
    package let summary: String
    package let fields: [Field]

    /// A member of the answer.
    package struct Field: Sendable {
        package let name: String
        package let type: FieldType
        /// May be null.
        package let optional: Bool
        /// Is left out unless it was asked for.
        package let sparse: Bool
        package let summary: String

        package init(
            _ name: String, _ type: FieldType, optional: Bool = false, sparse: Bool = false, _ summary: String
        ) {
            self.name = name
            self.type = type
            self.optional = optional
            self.sparse = sparse
            self.summary = summary
        }
    }

    /// What stands in a member.
    package indirect enum FieldType: Sendable {
        case text
        /// RFC 3339 in UTC with milliseconds.
        case instant
        case integer
        case number
        case flag
        case choice([String])
        case list(FieldType)
        case shape(Shape)
        /// Any names, all of the same type.
        case table(FieldType)
        /// Any JSON.
        case any
    }
}

extension Shape {
    /// Every shape that is reachable from an operation, each once, in the order of first use.
    package static let all: [Shape] = {
        var found: [Shape] = []
        func visit(_ type: FieldType) {
            switch type {
            case .list(let inner), .table(let inner): visit(inner)
            case .shape(let shape): visit(shape)
            default: break
            }
        }
        func visit(_ shape: Shape) {
            guard !found.contains(where: { $0.name == shape.name }) else { return }
            found.append(shape)
            for field in shape.fields { visit(field.type) }
        }
        for operation in Operation.all { visit(operation.answer) }
        return found
    }()

    /// The shape as JSON Schema 2020-12, as OpenAPI 3.1 has it under `components.schemas`.
    package var schema: JSONValue {
        .object([
            .init("type", "object"), .init("description", .string(summary)),
            .init("required", .array(fields.filter { !$0.sparse }.map { .string($0.name) })),
            .init("properties", .object(fields.map { .init($0.name, $0.schema) })),
            .init("additionalProperties", false),
        ])
    }
}

extension Shape.Field {
    fileprivate var schema: JSONValue {
        let own = type.schema
        let nullable: JSONValue
        if !optional || own == [:] {
            nullable = own
        } else if case .object(var members) = own, let place = members.firstIndex(where: { $0.name == "type" }) {
            members[place].value = [members[place].value, "null"]
            if let choices = members.firstIndex(where: { $0.name == "enum" }) {
                members[choices].value = .array((members[choices].value.array ?? []) + [.null])
            }
            nullable = .object(members)
        } else {
            nullable = ["oneOf": [own, ["type": "null"]]]
        }
        // Beside a reference too: JSON Schema 2020-12 allows what draft 4 did not.
        return nullable.adding([.init("description", .string(summary))])
    }
}

extension Shape.FieldType {
    fileprivate var schema: JSONValue {
        switch self {
        case .text: ["type": "string"]
        case .instant: ["type": "string", "format": "date-time"]
        case .integer: ["type": "integer"]
        case .number: ["type": "number"]
        case .flag: ["type": "boolean"]
        case .choice(let choices): ["type": "string", "enum": .array(choices.map { .string($0) })]
        case .list(let inner): ["type": "array", "items": inner.schema]
        case .table(let inner): ["type": "object", "additionalProperties": inner.schema]
        case .any: [:]
        case .shape(let shape): ["$ref": .string("#/components/schemas/\(shape.name)")]
        }
    }

    /// As the reference page shows it.
    package var word: String {
        switch self {
        case .text: "text"
        case .instant: "time"
        case .integer: "whole number"
        case .number: "number"
        case .flag: "true/false"
        case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: " ")
        case .list(let inner): "list of \(inner.word)"
        case .table(let inner): "object of \(inner.word)"
        case .any: "any JSON"
        case .shape(let shape): "[\(shape.name)](#\(shape.name.lowercased()))"
        }
    }
}
