import ArgumentParser
import Operations
import StokerCore

/// `stoker deploys`: what was deployed, and how it ended.
struct DeploysCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploys", abstract: "List what was deployed, newest first, and what is at work.",
        discussion: """
            EXAMPLES
              stoker deploys
              stoker deploys --limit 3 --format json
            """)
    @Option(name: .shortAndLong, help: "How many, at most.")
    var limit: Int = 20
    @OptionGroup var output: OutputOptions
    @OptionGroup var server: ServerOptions

    static var operations: [Operations.Operation] { [.listDeploys] }

    func run() async throws {
        let answer = try await server.client().call(.listDeploys, [("limit", .integer(Int64(limit)))])
        let screen = Terminal.own
        if output.chosen == .json { return screen.write(answer.prettyText) }
        if output.chosen == .quiet { return }
        let items = answer["items"]?.array ?? []
        guard !items.isEmpty else { return screen.write("Nothing was deployed yet.\n") }
        for item in items {
            let state = item["state"]?.string ?? ""
            let said = item["sentence"]?.string.map { ": \($0.printable)" } ?? ""
            screen.write(
                "\(OutputFormatting.time(item["began"]))  \((item["what"]?.string ?? "").printable), \(state), by \((item["by"]?.string ?? "").printable)\(said)\n"
            )
            for space in item["spaces"]?.array ?? [] {
                let step = space["doing"]?.string.map { "at the step “\($0.printable)”" }
                let said = step ?? space["sentence"]?.string.map(\.printable)
                screen.write(
                    "  \((space["space"]?.string ?? "").printable): \(space["state"]?.string ?? "")\(said.map { ", \($0)" } ?? "")\n"
                )
            }
        }
    }
}
