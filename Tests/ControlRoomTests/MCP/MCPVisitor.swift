import MCP
import NIOCore
import StokerCore
import Testing

/// A client of `/mcp` that speaks as it likes: for scenarios, right and wrong.
struct MCPVisitor: Sendable {
    let served: Served
    let era: MCPEra
    var capabilities: JSONValue = ["elicitation": [:], "sampling": [:], "roots": [:]]
    /// Of the legacy era.
    var session: String?

    struct Reply: Sendable {
        var status: Int
        var headers: [String: String]
        /// In the order they came; the answer is among them.
        var messages: [JSONValue]
        var isStream: Bool { headers["content-type"]?.hasPrefix("text/event-stream") == true }
        /// The answer to the request.
        var answer: JSONValue { messages.last { $0["method"] == nil } ?? .null }
        var result: JSONValue { answer["result"] ?? .null }
        var code: Int? { answer["error"]?["code"]?.integer }
        func notifications(_ method: String) -> [JSONValue] {
            messages.filter { $0["method"]?.string == method }.map { $0["params"] ?? .null }
        }
    }

    /// The parameters with what the era wants beside them.
    func params(_ params: JSONValue, meta: JSONValue = [:]) -> JSONValue {
        var own = meta.members ?? []
        if era == .modern {
            own =
                [
                    .init(MCPMeta.version, "2026-07-28"),
                    .init(MCPMeta.clientInfo, ["name": "test", "version": "1", "title": "a further field"]),
                    .init(MCPMeta.capabilities, capabilities),
                ].filter { member in !own.contains { $0.name == member.name } } + own
        }
        return own.isEmpty ? params : params.adding([.init("_meta", .object(own))])
    }

    func headers(_ method: String, _ params: JSONValue) -> [(String, String)] {
        guard era == .modern else {
            return [("MCP-Protocol-Version", "2025-11-25")] + (session.map { [("Mcp-Session-Id", $0)] } ?? [])
        }
        let name = params["name"]?.string ?? params["uri"]?.string
        return [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)]
            + (["tools/call", "prompts/get", "resources/read"].contains(method)
                ? name.map { [("Mcp-Name", $0)] } ?? [] : [])
    }

    /// A request as the era wants it.
    /// - Parameter change: what is done to its headers.
    @discardableResult
    func ask(
        _ method: String, _ given: JSONValue = [:], meta: JSONValue = [:], id: JSONValue = 1,
        change: (inout [(String, String)]) throws -> Void = { _ in },
        onMessage: @escaping @Sendable (JSONValue) async throws -> Bool = { _ in true }
    ) async throws -> Reply {
        let params = params(given, meta: meta)
        var headers = headers(method, params)
        try change(&headers)
        let reply = try await post(
            JSONValue.object([
                .init("jsonrpc", "2.0"), .init("id", id), .init("method", .string(method)), .init("params", params),
            ]).text, headers, onMessage: onMessage)
        check(reply, id)
        return reply
    }

    /// What holds for every answer.
    private func check(_ reply: Reply, _ id: JSONValue) {
        // Who may not come in is told as everywhere else on this port.
        guard reply.answer != .null, ![401, 403, 413, 421].contains(reply.status) else { return }
        #expect(reply.answer["jsonrpc"] == "2.0")
        #expect(reply.answer["id"] == id)
        #expect((reply.answer["result"] == nil) != (reply.answer["error"] == nil))
        if let error = reply.answer["error"] {
            #expect(error["code"]?.integer != nil && error["message"]?.string?.isEmpty == false)
            if let code = reply.code { #expect(!(-32_019 ... -32_003).contains(code) && code != -32_000) }
        } else if era == .modern {
            #expect(["complete", "input_required"].contains(reply.result["resultType"]?.string))
            #expect(reply.result["_meta"]?[MCPMeta.serverInfo]?["name"]?.string != nil)
        } else {
            #expect(reply.result["resultType"] == nil && reply.result["ttlMs"] == nil)
        }
    }

    func call(
        _ tool: String, _ arguments: JSONValue = [:], meta: JSONValue = [:], more: [JSONValue.Member] = [],
        onMessage: @escaping @Sendable (JSONValue) async throws -> Bool = { _ in true }
    ) async throws -> Reply {
        try await ask(
            "tools/call", JSONValue.object([.init("name", .string(tool)), .init("arguments", arguments)] + more),
            meta: meta, onMessage: onMessage)
    }

    /// One POST over a connection of its own.
    /// - Parameter onMessage: gets each message as it comes; false ends the connection.
    func post(
        _ body: String, _ headers: [(String, String)], type: String? = "application/json", method: String = "POST",
        path: String = "/mcp", onMessage: @escaping @Sendable (JSONValue) async throws -> Bool = { _ in true }
    ) async throws -> Reply {
        var text = "\(method) \(path) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.0.lowercased() == "host" }) { text += "Host: 127.0.0.1:\(served.port)\r\n" }
        if let type { text += "Content-Type: \(type)\r\n" }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        var reading = Reading()
        for try await part in try await served.stream(raw: text) {
            for message in try reading.take(Array(part.readableBytesView)) where try await !onMessage(message) {
                return reading.reply
            }
        }
        reading.end()
        return reading.reply
    }

    /// An answer as it comes: its head, then JSON or frames, perhaps in chunks.
    private struct Reading {
        var reply = Reply(status: 0, headers: [:], messages: [])
        private var raw: [UInt8] = []
        private var body: [UInt8] = []
        private var hasHead = false

        mutating func take(_ bytes: [UInt8]) throws -> [JSONValue] {
            raw += bytes
            if !hasHead {
                guard let end = raw.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
                let lines = String(decoding: raw[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
                reply.status = try #require(Int(lines[0].split(separator: " ")[1]))
                for line in lines.dropFirst() {
                    let name = line.prefix { $0 != ":" }
                    reply.headers[name.lowercased()] = String(line.dropFirst(name.count + 2))
                }
                hasHead = true
                raw = Array(raw[end.upperBound...])
            }
            if reply.headers["transfer-encoding"] == "chunked" {
                while let end = raw.firstRange(of: [13, 10]),
                    let size = Int(String(decoding: raw[..<end.lowerBound], as: UTF8.self), radix: 16), size > 0,
                    raw.count >= end.upperBound + size + 2
                {
                    body += raw[end.upperBound..<(end.upperBound + size)]
                    raw = Array(raw[(end.upperBound + size + 2)...])
                }
            } else {
                body += raw
                raw = []
            }
            guard reply.isStream else { return [] }
            var fresh: [JSONValue] = []
            while let end = body.firstRange(of: Array("\r\n\r\n".utf8)) {
                for line in String(decoding: body[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
                where line.hasPrefix("data: ") {
                    fresh.append(try JSONValue(reading: String(line.dropFirst(6))))
                }
                body = Array(body[end.upperBound...])
            }
            reply.messages += fresh
            return fresh
        }

        mutating func end() {
            guard !reply.isStream, let json = try? JSONValue(reading: body) else { return }
            reply.messages = [json]
        }
    }
}
