package import ArgumentParser
import Foundation
import StokerCore

/// The root of all commands.
package struct StokerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "stoker",
        abstract: "Keeps a fleet of Hugging Face Spaces warm, and tells the truth about it.",
        discussion: """
            EXAMPLES
              stoker demo                            everything over a simulated Hub
              stoker init acme/discord-bot acme/rag  write a fleet.yaml
              stoker serve --fleet fleet.yaml        monitor it
              stoker status                          ask the server that monitors it
            """,
        version: Version.current, subcommands: [DatabaseCopyCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Server",
                subcommands: [
                    ServeCommand.self, DemoCommand.self, CheckCommand.self, MCPCommand.self, HubSimulatorCommand.self,
                ]),
            CommandGroup(
                name: "Client",
                subcommands: [
                    StatusCommand.self, HistoryCommand.self, PingCommand.self, PauseCommand.self, ResumeCommand.self,
                    IncidentsCommand.self, AcknowledgeCommand.self, TranscriptCommand.self, BeatCommand.self,
                    ReloadCommand.self, BackupCommand.self, NotifyCommand.self, MaintenanceCommand.self,
                    WorkersCommand.self, ResultsCommand.self, TokenCommand.self, SessionsCommand.self,
                    ActivityCommand.self,
                ]),
            CommandGroup(
                name: "Fleet file",
                subcommands: [
                    InitCommand.self, NewCommand.self, CheckConfigCommand.self, SchemaCommand.self, BudgetCommand.self,
                    ExportCommand.self,
                ]),
            CommandGroup(
                name: "Deployment",
                subcommands: [
                    PlanCommand.self, ApplyCommand.self, DriftCommand.self, ImportCommand.self, RollbackCommand.self,
                    DestroyCommand.self, DeploysCommand.self,
                ]),
            CommandGroup(
                name: "Safekeeping",
                subcommands: [GuardCommand.self, SnapshotsCommand.self, KeyCommand.self, QueueCommand.self]),
            CommandGroup(
                name: "Hub",
                subcommands: [SpaceCommand.self, DoctorCommand.self, AuditCommand.self, WhoamiCommand.self]),
            CommandGroup(name: "Shell", subcommands: [CallCommand.self, CompletionCommand.self]),
        ])

    package init() {}

    /// Runs the command that the process was started with, and tells why it fails.
    /// - Parameter launcher: what the executable supplies.
    /// - Returns: the status to exit with.
    package static func run(with launcher: Launcher) async -> Int32 {
        await Launcher.$current.withValue(launcher) { await run() }
    }

    private static func run() async -> Int32 {
        Terminal.prepare()
        let interruption = Interruption()
        // A task of its own, so that a signal can call the command off.
        let work = Interruption.$current.withValue(interruption) {
            Task {
                var command = try parseAsRoot()
                if var asynchronous = command as? any AsyncParsableCommand {
                    try await asynchronous.run()
                } else {
                    try command.run()
                }
            }
        }
        interruption.watch(work)
        var status: Int32 = 0
        do {
            try await work.value
        } catch {
            status = CommandFailure.report(error).rawValue
        }
        // An answer that nobody could read was none, whatever it said. Why was told when it happened.
        let trouble = Terminal.outputTrouble
        if status <= 1, trouble != 0, trouble != EPIPE { status = Failure.Code.output.exitStatus }
        return status
    }
}
