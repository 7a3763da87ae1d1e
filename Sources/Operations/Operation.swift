package import StokerCore

/// One thing a person, a script or an agent can ask for. Every interface (REST, the command line, later MCP) reads ``all`` and adds
/// nothing of its own, so that what one can do, all can.
///
/// An operation is a file: what it takes, what it answers with, what it does to the world, and how it is done. An interface parses,
/// calls ``call(_:in:)`` and renders.
package struct Operation: Sendable {
    /// Stable and bounded: `list-checks`. Also OpenAPI's `operationId`.
    package let name: String
    /// One line, as documentation shows it.
    package let summary: String
    /// What is being done, for failures: "list the checks".
    package let doing: String
    /// What it does to the world; who may call it follows from this.
    package let effect: Effect
    package let permission: Permission
    /// What its caller must hold. Every interface asks ``call(_:in:)`` for it, nothing else decides.
    package let scope: Scope
    /// Works on the fleet of a running Stoker. Without this an operation runs in any process.
    package let needsFleet: Bool
    /// May ask for confirmation before it does what cannot be undone, costs money or reveals a secret; it takes ``Parameter/confirm(_:)`` then.
    package let asks: Bool
    /// Ends when its caller goes. What changes something is brought to its end in any case.
    package let isCancellable: Bool
    package let method: Method
    /// Below `/api/v1`. One `{name}` takes one or more segments of the address, since names of checks hold slashes; several take
    /// one segment each, in which a slash is written `%2F`.
    package let path: String
    package let parameters: [Parameter]
    /// Largest request body that is read; bytes. As large as its lists can become, so that what fits the description is read.
    package let bodyLimit: Int
    /// What comes back; one of ``Shape/all``.
    package let answer: Shape
    /// How its list comes in pages; nil where it has none, or gives pages by itself.
    package let paging: Paging?
    /// Does it. Called with checked arguments; what it throws becomes a ``Failure`` in ``call(_:in:)``.
    package let run: @Sendable (OperationContext, Arguments) async throws -> JSONValue

    /// What it does to the world. Who may ask for it follows from this.
    package enum Effect: String, Sendable, CaseIterable {
        /// Changes nothing.
        case read
        /// Changes something that can be changed back.
        case write
        /// May destroy something for good, or break what others rely on.
        case destructive
        /// May cost money.
        case paid

        /// Who may have it done; the one table of it.
        package var scope: Scope {
            switch self {
            case .read: .read
            case .write: .operate
            case .destructive, .paid: .admin
            }
        }
    }

    /// Who may call it.
    package enum Permission: String, Sendable, CaseIterable {
        /// Open unless reading was made private.
        case read
        /// Needs a token or a session wherever there is one; ``Operation/scope`` says which.
        case write
        /// Needs the token or the heartbeat's own key wherever there is a token.
        case beat
    }

    /// Of its route; raw values are those of HTTP.
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    /// Largest body of a call unless the operation says otherwise; bytes.
    package static let usualBodyLimit = 64 * 1024

    /// - Parameters:
    ///   - permission: `read` for an operation that only reads, else `write`, unless given. An operation that reads with the server's
    ///     own account on the Hub needs `write`: a stranger must not see private Spaces by it.
    ///   - scope: follows from the effect unless given. What only reads, but hands out a key or reaches into networks, says `operate`.
    ///   - isCancellable: true for what only reads, unless given.
    ///   - asks: true for destructive and paid operations unless given.
    package init(
        name: String, summary: String, doing: String, effect: Effect = .read, permission: Permission? = nil,
        scope: Scope? = nil, needsFleet: Bool = false, asks: Bool? = nil, isCancellable: Bool? = nil,
        method: Method = .get, path: String,
        parameters: [Parameter] = [], bodyLimit: Int = Operation.usualBodyLimit, answer: Shape, paging: Paging? = nil,
        run: @escaping @Sendable (OperationContext, Arguments) async throws -> JSONValue
    ) {
        self.name = name
        self.summary = summary
        self.doing = doing
        self.effect = effect
        self.permission = permission ?? (effect == .read ? .read : .write)
        self.scope = scope ?? effect.scope
        self.needsFleet = needsFleet
        self.asks = asks ?? (effect.scope == .admin)
        self.isCancellable = isCancellable ?? (effect == .read)
        self.method = method
        self.path = path
        // What deletes has no body: proxies drop it.
        self.parameters =
            parameters + (paging?.parameters ?? [])
            + (self.asks ? [.confirm(method == .delete || method == .get ? .query : .body)] : [])
        self.bodyLimit = max(
            bodyLimit, self.parameters.filter { $0.location == .body }.reduce(0) { $0 + $1.kind.bytes })
        self.answer = answer
        self.paging = paging
        self.run = run
    }
}

extension Operation {
    /// An input. Path parameters come in the address, the others in the query; all but GET take them from the body as well.
    package struct Parameter: Sendable, Equatable {
        package let name: String
        package let location: Location
        package let kind: Kind
        package let required: Bool
        /// What is used when it is not given, as documentation shows it; nil when its absence itself means something.
        package let defaultValue: JSONValue?
        package let summary: String
        /// What its text looks like, as a regular expression for documentation. Whether it fits is the operation's to say.
        package let form: String?
        /// Values that used to fit, each with what to give in its place: `streamlit` and a sentence. In lower case.
        package let retired: [String: String]

        /// Where an interface takes the input from.
        package enum Location: String, Sendable {
            case path, query, body
            /// Taken from the caller's own process only: a folder of its disk. No interface of a server knows it.
            case local
        }

        /// What an input may hold; a value that does not fit is refused before the operation runs.
        package indirect enum Kind: Sendable, Equatable {
            /// Text of at most so many characters.
            case text(upTo: Int)
            /// The same, never shown in a message, a log or an answer.
            case secret(upTo: Int)
            case integer(ClosedRange<Int>)
            case flag
            /// RFC 3339 with a zone; with `ago`, a duration means that long before now.
            case instant(ago: Bool)
            /// `90s`, `2h`, `1d12h`.
            case duration
            case choice([String])
            /// Several of them, joined by commas.
            case choices([String])
            /// Base64 of at most so many bytes.
            case bytes(upTo: Int)
            /// At most so many of them. In a query the name is given several times.
            case list(Kind, upTo: Int)
            /// An object with these members.
            case object([Parameter])
        }

        /// A member of an object has no location of its own.
        package init(
            _ name: String, _ location: Location = .query, _ kind: Kind, required: Bool = false,
            defaultValue: JSONValue? = nil, form: String? = nil, retired: [String: String] = [:],
            _ summary: String
        ) {
            self.form = form
            self.retired = retired
            self.name = name
            self.location = location
            self.kind = kind
            self.required = required || location == .path
            self.defaultValue = defaultValue
            self.summary = summary
        }

        /// The yes to an operation that asks.
        package static func confirm(_ location: Location) -> Parameter {
            Parameter(
                confirmName, location, .flag,
                "The yes to what is asked before anything irreversible, paid or secret-revealing. Without it such a call fails with `confirmation_required` and the question, and changes nothing"
            )
        }
        /// The name of the input of ``confirm(_:)``.
        package static let confirmName = "confirm"
    }
}

extension Operation.Parameter.Kind {
    /// What it may have in a body, bytes; of a long text only a part: an operation that takes one says its limit itself.
    fileprivate var bytes: Int {
        switch self {
        case .text(let length), .secret(let length): min(length, 8_192) + 8
        case .list(let item, let most): min(24 << 20, (item.bytes + 8) * most)
        case .object(let members): members.reduce(8) { $0 + $1.kind.bytes + $1.name.utf8.count }
        default: 64
        }
    }
}

extension Operation {
    /// Checks the inputs and does it: the one entry point for every interface.
    /// - Parameter given: names and values as they came.
    /// - Throws: `forbidden` or `unauthorized` for a caller without the scope, `usage` for inputs that are not of their kinds, `unsuitable` for those that are and cannot be carried out, `confirmation_required` or `declined` without a yes, else what the operation throws.
    package func call(
        _ given: [(name: String, value: JSONValue)], in context: OperationContext
    ) async throws(Failure) -> JSONValue {
        // A beat's own key is proof enough; its door has looked at it.
        guard isLogged else { return try await carryOut(given, in: context) }
        let log = ActivityLog(context: context)
        let entry = await log.begin(self, given)
        do throws(Failure) {
            let answer = try await carryOut(given, in: context)
            await log.end(entry, nil)
            return answer
        } catch {
            await log.end(entry, error)
            throw error
        }
    }

    private func carryOut(
        _ given: [(name: String, value: JSONValue)], in context: OperationContext
    ) async throws(Failure) -> JSONValue {
        // Reading may be open to strangers, and a beat's own key is proof enough: their doors have looked at that.
        let principal = context.caller.principal
        if permission == .write || principal.scope != nil && permission != .beat {
            try principal.require(scope, doing: doing)
        }
        let arguments = try Arguments(given, for: self, now: context.now(), isLocal: context.caller.isLocal)
        if needsFleet, !context.hasFleet { throw .noFleet(doing: doing) }
        var context = context
        context.isForStranger = permission == .read && principal.scope == nil && !context.caller.isLocal
        context.isConfirmed = asks && arguments.flag(Parameter.confirmName)
        do {
            let answer = try await run(context, arguments)
            guard let paging else { return answer }
            return try paging.page(of: answer, arguments, isLocal: context.caller.isLocal, given: given)
        } catch {
            var failure = Failure(of: error, doing: doing)
            // The inputs are of their kinds; `usage` is said only of those that are not.
            if failure.code == .usage { failure.code = .unsuitable }
            throw failure
        }
    }

    /// The operation of that name.
    package static func named(_ name: String) -> Operation? { all.first { $0.name == name } }

    /// The names in braces of ``path``, in its order.
    package var pathNames: [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }
}
