import Ledger
import Notices
import StokerCore

extension Operation {
    package static let listChannels = Operation(
        name: "notify-channels", summary: "The channels of the fleet file, and how each fares",
        doing: "list the channels", permission: .write, needsFleet: true, path: "/notify/channels",
        answer: .channelList, paging: Paging(by: "name")
    ) { (context, _) throws(Failure) in
        ["items": .array(try await context.notices.channelStatuses().map(\.json))]
    }

    package static let noticeAudience = Operation(
        name: "notify-rules", summary: "Who hears of what by the rules of the fleet file, and what nobody hears of",
        doing: "say who hears of what", permission: .write, needsFleet: true, path: "/notify/rules",
        answer: .audience
    ) { (context, _) throws(Failure) in
        let checks = try await context.monitor.statuses(StatusQuery()).items.map(\.check)
        return try context.notices.audience(of: checks).json
    }

    package static let testChannel = Operation(
        name: "notify-test", summary: "Sends a test message to a channel, and waits for what becomes of it",
        doing: "send a test message", effect: .write, needsFleet: true, method: .post,
        path: "/notify/channels/{name}/test",
        parameters: [.init("name", .path, .text(upTo: 300), "Name of the channel")], answer: .message
    ) { (context, arguments) throws(Failure) in
        let board = try context.notices
        let id = try await board.sendTest(to: arguments.name())
        return try await settled(id, board, doing: "send a test message")
    }

    package static let testChannels = Operation(
        name: "notify-test-all",
        summary: "Sends a test message to each channel that is on, and waits for what becomes of them",
        doing: "send a test message", effect: .write, needsFleet: true, method: .post, path: "/notify/test",
        answer: .messages
    ) { (context, _) throws(Failure) in
        let board = try context.notices
        let names = try await board.channelStatuses().filter(\.isOn).map(\.name)
        guard !names.isEmpty else {
            throw Failure(
                .notFound, doing: "send a test message", because: "the fleet file has no channel that is on",
                hint: "`stoker notify channels` lists them")
        }
        // All leave at once: the slowest says how long it takes.
        var sent: [Int64] = []
        for name in names { sent.append(try await board.sendTest(to: name)) }
        var messages: [JSONValue] = []
        let end = ContinuousClock.now + patience
        for id in sent {
            messages.append(try await settled(id, board, within: end - .now, doing: "send a test message"))
        }
        return ["items": .array(messages)]
    }

    package static let listMessages = Operation(
        name: "notify-list", summary: "Messages, newest first: sent, on their way, given up",
        doing: "list the messages", permission: .write, needsFleet: true, path: "/notify/messages",
        parameters: [
            .init(
                "state", .query, .choices(MessageState.allCases.map(\.rawValue)), "Only these states"),
            .init(
                "incident", .query, .text(upTo: 20), form: Parameter.rowForm,
                "Only those that tell of the incident of this number"),
            .init("limit", .query, .integer(1...1_000), defaultValue: 50, "Messages on a page"), .cursor,
        ], answer: .messagePage
    ) { (context, arguments) throws(Failure) in
        let board = try context.notices
        let limit = arguments.integer("limit") ?? 50
        let states = Set(
            arguments.texts("state").compactMap { MessageState(rawValue: $0) }.flatMap(\.jobStates))
        let before = try arguments.cursor(doing: "list the messages")
        let found: [Job]
        if let number = arguments.text("incident") {
            let incident = try await context.incident(number, doing: "list the messages")
            found = try await board.messages(about: incident, states: states, before: before, limit: limit + 1)
        } else {
            found = try await board.messages(states: states, before: before, limit: limit + 1)
        }
        let page = found.prefix(limit)
        return [
            "items": .array(page.compactMap(\.message)),
            "next_cursor": found.count > limit ? .text(page.last.map { "\($0.id)" }) : .null,
        ]
    }

    package static let showMessage = Operation(
        name: "notify-show", summary: "One message", doing: "show the message", permission: .write, needsFleet: true,
        path: "/notify/messages/{name}",
        parameters: [
            .init("name", .path, .text(upTo: 20), form: Parameter.rowForm, "Number of the message")
        ], answer: .message
    ) { (context, arguments) throws(Failure) in
        let id = try number(arguments.name(), doing: "show the message")
        guard let message = try await context.notices.message(id)?.message else {
            throw Failure(
                .notFound, doing: "show the message", because: "there is no message \(id)",
                hint: "`stoker notify list` shows them")
        }
        return message
    }

    package static let retryMessage = Operation(
        name: "notify-retry", summary: "Sends a message once more that was given up, with the key it had",
        doing: "send the message again", effect: .write, needsFleet: true, method: .post,
        path: "/notify/messages/{name}/retry",
        parameters: [
            .init("name", .path, .text(upTo: 20), form: Parameter.rowForm, "Number of the message")
        ], answer: .message
    ) { (context, arguments) throws(Failure) in
        let board = try context.notices
        let id = try await board.retry(try number(arguments.name(), doing: "send the message again"))
        return try await settled(id, board, doing: "send the message again")
    }

    /// A person waits for it, but not for hours: the command gives an answer 30 s.
    private static let patience = Duration.seconds(20)

    private static func settled(
        _ id: Int64, _ board: NoticeBoard, within time: Duration = patience, doing: String
    ) async throws(Failure) -> JSONValue {
        guard let message = try await board.outcome(of: id, within: time)?.message else {
            throw Failure(.notFound, doing: doing, because: "the message is not in the outbox any more")
        }
        return message
    }

    private static func number(_ text: String, doing: String) throws(Failure) -> Int64 {
        guard let number = Int64(text), number > 0 else {
            throw Failure(
                .usage, doing: doing, because: "\"\(text.shortened)\" is not the number of a message",
                hint: "`stoker notify list` shows the numbers")
        }
        return number
    }
}
