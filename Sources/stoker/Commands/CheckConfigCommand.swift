import ArgumentParser
import Deployment
import StokerCore

struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Explain a fleet file: what is pinged when, what it costs, what is wrong with it.",
        discussion: """
            Problems go to standard error, one a line with file:line:column, and the status is 2. Warnings change nothing.

            Examples:
              stoker check-config
              stoker check-config other.yaml --format json
              stoker check-config --format quiet && stoker serve
            """)

    @Argument(help: "The fleet file; - reads standard input (default: as --fleet).")
    var file: String?
    @OptionGroup var options: FleetOptions
    @Option(help: "auto, human, json or quiet.")
    var format: OutputFormat = .auto
    @Flag(name: .customLong("strict"), help: "End with status 1 when there are warnings.")
    var strict = false

    func run() async throws {
        try Terminal.run {
            var options = options
            if let file { options.fleet = file }
            let source = try options.load()
            if format == .json, case .failure(let problems) = source.result {
                Terminal.out(try FleetReport.json(problems, file: source.path))
                throw ExitCode(Failure.Code.fleetInvalid.exitStatus)
            }
            let fleet = try source.fleet()
            let report = FleetReport(fleet, file: source.path)
            switch format {
            case .json: Terminal.out(try report.json())
            case .quiet: break
            case .auto, .human:
                Terminal.error(
                    ProblemText(source: source.text, name: source.path, colour: Terminal.hasColourOnError).text(
                        fleet.advice))
                Terminal.out(report.text)
            }
            if strict, !fleet.advice.isEmpty { throw ExitCode(1) }
        }
    }
}
