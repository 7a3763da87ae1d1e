import ArgumentParser
import Operations
import StokerCore

struct SpaceVolumesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volumes", abstract: "Show, mount and unmount the volumes of a Space.",
        discussion: """
            A volume is hf://buckets/owner/name[/folder]:/mount[:ro], or a repository in place of the bucket.

            EXAMPLES
              stoker space volumes list owner/bot
              stoker space volumes add owner/bot hf://buckets/owner/store:/data
              stoker space volumes delete owner/bot /data
            """,
        subcommands: [
            SpaceVolumesListCommand.self, SpaceVolumesAddCommand.self, SpaceVolumesSetCommand.self,
            SpaceVolumesDeleteCommand.self,
        ])

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        let volumes = answer["volumes"]?.array ?? []
        var text = volumes.isEmpty ? "No volumes.\n" : ""
        if !volumes.isEmpty {
            var table = TextTable(columns: [
                .init(title: "MOUNT"), .init(title: "SOURCE", shrinksTo: 20), .init(title: "WRITING"),
            ])
            for volume in volumes {
                let type = volume["type"]?.string ?? ""
                let inside = volume["path"]?.string.map { "/\($0)" } ?? ""
                table.rows.append([
                    .init(volume["mount_path"]?.string ?? ""),
                    .init("\(type) \(volume["source"]?.string ?? "")\(inside)"),
                    .init(volume["read_only"]?.bool ?? (type != "bucket") ? "no" : "yes"),
                ])
            }
            text = table.text(for: screen.look)
        }
        if let changed = answer["changed"]?.bool {
            text += changed ? "The Space restarts.\n" : "Nothing to do: it is as wished already.\n"
        }
        return CommandOutput(json: answer, text: text)
    }
}

struct SpaceVolumesListCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.listVolumes] }
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What is mounted.",
        discussion: """
            EXAMPLES
              stoker space volumes list owner/bot
            """, aliases: ["ls"])
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            SpaceVolumesCommand.answer(try await calls.call(.listVolumes, on: space), .own).show(output)
        }
    }
}

struct SpaceVolumesAddCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.addVolumes] }
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Mount volumes beside the present ones; the Space restarts once.",
        discussion: """
            EXAMPLES
              stoker space volumes add owner/bot hf://buckets/owner/store:/data
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("hf://buckets/owner/name[/folder]:/mount[:ro]", valueName: "volume"))
    var volumes: [String]
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output) { calls in
            SpaceVolumesCommand.answer(
                try await calls.call(.addVolumes, on: space, [("volumes", .strings(volumes))]), .own
            ).show(output)
        }
    }
}

struct SpaceVolumesSetCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.setVolumes] }
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Mount exactly these volumes; what else is mounted goes.",
        discussion: """
            EXAMPLES
              stoker space volumes set owner/bot -v hf://buckets/owner/store:/data
            """)
    @OptionGroup var space: SpaceArgument
    @Option(
        name: [.customLong("volume"), .customShort("v")],
        help: ArgumentHelp(
            "hf://buckets/owner/name[/folder]:/mount[:ro]; may be given several times.", valueName: "volume"))
    var volumes: [String]
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            SpaceVolumesCommand.answer(
                try await calls.call(.setVolumes, on: space, [("volumes", .strings(volumes))]), .own
            ).show(output)
        }
    }
}

struct SpaceVolumesDeleteCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.deleteVolumes] }
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Unmount volumes; what is in them stays. The Space restarts once.",
        discussion: """
            EXAMPLES
              stoker space volumes delete owner/bot /data
              stoker space volumes delete owner/bot --all --yes
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: ArgumentHelp("Where it is mounted.", valueName: "path")) var paths: [String] = []
    @Flag(help: "All of them.") var all = false
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func validate() throws {
        if all == !paths.isEmpty { throw ValidationError("Give the paths to unmount, or --all.") }
    }

    func run() async throws {
        try await hub.calls(output, isSure: confirm.yes) { calls in
            SpaceVolumesCommand.answer(
                try await calls.call(.deleteVolumes, on: space, [("paths", .optional(paths)), ("all", .bool(all))]),
                .own
            ).show(output)
        }
    }
}
