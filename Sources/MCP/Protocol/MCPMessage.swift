package import StokerCore

/// The headers of a message that came by HTTP.
package struct MCPHeaders: Sendable, Equatable {
    private let fields: [String: [String]]

    /// - Parameter fields: names in lower case.
    package init(_ fields: [String: [String]]) { self.fields = fields }

    /// Those that are looked at begin so; a door copies no others.
    package static let prefix = "mcp-"

    /// The values without spaces at their ends.
    func values(_ name: String) -> [String] { (fields[name] ?? []).map { $0.trimmedSpaces } }
    package var session: String? { values("mcp-session-id").first }
}

/// A request, told apart and checked as far as that is possible without knowing its method.
package struct MCPRequest: Sendable, Equatable {
    /// A string or a whole number.
    package var id: JSONValue
    package var method: String
    /// An object.
    package var params: JSONValue
    package var era: MCPEra
    /// nil for one that did not come by HTTP.
    package var headers: MCPHeaders?

    /// Ends only with its client.
    var isEndless: Bool { era == .modern && method == "subscriptions/listen" }
    var meta: JSONValue { params["_meta"] ?? [:] }
    var progressToken: JSONValue? {
        switch meta[MCPMeta.progressToken] {
        case .string(let text): .string(text)
        case .integer(let number): .integer(number)
        default: nil
        }
    }
}

/// What came in, read without knowing anything of what came before.
package enum MCPMessage: Sendable, Equatable {
    case request(MCPRequest)
    case notification(method: String, params: JSONValue)
    /// The answer to a request of ours.
    case response(id: JSONValue, result: Result)
    case refused(MCPError, id: JSONValue, status: Int)

    package enum Result: Sendable, Equatable {
        case result(JSONValue)
        case error(JSONValue)
    }

    /// - Parameters:
    ///   - bytes: one message.
    ///   - headers: nil for a message that did not come by HTTP.
    package init(_ bytes: [UInt8], _ headers: MCPHeaders?) {
        let json: JSONValue
        do throws(JSONValue.SyntaxError) {
            json = try JSONValue(reading: bytes)
        } catch {
            self = .refused(.unreadable("\(error)"), id: .null, status: 400)
            return
        }
        do throws(MCPError) {
            self = try Self.read(json, headers)
        } catch {
            // A request whose id can be read has its error under it.
            let id = json["id"].flatMap { Self.isID($0) ? $0 : nil } ?? .null
            self = .refused(error, id: error.code == -32_600 ? .null : id, status: error.status(.modern))
        }
    }

    private static func isID(_ value: JSONValue) -> Bool {
        switch value {
        case .string, .integer: true
        default: false
        }
    }

    private static func read(_ json: JSONValue, _ headers: MCPHeaders?) throws(MCPError) -> MCPMessage {
        guard json.array == nil else { throw .invalid("batches are not taken: send one message a request") }
        guard json.members != nil else { throw .invalid("a message is an object") }
        guard json["jsonrpc"]?.string == "2.0" else { throw .invalid("\"jsonrpc\" is not \"2.0\"") }
        let id = json["id"]
        if let id, !isID(id) { throw .invalid("an \"id\" is a string or a whole number") }
        guard let name = json["method"] else {
            guard let id else { throw .invalid("the message has neither \"method\" nor \"id\"") }
            if let result = json["result"] { return .response(id: id, result: .result(result)) }
            guard let error = json["error"] else { throw .invalid("the message has no \"method\"") }
            return .response(id: id, result: .error(error))
        }
        guard let method = name.string else { throw .invalid("\"method\" is no text") }
        let params = json["params"] ?? [:]
        guard let id else {
            return .notification(method: method, params: params.members == nil ? [:] : params)
        }
        guard params.members != nil else { throw .params("\"params\" is no object") }
        let era = try Self.era(params, headers)
        let request = MCPRequest(id: id, method: method, params: params, era: era, headers: headers)
        if era == .modern { try check(request, headers) }
        return .request(request)
    }

    // MARK: Eras

    private static func era(_ params: JSONValue, _ headers: MCPHeaders?) throws(MCPError) -> MCPEra {
        let isMarked = params["_meta"]?[MCPMeta.version] != nil
        guard let headers else { return isMarked ? .modern : .legacy }
        let named = headers.values("mcp-protocol-version")
        let isLegacy = named.contains { MCPEra.legacyVersions.contains($0) }
        if isMarked {
            guard !isLegacy, !named.isEmpty else {
                throw .header("the header MCP-Protocol-Version is not the version in \"_meta\"")
            }
            return .modern
        }
        return named.isEmpty || isLegacy ? .legacy : .modern
    }

    /// What every request of the modern era has: the shape of `_meta`, then the headers, then the version.
    private static func check(_ request: MCPRequest, _ headers: MCPHeaders?) throws(MCPError) {
        let meta = request.meta
        guard let version = meta[MCPMeta.version]?.string else {
            throw .params("\"_meta\" has no \"\(MCPMeta.version)\"")
        }
        guard meta[MCPMeta.capabilities]?.members != nil else {
            throw .params("\"_meta\" has no object \"\(MCPMeta.capabilities)\"")
        }
        if let info = meta[MCPMeta.clientInfo], info.members == nil {
            throw .params("\"\(MCPMeta.clientInfo)\" is no object")
        }
        if let headers {
            try compare("MCP-Protocol-Version", headers.values("mcp-protocol-version"), version)
            try compare("Mcp-Method", headers.values("mcp-method"), request.method)
            let names = ["tools/call": "name", "prompts/get": "name", "resources/read": "uri"]
            if let member = names[request.method], let name = request.params[member]?.string {
                try compare("Mcp-Name", headers.values("mcp-name"), name)
            }
        }
        guard MCPEra.modernVersions.contains(version) else { throw .version(version) }
    }

    /// The headers that repeat arguments of a tool.
    /// - Parameter parameters: names of arguments, and the rest of the header's name.
    static func check(_ request: MCPRequest, parameters: [String: String]) throws(MCPError) {
        guard request.era == .modern, let headers = request.headers else { return }
        for (argument, suffix) in parameters {
            let name = "Mcp-Param-\(suffix)"
            let values = headers.values(name.lowercased())
            let given = request.params["arguments"]?[argument]
            guard let given, !given.isNull else {
                guard values.isEmpty else { throw .header("the header \(name) is there, and the argument is not") }
                continue
            }
            try compare(name, values, given.string ?? given.text)
        }
    }

    private static func compare(_ name: String, _ values: [String], _ wanted: String) throws(MCPError) {
        guard let value = values.first else { throw .header("the header \(name) is missing") }
        guard values.count == 1 else { throw .header("the header \(name) is there \(values.count) times") }
        guard decoded(value) == wanted.trimmedSpaces || decoded(value) == wanted else {
            throw .header("the header \(name) is not what the body says")
        }
    }

    /// `=?base64?…?=` holds what a header cannot.
    private static func decoded(_ value: String) -> String? {
        guard value.hasPrefix("=?base64?"), value.hasSuffix("?="), value.count >= 11 else { return value }
        return Base64.bytes(String(value.dropFirst(9).dropLast(2))).flatMap { String(validating: $0, as: UTF8.self) }
    }
}

extension String {
    /// Without spaces and tabs at its ends, as HTTP compares values.
    var trimmedSpaces: String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
