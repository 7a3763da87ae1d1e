import ArgumentParser
import HubClient
import Operations
import StokerCore

struct SpaceSettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Choose who sees a Space, and when it sleeps.",
        discussion: """
            Hardware, which may cost something, is chosen with `stoker space hardware set`.

            EXAMPLES
              stoker space settings owner/bot --private
              stoker space settings owner/bot --protected --sleep-time 1h
            """)
    @OptionGroup var space: SpaceArgument
    @Flag(name: .customLong("private"), help: "Only you see it.") var isPrivate = false
    @Flag(name: .customLong("public"), help: "Everybody sees it, its code too; asks.") var isPublic = false
    @Flag(name: .customLong("protected"), help: "Everybody may use the app, only you see the code (paid plans).")
    var isProtected = false
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Put it to sleep after so long without a visit, or never.", valueName: "duration"))
    var sleepTime: String?
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: HubOptions

    private var visibility: RepoVisibility? {
        isPrivate ? .private : isPublic ? .public : isProtected ? .protected : nil
    }

    func validate() throws {
        if [isPrivate, isPublic, isProtected].count(where: { $0 }) > 1 {
            throw ValidationError("--private, --public and --protected exclude each other.")
        }
        if visibility == nil, sleepTime == nil {
            throw ValidationError("Name what is to be set: --private, --public, --protected or --sleep-time.")
        }
    }

    func run() async throws {
        let seconds = try sleepTime.map { try SleepTime.seconds($0) }
        try await hub.use { hub in
            let id = try await space.id(hub)
            var json: [JSONValue.Member] = [.init("space", .string("\(id)"))]
            var text = ""
            var isKept = true
            if let visibility {
                // All of it: of the fields alone, `private` is said of protected ones too.
                let before = try await hub.info(of: id)
                let isSame = before.seen == visibility.rawValue
                if !isSame {
                    if visibility == .public {
                        try await confirm.ask(
                            "Everybody will see \(id) with its code and history. Proceed?", doing: "make \(id) public")
                    }
                    try await hub.change(id, RepoSettings(visibility: visibility))
                }
                text += "\(id) is \(visibility)\(isSame ? " already" : "")\n"
                json += [.init("visibility", .string(visibility.rawValue)), .init("changed", .bool(!isSame))]
            }
            if let seconds {
                let runtime = try await hub.setSleepTime(of: id, seconds: seconds)
                let note = SleepTime.note(runtime, wished: seconds)
                isKept = note == nil
                text += SpaceAnswer.runtime(runtime, id, note: note).text
                json += [.init("sleep_seconds", .maybe(runtime.sleepSeconds)), .init("note", .maybe(note))]
            }
            Answer(json: .object(json), text: text).show(output)
            if !isKept { throw ExitCode(1) }
        }
    }
}
