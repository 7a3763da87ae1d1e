import ArgumentParser
import HubClient
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

    static func answer(_ volumes: [SpaceVolume], _ id: RepoID, changed: Bool?, _ screen: Screen) -> Answer {
        var text = volumes.isEmpty ? "No volumes.\n" : ""
        if !volumes.isEmpty {
            var table = TextTable(columns: [
                .init(title: "MOUNT"), .init(title: "SOURCE", shrinksTo: 20), .init(title: "WRITING"),
            ])
            for volume in volumes {
                let inside = volume.path.map { "/\($0)" } ?? ""
                table.rows.append([
                    .init(volume.mountPath), .init("\(volume.type) \(volume.source)\(inside)"),
                    .init(volume.readOnly ?? (volume.type != "bucket") ? "no" : "yes"),
                ])
            }
            text = table.text(for: screen.look)
        }
        if let changed { text += changed ? "The Space restarts.\n" : "Nothing to do: it is as wished already.\n" }
        return Answer(
            json: [
                "space": .string("\(id)"), "volumes": .array(volumes.map(\.json)), "changed": .maybe(changed),
            ], text: text)
    }
}

struct SpaceVolumesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "What is mounted.",
        discussion: """
            EXAMPLES
              stoker space volumes list owner/bot
            """, aliases: ["ls"])
    @OptionGroup var space: SpaceArgument
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            SpaceVolumesCommand.answer(try await hub.volumes(of: id), id, changed: nil, .own).show(output)
        }
    }
}

struct SpaceVolumesAddCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let wishes = try volumes.map { VolumeChange.mount(try SpaceVolume(notation: $0)) }
        try await hub.use { hub in
            let id = try await space.id(hub)
            let result = try await hub.changeVolumes(of: id, wishes)
            SpaceVolumesCommand.answer(result.volumes, id, changed: result.changed, .own).show(output)
        }
    }
}

struct SpaceVolumesSetCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let wishes = try volumes.map { try SpaceVolume(notation: $0) }
        try await hub.use { hub in
            let id = try await space.id(hub)
            let going = try await hub.volumes(of: id).map(\.mountPath).filter { path in
                !wishes.contains { $0.mountPath == path }
            }
            if !going.isEmpty {
                try await confirm.ask(
                    "\(going.joined(separator: ", ")) of \(id) will be unmounted. Proceed?",
                    doing: "set the volumes of \(id)")
            }
            let result = try await hub.changeVolumes(of: id, [.replaceAll(wishes)])
            SpaceVolumesCommand.answer(result.volumes, id, changed: result.changed, .own).show(output)
        }
    }
}

struct SpaceVolumesDeleteCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func validate() throws {
        if all == !paths.isEmpty { throw ValidationError("Give the paths to unmount, or --all.") }
    }

    func run() async throws {
        try await hub.use { hub in
            let id = try await space.id(hub)
            let present = try await hub.volumes(of: id).map(\.mountPath)
            for path in paths where !present.contains(path) {
                throw Failure(
                    .notFound, doing: "unmount \(path.shortened) of \(id)", because: "nothing is mounted there",
                    hint: present.isEmpty ? nil : "mounted are \(present.joined(separator: ", "))")
            }
            let going = all ? present : paths
            if !going.isEmpty {
                try await confirm.ask(
                    "\(going.joined(separator: ", ")) of \(id) will be unmounted. Proceed?", doing: "unmount of \(id)")
            }
            let result = try await hub.changeVolumes(of: id, going.map { .unmount(path: $0) })
            SpaceVolumesCommand.answer(result.volumes, id, changed: result.changed, .own).show(output)
        }
    }
}
