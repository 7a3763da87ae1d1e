import Diagnosis
import HubClient
import StokerCore

extension Operation {
    package static let waitForSpace = Operation(
        name: "wait-for-space",
        summary: "Waits until a commit runs and the app answers; a sleeping Space is woken by a visit",
        doing: "wait for the Space", effect: .write, isCancellable: true, method: .post,
        path: "/spaces/{owner}/{name}/wait",
        parameters: Parameter.space + [
            .init(
                "commit", .body, .text(upTo: 64), form: Parameter.commitForm,
                "The commit that has to run, 7 to 64 hex digits; the head of main unless given"),
            .init("path", .body, Parameter.hubText, defaultValue: "/", "Path of the app that has to answer"),
            .init("no_app", .body, .flag, "What the Hub says is enough; the app is not visited"),
            .init(
                "timeout", .body, .duration, defaultValue: "10m",
                "Give up after so long, also on a Hub that does not answer"),
            .init("every", .body, .duration, defaultValue: "10s", "Time between looks"),
        ], answer: .spaceWait
    ) { context, arguments in
        let commit = arguments.text("commit")
        if let commit, !(7...64).contains(commit.count) || !commit.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
            throw Failure(
                .usage, doing: "wait for the Space", because: "a commit has 7 to 64 hexadecimal digits")
        }
        let began = ContinuousClock.now
        let limit = context.limited(arguments.duration("timeout") ?? .seconds(600))
        let id = try arguments.space()
        let hub = try await context.inTime(limit, until: began + limit, doing: "wait for \(id)") {
            try await context.space(arguments).hub
        }
        let wait = SpaceWaiting(
            space: id, path: arguments.flag("no_app") ? nil : arguments.name("path"), timeout: limit,
            every: context.spaced(arguments.duration("every") ?? .seconds(10)))
        return try await wait.run(hub, named: commit, began: began, context: context).json
    }

    package static let spaceHealth = Operation(
        name: "space-health",
        summary:
            "Looks at a Space from both sides: what the Hub says, what a visitor gets. A visit wakes a sleeping Space",
        doing: "look at the Space", effect: .write, isCancellable: true, method: .post,
        path: "/spaces/{owner}/{name}/health",
        parameters: Parameter.space + [
            .init("path", .body, Parameter.hubText, defaultValue: "/", "Path of the app to visit"),
            .init("no_wake", .body, .flag, "A sleeping Space is not visited"),
            .init(
                "timeout", .body, .duration, defaultValue: "60s", "Longest time for the Hub's answer, and for the visit"
            ),
        ], answer: .spaceHealth
    ) { context, arguments in
        let limit = context.limited(arguments.duration("timeout") ?? .seconds(60))
        let id = try arguments.space()
        let (hub, runtime) = try await context.inTime(limit, until: .now + limit, doing: "look at \(id)") {
            let hub = try await context.space(arguments).hub
            return (hub, try await hub.runtime(of: id))
        }
        let asleep = arguments.flag("no_wake") && runtime.stage.isAsleep
        let visit =
            asleep
            ? nil
            : try await SpaceVisit.make(
                id, path: arguments.name("path"), runtime: runtime, hub: hub, timeout: limit)
        let isGood = visit?.isGood ?? true
        return [
            "space": .string("\(id)"), "healthy": .bool(isGood), "runtime": runtime.json(id),
            "app": visit?.json ?? .null, "next": isGood ? .null : .string(SpaceAdvice.next(id, runtime, visit)),
        ]
    }
}

extension OperationContext {
    /// How long work for this caller may take: as long as it likes in its own process, an hour at most in a server.
    func limited(_ wanted: Duration) -> Duration { bounded(wanted, min(wanted, .seconds(3_600)), "waiting") }

    /// The time between looks: two seconds at least in a server.
    func spaced(_ wanted: Duration) -> Duration { bounded(wanted, max(wanted, .seconds(2)), "looking every") }

    private func bounded(_ wanted: Duration, _ allowed: Duration, _ what: String) -> Duration {
        guard !caller.isLocal, allowed != wanted else { return wanted }
        tell(.init(.note, "limited", "\(what) \(allowed.text) and not \(wanted.text): a server does no more"))
        return allowed
    }
}

/// Waits for a commit to be live: by `wait`, and behind an upload or a push.
struct SpaceWaiting: Sendable {
    var space: RepoID
    /// nil when the app is not visited.
    var path: String?
    var timeout: Duration = .seconds(600)
    var every: Duration = .seconds(10)

    struct Result: Sendable {
        var space: RepoID
        var isReady: Bool
        /// Why it is ready, or why not.
        var sentence: String
        var hint: String?
        var commit: String?
        var runtime: SpaceRuntime?
        var visit: SpaceVisit?
        var seconds: Double
        /// Waiting longer does not help.
        var isOver = false

        var json: JSONValue {
            [
                "space": .string("\(space)"), "ready": .bool(isReady), "sentence": .string(sentence),
                "hint": .maybe(hint), "commit": .maybe(commit), "stage": .maybe(runtime?.stage.rawValue),
                "running_commit": .maybe(runtime?.sha), "app": visit?.json ?? .null, "seconds": .number(seconds),
            ]
        }
    }

    /// Waits for a commit of the Space, named by its beginning or whole; nil for the head of `main`.
    /// - Throws: `not_found` when the Space has no such commit.
    func run(_ hub: Hub, named commit: String?, began: ContinuousClock.Instant, context: OperationContext) async throws
        -> Result
    {
        let found: Named?
        do {
            found = try await Deadline.run(until: began + timeout) { try await whole(commit, hub) }
        } catch  where Task.isCancelled {
            return interrupted(unseen)
        }
        guard let found else {
            var result = unseen
            result.seconds = (ContinuousClock.now - began).seconds
            return late(result)
        }
        return try await run(hub, commit: found.commit, isFresh: commit != nil, began: began, context: context)
    }

    private struct Named: Sendable { var commit: String? }

    /// The whole commit that a beginning means, or the head of `main`.
    private func whole(_ commit: String?, _ hub: Hub) async throws -> Named {
        guard let commit = commit?.lowercased() else {
            return Named(commit: try await hub.info(of: space, expand: ["sha"]).sha)
        }
        // Whatever runs, a commit that is not there does not: the Hub is asked for it.
        let there: RepoInfo?
        do { there = try await hub.info(of: space, revision: commit, expand: ["sha"]) } catch {
            guard error.kind == .notFound, error.code != "RepoNotFound" else { throw error }
            there = nil
        }
        // A branch may be named like the beginning of a commit.
        if let sha = there?.sha, sha.lowercased().hasPrefix(commit) { return Named(commit: sha) }
        // Not every Hub knows a commit by its beginning.
        if commit.count != 40, commit.count != 64 {
            let known = try await hub.history(of: space, pageSize: 1_000, limit: 1_000).all()
            let fits = known.filter { $0.id.lowercased().hasPrefix(commit) }
            if let only = fits.first, fits.count == 1 { return Named(commit: only.id) }
            if fits.count > 1 {
                throw Failure(
                    .notFound, doing: "find commit \(commit)", because: "\(fits.count) commits of \(space) begin so",
                    hint: "give more of its digits")
            }
        }
        throw Failure(
            .notFound, doing: "find commit \(commit)", because: "\(space) has no such commit",
            hint: "`stoker space info \(space)` shows the head of main")
    }

    private var unseen: Result { Result(space: space, isReady: false, sentence: Self.nothing, seconds: 0) }
    private static let nothing = "the Hub gave no answer"

    /// - Parameter began: what `timeout` counts from.
    func run(
        _ hub: Hub, commit: String?, isFresh: Bool, began: ContinuousClock.Instant = .now, context: OperationContext
    ) async throws -> Result {
        let end = began + timeout
        var decision = SpaceWait(commit: commit, isFresh: isFresh)
        var result = unseen
        result.commit = commit
        while true {
            do {
                let seen = try await Deadline.run(until: end) { [decision, result] in
                    var (decision, result) = (decision, result)
                    let again = try await look(hub, &decision, &result, end)
                    return (decision, result, again)
                }
                result.seconds = (ContinuousClock.now - began).seconds
                guard let seen else { return late(result) }
                (decision, result) = (seen.0, seen.1)
                result.seconds = (ContinuousClock.now - began).seconds
                if result.isReady || result.isOver { return result }
                context.tell(
                    .init("waiting", "\(space): \(result.sentence) (\(OutputFormatting.span(result.seconds)))"))
                let left = end - .now
                // Once more in the last second rather than giving up early.
                guard left > .seconds(1) else { return late(result) }
                try await Task.sleep(for: min(seen.2 ? .milliseconds(200) : every, left - .milliseconds(900)))
            } catch  where Task.isCancelled {
                return interrupted(result)
            }
        }
    }

    private func late(_ result: Result) -> Result {
        var result = result
        result.sentence = "not within \(timeout.text): \(result.sentence)"
        result.hint =
            result.runtime == nil
            ? "look whether the Hub can be reached, with `stoker whoami`"
            : result.runtime?.isStatic == true
                ? SpaceRuntime.staticHint(space)
                : "look at `stoker space runtime \(space)` and `stoker space logs \(space)`"
        return result
    }

    private func interrupted(_ result: Result) -> Result {
        var result = result
        result.sentence = "interrupted; seen last: \(result.sentence)"
        result.hint = "waiting changes nothing; go on with `stoker space wait \(space)`"
        return result
    }

    /// - Returns: whether something was done that a look shows at once.
    private func look(
        _ hub: Hub, _ decision: inout SpaceWait, _ result: inout Result, _ end: ContinuousClock.Instant
    ) async throws -> Bool {
        let runtime: SpaceRuntime
        var head: String?
        do {
            if decision.wantsHead { head = try await hub.info(of: space, expand: ["sha"], isUrgent: true).sha }
            runtime = try await hub.runtime(of: space, isUrgent: true)
        } catch {
            // A Hub that has trouble for a moment is no reason to stop waiting.
            guard error.retry != .never else { throw error }
            result.sentence = error.said
            return false
        }
        result.runtime = runtime
        result.visit = nil
        switch decision.look(at: runtime, space: space, head: head) {
        case .wait(let sentence): result.sentence = sentence
        case .failed(let sentence, let hint):
            result.sentence = sentence
            result.hint = hint
            result.isOver = true
        case .wake(let sentence):
            result.sentence = sentence
            guard path != nil else {
                result.hint = "`stoker space wake \(space)` does that"
                result.isOver = true
                return false
            }
            // Whatever answers, it is the next look that tells which commit woke.
            let visit = try await visit(runtime, hub, end)
            result.visit = visit
            result.sentence = "it was asleep, and a visit was made to wake it: \(visit.sentence)"
            return visit.isGood
        case .ask(let sentence):
            guard path != nil else {
                result.isReady = true
                result.sentence = sentence
                return false
            }
            let visit = try await visit(runtime, hub, end)
            result.visit = visit
            result.isReady = visit.isGood
            result.sentence =
                "\(sentence), and the app \(visit.isGood ? "" : "does not answer well: ")\(visit.sentence)"
        }
        return false
    }

    private func visit(_ runtime: SpaceRuntime, _ hub: Hub, _ end: ContinuousClock.Instant) async throws -> SpaceVisit {
        // Whatever the app says below 500 is an answer of the app; a static Space has none, and 404 there means that the file is missing.
        try await SpaceVisit.make(
            space, path: path ?? "/", runtime: runtime, hub: hub, timeout: min(.seconds(30), end - .now),
            accepted: [200...(runtime.isStatic ? 399 : 499)])
    }
}

/// What to do about a Space whose app does not answer well.
enum SpaceAdvice {
    static func next(_ id: RepoID, _ runtime: SpaceRuntime, _ visit: SpaceVisit?) -> String {
        if runtime.evidence.pause == nil, runtime.stage.isMoving || visit?.isWaking == true {
            return "On its way: `stoker space wait \(id)`."
        }
        if runtime.isStatic { return Formatting.capitalized("\(SpaceRuntime.staticHint(id)).") }
        var evidence = runtime.evidence
        if runtime.stage == .running { evidence.cause = .spaceRunningDead }
        guard let rule = DiagnosisRules.find(evidence), let next = rule.next("\(id)") else {
            return "Read `stoker space logs \(id)`."
        }
        return "\(Formatting.capitalized(rule.brief)): \(next)."
    }
}
