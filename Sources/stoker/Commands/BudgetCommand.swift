import ArgumentParser
import Deployment
import StokerCore

struct BudgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget",
        abstract: "Count the requests a fleet costs, from outside, from the master and on the Hub.",
        discussion: """
            Examples:
              stoker budget
              stoker budget --every 3m --format json
            """)

    @OptionGroup var options: FleetOptions
    @Option(name: .customLong("every"), help: "How often the master is woken from outside.")
    var every = "5m"
    @Option(help: "auto, human, json or quiet.")
    var format: OutputFormat = .auto

    func run() async throws {
        try Terminal.run {
            guard let wakeEvery = Duration(text: every), wakeEvery >= .seconds(60) else {
                throw Failure(
                    .usage, doing: "read --every", because: "it is not a duration of a minute or more",
                    hint: "--every 5m")
            }
            let budget = Budget.compute(try options.load().fleet(), wakeEvery: wakeEvery)
            switch format {
            case .json: Terminal.out(try budget.json(wakeEvery: wakeEvery))
            case .auto, .human: Terminal.out(budget.text(wakeEvery: wakeEvery))
            case .quiet: break
            }
        }
    }
}
