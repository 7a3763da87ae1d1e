import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Operations
import StokerCore
import Synchronization

/// Which running Stoker a command talks to.
struct ServerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Address of the running Stoker (default: $STOKER_SERVER, else http://127.0.0.1:7860).", valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "Token of that Stoker (default: $STOKER_TOKEN, which keeps it out of the process list; for your own server on this machine the file `token` of its data folder).",
            valueName: "token"))
    var token: String?

    func client() throws(Failure) -> ServerClient {
        let environment = ProcessInfo.processInfo.environment
        func first(_ values: String?...) -> String? { values.compactMap { $0 }.first { !$0.isEmpty } }
        return try ServerClient(
            address: first(server, environment["STOKER_SERVER"]) ?? "http://127.0.0.1:7860",
            token: first(token, environment["STOKER_TOKEN"]).map { Secret($0) })
    }
}

/// Calls operations of a running Stoker through its REST API.
struct ServerClient: OperationExecutor {
    let base: String
    let token: Secret?
    /// What is sent can be read on its way: plain http to another machine.
    private let isUnencrypted: Bool
    private static let wasWarned = Mutex(false)
    /// Lives as long as the command. A refused connection is told at once: the library would go on trying until its limit.
    private static let http: HTTPClient = {
        // One could lead the token and the body to another machine.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(5)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
    /// Largest answer that is read; bytes.
    static let answerLimit = 64 * 1024 * 1024

    init(address: String, token: Secret?) throws(Failure) {
        var address = address
        if !address.contains("://") {
            let isHere = (try? WebOrigin("http://" + address))?.isLoopback ?? false
            address = (isHere ? "http://" : "https://") + address
        }
        while address.hasSuffix("/") { address.removeLast() }
        func wrong(_ because: String) -> Failure {
            Failure(
                .usage, doing: "find the server",
                because: "\"\((AddressParts(address)?.shown ?? address).printable.shortened)\" \(because)",
                hint: "write it like http://127.0.0.1:7860")
        }
        let origin: WebOrigin
        do throws(Address.Fault) {
            origin = try WebOrigin(address)
        } catch {
            throw wrong("is not an http address: it \(error.because)")
        }
        guard let parts = AddressParts(address), parts.userinfo == nil, parts.query == nil, parts.fragment == nil else {
            throw wrong("has a user, a query or a fragment, which the server's address has not")
        }
        base = address
        // Beside its own server the owner has to name no token.
        self.token = token ?? KeptToken.forServer(at: origin, in: .process)
        isUnencrypted = origin.isReadableOnTheWay
    }

    private func request(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]
    ) -> HTTPClientRequest {
        var path = operation.path
        var query: [String] = []
        var body: [JSONValue.Member] = []
        for (name, value) in given where !value.isNull {
            switch operation.parameters.first(where: { $0.name == name })?.location {
            case .path: path = path.replacing("{\(name)}", with: PercentCoding.encoded(value.string ?? value.text))
            case .body: body.append(.init(name, value))
            default:
                for item in value.array ?? [value] {
                    query.append("\(name)=\(PercentCoding.encoded(item.string ?? item.text))")
                }
            }
        }
        var request = HTTPClientRequest(
            url: base + "/api/v1" + path + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
        request.method = HTTPMethod(rawValue: operation.method.rawValue)
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "user-agent", value: "stoker-cli")
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token.reveal())") }
        if !body.isEmpty {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: JSONValue.object(body).bytes))
        }
        if let warning = warning(sendsBody: !body.isEmpty) { warn(warning) }
        return request
    }

    /// What a person has to know before the request is sent; nil for nothing.
    func warning(sendsBody: Bool) -> String? {
        guard isUnencrypted, token != nil || sendsBody else { return nil }
        return "stoker: \(base) is plain http: whoever is on the way reads the token and what is sent\n"
    }

    private func warn(_ warning: String) {
        let wasWarned = Self.wasWarned.withLock { warned in
            defer { warned = true }
            return warned
        }
        guard !wasWarned else { return }
        Terminal.writeError(warning)
    }

    /// All pages of a short list, unless the caller says how many rows it wants.
    /// - Throws: what the server answered; `server.unreachable` when it did not.
    func call(_ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]) async throws(Failure)
        -> JSONValue
    {
        let answer = try await page(operation, given)
        guard let paging = operation.paging, paging.isWhole,
            !given.contains(where: { $0.name == paging.limit.name && !$0.value.isNull }),
            case .object(var members) = answer, let at = members.firstIndex(where: { $0.name == paging.rows })
        else { return answer }
        var cursor = answer["next_cursor"] ?? .null
        var rows = members[at].value.array ?? []
        while !cursor.isNull {
            let next = try await page(operation, given + [("cursor", cursor)])
            rows += next[paging.rows]?.array ?? []
            cursor = next["next_cursor"] ?? .null
        }
        members[at].value = .array(rows)
        if let last = members.firstIndex(where: { $0.name == "next_cursor" }) { members[last].value = .null }
        return .object(members)
    }

    private func page(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)]
    ) async throws(Failure) -> JSONValue {
        let request = request(operation, given)
        // A ping waits for all its attempts: by default 4 × 120 s and the waits between them. A check of the fleet is one attempt each.
        let limit: TimeAmount = ["ping", "check"].contains(operation.name) ? .minutes(15) : .seconds(30)
        let status: Int
        let bytes: [UInt8]
        do {
            let response = try await Self.http.execute(request, timeout: limit)
            status = Int(response.status.code)
            bytes = Array(try await response.body.collect(upTo: Self.answerLimit).readableBytesView)
        } catch {
            throw unreachable(operation, error)
        }
        return try Self.read(
            status: status, bytes: bytes, operation: operation, server: base, gaveToken: token != nil)
    }

    /// Calls an operation that may take long and tells its progress; what the server asks, the caller is asked.
    func callStreaming(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)], _ caller: any OperationCaller
    ) async throws(Failure) -> JSONValue {
        do {
            return try await streamOnce(operation, given, caller)
        } catch  where error.code == .unconfirmed {
            let start = "it needs a yes: "
            let text = error.because.hasPrefix(start) ? String(error.because.dropFirst(start.count)) : error.because
            try await caller.ask(Question(.destroys, doing: error.doing, text))
            return try await streamOnce(operation, given + [("confirm", true)], caller)
        }
    }

    private func streamOnce(
        _ operation: Operations.Operation, _ given: [(name: String, value: JSONValue)], _ caller: any OperationCaller
    ) async throws(Failure) -> JSONValue {
        var request = request(operation, given)
        request.headers.replaceOrAdd(name: "accept", value: "application/x-ndjson")
        var rest = ByteBuffer()
        do {
            // Without a limit: some work takes an hour, and a server that is there says so every 15 s.
            let response = try await Self.http.execute(request, deadline: .distantFuture)
            guard response.headers.first(name: "content-type")?.hasPrefix("application/x-ndjson") == true else {
                return try Self.read(
                    status: Int(response.status.code),
                    bytes: Array(try await response.body.collect(upTo: Self.answerLimit).readableBytesView),
                    operation: operation, server: base, gaveToken: token != nil)
            }
            for try await part in response.body {
                rest.writeImmutableBuffer(part)
                guard rest.readableBytes <= Self.answerLimit else {
                    throw NIOTooManyBytesError(maxBytes: Self.answerLimit)
                }
                while let end = rest.readableBytesView.firstIndex(of: 0x0A) {
                    let line = Array(rest.readBytes(length: end - rest.readerIndex) ?? [])
                    rest.moveReaderIndex(forwardBy: 1)
                    guard !line.isEmpty else { continue }
                    let told = try JSONValue(reading: line)
                    if let step = told["progress"].flatMap(OperationProgress.init(json:)) { try caller.take(step) }
                    if let answer = told["answer"] { return answer }
                    if told["error"] != nil {
                        return try Self.read(
                            status: 500, bytes: line, operation: operation, server: base, gaveToken: token != nil)
                    }
                }
                rest.discardReadBytes()
            }
            throw Failure(
                .unreachable, doing: operation.doing, because: "\(base) ended its answer early",
                hint: "what was begun goes on there; look at what it came to")
        } catch let failure as Failure {
            throw failure
        } catch is CancellationError {
            throw Failure(
                .interrupted, doing: operation.doing, because: "it was interrupted; what was begun goes on at \(base)")
        } catch {
            throw unreachable(operation, error)
        }
    }

    static func read(
        status: Int, bytes: [UInt8], operation: Operations.Operation, server: String, gaveToken: Bool
    ) throws(Failure) -> JSONValue {
        guard !(300..<400).contains(status) else {
            throw Failure(
                .unreachable, doing: operation.doing,
                because: "\(server) answers with a redirect (status \(status)), which is not followed",
                hint: "give the address it leads to with --server or STOKER_SERVER")
        }
        let answer: JSONValue
        do throws(JSONValue.SyntaxError) {
            answer = try JSONValue(reading: bytes)
        } catch {
            throw notStoker(status, operation, server)
        }
        if (200..<300).contains(status) { return answer }
        guard let told = answer["error"], let code = told["code"]?.string, let message = told["message"]?.string else {
            throw notStoker(status, operation, server)
        }
        if code == Failure.Code.unauthorized.rawValue {
            // What the server says is meant for whoever writes requests; here the token is an option.
            throw Failure(
                .unauthorized, doing: operation.doing,
                because: gaveToken ? "\(server) does not accept this token" : "\(server) wants its token",
                hint:
                    "give it with STOKER_TOKEN or --token; a token that Stoker made is in the file `token` of its data folder"
            )
        }
        // The message is "could not <doing>: <because>"; taken apart again so that it is told once.
        let start = "could not "
        let text = message.hasPrefix(start) ? String(message.dropFirst(start.count)) : message
        let colon = text.firstRange(of: ": ")
        throw Failure(
            Failure.Code(rawValue: code), doing: colon.map { String(text[..<$0.lowerBound]) } ?? operation.doing,
            because: colon.map { String(text[$0.upperBound...]) } ?? text,
            hint: told["hint"]?.string
        )
    }

    private static func notStoker(_ status: Int, _ operation: Operations.Operation, _ server: String) -> Failure {
        Failure(
            .unreachable, doing: operation.doing,
            because: "what answers at \(server) is not a Stoker (status \(status))",
            hint: "give its address with --server or STOKER_SERVER")
    }

    private func unreachable(_ operation: Operations.Operation, _ error: any Error) -> Failure {
        let because: String
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            because = "\(base) did not answer in time"
        case let error as HTTPClientError where error == .connectTimeout:
            because = "\(base) could not be connected to in time"
        case is NIOTooManyBytesError:
            because = "the answer of \(base) is larger than \(Self.answerLimit / 1024 / 1024) MiB"
        case is HTTPClientError, is HTTPParserError: because = "\(base) does not speak HTTP as expected"
        default: because = "nothing answers at \(base)"
        }
        return Failure(
            .unreachable, doing: operation.doing, because: because,
            hint: "start one with `stoker serve`, or give its address with --server or STOKER_SERVER", retry: .soon,
            cause: error)
    }
}
