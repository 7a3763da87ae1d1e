package import StokerCore

/// One thing a person, a script or an agent can ask for. Every door (REST, the command line, later MCP) reads ``all`` and adds
/// nothing of its own, so that what one can do, all can.
package struct Operation: Sendable {
    /// Stable and bounded: `list-checks`. Also OpenAPI's `operationId`.
    package let name: String
    /// One line, as documentation shows it.
    package let summary: String
    /// What is being done, for failures: "list the checks".
    package let doing: String
    package let permission: Permission
    package let method: Method
    /// Below `/api/v1`, with at most one `{name}` in it.
    package let path: String
    package let parameters: [Parameter]
    /// What comes back; one of ``Shape/all``.
    package let answer: Shape
    package let run: @Sendable (OperationContext, Arguments) async throws(Failure) -> JSONValue

    package enum Permission: String, Sendable, CaseIterable {
        /// Open unless reading was made private.
        case read
        /// Needs the token wherever there is one.
        case write
        /// Needs the token or the heartbeat's own key wherever there is a token.
        case beat
    }

    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    /// An input. Path parameters come in the address, the others in the query; a POST takes them from its body as well.
    package struct Parameter: Sendable {
        package let name: String
        package let place: Place
        package let kind: Kind
        package let required: Bool
        /// What is used when it is not given, as documentation shows it; nil when its absence itself means something.
        package let standard: JSONValue?
        package let summary: String

        package enum Place: String, Sendable { case path, query, body }

        package enum Kind: Sendable, Equatable {
            /// Text of at most so many characters.
            case text(upTo: Int)
            case integer(ClosedRange<Int>)
            case flag
            /// RFC 3339 with a zone; with `ago`, a duration means that long before now.
            case instant(ago: Bool)
            /// `90s`, `2h`, `1d12h`.
            case duration
            case choice([String])
            /// Several of them, joined by commas.
            case choices([String])
        }

        package init(
            _ name: String, _ place: Place = .query, _ kind: Kind, required: Bool = false, standard: JSONValue? = nil,
            _ summary: String
        ) {
            self.name = name
            self.place = place
            self.kind = kind
            self.required = required || place == .path
            self.standard = standard
            self.summary = summary
        }
    }

    package init(
        name: String, summary: String, doing: String, permission: Permission = .read, method: Method = .get,
        path: String,
        parameters: [Parameter] = [], answer: Shape,
        run: @escaping @Sendable (OperationContext, Arguments) async throws(Failure) -> JSONValue
    ) {
        self.name = name
        self.summary = summary
        self.doing = doing
        self.permission = permission
        self.method = method
        self.path = path
        self.parameters = parameters
        self.answer = answer
        self.run = run
    }
}

extension Operation {
    /// Everything that can be asked for, in the order documentation shows it.
    package static let all: [Operation] = [
        overview, listChecks, showCheck, checkSeries, transcript, observations, incidents, events,
        ping, pause, resume, beat, heartbeatKey, acknowledge, reload, backup,
    ]

    /// Checks the inputs and does it: the one way in for every door.
    /// - Parameter given: names and values as they came.
    /// - Throws: `usage` for inputs that do not fit, else what the operation throws.
    package func call(
        _ given: [(name: String, value: JSONValue)], in context: OperationContext
    ) async throws(Failure) -> JSONValue {
        try await run(context, Arguments(given, for: self, now: context.now()))
    }

    /// The operation of that name.
    package static func named(_ name: String) -> Operation? { all.first { $0.name == name } }
}
