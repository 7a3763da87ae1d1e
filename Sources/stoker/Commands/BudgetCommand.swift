import ArgumentParser
import Deployment
import StokerCore

struct BudgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget",
        abstract: "Count the requests a fleet costs, from outside, from the master and on the Hub.",
        discussion: """
            EXAMPLES
              stoker budget
              stoker budget other.yaml
              stoker budget --every 3m --format json
            """)

    @Argument(help: "The fleet file; - reads standard input (default: as --fleet).", completion: .file())
    var file: String?
    @OptionGroup var options: FleetOptions
    @Option(name: .customLong("every"), help: "How often the master is woken from outside.")
    var every = "5m"
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if file != nil, options.fleet != nil { throw ValidationError("a file and --fleet exclude each other.") }
    }

    private var format: OutputFormat { output.chosen }

    func run() async throws {
        guard let wakeEvery = Duration(text: every), wakeEvery >= .seconds(60) else {
            throw Failure(
                .usage, doing: "read --every", because: "it is not a duration of a minute or more",
                hint: "write it like --every 5m")
        }
        var options = options
        if let file { options.fleet = file }
        let budget = Budget.compute(try options.load().fleet(), wakeEvery: wakeEvery)
        switch format {
        case .json: Screen.own.write(try budget.json(wakeEvery: wakeEvery))
        case .auto, .human: Screen.own.write(budget.text(wakeEvery: wakeEvery, look: Screen.own.look))
        case .quiet: break
        }
    }
}
