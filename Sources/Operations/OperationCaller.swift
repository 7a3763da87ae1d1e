import HubClient
package import StokerCore

/// Who asked for an operation, as the operation sees it: a person at a terminal, a request, a test.
///
/// Everything has a default that shows nothing and confirms nothing.
package protocol OperationCaller: Sendable {
    /// Is this very process: folders of its disk may be named.
    var isLocal: Bool { get }
    /// Sees progress while the work goes on, so that something endless can be shown to it.
    var followsProgress: Bool { get }
    /// Takes a step of the work. Must return at once.
    /// - Throws: when nobody reads it any more; the work ends then.
    func take(_ progress: OperationProgress) throws
    /// Takes what a program that was started says, as it says it.
    func echo(_ words: [UInt8])
    /// Such a program may draw its progress.
    var isTerminal: Bool { get }
    /// Whom it is done for: what may be done follows from it, and the activity log names it.
    var principal: Principal { get }
    /// Puts a question to which no yes was given beforehand. Returns for a yes.
    /// - Throws: `declined` for a no; `confirmation_required` or `usage` when there is nobody to ask.
    func ask(_ question: Question) async throws(Failure)
    /// From here on until ``release()`` the work is in the midst of something that must not be torn.
    /// - Parameters:
    ///   - first: what is done before the work ends, for a person: "owner/bot is restarted".
    ///   - left: what is true when the process is ended in the midst of it, and how it is mended.
    func deferStop(until first: String, ifKilled left: Failure)
    func release()
    /// The caller wants the work to end: nothing new is to be begun.
    var wantsToStop: Bool { get }
    /// Returns when the caller has wanted that for so long, or when the task is cancelled.
    func wantedToStop(for span: Duration) async
}

extension OperationCaller {
    package var isLocal: Bool { false }
    package var followsProgress: Bool { false }
    package func take(_ progress: OperationProgress) throws {}
    package func echo(_ words: [UInt8]) {}
    package var isTerminal: Bool { false }
    package var principal: Principal { .current }
    package func ask(_ question: Question) async throws(Failure) { throw .unconfirmed(question) }
    package func deferStop(until first: String, ifKilled left: Failure) {}
    package func release() {}
    package var wantsToStop: Bool { false }
    package func wantedToStop(for span: Duration) async {
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }  // cancelled: the loop sees it
    }
}

/// Shows nothing, confirms nothing.
package struct SilentCaller: OperationCaller {
    private let known: Principal?

    /// - Parameter principal: nil: whom the running work is done for.
    package init(_ principal: Principal? = nil) { known = principal }
    package var principal: Principal { known ?? .current }
}

/// What is asked before something is done that cannot be undone, costs money or reveals a secret.
package struct Question: Sendable {
    package enum Reason: String, Sendable {
        case destroys, costs, reveals

        /// Who may have it done, as ``Operation/Effect/scope`` says it of whole operations.
        package var scope: Scope {
            switch self {
            case .destroys: Operation.Effect.destructive.scope
            case .costs: Operation.Effect.paid.scope
            case .reveals: Operation.Effect.write.scope
            }
        }
    }

    package var reason: Reason
    /// "delete owner/bot"
    package var doing: String
    /// What exactly will happen to what, with a question mark.
    package var text: String
    /// The same as a statement, where the question alone does not say it to who cannot be asked: "it would delete 3 files".
    package var because: String?
    /// What to do in place of a yes.
    package var hint: String?
    /// What was told before as a warning and has to be known to answer.
    package var background: String?

    package init(
        _ reason: Reason, doing: String, _ text: String, because: String? = nil, hint: String? = nil,
        background: String? = nil
    ) {
        self.background = background
        self.reason = reason
        self.doing = doing
        self.text = text
        self.because = because
        self.hint = hint
    }
}

/// One step of long work.
package struct OperationProgress: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// What is being done now; the next one replaces it.
        case step
        /// Something worth knowing.
        case note
        /// Something that may do harm.
        case warning
        /// A piece of what was asked for, as it comes: ``data`` has it.
        case line
    }

    package var kind: Kind
    /// A stable word for programs: `pausing`, `sending`.
    package var step: String
    /// A sentence for a person; may quote names, never secrets.
    package var text: String
    package var done: Int64?
    package var total: Int64?
    /// What ``done`` and ``total`` count.
    package var unit: Unit?
    package var data: JSONValue?
    /// Comes many times a second: an interface that shows one line each leaves it out.
    package var isFrequent: Bool

    package enum Unit: String, Sendable, CaseIterable { case bytes, changes, checks }

    package init(
        _ kind: Kind, _ step: String, _ text: String, done: Int64? = nil, total: Int64? = nil,
        unit: Unit? = nil, data: JSONValue? = nil, isFrequent: Bool = false
    ) {
        self.kind = kind
        self.step = step
        self.text = text
        self.done = done
        self.total = total
        self.unit = unit
        self.data = data
        self.isFrequent = isFrequent
    }

    /// What is being done now.
    package init(
        _ step: String, _ text: String, done: Int64? = nil, total: Int64? = nil, unit: Unit? = nil,
        isFrequent: Bool = false
    ) {
        self.init(.step, step, text, done: done, total: total, unit: unit, isFrequent: isFrequent)
    }

    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("kind", .string(kind.rawValue)), .init("step", .string(step)), .init("text", .string(text)),
        ]
        if let done { members.append(.init("done", .integer(done))) }
        if let total { members.append(.init("total", .integer(total))) }
        if let unit { members.append(.init("unit", .string(unit.rawValue))) }
        if let data { members.append(.init("data", data)) }
        return .object(members)
    }

    /// As another process wrote it; nil when it is none.
    package init?(json: JSONValue) {
        guard let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)), let step = json["step"]?.string,
            let text = json["text"]?.string
        else { return nil }
        self.init(
            kind, step, text, done: json["done"]?.integer.map { Int64($0) },
            total: json["total"]?.integer.map { Int64($0) }, unit: json["unit"]?.string.flatMap(Unit.init(rawValue:)),
            data: json["data"])
    }
}

extension OperationContext {
    /// Tells a step to whoever watches; that nobody does is no trouble.
    package func tell(_ progress: OperationProgress) { try? caller.take(progress) }

    /// The one way to ask. Returns when it may be done.
    /// - Throws: `forbidden` when this caller may not have it done at all, `confirmation_required` or `declined` without a yes.
    package func confirm(_ question: Question) async throws(Failure) {
        try caller.principal.require(question.reason.scope, doing: question.doing)
        guard !isConfirmed else { return }
        try await caller.ask(question)
    }
}

extension Failure {
    /// Nobody said yes, and there is nobody to ask.
    package static func unconfirmed(_ question: Question) -> Failure {
        let what = [question.background, question.because].compactMap { $0.map { "\($0). " } }.joined()
        let other = question.hint.map { "\($0), or " } ?? ""
        return Failure(
            .unconfirmed, doing: question.doing, because: "it needs a yes: \(what)\(question.text)",
            hint: "\(other)send \"confirm\": true")
    }

    /// A person said no; nothing was changed.
    package static func declined(_ question: Question) -> Failure {
        Failure(.declined, doing: question.doing, because: "the answer was no; nothing was changed")
    }

    static func noFleet(doing: String) -> Failure {
        Failure(
            .conflict, doing: doing, because: "it needs a running Stoker, and this process has no fleet",
            hint: "start one with `stoker serve`, and name its address with --server or STOKER_SERVER")
    }

    /// Whatever an operation threw, as the failure that all interfaces show.
    init(of error: any Error, doing: String) {
        switch error {
        case let failure as Failure: self = failure
        case let failure as HubFailure: self = failure.failure
        case is CancellationError: self.init(.hubCancelled, doing: doing, because: "it was called off", cause: error)
        default: self.init(.internal, doing: doing, because: "\(error)", cause: error)
        }
    }
}
