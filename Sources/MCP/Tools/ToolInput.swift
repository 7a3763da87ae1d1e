import Operations
import StokerCore

/// One input of a tool, and what it is for the tool's operation.
struct ToolInput: Sendable {
    let name: String
    /// JSON Schema with its description.
    let schema: JSONValue
    var isRequired = false
    /// The operation's inputs for a value that was given.
    let give: @Sendable (JSONValue) throws(Failure) -> [(name: String, value: JSONValue)]

    /// An input of the operation, perhaps under another name.
    /// - Parameters:
    ///   - defaultValue: what is used when it is not given; nil takes the operation's own.
    ///   - about: nil takes the operation's words.
    static func of(
        _ operation: Operation, _ parameter: String, as name: String? = nil, defaultValue: JSONValue? = nil,
        about: String? = nil
    ) -> ToolInput {
        guard let found = operation.parameters.first(where: { $0.name == parameter }) else {
            preconditionFailure("\(operation.name) takes no \(parameter)")
        }
        var schema = (found.kind.schema.members ?? []).filter {
            !["description", "maxLength", "maxItems", "format", "writeOnly", "pattern", "anyOf"].contains($0.name)
        }
        if let defaultValue = defaultValue ?? found.defaultValue, !defaultValue.isNull {
            schema.append(.init("default", defaultValue))
        }
        // Some kinds say more of themselves.
        let own = found.kind.schema["description"]?.string.map { ". \($0)" } ?? ""
        schema.append(.init("description", .string((about ?? found.summary) + own)))
        return ToolInput(
            name: name ?? parameter, schema: .object(schema), isRequired: found.required,
            give: { (value) throws(Failure) in [(parameter, value)] })
    }

    static func text(
        _ name: String, _ about: String, required: Bool = false,
        give: @escaping @Sendable (JSONValue) throws(Failure) -> [(name: String, value: JSONValue)]
    ) -> ToolInput {
        ToolInput(
            name: name, schema: ["type": "string", "description": .string(about)], isRequired: required, give: give)
    }

    /// Seconds, for an input of the operation that takes a duration.
    /// - Parameter range: what is taken; more is brought down to the end that is reached.
    static func seconds(
        _ name: String, to parameter: String, _ range: ClosedRange<Int>, defaultValue: Int, most: Int? = nil,
        _ about: String
    ) -> ToolInput {
        ToolInput(
            name: name,
            schema: [
                "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
                "maximum": .integer(Int64(range.upperBound)), "default": .integer(Int64(defaultValue)),
                "description": .string(about),
            ],
            give: { (value) throws(Failure) in
                guard let seconds = value.integer ?? value.string.flatMap({ Int($0) }), range.contains(seconds) else {
                    throw wrong(name, "a whole number of seconds from \(range.lowerBound) to \(range.upperBound)")
                }
                return [(parameter, .string("\(min(seconds, most ?? seconds))s"))]
            })
    }

    /// Names and values of an environment, as an object.
    static func environment(_ name: String, to parameter: String, _ about: String, required: Bool = false) -> ToolInput
    {
        ToolInput(
            name: name,
            schema: [
                "type": "object", "additionalProperties": ["type": "string"], "description": .string(about),
            ], isRequired: required,
            give: { (value) throws(Failure) in
                guard let members = value.members, members.allSatisfy({ $0.value.string != nil }) else {
                    // What came in its place may hold a secret.
                    throw wrong(name, "an object of names and texts")
                }
                return [
                    (parameter, .array(members.map { ["key": .string($0.name), "value": $0.value] }))
                ]
            })
    }

    static let isPrivate = ToolInput(
        name: "private",
        schema: ["type": "boolean", "description": "Whether only its owner sees it; public unless given"],
        give: { (value) throws(Failure) in
            guard let flag = value.bool else { throw wrong("private", "true or false") }
            return [("visibility", .string(flag ? "private" : "public"))]
        })

    static func wrong(_ name: String, _ expected: String) -> Failure {
        Failure(.usage, doing: "read the input \"\(name)\"", because: "it is not \(expected)")
    }
}

/// The ways to name a Space.
enum SpaceReference: Equatable {
    case id(String)
    /// Of the address of its app.
    case subdomain(String)

    /// `owner/name`, its page on the Hub, or the address of its app.
    init(_ text: String) throws(Failure) {
        let plain = text.trimmedSpaces
        guard let parts = AddressParts(plain) else {
            self = .id(plain)
            return
        }
        let steps = parts.path.split(separator: "/").map(String.init)
        if let place = steps.firstIndex(of: "spaces"), steps.count > place + 2 {
            self = .id("\(steps[place + 1])/\(steps[place + 2])")
            return
        }
        guard let host = (try? parts.authority())?.host, let label = host.split(separator: ".").first,
            host.contains(".")
        else {
            throw Failure(
                .usage, doing: "read the input \"space_id\"",
                because: "\"\(Redaction.quote(Redaction.address(plain), limit: 80))\" names no Space",
                hint: "write owner/name, the Space's page on the Hub, or the address of its app")
        }
        self = .subdomain(String(label))
    }
}
