import ArgumentParser

@main
struct Stoker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stoker",
        abstract: "Keeps a fleet of Hugging Face Spaces warm, and tells the truth about it.",
        version: Version.current,
        subcommands: [
            ServeCommand.self, DemoCommand.self, InitCommand.self, CheckConfigCommand.self, BudgetCommand.self,
            ExportCommand.self,
        ])
}
