import ArgumentParser
import Deployment
import HubClient
import Logging
import NIOHTTP1
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
        let source = try options.load()
        let fleet = try source.fleet()
        let budget = Budget.compute(fleet, wakeEvery: wakeEvery)
        let allowance = asksHub ? try await allowance(fleet, source.environment) : nil
        switch format {
        case .json: Screen.own.write(try budget.json(wakeEvery: wakeEvery, allowance: allowance))
        case .auto, .human:
            Screen.own.write(budget.text(wakeEvery: wakeEvery, look: Screen.own.look))
            if let allowance { Screen.own.write(allowance.text(look: Screen.own.look)) }
        case .quiet: break
        }
    }

    /// One small question: every answer of the Hub tells what is left.
    private func allowance(_ fleet: Fleet, _ environment: [String: String]) async throws -> HubAllowance {
        var found = try HubCredentials.find(environment: environment)
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
        let answer: Result<HubAnswer, HubFailure>
        do throws(HubFailure) {
            var request = HubRequest(
                .GET, "/api/spaces", doing: "ask the Hub what is left", query: [("limit", "1"), ("expand", "sha")])
            request.patience = .seconds(5)
            answer = .success(try await hub.send(request))
        } catch {
            answer = .failure(error)
        }
        // The command is over; that a connection did not close well is nobody's concern any more.
        try? await hub.shutdown()
        // A refusal for lack of requests is an answer to this question too.
        if case .failure(let failure) = answer, failure.kind != .throttled { throw failure.failure }
        return HubAllowance(whose: found.description, report: hub.pace.report)
    }
}
