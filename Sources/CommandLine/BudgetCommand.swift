import ArgumentParser
import Operations
import StokerCore

struct BudgetCommand: OperationCommand {
    static let configuration = CommandConfiguration(
        commandName: "budget",
        abstract: "Count the requests a fleet costs, from outside, from the master and on the Hub.",
        discussion: """
            EXAMPLES
              stoker budget
              stoker budget other.yaml
              stoker budget --every 3m --format json
              stoker budget --hub     (asks the Hub once what your account has left)
            """)

    @Argument(help: "The fleet file; - reads standard input (default: as --fleet).", completion: .file())
    var file: String?
    @OptionGroup var options: FleetOptions
    @Option(name: .customLong("every"), help: "How often the master is woken from outside.")
    var every = "5m"
    @Flag(
        name: .customLong("hub"),
        help:
            "Ask the Hub what is left of your account's requests. Costs one; the token is that of HF_TOKEN or `hf auth login`."
    )
    var asksHub = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if file != nil, options.fleet != nil { throw ValidationError("a file and --fleet exclude each other.") }
        try remote.exclude(options, file: file)
    }

    static var operations: [Operations.Operation] { [.budget, .hubAllowance] }

    func run() async throws {
        var options = options
        if let file { options.fleet = file }
        let server = try remote.client()
        let text = server == nil ? try options.read() : nil
        let budget = try await perform(.budget, [("every", .string(every))], on: text, at: server, output: output)
        var allowance: JSONValue?
        if asksHub { allowance = try await perform(.hubAllowance, on: text, at: server, output: output) }
        let screen = Terminal.own
        switch output.chosen {
        case .json:
            screen.write(
                budget.adding(allowance.map { [.init("hub_left", $0["windows"] ?? .null)] } ?? []).prettyText)
        case .auto, .human:
            screen.write(BudgetText.text(budget, look: screen.look))
            if let allowance {
                screen.write(BudgetText.allowance(allowance, server: server?.base, look: screen.look))
            }
        case .quiet: break
        }
    }
}
