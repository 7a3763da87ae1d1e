import ArgumentParser
import Operations
import StokerCore

struct SpaceSearchCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.searchSpaces] }
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find Spaces of everybody by what they do.",
        discussion: """
            The Hub looks for the meaning of the words; `stoker space list --search` looks for a part of a name.

            EXAMPLES
              stoker space search "remove the background of a picture"
              stoker space search translate speech --sdk gradio --limit 5
            """)
    @Argument(help: "What they do, in words.") var words: [String]
    @Option(help: "Only this SDK: gradio, docker or static; may be given several times.") var sdk: [String] = []
    @Option(help: "A tag; may be given several times.") var filter: [String] = []
    @Flag(name: .customLong("include-non-running"), help: "Also those that do not run.") var includeNonRunning = false
    @Option(name: .shortAndLong, help: "At most so many.") var limit = 10
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if words.allSatisfy({ $0.allSatisfy(\.isWhitespace) }) { throw ValidationError("Say what to look for.") }
    }

    func run() async throws {
        try await hub.calls(output) { calls in
            let answer = try await calls.call(
                .searchSpaces,
                [
                    ("q", .string(words.joined(separator: " "))), ("sdk", .optional(sdk)),
                    ("filter", .optional(filter)), ("include_non_running", .bool(includeNonRunning)),
                    ("limit", .integer(Int64(limit))),
                ])
            Self.answer(answer, .own).show(output)
        }
    }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var table = TextTable(columns: [
            .init(title: "SPACE", shrinksTo: 16), .init(title: "STAGE"), .init(title: "SDK"),
            .init(title: "LIKES", isRight: true), .init(title: "WHAT", shrinksTo: 20),
        ])
        let found = answer["spaces"]?.array ?? []
        for match in found {
            let stage = match["runtime"]?["stage"]?.string.map { SpaceStage(rawValue: $0) }
            table.rows.append([
                .init(match["space"]?.string ?? ""),
                .init(stage?.rawValue ?? "–", stage.map { TextStyle(stage: $0) } ?? .dim),
                .init(match["sdk"]?.string ?? "–"), .init(match["likes"]?.integer.map { "\($0)" } ?? ""),
                .init(match["description"]?.string ?? match["title"]?.string ?? "", .dim),
            ])
        }
        return CommandOutput(
            json: answer, text: found.isEmpty ? "No Space was found.\n" : table.text(for: screen.look),
            names: found.compactMap { $0["space"]?.string })
    }
}
