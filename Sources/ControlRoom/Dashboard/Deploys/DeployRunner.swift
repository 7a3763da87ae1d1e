import Operations
import ServiceLifecycle
import StokerCore
import Synchronization

/// Applies that somebody asked for on a page. One takes minutes and a page must answer at once: the work is done here, and its progress is in the
/// ledger. The server's end stops it behind the steps that are under way; the next apply goes on from there.
final class DeployRunner: Service {
    /// What the page that asked is told.
    enum Start: Sendable {
        /// It is at work.
        case began
        case over(Result<JSONValue, Failure>)
        /// It is still comparing.
        case looking
    }

    private struct Errand: Sendable {
        var context: OperationContext
        var given: [(name: String, value: JSONValue)]
        var caller: PageCaller
        var told: AsyncStream<Start>.Continuation
    }
    private struct State {
        var caller: PageCaller?
        /// Why the last one did not begin, when its page had gone on already.
        var problem: Failure?
    }

    /// How long a page waits until it begins, or is refused.
    private let patience: Duration
    private let state = Mutex(State())
    private let (errands, add) = AsyncStream.makeStream(of: Errand.self, bufferingPolicy: .bufferingOldest(1))

    init(patience: Duration = .seconds(8)) { self.patience = patience }

    var isAtWork: Bool { state.withLock { $0.caller != nil } }
    var problem: Failure? { state.withLock { $0.problem } }

    /// Somebody has looked anew: what kept the last one from beginning is no news.
    func forgetProblem() { state.withLock { $0.problem = nil } }

    /// Nothing further is begun. - Returns: whether there was something to stop.
    func stop() -> Bool {
        guard let caller = state.withLock({ $0.caller }) else { return false }
        caller.stop()
        return true
    }

    /// Begins an apply.
    /// - Throws: `conflict` while one of this server's pages is at work.
    func start(
        _ given: [(name: String, value: JSONValue)], in context: OperationContext
    ) async throws(Failure) -> Start {
        let (answers, told) = AsyncStream.makeStream(of: Start.self)
        let caller = PageCaller { told.yield(.began) }
        let isFree = state.withLock { state in
            guard state.caller == nil else { return false }
            (state.caller, state.problem) = (caller, nil)
            return true
        }
        guard isFree, case .enqueued = add.yield(Errand(context: context, given: given, caller: caller, told: told))
        else {
            throw Failure(
                .conflict, doing: "apply the plan", because: "an apply of this server is at work",
                hint: "wait for its end")
        }
        let patience = patience
        return await withTaskGroup(of: Start.self) { group in
            group.addTask { await answers.first { _ in true } ?? .looking }
            group.addTask {
                // Cancelled as soon as the answer is there.
                try? await Task.sleep(for: patience)
                return .looking
            }
            let first = await group.next() ?? .looking
            group.cancelAll()
            if case .looking = first { caller.leave() }
            return first
        }
    }

    func run() async throws {
        await withGracefulShutdownHandler {
            for await errand in errands.cancelOnGracefulShutdown() { await carryOut(errand) }
        } onGracefulShutdown: {
            _ = self.stop()
        }
    }

    private func carryOut(_ errand: Errand) async {
        let result: Result<JSONValue, Failure>
        do throws(Failure) {
            result = .success(
                try await Operation.apply.call(errand.given, in: errand.context.called(by: errand.caller)))
        } catch {
            result = .failure(error)
        }
        state.withLock { state in
            state.caller = nil
            if case .failure(let failure) = result, errand.caller.isLeft, !errand.caller.hasBegun {
                state.problem = failure
            }
        }
        errand.told.yield(.over(result))
        errand.told.finish()
    }
}

/// A form as an operation sees its caller: its yes came with it, and nobody follows its progress but by the ledger.
final class PageCaller: OperationCaller {
    let principal: Principal
    private let began: @Sendable () -> Void
    private let state = Mutex((hasBegun: false, wantsToStop: false, isLeft: false))

    /// - Parameter began: called when the first change is about to be made.
    init(began: @escaping @Sendable () -> Void = {}) {
        // Of the request that asks: the work is done by a service.
        principal = .current
        self.began = began
    }

    /// Its page has gone on, and is told no more.
    var isLeft: Bool { state.withLock { $0.isLeft } }
    func leave() { state.withLock { $0.isLeft = true } }

    var hasBegun: Bool { state.withLock { $0.hasBegun } }

    func stop() { state.withLock { $0.wantsToStop = true } }
    var wantsToStop: Bool { state.withLock { $0.wantsToStop } }

    func wantedToStop(for span: Duration) async {
        while !Task.isCancelled {
            if wantsToStop {
                try? await Task.sleep(for: span)  // cancelled: nobody waits for it
                return
            }
            try? await Task.sleep(for: .milliseconds(200))  // cancelled: the loop sees it
        }
    }

    func deferStop(until first: String, ifKilled left: Failure) {
        state.withLock { $0.hasBegun = true }
        began()
    }
}
