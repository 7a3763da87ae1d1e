package import Operations
package import StokerCore
import Synchronization

/// An agent as an operation sees its caller: progress goes to the client, a question is answered by the plan that was agreed to.
package final class ToolCaller: OperationCaller {
    private let exchange: MCPExchange
    /// The plan that came with the call.
    private let ticket: PlanTicket?
    private let claim: @Sendable (PlanTicket) async throws(Failure) -> Void
    private struct State {
        var steps = 0
        var warnings: [String] = []
        /// Of the questions that were put so far.
        var shown: [String] = []
        /// The one that needs a plan.
        var pending: Question?
        var isClaimed = false
        var lastFrequent: ContinuousClock.Instant?
    }
    private let state = Mutex(State())
    /// More warnings of one call are not kept.
    private static let mostWarnings = 10

    init(
        _ exchange: MCPExchange, _ ticket: PlanTicket?,
        claim: @escaping @Sendable (PlanTicket) async throws(Failure) -> Void
    ) {
        self.exchange = exchange
        self.ticket = ticket
        self.claim = claim
    }

    package var isLocal: Bool { exchange.client.isLocal }

    var warnings: [String] { state.withLock { $0.warnings } }
    /// The question that waits for a yes, and the digests of all that were put.
    var pending: (question: Question, shown: [String])? {
        state.withLock { state in state.pending.map { ($0, state.shown) } }
    }

    package func take(_ step: OperationProgress) throws {
        switch step.kind {
        case .warning, .note:
            let text = Redaction.quote(step.text, limit: 250)
            state.withLock { state in
                if state.warnings.count < Self.mostWarnings, !state.warnings.contains(text) {
                    state.warnings.append(text)
                }
            }
        case .step:
            guard exchange.isFollowed, let number = number(step) else { return }
            exchange.progress(Double(number), Redaction.quote(step.text))
        case .line: return
        }
    }

    /// nil for one that comes too soon after another.
    private func number(_ step: OperationProgress) -> Int? {
        state.withLock { state in
            if step.isFrequent {
                let now = ContinuousClock.now
                if let last = state.lastFrequent, now - last < .milliseconds(500) { return nil }
                state.lastFrequent = now
            }
            state.steps += 1
            return state.steps
        }
    }

    package var principal: Principal { exchange.client.principal }

    package func ask(_ question: Question) async throws(Failure) {
        let digest = Seal.digest(question.json)
        let isAgreed = state.withLock { state in
            state.shown.append(digest)
            if ticket?.shown.contains(digest) == true { return true }
            state.pending = question
            return false
        }
        guard isAgreed, let ticket else { throw .unconfirmed(question) }
        guard !state.withLock({ $0.isClaimed }) else { return }
        try await claim(ticket)
        state.withLock { $0.isClaimed = true }
    }
}

extension Question {
    /// As a plan shows it.
    var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("reason", .string(reason.rawValue)), .init("doing", .string(doing)), .init("question", .string(text)),
        ]
        if let because { members.append(.init("because", .string(because))) }
        if let background { members.append(.init("background", .string(background))) }
        return .object(members)
    }
}
