import Hummingbird
import NIOCore
import Operations
import StokerCore

/// Reads the inputs of a request: strict, so that a mistake is told and not guessed at.
enum RequestReading {
    /// Largest body of a JSON call; bytes.
    static let bodyLimit = 64 * 1024
    /// What is kept of a heartbeat's body, as healthchecks.io does; bytes.
    static let noteLimit = 10_000
    /// Where reading a heartbeat's body ends; bytes.
    static let noteBodyLimit = 1024 * 1024

    /// `a=1&b=two`, percent-encoded, a plus is a space.
    static func pairs(_ text: String, doing: String) throws(Failure) -> [(name: String, value: JSONValue)] {
        var pairs: [(name: String, value: JSONValue)] = []
        for part in text.split(separator: "&") {
            let name = part.prefix { $0 != "=" }
            let value = part.dropFirst(name.count + 1)
            guard let name = decoded(name, plus: true), let value = decoded(value, plus: true) else {
                throw Failure(.usage, doing: doing, because: "the query is not percent-encoded UTF-8")
            }
            pairs.append((name, .string(value)))
        }
        return pairs
    }

    /// nil when it is not percent-encoded UTF-8.
    static func decoded(_ text: some StringProtocol, plus: Bool = false) -> String? {
        var out: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x25 {
                guard rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                    rest.first != 0x2B, rest.first != 0x2D
                else { return nil }
                out.append(code)
                rest = rest.dropFirst(2)
            } else {
                out.append(plus && byte == 0x2B ? 0x20 : byte)
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    /// The inputs in a body: a JSON object, or a form as `curl -d` sends it. An empty body has none.
    static func body(of request: Request, doing: String) async throws(Failure) -> [(name: String, value: JSONValue)] {
        let (bytes, _) = try await collect(request, keep: bodyLimit, limit: bodyLimit, doing: doing)
        guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }) else { return [] }
        let type = request.headers[.contentType]?.prefix { $0 != ";" && $0 != " " }.lowercased() ?? "application/json"
        switch type {
        case "application/x-www-form-urlencoded":
            // A JSON object under curl's default type is a slip that is easily understood.
            guard bytes.first == 0x7B else { return try pairs(String(decoding: bytes, as: UTF8.self), doing: doing) }
            fallthrough
        case "application/json":
            do throws(JSONValue.SyntaxError) {
                let document = try JSONValue(reading: bytes)
                guard let members = document.members else {
                    throw JSONValue.SyntaxError(offset: 0, expected: "an object")
                }
                return members.map { ($0.name, $0.value) }
            } catch {
                throw Failure(.usage, doing: doing, because: "the body is not a JSON object: \(error)")
            }
        default:
            throw Failure(
                .usage, doing: doing, because: "the body's type is \"\(type.shortened)\"",
                hint: "send application/json or application/x-www-form-urlencoded")
        }
    }

    /// What a job sent along.
    static func note(of request: Request, doing: String) async throws(Failure) -> String {
        let (bytes, more) = try await collect(request, keep: noteLimit, limit: noteBodyLimit, doing: doing)
        var text = String(decoding: bytes, as: UTF8.self)
        // The cut may have gone through a character.
        if more, text.last == "\u{FFFD}" { text.removeLast() }
        return text
    }

    private static func collect(
        _ request: Request, keep: Int, limit: Int, doing: String
    ) async throws(Failure) -> (bytes: [UInt8], more: Bool) {
        var bytes: [UInt8] = []
        var seen = 0
        do {
            for try await part in request.body {
                seen += part.readableBytes
                if seen > limit { break }
                if bytes.count < keep { bytes.append(contentsOf: part.readableBytesView.prefix(keep - bytes.count)) }
            }
        } catch {
            throw Failure(.usage, doing: doing, because: "the body ended early", cause: error)
        }
        guard seen <= limit else {
            throw Failure(.tooLarge, doing: doing, because: "the body is larger than \(limit / 1024) KiB")
        }
        return (bytes, seen > bytes.count)
    }
}
