import Operations
import StokerCore

/// An operation as agents call it: the same inputs under names that their users know, the same answer with what to do next.
struct Tool: Sendable {
    /// 1 to 64 of `[A-Za-z0-9_-]`.
    let name: String
    let title: String
    let about: String
    /// What is carried out. Its effect says what the tool does to the world.
    let operation: Operation
    /// Without that of the Space, which ``takesSpace`` is about.
    let inputs: [ToolInput]
    /// Its operation has the Space in its address.
    var takesSpace: Bool { operation.pathNames.starts(with: ["owner", "name"]) }
    /// Members of the answer that hold what others wrote: apps, builds, visitors' answers.
    var foreign: [String] = []
    /// Members of the operation's answer that are left out.
    var dropped: Set<String> = []
    /// What the answer has beside the operation's own members; for the schema.
    var added: [Shape.Field] = []
    /// The answer as agents get it.
    var shaped: @Sendable (JSONValue) -> JSONValue = { $0 }
    /// What to do next, by the answer.
    var next: @Sendable (_ answer: JSONValue, _ space: String) -> [String] = { _, _ in [] }
    /// In place of calling ``operation`` alone.
    var run: (@Sendable (ToolRun) async throws(Failure) -> JSONValue)?
    /// The same for everybody, and may be a moment old; see ``KeptAnswers``.
    var isKept = false
    /// Inputs of the operation that are always given.
    var fixed: [(name: String, value: JSONValue)] = []

    /// Whether a call may come back with a plan in place of doing it.
    var plans: Bool { operation.asks }

    static let spaceInput = "space_id"
    static let planInput = "plan_id"

    /// As `tools/list` shows it.
    var listing: JSONValue {
        var properties: [JSONValue.Member] = []
        var required: [JSONValue] = []
        if takesSpace {
            properties.append(
                .init(
                    Self.spaceInput,
                    [
                        "type": "string",
                        "description": "owner/name, the Space's page on the Hub, or the address of its app",
                    ]))
            required.append(.string(Self.spaceInput))
        }
        for input in inputs {
            properties.append(.init(input.name, input.schema))
            if input.isRequired { required.append(.string(input.name)) }
        }
        if plans {
            properties.append(
                .init(
                    Self.planInput,
                    [
                        "type": "string",
                        "description":
                            "From the plan that this tool returned for the same inputs, once a person has agreed to it",
                    ]))
        }
        var schema: [JSONValue.Member] = [.init("type", "object"), .init("properties", .object(properties))]
        if !required.isEmpty { schema.append(.init("required", .array(required))) }
        var members: [JSONValue.Member] = [
            .init("name", .string(name)), .init("title", .string(title)), .init("description", .string(about)),
            .init("inputSchema", .object(schema)),
        ]
        if operation.effect == .read { members.append(.init("outputSchema", outputSchema)) }
        members.append(.init("annotations", annotations))
        return .object(members)
    }

    /// All follow from the operation's effect, its method and what it works on.
    var annotations: JSONValue {
        let effect = operation.effect
        return [
            "title": .string(title), "readOnlyHint": .bool(effect == .read),
            "destructiveHint": .bool(effect == .destructive),
            "idempotentHint": .bool(effect == .read || operation.method == .put || operation.method == .delete),
            "openWorldHint": .bool(!operation.needsFleet),
        ]
    }

    /// Loose on purpose: clients refuse a whole answer for one member that does not fit.
    private var outputSchema: JSONValue {
        let own = operation.answer.fields.filter { !dropped.contains($0.name) }
        let names = Set(added.map(\.name))
        let fields = own.filter { !names.contains($0.name) } + added
        return [
            "type": "object",
            "properties": .object(fields.map { .init($0.name, $0.type.looseSchema(optional: $0.optional)) }),
        ]
    }
}

extension Shape.FieldType {
    /// The outermost type only.
    fileprivate func looseSchema(optional: Bool) -> JSONValue {
        func type(_ name: JSONValue) -> JSONValue { ["type": optional ? [name, "null"] : name] }
        switch self {
        case .text, .instant, .choice: return type("string")
        case .integer: return type("integer")
        case .number: return type("number")
        case .flag: return type("boolean")
        case .list(let item):
            return type("array").adding([.init("items", item.looseSchema(optional: false))])
        case .shape, .table: return type("object")
        case .any: return [:]
        }
    }
}
