import Operations
package import StokerCore

/// The API as OpenAPI 3.1, made from ``Operation/all``.
package enum OpenAPI {
    /// The document as the API gives it: made when it is asked for first, not at every start.
    static let bytes = Array(document.prettyText.utf8)

    package static let document: JSONValue = [
        "openapi": "3.1.0",
        "info": [
            "title": "Stoker", "version": "1",
            "description":
                "What a person, a script or an agent can ask of a running Stoker. The answers only ever grow. `x-effect` says what an operation does to the world: read, write, destructive or paid; `x-scope` says what its caller needs: read, operate or admin. With `Accept: text/event-stream` or `application/x-ndjson` a call tells its progress. A call that changes something may carry `Idempotency-Key`: repeated with the same key and inputs within a day it is done once.",
            "license": ["name": "MIT", "identifier": "MIT"],
        ],
        "servers": [["url": "/api/v1"]],
        "security": [[:], ["token": []]],
        "paths": .object(paths),
        "components": [
            "securitySchemes": [
                "token": [
                    "type": "http", "scheme": "bearer",
                    "description":
                        "STOKER_TOKEN, or one that `stoker token add` made. Needed where the server has one: for what says more than `read` under `x-scope`, for what works with the server's account on the Hub, and for all where reading is private",
                ]
            ],
            "schemas": .object(Shape.all.map { .init($0.name, $0.schema) } + [.init("Error", error)]),
        ],
    ]

    private static let error: JSONValue = [
        "type": "object", "required": ["error"],
        "properties": [
            "error": [
                "type": "object", "required": ["code", "message", "hint", "request_id"],
                "properties": [
                    "code": ["type": "string", "description": "Stable; see the reference"],
                    "message": ["type": "string", "description": "What failed and what was seen"],
                    "hint": ["type": ["string", "null"], "description": "What to do next"],
                    "request_id": ["type": "string", "description": "Also in the server's log"],
                ],
            ]
        ],
    ]

    private static var paths: [JSONValue.Member] {
        var paths: [(path: String, methods: [JSONValue.Member])] = []
        func add(_ path: String, _ method: String, _ value: JSONValue) {
            if let index = paths.firstIndex(where: { $0.path == path }) {
                paths[index].methods.append(.init(method, value))
            } else {
                paths.append((path, [.init(method, value)]))
            }
        }
        for operation in Operation.all {
            guard operation.permission != .beat else {
                for (path, suffix) in [(operation.path, ""), ("\(operation.path)/{signal}", "-signal")] {
                    for method in ["get", "post"] {
                        add(
                            path, method,
                            beat(operation, method: method, id: operation.name + suffix, signal: !suffix.isEmpty))
                    }
                }
                continue
            }
            add(operation.path, operation.method.rawValue.lowercased(), describe(operation))
        }
        return paths.map { .init($0.path, .object($0.methods)) }
    }

    private static func describe(_ operation: Operation) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("operationId", .string(operation.name)), .init("summary", .string(operation.summary)),
            .init("x-effect", .string(operation.effect.rawValue)), .init("x-scope", .string(operation.scope.rawValue)),
        ]
        let outside = operation.parameters.filter { $0.location == .path || $0.location == .query }
        let parameters = outside.map(\.openAPI) + (operation.effect == .read ? [] : [idempotencyKey])
        if !parameters.isEmpty { members.append(.init("parameters", .array(parameters))) }
        let inside = operation.parameters.filter { $0.location == .body }
        if !inside.isEmpty {
            members.append(
                .init(
                    "requestBody",
                    [
                        "required": .bool(inside.contains(where: \.required)),
                        "content": ["application/json": ["schema": Operation.Parameter.schema(of: inside)]],
                    ]))
        }
        members.append(.init("responses", responses(operation)))
        return .object(members)
    }

    private static let idempotencyKey: JSONValue = [
        "name": "Idempotency-Key", "in": "header",
        "description":
            "A name for this one call, such as a random UUID. Repeated with the same key and inputs within a day, it is done once and answered alike",
        "schema": IdempotencyKeys.schema,
    ]

    private static func beat(_ operation: Operation, method: String, id: String, signal: Bool) -> JSONValue {
        let name = operation.parameters.filter { $0.location == .path }.map(\.openAPI)
        let signalParameter: JSONValue = [
            "name": "signal", "in": "path", "required": true, "description": "What the job says, or its exit status",
            "schema": [
                "oneOf": [
                    ["type": "string", "enum": ["start", "fail", "log"]],
                    ["type": "integer", "minimum": 0, "maximum": 255],
                ]
            ],
        ]
        // Who says in the address what happened says it there alone.
        let inputs = operation.parameters.filter {
            $0.location == .body && !(signal && ["signal", "code"].contains($0.name))
        }
        // A note may come in the query as well; a long one does not fit into an address.
        let query: [JSONValue] =
            inputs.filter { $0.name != "note" }.map { input in
                [
                    "name": .string(input.name), "in": "query", "description": .string(input.summary),
                    "schema": input.schema,
                ]
            } + [
                [
                    "name": "key", "in": "query", "description": "The heartbeat's own key, in place of the token",
                    "schema": ["type": "string"],
                ]
            ]
        var members: [JSONValue.Member] = [
            .init("operationId", .string(method == "post" ? id : "\(id)-get")),
            .init("summary", .string(operation.summary)),
            .init(
                "parameters",
                .array(
                    name + (signal ? [signalParameter] : []) + query + (method == "post" ? [idempotencyKey] : []))),
        ]
        if method == "post" {
            members.append(
                .init(
                    "requestBody",
                    [
                        "required": false,
                        "content": [
                            "text/plain": ["schema": ["type": "string"]],
                            "application/json": ["schema": Operation.Parameter.schema(of: inputs)],
                            "application/x-www-form-urlencoded": [
                                "schema": Operation.Parameter.schema(of: inputs, hasNull: false)
                            ],
                        ],
                    ]))
        }
        members.append(.init("responses", responses(operation)))
        return .object(members)
    }

    private static func responses(_ operation: Operation) -> JSONValue {
        [
            "200": [
                "description": .string(operation.answer.summary),
                "content": [
                    "application/json": ["schema": ["$ref": .string("#/components/schemas/\(operation.answer.name)")]]
                ],
            ],
            "default": [
                "description": "What went wrong",
                "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Error"]]],
            ],
        ]
    }
}

extension Operation.Parameter {
    fileprivate var openAPI: JSONValue {
        [
            "name": .string(name), "in": .string(location.rawValue), "required": .bool(required),
            "description": .string(summary), "schema": location == .query ? schemaInAnAddress : schema,
        ]
    }

    /// Characters of a list in an address: a server reads 80 KB of a request's head at most.
    private static let mostInAnAddress = 16_384

    /// A list that would not fit into an address is told shorter.
    private var schemaInAnAddress: JSONValue {
        guard case .list(.text(let length), let most) = kind, most * length > Self.mostInAnAddress else {
            return schema
        }
        return Operation.Parameter.Kind.list(.text(upTo: length), upTo: max(1, Self.mostInAnAddress / length)).schema
    }
}
