import Hummingbird
import NIOCore
import Operations
import StokerCore

/// Reads the inputs of a request: strict, so that a mistake is told and not guessed at.
enum RequestReading {
    /// What is kept of a heartbeat's body, as healthchecks.io does; bytes.
    static let noteLimit = 10_000
    /// Where reading a heartbeat's body ends; bytes.
    static let noteBodyLimit = 1024 * 1024

    /// - Throws: `too_large` when the body announces to be.
    static func refuseTooLarge(_ request: Request, for target: RouteTable.Target) throws(Failure) {
        let (limit, doing) =
            switch target {
            case .beat: (noteBodyLimit, Operation.beat.doing)
            case .operation(let operation): (operation.bodyLimit, operation.doing)
            case .openAPI: (Operation.usualBodyLimit, "describe the API")
            }
        guard let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit else { return }
        throw tooLarge(limit, doing: doing)
    }

    private static func tooLarge(_ limit: Int, doing: String) -> Failure {
        Failure(
            .tooLarge, doing: doing, because: "the body is larger than \(limit / 1024) KiB",
            hint: limit == noteBodyLimit ? "send the end of the log only: tail -c \(noteLimit)" : nil)
    }

    /// `a=1&b=two`, percent-encoded, a plus is a space.
    static func pairs(_ text: String, doing: String) throws(Failure) -> [(name: String, value: JSONValue)] {
        var pairs: [(name: String, value: JSONValue)] = []
        for part in text.split(separator: "&") {
            let name = part.prefix { $0 != "=" }
            let value = part.dropFirst(name.count + 1)
            guard let name = PercentCoding.decoded(name, plusIsSpace: true),
                let value = PercentCoding.decoded(value, plusIsSpace: true)
            else {
                throw Failure(.usage, doing: doing, because: "the query is not percent-encoded UTF-8")
            }
            pairs.append((name, .string(value)))
        }
        return pairs
    }

    /// The inputs in a body: a JSON object, or a form as `curl -d` sends it. An empty body has none.
    /// - Parameter limit: largest body that is read; bytes.
    static func body(
        of request: Request, doing: String, limit: Int
    ) async throws(Failure) -> [(name: String, value: JSONValue)] {
        let bytes = try await collect(request, keep: limit, limit: limit, doing: doing)
        guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }) else { return [] }
        let type = mediaType(of: request) ?? "application/json"
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

    /// The form of a page.
    /// - Throws: `too_large` beyond the limit; `usage` for a body that breaks off.
    static func form(of request: Request, upTo limit: Int) async throws(Failure) -> [String: String] {
        let bytes = try await collect(request, keep: limit, limit: limit, doing: "read the form")
        return PageFormatting.form(String(decoding: bytes, as: UTF8.self))
    }

    /// What a job sent along: its inputs or its own words.
    /// - Throws: `too_large` beyond ``noteBodyLimit``; `usage` for inputs that cannot be read.
    static func beatBody(
        of request: Request, saysSignal: Bool, doing: String
    ) async throws(Failure) -> BeatInputs.Body {
        // Of a log only its beginning is held; inputs are read whole.
        let bytes = try await collect(request, keep: noteLimit + 1, limit: noteBodyLimit, doing: doing) { bytes in
            let start = String(decoding: bytes.drop { $0 <= 0x20 }.prefix(16), as: UTF8.self)
            return start.hasPrefix("{") || BeatInputs.names.contains { start.hasPrefix($0 + "=") }
        }
        return try BeatInputs.Body(bytes, type: mediaType(of: request), saysSignal: saysSignal)
    }

    /// The first ``noteLimit`` bytes of a note, cut between two characters.
    static func noteText(_ bytes: [UInt8]) -> String {
        var text = String(decoding: bytes.prefix(noteLimit), as: UTF8.self)
        if bytes.count > noteLimit, text.last == "\u{FFFD}" { text.removeLast() }
        return text
    }

    /// In lower case, without parameters.
    private static func mediaType(of request: Request) -> String? {
        request.headers[.contentType].map { $0.prefix { $0 != ";" && $0 != " " }.lowercased() }
    }

    /// - Parameters:
    ///   - keep: so many bytes are held; all up to the limit where `needsAll` says so of the first ones.
    /// - Throws: `too_large` beyond the limit.
    private static func collect(
        _ request: Request, keep: Int, limit: Int, doing: String, needsAll: ([UInt8]) -> Bool = { _ in false }
    ) async throws(Failure) -> [UInt8] {
        var keep = keep
        var bytes: [UInt8] = []
        var seen = 0
        do {
            for try await part in request.body {
                let isFirst = seen == 0
                seen += part.readableBytes
                if seen > limit { break }
                if isFirst, needsAll(Array(part.readableBytesView.prefix(64))) { keep = limit }
                if bytes.count < keep { bytes.append(contentsOf: part.readableBytesView.prefix(keep - bytes.count)) }
            }
        } catch {
            throw Failure(.usage, doing: doing, because: "the body ended early", cause: error)
        }
        guard seen <= limit else { throw tooLarge(limit, doing: doing) }
        return bytes
    }
}
