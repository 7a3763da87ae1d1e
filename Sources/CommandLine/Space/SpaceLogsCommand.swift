import ArgumentParser
import Foundation
import Operations
import StokerCore
import Synchronization

struct SpaceLogsCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceLogs] }
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
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if let lines, lines < 0 { throw ValidationError("--lines must not be negative.") }
    }

    func run() async throws {
        let screen = Terminal.own
        let printer = LogPrinter(screen: screen, format: output.chosen, timestamps: timestamps)
        let given: [(name: String, value: JSONValue)] = [
            ("log", build ? "build" : "run"), ("lines", .maybe(lines.map { min($0, 1_000_000) })),
            ("follow", .bool(follow)),
        ]
        let end = Mutex<ExitCode?>(nil)
        let show: @Sendable (JSONValue) throws -> Void = { line in
            do { try printer.show(line) } catch let code as ExitCode {
                // Nobody reads any more: that is an end, and no failure of the operation.
                end.withLock { $0 = code }
                throw CancellationError()
            }
        }
        try await hub.calls(output, line: show) { calls in
            let name = try await calls.name(space.space)
            if follow {
                return try await Terminal.whileRead {
                    do { _ = try await calls.call(.spaceLogs, on: name, given) } catch {
                        if let code = end.withLock({ $0 }) { throw code }
                        throw error
                    }
                }
            }
            let answer = try await calls.call(.spaceLogs, on: name, given)
            if output.chosen == .json { return screen.write(answer.prettyText) }
            let all = answer["lines"]?.array ?? []
            for line in all { try printer.show(line) }
            if all.isEmpty, lines != 0 {
                calls.caller.progress.hint(
                    build
                        ? "There is no build log."
                        : "There is no run log. The build's: stoker space logs \(name) --build")
            }
        }
    }
}

/// Writes log lines as they come.
struct LogPrinter: Sendable {
    var screen: Terminal
    var format: OutputFormat
    var timestamps: Bool

    /// - Throws: when nobody reads it any more.
    func show(_ line: JSONValue) throws {
        switch format {
        case .json: try screen.stream(line.text + "\n")
        case .quiet: break
        case .auto, .human:
            for part in (line["text"]?.string ?? "").split(separator: "\n", omittingEmptySubsequences: false) {
                let at = timestamps ? screen.paint(line["at"]?.string?.printable ?? "–", .dim) + "  " : ""
                try screen.stream(at + String(part).replacing("\t", with: "    ").printable + "\n")
            }
        }
    }
}
