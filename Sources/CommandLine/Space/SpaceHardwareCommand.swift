import ArgumentParser
import HubClient
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

struct SpaceHardwareListCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        if let space, let flavor {
            throw Failure(
                .usage, doing: "choose hardware for \(space.shortened)", because: "the word \"set\" is missing",
                hint: "stoker space hardware set \(space.shortened) \(flavor.shortened)")
        }
        try await hub.use { hub in
            var own: Own?
            if let space {
                let id = try await SpaceArgument.id(space, hub)
                let runtime = try await hub.runtime(of: id)
                own = Own(id: id, current: runtime.hardware, requested: runtime.requestedHardware)
            }
            let catalogue = try await hub.hardwareCatalogue()
            Self.answer(catalogue, own, .own).show(output)
        }
    }

    /// What one Space has.
    struct Own {
        var id: RepoID
        /// nil while it does not run.
        var current: String?
        var requested: String?

        var text: String {
            let wish = requested ?? "hardware the Hub does not name"
            guard let current else { return "\(id) is to run on \(wish)." }
            return current == requested || requested == nil
                ? "\(id) runs on \(current)." : "\(id) runs on \(current), and is to run on \(wish)."
        }
    }

    static func answer(_ catalogue: [SpaceHardware], _ own: Own?, _ screen: Screen) -> Answer {
        var table = TextTable(columns: [
            .init(title: "FLAVOR"), .init(title: "NAME", shrinksTo: 12), .init(title: "CPU"), .init(title: "MEMORY"),
            .init(title: "ACCELERATOR", shrinksTo: 10), .init(title: "PRICE", isRight: true),
        ])
        for offer in catalogue {
            table.rows.append([
                .init(offer.name), .init(offer.prettyName), .init(offer.cpu), .init(offer.memory),
                .init(offer.accelerator.map { "\($0.quantity) × \($0.model) (\($0.memory))" } ?? ""),
                .init(Price.text(offer)),
            ])
        }
        let list = JSONValue.array(catalogue.map(\.json))
        return Answer(
            json: own.map {
                [
                    "space": .string("\($0.id)"), "current": .maybe($0.current), "requested": .maybe($0.requested),
                    "hardware": list,
                ]
            } ?? ["hardware": list],
            text: table.text(for: screen.look) + (own.map { $0.text.printable + "\n" } ?? "")
                + screen.paint(
                    "Billed by the minute while a Space starts or runs, used or not; sleep, pause and builds are free.\n",
                    .dim))
    }
}

enum Price {
    static func text(_ offer: SpaceHardware) -> String {
        guard let dollars = offer.dollarsPerHour else { return "–" }
        return dollars == 0 ? "free" : "$\(hundredths(dollars))/h"
    }

    static func hundredths(_ dollars: Double) -> String {
        let cents = Int((dollars * 100).rounded())
        return "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    }
}

extension SpaceHardware {
    var json: JSONValue {
        let accelerator: JSONValue =
            accelerator.map {
                [
                    "type": .string($0.type), "model": .string($0.model), "quantity": .string($0.quantity),
                    "memory": .string($0.memory),
                ]
            } ?? .null
        return [
            "flavor": .string(name), "name": .string(prettyName), "cpu": .string(cpu), "memory": .string(memory),
            "disk": .maybe(disk), "accelerator": accelerator,
            // Micro-dollars a minute do not fit hundredths; four digits do.
            "dollars_per_hour": .maybe(dollarsPerHour.map { ($0 * 10_000).rounded() / 10_000 }),
        ]
    }
}

struct SpaceHardwareSetCommand: AsyncParsableCommand {
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
    @OptionGroup var hub: HubOptions

    func run() async throws {
        let seconds = try sleepTime.map { try SleepTime.seconds($0) }
        try await hub.use { hub in
            let id = try await space.id(hub)
            let catalogue = try await hub.hardwareCatalogue()
            guard let offer = catalogue.first(where: { $0.name == flavor }) else {
                let near = NearestName.of(flavor, among: catalogue.map(\.name)).map { "did you mean \($0)? " } ?? ""
                throw Failure(
                    .usage, doing: "request \(flavor.shortened) for \(id)", because: "the Hub has no such hardware",
                    hint: near + "`stoker space hardware` lists it")
            }
            if offer.dollarsPerHour != 0 {
                try await confirm.ask(
                    "\(flavor) costs \(Price.text(offer)) while \(id) runs. Request it?",
                    doing: "request \(flavor) for \(id)")
            }
            let runtime = try await hub.requestHardware(of: id, flavor: flavor, sleepSeconds: seconds)
            SpaceAnswer.runtime(runtime, id).show(output)
            Progress(output).next(after: id, runtime)
        }
    }
}
