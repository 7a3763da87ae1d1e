package import Hummingbird
import NIOCore
package import StokerCore

/// Answers in the shapes that pages and API share.
package enum Reply {
    package static func bytes(
        _ body: ByteBuffer, packed: ByteBuffer? = nil, type: String, cache: String = "no-store",
        status: HTTPResponse.Status = .ok, to request: Request
    ) -> Response {
        var headers: HTTPFields = [.contentType: type, .cacheControl: cache]
        guard body.readableBytes > 1_000 else {
            return Response(status: status, headers: headers, body: .init(byteBuffer: body))
        }
        headers[.vary] = "Accept-Encoding"
        if acceptsGzip(request), let packed = packed ?? Gzip.pack(body) {
            headers[.contentEncoding] = "gzip"
            return Response(status: status, headers: headers, body: .init(byteBuffer: packed))
        }
        return Response(status: status, headers: headers, body: .init(byteBuffer: body))
    }

    package static func html(_ text: String, status: HTTPResponse.Status = .ok, to request: Request) -> Response {
        bytes(ByteBuffer(string: text), type: "text/html; charset=utf-8", status: status, to: request)
    }

    package static func json(
        _ body: ByteBuffer, status: HTTPResponse.Status = .ok, to request: Request
    ) -> Response {
        bytes(body, type: "application/json; charset=utf-8", status: status, to: request)
    }

    package static func see(_ place: String) -> Response {
        Response(status: .seeOther, headers: [.location: place, .cacheControl: "no-store"])
    }

    /// The answer with `tag`, or 304 when the visitor has it.
    static func tagged(_ tag: String, _ request: Request, _ make: () -> Response) -> Response {
        if let known = request.headers[.ifNoneMatch],
            known.split(separator: ",").contains(where: { $0.trimmed == tag[...] || $0.trimmed == "*" })
        {
            return Response(
                status: .notModified, headers: [.eTag: tag, .cacheControl: "no-cache", .vary: "Accept-Encoding"])
        }
        var response = make()
        response.headers[.eTag] = tag
        response.headers[.cacheControl] = "no-cache"
        return response
    }

    /// `{"error":{"code":…,"message":…,"hint":…,"request_id":…}}`
    /// - Parameter id: of the request, as the log has it.
    package static func problem(_ failure: Failure, to request: Request, id: String) -> Response {
        var text = JSONText()
        text.object { text in
            text.key("error")
            text.object { text in
                text.key("code")
                text.value(failure.code.rawValue)
                text.key("doing")
                text.value(failure.doing)
                text.key("because")
                text.value(failure.because)
                text.key("hint")
                if let hint = failure.hint { text.value(hint) } else { text.null() }
                text.key("message")
                text.value(failure.description)
                text.key("request_id")
                text.value(id)
            }
        }
        var response = json(text.buffer, status: .init(code: failure.code.httpStatus), to: request)
        addHints(of: failure, to: &response)
        return response
    }

    static func addHints(of failure: Failure, to response: inout Response) {
        if case .after(let wait) = failure.retry {
            response.headers[.retryAfter] = String(max(1, Int(wait.seconds.rounded(.up))))
        }
        if failure.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"stoker\"" }
    }

    /// Whether the visitor is a browser that wants a page.
    static func wantsPage(_ request: Request) -> Bool {
        // Clients of programs look for documents at well-known places, and take no page for one.
        !["/api/", "/mcp", "/.well-known/"].contains { request.uri.path.hasPrefix($0) }
            && (request.headers[.accept]?.contains("text/html") ?? false)
    }

    /// RFC 9110 section 12.5.3, as far as gzip goes: named or `*`, and not with weight 0.
    static func acceptsGzip(_ request: Request) -> Bool {
        guard let header = request.headers[.acceptEncoding] else { return false }
        for item in header.split(separator: ",") {
            let parts = item.split(separator: ";").map(\.trimmed)
            guard let name = parts.first, name == "gzip" || name == "*" || name == "x-gzip" else { continue }
            return !parts.dropFirst().contains { $0.hasPrefix("q=") && (Double($0.dropFirst(2)) ?? 0) == 0 }
        }
        return false
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
