import ArgumentParser
import Operations
import StokerCore

struct SpaceHardwareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hardware", abstract: "Show what hardware there is and what it costs, or choose it.",
        discussion: """
            EXAMPLES
              stoker space hardware
              stoker space hardware owner/bot
              stoker space hardware set owner/bot cpu-upgrade
              stoker space hardware set owner/bot t4-small --sleep-time 30m --yes
            """,
        subcommands: [SpaceHardwareListCommand.self, SpaceHardwareSetCommand.self],
        defaultSubcommand: SpaceHardwareListCommand.self)
}

struct SpaceHardwareListCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.listHardware, .spaceHardware] }
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The Hub's catalogue, with prices by the hour, and what a Space has of it.",
        discussion: """
            EXAMPLES
              stoker space hardware list
              stoker space hardware list owner/bot
            """, aliases: ["ls"])
    @Argument(help: "A Space, to see what it runs on.") var space: String?
    // Taken only to say how it is done.
    @Argument(help: .hidden) var flavor: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        if let space, let flavor {
            throw Failure(
                .usage, doing: "choose hardware for \(space.shortened)", because: "the word \"set\" is missing",
                hint: "stoker space hardware set \(space.shortened) \(flavor.shortened)")
        }
        try await hub.calls(output) { calls in
            let answer =
                if let space {
                    try await calls.call(.spaceHardware, on: try await calls.name(space))
                } else {
                    try await calls.call(.listHardware, [])
                }
            Self.answer(answer, .own).show(output)
        }
    }

    /// What one Space has; nil when none was asked for.
    private static func own(_ answer: JSONValue) -> String? {
        guard let space = answer["space"]?.string else { return nil }
        let requested = answer["requested"]?.string
        let wish = requested ?? "hardware the Hub does not name"
        guard let current = answer["current"]?.string else { return "\(space) is to run on \(wish)." }
        return current == requested || requested == nil
            ? "\(space) runs on \(current)." : "\(space) runs on \(current), and is to run on \(wish)."
    }

    static func answer(_ answer: JSONValue, _ screen: Terminal) -> CommandOutput {
        var table = TextTable(columns: [
            .init(title: "FLAVOR"), .init(title: "NAME", shrinksTo: 12), .init(title: "CPU"), .init(title: "MEMORY"),
            .init(title: "ACCELERATOR", shrinksTo: 10), .init(title: "PRICE", isRight: true),
        ])
        for offer in answer["hardware"]?.array ?? [] {
            func text(_ name: String, of value: JSONValue? = nil) -> String { (value ?? offer)[name]?.string ?? "" }
            // `nil` would be a JSON null here.
            let accelerator = offer["accelerator"].flatMap { $0.isNull ? JSONValue?.none : $0 }
            table.rows.append([
                .init(text("flavor")), .init(text("name")), .init(text("cpu")), .init(text("memory")),
                .init(
                    accelerator.map {
                        "\(text("quantity", of: $0)) × \(text("model", of: $0)) (\(text("memory", of: $0)))"
                    } ?? ""), .init(Price.text(offer["dollars_per_hour"]?.double)),
            ])
        }
        return CommandOutput(
            json: answer,
            text: table.text(for: screen.look) + (own(answer).map { $0.printable + "\n" } ?? "")
                + screen.paint(
                    "Billed by the minute while a Space starts or runs, used or not; sleep, pause and builds are free.\n",
                    .dim))
    }
}

struct SpaceHardwareSetCommand: OperationCommand {
    static var operations: [Operations.Operation] { [.setHardware] }
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Run a Space on other hardware; it restarts.",
        discussion: """
            Hardware that costs something is asked for with its price.

            EXAMPLES
              stoker space hardware set owner/bot cpu-basic
              stoker space hardware set owner/bot t4-small --sleep-time 30m
            """)
    @OptionGroup var space: SpaceArgument
    @Argument(help: "A flavor of the catalogue.") var flavor: String
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Put it to sleep after so long without a visit; never keeps it awake.", valueName: "duration"))
    var sleepTime: String?
    @OptionGroup var confirm: ConfirmOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var hub: SpaceHubOptions

    func run() async throws {
        if let sleepTime { _ = try SleepTime.seconds(sleepTime) }
        try await hub.calls(output, isSure: confirm.yes) { calls in
            let answer = try await calls.call(
                .setHardware, on: space, [("flavor", .string(flavor)), ("sleep_time", .maybe(sleepTime))])
            SpaceAnswer.runtime(answer).show(output)
            calls.showNextStep(after: answer)
        }
    }
}
