import ArgumentParser
import Diagnosis
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until the newest commit runs and the app answers.",
        discussion: """
            Both sources have to agree: the Hub says that the running app was built from the commit (not only RUNNING, which is still \
            said of the old version right after a push), and a visitor gets an answer of the app. A sleeping Space is woken by a visit first. \
            Ends with 1 when that will not happen by itself, or not in time.

            EXAMPLES
              stoker space wait owner/bot
              stoker space wait owner/bot --commit 3f1c9a7 --path /health
              stoker space wait owner/bot --timeout 20m --json
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("The commit that has to run (default: the head of main).", valueName: "sha"))
    var commit: String?
    @Option(help: ArgumentHelp("Path of the app that has to answer.", valueName: "path")) var path = "/"
    @Flag(name: .customLong("no-app"), help: "What the Hub says is enough; do not visit the app.") var noApp = false
    @Option(help: ArgumentHelp("Give up after so long, also on a Hub that does not answer.", valueName: "duration"))
    var timeout: SpanArgument = "10m"
    @Option(help: ArgumentHelp("Time between looks.", valueName: "duration")) var every: SpanArgument = "10s"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if let commit, !(7...64).contains(commit.count) || !commit.allSatisfy({ $0.isASCII && $0.isHexDigit }) {
            throw ValidationError("--commit takes 7 to 64 hexadecimal digits.")
        }
    }

    func run() async throws {
        let progress = Progress(output)
        let began = ContinuousClock.now
        try await hub.use { hub in
            let id = try await Deadline.run(until: began + timeout.duration) { [space] in try await space.id(hub) }
            guard let id else {
                throw Failure(
                    .hubUnreachable, doing: "wait for \(space.space.shortened)",
                    because: "the Hub gave no answer within \(timeout.duration.text)",
                    hint: "give it more with --timeout")
            }
            let wait = SpaceWaiting(
                space: id, path: noApp ? nil : path, timeout: timeout.duration, every: every.duration)
            let result = try await wait.run(hub, named: commit, began: began, progress: progress)
            progress.end()
            result.answer(.own).show(output)
            if !result.isReady { throw ExitCode(1) }
        }
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

        func answer(_ screen: Screen) -> Answer {
            var text = screen.paint(isReady ? "ready" : "not ready", isReady ? .green : .red)
            text += "  \(space): \(sentence.printable) (\(Wording.span(seconds)))\n"
            if let hint { text += "  \(hint.printable)\n" }
            return Answer(json: json, text: text)
        }
    }

    /// Waits for a commit of the Space, named by its beginning or whole; nil for the head of `main`.
    /// - Throws: `not_found` when the Space has no such commit.
    func run(_ hub: Hub, named commit: String?, began: ContinuousClock.Instant, progress: Progress) async throws
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
        return try await run(hub, commit: found.commit, isFresh: commit != nil, began: began, progress: progress)
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
        _ hub: Hub, commit: String?, isFresh: Bool, began: ContinuousClock.Instant = .now, progress: Progress
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
                progress.say("\(space): \(result.sentence) (\(Wording.span(result.seconds)))")
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
        // Whatever the app says below 500 is an answer of the app.
        try await SpaceVisit.make(
            space, path: path ?? "/", runtime: runtime, hub: hub, timeout: min(.seconds(30), end - .now),
            accepted: [200...499])
    }
}

struct SpaceHealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Look at a Space from both sides: what the Hub says, what a visitor gets.",
        discussion: """
            A visit wakes a sleeping Space; --no-wake leaves it asleep. Ends with 1 when the app does not answer well.

            EXAMPLES
              stoker space health owner/bot
              stoker space health owner/bot --path /health --json
            """)
    @OptionGroup var space: SpaceArgument
    @Option(help: ArgumentHelp("Path of the app to visit.", valueName: "path")) var path = "/"
    @Flag(name: .customLong("no-wake"), help: "Do not visit a sleeping Space.") var noWake = false
    @Option(help: ArgumentHelp("Longest time for the Hub's answer, and for the visit.", valueName: "duration"))
    var timeout: SpanArgument = "60s"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let told = try await Deadline.run(until: .now + timeout.duration) { [space] in
                let id = try await space.id(hub)
                return (id, try await hub.runtime(of: id))
            }
            guard let (id, runtime) = told else {
                throw Failure(
                    .hubUnreachable, doing: "look at \(space.space.shortened)",
                    because: "the Hub gave no answer within \(timeout.duration.text)",
                    hint: "give it more with --timeout")
            }
            let asleep = noWake && runtime.stage.isAsleep
            let visit =
                asleep
                ? nil
                : try await SpaceVisit.make(id, path: path, runtime: runtime, hub: hub, timeout: timeout.duration)
            let isGood = visit?.isGood ?? true
            Self.answer(id, runtime, visit, isGood, .own).show(output)
            if !isGood { throw ExitCode(1) }
        }
    }

    static func answer(
        _ id: RepoID, _ runtime: SpaceRuntime, _ visit: SpaceVisit?, _ isGood: Bool, _ screen: Screen
    ) -> Answer {
        let next = isGood ? nil : next(id, runtime, visit)
        var text = SpaceAnswer.runtime(runtime, id, screen).text
        if let visit {
            text += Rows.text(
                [
                    ("address", Redaction.address(visit.address).printable),
                    ("app", screen.paint(visit.sentence.printable, isGood ? .green : visit.isWaking ? .yellow : .red)),
                ], screen)
        }
        if let next { text += "  \(next.printable)\n" }
        return Answer(
            json: [
                "space": .string("\(id)"), "healthy": .bool(isGood), "runtime": runtime.json(id),
                "app": visit?.json ?? .null, "next": .maybe(next),
            ], text: text)
    }

    /// What to do about it.
    static func next(_ id: RepoID, _ runtime: SpaceRuntime, _ visit: SpaceVisit?) -> String {
        if runtime.evidence.pause == nil, runtime.stage.isMoving || visit?.isWaking == true {
            return "On its way: `stoker space wait \(id)`."
        }
        var evidence = runtime.evidence
        if runtime.stage == .running { evidence.cause = .spaceRunningDead }
        guard let rule = DiagnosisRules.find(evidence), let next = rule.next("\(id)") else {
            return "Read `stoker space logs \(id)`."
        }
        return "\(rule.brief.prefix(1).uppercased())\(rule.brief.dropFirst()): \(next)."
    }
}
