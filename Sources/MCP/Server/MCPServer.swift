package import StokerCore
import Synchronization

/// Answers messages of both eras. Between two requests it remembers nothing but the calls under way, so that a restart is not noticed.
package final class MCPServer: Sendable {
    private let catalogue: any MCPCatalogue
    private let seal: Seal
    private let running = RunningCalls()
    private let requests = ClientRequests()
    private struct Open {
        var calls: [ObjectIdentifier: MCPCallStream] = [:]
        var listeners = 0
        var isClosed = false
    }
    private let open = Mutex(Open())
    /// Calls at once; further ones are refused. Default 256.
    private let callLimit: Int
    /// Of them, followers of changes.
    private static let listenerLimit = 100
    private static let sessionPurpose = "mcp session 1"

    package init(catalogue: any MCPCatalogue, seal: Seal, callLimit: Int = 256) {
        self.catalogue = catalogue
        self.seal = seal
        self.callLimit = callLimit
    }

    /// Which calls belong together, and what their client said of itself.
    package struct Session: Sendable {
        /// nil: nothing calls these calls off by their id.
        var scope: String?
        var capabilities: JSONValue

        package init(scope: String? = nil, capabilities: JSONValue = [:]) {
            self.scope = scope
            self.capabilities = capabilities
        }
    }

    /// Ends what waits and what follows changes, each with its answer, and takes no further calls: the process is about to end.
    package func close() {
        let calls = open.withLock { open in
            open.isClosed = true
            return Array(open.calls.values)
        }
        for call in calls { call.stop() }
    }

    /// Returns when nothing is under way that must not be torn.
    package func settle() async { await catalogue.settle() }

    /// The session that a legacy client names. Any text is taken, and none.
    package func session(named id: String?) -> Session {
        guard let id else { return Session() }
        let sealed = seal.open(id, for: Self.sessionPurpose)
        return Session(scope: id, capabilities: sealed?["capabilities"] ?? [:])
    }

    // MARK: What is no request

    package func take(notification method: String, _ params: JSONValue, _ session: Session) {
        guard method == "notifications/cancelled", let scope = session.scope, let id = params["requestId"] else {
            return
        }
        running.cancel(.init(scope: scope, id: id))
    }

    package func take(response id: JSONValue, _ result: MCPMessage.Result) { requests.answer(id, result) }

    // MARK: Requests

    /// Begins to work on a request.
    package func start(_ request: MCPRequest, from client: MCPClient, _ session: Session) -> MCPCallStream {
        let call = MCPCallStream()
        let isListener = request.isEndless
        let isIn = open.withLock { open in
            guard !open.isClosed, open.calls.count < callLimit, !isListener || open.listeners < Self.listenerLimit
            else { return false }
            open.calls[ObjectIdentifier(call)] = call
            if isListener { open.listeners += 1 }
            return true
        }
        guard isIn else {
            call.end(.answer(failed(.trouble("too many calls are under way; try again in a moment"), request)))
            return call
        }
        let key = session.scope.map { RunningCalls.Key(scope: $0, id: request.id) }
        if let key { running.add(call, key) }
        let exchange = MCPExchange(
            era: request.era, client: client,
            capabilities: request.era == .modern ? request.meta[MCPMeta.capabilities] ?? [:] : session.capabilities,
            params: request.params, progressToken: request.progressToken,
            logLevel: request.meta[MCPMeta.logLevel]?.string, requests: requests, emit: { call.emit($0) })
        call.begin(
            Task {
                let answer = await answer(request, exchange)
                if let key { running.remove(call, key) }
                open.withLock { open in
                    open.calls[ObjectIdentifier(call)] = nil
                    if isListener { open.listeners -= 1 }
                }
                call.end(.answer(answer))
            })
        return call
    }

    private func failed(_ error: MCPError, _ request: MCPRequest) -> MCPAnswer {
        MCPAnswer(json: error.json(id: request.id), status: error.status(request.era))
    }

    private func answer(_ request: MCPRequest, _ exchange: MCPExchange) async -> MCPAnswer {
        do {
            let result =
                switch request.era {
                case .legacy: try await legacy(request, exchange)
                case .modern: try await modern(request, exchange)
                }
            return MCPAnswer(
                json: ["jsonrpc": "2.0", "id": request.id, "result": result], status: 200,
                session: request.era == .legacy && request.method == "initialize" ? newSession(request) : nil)
        } catch let error as MCPError {
            return failed(error, request)
        } catch let failure as Failure {
            return failed(.trouble(failure.description), request)
        } catch {
            return failed(.trouble("something that should not happen did"), request)
        }
    }

    /// All that will have to be known of the client, in the id itself.
    private func newSession(_ request: MCPRequest) -> String {
        let capabilities = ["sampling", "elicitation", "roots"].filter {
            request.params["capabilities"]?[$0]?.members != nil
        }
        return seal.close(
            [
                "random": .string(Seal.random()),
                "capabilities": .object(capabilities.map { .init($0, [:]) }),
            ], for: Self.sessionPurpose)
    }

    // MARK: Methods

    private func legacy(_ request: MCPRequest, _ exchange: MCPExchange) async throws -> JSONValue {
        let features = catalogue.capabilities(.legacy)
        switch request.method {
        case "initialize":
            return [
                "protocolVersion": .string(MCPEra.negotiated(request.params["protocolVersion"]?.string)),
                "capabilities": features, "serverInfo": catalogue.serverInfo,
                "instructions": .string(catalogue.instructions),
            ]
        case "ping": return [:]
        case "logging/setLevel" where features["logging"] != nil:
            guard let level = request.params["level"]?.string, Self.levels.contains(level) else {
                throw MCPError.params("\"level\" is none of \(Self.levels.joined(separator: ", "))")
            }
            return [:]
        case "resources/subscribe" where features["resources"]?["subscribe"]?.bool == true,
            "resources/unsubscribe" where features["resources"]?["subscribe"]?.bool == true:
            guard request.params["uri"]?.string != nil else { throw MCPError.params("\"uri\" is missing") }
            return [:]
        default: return try await common(request, exchange)
        }
    }

    private static let levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

    private func modern(_ request: MCPRequest, _ exchange: MCPExchange) async throws -> JSONValue {
        switch request.method {
        case "server/discover":
            return finished(
                [
                    "supportedVersions": .array(MCPEra.modernVersions.map { .string($0) }),
                    "capabilities": catalogue.capabilities(.modern),
                    "instructions": .string(catalogue.instructions),
                ], isCached: true)
        case "subscriptions/listen": return try await listen(request, exchange)
        case "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe":
            throw MCPError.noMethod(request.method)
        default:
            let isCached = request.method.hasSuffix("/list") || request.method == "resources/read"
            return finished(try await common(request, exchange), isCached: isCached)
        }
    }

    /// A result as the modern era wants it.
    private func finished(_ result: JSONValue, isCached: Bool = false) -> JSONValue {
        var members = result.members ?? []
        if result["resultType"] == nil { members.append(.init("resultType", "complete")) }
        if isCached { members += [.init("ttlMs", 0), .init("cacheScope", "private")] }
        let info = JSONValue.Member(MCPMeta.serverInfo, catalogue.serverInfo)
        if let index = members.firstIndex(where: { $0.name == "_meta" }) {
            members[index].value = members[index].value.adding([info])
        } else {
            members.append(.init("_meta", .object([info])))
        }
        return .object(members)
    }

    private func common(_ request: MCPRequest, _ exchange: MCPExchange) async throws -> JSONValue {
        let features = catalogue.capabilities(request.era)
        switch request.method {
        case "tools/list":
            try refuseCursor(request)
            return ["tools": .array(catalogue.tools)]
        case "tools/call":
            let name = try text("name", request)
            try MCPMessage.check(request, parameters: catalogue.headerParameters(of: name))
            return try await catalogue.call(name, try object("arguments", request), exchange)
        case "resources/list" where features["resources"] != nil:
            try refuseCursor(request)
            return ["resources": .array(try await catalogue.resources())]
        case "resources/templates/list" where features["resources"] != nil:
            try refuseCursor(request)
            return ["resourceTemplates": .array(catalogue.resourceTemplates)]
        case "resources/read" where features["resources"] != nil:
            let uri = try text("uri", request)
            guard let contents = try await catalogue.read(uri, exchange) else {
                throw MCPError.noResource(uri, request.era)
            }
            return ["contents": .array(contents)]
        case "prompts/list" where features["prompts"] != nil:
            try refuseCursor(request)
            return ["prompts": .array(catalogue.prompts)]
        case "prompts/get" where features["prompts"] != nil:
            let name = try text("name", request)
            guard let prompt = try await catalogue.prompt(name, try object("arguments", request), exchange) else {
                throw MCPError.params("there is no prompt \"\(Redaction.quote(name, limit: 60))\"")
            }
            return prompt
        case "completion/complete" where features["completions"] != nil:
            guard let argument = request.params["argument"], let name = argument["name"]?.string,
                let reference = request.params["ref"], reference.members != nil
            else { throw MCPError.params("\"ref\" and \"argument\" with its \"name\" are wanted") }
            let values = try await catalogue.complete(
                reference, argument: name, argument["value"]?.string ?? "")
            return [
                "completion": [
                    "values": .array(values.prefix(100).map { .string($0) }), "total": .integer(Int64(values.count)),
                    "hasMore": .bool(values.count > 100),
                ]
            ]
        default: throw MCPError.noMethod(request.method)
        }
    }

    /// No list of ours has pages, so no cursor is one of ours.
    private func refuseCursor(_ request: MCPRequest) throws(MCPError) {
        guard let cursor = request.params["cursor"], !cursor.isNull else { return }
        throw .params("\"cursor\" is not one of this list, which has one page")
    }

    private func text(_ name: String, _ request: MCPRequest) throws(MCPError) -> String {
        guard let text = request.params[name]?.string else { throw .params("\"\(name)\" is missing or no text") }
        return text
    }

    private func object(_ name: String, _ request: MCPRequest) throws(MCPError) -> JSONValue {
        guard let value = request.params[name], !value.isNull else { return [:] }
        guard value.members != nil else { throw .params("\"\(name)\" is no object") }
        return value
    }

    // MARK: Changes

    private func listen(_ request: MCPRequest, _ exchange: MCPExchange) async throws -> JSONValue {
        let features = catalogue.capabilities(.modern)
        func has(_ area: String, _ feature: String) -> Bool { features[area]?[feature]?.bool == true }
        guard
            ["tools", "prompts", "resources"].contains(where: { has($0, "listChanged") || has($0, "subscribe") })
        else { throw MCPError.noMethod(request.method) }
        guard let wanted = request.params["notifications"], wanted.members != nil else {
            throw MCPError.params("\"notifications\" is missing or no object")
        }
        var honoured: [JSONValue.Member] = []
        var kinds: [String] = []
        for area in ["tools", "prompts", "resources"] {
            let name = "\(area)ListChanged"
            guard wanted[name]?.bool == true, has(area, "listChanged") else { continue }
            honoured.append(.init(name, true))
            kinds.append(area)
        }
        let uris = (wanted["resourceSubscriptions"]?.array ?? []).prefix(100).compactMap(\.string)
            .filter { has("resources", "subscribe") && catalogue.isWatched($0) }
        if !uris.isEmpty { honoured.append(.init("resourceSubscriptions", .array(uris.map { .string($0) }))) }
        let meta: JSONValue = .object([.init(MCPMeta.subscription, request.id)])
        // Before the acknowledgement, so that nothing falls between the two.
        let changes = await catalogue.changes()
        exchange.notify(
            "notifications/subscriptions/acknowledged",
            ["_meta": meta, "notifications": .object(honoured)])
        for await change in changes {
            switch change {
            case .tools where kinds.contains("tools"):
                exchange.notify("notifications/tools/list_changed", ["_meta": meta])
            case .prompts where kinds.contains("prompts"):
                exchange.notify("notifications/prompts/list_changed", ["_meta": meta])
            case .resources where kinds.contains("resources"):
                exchange.notify("notifications/resources/list_changed", ["_meta": meta])
            case .resource(let uri) where uris.contains(uri):
                exchange.notify("notifications/resources/updated", ["_meta": meta, "uri": .string(uri)])
            default: continue
            }
        }
        return finished(["_meta": meta])
    }
}
