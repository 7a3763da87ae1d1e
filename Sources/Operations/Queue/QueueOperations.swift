import NIOPosix
import Safekeeping
import StokerCore

extension Operation {
    package static let queuePush = Operation(
        name: "queue-push", summary: "Puts work into a queue that survives the container", doing: "push to the queue",
        effect: .write, method: .post, path: "/queue",
        parameters: [
            .init("payload", .body, .text(upTo: 1_000_000), required: true, "What is to be done; any text"),
            .init("after", .body, .duration, "Not taken before so much time has passed; at once unless given"),
        ] + QueueFile.parameters, bodyLimit: 13 << 20, answer: .queueItem
    ) { context, arguments in
        try await QueueFile.with(context, arguments) { (queue) throws(Failure) in
            try queue.push(arguments.name("payload"), after: arguments.duration("after") ?? .zero).json
        }
    }

    package static let queueTake = Operation(
        name: "queue-take",
        summary:
            "Takes the oldest work that is due, for a time; null when there is none. Work whose time is over is taken again",
        doing: "take from the queue", effect: .write, method: .post, path: "/queue/take",
        parameters: [.init("lease", .body, .duration, defaultValue: "5m", "For how long it is yours")]
            + QueueFile.parameters,
        answer: .queueTaken
    ) { context, arguments in
        try await QueueFile.with(context, arguments) { (queue) throws(Failure) in
            ["item": try queue.take(for: arguments.duration("lease") ?? .seconds(300))?.json ?? .null]
        }
    }

    package static let queueDone = Operation(
        name: "queue-done", summary: "Says that taken work is done; it is never taken again",
        doing: "finish work of the queue",
        effect: .write, method: .post, path: "/queue/{ticket}/done",
        parameters: [QueueFile.ticket] + QueueFile.parameters, answer: .queueItem
    ) { context, arguments in
        try await QueueFile.with(context, arguments) { (queue) throws(Failure) in
            try queue.done(arguments.name("ticket")).json
        }
    }

    package static let queueFail = Operation(
        name: "queue-fail", summary: "Gives taken work back: it is taken again later, or has failed for good",
        doing: "give work of the queue back", effect: .write, method: .post, path: "/queue/{ticket}/fail",
        parameters: [
            QueueFile.ticket, .init("because", .body, .text(upTo: 2_000), "What went wrong; kept with it"),
            .init("retry_after", .body, .duration, defaultValue: "30s", "Not taken again before"),
            .init("attempts", .body, .integer(1...1_000), defaultValue: 5, "Taken so often, it has failed for good"),
        ] + QueueFile.parameters, answer: .queueItem
    ) { context, arguments in
        try await QueueFile.with(context, arguments) { (queue) throws(Failure) in
            try queue.fail(
                arguments.name("ticket"), because: arguments.text("because"),
                retryAfter: arguments.duration("retry_after") ?? .seconds(30),
                attempts: arguments.integer("attempts") ?? 5
            ).json
        }
    }

    package static let queueList = Operation(
        name: "queue-list", summary: "The work of a queue, newest first, with its attempts", doing: "list the queue",
        permission: .write, path: "/queue",
        parameters: [
            .init(
                "state", .query, .choice(WorkQueue.Standing.allCases.map(\.rawValue)), "Only these; all unless given"
            ),
            .init("limit", .query, .integer(1...1_000), defaultValue: 100, "Items on a page"), .cursor,
        ] + QueueFile.parameters, answer: .queueList
    ) { context, arguments in
        try await QueueFile.with(context, arguments) { (queue) throws(Failure) in
            let counts = try queue.counts()
            let limit = arguments.integer("limit") ?? 100
            let before = try arguments.cursor(doing: "list the queue")
            let standing = arguments.text("state").flatMap { WorkQueue.Standing(rawValue: $0) }
            let found = try queue.list(standing, before: before, limit: limit + 1)
            let page = found.prefix(limit)
            return [
                "waiting": .count(counts.waiting), "taken": .count(counts.taken), "done": .count(counts.done),
                "failed": .count(counts.failed),
                "items": .array(page.map(\.json)),
                "next_cursor": .text(found.count > limit ? page.last.map { "\($0.id)" } : nil),
            ]
        }
    }
}

/// Which queue an operation works on.
private enum QueueFile {
    static let parameters: [Operation.Parameter] = [
        .init("file", .local, .text(upTo: 4_096), "The queue's file; `queue.sqlite` of the data folder unless given"),
        .init(
            "life", .local, .text(upTo: 100),
            "Names the life of the container: what an earlier one took is taken again at once"),
    ]
    static let ticket = Operation.Parameter(
        "ticket", .path, .text(upTo: 60), form: Operation.Parameter.ticketForm, "As `queue-take` gave it")

    static func with(
        _ context: OperationContext, _ arguments: Arguments,
        _ work: @escaping @Sendable (WorkQueue) throws(Failure) -> JSONValue
    ) async throws -> JSONValue {
        let path = try arguments.text("file") ?? context.dataFolder + "/queue.sqlite"
        let life = arguments.text("life") ?? "server"
        let now = context.now
        return try await NIOThreadPool.singleton.runIfActive {
            try work(try WorkQueue(path: path, life: life, now: now))
        }
    }
}

extension Shape {
    static let queueItem = Shape(
        name: "QueueItem", summary: "Work of a queue.",
        fields: [
            .init("id", .integer, "Number in the queue"), .init("payload", .text, "What is to be done"),
            .init("state", .choice(WorkQueue.Standing.allCases.map(\.rawValue)), "How it stands"),
            .init("attempts", .integer, "How often it was taken"), .init("pushed", .instant, "When it came"),
            .init("until", .instant, optional: true, "Not taken before; of taken work: whose it is until then"),
            .init("trouble", .text, optional: true, "Why it was given back last"),
            .init("ticket", .text, optional: true, "Finishes it or gives it back, while it is taken"),
        ])
    static let queueTaken = Shape(
        name: "QueueTaken", summary: "Work that was taken.",
        fields: [.init("item", .shape(queueItem), optional: true, "null when nothing is due")])
    static let queueList = Shape(
        name: "QueueList", summary: "The work of a queue.",
        fields: WorkQueue.Standing.allCases.map { .init($0.rawValue, .integer, "How many are \($0.rawValue)") }
            + [.init("items", .list(.shape(queueItem)), "Newest first"), .nextCursor])
}
