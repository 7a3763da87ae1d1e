import ArgumentParser
import HubClient
import Logging
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
        guard let wakeEvery = Duration(text: every), wakeEvery >= .seconds(60) else {
            throw Failure(
                .usage, doing: "read --every", because: "it is not a duration of a minute or more",
                hint: "write it like --every 5m")
        }
        var options = options
        if let file { options.fleet = file }
        let server = try remote.client()
        let text = server == nil ? try options.read() : nil
        let budget = try await perform(.budget, [("every", .string(every))], on: text, at: server, output: output)
        let allowance = asksHub ? try await allowance(text, server) : nil
        let screen = Terminal.own
        switch output.chosen {
        case .json:
            screen.write(
                budget.adding(allowance.map { [.init("hub_left", $0.answer["windows"] ?? .null)] } ?? []).prettyText)
        case .auto, .human:
            screen.write(BudgetText.text(budget, look: screen.look))
            if let allowance {
                screen.write(BudgetText.allowance(allowance.answer, whose: allowance.whose, look: screen.look))
            }
        case .quiet: break
        }
    }

    /// One small question: every answer of the Hub tells what is left.
    private func allowance(
        _ text: FleetText?, _ server: ServerClient?
    ) async throws -> (answer: JSONValue, whose: String) {
        if let server {
            return (
                try await perform(.hubAllowance, on: nil, at: server, output: output), "the account of \(server.base)"
            )
        }
        guard let text else { return (.null, "") }  // without a server it was read
        let fleet = try text.read().get()
        var found = try HubCredentials.find(environment: try text.environment().variables)
        if !found.isEndpointOwn, fleet.hub.endpoint != found.endpoint {
            // The login of the official command line is for the public Hub, not for whatever a file names.
            found.token = fleet.hub.token
            found.origin = fleet.hub.token.map { _ in "the fleet file or HF_TOKEN" }
            found.storedName = nil
            found.endpoint = fleet.hub.endpoint
        }
        let hub = Hub(
            found.settings(agent: "stoker/\(Version.current)"),
            logger: Logger(label: "hub") { _ in SwiftLogNoOpLogHandler() })
        let answer: Result<JSONValue, Failure>
        do throws(Failure) {
            answer = .success(try await perform(.hubAllowance, [], in: .ofThisProcess(hub), output: output))
        } catch {
            answer = .failure(error)
        }
        // The command is over; that a connection did not close well is nobody's concern any more.
        try? await hub.shutdown()
        return (try answer.get(), found.description)
    }
}
