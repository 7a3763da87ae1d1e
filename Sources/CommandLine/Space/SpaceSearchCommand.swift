import ArgumentParser
import HubClient
import Operations
import StokerCore

struct SpaceSearchCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit must be at least 1.") }
        if words.allSatisfy({ $0.allSatisfy(\.isWhitespace) }) { throw ValidationError("Say what to look for.") }
    }

    func run() async throws {
        try await hub.use { hub in
            let found = try await hub.searchSpaces(
                words.joined(separator: " "), filter: filter, sdks: sdk, includesNonRunning: includeNonRunning)
            Self.answer(Array(found.prefix(limit)), .own).show(output)
        }
    }

    static func answer(_ found: [SpaceMatch], _ screen: Screen) -> Answer {
        var table = TextTable(columns: [
            .init(title: "SPACE", shrinksTo: 16), .init(title: "STAGE"), .init(title: "SDK"),
            .init(title: "LIKES", isRight: true), .init(title: "WHAT", shrinksTo: 20),
        ])
        for match in found {
            let stage = match.space.runtime?.stage
            table.rows.append([
                .init(match.space.id), .init(stage?.rawValue ?? "–", stage.map { TextStyle(stage: $0) } ?? .dim),
                .init(match.space.sdk ?? "–"), .init(match.space.likes.map(String.init) ?? ""),
                .init(match.description ?? match.title ?? "", .dim),
            ])
        }
        return Answer(
            json: [
                "spaces": .array(
                    found.map {
                        $0.space.json.adding([
                            .init("title", .maybe($0.title)), .init("description", .maybe($0.description)),
                            .init("score", .maybe($0.score)),
                        ])
                    })
            ],
            text: found.isEmpty ? "No Space was found.\n" : table.text(for: screen.look), names: found.map(\.space.id))
    }
}
