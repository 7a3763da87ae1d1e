import ArgumentParser

struct SpaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "space", abstract: "Work with Spaces on the Hub: look, change, ship.",
        discussion: """
            Verbs and output modes are those of the official command line. A Space is owner/name, its page, or the name alone for your own.

            EXAMPLES
              stoker space health owner/bot
              stoker space logs owner/bot --follow
              stoker space secrets add owner/bot --env-file .env.secrets
              stoker space wait owner/bot
            """,
        groupedSubcommands: [
            CommandGroup(
                name: "Look",
                subcommands: [
                    SpaceListCommand.self, SpaceInfoCommand.self, SpaceFilesCommand.self,
                    SpaceRuntimeCommand.self, SpaceHealthCommand.self, SpaceWaitCommand.self, SpaceLogsCommand.self,
                    SpaceDomainsCommand.self, SpaceOpenCommand.self, SpaceSearchCommand.self,
                ]),
            CommandGroup(
                name: "Change",
                subcommands: [
                    SpaceRestartCommand.self, SpacePauseCommand.self, SpaceWakeCommand.self, SpaceHardwareCommand.self,
                    SpaceSleepTimeCommand.self, SpaceSecretsCommand.self, SpaceVariablesCommand.self,
                    SpaceVolumesCommand.self, SpaceDevModeCommand.self, SpaceSettingsCommand.self,
                ]),
            CommandGroup(
                name: "Ship",
                subcommands: [
                    SpaceCreateCommand.self, SpaceUploadCommand.self, SpacePushCommand.self, SpaceDuplicateCommand.self,
                    SpaceMoveCommand.self, SpaceDeleteCommand.self, SpaceDownloadCommand.self,
                    SpaceDeleteFilesCommand.self, SpaceBranchCommand.self, SpaceTagCommand.self,
                ]),
        ], aliases: ["spaces"])
}
