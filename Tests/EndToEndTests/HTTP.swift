import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// What came back from a server.
struct Reply: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: String
    var json: JSON {
        get throws {
            do {
                return try JSONDecoder().decode(JSON.self, from: Data(body.utf8))
            } catch {
                throw Server.Unlike(seen: "\(status), not JSON: \(body.prefix(200))")
            }
        }
    }
}

enum HTTP {
    /// One try to connect: a closed port is an answer here.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        // A form and the page that it leads back to have one address.
        configuration.redirectConfiguration = .follow(max: 5, allowCycles: true)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    static func call(
        _ url: String, _ headers: [String: String] = [:], method: HTTPMethod = .GET, body: String = "",
        limit: TimeAmount = .seconds(20)
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers.add(contentsOf: HTTPHeaders(headers.map { ($0.key, $0.value) }))
        if !body.isEmpty { request.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await client.execute(request, timeout: limit)
        let bytes = try await answer.body.collect(upTo: 64 << 20)
        return Reply(status: Int(answer.status.code), headers: answer.headers, body: String(buffer: bytes))
    }

    /// Opens a server-sent event stream and hands over its lines until `take` says that it is enough; an empty first line
    /// tells that the stream is open.
    static func stream(_ url: String, _ take: (String) async throws -> Bool) async throws {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "accept", value: "text/event-stream")
        let answer = try await client.execute(request, timeout: .seconds(60))
        guard answer.status == .ok, try await take("") else { return }
        var rest = ""
        for try await part in answer.body {
            rest += String(buffer: part)
            while let end = rest.firstIndex(of: "\n") {
                let line = String(rest[..<end])
                rest = String(rest[rest.index(after: end)...])
                guard try await take(line) else { return }
            }
        }
    }
}

/// Any JSON value, read by dots: `answer.items[0].name.string`.
@dynamicMemberLookup
enum JSON: Decodable, Equatable, Sendable, CustomStringConvertible {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    subscript(dynamicMember key: String) -> JSON { self[key] }
    subscript(key: String) -> JSON { if case .object(let members) = self { members[key] ?? .null } else { .null } }
    subscript(index: Int) -> JSON { array.indices.contains(index) ? array[index] : .null }
    var array: [JSON] { if case .list(let items) = self { items } else { [] } }
    var keys: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
    var string: String? { if case .text(let text) = self { text } else { nil } }
    var double: Double? { if case .number(let number) = self { number } else { nil } }
    var int: Int? { double.flatMap { Int(exactly: $0) } }
    var isNull: Bool { self == .null }

    var description: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let number): "\(number)"
        case .text(let text): text
        case .list(let items): "\(items)"
        case .object(let members): "\(members)"
        }
    }
}
