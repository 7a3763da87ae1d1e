import ArgumentParser
import Operations
import StokerCore

struct SpaceSettingsCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.spaceSettings] }
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
    @OptionGroup var hub: SpaceHubOptions

    private var visibility: String? {
        isPrivate ? "private" : isPublic ? "public" : isProtected ? "protected" : nil
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
        if let sleepTime { _ = try SleepTime.seconds(sleepTime) }
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let answer = try await calls.call(
                .spaceSettings, on: space, [("visibility", .maybe(visibility)), ("sleep_time", .maybe(sleepTime))])
            var text = ""
            if let visibility = answer["visibility"]?.string {
                text +=
                    "\(answer["space"]?.string ?? "") is \(visibility)\(answer["changed"] == true ? "" : " already")\n"
            }
            let note = answer["note"]?.string
            if let runtime = answer["runtime"] {
                text += SpaceAnswer.runtime(runtime).text + (note.map { "  \($0.printable)\n" } ?? "")
            }
            CommandOutput(json: answer, text: text).show(output)
            if note != nil { throw ExitCode(1) }
        }
    }
}
