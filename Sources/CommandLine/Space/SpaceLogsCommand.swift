import ArgumentParser
import Foundation
import HubClient
import Operations
import StokerCore
import Synchronization

struct SpaceLogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show the log of a Space's app, or of its build.",
        discussion: """
            Following goes on through restarts, cuts and sleep, each line once, until Ctrl-C or until nobody reads it (`| grep -m1 ready`); \
            with --build until the build is over. \
            The Hub keeps a log only as long as its container.

            EXAMPLES
              stoker space logs owner/bot
              stoker space logs owner/bot --build
              stoker space logs owner/bot --follow --lines 20
              stoker space logs owner/bot --follow --json > bot.jsonl
            """)
    @OptionGroup var space: SpaceArgument
    @Flag(help: "The log of the build.") var build = false
    @Flag(name: [.long, .customShort("f")], help: "Keep showing what comes.") var follow = false
    @Option(
        name: [.long, .customLong("tail"), .customShort("n")],
        help: ArgumentHelp("Only the last so many lines.", valueName: "number"))
    var lines: Int?
    @Flag(help: "With the time of each line.") var timestamps = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if let lines, lines < 0 { throw ValidationError("--lines must not be negative.") }
    }

    func run() async throws {
        let screen = Screen.own
        let kind: SpaceLogKind = build ? .build : .run
        let printer = LogPrinter(screen: screen, format: output.chosen, timestamps: timestamps)
        try await hub.use { hub in
            let id = try await space.id(hub)
            if follow { return try await self.follow(kind, id, hub, printer) }
            // The Hub cuts at events, and an event may hold several lines: cut again here.
            let kept = KeptLines(limit: lines ?? .max)
            try await hub.drainLog(kind, of: id, tail: lines) { kept.add($0) }
            let all = kept.lines
            if output.chosen == .json {
                let document: JSONValue = [
                    "space": .string("\(id)"), "log": .string(kind.rawValue), "lines": .array(all.map(LogPrinter.json)),
                ]
                return screen.write(document.prettyText)
            }
            for line in all { try printer.show(line) }
            if all.isEmpty, lines != 0 {
                Progress(output).hint(
                    build
                        ? "There is no build log." : "There is no run log. The build's: stoker space logs \(id) --build"
                )
            }
        }
    }

    private func follow(_ kind: SpaceLogKind, _ id: RepoID, _ hub: Hub, _ printer: LogPrinter) async throws {
        let progress = Progress(output)
        let told = ToldStage()
        let lines = lines
        try await Screen.whileRead {
            try await hub.followLog(kind, of: id, tail: lines) { note in
                guard case .reconnecting(let stage?) = note else { return }
                if told.isNew(stage) { progress.hint("stoker: \(id) is \(stage); waiting for lines") }
            } each: { line in
                try printer.show(line)
            }
        }
    }
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
final class KeptLines: Sendable {
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

/// Writes log lines as they come.
struct LogPrinter: Sendable {
    var screen: Screen
    var format: OutputFormat
    var timestamps: Bool

    static func json(_ line: LogLine) -> JSONValue {
        ["at": .maybe(line.timestamp), "text": .string(line.plainText)]
    }

    /// - Throws: when nobody reads it any more.
    func show(_ line: LogLine) throws {
        switch format {
        case .json: try screen.stream(Self.json(line).text + "\n")
        case .quiet: break
        case .auto, .human:
            for part in line.plainText.split(separator: "\n", omittingEmptySubsequences: false) {
                let at = timestamps ? screen.paint(line.timestamp?.printable ?? "–", .dim) + "  " : ""
                try screen.stream(at + String(part).replacing("\t", with: "    ").printable + "\n")
            }
        }
    }
}
