import HubClient
import StokerCore
import Synchronization

extension Operation {
    package static let spaceLogs = Operation(
        name: "space-logs",
        summary:
            "The log of a Space's app, or of its build. Followed, its lines come as progress, until the caller goes",
        doing: "read the log of the Space", permission: .write, path: "/spaces/{owner}/{name}/logs",
        parameters: Parameter.space + [
            .init("log", .query, .choice(SpaceLogKind.allCases.map(\.rawValue)), defaultValue: "run", "Which"),
            .init("lines", .query, .integer(0...1_000_000), "Only the last so many lines"),
            .init(
                "follow", .query, .flag,
                "Goes on through restarts, cuts and sleep; a build's until it is over. Needs an answer with progress"),
        ], answer: .spaceLog
    ) { context, arguments in
        let kind: SpaceLogKind = arguments.name("log") == "build" ? .build : .run
        let lines = arguments.integer("lines")
        let (hub, id) = try await context.space(arguments)
        var all: [LogLine] = []
        if arguments.flag("follow") {
            guard context.caller.followsProgress else {
                throw Failure(
                    .usage, doing: "follow the log of \(id)",
                    because: "this call takes one answer, and a log has no end",
                    hint: "ask with Accept: text/event-stream or application/x-ndjson")
            }
            let told = ToldStage()
            try await hub.followLog(kind, of: id, tail: lines) { note in
                guard case .reconnecting(let stage?) = note, told.isNew(stage) else { return }
                context.tell(.init(.note, "waiting", "stoker: \(id) is \(stage); waiting for lines"))
            } each: { line in
                try context.caller.take(.init(.line, "line", line.plainText, data: line.json))
            }
        } else {
            // The Hub cuts at events, and an event may hold several lines: cut again here.
            let kept = KeptLines(limit: lines ?? .max)
            try await hub.drainLog(kind, of: id, tail: lines) { kept.add($0) }
            all = kept.lines
        }
        return ["space": .string("\(id)"), "log": .string(kind.rawValue), "lines": .array(all.map(\.json))]
    }
}

extension LogLine {
    fileprivate var json: JSONValue { ["at": .maybe(timestamp), "text": .string(plainText)] }
}

/// The stage that was told last: a Space that sleeps for a night is said to sleep once.
private final class ToldStage: Sendable {
    private let stage = Mutex<SpaceStage?>(nil)
    func isNew(_ now: SpaceStage) -> Bool {
        stage.withLock { stage in
            defer { stage = now }
            return stage != now
        }
    }
}

/// The last lines of a log that is read to its end.
private final class KeptLines: Sendable {
    private let limit: Int
    private let kept = Mutex<[LogLine]>([])
    init(limit: Int) { self.limit = limit }

    func add(_ line: LogLine) {
        guard limit > 0 else { return }
        kept.withLock { kept in
            kept.append(line)
            // Cut now and then, not for every line.
            if kept.count >= 64, kept.count - 64 >= limit, kept.count - 64 - limit >= limit {
                kept.removeFirst(kept.count - limit)
            }
        }
    }

    var lines: [LogLine] { kept.withLock { Array($0.suffix(limit)) } }
}
