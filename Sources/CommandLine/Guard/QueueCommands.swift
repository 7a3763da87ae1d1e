import ArgumentParser
import Foundation
import Operations
import StokerCore

/// Work that survives the container: the queue in the guarded state.
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Work that survives the container: push it, take it, finish it.",
        discussion: """
            The queue is one SQLite file inside the guarded state. Who takes work has it for a time; work whose time is over, or that an \
            earlier life of the container took, is taken again. What is done is never taken again.

            EXAMPLES
              stoker queue push '{"job": 12}'
              stoker queue take --lease 10m
              stoker queue done 12-1
              stoker queue fail 12-1 --because 'timed out'
              stoker queue list
            """,
        subcommands: [
            QueuePushCommand.self, QueueTakeCommand.self, QueueDoneCommand.self, QueueFailCommand.self,
            QueueListCommand.self,
        ])
}

/// Which queue, and how its answer is written.
struct QueueOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The queue's file (default: $STOKER_QUEUE, which the guard sets, else queue.sqlite of the data folder).",
            valueName: "file"),
        completion: .file())
    var file: String?

    fileprivate var given: [(name: String, value: JSONValue)] {
        let environment = ProcessInfo.processInfo.environment
        var given: [(name: String, value: JSONValue)] = []
        if let file = file ?? environment["STOKER_QUEUE"], !file.isEmpty { given.append(("file", .string(file))) }
        if let life = environment["STOKER_EPOCH"], !life.isEmpty { given.append(("life", .string(life))) }
        return given
    }
}

extension OperationCommand {
    fileprivate func work(
        _ operation: Operations.Operation, _ more: [(name: String, value: JSONValue)], _ queue: QueueOptions,
        _ output: OutputOptions, text: (JSONValue) -> String
    ) async throws {
        let answer = try await perform(operation, more.filter { !$0.value.isNull } + queue.given, output: output)
        CommandOutput(json: answer, text: text(answer)).show(output)
    }
}

struct QueuePushCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Put work into the queue.",
        discussion: """
            EXAMPLES
              stoker queue push '{"job": 12}'
              stoker queue push "$(cat job.json)" --after 10m
            """)

    @Argument(help: "What is to be done; any text.") var payload: String
    @Option(help: ArgumentHelp("Not taken before this time has passed: 30s, 10m.", valueName: "duration")) var after:
        String?
    @OptionGroup var queue: QueueOptions
    @OptionGroup var output: OutputOptions
    static var operations: [Operations.Operation] { [.queuePush] }

    func run() async throws {
        try await work(.queuePush, [("payload", .string(payload)), ("after", .maybe(after))], queue, output) {
            "\($0["id"]?.integer ?? 0)\n"
        }
    }
}

struct QueueTakeCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "take", abstract: "Take the oldest work that is due; status 1 when there is none.",
        discussion: """
            Prints the ticket on one line and the work behind it.

            EXAMPLES
              stoker queue take --lease 10m
              stoker queue take --json
            """)

    @Option(help: ArgumentHelp("For how long it is yours (default: 5m).", valueName: "duration")) var lease: String?
    @OptionGroup var queue: QueueOptions
    @OptionGroup var output: OutputOptions
    static var operations: [Operations.Operation] { [.queueTake] }

    func run() async throws {
        let given: [(name: String, value: JSONValue)] = lease.map { [("lease", .string($0))] } ?? []
        let answer = try await perform(.queueTake, given + queue.given, output: output)
        let item = answer["item"] ?? .null
        CommandOutput(
            json: answer, text: item.isNull ? "" : "\(item["ticket"]?.string ?? "")\n\(item["payload"]?.string ?? "")\n"
        ).show(output)
        if item.isNull { throw ExitCode(1) }
    }
}

struct QueueDoneCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "done", abstract: "Say that taken work is done.",
        discussion: """
            EXAMPLES
              stoker queue done 12-1
            """)

    @Argument(help: "The ticket that `stoker queue take` printed.") var ticket: String
    @OptionGroup var queue: QueueOptions
    @OptionGroup var output: OutputOptions
    static var operations: [Operations.Operation] { [.queueDone] }

    func run() async throws {
        try await work(.queueDone, [("ticket", .string(ticket))], queue, output) {
            "\($0["id"]?.integer ?? 0) is done\n"
        }
    }
}

struct QueueFailCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "fail", abstract: "Say that taken work failed: it is taken again later, or has failed for good.",
        discussion: """
            EXAMPLES
              stoker queue fail 12-1 --because 'timed out' --retry-after 10m
              stoker queue fail 12-1 --attempts 1
            """)

    @Argument(help: "The ticket that `stoker queue take` printed.") var ticket: String
    @Option(help: "What went wrong.") var because: String?
    @Option(help: ArgumentHelp("Not taken again before this time has passed (default: 30s).", valueName: "duration"))
    var retryAfter: String?
    @Option(help: "Taken so often, it has failed for good: 1 to 1000 (default: 5).") var attempts: Int?
    @OptionGroup var queue: QueueOptions
    @OptionGroup var output: OutputOptions
    static var operations: [Operations.Operation] { [.queueFail] }

    func run() async throws {
        let given: [(name: String, value: JSONValue)] = [
            ("ticket", .string(ticket)), ("because", .maybe(because)), ("retry_after", .maybe(retryAfter)),
            ("attempts", .maybe(attempts)),
        ]
        try await work(.queueFail, given, queue, output) {
            "\($0["id"]?.integer ?? 0) is \($0["state"]?.string ?? "")\n"
        }
    }
}

struct QueueListCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the work of the queue, newest first.",
        discussion: """
            EXAMPLES
              stoker queue list
              stoker queue list --state failed --json
            """)

    @Option(help: "waiting, taken, done or failed.") var state: String?
    @Option(help: "At most so many: 1 to 1000 (default: 100).") var limit: Int?
    @OptionGroup var queue: QueueOptions
    @OptionGroup var output: OutputOptions
    static var operations: [Operations.Operation] { [.queueList] }

    func run() async throws {
        try await work(.queueList, [("state", .maybe(state)), ("limit", .maybe(limit))], queue, output) {
            answer in
            func count(_ name: String) -> String { "\(answer[name]?.integer ?? 0) \(name)" }
            let head = "\(count("waiting")), \(count("taken")), \(count("done")), \(count("failed"))\n"
            return head
                + (answer["items"]?.array ?? []).map { item in
                    let trouble = item["trouble"]?.string.map { "; \($0.printable)" } ?? ""
                    let attempts = item["attempts"]?.integer ?? 0
                    return
                        "\(item["id"]?.integer ?? 0)  \(item["state"]?.string ?? "")  \(attempts) \(attempts == 1 ? "attempt" : "attempts")\(trouble)  \((item["payload"]?.string ?? "").printable.shortened)\n"
                }.joined()
        }
    }
}
