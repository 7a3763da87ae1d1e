import ArgumentParser

/// How a command writes what it has to say.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people on a terminal, the same without colour and progress elsewhere.
    case auto
    case human
    /// One JSON document on standard output; its shape is documented and only ever grows.
    case json
    /// Nothing but problems; the exit status is the answer.
    case quiet
}

/// The choice of a format, the same for every command that has one.
struct OutputOptions: ParsableArguments {
    @Option(help: "For people, as one JSON document, or nothing but the exit status.")
    var format: OutputFormat = .auto
    @Flag(help: "The same as --format json.")
    var json = false

    var chosen: OutputFormat { json ? .json : format }

    func validate() throws {
        if json, format == .human || format == .quiet {
            throw ValidationError("--json and --format \(format.rawValue) exclude each other.")
        }
    }
}
