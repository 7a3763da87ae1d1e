import ArgumentParser
import Operations
import StokerCore

struct CheckConfigCommand: OperationCommand {
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

    static var operations: [Operations.Operation] { [.checkConfig] }

    func run() async throws {
        var options = options
        if let file { options.fleet = file }
        let text = try options.read()
        let report = try await perform(.checkConfig, [("fleet_file", text.json)], output: output)
        let screen = Terminal.own
        let format = output.chosen
        if format == .json { screen.write(report.prettyText) }
        guard report["valid"] == true else {
            if format != .json { screen.tell(report, of: text) }
            throw ExitCode(Failure.Code.fleetInvalid.exitStatus)
        }
        let warnings = (report["warnings"]?.array ?? []).map { ProblemPrinter.Line($0) }
        if format == .auto || format == .human {
            Terminal.writeError(ProblemPrinter(text, screen).warnings(warnings))
            screen.write(FleetReportText.text(report, look: screen.look))
        }
        if strict, !warnings.isEmpty { throw ExitCode(1) }
    }
}
