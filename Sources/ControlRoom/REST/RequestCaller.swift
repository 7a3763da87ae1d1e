import Hummingbird
import NIOCore
import Operations
import StokerCore
import Synchronization

/// How a request wants to be told of progress.
enum ProgressFormat: Sendable {
    case serverSentEvents
    /// One JSON document a line.
    case lines

    /// nil when the request does not ask for it.
    init?(accepted request: Request) {
        let types = (request.headers[.accept] ?? "").split(separator: ",").map { type in
            type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        }
        if types.contains("text/event-stream") {
            self = .serverSentEvents
        } else if types.contains("application/x-ndjson") {
            self = .lines
        } else {
            return nil
        }
    }

    var mediaType: String {
        switch self {
        case .serverSentEvents: "text/event-stream"
        case .lines: "application/x-ndjson"
        }
    }

    func frame(_ event: String, _ value: JSONValue) -> ByteBuffer {
        switch self {
        case .serverSentEvents: ByteBuffer(string: "event: \(event)\ndata: \(value.text)\n\n")
        case .lines: ByteBuffer(string: JSONValue.object([.init(event, value)]).text + "\n")
        }
    }

    /// Says nothing; a connection that is gone is noticed by it.
    var pulse: ByteBuffer { ByteBuffer(string: self == .serverSentEvents ? ": still at it\n\n" : "\n") }
}

/// A request as an operation sees its caller. A yes comes with the request or not at all.
final class RequestCaller: OperationCaller {
    let principal: Principal
    let format: ProgressFormat?
    let progress: AsyncStream<OperationProgress>
    private let continuation: AsyncStream<OperationProgress>.Continuation
    private let isGone = Mutex(false)
    /// Steps that may wait for a slow reader.
    private static let buffered = 1_000

    init(principal: Principal, follows format: ProgressFormat?) {
        self.principal = principal
        self.format = format
        (progress, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.buffered))
    }

    var followsProgress: Bool { format != nil }

    func take(_ step: OperationProgress) throws {
        if isGone.withLock({ $0 }) { throw CancellationError() }
        guard format != nil, case .dropped = continuation.yield(step), step.kind == .line else { return }
        throw Failure(
            .overloaded, doing: "show what comes",
            because: "the reader is too slow: \(Self.buffered) lines wait for it",
            hint: "read faster, or begin again with fewer lines")
    }

    func end() { continuation.finish() }

    /// The reader has gone.
    func leave() { isGone.withLock { $0 = true } }
}

extension RESTHandler {
    /// Carries an operation out and answers, with its progress where that was asked for. `whenDone` is called before the answer is given.
    ///
    /// What changes something is brought to its end also when the caller has gone: a Space must not stay paused because a connection broke.
    func perform(
        _ operation: Operation, _ given: [(name: String, value: JSONValue)], for caller: RequestCaller,
        requestID: String, whenDone: @escaping @Sendable (Result<JSONValue, Failure>) async -> Void = { _ in }
    ) async throws(Failure) -> Response {
        let context = context.called(by: caller)
        let work = Task { () -> Result<JSONValue, Failure> in
            defer { caller.end() }
            let result: Result<JSONValue, Failure>
            do throws(Failure) { result = .success(try await operation.call(given, in: context)) } catch {
                result = .failure(error)
            }
            await whenDone(result)
            return result
        }
        guard let format = caller.format else {
            guard operation.isCancellable else { return Answers.json(try await work.value.get()) }
            return Answers.json(
                try await withTaskCancellationHandler {
                    await work.value
                } onCancel: {
                    work.cancel()
                }.get())
        }
        let body = ResponseBody { writer in
            let pulses = Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .seconds(15))
                    try? caller.take(.pulse)
                }
            }
            defer { pulses.cancel() }
            do {
                for await step in caller.progress {
                    try await writer.write(step == .pulse ? format.pulse : format.frame("progress", step.json))
                }
                switch await work.value {
                case .success(let answer): try await writer.write(format.frame("answer", answer))
                case .failure(let failure):
                    try await writer.write(format.frame("error", Answers.error(failure, requestID: requestID)))
                }
                try await writer.finish(nil)
            } catch {
                caller.leave()
                if operation.isCancellable { work.cancel() }
                throw error
            }
        }
        var headers = HTTPFields()
        headers[.contentType] = format.mediaType
        headers[.cacheControl] = "no-store"
        return Response(status: .ok, headers: headers, body: body)
    }
}

extension OperationProgress {
    fileprivate static let pulse = OperationProgress(.note, "pulse", "")
}
