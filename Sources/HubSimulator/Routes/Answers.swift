import Foundation
package import HTTPTypes
package import Hummingbird

extension Response {
    /// A JSON answer.
    package static func json(
        _ value: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) throws -> Response {
        json(try value.encoded(), status: status, headers: headers)
    }

    /// The same of a long answer, which has a type of its own.
    static func json(encoding value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return json(try encoder.encode(value))
    }

    /// The same of what is encoded already.
    static func json(_ data: Data, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json; charset=utf-8"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
    }

    package static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

extension Request {
    /// The body as JSON, an empty one as an empty object.
    /// - Throws: 400 for anything else.
    package func json(upTo limit: Int = 32 << 20) async throws -> JSON {
        let buffer = try await body.collect(upTo: limit)
        if buffer.readableBytes == 0 { return [:] }
        do { return try JSON(decoding: buffer) } catch { throw HubError.bad("Invalid JSON body") }
    }

    package func query(_ name: String) -> String? { uri.queryParameters[Substring(name)].map(String.init) }
    /// Every value of a repeated parameter, `name=a&name=b` and `name[]=a` alike; the brackets come percent-encoded from some clients.
    package func queries(_ name: String) -> [String] {
        let names = [name, name + "[]", name + "%5B%5D", name + "%5b%5d"]
        return uri.queryParameters.filter { names.contains(String($0.key)) }.map { String($0.value) }
    }
    /// `true`, `1` and `True`; Python's client writes the first, JavaScript's often the second.
    package func flag(_ name: String) -> Bool { ["true", "1", "True"].contains(query(name) ?? "") }
}

extension HubContext {
    /// A path parameter, percent-decoded.
    package func decoded(_ name: String) throws -> String {
        let raw = try parameters.require(name)
        return try Self.decoded(raw)
    }

    private static func decoded(_ raw: String) throws -> String {
        // No name has them, and git would read a name only up to the first zero byte.
        guard let text = raw.removingPercentEncoding, !text.hasControlCharacter else {
            throw HubError.bad("Invalid path")
        }
        return text
    }

    /// What `**` stood for, decoded segment by segment: `src%2Fapp` and `src/app` are the same path.
    func rest() throws -> String {
        try parameters.getCatchAll().map { try Self.decoded(String($0)) }.joined(separator: "/")
    }
}
