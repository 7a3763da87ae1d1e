import ArgumentParser
import Deployment
import StokerCore

struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Explain a fleet file: what is pinged when, what it costs, what is wrong with it.",
        discussion: """
            Problems go to standard error, one a line with file:line:column, and the status is 2. Warnings change nothing.

            EXAMPLES
              stoker check-config
              stoker check-config other.yaml --format json
              stoker check-config --format quiet && stoker serve
            """)

    @Argument(help: "The fleet file; - reads standard input (default: as --fleet).", completion: .file())
    var file: String?
    @OptionGroup var options: FleetOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .customLong("strict"), help: "End with status 1 when there are warnings.")
    var strict = false

    func validate() throws {
        if file != nil, options.fleet != nil { throw ValidationError("a file and --fleet exclude each other.") }
    }

    private var format: OutputFormat { output.chosen }

    func run() async throws {
        var options = options
        if let file { options.fleet = file }
        let source = try options.load()
        if format == .json, case .failure(let problems) = source.result {
            Screen.own.write(try FleetReport.json(problems, file: source.path))
            throw ExitCode(Failure.Code.fleetInvalid.exitStatus)
        }
        let fleet = try source.fleet()
        let report = FleetReport(fleet, file: source.path)
        switch format {
        case .json: Screen.own.write(try report.json())
        case .quiet: break
        case .auto, .human:
            Screen.writeError(
                ProblemText(source: source.text, name: source.path, colour: Screen.own.errorLook.hasColour).text(
                    fleet.advice))
            Screen.own.write(report.text(for: Screen.own.look))
        }
        if strict, !fleet.advice.isEmpty { throw ExitCode(1) }
    }
}
