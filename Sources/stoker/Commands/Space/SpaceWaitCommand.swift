import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore

struct SpaceWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until the newest commit runs and the app answers.",
        discussion: """
            Both sources have to agree: the Hub says that the running app was built from the commit (not only RUNNING, which is still \
            said of the old version right after a push), and a visitor gets an answer of the app. \
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
    @Option(help: ArgumentHelp("Give up after so long.", valueName: "duration")) var timeout: SpanArgument = "10m"
    @Option(help: ArgumentHelp("Time between looks.", valueName: "duration")) var every: SpanArgument = "10s"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if let commit, !(7...40).contains(commit.count) || !commit.allSatisfy(\.isHexDigit) {
            throw ValidationError("--commit takes 7 to 40 hexadecimal digits.")
        }
    }

    func run() async throws {
        let progress = Progress(output)
        try await hub.use { hub in
            let id = try await space.id(hub)
            let wait = SpaceWaiting(
                space: id, path: noApp ? nil : path, timeout: timeout.duration, every: every.duration)
            let result = try await wait.run(
                hub, commit: try await wait.whole(commit, hub), isFresh: commit != nil, progress: progress)
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

    /// The whole commit that a beginning means, or the head of `main`.
    func whole(_ commit: String?, _ hub: Hub) async throws -> String? {
        if let commit, commit.count == 40 { return commit.lowercased() }
        let head = try await hub.info(of: space, expand: ["sha"]).sha
        guard let commit else { return head }
        if let head, head.hasPrefix(commit.lowercased()) { return head }
        throw Failure(
            .notFound, doing: "find commit \(commit)", because: "it is not the head of main of \(space)",
            hint: "give all 40 digits of an older commit")
    }

    func run(_ hub: Hub, commit: String?, isFresh: Bool, progress: Progress) async throws -> Result {
        let began = ContinuousClock.now
        var decision = SpaceWait(commit: commit, isFresh: isFresh)
        var result = Result(
            space: space, isReady: false, sentence: "not looked at yet", commit: commit, seconds: 0)
        while true {
            do {
                try await look(hub, &decision, &result)
            } catch  where Task.isCancelled {
                return interrupted(result)
            }
            result.seconds = (ContinuousClock.now - began).seconds
            if result.isReady || result.isOver { return result }
            progress.say("\(space): \(result.sentence) (\(Wording.span(result.seconds)))")
            guard ContinuousClock.now + every < began + timeout else {
                result.sentence = "not within \(timeout.text): \(result.sentence)"
                result.hint = "look at `stoker space runtime \(space)` and `stoker space logs \(space)`"
                return result
            }
            do { try await Task.sleep(for: every) } catch { return interrupted(result) }
        }
    }

    private func interrupted(_ result: Result) -> Result {
        var result = result
        result.sentence = "interrupted; seen last: \(result.sentence)"
        result.hint = "waiting changes nothing; go on with `stoker space wait \(space)`"
        return result
    }

    private func look(_ hub: Hub, _ decision: inout SpaceWait, _ result: inout Result) async throws {
        let runtime: SpaceRuntime
        var head: String?
        do {
            if decision.wantsHead { head = try await hub.info(of: space, expand: ["sha"], isUrgent: true).sha }
            runtime = try await hub.runtime(of: space, isUrgent: true)
        } catch {
            // A Hub that has trouble for a moment is no reason to stop waiting.
            guard error.retry != .never else { throw error }
            result.sentence = error.said
            return
        }
        result.runtime = runtime
        switch decision.look(at: runtime, space: space, head: head) {
        case .wait(let sentence): result.sentence = sentence
        case .failed(let sentence, let hint):
            result.sentence = sentence
            result.hint = hint
            result.isOver = true
        case .ask(let sentence):
            guard let path else {
                result.isReady = !runtime.stage.isAsleep
                result.sentence = sentence
                result.isOver = runtime.stage.isAsleep
                return
            }
            // Whatever the app says below 500 is an answer of the app.
            let visit = try await SpaceVisit.make(
                space, path: path, runtime: runtime, hub: hub, timeout: .seconds(30), accepted: [200...499])
            result.visit = visit
            result.isReady = visit.isGood
            result.sentence =
                "\(sentence), and the app \(visit.isGood ? "" : "does not answer well: ")\(visit.sentence)"
        }
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
    @Option(help: ArgumentHelp("Longest time for the visit.", valueName: "duration")) var timeout: SpanArgument = "60s"
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let runtime = try await hub.runtime(of: id)
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
        if runtime.isModerated { return "Flagged by the Hub's moderation: write to website@huggingface.co." }
        if runtime.stage == .paused { return "Paused: its owner starts it with `stoker space restart \(id)`." }
        if runtime.stage.isMoving || visit?.isWaking == true { return "On its way: `stoker space wait \(id)`." }
        if runtime.stage == .buildError || runtime.stage == .configError || runtime.stage == .noAppFile {
            return "Read `stoker space logs \(id) --build`."
        }
        if runtime.stage == .running {
            return "The Hub says RUNNING and the app does not answer: read `stoker space logs \(id)`, then restart."
        }
        return "Read `stoker space logs \(id)`."
    }
}
