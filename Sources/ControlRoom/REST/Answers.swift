import Hummingbird
import NIOCore
import Operations
import StokerCore

/// How the API answers.
enum Answers {
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        json(bytes: value.bytes + [0x0A], status: status)
    }

    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = "application/json; charset=utf-8"
        headers[.contentLength] = "\(bytes.count)"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// An answer that was given before, to who wants to be told of progress: there is none any more.
    static func replayed(_ answer: JSONValue, in format: ProgressFormat) -> Response {
        let headers: HTTPFields = [.contentType: format.mediaType, .cacheControl: "no-store"]
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: format.frame("answer", answer)))
    }

    /// `{"error": {"code", "message", "hint", "request_id"}}` with the status of the code.
    static func failure(_ failure: Failure, requestID: String) -> Response {
        var response = json(
            ["error": error(failure, requestID: requestID)], status: HTTPResponse.Status(code: failure.code.httpStatus))
        if failure.code == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer realm=\"stoker\"" }
        if case .after(let wait) = failure.retry {
            response.headers[.retryAfter] = "\(max(1, Int(wait.seconds.rounded(.up))))"
        }
        return response
    }

    static func error(_ failure: Failure, requestID: String) -> JSONValue {
        [
            "code": .string(failure.code.rawValue),
            "message": .string("could not \(failure.doing): \(failure.because)"),
            "hint": failure.hint.map { .string($0) } ?? .null,
            "request_id": .string(requestID),
        ]
    }
}
