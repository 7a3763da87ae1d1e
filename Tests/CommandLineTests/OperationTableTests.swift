import ArgumentParser
import CommandLine
import Operations
import Testing

@Suite struct OperationTableTests {
    /// Every command below one, itself included.
    static func commands(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        let own = command.configuration
        return [command]
            + (own.groupedSubcommands.flatMap(\.subcommands) + own.subcommands).flatMap { commands(below: $0) }
    }

    /// A command of its own, or `stoker call`.
    @Test func everyOperationHasACommand() {
        let declared = Self.commands(below: StokerCommand.self)
            .compactMap { ($0 as? any OperationCommand.Type)?.operations.map(\.name) }.flatMap { $0 }
        let all = Set(Operations.Operation.all.map(\.name))
        #expect(all.subtracting(declared).sorted() == [], "no command carries these out")
        #expect(Set(declared).subtracting(all).sorted() == [], "these are no operations")
    }

    /// What a command of `stoker space` does is an operation: none of them works on the Hub by itself.
    @Test func everyCommandOfSpaceCarriesOutOperations() throws {
        let space = try #require(
            StokerCommand.configuration.groupedSubcommands.flatMap(\.subcommands).first {
                $0.configuration.commandName == "space"
            })
        for command in Self.commands(below: space)
        where command.configuration.subcommands.isEmpty && command.configuration.groupedSubcommands.isEmpty {
            let operations = (command as? any OperationCommand.Type)?.operations ?? []
            #expect(!operations.isEmpty, "\(command)")
        }
    }

    /// These are no operations: they run until they are stopped, or are about the shell.
    @Test func whatIsNoOperationStartsSomethingOrIsAboutTheShell() {
        let others = Self.commands(below: StokerCommand.self)
            .filter { $0.configuration.subcommands.isEmpty && $0.configuration.groupedSubcommands.isEmpty }
            .filter { !($0 is any OperationCommand.Type) }
            .compactMap { command in command.configuration.commandName }
        #expect(
            Set(others).sorted() == ["completion", "database-copy", "demo", "guard", "hub-simulator", "mcp", "serve"])
    }
}
